"""One batch of files, before the wall: open, hash, ask the cache, have them read behind the wall, judge.

Small files share a child, so a child that dies says nothing about who killed it: when any of a batch fails, each file
of it is read again alone. Nothing a child says is believed before `answer.decode` has checked it, and nothing is
cached that a second look would not say again.
"""

import os
import threading
from collections.abc import Sequence
from functools import cached_property

import msgspec

from modelairlock.isolation import Outcome, Task, Wall
from modelairlock.limits import Limits
from modelairlock.pipeline.answer import Job, ProtocolBroken, decode
from modelairlock.pipeline.cache import Cache
from modelairlock.pipeline.digest import Digests, Stopped, digest
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.reroot import reroot, with_gap
from modelairlock.reading import Unreadable
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.errors import AirlockError, NoIsolation
from modelairlock.records.isolation import Level
from modelairlock.records.reading import Reading
from modelairlock.records.scan import Subject, Verdict
from modelairlock.sources.local import File, changed, open_file

BLOB_MISMATCH = "the blob's name is not the digest of its content"
CHANGED = "the file changed while it was read"
#: the worker watches its own clock and says which limit ran out; only one that does not is killed, this much later
GRACE_SECONDS = 10.0
#: a batch is worth this much patience; after that each of its files gets its own time, alone
BATCH_SECONDS = 60.0

_encode = msgspec.msgpack.Encoder().encode


class Run:
    """What the batches of one scan share. Only `spent_bytes` changes, and only for show."""

    def __init__(self, wall: Wall, limits: Limits, hashing: bool, cache: Cache | None) -> None:
        self.wall = wall
        self.limits = limits
        self.hashing = hashing
        self.cache = cache
        self.stop = threading.Event()
        self.spent_bytes = 0

    @cached_property
    def level(self) -> Level:
        """How well readers are walled in; the first to ask waits until the wall is up."""
        return self.wall.isolation.level

    def spent(self, count: int) -> None:
        """Count bytes for the progress display; raises `Stopped` when the scan is over."""
        self.spent_bytes += count
        self.check()

    def check(self) -> None:
        """Raise `Stopped` when the scan is over."""
        if self.stop.is_set():
            raise Stopped


class _Item:
    """One file on its way to being a subject. `doubt` says why what was read may not be what is there."""

    __slots__ = ("answer", "digests", "doubt", "fd", "file", "reading", "state")

    def __init__(self, file: File) -> None:
        self.file = file
        self.fd = -1
        self.state: os.stat_result | None = None
        self.digests: Digests | None = None
        self.doubt = ""
        self.reading: Reading | None = None
        self.answer = b""

    @property
    def size(self) -> int:
        return self.state.st_size if self.state else self.file.size

    @property
    def sha256(self) -> str | None:
        """The digest of what was read, if that is beyond doubt."""
        return self.digests.sha256 if self.digests and not self.doubt else None


def read_batch(run: Run, files: Sequence[File]) -> list[Subject]:
    """The subjects that `files` are, in the same order. Raises `Stopped` when the scan is over before its time."""
    items = [_Item(file) for file in files]
    try:
        for item in items:
            _open(run, item)
        _read(run, [item for item in items if item.reading is None])
        return [_finish(run, item) for item in items]
    finally:
        for item in items:
            if item.fd >= 0:
                os.close(item.fd)


def unread(path: str, name: str, size: int, because: Because, detail: str) -> Reading:
    """The reading of something that nobody could read."""
    gap = Gap(start=0, end=size, because=because, detail=detail)
    return Reading(path=path, name=name, coverage=Coverage(size_bytes=size, gaps=(gap,)))


def judged(reading: Reading, sha256: str | None) -> Subject:
    """The subject `reading` amounts to. A rule that fails costs the verdict of its subject, not that of the others."""
    try:
        return judge(reading, sha256=sha256)
    except Exception as failure:
        detail = f"judging failed: {type(failure).__name__}"
        size = reading.coverage.size_bytes
        coverage = unread(reading.path, reading.name, size, Because.READER_FAILED, detail).coverage
        verdict = Verdict.INCOMPLETE
        return Subject(path=reading.path, verdict=verdict, sha256=sha256, size_bytes=size, coverage=coverage)


def _open(run: Run, item: _Item) -> None:
    """Open and hash, and take the reading from the cache if it is there."""
    run.check()
    file = item.file
    try:
        item.fd, item.state = open_file(file)
    except Unreadable as problem:
        item.reading = unread(file.name, file.name, file.size, Because.UNREADABLE, problem.detail)
        return
    if not run.hashing:
        run.spent(item.size)
        return
    try:
        item.digests = digest(item.fd, item.size, git=len(file.claimed) == 40, spent=run.spent)
    except Unreadable as problem:
        item.doubt = str(problem)
        return
    if item.digests.length != item.size:
        item.doubt = CHANGED
    elif run.cache:
        item.reading = run.cache.get(item.digests.sha256, file.name, item.size, run.limits, run.level)


def _read(run: Run, items: Sequence[_Item]) -> None:
    """Have `items` read in one child; if anything goes wrong, each in a child of its own."""
    if not items:
        return
    run.check()
    tasks = [Task(item.fd, _encode(Job(path=item.file.name, name=item.file.name, limits=run.limits))) for item in items]
    seconds = run.limits.seconds + GRACE_SECONDS
    outcomes = _outcomes(run, tasks, min(seconds, BATCH_SECONDS) if len(items) > 1 else seconds)
    failures = [_take(item, outcome.result, outcome.failure) for item, outcome in zip(items, outcomes, strict=True)]
    run.check()
    if not any(failures):
        return
    if len(items) > 1:
        for item in items:
            _read(run, [item])
        return
    file = items[0].file
    items[0].answer = b""
    items[0].reading = unread(file.name, file.name, items[0].size, Because.READER_FAILED, failures[0])


def _outcomes(run: Run, tasks: Sequence[Task], seconds: float) -> list[Outcome]:
    """What the wall says; if it can be put up no more, that is a failure of these tasks and not the end of the scan."""
    try:
        return run.wall.run(tasks, seconds=seconds)
    except NoIsolation:
        raise
    except AirlockError as problem:
        return [Outcome(result=None, failure=str(problem))] * len(tasks)


def _take(item: _Item, result: bytes | None, failure: str) -> str:
    """Keep what the child said about `item` if it passes the strict decoder; else say what is wrong with it."""
    if failure or result is None:
        return failure or "the reader gave no answer"
    try:
        item.reading = decode(result, item.size, item.file.name)
    except ProtocolBroken as problem:
        return f"the reader broke protocol: {problem}"
    item.answer = result
    return ""


def _finish(run: Run, item: _Item) -> Subject:
    """Look whether the file is still what was read, then remember, put in place and judge."""
    file, reading = item.file, item.reading
    assert reading is not None, "every item was read, recalled or given up"
    if item.state and not item.doubt and changed(item.state, os.fstat(item.fd)):
        item.doubt = CHANGED
    if run.cache and item.answer and item.sha256:
        run.cache.put(item.sha256, reading, item.answer, run.limits, run.level)
    reading = reroot(reading, file.path)
    if item.doubt:
        whole = Gap(start=0, end=item.size, because=Because.UNREADABLE, detail=item.doubt)
        reading = with_gap(reading, whole)
    if item.digests and file.claimed not in {"", item.digests.sha256, item.digests.git}:
        reading = with_gap(reading, Gap(start=0, end=0, because=Because.MALFORMED, detail=BLOB_MISMATCH))
    return judged(reading, item.sha256)
