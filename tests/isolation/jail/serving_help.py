"""Models for the tests of serving: pickles that make an object of source text, which is run in the jail alone."""

import contextlib
import os
import pickle
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy

from modelairlock.isolation.jail.served import ServedModel, Terms
from modelairlock.records.isolation import LAYERS, Level
from modelairlock.records.jail import JailLimits
from tests.isolation.jail.world import INTERPRETER, MODES, ORDINARY

PACKAGES = str(Path(numpy.__file__).parent.parent)
TERMS = Terms(
    require=Level.CONFINED,
    limits=JailLimits(memory_bytes=512 << 20, cpu_seconds=20),
    seconds=20,
    on_violation="stop",
    call_bytes=1 << 30,
    restarts=10,
    queue=32,
    threads=1,
)
#: what a hostile model finds where it is: the channel, the object that serves, its memory
TOOLS = """
import gc, json, os, struct, sys, threading, time
import numpy as np
def served():
    return next(one for one in gc.get_objects() if type(one).__name__ == "Served")
def say(**fields):
    os.write(3, json.dumps(fields).encode())
def answer(value, call=None, kept=False):
    say(kind="answer", call=served().number if call is None else call, value=value, kept=kept)
def array(**fields):
    return {**{"is": "array", "dtype": "<f8", "shape": [2], "at": 0, "order": "C", "scalar": False}, **fields}
def quiet(what):
    try:
        return what()
    except BaseException as problem:
        return type(problem).__name__
"""


class Model:
    """Unpickles to ``Model()`` of `source`."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return eval, (
            f"(lambda names: (exec({self.source!r}, names), names['Model']())[1])({{'__name__': 'payload'}})",
        )


def model(body: str, before: str = "") -> bytes:
    """A pickled model whose ``predict(self, x)`` is `body`."""
    lines = "\n".join(f"        {line}" for line in body.strip().split("\n"))
    return pickle.dumps(Model(f"{TOOLS}{before}\nclass Model:\n    def predict(self, x=None, **more):\n{lines}\n"))


@contextlib.contextmanager
def serving(data: bytes | str, mode: str = "strict", loader: str = "pickle.load", **options) -> Iterator[ServedModel]:
    """A session over a pickle, or over a model whose ``predict`` is the text."""
    place = Path(tempfile.gettempdir()) / f"model-{uuid.uuid4().hex}"
    place.write_bytes(model(data) if isinstance(data, str) else data)
    place.chmod(0o644)
    fd = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    place.unlink()
    interpreter, folders = (sys.executable, ()) if mode == "strict" else (INTERPRETER, (PACKAGES,))
    if os.geteuid() == ORDINARY:
        # It cannot reach what lies in root's home.
        interpreter, folders = INTERPRETER, (PACKAGES,)
    layers = options.pop("enabled_layers", MODES.get(mode, LAYERS))
    terms = msgspec.structs.replace(TERMS, **{"require": Level(mode), **options})
    session = ServedModel(fd, "model", loader, interpreter, terms, import_from=folders, enabled_layers=layers)
    try:
        yield session
    finally:
        session.close()
