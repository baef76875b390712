"""The fixed table of loaders, run inside the jail as text: it may import nothing but the standard library at the top.

`PHASES` is what the worker asks for: each takes what the phases keep between them, the descriptors of the inputs, and
the loader's name. ``import`` runs before the model is there and warms up what is started lazily, so that a benign load
needs no call that is put before the parent.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    State = dict[str, Any]
    Load = Callable[[int, str], Any]


#: where the parent gives the model to whoever opens it by name: some loaders do, for one kind of file or for all
PATH = "/airlock/model-%d"
#: the variable that says where it is if it is a folder, or a file in one
PLACE = "AIRLOCK_MODEL"
#: the variable with the types that skops is to trust, by comma
TRUSTED = "AIRLOCK_TRUSTED"


def _file(fd: int) -> BinaryIO:
    os.lseek(fd, 0, os.SEEK_SET)
    return open(fd, "rb", closefd=False)


def _pickle(_state: State) -> Load:
    import pickle

    return lambda fd, _path: pickle.load(_file(fd))  # noqa: S301


def _numpy(_state: State) -> Load:
    import numpy

    (numpy.ones((8, 8)) @ numpy.ones((8, 8))).sum()
    return lambda _fd, path: numpy.load(path, allow_pickle=True)


def _joblib(state: State) -> Load:
    import joblib

    _numpy(state)
    return lambda _fd, path: joblib.load(path)


def _torch(_state: State) -> Load:
    import torch

    (torch.ones(64, 64) @ torch.ones(64, 64)).sum().item()
    return lambda _fd, path: torch.load(path, map_location="cpu", weights_only=False)


def _keras(_state: State) -> Load:
    import importlib.util
    import tempfile

    # It would try out which folder can be written, and none can.
    tempfile.tempdir = os.environ["HOME"]
    # A folder that is there: torch's compiler would make one when it is imported, which keras has it do.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.tempdir
    for module, backend in (("tensorflow", "tensorflow"), ("torch", "torch"), ("jax", "jax")):
        if importlib.util.find_spec(module) is not None:
            os.environ["KERAS_BACKEND"] = backend
            break
    import keras

    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])

    def load(fd: int, _path: str) -> Any:
        head = os.pread(fd, 8, 0)
        if head.startswith(b"PK"):
            from keras.src.saving import saving_lib

            return saving_lib._load_model_from_fileobj(_file(fd), None, True, False)
        import h5py
        from keras.src.legacy.saving import legacy_h5_format

        return legacy_h5_format.load_model_from_hdf5(h5py.File(_file(fd), "r"), None, True)

    return load


def _skops(_state: State) -> Load:
    try:
        import threadpoolctl

        # skops lists libraries as it is imported, out of a file that is closed here; this way it takes another.
        threadpoolctl._HAS_PROCFS = False
    except ImportError:
        pass
    import skops.io

    skops.io.loads(skops.io.dumps({"a": [1.0]}))
    given = os.environ.get(TRUSTED)

    def load(_fd: int, path: str) -> Any:
        # Without a list of the caller's all is trusted: it is to be seen what it would do.
        trusted = given.split(",") if given is not None else skops.io.get_untrusted_types(file=path)
        return skops.io.load(path, trusted=[name for name in trusted if name])

    return load


#: a model of one Identity, from x to y, of one float: what onnx.save writes
_IDENTITY = bytes.fromhex(
    "08083a370a100a017812017922084964656e746974791201675a0f0a0178120a"
    "0a08080112040a020801620f0a0179120a0a08080112040a02080142040a00100d"
)


def _onnxruntime(_state: State) -> Load:
    import onnxruntime

    def session(model: Any, form: str, beside: dict[str, Any]) -> Any:
        options = onnxruntime.SessionOptions()
        threads = os.environ.get("OMP_NUM_THREADS", "1")
        options.intra_op_num_threads = options.inter_op_num_threads = int(threads) if threads.isdigit() else 1
        options.add_session_config_entry("session.load_model_format", form)
        if beside and hasattr(options, "add_external_initializers_from_files_in_memory"):
            # It would look by what name its own descriptor goes, which is not that of the folder in here.
            options.add_external_initializers_from_files_in_memory(
                [*beside], [*beside.values()], [*map(len, beside.values())]
            )
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    session(_IDENTITY, "ONNX", {}).run(None, {"x": [1.0]})

    def load(fd: int, path: str) -> Any:
        with open(path, "rb") as file:
            head = file.read(8)
        beside = _beside(path) if fd < 0 else {}
        return session(path, "ORT" if head[4:] == b"ORTM" else "ONNX", beside)

    return load


def _xgboost(_state: State) -> Load:
    import numpy
    import xgboost

    rows = numpy.arange(8.0).reshape(4, 2)
    xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, [0, 1, 0, 1]), 1).predict(xgboost.DMatrix(rows))

    def load(fd: int, _path: str) -> Any:
        model = xgboost.Booster()
        # By a path it would go by the ending, which is not there; of bytes it looks whether they are JSON or UBJSON.
        model.load_model(bytearray(_file(fd).read()))
        return model

    return load


def _beside(path: str) -> dict[str, Any]:
    """The other files of a model's folder, by the names that it has for them. They are those that it asks for."""
    import mmap

    folder = os.path.dirname(path)
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            one = os.path.join(place, name)
            if one != path and os.path.getsize(one):
                with open(one, "rb") as file:
                    found[os.path.relpath(one, folder)] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return found


LOADERS = {
    "pickle.load": _pickle,
    "numpy.load": _numpy,
    "joblib.load": _joblib,
    "torch.load": _torch,
    "keras.load_model": _keras,
    "skops.io.load": _skops,
    "onnxruntime.InferenceSession": _onnxruntime,
    "xgboost.Booster": _xgboost,
}


#: library -> what a pickle of it imports late. These start threads, count processors and make semaphores when they are
#: imported, which after the lock would look like attempts of the model's
LIBRARIES = {
    "numpy": ("numpy",),
    "scipy": ("scipy.sparse", "scipy.stats", "scipy.interpolate", "scipy.spatial"),
    "pandas": ("pandas",),
    "joblib": ("joblib",),
    "sklearn": ("sklearn.ensemble", "sklearn.pipeline", "sklearn.linear_model"),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "torch": ("torch",),
    "cloudpickle": ("cloudpickle",),
}


def _import(state: State, _inputs: list[int], argument: str) -> None:
    import importlib

    loader, *libraries = argument.split()
    for library in libraries:
        for module in LIBRARIES[library]:
            try:
                importlib.import_module(module)
            except ImportError:
                continue
    state["load"] = LOADERS[loader](state)
    _ask_what_machine()


def _ask_what_machine() -> None:
    """`platform.platform()` starts ``uname`` when it is asked first, and remembers what came of it."""
    import sys

    platform = sys.modules.get("platform")
    try:
        if platform is not None:
            _ = platform.uname().processor
    except Exception:
        return  # who asks again is seen


def _load(state: State, inputs: list[int], _argument: str) -> None:
    folder = os.environ.get(PLACE)
    if folder is not None:
        state["model"] = [state["load"](-1, folder)]
    else:
        state["model"] = [state["load"](fd, PATH % at) for at, fd in enumerate(inputs)]


def _unload(state: State, _inputs: list[int], _argument: str) -> None:
    import gc

    state.clear()
    gc.collect()


PHASES = {"import": _import, "load": _load, "unload": _unload}
