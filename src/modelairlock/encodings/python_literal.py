"""Reads the few Python literals that numpy writes into an .npy header, without Python's own parser.

This is less than `ast.literal_eval` accepts, on purpose: one string is one token (no implicit joining), numbers are
decimal integers, and a key may stand only once. What is left out is `Malformed`, and so a gap. That is the safe side: a
header which numpy understands and this grammar does not is never taken for understood. `ast` itself is out of the
question, because deep or long input makes it slow or kills the interpreter (the reason for numpy's header limit).
"""

import re

from modelairlock.reading import Malformed, OverLimit
from modelairlock.records.regex import regex

Literal = None | bool | int | str | tuple["Literal", ...] | list["Literal"] | dict[str, "Literal"]

DEPTH = 32
"""Brackets inside brackets. numpy's own headers need one pair for each level of a structured type."""

_SPACE = regex(rb"[ \t\r\n\f]*+")
_TOKEN = regex(
    rb"[uU]?(?P<string>'(?:[^'\\\r\n]|\\[^\r\n])*+'|\"(?:[^\"\\\r\n]|\\[^\r\n])*+\")"
    rb"|(?P<number>-?(?:0|[1-9][0-9]{0,19}))[lL]?(?![0-9A-Za-z_.])"
    rb"|(?P<name>True|False|None)(?![0-9A-Za-z_])"
    rb"|(?P<mark>[\[\](){},:])"
)
_ESCAPE = regex(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\\'\"nrt])|(.))", re.DOTALL)
_NAMES: dict[bytes, bool | None] = {b"True": True, b"False": False, b"None": None}
_PLAIN = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}


def parse(data: bytes, at: int = 0) -> Literal:
    """The one literal that `data` holds, with blanks around it.

    `at` is where `data` begins in its artifact, so that errors say the right place. Strings come back byte for
    character (Latin-1). Raises `Malformed` for anything outside the grammar, `OverLimit` beyond `DEPTH`.
    """
    parser = _Parser(data, at)
    value = parser.value(parser.token(), 0)
    if parser.position < len(data):
        raise parser.wrong("the end of the header")
    return value


class _Parser:
    """Where we are in the text. `position` always stands on a token or the end."""

    __slots__ = ("at", "data", "position", "start")

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self.start = 0
        self.position = 0
        self._skip_space()

    def _skip_space(self) -> None:
        space = _SPACE.match(self.data, self.position)
        self.position = space.end() if space else self.position

    def wrong(self, expected: str, at: int | None = None) -> Malformed:
        """The error for what stands at `at`, or at the present position."""
        place = self.position if at is None else at
        got = self.data[place : place + 20]
        return Malformed(self.at + place, expected, repr(got)[1:] if got else "the end")

    def token(self) -> re.Match[bytes]:
        """The next token."""
        match = _TOKEN.match(self.data, self.position)
        if match is None:
            raise self.wrong("a Python literal as numpy writes it")
        self.start = self.position
        self.position = match.end()
        self._skip_space()
        return match

    def value(self, token: re.Match[bytes], depth: int) -> Literal:
        """The value that begins with `token`."""
        if depth > DEPTH:
            raise OverLimit(self.at + self.start, f"literals nested deeper than {DEPTH}")
        if token["string"] is not None:
            return self._string(token["string"])
        if token["number"] is not None:
            return int(token["number"])
        if token["name"] is not None:
            return _NAMES[token["name"]]
        if token["mark"] == b"{":
            return self._dictionary(depth)
        if token["mark"] == b"[":
            return self._items(b"]", depth)[0]
        if token["mark"] == b"(":
            items, commas = self._items(b")", depth)
            # Brackets around one value are only brackets; the comma makes the tuple.
            return items[0] if len(items) == 1 and not commas else tuple(items)
        raise self.wrong("a value", self.start)

    def _items(self, close: bytes, depth: int) -> tuple[list[Literal], int]:
        items: list[Literal] = []
        commas = 0
        token = self.token()
        while token["mark"] != close:
            items.append(self.value(token, depth + 1))
            token = self.token()
            if token["mark"] == b",":
                commas += 1
                token = self.token()
            elif token["mark"] != close:
                raise self.wrong(f"',' or '{close.decode()}'", self.start)
        return items, commas

    def _dictionary(self, depth: int) -> dict[str, Literal]:
        pairs: dict[str, Literal] = {}
        token = self.token()
        while token["mark"] != b"}":
            if token["string"] is None:
                raise self.wrong("a string as key", self.start)
            where, key = self.start, self._string(token["string"])
            if key in pairs:
                # Python would quietly keep the last one.
                raise self.wrong("each key only once", where)
            if self.token()["mark"] != b":":
                raise self.wrong("':'", self.start)
            pairs[key] = self.value(self.token(), depth + 1)
            token = self.token()
            if token["mark"] == b",":
                token = self.token()
            elif token["mark"] != b"}":
                raise self.wrong("',' or '}'", self.start)
        return pairs

    def _string(self, raw: bytes) -> str:
        text = raw[1:-1].decode("latin-1")
        return _ESCAPE.sub(self._escape, text) if "\\" in text else text

    def _escape(self, match: re.Match[str]) -> str:
        code = match[1] or match[2]
        if code:
            return chr(int(code, 16))
        if match[3]:
            return _PLAIN[match[3]]
        raise self.wrong("an escape sequence that numpy writes", self.start)
