"""Symbolic values: small integers on the machine's stack, and what they stand for when somebody asks.

The low four bits of a value say its kind, the rest is a number: an integer itself, the position of the opcode that
holds a string, or an index. So no object is ever built, and a string is decoded only if a fact names it.
"""

import re
from typing import NamedTuple

from modelairlock.encodings.pickle_machine.opcodes import f8, reach
from modelairlock.encodings.pickle_machine.window import Window
from modelairlock.records.facts import Value, ValueKind
from modelairlock.records.regex import regex

INT, STR, GLOBAL, TUPLE, CALL, BOX, BYTES, PERSISTENT, CONSTANT, NUMBER, OTHER = range(11)
KIND = 15

#: a value's kind, for `map`
kind_of = (KIND).__and__

NONE = 0 << 4 | CONSTANT
TRUE = 1 << 4 | CONSTANT
FALSE = 2 << 4 | CONSTANT
LIST = 0 << 4 | BOX
DICT = 1 << 4 | BOX
SET = 2 << 4 | BOX
FROZENSET = 3 << 4 | BOX
BUFFER = 0 << 4 | OTHER
UNKNOWN = 1 << 4 | OTHER
UNRESOLVED = 2 << 4 | OTHER
EXTENSION = 3 << 4 | OTHER

_BOXES: tuple[ValueKind, ...] = ("list", "dict", "set", "frozenset")
_OTHERS: tuple[ValueKind, ...] = ("buffer", "unknown", "unresolved", "extension")
#: as in a bytes literal of Python (``PyBytes_DecodeEscape``); what is no escape stays as it is, backslash and all
_ESCAPE = regex(rb"\\(\n|[\\'\"abfnrtv]|[0-7]{1,3}|x[0-9A-Fa-f]{2})")
_ESCAPES = {
    b"\n": b"", b"\\": b"\\", b"'": b"'", b'"': b'"',
    b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v",
}  # fmt: skip
#: the longest string that is decoded whole, when a name or a storage key is needed exactly
NAME_BYTES = 4096


def decode_text(window: Window, at: int, limit: int) -> tuple[str, bool]:
    """The string that the opcode at `at` holds, cut to about `limit` characters; and whether it was cut."""
    low, data = at - window.base, window.data
    if 0 <= low < len(data) - 1 and data[low] == 0x8C and low + 2 + data[low + 1] <= len(data):
        # SHORT_BINUNICODE in the window: nearly every name and key there is
        raw, cut = data[low + 2 : low + 2 + data[low + 1]], False
        text = _utf8(raw, cut)
    else:
        raw, cut = payload(window, at, limit * 4)
        opcode = window.bytes(at, 1)
        if opcode == b"V":
            text = _raw_unicode_escape(raw)
        elif opcode == b"S":
            text = _quoted(raw)
        elif opcode in b"TUBC\x8e\x96":
            text = raw.decode("latin-1")
        else:
            text = _utf8(raw, cut)
    return (text, cut) if len(text) <= limit else (text[:limit], True)


def payload(window: Window, at: int, limit: int) -> tuple[bytes, bool]:
    """Up to `limit` bytes of the payload or line of the opcode at `at`; and whether that is not all of it."""
    head = window.bytes(at, 16)
    if head[:1] in b"SVPILF":
        end = window.line_end(at + 1)
        return window.bytes(at + 1, min(limit, end - at - 1)), end - at - 1 > limit
    reached = reach(head, 0)
    if reached is None:
        return b"", True
    length = reached.end - reached.payload
    return window.bytes(at + reached.payload, min(limit, length)), length > limit


class Payload(NamedTuple):
    """Where the bytes of a byte string stand, and how (`encodings.decoders`): as they are, or spelled as text."""

    start: int
    end: int
    method: str


def byte_string(window: Window, at: int) -> Payload:
    """The payload of the opcode at `at`, which holds bytes, or text that stands for bytes."""
    head = window.bytes(at, 16)
    if head[:1] == b"V":
        return Payload(at + 1, window.line_end(at + 1), "latin1-of-escapes")
    reached = reach(head, 0)
    if reached is None:
        return Payload(at, at, "stored")
    return Payload(at + reached.payload, at + reached.end, "latin1-of-utf8" if head[:1] in b"X\x8c\x8d" else "stored")


def _utf8(raw: bytes, cut: bool) -> str:
    """UTF-8 as pickle reads it; what is none is shown byte by byte (every unpickler would stop there)."""
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        split_by_us = cut and error.start > len(raw) - 4 and error.reason == "unexpected end of data"
        return raw[: error.start].decode("utf-8", "surrogatepass") if split_by_us else raw.decode("latin-1")


def _raw_unicode_escape(raw: bytes) -> str:
    try:
        return raw.decode("raw-unicode-escape")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _quoted(raw: bytes) -> str:
    raw = raw.rstrip(b"\r")
    if len(raw) >= 2 and raw[:1] == raw[-1:] and raw[:1] in b"'\"":
        raw = raw[1:-1]
    return _ESCAPE.sub(_unescaped, raw).decode("latin-1")


def _unescaped(match: re.Match[bytes]) -> bytes:
    what = match[1]
    if what[:1] == b"x":
        return bytes((int(what[1:], 16),))
    return bytes((int(what, 8) & 255,)) if what[:1].isdigit() else _ESCAPES[what]


def is_quoted(window: Window, start: int, end: int) -> bool:
    """Whether the line ``start..end`` is a string in quotes, as STRING demands."""
    length = end - start
    first, last = window.bytes(start, 1), window.bytes(end - 1, 1)
    return length >= 2 and first == last and first in b"'\""


def to_nul(line: bytes) -> bytes:
    """What C reads of a number in a text line: its strings end at a NUL, and Python's do not."""
    return line.partition(b"\0")[0]


def text_number(opcode: bytes, line: bytes) -> int | None:
    """What INT, LONG or FLOAT push: TRUE, FALSE, or NONE for "some number"; None if they would fail."""
    line = to_nul(line)
    if opcode == b"I" and line in (b"00", b"01"):
        return TRUE if line == b"01" else FALSE
    try:
        if opcode == b"F":
            float(line)
        else:
            # C reads a leading zero as octal, Python does not; both read what int() does without the zeros
            digits = line.rstrip(b"L") if opcode == b"L" else line
            int(digits.strip().lstrip(b"0") or b"0", 0)
    except ValueError:
        return NONE if opcode != b"F" and _octal(line) else None
    return NONE


def _octal(line: bytes) -> bool:
    text = line.strip().rstrip(b"L").removeprefix(b"-").removeprefix(b"+")
    return (
        len(text) > 1
        and text[:1] == b"0"
        and text[1:2].lower() in b"01234567xob_"
        and text.replace(b"_", b"").isalnum()
    )


def number(window: Window, at: int) -> str:
    """The number that the opcode at `at` holds, as text; cut if it is absurdly long."""
    head = window.bytes(at, 16)
    if head[:1] == b"G":
        return repr(f8(head, 1)[0]) if len(head) >= 9 else "?"
    raw, cut = payload(window, at, 256)
    if head[:1] in b"\x8a\x8b":
        return "an integer of more than 256 bytes" if cut else str(int.from_bytes(raw, "little", signed=True))
    if cut:
        # Its first characters are another number: zeros, say, before what C takes for octal digits.
        return "a number of more than 256 characters"
    return to_nul(raw).decode("latin-1").strip()


def whole_number(window: Window, value: int) -> int | None:
    """The integer that `value` stands for, if it is one that is known."""
    kind = value & KIND
    if kind == INT:
        return value >> 4
    if value in (TRUE, FALSE):
        return int(value == TRUE)
    if kind == NUMBER:
        text = number(window, value >> 4)
        try:
            return int(text.rstrip("L"), 0)
        except ValueError:
            return None
    return None


def simple(window: Window, value: int, limit: int) -> Value:
    """What a value stands for that holds no others, or is told without them."""
    known = _KNOWN.get(value)
    if known is not None:
        return known
    kind = value & KIND
    if kind == INT:
        return Value("int", str(value >> 4))
    if kind in (STR, BYTES):
        text, cut = decode_text(window, value >> 4, limit)
        return Value("str" if kind == STR else "bytes", text, cut=cut)
    if kind == NUMBER:
        if window.bytes(value >> 4, 1) in b"FG":
            return Value("float", number(window, value >> 4)[:limit])
        # Not as it is spelled: 0x10, 1_6 and 16L are one number.
        whole = whole_number(window, value)
        return Value("int", (number(window, value >> 4) if whole is None else str(whole))[:limit])
    return Value(_BOXES[value >> 4 & 15]) if kind == BOX else Value("unknown")


#: constants that are told over and over
CONSTANT_VALUES: dict[int, Value] = {
    **{index << 4 | INT: Value("int", str(index)) for index in range(-1, 256)},
    NONE: Value("none"),
    TRUE: Value("bool", "True"),
    FALSE: Value("bool", "False"),
}
_KNOWN = {
    **CONSTANT_VALUES,
    **{index << 4 | BOX: Value(word) for index, word in enumerate(_BOXES)},
    **{index << 4 | OTHER: Value(word) for index, word in enumerate(_OTHERS)},
}
