"""A small assembler for pickles: one function or constant for each opcode, all giving bytes to be joined with ``+``.

Nothing here checks anything: an argument may be malformed, a length may lie, a memo index may be missing. That is the
point. `push` and `call` are the only conveniences; every other name is one opcode of PEP 307, 3154 and 574. A ``str``
argument is encoded as UTF-8, ``bytes`` are written as they are, so any byte can stand anywhere.
"""

import struct
from collections.abc import Mapping
from typing import Any

MARK = b"("
STOP = b"."
POP = b"0"
POP_MARK = b"1"
DUP = b"2"
NONE = b"N"
TRUE = b"I01\n"  # protocols 0 and 1 spell booleans as integers with a leading zero
FALSE = b"I00\n"
NEWTRUE = b"\x88"
NEWFALSE = b"\x89"
REDUCE = b"R"
BUILD = b"b"
OBJ = b"o"
NEWOBJ = b"\x81"
NEWOBJ_EX = b"\x92"
STACK_GLOBAL = b"\x93"
MEMOIZE = b"\x94"
APPEND = b"a"
APPENDS = b"e"
SETITEM = b"s"
SETITEMS = b"u"
ADDITEMS = b"\x90"
EMPTY_DICT = b"}"
DICT = b"d"
EMPTY_LIST = b"]"
LIST = b"l"
EMPTY_TUPLE = b")"
TUPLE = b"t"
TUPLE1 = b"\x85"
TUPLE2 = b"\x86"
TUPLE3 = b"\x87"
EMPTY_SET = b"\x8f"
FROZENSET = b"\x91"
BINPERSID = b"Q"
NEXT_BUFFER = b"\x97"
READONLY_BUFFER = b"\x98"


class Code(bytes):
    """Opcodes that leave one value on the stack; `push` passes them through, so calls can be arguments of calls."""


def raw(text: str | bytes) -> bytes:
    """`text` as bytes: UTF-8 for a ``str``, unchanged otherwise (`surrogatepass`, so that no name is impossible)."""
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)


# --- protocol, frames, memo ---------------------------------------------------------------------------------------


def proto(version: int = 4) -> bytes:
    return b"\x80" + bytes([version])


def frame(body: bytes, length: int | None = None) -> bytes:
    """FRAME over `body`; `length` says something else than the truth."""
    return b"\x95" + struct.pack("<Q", len(body) if length is None else length) + body


def put(index: int | str | bytes) -> bytes:
    return b"p" + raw(str(index) if isinstance(index, int) else index) + b"\n"


def get(index: int | str | bytes) -> bytes:
    return b"g" + raw(str(index) if isinstance(index, int) else index) + b"\n"


def binput(index: int) -> bytes:
    return b"q" + bytes([index])


def binget(index: int) -> bytes:
    return b"h" + bytes([index])


def long_binput(index: int) -> bytes:
    return b"r" + struct.pack("<I", index)


def long_binget(index: int) -> bytes:
    return b"j" + struct.pack("<I", index)


# --- numbers ------------------------------------------------------------------------------------------------------


def int_(text: int | str | bytes, end: bytes = b"\n") -> bytes:
    return b"I" + raw(str(text) if isinstance(text, int) else text) + end


def long(text: int | str | bytes, end: bytes = b"\n") -> bytes:
    """LONG; an ``int`` gets its ``L``, text is taken as it is."""
    return b"L" + raw(f"{text}L" if isinstance(text, int) else text) + end


def long1(value: int | bytes, length: int | None = None) -> bytes:
    body = value if isinstance(value, bytes) else _twos_complement(value)
    return b"\x8a" + bytes([len(body) if length is None else length]) + body


def long4(value: int | bytes, length: int | None = None) -> bytes:
    body = value if isinstance(value, bytes) else _twos_complement(value)
    return b"\x8b" + struct.pack("<i", len(body) if length is None else length) + body


def _twos_complement(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True) if value else b""


def binint(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def binint1(value: int) -> bytes:
    return b"K" + bytes([value])


def binint2(value: int) -> bytes:
    return b"M" + struct.pack("<H", value)


def float_(text: float | str | bytes) -> bytes:
    return b"F" + raw(repr(text) if isinstance(text, float) else text) + b"\n"


def binfloat(value: float) -> bytes:
    return b"G" + struct.pack(">d", value)


# --- text and bytes -----------------------------------------------------------------------------------------------


def string(quoted: str | bytes, end: bytes = b"\n") -> bytes:
    """STRING; the quotes are the caller's: ``string("'os'")``."""
    return b"S" + raw(quoted) + end


def binstring(text: str | bytes, length: int | None = None) -> bytes:
    body = raw(text)
    return b"T" + struct.pack("<i", len(body) if length is None else length) + body


def short_binstring(text: str | bytes, length: int | None = None) -> bytes:
    body = raw(text)
    return b"U" + bytes([len(body) if length is None else length]) + body


def unicode(text: str | bytes, end: bytes = b"\n") -> bytes:
    """UNICODE: raw-unicode-escape up to the end of the line, written as given."""
    return b"V" + raw(text) + end


def binunicode(text: str | bytes, length: int | None = None) -> bytes:
    body = raw(text)
    return b"X" + struct.pack("<I", len(body) if length is None else length) + body


def short_binunicode(text: str | bytes, length: int | None = None) -> bytes:
    body = raw(text)
    return b"\x8c" + bytes([len(body) if length is None else length]) + body


def binunicode8(text: str | bytes, length: int | None = None) -> bytes:
    body = raw(text)
    return b"\x8d" + struct.pack("<Q", len(body) if length is None else length) + body


def binbytes(body: bytes, length: int | None = None) -> bytes:
    return b"B" + struct.pack("<I", len(body) if length is None else length) + body


def short_binbytes(body: bytes, length: int | None = None) -> bytes:
    return b"C" + bytes([len(body) if length is None else length]) + body


def binbytes8(body: bytes, length: int | None = None) -> bytes:
    return b"\x8e" + struct.pack("<Q", len(body) if length is None else length) + body


def bytearray8(body: bytes, length: int | None = None) -> bytes:
    return b"\x96" + struct.pack("<Q", len(body) if length is None else length) + body


# --- names --------------------------------------------------------------------------------------------------------


def global_(module: str | bytes, name: str | bytes, end: bytes = b"\n") -> Code:
    return Code(b"c" + raw(module) + end + raw(name) + end)


def inst(module: str | bytes, name: str | bytes, end: bytes = b"\n") -> bytes:
    """INST alone; the MARK and the arguments come before it."""
    return b"i" + raw(module) + end + raw(name) + end


def stack_global(module: str | bytes, name: str | bytes) -> Code:
    """Both names as SHORT_BINUNICODE, then STACK_GLOBAL."""
    return Code(short_binunicode(module) + short_binunicode(name) + STACK_GLOBAL)


def persid(text: str | bytes) -> bytes:
    return b"P" + raw(text) + b"\n"


def ext1(code: int) -> bytes:
    return b"\x82" + bytes([code])


def ext2(code: int) -> bytes:
    return b"\x83" + struct.pack("<H", code)


def ext4(code: int) -> bytes:
    return b"\x84" + struct.pack("<i", code)


# --- conveniences -------------------------------------------------------------------------------------------------


def _scalar(value: Any) -> bytes | None:
    if value is None:
        return NONE
    if isinstance(value, bool):
        return NEWTRUE if value else NEWFALSE
    if isinstance(value, int):
        return binint(value) if -(2**31) <= value < 2**31 else long4(value)
    if isinstance(value, float):
        return binfloat(value)
    if isinstance(value, str):
        return binunicode(value)
    if isinstance(value, bytearray):
        return bytearray8(bytes(value))
    return None


def push(value: Any) -> Code:
    """Opcodes that leave `value` on the stack, without using the memo. `Code` passes through.

    Raises TypeError for a value that is not plain data.
    """
    if isinstance(value, Code):
        return value
    scalar = _scalar(value)
    if scalar is not None:
        return Code(scalar)
    if isinstance(value, bytes):
        return Code(binbytes(value))
    if isinstance(value, tuple):
        return Code(MARK + b"".join(map(push, value)) + TUPLE if value else EMPTY_TUPLE)
    if isinstance(value, list):
        return Code(EMPTY_LIST + (MARK + b"".join(map(push, value)) + APPENDS if value else b""))
    if isinstance(value, Mapping):
        pairs = b"".join(push(key) + push(item) for key, item in value.items())
        return Code(EMPTY_DICT + (MARK + pairs + SETITEMS if pairs else b""))
    raise TypeError(f"cannot push {type(value).__name__}")


def name(module: str | bytes, qualname: str | bytes) -> Code:
    """A global: STACK_GLOBAL where the name has dots (only protocol 4 splits those), GLOBAL otherwise."""
    return stack_global(module, qualname) if b"." in raw(qualname) else global_(module, qualname)


def call(function: Code, *arguments: Any) -> Code:
    """`function` called with `arguments` by REDUCE."""
    return Code(function + push(tuple(arguments)) + REDUCE)


def call_obj(cls: Code, *arguments: Any) -> Code:
    """The same by OBJ, which calls any callable, class or not, if there is at least one argument."""
    return Code(MARK + cls + b"".join(map(push, arguments)) + OBJ)


def call_inst(module: str | bytes, qualname: str | bytes, *arguments: Any) -> Code:
    """The same by INST, whose names stand in the opcode."""
    return Code(MARK + b"".join(map(push, arguments)) + inst(module, qualname))


def call_newobj(cls: Code, *arguments: Any) -> Code:
    """``cls.__new__(cls, *arguments)`` by NEWOBJ; `cls` must be a type."""
    return Code(cls + push(tuple(arguments)) + NEWOBJ)


def call_newobj_ex(cls: Code, *arguments: Any, **keywords: Any) -> Code:
    """``cls.__new__(cls, *arguments, **keywords)`` by NEWOBJ_EX; `cls` must be a type."""
    return Code(cls + push(tuple(arguments)) + push(keywords) + NEWOBJ_EX)


def build(target: Code, state: Any) -> Code:
    """`target` with BUILD: ``__setstate__(state)``, or attributes from a dict."""
    return Code(target + push(state) + BUILD)


def whole(body: bytes, protocol: int | None = 4) -> bytes:
    """`body` between PROTO and STOP; no PROTO if `protocol` is None."""
    return (b"" if protocol is None else proto(protocol)) + body + STOP
