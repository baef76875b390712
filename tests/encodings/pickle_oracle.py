"""The real unpicklers with recording stand-ins for every import; runs behind the wall only.

An event is what a loader did: ``import NAME``, ``call NAME``, ``build NAME``, ``items NAME``, ``persistent``. What a
computed thing does goes by the name ``computed``.
"""

import io
import json
import pickle
from typing import Any

#: how a program is loaded
WAYS = ("C from bytes", "C from a file", "Python from a file")


class _Recorder:
    """One load: its events, and the classes that stand in for what it imports."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.classes: dict[str, type] = {}
        self.computed = self._class("computed")

    def find(self, module: str, name: str) -> type:
        full = f"{module}.{name}"
        self.events.append(f"import {full}")
        if full not in self.classes:
            self.classes[full] = self._class(full)
        return self.classes[full]

    def persistent(self, _: object) -> object:
        self.events.append("persistent")
        return object.__new__(self.computed)

    def _class(self, full: str) -> type:
        events = self.events

        def new(cls: type, *_: object, **__: object) -> object:
            events.append(f"call {full}")
            return object.__new__(cls)

        def call(_: object, *__: object) -> object:
            events.append("call computed")
            return object.__new__(self.computed)

        def record(kind: str) -> Any:
            return lambda *_: events.append(f"{kind} {full}")

        members = {
            "__new__": new, "__init__": lambda *_, **__: None, "__call__": call, "__setstate__": record("build"),
            "__setitem__": record("items"), "append": record("items"), "extend": record("items"),
            "add": record("items"),
        }  # fmt: skip
        return type("StandIn", (), members)


class _C(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, recorder: _Recorder) -> None:
        super().__init__(file)
        self.recorder = recorder

    def find_class(self, module: str, name: str) -> type:
        return self.recorder.find(module, name)

    def persistent_load(self, pid: object) -> object:
        return self.recorder.persistent(pid)


class _Python(pickle._Unpickler):
    def __init__(self, file: io.BytesIO, recorder: _Recorder) -> None:
        super().__init__(file)
        self.recorder = recorder

    find_class = _C.find_class
    persistent_load = _C.persistent_load


class _OneRead(io.RawIOBase):
    """A file without ``peek`` and without prefetching: the C unpickler then reads argument by argument."""

    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)

    def read(self, count: int = -1) -> bytes:
        return self.file.read(count)

    def readline(self, count: int | None = -1) -> bytes:
        return self.file.readline(-1 if count is None else count)

    def readinto(self, buffer: Any) -> int:
        return self.file.readinto(buffer)


def load(data: bytes, way: str) -> tuple[list[str], bool]:
    """The events of one load, and whether it came to its end."""
    recorder = _Recorder()
    try:
        if way == "Python from a file":
            _Python(io.BytesIO(data), recorder).load()
        else:
            _C(io.BytesIO(data) if way == "C from bytes" else _OneRead(data), recorder).load()
    except Exception:
        return recorder.events, False
    return recorder.events, True


def read(_: int, payload: bytes) -> bytes:
    """For each program of `payload` (JSON, hex), what each way of loading it did."""
    told = [[load(bytes.fromhex(program), way) for way in WAYS] for program in json.loads(payload)]
    return json.dumps(told).encode()
