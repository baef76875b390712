"""The corpus through the front door: nothing of it is clear, and what runs code is flagged.

All samples are scanned at once, each in a folder of its own, because starting a walled-in worker costs more than
reading most of them. Whoever wants one alone: ``pytest tests/test_corpus.py -k NAME`` scans only what was selected.
"""

import re
from pathlib import Path

import pytest

import modelairlock
from tests.build.corpus import SAMPLES
from tests.build.sample import Sample

ROWS = {f"P{number}" for number in range(1, 22)} | {f"C{number}" for number in range(1, 15)}


def test_every_row_of_the_catalogue_has_a_sample() -> None:
    assert not ROWS - {sample.technique for sample in SAMPLES}


def test_names_are_unique_and_usable() -> None:
    names = [sample.name for sample in SAMPLES]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[\w.-]+", name) for name in names)


def test_what_executes_names_its_loader_and_has_to_be_flagged() -> None:
    for sample in SAMPLES:
        assert sample.executes == bool(sample.loader), sample.name
        assert sample.expects == "flagged" or (sample.expects == "not-clear" and not sample.executes), sample.name


def test_the_payload_is_inert() -> None:
    """A sample is the same file every time, and asks for another command only where it is given one."""
    for sample in SAMPLES[::25]:
        assert sample.build() == sample.build()
        assert b"touch" not in sample.build()


@pytest.fixture(scope="module")
def verdicts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The verdict on each selected sample, by name."""
    folder = tmp_path_factory.mktemp("corpus")
    selected = {item.callspec.params["sample"] for item in request.session.items if "verdicts" in item.fixturenames}
    for sample in selected:
        place = folder / sample.name
        place.mkdir()
        (place / sample.file_name).write_bytes(sample.build())
    record = modelairlock.scan(folder)
    found: dict[str, str] = {}
    for subject in record.subjects:
        parts = set(Path(subject.path).parts)
        for sample in selected:
            if sample.name in parts:
                found[sample.name] = f"{subject.verdict.value}: {[finding.rule for finding in subject.findings]}"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_the_verdict(sample: Sample, verdicts: dict[str, str]) -> None:
    assert sample.name in verdicts, "no subject of the scan stands for this file"
    verdict = verdicts[sample.name].split(":")[0]
    assert verdict != "clear", f"{sample.name} ({sample.technique}) is called clear"
    if sample.expects == "flagged":
        assert verdict == "flagged", (
            f"{sample.name} ({sample.technique}) runs code in {sample.loader}: {verdicts[sample.name]}"
        )
