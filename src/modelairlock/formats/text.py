"""Text that people read and tokenizers split: notes, licences, tables, vocabularies.

What a newcomer would get wrong: this is not "any text". Only a closed set of names counts (`encodings.plain_text`),
and the whole file must be text to its last byte. A ``requirements.txt`` is not among them: pip acts on it.
"""

from collections.abc import Iterator

from modelairlock.encodings.plain_text import INERT_EXTENSIONS, PIECE, TEXT_BEGINS, TextKind, read_text, text_kind
from modelairlock.encodings.secret_shapes import LONGEST, Secrets
from modelairlock.reading import Cursor, Format, Probe
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


def claims(probe: Probe) -> bool:
    """By content whether it is text, by name whether nothing acts on it."""
    return text_kind(probe) is TextKind.INERT


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Check every byte; text has no structure to tell of, but people leave their keys in it."""
    secrets = Secrets()
    end = 0
    before = b""
    for piece in read_text(cursor):
        del piece
        data = cursor.peek(end, min(PIECE, cursor.size - end))
        yield from secrets.find(before + data, end - len(before))
        end += len(data)
        before = data[-LONGEST:]


FORMAT = Format(
    name="text",
    summary="plain text",
    claims=claims,
    begins=TEXT_BEGINS,
    read=read,
    extensions=INERT_EXTENSIONS,
    loaders=("a person", "tokenizers that read a vocabulary line by line"),
    blind_spots=("what the text tells a person, or a program that interprets it, to do",),
    references=("https://www.rfc-editor.org/rfc/rfc3629 (UTF-8)",),
)
