"""Reads bytes with one format, or with some, as the tree does; a bug in a reader is raised."""

from collections.abc import Iterator

from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource, Format
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Irregularity
from modelairlock.records.reading import Reading
from tests.reading_help import crossed, probe


def read(data: bytes, *known: Format, name: str = "file", limits: Limits = DEFAULT_LIMITS) -> Reading:
    """The reading of `data` as the parent gets it, where only `known` formats exist."""
    return crossed(read_tree(BytesSource(data), name, name, limits, known, strict=True))


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
