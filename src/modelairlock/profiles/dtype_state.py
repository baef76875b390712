"""Whether the state that a pickle gives a numpy data type describes memory as it is.

What a newcomer would get wrong: ``dtype.__setstate__`` believes its state. A type of objects whose flags deny it lets
an array take bytes of the file for pointers to Python objects; a field beyond the item's end reads foreign memory.
(Tried on numpy 2.4: a pickle of 166 bytes that names nothing but `numpy.dtype` and `_reconstruct` crashes the first
look at the array.) So the state must agree with the type letter, and with its fields, which must be visible: a dict's
`parts` are its keys and values in turn. Sources: numpy/_core/src/multiarray/descriptor.c (arraydescr_setstate) and the
flags of ndarraytypes.h.
"""

from itertools import pairwise

from modelairlock.records.facts import Value
from modelairlock.records.numpy_types import WIDTHS
from modelairlock.records.regex import regex

_LETTER = regex(r"[<>|=]?([?biufcgSUVmMO])(\d{0,9})")
_WHOLE = regex(r"-?\d{1,12}")
_OBJECT_FLAGS = 0x3F
_OBJECT_INSIDE = 0x1B  # has objects, pickled as a list, needs init, needs the interpreter
_PLAIN = 0x98  # needs init, needs the interpreter, aligned struct: none of them speaks of objects
_ALIGNED = 0x80


def describes_itself(target: Value, state: Value) -> bool:
    """Whether `state` fits the call of ``numpy.dtype`` in `target`; False when either cannot be seen whole."""
    kind = _kind(target)
    if kind is None or state.kind != "tuple" or state.cut or len(state.parts) not in (8, 9):
        return False
    version, order, subarray, names, fields, size, alignment, flags = state.parts[:8]
    numbers = [_number(value) for value in (version, size, alignment, flags)]
    if order.kind != "str" or any(number is None for number in numbers):
        return False
    letter, width = kind
    _, item, _, flag = (number or 0 for number in numbers)
    if subarray.kind != "none":
        return names.kind == "none" and letter == "V" and not flag & ~_PLAIN and _subarray_fits(subarray, item)
    if names.kind != "none" or fields.kind != "none":
        return letter == "V" and width in (None, item) and _fields_fit(names, fields, item, flag)
    if letter == "O":
        return flag == _OBJECT_FLAGS
    return not flag & ~_PLAIN and item in ((width,) if letter in "SUV" else (-1,))


def _kind(call: Value) -> tuple[str, int | None] | None:
    """The letter and the bytes an item takes, of a call such as ``numpy.dtype('f8', False, True)``; None if unclear."""
    if call.kind != "call" or call.cut or len(call.parts) != 4:
        return None
    function, described, _, copied = call.parts
    # Without a copy, BUILD would write into the one object that the whole process shares.
    if (function.module, function.text) != ("numpy", "dtype") or copied.text not in ("True", "1"):
        return None
    if described.kind == "global":
        return ("V", None) if (described.module, described.text) in (("numpy", "record"), ("numpy", "void")) else None
    matched = _LETTER.fullmatch(described.text) if described.kind == "str" and not described.cut else None
    if matched is None:
        return None
    letter, digits = matched[1], int(matched[2] or 0)
    if digits not in WIDTHS.get(letter, (digits,)):
        return None  # without a number, or with another, it is not what it seems
    return letter, digits * 4 if letter == "U" else digits


def _number(value: Value) -> int | None:
    if value.kind != "int" or value.cut or not _WHOLE.fullmatch(value.text):
        return None
    return int(value.text)


def _subarray_fits(subarray: Value, item: int) -> bool:
    if subarray.kind != "tuple" or subarray.cut or len(subarray.parts) != 2:
        return False
    kind, shape = _kind(subarray.parts[0]), subarray.parts[1]
    if kind is None or kind[0] in "OV" or not kind[1] or shape.kind != "tuple" or shape.cut:
        return False
    needed = kind[1] or 0
    for size in (_number(part) for part in shape.parts):
        if size is None or size < 0:
            return False
        needed *= size
    return needed == item


def _fields_fit(names: Value, fields: Value, item: int, flag: int) -> bool:
    if names.kind != "tuple" or fields.kind != "dict" or fields.cut or not fields.parts or len(fields.parts) % 2:
        return False
    keys = fields.parts[::2]
    # A name without a field, or a field without a name, and numpy reads past the one or the other.
    if any(key.kind != "str" or key.cut for key in (*keys, *names.parts)) or names.cut:
        return False
    if len(names.parts) != len(keys) or {key.text for key in keys} != {name.text for name in names.parts}:
        return False
    inside = False
    taken: list[tuple[int, int, bool]] = []
    for value in fields.parts[1::2]:
        kind = _kind(value.parts[0]) if value.kind == "tuple" and not value.cut and len(value.parts) in (2, 3) else None
        offset = _number(value.parts[1]) if kind is not None else None
        if kind is None or offset is None or offset < 0 or kind[1] is None or offset + kind[1] > item:
            return False
        if kind[0] == "V":
            return False  # what is inside that one cannot be seen from here
        if not kind[1]:
            return False  # as wide as numpy likes
        inside = inside or kind[0] == "O"
        taken.append((offset, offset + kind[1], kind[0] == "O"))
    taken.sort()
    if any(end > start and (first or second) for (_, end, first), (start, _, second) in pairwise(taken)):
        return False  # numbers of the file over pointers to objects
    return flag & ~_ALIGNED == _OBJECT_INSIDE if inside else not flag & ~_PLAIN
