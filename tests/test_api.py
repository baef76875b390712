"""The public API: what is promised, and that importing it costs next to nothing."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import modelairlock
from modelairlock import AirlockError, Limits, ScanRecord, Verdict
from modelairlock.pipeline import scan as pipeline_scan
from tests.pipeline.stand_in import FUNCTION

ROOT = Path(__file__).resolve().parent.parent
PROMISED = [
    "AirlockError", "Because", "Finding", "Gap", "Limits", "ScanRecord", "Severity", "Subject", "Verdict",
    "__version__", "scan",
]  # fmt: skip


def fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_is_promised() -> None:
    assert modelairlock.__all__ == PROMISED
    assert dir(modelairlock) == sorted(PROMISED)
    for name in PROMISED:
        assert getattr(modelairlock, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = modelairlock.nothing


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert modelairlock.__version__ == project["version"], "set __version__ in src/modelairlock/__init__.py"


def test_importing_it_imports_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import modelairlock; dir(modelairlock); modelairlock.__version__;"
        "print(sorted(set(sys.modules) - before))"
    )
    assert fresh(code) == "['modelairlock']"


def test_a_name_imports_only_what_it_needs() -> None:
    code = "import sys; from modelairlock import Verdict; print('modelairlock.pipeline' in sys.modules)"
    assert fresh(code) == "False"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pipeline_scan, "READ", FUNCTION)
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    return path


def test_scan_takes_one_place_or_several(model: Path) -> None:
    for sources in (model, str(model), [model], (str(model), model)):
        record = modelairlock.scan(sources, jobs=1, limits=Limits(depth=3))
        assert isinstance(record, ScanRecord)
        assert record.verdict is Verdict.CLEAR
        assert {subject.path for subject in record.subjects} == {str(model)}


def test_scan_refuses_options_it_does_not_have(model: Path) -> None:
    with pytest.raises(TypeError):
        modelairlock.scan(model, unsafe=True)
    with pytest.raises(AirlockError):
        modelairlock.scan(model, jobs=0)
