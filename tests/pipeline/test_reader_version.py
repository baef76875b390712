"""Facts are forgotten when anything changes that they depend on."""

import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

import modelairlock
from modelairlock.pipeline import READ
from modelairlock.pipeline.reader_version import FILES, FOLDERS, reader_version

PACKAGE = Path(modelairlock.__file__).parent


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package that the version is taken of."""
    shutil.copytree(PACKAGE, tmp_path / "modelairlock", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(modelairlock, "__file__", str(tmp_path / "modelairlock" / "__init__.py"))
    return tmp_path / "modelairlock"


def version() -> str:
    return reader_version.__wrapped__()


@pytest.mark.parametrize("changed", ["formats/pickle.py", "encodings/pickle_machine/memo.py", "reading.py"])
def test_a_mend_of_a_reader_makes_another_version(copy: Path, changed: str) -> None:
    before = version()
    assert version() == before
    (copy / changed).write_bytes((copy / changed).read_bytes() + b"\n")
    assert version() != before


def test_a_new_format_makes_another_version_and_a_rule_does_not(copy: Path) -> None:
    before = version()
    (copy / "rules" / "new.py").write_bytes(b"")
    assert version() == before
    (copy / "formats" / "new.py").write_bytes(b"")
    assert version() != before


def test_another_library_makes_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = version()
    monkeypatch.setattr(zlib, "ZLIB_RUNTIME_VERSION", "0")
    assert version() != before


def test_without_sources_there_is_no_version(copy: Path) -> None:
    shutil.rmtree(copy / "formats")
    with pytest.raises(FileNotFoundError):
        version()


def test_all_that_the_worker_imports_is_in_it() -> None:
    code = (
        f"import sys; import {READ.partition(':')[0]}; "
        "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('modelairlock')), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = {Path(line).relative_to(PACKAGE).as_posix() for line in done.stdout.splitlines()}
    covered = {name for name in imported if name in FILES or name.split("/")[0] in FOLDERS}
    assert imported - covered == {"__init__.py", "pipeline/__init__.py"}
