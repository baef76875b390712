"""LZ4 frames, one after another, read as the one stream that loaders see.

What a newcomer would get wrong: there are two frame formats. The legacy one (``02 21 4c 18``, from ``lz4 -l`` and the
Linux kernel) is recognised, and nothing here reads it.
"""

from collections.abc import Iterator

from modelairlock.encodings.compression import whole_stream
from modelairlock.encodings.decoders import skippable_end
from modelairlock.reading import Cursor, Format, Probe, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

MAGIC, LEGACY_MAGIC = b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18"


def claims(probe: Probe) -> bool:
    """By either magic, at the start or behind skippable frames that fit into the head."""
    return probe.head.startswith((MAGIC, LEGACY_MAGIC), skippable_end(probe.head))


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The decoded stream as one member. Raises `Unsupported` for the legacy format."""
    if cursor.peek(0, 4) == LEGACY_MAGIC:
        raise Unsupported(0, "a legacy LZ4 frame: decompress it and compress it anew with a current lz4")
    yield whole_stream(cursor, "lz4-frame", (".lz4",))


FORMAT = Format(
    name="lz4",
    summary="LZ4-compressed data",
    claims=claims,
    read=read,
    extensions=(".lz4",),
    loaders=("lz4.frame (Python)", "joblib", "lz4"),
    blind_spots=(
        "Skippable frames are accounted for and not looked at; no loader hands them on.",
        "Legacy frames are a gap.",
    ),
    references=("https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md (1.6.4)",),
)
