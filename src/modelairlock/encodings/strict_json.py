"""Walks JSON (RFC 8259) piece by piece, in constant memory, and sees what parsers hide: a key that stands twice.

What a newcomer would get wrong: parsing 100 MB of hostile JSON into Python values takes gigabytes (``[[],[],…`` grows
twentyfold), so nothing here builds the whole value. The walk yields pieces with their positions. What consists of
scalars and of arrays of scalars comes many at a time (MEMBERS, RUN, FLAT, SCALARS), because that is what vocabularies
and headers are made of; those pieces are bounded by the window, so `pairs` and `json.loads` may decode them.

Which of two equal keys counts differs from loader to loader (Python keeps the last, others the first), so a repeated
key means that two loaders may read two different files.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple

from modelairlock.reading import Cursor, Malformed, OverLimit, Truncated
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

DEPTH = 128
"""Brackets inside brackets; serde_json, which reads safetensors and tokenizers, refuses more than this."""
TOKEN_BYTES = 16 * 1024 * 1024
"""The largest single string or number that is kept in memory."""

_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_NUMBER = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_CONSTANT = rb"NaN|-?Infinity"
_S = rb"[ \t\r\n]*+"


class Kind(IntEnum):
    """What a piece is. A caller must be ready to meet what FLAT, SCALARS and RUN stand for in single pieces too."""

    OPEN_OBJECT = 1
    CLOSE_OBJECT = 2
    OPEN_ARRAY = 3
    CLOSE_ARRAY = 4
    KEY = 5
    SCALAR = 6
    SCALARS = 7
    """A whole array of scalars."""
    RUN = 8
    """Some scalars or arrays of scalars out of a longer array, each with its comma."""
    FLAT = 9
    """A whole object, inside another value, whose values are scalars and arrays of scalars."""
    MEMBERS = 10
    """Some members of a longer object, with commas between; values are scalars, arrays of scalars, or like FLAT."""
    REPEATED = 11
    """A key that its object had before; follows its KEY or MEMBERS piece. Inside a FLAT piece `pairs` shows it."""


class Piece(NamedTuple):
    """One step of the walk: what it is, its bytes as they stand in the file, and where they begin."""

    kind: Kind
    raw: bytes
    position: int


class _Patterns:
    """The grammar, with or without the constants that Python's own writer adds to JSON."""

    __slots__ = ("long", "member", "members", "run", "value")

    def __init__(self, constants: bool) -> None:
        extra = rb"|" + _CONSTANT if constants else b""
        scalar = rb"(?:" + _STRING + rb"|" + _NUMBER + rb"|true|false|null" + extra + rb")"
        array = rb"\[" + _S + rb"(?:" + scalar + _S + rb"(?:," + _S + scalar + _S + rb")*+)?\]"
        member = _STRING + _S + rb":" + _S + rb"(?:" + scalar + rb"|" + array + rb")" + _S
        flat = rb"\{" + _S + rb"(?:" + member + rb"(?:," + _S + member + rb")*+)?\}"
        # Numbers run into what follows them, so a scalar does not count before its delimiter has been seen.
        one = rb"(" + scalar + rb")(?=[ \t\r\n,}\]]|\Z)|([{\[])"
        self.value = regex(_S + rb"(?:" + one + rb")")
        self.long = regex(_S + rb"(?:(" + array + rb")|(" + flat + rb")|" + one + rb")")
        self.run = regex(rb"(?:" + _S + rb"(?:" + scalar + rb"|" + array + rb")" + _S + rb",)++")
        self.member = regex(_S + rb"(,?)" + _S + rb"(" + _STRING + rb")" + _S + rb":")
        value = rb"(?:" + scalar + rb"|" + array + rb"|" + flat + rb")"
        plain = _STRING + _S + rb":" + _S + value + _S + rb"(?=[,}])"
        self.members = regex(_S + rb"(,?)" + _S + rb"(" + plain + rb"(?:," + _S + plain + rb")*+)")


@cache
def _patterns(constants: bool) -> _Patterns:
    """Compiled when the first JSON is read: that takes longer than starting without."""
    return _Patterns(constants=constants)


_LONG = {1: Kind.SCALARS, 2: Kind.FLAT, 3: Kind.SCALAR}
# Made once: `json.loads` with a hook makes a decoder at every call, which costs more than a short object.
_DECODER = json.JSONDecoder(object_pairs_hook=tuple)
_SPACE = regex(_S)
_TOKEN = regex(_STRING + rb"|[{}\[\]:,]")


def walk(cursor: Cursor, start: int, end: int, *, constants: bool = False, many: bool = False) -> Iterator[Piece]:
    """Every piece of the JSON value in ``start..end``, reading through `cursor` as it goes.

    With `constants`, NaN and Infinity pass, as Python writes them. With `many`, values may follow one another (JSON
    lines). Blanks around values are allowed. Raises `Malformed`, `Truncated` (the value is not over at `end`) and
    `OverLimit` (deeper than `DEPTH`, a token over `TOKEN_BYTES`, more open keys than ``limits.entries``).
    """
    return _Walk(cursor, start, end, _patterns(constants)).values(many)


def text(raw: bytes) -> str:
    """The characters of a string piece. Escapes may spell lone surrogates, which not every output takes."""
    if b"\\" not in raw:
        return raw[1:-1].decode("utf-8", "replace")
    value = json.loads(raw)
    return value if isinstance(value, str) else ""


Pairs = tuple[tuple[str, Any], ...]


def pairs(piece: Piece) -> Pairs:
    """Keys and values of a FLAT or MEMBERS piece, in order, repeated ones too; a value that is an object is such pairs.

    Raises `Malformed` for numbers that are too long to be one.
    """
    raw = piece.raw if piece.kind is Kind.FLAT else b"{" + piece.raw + b"}"
    try:
        decoded: Pairs = _DECODER.raw_decode(raw.decode())[0]
    except ValueError:
        raise Malformed(piece.position, "numbers of fewer than 4300 digits", "a longer one") from None
    return decoded


def strings_under(piece: Piece, wanted: Callable[[str], bool], *, within: bool = False) -> Iterator[Span]:
    """Where the strings stand, with their quotes, that are values under a `wanted` key, or somewhere inside of one.

    With `within`, the piece lies inside of such a value as a whole. For pieces of any kind that holds strings.
    """
    depth, key, last = 0, "", None
    #: how deep the containers are that stand under a wanted key
    inside = 0
    for token in _TOKEN.finditer(piece.raw):
        sign = token[0][:1]
        if sign == b'"':
            last = token
        if sign == b":" and last is not None:
            key, last = text(last[0]), None
            continue
        if last is not None and sign != b'"':
            if within or inside or wanted(key):
                yield Span(piece.position + last.start(), piece.position + last.end())
            last = None
        if sign in (b"{", b"["):
            depth += 1
            inside = inside or (depth if wanted(key) else 0)
        elif sign in (b"}", b"]"):
            inside = 0 if inside == depth else inside
            depth -= 1
        key = "" if sign in b"{}[]" else key
    if last is not None and (within or inside or wanted(key)):
        yield Span(piece.position + last.start(), piece.position + last.end())


def place(piece: Piece, key: str) -> Span:
    """Where `key` stands in the piece, if it is spelled there without needless escapes; else the whole piece."""
    for ascii_only in (False, True):
        spelled = json.dumps(key, ensure_ascii=ascii_only).encode("utf-8", "replace")
        found = piece.raw.find(spelled)
        if found >= 0:
            return Span(piece.position + found, piece.position + found + len(spelled))
    return Span(piece.position, piece.position + len(piece.raw))


class _Walk:
    """A window on the text, and the brackets that are open: a set of keys for each object, None for an array."""

    __slots__ = ("base", "buffer", "cursor", "decoder", "end", "fresh", "keys", "open", "patterns", "position")

    def __init__(self, cursor: Cursor, start: int, end: int, patterns: _Patterns) -> None:
        self.cursor = cursor
        self.patterns = patterns
        self.end = min(end, cursor.size)
        self.base = start
        self.buffer = b""
        self.position = 0
        self.open: list[set[int] | None] = []
        self.fresh = False
        self.keys = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")("strict")

    @property
    def here(self) -> int:
        """The position in the artifact."""
        return self.base + self.position

    def values(self, many: bool) -> Iterator[Piece]:
        """All values, then nothing but blanks up to the end."""
        yield from self._one()
        while self._more():
            if not many:
                raise self._wrong("nothing after the value")
            yield from self._one()

    def _more(self) -> bool:
        """Whether anything but blanks is left."""
        while True:
            space = _SPACE.match(self.buffer, self.position)
            self.position = space.end() if space else self.position
            if self.position < len(self.buffer):
                return True
            if not self._refill():
                return False

    def _one(self) -> Iterator[Piece]:
        """One value with all that is in it."""
        yield from self._value()
        while self.open:
            first, self.fresh = self.fresh, False
            keys = self.open[-1]
            if keys is None:
                yield from self._element_or_end(first=first)
            else:
                yield from self._member_or_end(keys, first=first)

    def _value(self) -> Iterator[Piece]:
        match = self._match(self._value_pattern(), "a JSON value")
        bracket = match[match.re.groups]
        if bracket is None:
            which = match.lastindex or 1
            kind = Kind.SCALAR if match.re.groups == 2 else _LONG[which]
            yield Piece(kind, match[which], self.base + match.start(which))
            return
        if len(self.open) >= DEPTH:
            raise OverLimit(self.here - 1, f"JSON nested deeper than {DEPTH}")
        is_object = bracket == b"{"
        self.open.append(set() if is_object else None)
        self.fresh = True
        yield Piece(Kind.OPEN_OBJECT if is_object else Kind.OPEN_ARRAY, bracket, self.here - 1)

    def _value_pattern(self) -> re.Pattern[bytes]:
        return self.patterns.long if self.open and self._short() else self.patterns.value

    def _short(self) -> bool:
        """Whether the window is short enough for whole arrays and objects; it is made to hold some text beforehand."""
        window = self.cursor.limits.window_bytes
        if len(self.buffer) - self.position < window // 4:
            self._refill()
        return len(self.buffer) <= 3 * window

    def _element_or_end(self, *, first: bool) -> Iterator[Piece]:
        sign = self._next()
        if sign == b"]":
            yield self._close()
            return
        if not first:
            if sign != b",":
                raise self._wrong("',' or ']'")
            self.position += 1
            self._more()
        while run := self.patterns.run.match(self.buffer, self.position):
            yield Piece(Kind.RUN, run[0], self.here)
            self.position = run.end()
            self._more()
        yield from self._value()

    def _member_or_end(self, keys: set[int], *, first: bool) -> Iterator[Piece]:
        while self._short():
            members = self.patterns.members.match(self.buffer, self.position)
            if members is None or bool(members[1]) is first:
                break
            first = False
            self.position = members.end()
            yield from self._members(members, keys)
        if self._next() == b"}":
            yield self._close()
            return
        match = self._match(self.patterns.member, "a key in double quotes" if first else "',' and a key, or '}'")
        if bool(match[1]) is first:
            raise Malformed(self.base + match.start(1), "a key" if first else "','", repr(match[0][:20])[1:])
        yield from self._key(Piece(Kind.KEY, match[2], self.base + match.start(2)), keys)
        yield from self._value()

    def _members(self, match: re.Match[bytes], keys: set[int]) -> Iterator[Piece]:
        """Many members in one step, which is what vocabularies and headers consist of."""
        piece = Piece(Kind.MEMBERS, match[2], self.base + match.start(2))
        names = [name for name, _ in pairs(piece)]
        yield piece
        new = set(map(hash, names))
        if len(new) == len(names) and keys.isdisjoint(new):
            self._remember(keys, new, piece.position)
            return
        for name in names:
            if hash(name) in keys:
                yield Piece(Kind.REPEATED, json.dumps(name).encode(), piece.position)
            self._remember(keys, {hash(name)}, piece.position)

    def _key(self, key: Piece, keys: set[int]) -> Iterator[Piece]:
        yield key
        name = hash(text(key.raw))
        if name in keys:
            yield key._replace(kind=Kind.REPEATED)
        self._remember(keys, {name}, key.position)

    def _remember(self, keys: set[int], new: set[int], position: int) -> None:
        before = len(keys)
        keys |= new
        self.keys += len(keys) - before
        if self.keys > self.cursor.limits.entries:
            raise OverLimit(position, f"more than {self.cursor.limits.entries} keys at once (limit: entries)")

    def _close(self) -> Piece:
        keys = self.open.pop()
        self.keys -= len(keys or ())
        piece = Piece(
            Kind.CLOSE_ARRAY if keys is None else Kind.CLOSE_OBJECT,
            self.buffer[self.position : self.position + 1],
            self.here,
        )
        self.position += 1
        return piece

    def _next(self) -> bytes:
        """The next character that is no blank. Raises `Truncated` at the end."""
        if not self._more():
            raise Truncated(self.end, "expected the JSON to go on, got the end")
        return self.buffer[self.position : self.position + 1]

    def _match(self, pattern: re.Pattern[bytes], expected: str) -> re.Match[bytes]:
        """`pattern` at the present position, with the window made longer while the end of it decides."""
        self._next()
        while True:
            match = pattern.match(self.buffer, self.position)
            if match is not None and (match.end() < len(self.buffer) or self._at_end()):
                self.position = match.end()
                return match
            if not self._refill():
                raise self._wrong(expected)

    def _at_end(self) -> bool:
        return self.base + len(self.buffer) >= self.end

    def _refill(self) -> bool:
        """Drop what is behind and read on; a token that does not fit doubles the window. False at the end."""
        if self._at_end():
            return False
        self.cursor.budget.check_time(self.here)
        rest = self.buffer[self.position :]
        if len(rest) > TOKEN_BYTES:
            raise OverLimit(self.here, f"one JSON token of more than {TOKEN_BYTES} bytes")
        at = self.base + len(self.buffer)
        length = min(max(self.cursor.limits.window_bytes, len(rest)), self.end - at)
        fresh = self.cursor.read(at, length)
        try:
            self.decoder.decode(fresh, final=at + length >= self.end)
        except UnicodeDecodeError as error:
            raise Malformed(at + max(0, error.start - 3), "UTF-8", error.reason) from None
        self.base += self.position
        self.buffer = rest + fresh
        self.position = 0
        return True

    def _wrong(self, expected: str) -> Malformed | Truncated:
        got = self.buffer[self.position : self.position + 20]
        if not got:
            return Truncated(self.end, f"expected {expected}, got the end")
        return Malformed(self.here, expected, repr(got)[1:])
