"""Gzip members, one after another, read as the one stream that loaders see.

What a newcomer would get wrong: a gzip file may hold any number of members, with zeros between them, and Python reads
on through all of them; so what is inside is one artifact. joblib opens such files without being told.
"""

from collections.abc import Iterator

from modelairlock.encodings.compression import whole_stream
from modelairlock.reading import Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """By the magic and the only method there is (RFC 1952 section 2.3.1)."""
    return probe.head.startswith(b"\x1f\x8b\x08")


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The decoded stream as one member; what follows the last gzip member is a gap once that is known."""
    yield whole_stream(cursor, "gzip", (".gz", ".gzip", ".tgz"))


FORMAT = Format(
    name="gzip",
    summary="Gzip-compressed data",
    claims=claims,
    begins=first_bytes(b"\x1f"),
    read=read,
    extensions=(".gz", ".gzip", ".tgz"),
    loaders=("gzip (Python)", "joblib", "GNU gzip"),
    blind_spots=("The file name, comment and extra field of a gzip header are accounted for and not looked at.",),
    references=("RFC 1952",),
)
