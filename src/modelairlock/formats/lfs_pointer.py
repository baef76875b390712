"""What git leaves in place of a large file: three lines that name its digest and size.

What a newcomer would get wrong: a pointer under the name of a model is not a small, harmless model. The model is not
here, so nothing can be said about it, and the pointer is a gap.
"""

from collections.abc import Iterator

from modelairlock.encodings.plain_text import TEXT_BEGINS, TextKind, text_kind
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """By the first line, as git-lfs knows its own."""
    return text_kind(probe) is TextKind.POINTER


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """One gap."""
    detail = "this is a pointer, the model itself is not here: run git lfs pull"
    yield Gap(start=0, end=cursor.size, because=Because.UNSUPPORTED, detail=detail)


FORMAT = Format(
    name="lfs_pointer",
    summary="git-lfs pointer",
    claims=claims,
    begins=TEXT_BEGINS,
    read=read,
    loaders=("git lfs",),
    blind_spots=("the file it stands for",),
    references=("https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md",),
)
