"""Bzip2 streams, one after another, read as the one stream that loaders see."""

from collections.abc import Iterator

from modelairlock.encodings.compression import whole_stream
from modelairlock.reading import Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

_LEVELS = frozenset(b"123456789")
#: what begins a block, and what ends a stream without one: digits of pi and of its square root
_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")


def claims(probe: Probe) -> bool:
    """By the stream header and the block or end mark after it, as far as the file goes."""
    head = probe.head[:10]
    if head[:3] != b"BZh" or len(head) < 4 or head[3] not in _LEVELS:
        return False
    return any(block.startswith(head[4:]) for block in _BLOCKS)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The decoded stream as one member."""
    yield whole_stream(cursor, "bzip2", (".bz2", ".tbz2", ".tbz"))


FORMAT = Format(
    name="bz2",
    summary="Bzip2-compressed data",
    claims=claims,
    begins=first_bytes(b"B"),
    read=read,
    extensions=(".bz2", ".tbz2", ".tbz"),
    loaders=("bz2 (Python)", "joblib", "bzip2"),
    references=("https://sourceware.org/bzip2/",),
)
