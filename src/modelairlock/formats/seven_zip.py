"""A 7z archive: recognised, so that it is never mistaken for something that was looked at, and not read.

It is how "nullifAI" brought pickles past a scan: ``torch.load`` does not open 7z, people do.
"""

from collections.abc import Iterator

from modelairlock.reading import Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact

MAGIC = b"7z\xbc\xaf\x27\x1c"


def claims(probe: Probe) -> bool:
    """By the magic."""
    return probe.head.startswith(MAGIC)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Nothing but a gap over everything."""
    detail = "a 7z archive is not opened here: unpack it with 7-Zip and scan the files that come out"
    yield Gap(start=0, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="seven_zip",
    summary="7z archive",
    claims=claims,
    begins=first_bytes(MAGIC),
    read=read,
    extensions=(".7z",),
    loaders=("7-Zip",),
    blind_spots=("Everything inside: the whole file is a gap.",),
    references=("https://www.7-zip.org/7z.html", "ReversingLabs: nullifAI (2025)"),
)
