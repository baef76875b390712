"""Drives one format over bytes in memory, alone or in a tree with a reader for everything else."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline.answer import decode
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import Budget, BytesSource, Cursor, Format, Probe, ReadProblem
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Link, Member
from modelairlock.records.reading import Reading
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
    return Probe(data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data), name, role, BytesSource(data), {})


def read(one: Format, data: bytes, name: str = "x", limits: Limits = DEFAULT_LIMITS) -> Result:
    """Facts and gaps of `data` by one format: those it states, the one it stops at, and those for what it forgot."""
    cursor = Cursor(BytesSource(data), name, Budget(limits))
    facts: list[Fact] = []
    gaps: list[Gap] = []
    try:
        for stated in one.read(cursor):
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


def plain(*formats: Format) -> Format:
    """A format that reads every byte of whatever `formats` do not claim, so that only they can leave gaps."""

    def read_all(cursor: Cursor) -> Iterator[Fact | Gap]:
        for at in range(0, cursor.size, 1 << 20):
            cursor.read(at, min(1 << 20, cursor.size - at))
        return
        yield

    return Format(name="plain", summary="", claims=lambda p: not any(one.claims(p) for one in formats), read=read_all)


def tree(data: bytes, *formats: Format, name: str = "x", limits: Limits = DEFAULT_LIMITS) -> Reading:
    """The whole tree of `data` by `formats`; what none of them claims is read as it is."""
    return crossed(read_tree(BytesSource(data), name, name, limits, (*formats, plain(*formats)), strict=True))


def crossed(reading: Reading) -> Reading:
    """`reading` as the parent gets it. What it would refuse (sums that do not add up, strays) fails here, by name."""
    return decode(msgspec.msgpack.encode(reading), reading.coverage.size_bytes, reading.path)


def walk(reading: Reading) -> Iterator[Reading]:
    """`reading` and all inside it."""
    yield reading
    for member in reading.members:
        yield from walk(member)


def gaps_of(reading: Reading) -> list[Gap]:
    """Every gap of the tree."""
    return [gap for one in walk(reading) for gap in one.coverage.gaps]


def kinds_of(reading: Reading) -> list[str]:
    """Kinds of the irregularities anywhere in the tree."""
    return sorted({fact.kind for one in walk(reading) for fact in one.facts if isinstance(fact, Irregularity)})


def cut_everywhere(data: bytes, *formats: Format, name: str = "x") -> None:
    """`data` leaves no gap, and every cut of it that the first of `formats` still claims does."""
    assert gaps_of(tree(data, *formats, name=name)) == []
    claimed = 0
    for length in range(1, len(data)):
        cut = data[:length]
        if formats[0].claims(probe(cut, name)):
            claimed += 1
            assert gaps_of(tree(cut, *formats, name=name)), f"cut at {length} of {len(data)}: nothing is missing"
    _fair_share(claimed, len(data) - 1, formats[0])


def change_everywhere(data: bytes, *formats: Format, name: str = "x") -> None:
    """No changed byte of `data` makes a reader fail, or lose count of its bytes (`crossed` compares)."""
    claimed = 0
    for position in range(len(data)):
        for value in (0, 0xFF, data[position] ^ 1):
            changed = data[:position] + bytes([value]) + data[position + 1 :]
            claimed += formats[0].name in tree(changed, *formats, name=name).formats
    _fair_share(claimed, 3 * len(data), formats[0])


def _fair_share(claimed: int, of: int, one: Format) -> None:
    assert claimed * 2 >= of, (
        f"{one.name} claims only {claimed} of {of}, so this tests little: give a name it goes by, or the file whole;"
        " else ask the reader itself, by `read`"
    )
