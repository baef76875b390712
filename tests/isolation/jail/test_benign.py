"""Honest models: loaded to the end, and nothing is seen that would have to be explained away."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from modelairlock.isolation.jail import Job, loading
from modelairlock.isolation.jail.answers import opened_null
from modelairlock.records.isolation import LAYERS, Level
from modelairlock.records.jail import JailLimits, Outcome
from tests.isolation.jail.world import INTERPRETER, MODES, WHO, load

pytestmark = [pytest.mark.jail, pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")]

PLAIN = {
    "numbers": "{'a': [1, 2.5, None], 'b': b'x' * 1000}",
    "dates": "__import__('datetime').datetime(2026, 1, 1)",
    "decimal": "__import__('decimal').Decimal('1.5')",
    "ordered": "__import__('collections').OrderedDict(a=1)",
    "fraction": "__import__('fractions').Fraction(1, 3)",
    "uuid": "__import__('uuid').UUID(int=1)",
    "path": "__import__('pathlib').PurePosixPath('/etc')",
}


def quiet(result) -> None:
    assert result.outcome is Outcome.COMPLETED, (result.detail, result.output, result.events)
    assert result.events == ()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("name", PLAIN)
def test_plain_data(name, who, mode) -> None:
    made = subprocess.check_output(
        [INTERPRETER, "-c", f"import pickle, sys; sys.stdout.buffer.write(pickle.dumps({PLAIN[name]}))"]
    )
    result = load(made, who=who, mode=mode)
    quiet(result)
    assert result.level is Level(mode)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_thrown_away_is_not_written(mode) -> None:
    source = "import os\nwith open(os.devnull, 'w') as file: print(file.write('x' * 9))\nos.open(os.devnull, os.O_RDWR)"
    result = load(source, mode=mode)
    quiet(result)
    assert result.output.split() == ["9"]
    other = load("import os\nos.open(os.devnull, os.O_RDWR | os.O_CREAT | os.O_EXCL)", mode=mode)
    assert [one.action for one in other.events] == ["EACCES"]


@pytest.mark.parametrize("mode", MODES)
def test_a_function_that_c_may_call(mode) -> None:
    quiet(load("import ctypes\nprint(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(abs)(-7))", mode=mode))


def test_only_the_device_itself_throws_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.close(opened_null())
    (tmp_path / "null").write_text("")
    monkeypatch.setattr(os, "devnull", str(tmp_path / "null"))
    with pytest.raises(OSError, match="not the null device"):
        opened_null()
    monkeypatch.setattr(os, "devnull", "/dev/zero")
    with pytest.raises(OSError, match="not the null device"):
        opened_null()


@pytest.mark.frameworks
def test_what_a_library_asks_of_the_machine_starts_no_program() -> None:
    """joblib and the like import `platform`; what it starts at the first question was started before the lock."""
    pytest.importorskip("joblib")
    source = "import platform\nplatform.platform(); platform.processor()"
    quiet(load(source, job=with_packages("joblib.load", "joblib", "strict")))


def with_packages(loader: str, package: str, mode: str):
    """The tests' own environment, or its packages in the system's Python: root's home may be closed to others."""

    def job(fd: int) -> Job:
        made = loading(loader, fd)
        if mode == "strict":
            return made
        packages = str(Path(sys.modules[package].__file__).parent.parent)
        return msgspec.structs.replace(made, interpreter=INTERPRETER, import_from=(packages,))

    return job


FRAMEWORKS = {
    "array": ("numpy.load", "numpy", "numpy.save(path, numpy.arange(1000.0).reshape(10, 100))", ".npy"),
    "objects": ("numpy.load", "numpy", "numpy.save(path, numpy.array([1, 'a', None], dtype=object))", ".npy"),
    "archive": ("numpy.load", "numpy", "numpy.savez_compressed(path, a=numpy.ones(10))", ".npz"),
    "joblib": ("joblib.load", "joblib", "joblib.dump({'a': __import__('numpy').ones(1000)}, path)", ".joblib"),
    "forest": (
        "joblib.load",
        "joblib",
        "joblib.dump(__import__('sklearn.ensemble').ensemble.RandomForestClassifier(5).fit([[0], [1]], [0, 1]), path)",
        ".joblib",
    ),
    "state": ("torch.load", "torch", "torch.save({'w': torch.ones(100, 100), 'b': torch.zeros(3)}, path)", ".pt"),
    "module": ("torch.load", "torch", "torch.save(torch.nn.Sequential(torch.nn.Linear(3, 4)), path)", ".pt"),
    "old": (
        "torch.load",
        "torch",
        "torch.save({'w': torch.ones(9)}, path, _use_new_zipfile_serialization=False)",
        ".pt",
    ),
    "keras": (
        "keras.load_model",
        "keras",
        "keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)",
        ".keras",
    ),
    "keras_h5": (
        "keras.load_model",
        "keras",
        "keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)",
        ".h5",
    ),
}


def test_wishes_of_libraries_are_refused_and_are_no_attempts() -> None:
    source = "import os\ntry: os.sched_setaffinity(0, [0])\nexcept OSError as e: print(e.errno)"
    result = load(source)
    quiet(result)
    assert result.output == "1\n"


@pytest.mark.frameworks
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_frameworks(name, mode, tmp_path) -> None:
    loader, package, code, suffix = FRAMEWORKS[name]
    pytest.importorskip(package)
    path = tmp_path / f"model{suffix}"
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run(
        [sys.executable, "-c", f"import {package}; path = {str(path)!r}; {code}"], check=True, env=environment
    )
    result = load(
        path.read_bytes(),
        mode=mode,
        limits=JailLimits(),
        job=with_packages(loader, package, mode),
        enabled_layers=MODES.get(mode, LAYERS),
    )
    quiet(result)
    assert result.level is Level(mode)
