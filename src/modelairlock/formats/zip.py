"""A zip archive: every member is read anew, by what it holds and not by its name.

What a newcomer would get wrong: there is no such thing as *the* content of a zip. Readers choose between the directory
and the local headers, the first and the last of two equal names, the flags and the bytes; `encodings.zip` states each
disagreement and hands on every member in every way it can be read. Formats that are zips inside (a torch checkpoint,
an npz) call it themselves and say they build on this one.
"""

from collections.abc import Iterator

from modelairlock.encodings.zip import looks_like_zip, read_archive
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """By a local header at the start, or an end record that fits the file: readers find archives behind anything."""
    return looks_like_zip(probe)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """All members, and whatever directory, headers and the bytes between them disagree on."""
    yield from read_archive(cursor)


FORMAT = Format(
    name="zip",
    summary="Zip archive",
    claims=claims,
    read=read,
    extensions=(".zip",),
    loaders=("zipfile (Python)", "miniz (torch)", "Info-ZIP unzip", "7-Zip"),
    blind_spots=(
        "A member's CRC-32 is compared up to 64 MiB a member and 256 MiB an archive.",
        "Comments and extra fields are accounted for, and their content is not looked at.",
        "The other parts of a split archive.",
    ),
    references=(
        "https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (6.3.10)",
        "CVE-2024-0450 (overlapping members)",
    ),
)
