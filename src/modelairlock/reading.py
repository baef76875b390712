"""Bounded, positioned reading of any byte source, with an account of what was read.

A reader gets a `Cursor` and nothing else. What it reads through the cursor is measured, not declared; what it passes
over it must say. Whatever is neither becomes a gap, so a reader that forgets bytes cannot make them look read.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from modelairlock.limits import Limits
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact
from modelairlock.records.span import Extents


class Source(Protocol):
    """Bytes at positions ``0..size``."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def read(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start` on; fewer only where the source ends. Raises `Unreadable`."""


class BytesSource:
    """A source in memory."""

    __slots__ = ("data", "size")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read(self, start: int, length: int) -> bytes:
        """See `Source`."""
        return self.data[start : start + length]


class SubSource:
    """A window of another source, without a copy."""

    __slots__ = ("size", "source", "start")

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source: Source = source.source if isinstance(source, SubSource) else source
        self.start: int = start + source.start if isinstance(source, SubSource) else start
        self.size = max(0, min(end, source.size) - start)

    def read(self, start: int, length: int) -> bytes:
        """See `Source`."""
        length = min(length, self.size - start)
        return self.source.read(self.start + start, length) if length > 0 else b""


class ReadProblem(Exception):
    """Reading must stop at `position`; the rest of the artifact is a gap. The artifact caused it, not the operator."""

    because = Because.MALFORMED

    def __init__(self, position: int, detail: str) -> None:
        super().__init__(f"at byte {position}: {detail}")
        self.position = position
        self.detail = detail


class Malformed(ReadProblem):
    """The bytes break their format: say what was expected and what was there."""

    def __init__(self, position: int, expected: str, got: str) -> None:
        super().__init__(position, f"expected {expected}, got {got}")


class Truncated(ReadProblem):
    """The artifact ends before its format says it may."""

    because = Because.TRUNCATED


class OverLimit(ReadProblem):
    """A budget ran out. That is a gap and never a finding."""

    because = Because.OVER_LIMIT


class Unsupported(ReadProblem):
    """Known, but not read here."""

    because = Because.UNSUPPORTED


class Unreadable(ReadProblem):
    """The operating system would not hand over the bytes."""

    because = Because.UNREADABLE


class Budget:
    """What is left to spend on one source. Shared by all readers of its tree, and the only mutable thing they share."""

    __slots__ = ("artifacts", "deadline", "expanded", "facts", "limits")

    def __init__(self, limits: Limits, size_bytes: int = 0) -> None:
        self.limits = limits
        self.artifacts = limits.artifacts
        # Bombs nest, so what all members of a source expand to together hangs on the size of that source.
        self.expanded = min(limits.expanded_bytes, limits.expansion_floor_bytes + limits.expansion_ratio * size_bytes)
        self.facts = limits.facts
        self.deadline = time.monotonic() + limits.seconds

    def check_time(self, position: int) -> None:
        """Raise `OverLimit` when the time for this source is over. Call it now and then in long loops."""
        if time.monotonic() > self.deadline:
            raise OverLimit(position, f"reading took longer than {self.limits.seconds:g} s (limit: seconds)")

    def expand(self, count: int, position: int) -> None:
        """Spend `count` decompressed bytes."""
        self.expanded -= count
        if self.expanded < 0:
            limits = "limits: expanded_bytes, expansion_ratio, expansion_floor_bytes"
            raise OverLimit(position, f"the file expands too far beyond its size ({limits})")


class Cursor:
    """Bounded reads over one artifact for one format, counted as they happen.

    `read` counts what it returns. `peek` does not: what was peeked at and understood is counted by `consumed`, which
    refuses bytes that were never fetched.
    """

    __slots__ = ("budget", "fetched", "limits", "name", "passed", "position", "reads", "size", "source")

    def __init__(self, source: Source, name: str, budget: Budget) -> None:
        self.source = source
        self.name = name
        self.budget = budget
        self.limits = budget.limits
        self.size = source.size
        self.fetched = Extents()
        self.reads = Extents()
        self.passed = Extents()
        self.position = 0

    def read(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start`; raises `Truncated` when there are fewer, `OverLimit` when it is huge."""
        data = self.peek(start, length)
        if len(data) < length:
            raise Truncated(start, f"expected {length} bytes, got {len(data)} before the end")
        self.reads.add(start, start + length)
        return data

    def peek(self, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`, not counted as read."""
        if length > self.limits.header_bytes:
            raise OverLimit(start, f"{length} bytes in one piece are too many (limit: header_bytes)")
        if start < 0 or start >= self.size or length <= 0:
            return b""
        self.position = start
        data = self.source.read(start, min(length, self.size - start))
        self.fetched.add(start, start + len(data))
        return data

    def consumed(self, start: int, end: int) -> None:
        """Count ``start..end``, which was peeked at, as read and understood."""
        self.reads.add(start, end)

    def pass_over(self, start: int, end: int) -> None:
        """Leave ``start..end`` unread by design: the loader takes these bytes as numbers, never as instructions."""
        self.passed.add(max(0, start), min(end, self.size))

    def counted(self) -> Extents:
        """What counts as read: consumed *and* fetched. A reader cannot count bytes it never saw."""
        never_fetched = self.reads.minus(self.fetched)
        return self.reads.minus(never_fetched)


Found = TypeVar("Found")


class Probe(NamedTuple):
    """What a format sees before it claims an artifact: both ends, the size, and the name it goes by."""

    head: bytes
    tail: bytes
    size: int
    name: str
    role: str = ""
    #: for the few formats without a mark of their own, which must look further; None in tests of the others
    source: Source | None = None
    #: see `once`; None where nothing is to be kept
    kept: dict[object, object] | None = None

    @property
    def whole(self) -> bool:
        """Whether `head` is the whole artifact."""
        return len(self.head) == self.size

    @property
    def extension(self) -> str:
        """The lower-case extension with its dot, or ``""``."""
        dot = self.name.rfind(".")
        return self.name[dot:].lower() if dot > max(self.name.rfind("/"), 0) else ""

    def once(self, work: Callable[["Probe"], Found]) -> Found:
        """What `work` finds out about this probe, worked out for the first format that asks."""
        if self.kept is None:
            return work(self)
        if work not in self.kept:
            self.kept[work] = work(self)
        found: Found = self.kept[work]  # type: ignore[assignment]  # each kind of work keeps its own kind of answer
        return found


#: what `pipeline.full_worker` loads and the ordinary worker does not, because few files need it and it takes long
LIBRARIES = ("jinja2",)

#: what may stand before the first sign of JSON and its like: all that `bytes.lstrip` strips
BLANKS = (b" ", b"\t", b"\n", b"\r", b"\v", b"\f")


def first_bytes(*starts: bytes) -> frozenset[int]:
    """The first byte of each, for `Format.begins`."""
    return frozenset(start[0] for start in starts)


Read = Callable[[Cursor], Iterator[Fact | Gap]]


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of file and the reader for it. Everything its docs page says stands here.

    `claims` must be cheap, must not raise, and goes by content; *every* format that claims an artifact reads it.
    `builds_on` names formats whose structure this one reads itself (a torch checkpoint is a zip), so that both
    claiming is no surprise and only this one reads.
    """

    name: str
    summary: str
    claims: Callable[[Probe], bool]
    read: Read
    #: extensions that promise this format, with their dot; another content under them is a `NameMismatch`
    extensions: tuple[str, ...] = ()
    #: what a CLEAR verdict assumes opens the file
    loaders: tuple[str, ...] = ()
    #: bytes that are passed over by design, and why
    passes_over: str = ""
    #: what this reader never shows
    blind_spots: tuple[str, ...] = ()
    builds_on: tuple[str, ...] = ()
    #: the first byte of everything that it claims is one of these; none: it may be any. Formats whose first byte is
    #: another are not even asked
    begins: frozenset[int] = frozenset()
    #: whether it has code in C read bytes of the artifact (`ast.parse`): then no other file is read in the same process
    native: bool = False
    #: the top-level package that it parses with, if that is one which not every worker loads: see `LIBRARIES`
    library: str = ""
    #: specifications, sources, advisories
    references: tuple[str, ...] = ()
