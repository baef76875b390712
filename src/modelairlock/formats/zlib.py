"""A bare zlib stream, as joblib writes with ``compress=("zlib", n)``; several in a row are one stream.

What a newcomer would get wrong: two bytes are no magic (a text may begin ``x^``), so a file is claimed only when its
beginning really inflates to something.
"""

from collections.abc import Iterator

from modelairlock.encodings.compression import decodes, whole_stream
from modelairlock.encodings.decoders import zlib_header
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """By the header's own check and a beginning that inflates. A preset dictionary is nothing a loader could have."""
    return zlib_header(probe.head) and not probe.head[1] & 0x20 and decodes(probe.head, "zlib")


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The decoded stream as one member."""
    yield whole_stream(cursor, "zlib", (".z", ".zlib"))


FORMAT = Format(
    name="zlib",
    summary="A zlib stream without a container",
    claims=claims,
    read=read,
    extensions=(".zlib",),
    loaders=("joblib", "zlib (Python)"),
    references=("RFC 1950", "https://joblib.readthedocs.io (persistence: compressed files)"),
)
