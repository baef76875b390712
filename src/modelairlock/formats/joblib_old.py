"""Compressed files of joblib before 0.9.3: ``ZF``, the length of the pickle in hex, then one zlib stream.

What a newcomer would get wrong: nothing writes them any more, and joblib.load still opens whatever begins with those
two letters, by any name. It reads the length as `int` reads it, and skips one blank more, as Python 2 wrote it.
"""

from collections.abc import Iterator

from modelairlock.encodings.decoders import zlib_header
from modelairlock.reading import Cursor, Format, Malformed, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Member
from modelairlock.records.span import Span

_MAGIC = b"ZF"
#: the letters, and as many as ``hex(2**64)`` has
_HEADER_BYTES = 2 + 19


def _stream_at(head: bytes) -> int:
    """Where the zlib stream begins, 0 if the header is none."""
    if not head.startswith(_MAGIC) or len(head) <= _HEADER_BYTES:
        return 0
    try:
        int(head[len(_MAGIC) : _HEADER_BYTES], 16)
    except ValueError:
        return 0
    return _HEADER_BYTES + head[_HEADER_BYTES:].startswith(b" ")


def claims(probe: Probe) -> bool:
    """By the two letters, a length that is a number, and the header of a zlib stream behind it."""
    at = _stream_at(probe.head)
    return at > 0 and zlib_header(probe.head[at:])


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The pickle as one member, whatever the header says of its length: joblib inflates first and looks then."""
    at = _stream_at(cursor.peek(0, _HEADER_BYTES + 1))
    if not at:
        raise Malformed(0, "ZF and a length in hex", repr(cursor.peek(0, _HEADER_BYTES)))
    cursor.read(0, at)
    yield Member(span=Span(at, cursor.size), name=cursor.name.rpartition("/")[2], method="zlib")


FORMAT = Format(
    name="joblib_old",
    summary="Compressed files of joblib before 0.9.3",
    claims=claims,
    read=read,
    extensions=(".joblib", ".z"),
    loaders=("joblib.load (1.x)",),
    blind_spots=("Arrays that such a file keeps in files beside it (.npy, .z): scan the whole folder.",),
    references=("joblib/numpy_pickle_compat.py, read_zfile",),
)
