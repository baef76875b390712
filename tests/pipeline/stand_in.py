"""A reader that does what the file tells it, so that tests can choose how a child behaves."""

import os
import time
from collections.abc import Callable, Sequence

import msgspec

from modelairlock.isolation import Outcome, Task
from modelairlock.pipeline.answer import HANDED_BACK, NOT_HERE, Job, Piece
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.isolation import Isolation, Level
from modelairlock.records.reading import Reading

FUNCTION = "tests.pipeline.stand_in:read"

#: not empty in a child that met the file which says so; it has only good to say of the files after that
taken_over: list[bool] = []


def read(fd: int, payload: bytes) -> bytes:
    """For each file a reading that says all bytes were read, unless the file wants something else."""
    job = msgspec.msgpack.decode(payload, type=Job)
    found = [one(fd, piece, job.shared) for piece in job.pieces]
    return b"\xc1" if b"garbage" in found else msgspec.msgpack.encode(found)


def one(fd: int, piece: Piece, shared: bool) -> bytes:
    size, forever = piece.size, time.monotonic() + 60
    word = os.pread(fd, min(size, 32), piece.start).partition(b"\n")[0]
    if word.startswith(b"native") and shared:
        return HANDED_BACK
    if word == b"elsewhere":
        return NOT_HERE
    word = word.removeprefix(b"native ")
    if taken_over:
        word = b"good"
    if word == b"take over":
        taken_over.append(True)
    if word == b"die":
        os._exit(3)
    if word == b"hang":
        while time.monotonic() < forever:  # sleeping is not allowed behind the wall
            pass
    if word == b"garbage":
        return word
    if word == b"raise":
        raise RuntimeError("no")
    gaps = {
        b"slow": (Gap(start=0, end=size, because=Because.OVER_LIMIT, detail="too slow (limit: seconds)"),),
        b"deep": (Gap(start=0, end=size, because=Because.OVER_LIMIT, detail="too deep (limit: depth)"),),
        b"eio": (Gap(start=0, end=size, because=Because.UNREADABLE, detail="EIO"),),
    }.get(word, ())
    name = "another" if word == b"lie" else piece.name
    read_bytes = size + 1 if word == b"boast" else 0 if gaps else size
    if not size:
        gaps = (Gap(start=0, end=0, because=Because.UNRECOGNISED, detail="empty"),)
    members = ()
    if word == b"nested":
        inner = Reading(path=f"{name}!a", name="a", coverage=Coverage(size_bytes=3, read_bytes=3))
        members = (inner, msgspec.structs.replace(inner, path=f"{name}!b", name="b"))
    coverage = Coverage(size_bytes=size, read_bytes=read_bytes, gaps=gaps)
    return msgspec.msgpack.encode(Reading(path=name, name=piece.name, coverage=coverage, members=members))


class Inline:
    """A wall that is none: calls `read` in this very process, and counts files. `before` is given each descriptor."""

    isolation = Isolation(level=Level.NONE, layers=())

    def __init__(self, before: Callable[[int], object] = lambda fd: None) -> None:
        self.runs: list[int] = []
        self.before = before

    def run(self, tasks: Sequence[Task], *, seconds: float) -> list[Outcome]:
        self.runs.append(sum(len(msgspec.msgpack.decode(task.payload, type=Job).pieces) for task in tasks))
        for task in tasks:
            self.before(task.fd)
        return [Outcome(result=read(task.fd, task.payload)) for task in tasks]

    def close(self) -> None:
        raise AssertionError("a wall that was given is not ours to close")
