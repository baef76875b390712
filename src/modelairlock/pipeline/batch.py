"""One batch of files, before the wall: open, hash, ask the cache, have them read behind the wall, judge.

Small files share a child, so a child that dies says nothing about who killed it: when any of a batch fails, each file
of it is read again alone. A child that was taken over could also answer for the other files. So a shared child runs
no decoder written in C: it hands such files back, and they are read among themselves. What is said by a child that ran
decoders on several files is not cached, nor what was said of bytes that somebody could have changed between hashing and
reading (`pipeline.hold`). Nothing is believed before `answer.decode` has checked it.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from modelairlock.isolation import Outcome, Task, Wall
from modelairlock.limits import Limits
from modelairlock.pipeline import hold
from modelairlock.pipeline.answer import HANDED_BACK, NOT_HERE, Job, Piece, ProtocolBroken, answers, decode
from modelairlock.pipeline.digest import Digests, Stopped, digest, digest_of
from modelairlock.pipeline.hold import Copies, Lease
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.keep import Keep
from modelairlock.pipeline.repository import Notes
from modelairlock.pipeline.reroot import reroot, with_gap
from modelairlock.reading import OverLimit, Unreadable
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.errors import AirlockError, NoIsolation
from modelairlock.records.isolation import Level
from modelairlock.records.reading import Reading
from modelairlock.records.scan import Subject, Verdict
from modelairlock.sources.local import File, changed, open_file

if TYPE_CHECKING:
    from modelairlock.pipeline.cache import Cache

BLOB_MISMATCH = "the blob's name is not the digest of its content"
CHANGED = "the file changed while it was read"
WRITTEN = "somebody has the file open for writing: what was hashed and what was read need not be the same"
#: files up to this size share a child, and are read from a sealed copy
SMALL_BYTES = 1024 * 1024
#: so many files that need such decoders share a child, where there are more of them in a batch
DECODING_FILES = 8
#: files up to this size are copied where no lease can be had
COPIED_BYTES = 16 * 1024 * 1024
#: the worker watches its own clock and says which limit ran out; only one that does not is killed, this much later
GRACE_SECONDS = 10.0
#: a batch is worth this much patience; after that each of its files gets its own time, alone
BATCH_SECONDS = 60.0

_encode = msgspec.msgpack.Encoder().encode


class Run:
    """What the batches of one scan share. `spent_bytes` changes for show only; `keep` and `notes` are for threads."""

    def __init__(
        self,
        wall: Wall,
        full_wall: Wall,
        limits: Limits,
        hashing: bool,
        cache: "Cache | None",
        jobs: int = 1,
        look: Callable[[Reading], object] | None = None,
    ) -> None:
        self.wall = wall
        #: for what the ordinary worker hands back because it lacks a library; rises when it is first needed
        self.full_wall = full_wall
        self.limits = limits
        self.hashing = hashing
        self.cache = cache
        self.keep = Keep()
        self.notes = Notes()
        self.stop = threading.Event()
        self.spent_bytes = 0
        #: is shown every reading, by whichever thread has it
        self.look = look
        #: so many batches are opened at a time, and so many read; others are judged meanwhile
        self.opening, self.reading = threading.Semaphore(jobs), threading.Semaphore(jobs)

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

    __slots__ = (
        "answer", "copies", "digests", "doubt", "failure", "fd", "file", "full", "lasting", "lease", "reading", "size",
        "start", "state",
    )  # fmt: skip

    def __init__(self, file: File) -> None:
        self.file = file
        #: the file itself; -1 once the child is to read a copy
        self.fd = -1
        #: where the copy is, if there is one, and where in there it begins
        self.copies: Copies | None = None
        self.start = 0
        self.size = file.size
        self.state: os.stat_result | None = None
        self.lease = Lease.REFUSED
        #: whether hashing and reading surely saw the same bytes
        self.lasting = False
        self.digests: Digests | None = None
        self.doubt: tuple[Because, str] | None = None
        self.reading: Reading | None = None
        #: whether the ordinary worker lacks what reading this takes
        self.full = False
        #: what went wrong when it was read last
        self.failure = ""
        #: what a child said that read nothing else
        self.answer = b""

    @property
    def sha256(self) -> str | None:
        """The digest of what was read, if that is beyond doubt."""
        return self.digests.sha256 if self.digests and not self.doubt else None

    def close(self) -> None:
        """Give back the descriptor, and the lease with it."""
        if self.lease is Lease.HELD:
            hold.release(self.fd)
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def read_batch(run: Run, files: Sequence[File]) -> list[Subject]:
    """The subjects that `files` are, in the same order. Raises `Stopped` when the scan is over before its time."""
    items = [_Item(file) for file in files]
    copies = Copies()
    try:
        with run.opening:
            for item in items:
                _open(run, item, copies)
            copies.seal()
        with run.reading:
            # A wall that cannot be put up is the operator's to mend, at once and not file by file.
            _ = run.level
            _read(run, [item for item in items if item.reading is None])
        return [_finish(run, item) for item in items]
    finally:
        for item in items:
            item.close()
        copies.close()


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


def _open(run: Run, item: _Item, copies: Copies) -> None:
    """Open and hash, and take the reading from the cache if it is there."""
    run.check()
    file = item.file
    try:
        item.fd, item.state = open_file(file)
        item.size = item.state.st_size
        if item.size <= SMALL_BYTES or (run.hashing and not _leased(item) and item.size <= COPIED_BYTES):
            _copy(run, item, copies)
        elif run.hashing:
            item.digests = _hashed(run, item)
        else:
            run.spent(item.size)
    except OverLimit as problem:
        item.doubt = problem.because, problem.detail
    except Unreadable as problem:
        if item.fd < 0:
            item.reading = unread(file.name, file.name, file.size, Because.UNREADABLE, problem.detail)
        else:
            item.doubt = problem.because, str(problem)
    if run.cache and item.sha256:
        item.reading = run.cache.get(item.sha256, file.name, item.size, run.limits, run.level)


def _leased(item: _Item) -> bool:
    """Whether the kernel watches over the file from now on."""
    item.lease = hold.lease(item.fd)
    item.lasting = item.lease in {Lease.HELD, Lease.FIXED}
    # What happened between opening and the lease is before both looks at the bytes.
    item.state = os.fstat(item.fd)
    item.size = item.state.st_size
    return item.lasting


def _copy(run: Run, item: _Item, copies: Copies) -> None:
    """Take the file's bytes once, for digest and child. Without room for a copy, the child reads the file itself."""
    data = hold.content(item.fd, item.size)
    run.spent(len(data))
    if len(data) != item.size:
        item.doubt = Because.UNREADABLE, CHANGED
        data = data[: item.size]
    if run.hashing:
        item.digests = digest_of(data, git=len(item.file.claimed) == 40)
    try:
        item.start = copies.add(data)
    except OSError:
        return
    item.close()
    item.copies, item.size = copies, len(data)
    item.lasting = True


def _hashed(run: Run, item: _Item) -> Digests:
    """The digests of a file that is read in place. Raises `Unreadable`, and `OverLimit` when it takes too long."""
    deadline = time.monotonic() + run.limits.seconds

    def spent(count: int) -> None:
        run.spent(count)
        if time.monotonic() > deadline:
            raise OverLimit(0, f"hashing took longer than {run.limits.seconds:g} s: no digest (limit: seconds)")

    if item.lease is Lease.WRITTEN:
        item.doubt = Because.UNREADABLE, WRITTEN
    digests = digest(item.fd, item.size, git=len(item.file.claimed) == 40, spent=spent)
    if digests.length != item.size:
        item.doubt = Because.UNREADABLE, CHANGED
    return digests


def _read(run: Run, items: Sequence[_Item], *, decoding: bool = False) -> None:
    """Have `items` read in one child; if anything goes wrong, each in a child of its own.

    A shared child runs decoders written in C only if it is told that all its files are `decoding` ones.
    """
    if not items:
        return
    run.check()
    alone, full = len(items) == 1, items[0].full
    plain = not (alone or decoding)
    seconds = run.limits.seconds + GRACE_SECONDS
    _ask(run, items, plain, seconds if alone else min(seconds, BATCH_SECONDS))
    run.check()
    if alone and items[0].full and not full:
        _read(run, items)
        return
    if alone:
        _settle(items[0])
        return
    if decoding:
        for item in items:
            item.answer = b""  # for this report only: a decoder that was taken over must not speak to later ones
    failed = any(item.failure for item in items)
    back = items if failed else [item for item in items if item.reading is None]
    for kind in (False, True):
        same = [item for item in back if item.full is kind]
        size = DECODING_FILES if len(same) > DECODING_FILES and not failed else 1
        for start in range(0, len(same), size):
            with _apart(same[start : start + size]) as few:
                _read(run, few, decoding=True)


@contextmanager
def _apart(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """The `items` in copies of their own: a child that may be taken over sees nothing of the rest of the batch."""
    copies, homes = Copies(), [(item, item.copies, item.start) for item in items]
    try:
        with suppress(OSError):  # without room for it they are read where they are
            for item, home, start in homes:
                if home is not None:
                    moved = copies.add(os.pread(home.fd, item.size, start))
                    item.copies, item.start = copies, moved
        copies.seal()
        yield items
    finally:
        for item, home, start in homes:
            item.copies, item.start = home, start
        copies.close()


def _settle(item: _Item) -> None:
    """There is no more to be tried: a failure is what there is to say."""
    if item.failure:
        item.answer = b""
        item.reading = unread(item.file.name, item.file.name, item.size, Because.READER_FAILED, item.failure)


def _ask(run: Run, items: Sequence[_Item], plain: bool, seconds: float) -> None:
    """Have `items` read in one child. What lies in one file is one task."""
    together: dict[int, list[_Item]] = {}
    for item in items:
        together.setdefault(item.copies.fd if item.copies else item.fd, []).append(item)
    tasks = [Task(fd, _encode(_job(run, few, plain))) for fd, few in together.items()]
    outcomes = _outcomes(run.full_wall if items[0].full else run.wall, tasks, seconds)
    for few, outcome in zip(together.values(), outcomes, strict=True):
        for item, failure in zip(few, _answered(run, few, outcome, plain), strict=True):
            item.failure = failure


def _job(run: Run, items: Sequence[_Item], plain: bool) -> Job:
    pieces = tuple(Piece(item.file.name, item.start, item.size) for item in items)
    return Job(pieces=pieces, limits=run.limits, shared=plain)


def _outcomes(wall: Wall, tasks: Sequence[Task], seconds: float) -> list[Outcome]:
    """What the wall says; if it can be put up no more, that is a failure of these tasks and not the end of the scan."""
    try:
        return wall.run(tasks, seconds=seconds)
    except NoIsolation:
        raise
    except AirlockError as problem:
        return [Outcome(result=None, failure=str(problem))] * len(tasks)


def _answered(run: Run, items: Sequence[_Item], outcome: Outcome, plain: bool) -> list[str]:
    """What is wrong with the answer to one task, for each of its `items`."""
    result = outcome.result
    if outcome.failure or result is None:
        return [outcome.failure or "the reader gave no answer"] * len(items)
    try:
        found = answers(result, len(items))
    except ProtocolBroken as problem:
        return [f"the reader broke protocol: {problem}"] * len(items)
    return [_take(run, item, answer, plain) for item, answer in zip(items, found, strict=True)]


def _take(run: Run, item: _Item, result: bytes, plain: bool) -> str:
    """Keep what the child said about `item` if it passes the strict decoder; else say what is wrong with it."""
    if plain and result == HANDED_BACK:
        return ""
    if result == NOT_HERE and not item.full:
        item.full = True
        return ""
    try:
        item.reading = decode(result, item.size, item.file.name, run.limits)
    except ProtocolBroken as problem:
        return f"the reader broke protocol: {problem}"
    item.answer = result
    return ""


def _finish(run: Run, item: _Item) -> Subject:
    """Look whether the file is still what was read, then remember, put in place and judge."""
    file, reading = item.file, item.reading
    assert reading is not None, "every item was read, recalled or given up"
    if item.state and not item.doubt and _touched(item):
        item.doubt = Because.UNREADABLE, CHANGED
    if run.cache and item.answer and item.sha256 and _kept_still(item):
        run.cache.put(item.sha256, reading, item.answer, run.limits, run.level)
    reading = reroot(reading, file.path)
    if item.doubt:
        because, detail = item.doubt
        reading = with_gap(reading, Gap(start=0, end=item.size, because=because, detail=detail))
    if item.digests and file.claimed not in {"", item.digests.sha256, item.digests.git}:
        reading = with_gap(reading, Gap(start=0, end=0, because=Because.MALFORMED, detail=BLOB_MISMATCH))
    run.notes.add(reading)
    if run.look:
        run.look(reading)
    return run.keep.cut(judged(reading, item.sha256))


def _touched(item: _Item) -> bool:
    """Whether what lies at the file's place is no longer what was opened there."""
    assert item.state is not None, "it was opened"
    try:
        return changed(item.state, os.lstat(item.file.place))
    except OSError:
        return True


def _kept_still(item: _Item) -> bool:
    return item.lasting and (item.lease is not Lease.HELD or hold.unbroken(item.fd))
