"""Decoded bytes on disk for as long as a conversion lasts: what is compressed comes through the wall piece by piece.

The file has no name, so nothing is left of it whatever happens. Decoding is done behind the wall; here bytes are only
counted and put where they belong.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence

import msgspec

from modelairlock.isolation import Task, Wall
from modelairlock.isolation.framing import MAX_TASKS
from modelairlock.limits import Limits
from modelairlock.pipeline.convert_answer import Ask
from modelairlock.pipeline.gather import put
from modelairlock.records.disarm import PIECE_BYTES, Stream

_encode = msgspec.msgpack.Encoder().encode


class StreamBroken(Exception):
    """A stream did not give what the plan promised of it."""


class Spool:
    """The decoded streams of one plan, one after another in one file without a name, in `folder`."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._file = -1
        self.starts: list[int] = []

    def fill(self, wall: Wall, fd: int, streams: Sequence[Stream], limits: Limits, tick: Callable[[int], None]) -> None:
        """Have all `streams` of the file behind `fd` decoded. Raises `StreamBroken`, OSError."""
        if not streams:
            return
        with tempfile.TemporaryFile(dir=self._folder, prefix=".airlock-") as file:
            self._file = os.dup(file.fileno())
        at = 0
        for stream in streams:
            self.starts.append(at)
            at += stream.size
        for first, few in _runs(streams):
            self._run(wall, fd, first, few, limits, tick)

    def _run(
        self, wall: Wall, fd: int, first: int, streams: Sequence[Stream], limits: Limits, tick: Callable[[int], None]
    ) -> None:
        tasks, places = [], []
        for number, stream in enumerate(streams, first):
            tasks.append(Task(fd, _encode(Ask(limits=limits, stream=stream))))
            tasks += [Task(-1, b"")] * (_pieces(stream) - 1)
            places += [(self.starts[number] + start, min(PIECE_BYTES, stream.size - start))
                       for start in range(0, max(1, stream.size), PIECE_BYTES)]  # fmt: skip
        waiting = iter(places)

        def take(data: bytes) -> None:
            at, length = next(waiting)
            if len(data) != length:
                raise StreamBroken("what is compressed in the file is damaged, or holds less than is said of it")
            put(self._file, data, at)
            tick(length)

        for outcome in wall.run(tasks, seconds=limits.seconds + sum(_seconds(one) for one in streams), take=take):
            if not outcome.ok:
                raise StreamBroken(f"what is compressed in the file could not be decoded: {outcome.failure}")

    def read(self, stream: int, start: int, length: int) -> bytes:
        """Decoded bytes of a stream."""
        return os.pread(self._file, length, self.starts[stream] + start)

    def close(self) -> None:
        """Give the file back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _pieces(stream: Stream) -> int:
    return max(1, -(-stream.size // PIECE_BYTES))


def _seconds(stream: Stream) -> float:
    """Patience for decoding, at ten megabytes a second."""
    return stream.size / 10_000_000


def _runs(streams: Sequence[Stream]) -> Iterator[tuple[int, list[Stream]]]:
    """Streams that fit into one run, with the number of the first."""
    few: list[Stream] = []
    first, pieces = 0, 0
    for number, stream in enumerate(streams):
        if few and (pieces + _pieces(stream) > MAX_TASKS or len(few) >= _STREAMS):
            yield first, few
            few, first, pieces = [], number, 0
        if _pieces(stream) > MAX_TASKS:
            raise StreamBroken(f"a compressed part of {stream.size} bytes is more than can be decoded")
        few.append(stream)
        pieces += _pieces(stream)
    if few:
        yield first, few


#: streams of one run; each takes a descriptor while it waits
_STREAMS = 200
