"""Drives one format over bytes in memory, as the tree would, without the tree."""

from collections.abc import Callable
from typing import NamedTuple

from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.reading import Budget, BytesSource, Cursor, Format, Probe, ReadProblem
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Link, Member
from modelairlock.records.span import Extents

HEAD_BYTES = 64 * 1024
TAIL_BYTES = 66 * 1024


class Result(NamedTuple):
    """What one reader said. Unpacks to facts, gaps and the cursor."""

    facts: list[Fact]
    gaps: list[Gap]
    cursor: Cursor

    @property
    def members(self) -> list[Member]:
        return [fact for fact in self.facts if isinstance(fact, Member)]

    @property
    def links(self) -> list[Link]:
        return [fact for fact in self.facts if isinstance(fact, Link)]

    @property
    def kinds(self) -> list[str]:
        """Kinds of the irregularities, each once, sorted."""
        return sorted({fact.kind for fact in self.facts if isinstance(fact, Irregularity)})


def probe(data: bytes, name: str = "x", role: str = "") -> Probe:
    """What a format sees of `data` before it claims it."""
    return Probe(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data), name, role)


def read(format: Format, data: bytes, name: str = "x", limits: Limits = DEFAULT_LIMITS) -> Result:
    """Facts and gaps of `data` by one format: those it states, the one it stops at, and those for what it forgot."""
    cursor = Cursor(BytesSource(data), name, Budget(limits))
    facts: list[Fact] = []
    gaps: list[Gap] = []
    try:
        for stated in format.read(cursor):
            (gaps if isinstance(stated, Gap) else facts).append(stated)
    except ReadProblem as problem:
        start = min(max(problem.position, 0), len(data))
        gaps.append(Gap(start=start, end=len(data), because=problem.because, detail=problem.detail))
    covered = cursor.counted()
    covered.update(cursor.passed)
    covered.update((gap.start, gap.end) for gap in gaps)
    covered.update((fact.span.start, min(fact.span.end, len(data))) for fact in facts if isinstance(fact, Member))
    for start, end in Extents([(0, len(data))]).minus(covered):
        gaps.append(Gap(start=start, end=end, because=Because.UNRECOGNISED, detail="not accounted for"))
    for fact in facts:
        assert 0 <= fact.span.start <= fact.span.end, fact
    for gap in gaps:
        assert 0 <= gap.start <= gap.end <= len(data), gap
    assert covered.minus(Extents([(0, len(data))])).total() == 0, "something is accounted for that is not there"
    return Result(facts, gaps, cursor)


def cut_everywhere(format: Format, data: bytes, *, opened: Callable[[Result, bytes], bool] | None = None) -> None:
    """Every cut of `data` that is still claimed has a gap, or `opened` sees that the damage is in a member."""
    for length in range(1, len(data)):
        cut = data[:length]
        if not format.claims(probe(cut)):
            continue
        result = read(format, cut)
        assert result.gaps or (opened and opened(result, cut)), f"cut at {length} of {len(data)}: nothing is missing"
