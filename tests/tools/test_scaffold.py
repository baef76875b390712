"""`make format` and `make rule` give files that import, pass the linters, and fail their own test with advice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tools.scaffold import Refused, write

ROOT = Path(__file__).resolve().parent.parent.parent


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    # the copy comes before the installed package
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name", "advice"),
    [
        ("format", "flatweights", "build a small file of the format here"),
        ("rule", "opens-a-door", "state here the fact"),
        ("format", "f" * 41, "build a small file of the format here"),
        ("rule", "does-what-takes-ever-so-many-words-to-say", "state here the fact"),
    ],
)
def test_what_is_written_imports_and_fails_with_advice(kind: str, name: str, advice: str, tmp_path: Path) -> None:
    for folder in ("src", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    source, test = write(kind, name, tmp_path)

    for tool in (["ruff", "format", "--check"], ["ruff", "check"]):
        linted = run(tmp_path, "-m", *tool, str(source), str(test))
        assert linted.returncode == 0, linted.stdout + linted.stderr

    tested = run(tmp_path, "-m", "pytest", "-p", "no:xdist", f"--basetemp={tmp_path}/pytest", str(test))
    assert tested.returncode == 1, tested.stdout + tested.stderr
    assert advice in tested.stdout
    assert "Error" not in tested.stdout.replace("AssertionError", ""), tested.stdout


@pytest.mark.parametrize("kind", ["format", "rule"])
def test_what_is_written_is_python_and_says_what_to_replace(kind: str, tmp_path: Path) -> None:
    source, test = write(kind, "New-Name", tmp_path)
    assert (source.name, test.name) == ("new_name.py", "test_new_name.py")
    for path in (source, test):
        compile(path.read_text("utf-8"), str(path), "exec")
        assert "@" not in path.read_text("utf-8").replace("@pytest", "")
    assert "REPLACE" in source.read_text("utf-8")


@pytest.mark.parametrize(("kind", "example"), [("format", "tflite"), ("rule", "runs-shell")])
def test_a_name_that_cannot_be_a_file_is_refused(kind: str, example: str, tmp_path: Path) -> None:
    for name in ("", "../up", "9lives", "a b", "a" * 42):
        with pytest.raises(Refused, match=f"make {kind} NAME={example}$"):
            write(kind, name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    write("rule", "opens-a-door", tmp_path)
    with pytest.raises(Refused, match="is there already"):
        write("rule", "opens_a_door", tmp_path)
