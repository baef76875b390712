"""JSON as a plain sequence of steps: open, scalar, close, each with its key and where it stands.

`strict_json` hands out many members and items at a time, because files full of numbers need that. Who has to see every
one of them goes through here and need not know what stands in bulk. Long lists of scalars are taken apart only if
`wanted` says so, by their key and bytes.
"""

import json
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from modelairlock.encodings.strict_json import Kind, Piece, pairs, text
from modelairlock.reading import Malformed
from modelairlock.records.span import Span


class Do(IntEnum):
    """What a step does."""

    OPEN_OBJECT = 1
    OPEN_ARRAY = 2
    SCALAR = 3
    CLOSE = 4
    REPEATED = 5


class _Spelled:
    """Looks for texts in one piece, each behind the one before it, so that all of them together cost one pass."""

    __slots__ = ("at", "lost", "piece")

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self.at = 0
        self.lost = piece.kind in (Kind.SCALAR, Kind.KEY)

    def find(self, text: str) -> Span:
        """Where `text` stands if it is spelled there without needless escapes; else the whole piece."""
        start, raw = self.piece.position, self.piece.raw
        if not self.lost:
            for ascii_only in (False, True):
                spelled = json.dumps(text, ensure_ascii=ascii_only).encode("utf-8", "replace")
                found = raw.find(spelled, self.at)
                if found >= 0:
                    self.at = found + len(spelled)
                    return Span(start + found, start + self.at)
            self.lost = True
        return Span(start, start + len(raw))


class Step(NamedTuple):
    """`key` is the member's, ``""`` for items of lists; `value` a scalar's. `piece` is what it stands in."""

    do: Do
    key: str
    value: Any
    piece: Piece
    spelled: _Spelled

    @property
    def span(self) -> Span:
        """Where the value is spelled, or the key of one that is no text, or else the piece. To be asked in order."""
        return self.spelled.find(self.value if isinstance(self.value, str) else self.key)


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
        elif piece.kind is Kind.REPEATED:
            yield Step(Do.REPEATED, text(piece.raw), None, piece, _Spelled(piece))
        else:
            yield from _Apart(piece, wanted).steps(key)
            key = ""


class _Apart:
    """One piece that is taken apart."""

    __slots__ = ("piece", "spelled", "wanted")

    def __init__(self, piece: Piece, wanted: Callable[[str, bytes], bool]) -> None:
        self.piece = piece
        self.spelled = _Spelled(piece)
        self.wanted = wanted

    def steps(self, key: str) -> Iterator[Step]:
        """What stands in the piece, whose own key is `key`."""
        piece = self.piece
        match piece.kind:
            case Kind.OPEN_OBJECT | Kind.OPEN_ARRAY | Kind.CLOSE_OBJECT | Kind.CLOSE_ARRAY:
                yield self._step(_BRACKETS[piece.kind], key)
            case Kind.MEMBERS:
                for name, value in pairs(piece):
                    yield from self._value(name, value)
            case Kind.FLAT:
                yield from self._value(key, pairs(piece))
            case Kind.SCALARS if not self.wanted(key, piece.raw):
                yield self._step(Do.OPEN_ARRAY, key)
                yield self._step(Do.CLOSE)
            case Kind.RUN if not self.wanted("", piece.raw):
                pass
            case Kind.RUN:
                for value in _decoded(piece, b"[" + piece.raw.rstrip(b" \t\r\n")[:-1] + b"]"):
                    yield from self._value("", value)
            case _:
                yield from self._value(key, _decoded(piece, piece.raw))

    def _step(self, do: Do, key: str = "", value: Any = None) -> Step:
        return Step(do, key, value, self.piece, self.spelled)

    def _value(self, key: str, value: Any) -> Iterator[Step]:
        """A decoded value: pairs are an object, a list is a list; neither nests deeper than two."""
        if isinstance(value, tuple):
            yield self._step(Do.OPEN_OBJECT, key)
            seen: set[str] = set()
            for name, inner in value:
                if name in seen:
                    yield self._step(Do.REPEATED, name)
                seen.add(name)
                yield from self._value(name, inner)
            yield self._step(Do.CLOSE)
        elif isinstance(value, list):
            yield self._step(Do.OPEN_ARRAY, key)
            for inner in value:
                yield from self._value("", inner)
            yield self._step(Do.CLOSE)
        else:
            yield self._step(Do.SCALAR, key, value)


def _decoded(piece: Piece, raw: bytes) -> Any:
    if piece.kind is Kind.SCALAR and raw.startswith(b'"'):
        return text(raw)
    try:
        return json.loads(raw)
    except ValueError:
        raise Malformed(piece.position, "numbers of fewer than 4300 digits", "a longer one") from None
