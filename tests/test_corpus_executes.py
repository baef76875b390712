"""Proof that the samples said to execute do: the real loader opens each in a bare process, with a harmless command.

The payload is ``touch canary`` in an empty folder; the file is there afterwards or the corpus lies. This is the one
test that lets loaders run what the corpus holds, hence the mark `jail`. Samples for libraries run where those are
importable: in the interpreter named by ``MODELAIRLOCK_FRAMEWORKS_PYTHON``, in ``.venv-frameworks`` or in this one.
"""

import functools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.build.corpus import SAMPLES
from tests.build.sample import Sample

_READ = "import sys; path = sys.argv[1]\n"
_TORCH = _READ + "import torch; "
#: what each `Sample.loader` stands for; the file's path is the only argument
LOADERS = {
    "pickle.load": _READ + "import pickle; pickle.load(open(path, 'rb'))",
    "pickle.load(unbuffered)": _READ + "import pickle; pickle.load(open(path, 'rb', 0))",
    "pickle.load(BytesIO)": _READ + "import io, pickle; pickle.load(io.BytesIO(open(path, 'rb').read()))",
    "pickle.loads": _READ + "import pickle; pickle.loads(open(path, 'rb').read())",
    "pickle._load": _READ + "import pickle; pickle._load(open(path, 'rb'))",
    "pickle.load(again)": _READ + "import pickle\nwith open(path, 'rb') as f:\n    while True: pickle.load(f)",
    "pickle.load(buffers)": _READ + "import pickle; pickle.load(open(path, 'rb'), buffers=[b'', b''])",
    "pickle.load(persistent)": _READ
    + "import pickle\nclass U(pickle.Unpickler):\n    persistent_load = print\nU(open(path, 'rb')).load()",
    "runpy.run_path": _READ + "import runpy; runpy.run_path(path)",
    "marshal.loads": _READ + "import marshal; eval(marshal.loads(open(path, 'rb').read()))",
    "numpy.load": _READ + "import numpy; numpy.load(path, allow_pickle=True)",
    "numpy.load(again)": _READ
    + "import numpy\nwith open(path, 'rb') as f:\n    while True: numpy.load(f, allow_pickle=True)",
    "numpy.load(npz)": _READ
    + "import numpy\nwith numpy.load(path, allow_pickle=True) as f:\n    [f[key] for key in f]",
    "joblib.load": _READ + "import joblib; joblib.load(path)",
    "pandas.read_pickle": _READ + "import pandas; pandas.read_pickle(path)",
    "torch.load": _TORCH + "torch.load(path, weights_only=False)",
    "torch.jit.load": _TORCH + "torch.jit.load(path)",
    "torch.package": _TORCH
    + "from torch.package import PackageImporter; PackageImporter(path).load_pickle('model', 'model.pkl')",
    "torch.package(data.evil)": _TORCH
    + "from torch.package import PackageImporter; PackageImporter(path).import_module('data.evil')",
}
#: the version on which nothing is skipped: gadgets come and go with Python
_PROVEN = (3, 11)
_LIBRARIES = {"numpy": "numpy", "joblib": "joblib", "pandas": "pandas", "torch": "torch"}


def _library(sample: Sample) -> str:
    """The framework that has to be importable, or ``""``."""
    loader = sample.loader.split(".")[0]
    return _LIBRARIES.get(sample.needs, _LIBRARIES.get(loader, ""))


def _interpreter(library: str) -> str:
    if not library:
        return sys.executable
    beside = Path(__file__).parent.parent / ".venv-frameworks/bin/python"
    return os.environ.get("MODELAIRLOCK_FRAMEWORKS_PYTHON") or (str(beside) if beside.exists() else sys.executable)


@functools.cache
def _importable(interpreter: str, module: str) -> bool:
    # a real import: some platforms ship a module that cannot be imported (tkinter without its library)
    done = subprocess.run([interpreter, "-I", "-c", f"import {module}"], capture_output=True, timeout=120)
    return done.returncode == 0


def _run(sample: Sample, folder: Path) -> tuple[bool, str]:
    """Whether the canary appeared, and what the loader said."""
    path = folder / sample.file_name
    path.write_bytes(sample.build("touch canary"))
    command = [_interpreter(_library(sample)), "-I", "-c", LOADERS[sample.loader], str(path)]
    done = subprocess.run(
        command, cwd=folder, env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        timeout=120, check=False,
    )  # fmt: skip
    canary = folder / "canary"
    # some gadgets do not wait for what they start
    for _ in range(20):
        if canary.exists():
            break
        time.sleep(0.05)
    return canary.exists(), done.stderr[-800:]


def _parameters(frameworks: bool) -> list[Sample]:
    return [sample for sample in SAMPLES if sample.executes and bool(_library(sample)) is frameworks]


def _check(sample: Sample, folder: Path) -> None:
    interpreter = _interpreter(_library(sample))
    for module in {sample.needs, _library(sample)} - {""}:
        if not _importable(interpreter, module):
            pytest.skip(f"{module} cannot be imported here")
    if sys.version_info[:3] >= sample.fixed_in:
        pytest.skip(f"closed in Python {sample.fixed_in}")
    ran, said = _run(sample, folder)
    if not ran and sys.version_info[:2] != _PROVEN and ("Can't get attribute" in said or "No module named" in said):
        pytest.skip("the gadget is not in this version of Python")
    assert ran, f"{sample.name}: {sample.loader} did not run the payload\n{said}"


@pytest.mark.jail
@pytest.mark.skipif(sys.platform == "win32", reason="the payload is a shell command")
@pytest.mark.parametrize("sample", _parameters(frameworks=False), ids=lambda sample: sample.name)
def test_the_standard_library_runs_the_payload(sample: Sample, tmp_path: Path) -> None:
    _check(sample, tmp_path)


@pytest.mark.jail
@pytest.mark.frameworks
@pytest.mark.skipif(sys.platform == "win32", reason="the payload is a shell command")
@pytest.mark.parametrize("sample", _parameters(frameworks=True), ids=lambda sample: sample.name)
def test_the_library_runs_the_payload(sample: Sample, tmp_path: Path) -> None:
    _check(sample, tmp_path)
