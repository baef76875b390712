"""Irregularities of an archive, told so that a hostile one cannot drown the rest: twenty of a kind, then a count."""

from collections.abc import Iterator

from modelairlock.records.facts import Irregularity
from modelairlock.records.span import Span

#: irregularities of one kind that are told one by one
TOLD = 20


class Teller:
    """Counts what it tells. Spans are cut to the artifact, since what is irregular often lies about positions."""

    __slots__ = ("counts", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.counts: dict[str, int] = {}

    def say(self, kind: str, start: int, end: int, detail: str) -> Iterator[Irregularity]:
        """One irregularity, unless enough of its kind were told."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= TOLD:
            start = max(0, min(start, self.size))
            yield Irregularity(span=Span(start, max(start, min(end, self.size))), kind=kind, detail=detail)

    def untold(self) -> Iterator[Irregularity]:
        """How many more there were of each kind."""
        for kind, count in self.counts.items():
            if count > TOLD:
                yield Irregularity(span=Span(0, self.size), kind=kind, detail=f"and {count - TOLD} more of this kind")
