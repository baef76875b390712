"""The old ``.lzma`` format, which joblib still writes.

What a newcomer would get wrong: it has no magic. The thirteen bytes of its header are properties, a dictionary size
and a decoded size, so a file is claimed only when they are plausible *and* something decodes from the bytes after them.
"""

from collections.abc import Iterator

from modelairlock.encodings.compression import decodes, whole_stream
from modelairlock.encodings.decoders import lzma_header
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

_NAMES = (".lzma", ".tlz")


def claims(probe: Probe) -> bool:
    """By a plausible header and a beginning that decodes; other properties than the usual ones want the extension."""
    head = probe.head
    if not lzma_header(head) or (head[0] != 0x5D and probe.extension not in _NAMES):
        return False
    return decodes(head, "lzma-alone")


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The decoded stream as one member."""
    yield whole_stream(cursor, "lzma-alone", _NAMES)


FORMAT = Format(
    name="lzma",
    summary="LZMA-compressed data in the old .lzma container",
    claims=claims,
    read=read,
    extensions=_NAMES,
    loaders=("lzma (Python)", "joblib", "xz --format=lzma"),
    blind_spots=("A stream with unusual properties (not 0x5d) under another extension than .lzma is not recognised.",),
    references=("https://tukaani.org/xz/ (lzma-file-format.txt)",),
)
