"""The pickle opcodes by name, and how far each reaches.

The names are those of PEP 307, PEP 3154 and PEP 574, the numbers those of CPython's ``_pickle.c``.
"""

from struct import Struct
from typing import NamedTuple

u2 = Struct("<H").unpack_from
u4 = Struct("<I").unpack_from
i4 = Struct("<i").unpack_from
u8 = Struct("<Q").unpack_from
f8 = Struct(">d").unpack_from

NAMES = {
    0x28: "MARK", 0x2E: "STOP", 0x30: "POP", 0x31: "POP_MARK", 0x32: "DUP", 0x42: "BINBYTES", 0x43: "SHORT_BINBYTES",
    0x46: "FLOAT", 0x47: "BINFLOAT", 0x49: "INT", 0x4A: "BININT", 0x4B: "BININT1", 0x4C: "LONG", 0x4D: "BININT2",
    0x4E: "NONE", 0x50: "PERSID", 0x51: "BINPERSID", 0x52: "REDUCE", 0x53: "STRING", 0x54: "BINSTRING",
    0x55: "SHORT_BINSTRING", 0x56: "UNICODE", 0x58: "BINUNICODE", 0x5D: "EMPTY_LIST", 0x61: "APPEND", 0x62: "BUILD",
    0x63: "GLOBAL", 0x64: "DICT", 0x65: "APPENDS", 0x67: "GET", 0x68: "BINGET", 0x69: "INST", 0x6A: "LONG_BINGET",
    0x6C: "LIST", 0x6F: "OBJ", 0x70: "PUT", 0x71: "BINPUT", 0x72: "LONG_BINPUT", 0x73: "SETITEM", 0x74: "TUPLE",
    0x75: "SETITEMS", 0x7D: "EMPTY_DICT", 0x29: "EMPTY_TUPLE", 0x80: "PROTO", 0x81: "NEWOBJ", 0x82: "EXT1",
    0x83: "EXT2", 0x84: "EXT4", 0x85: "TUPLE1", 0x86: "TUPLE2", 0x87: "TUPLE3", 0x88: "NEWTRUE", 0x89: "NEWFALSE",
    0x8A: "LONG1", 0x8B: "LONG4", 0x8C: "SHORT_BINUNICODE", 0x8D: "BINUNICODE8", 0x8E: "BINBYTES8", 0x8F: "EMPTY_SET",
    0x90: "ADDITEMS", 0x91: "FROZENSET", 0x92: "NEWOBJ_EX", 0x93: "STACK_GLOBAL", 0x94: "MEMOIZE", 0x95: "FRAME",
    0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
}  # fmt: skip

#: opcodes whose argument is a text line, and how many lines
LINES = {0x46: 1, 0x49: 1, 0x4C: 1, 0x50: 1, 0x53: 1, 0x56: 1, 0x63: 2, 0x67: 1, 0x69: 2, 0x70: 1}
#: opcodes with a length-prefixed payload: bytes of the length, and how to read it
COUNTED = {
    0x42: (4, u4), 0x43: (1, None), 0x54: (4, i4), 0x55: (1, None), 0x58: (4, u4), 0x8A: (1, None), 0x8B: (4, i4),
    0x8C: (1, None), 0x8D: (8, u8), 0x8E: (8, u8), 0x96: (8, u8),
}  # fmt: skip
#: opcodes with an argument of fixed size
FIXED = {
    0x47: 8,
    0x4A: 4,
    0x4B: 1,
    0x4D: 2,
    0x68: 1,
    0x6A: 4,
    0x71: 1,
    0x72: 4,
    0x80: 1,
    0x82: 1,
    0x83: 2,
    0x84: 4,
    0x95: 8,
}


class Reach(NamedTuple):
    """Where an opcode's argument and payload begin, and where the next opcode does."""

    argument: int
    payload: int
    end: int


def reach(data: bytes, at: int) -> Reach | None:
    """How far the opcode at `at` reaches; None if `data` ends before that can be said, or it is no opcode."""
    opcode = data[at]
    if opcode in COUNTED:
        width, unpack = COUNTED[opcode]
        if at + 1 + width > len(data):
            return None
        count = unpack(data, at + 1)[0] if unpack else data[at + 1]
        return Reach(at + 1, at + 1 + width, at + 1 + width + max(0, count))
    if opcode in LINES:
        end = at
        for _ in range(LINES[opcode]):
            end = data.find(b"\n", end + 1)
            if end < 0:
                return None
        return Reach(at + 1, at + 1, end + 1)
    if opcode not in NAMES:
        return None
    end = at + 1 + FIXED.get(opcode, 0)
    return Reach(at + 1, end, end)
