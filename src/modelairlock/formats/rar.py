"""A RAR archive, version 4 or 5: recognised, so that it is never mistaken for something looked at, and not read."""

from collections.abc import Iterator

from modelairlock.reading import Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact

MAGIC = (b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00")


def claims(probe: Probe) -> bool:
    """By either version's signature."""
    return probe.head.startswith(MAGIC)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Nothing but a gap over everything."""
    detail = "a RAR archive is not opened here: unpack it with unrar and scan the files that come out"
    yield Gap(start=0, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="rar",
    summary="RAR archive",
    claims=claims,
    begins=first_bytes(*MAGIC),
    read=read,
    extensions=(".rar",),
    loaders=("WinRAR", "unrar"),
    blind_spots=("Everything inside: the whole file is a gap.",),
    references=("https://www.rarlab.com/technote.htm",),
)
