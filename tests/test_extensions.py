"""The same pickle under every name that anybody gives to models: found each time, alone and in a folder.

The founding study put one pickle under nine extensions, and scanners that go by the name missed most of them.
"""

from pathlib import Path

import pytest

from modelairlock import scan
from modelairlock.catalog import catalog
from modelairlock.reading import Format
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Subject, Verdict
from tests.build.sample import evil

#: what the study used, what hubs show, and every extension that some format of the house promises
EXTENSIONS = sorted(
    {
        "", ".pkl", ".bin", ".json", ".skops", ".keras", ".pt", ".onnx", ".h5", ".txt", ".gguf", ".safetensors", ".pb",
        ".tflite", ".npy", ".npz", ".jinja", ".md", ".py", ".yaml", ".zip", ".tar", ".png", ".model", ".dat", ".ckpt",
        ".index", ".xml", ".ort", ".engine", ".mlmodel", ".joblib", ".7z", ".so", ".csv", ".log",
    }
    | {extension for known in catalog("modelairlock.formats", Format) for extension in known.extensions}
)  # fmt: skip


def found(subject: Subject) -> bool:
    """Whether the report says what the pickle would do."""
    return any(
        finding.rule == "runs-harmful-code" and finding.severity is Severity.CRITICAL
        for one in subject.walk()
        for finding in one.findings
    )


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_is_found_under_every_extension_in_a_folder(protocol: int, tmp_path: Path) -> None:
    for extension in EXTENSIONS:
        (tmp_path / f"model{extension}").write_bytes(evil(protocol=protocol))
    subjects = scan(tmp_path, cache=False).subjects
    missed = [subject.path for subject in subjects if not found(subject) or subject.verdict is not Verdict.FLAGGED]
    assert len(subjects) == len(EXTENSIONS)
    assert not missed


@pytest.mark.parametrize("extension", ["", ".txt", ".json", ".onnx", ".h5", ".keras", ".gguf", ".safetensors"])
def test_and_alone(extension: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{extension}"
    path.write_bytes(evil())
    [subject] = scan(path, cache=False).subjects
    assert found(subject)
