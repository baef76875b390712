"""Xz streams, one after another, with the padding between them, read as the one stream that loaders see."""

from collections.abc import Iterator

from modelairlock.encodings.compression import whole_stream
from modelairlock.reading import Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """By the magic (section 2.1.1.1)."""
    return probe.head.startswith(b"\xfd7zXZ\x00")


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The decoded stream as one member."""
    yield whole_stream(cursor, "xz", (".xz", ".txz"))


FORMAT = Format(
    name="xz",
    summary="Xz-compressed data",
    claims=claims,
    begins=first_bytes(b"\xfd"),
    read=read,
    extensions=(".xz", ".txz"),
    loaders=("lzma (Python)", "joblib", "xz"),
    blind_spots=("Streams that need more than 144 MiB for their dictionary are a gap.",),
    references=("https://tukaani.org/xz/xz-file-format.txt (1.2.1)",),
)
