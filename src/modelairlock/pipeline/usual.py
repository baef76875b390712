"""What is usual in an environment: what honest files of ours make the same loader try there.

The honest run is a jail of its own, which sees nothing of the file that is judged. It loads a small honest file, where
one can be written without the framework, and uses small models that the environment's libraries make.
"""

import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from modelairlock.isolation import jail
from modelairlock.pipeline.baseline import Identity, Key, habits, identity, key, record, recorded
from modelairlock.records.attempts import idle, may_be_usual
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.jail import Event, JailLimits, JailResult


class Usual:
    """The habits of one environment, by loader; worked out when they are first needed, and kept in `folder`."""

    def __init__(self, interpreter: str, require: Level, folder: Path | None) -> None:
        self._interpreter = interpreter or sys.executable
        self._require = require
        self._folder = folder
        self._known: dict[tuple[str, Level], frozenset[Key]] = {}

    def of(self, asked: str, level: Level) -> frozenset[Key]:
        """What is usual for a job that asks for `asked` (`jail.Job.argument`), in a jail of `level`.

        Nothing else of the job comes here, so that no file of its can. Raises AirlockError where others could write
        to the record.
        """
        known = self._known.get((asked, level))
        if known is None:
            known = self._known[asked, level] = self._looked_up(asked, level)
        return known

    def beyond(self, result: JailResult, asked: str) -> tuple[Event, ...]:
        """What was tried in `result` that is neither idle nor usual; the honest run is made only if that matters."""
        tried = [event for event in result.events if not idle(event.syscall, event.arguments)]
        if not any(may_be_usual(event.syscall, event.arguments) for event in tried):
            return tuple(tried)
        usual = self.of(asked, result.level)
        return tuple(event for event in tried if key(event) not in usual)

    def _looked_up(self, asked: str, level: Level) -> frozenset[Key]:
        loader, *libraries = asked.split(" ")
        with honest_file(loader) as fd:
            job = jail.honest(jail.used(jail.loading(loader, fd, self._interpreter, libraries)))
            job = msgspec.structs.replace(job, inputs=(fd,) if fd >= 0 else ())
            try:
                whose = identity(asked, self._interpreter, level, job.code)
            except OSError:
                return frozenset()  # it went away between two looks; nothing is excused
            known = recorded(self._folder, whose) if self._folder is not None else None
            return self._seen(job, whose) if known is None else known

    def _seen(self, job: jail.Job, whose: Identity) -> frozenset[Key]:
        try:
            result = jail.run(job, require=self._require, limits=JailLimits(), detonate=True)
        except AirlockError:
            return frozenset()  # a loader that cannot do without a model of its own: nothing is excused
        found = habits(result)
        if found is None:
            return frozenset()
        if self._folder is not None and result.level is whose.level:
            record(self._folder, whose, found)
        return found


@contextmanager
def honest_file(loader: str) -> Iterator[int]:
    """A descriptor of a small honest file for `loader`; -1 where none can be made without its framework."""
    data = _HONEST.get(loader, bytes)()
    if not data:
        yield -1
        return
    with tempfile.NamedTemporaryFile(prefix="honest-") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        fd = os.open(file.name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)


def _checkpoint() -> bytes:
    """What ``torch.save({}, file)`` writes, as far as ``torch.load`` asks."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in (("data.pkl", b"\x80\x02}q\x00."), ("byteorder", b"little"), ("version", b"3\n")):
            archive.writestr(f"archive/{name}", content)
    return out.getvalue()


def _array() -> bytes:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(16)


def _list() -> bytes:
    return b"\x80\x04]\x94."


_HONEST: dict[str, Callable[[], bytes]] = {
    "pickle.load": _list, "joblib.load": _list, "numpy.load": _array, "torch.load": _checkpoint,
}  # fmt: skip
