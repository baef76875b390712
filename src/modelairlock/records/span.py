"""A half-open byte range of one artifact, and sets of such ranges."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """Bytes ``start..end`` of one artifact, ``end`` not included."""

    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"


class Extents:
    """A set of byte positions, kept as sorted ranges that do not touch.

    The usual caller adds in rising order, so that case is the fast one; anything else is merged lazily.
    """

    __slots__ = ("_clean", "_ranges")

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        self._clean = True
        for start, end in spans:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Add ``start..end``; an empty range adds nothing."""
        if end <= start:
            return
        if not self._ranges:
            self._ranges.append((start, end))
            return
        last_start, last_end = self._ranges[-1]
        if last_start <= start <= last_end:
            if end > last_end:
                self._ranges[-1] = (last_start, end)
            return
        if start < last_start:
            self._clean = False
        self._ranges.append((start, end))
        # A hostile file may make a reader hop about; merging now and then keeps the list as short as it can be.
        if not self._clean and len(self._ranges) % 65536 == 0:
            self._merge()

    def update(self, other: Iterable[tuple[int, int]]) -> None:
        """Add every range of `other`."""
        for start, end in other._sorted() if isinstance(other, Extents) else other:
            self.add(start, end)

    def _merge(self) -> None:
        merged: list[tuple[int, int]] = []
        for start, end in sorted(self._ranges):
            if merged and start <= merged[-1][1]:
                if end > merged[-1][1]:
                    merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        self._ranges = merged
        self._clean = True

    def _sorted(self) -> list[tuple[int, int]]:
        if not self._clean:
            self._merge()
        return self._ranges

    def __iter__(self) -> Iterator[Span]:
        return (Span(start, end) for start, end in self._sorted())

    def __len__(self) -> int:
        return len(self._sorted())

    def total(self) -> int:
        """How many bytes are in the set."""
        return sum([end - start for start, end in self._sorted()])

    def minus(self, other: "Extents") -> "Extents":
        """The bytes of this set that are not in `other`."""
        left = Extents()
        if not self._ranges:
            return left
        if not other._ranges:
            left._ranges = self._sorted().copy()
            return left
        holes = other._sorted()
        index = 0
        for start, end in self._sorted():
            while index < len(holes) and holes[index][1] <= start:
                index += 1
            at = index
            while at < len(holes) and holes[at][0] < end:
                left.add(start, holes[at][0])
                start = max(start, holes[at][1])
                at += 1
            left.add(start, end)
        return left

    def missing(self, size: int) -> Iterator[Span]:
        """The ranges of ``0..size`` that are not in this set."""
        at = 0
        for start, end in self._sorted():
            if start >= size:
                break
            if start > at:
                yield Span(at, start)
            at = max(at, end)
        if at < size:
            yield Span(at, size)

    def within(self, start: int, end: int) -> "Extents":
        """The part of this set that lies in ``start..end``."""
        cut = Extents()
        for low, high in self._sorted():
            cut.add(max(low, start), min(high, end))
        return cut

    def moved(self, by: int) -> "Extents":
        """The same set, `by` bytes further on."""
        return Extents([(start + by, end + by) for start, end in self._sorted()])
