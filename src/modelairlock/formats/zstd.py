"""Zstandard frames, one after another, read as the one stream that loaders see."""

from collections.abc import Iterator

from modelairlock.encodings.compression import whole_stream
from modelairlock.encodings.decoders import skippable_end
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

MAGIC = b"\x28\xb5\x2f\xfd"


def claims(probe: Probe) -> bool:
    """By the magic, at the start or behind skippable frames that fit into the head."""
    return probe.head.startswith(MAGIC, skippable_end(probe.head))


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The decoded stream as one member."""
    yield whole_stream(cursor, "zstd", (".zst", ".zstd", ".tzst"))


FORMAT = Format(
    name="zstd",
    summary="Zstandard-compressed data",
    claims=claims,
    read=read,
    extensions=(".zst", ".zstd", ".tzst"),
    loaders=("compression.zstd (Python)", "zstandard (Python)", "zstd"),
    blind_spots=(
        "Skippable frames are accounted for and not looked at; no loader hands them on.",
        "Frames that need a dictionary of their own, or a window over 128 MiB, are a gap.",
    ),
    references=("RFC 8878",),
)
