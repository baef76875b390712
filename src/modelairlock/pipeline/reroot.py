"""Moves a reading to another place in the tree: the worker and the cache know a file's own name, never its folder."""

from msgspec.structs import replace

from modelairlock.records.coverage import Coverage, Gap
from modelairlock.records.reading import Reading


def reroot(reading: Reading, path: str) -> Reading:
    """`reading` as if it had been read at `path`; the paths of its members follow."""
    return _moved(reading, len(reading.path), path)


def _moved(reading: Reading, cut: int, path: str) -> Reading:
    members = tuple(_moved(member, cut, path) for member in reading.members)
    return replace(reading, path=path + reading.path[cut:], members=members)


def with_gap(reading: Reading, gap: Gap) -> Reading:
    """`reading` with one more gap; bytes in it no longer count as read or passed over.

    Only whole-file and empty gaps can be added afterwards: which bytes of a part were read is not known any more.
    """
    coverage = reading.coverage
    kept = gap.start == gap.end
    more = Coverage(
        size_bytes=coverage.size_bytes,
        read_bytes=coverage.read_bytes if kept else 0,
        passed_over_bytes=coverage.passed_over_bytes if kept else 0,
        gaps=(*coverage.gaps, gap),
    )
    return replace(reading, coverage=more)
