"""Reads bytes with one format, or with some, as the tree does; a bug in a reader is raised."""

from collections.abc import Iterator
from typing import TypeVar

from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource, Format, Probe
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Irregularity
from modelairlock.records.reading import Reading

T = TypeVar("T")


def read(data: bytes, *known: Format, name: str = "file", limits: Limits = DEFAULT_LIMITS) -> Reading:
    """The reading of `data`, where only `known` formats exist. Every byte is accounted for, or it fails here."""
    reading = read_tree(BytesSource(data), name, name, limits, known, strict=True)
    assert_adds_up(reading)
    return reading


def assert_adds_up(reading: Reading) -> None:
    """The sum that `Coverage` promises."""
    coverage = reading.coverage
    open_bytes = {at for gap in coverage.gaps for at in range(gap.start, min(gap.end, gap.start + 100_000))}
    if coverage.size_bytes < 100_000:
        assert coverage.read_bytes + coverage.passed_over_bytes + len(open_bytes) == coverage.size_bytes
    for member in reading.members:
        assert_adds_up(member)


def probe(data: bytes, name: str = "file", role: str = "") -> Probe:
    return Probe(data[: 64 * 1024], data[-66 * 1024 :], len(data), name, role, BytesSource(data), {})


def claims(format_: Format, data: bytes, name: str = "file", role: str = "") -> bool:
    return format_.claims(probe(data, name, role))


def complete(reading: Reading) -> bool:
    """Whether neither this artifact nor one inside it has a gap."""
    return reading.coverage.complete and all(complete(member) for member in reading.members)


def because(reading: Reading) -> set[Because]:
    return {gap.because for gap in reading.coverage.gaps}


def irregular(reading: Reading) -> list[str]:
    return [fact.kind for fact in reading.facts if isinstance(fact, Irregularity)]


def cuts(data: bytes) -> Iterator[bytes]:
    """`data` cut short at every byte."""
    for end in range(len(data)):
        yield data[:end]
