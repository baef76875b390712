"""JSON as a plain sequence of steps: open, scalar, close, each with its key and where it stands.

`strict_json` hands out many members and items at a time, because files full of numbers need that. Who has to see every
one of them goes through here and need not know what stands in bulk. Long lists of scalars are taken apart only if
`wanted` says so, by their key and bytes.
"""

import json
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from modelairlock.encodings.strict_json import Kind, Piece, pairs, place, text
from modelairlock.reading import Malformed
from modelairlock.records.span import Span


class Do(IntEnum):
    """What a step does."""

    OPEN_OBJECT = 1
    OPEN_ARRAY = 2
    SCALAR = 3
    CLOSE = 4
    REPEATED = 5


class Step(NamedTuple):
    """`key` is the member's, ``""`` for items of lists; `value` a scalar's. `piece` is what it stands in."""

    do: Do
    key: str
    value: Any
    piece: Piece

    @property
    def span(self) -> Span:
        """Where the value or the key is spelled, or else the piece that holds it."""
        if self.piece.kind is Kind.SCALAR:
            return Span(self.piece.position, self.piece.position + len(self.piece.raw))
        if isinstance(self.value, str):
            found = place(self.piece, self.value)
            if found.end - found.start < len(self.piece.raw):
                return found
        return place(self.piece, self.key)


_BRACKETS = {
    Kind.OPEN_OBJECT: Do.OPEN_OBJECT,
    Kind.OPEN_ARRAY: Do.OPEN_ARRAY,
    Kind.CLOSE_OBJECT: Do.CLOSE,
    Kind.CLOSE_ARRAY: Do.CLOSE,
}


def steps(pieces: Iterator[Piece], wanted: Callable[[str, bytes], bool]) -> Iterator[Step]:
    """Each piece taken apart."""
    key = ""
    for piece in pieces:
        if piece.kind is Kind.KEY:
            key = text(piece.raw)
            continue
        if piece.kind is Kind.REPEATED:
            yield Step(Do.REPEATED, text(piece.raw), None, piece)
            continue
        yield from _piece(piece, key, wanted)
        key = ""


def _piece(piece: Piece, key: str, wanted: Callable[[str, bytes], bool]) -> Iterator[Step]:
    match piece.kind:
        case Kind.OPEN_OBJECT | Kind.OPEN_ARRAY | Kind.CLOSE_OBJECT | Kind.CLOSE_ARRAY:
            yield Step(_BRACKETS[piece.kind], key, None, piece)
        case Kind.MEMBERS:
            for name, value in pairs(piece):
                yield from _value(name, value, piece, wanted)
        case Kind.FLAT:
            yield from _value(key, pairs(piece), piece, wanted)
        case Kind.SCALARS if not wanted(key, piece.raw):
            yield Step(Do.OPEN_ARRAY, key, None, piece)
            yield Step(Do.CLOSE, "", None, piece)
        case Kind.RUN if not wanted("", piece.raw):
            pass
        case Kind.RUN:
            for value in _decoded(piece, b"[" + piece.raw.rstrip(b" \t\r\n")[:-1] + b"]"):
                yield from _value("", value, piece, wanted)
        case _:
            yield from _value(key, _decoded(piece, piece.raw), piece, wanted)


def _value(key: str, value: Any, piece: Piece, wanted: Callable[[str, bytes], bool]) -> Iterator[Step]:
    """A decoded value: pairs are an object, a list is a list; neither nests deeper than two."""
    if isinstance(value, tuple):
        yield Step(Do.OPEN_OBJECT, key, None, piece)
        seen: set[str] = set()
        for name, inner in value:
            if name in seen:
                yield Step(Do.REPEATED, name, None, piece)
            seen.add(name)
            yield from _value(name, inner, piece, wanted)
        yield Step(Do.CLOSE, "", None, piece)
    elif isinstance(value, list):
        yield Step(Do.OPEN_ARRAY, key, None, piece)
        for inner in value:
            yield from _value("", inner, piece, wanted)
        yield Step(Do.CLOSE, "", None, piece)
    else:
        yield Step(Do.SCALAR, key, value, piece)


def _decoded(piece: Piece, raw: bytes) -> Any:
    if piece.kind is Kind.SCALAR and raw.startswith(b'"'):
        return text(raw)
    try:
        return json.loads(raw)
    except ValueError:
        raise Malformed(piece.position, "numbers of fewer than 4300 digits", "a longer one") from None
