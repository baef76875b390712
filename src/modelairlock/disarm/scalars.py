"""Numpy's single numbers as Python's."""

import struct

from modelairlock.disarm.values import Scalar

_LETTERS = {
    "b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q", "f2": "e",
    "f4": "f", "f8": "d",
}  # fmt: skip


def plain_number(value: Scalar) -> bool | int | float | None:
    """The number, or None where the type is no plain one."""
    letter = _LETTERS.get(value.dtype.code, "")
    order = ">" if value.dtype.order == ">" else "<"
    if not letter or value.dtype.why or struct.calcsize(order + letter) != len(value.data):
        return None
    number: bool | int | float = struct.unpack(order + letter, value.data)[0]
    return number
