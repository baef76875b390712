"""Numpy's single numbers and texts as Python's."""

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


def plain_texts(code: str, order: str, data: bytes) -> list[object] | None:
    """The texts of an array of type ``U5``, or the bytes of ``S5``, as numpy gives them; None for any other type."""
    kind, digits = code[:1], code[1:]
    if kind not in "SU" or not digits.isascii() or not digits.isdigit() or not 0 < int(digits) < 1 << 20:
        return None
    width = int(digits) * (4 if kind == "U" else 1)
    parts = [data[at : at + width] for at in range(0, len(data), width)]
    if kind == "S":
        return [part.rstrip(b"\0") for part in parts]
    name = "utf-32-be" if order == ">" else "utf-32-le"
    return [part.decode(name, "backslashreplace").rstrip("\0") for part in parts]
