"""Source code: it runs if something executes or imports it. Nothing here reads it yet.

What a newcomer would get wrong: a model that needs none of its scripts still carries them, and a loader told to trust
remote code imports them. Their presence is therefore a gap, never silence.
"""

from collections.abc import Iterator

from modelairlock.encodings.plain_text import SCRIPT_EXTENSIONS, TEXT_BEGINS, TextKind, text_kind
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """Text under a name of source code, or that begins with ``#!``."""
    return text_kind(probe) is TextKind.SCRIPT


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """One gap."""
    detail = "source code: it runs if something executes or imports it; nothing reads scripts yet"
    yield Gap(start=0, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="script",
    summary="source code and notebooks",
    claims=claims,
    begins=TEXT_BEGINS,
    read=read,
    extensions=SCRIPT_EXTENSIONS,
    loaders=("an interpreter or a compiler", "transformers with trust_remote_code=True"),
    blind_spots=("everything: the content is not read yet",),
)
