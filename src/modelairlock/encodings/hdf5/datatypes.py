"""Datatypes: how large an element is, and where in it stand references into the heap of variable lengths.

What a newcomer would get wrong: only size and those references matter here; the rest describes numbers to programs. A
type may hold types, so depth and members are bounded.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.encodings.hdf5.store import Fields
from modelairlock.reading import Malformed, OverLimit, Unsupported

FIXED, FLOAT, TIME, STRING, BITS, OPAQUE, COMPOUND, REFERENCE, ENUM, VARIABLE, ARRAY, COMPLEX = range(12)
_DEPTH = 16
#: references in one element that are followed
_MOST = 256
_PARTS = {FIXED: 4, FLOAT: 12, TIME: 2, STRING: 0, BITS: 4, REFERENCE: 0}


class Variable(NamedTuple):
    """A reference into the heap: where it stands in an element, and of what the elements there are."""

    offset: int
    base: "Datatype"
    text: bool


class Datatype(NamedTuple):
    """An element's class, its size in bytes, and its references into the heap."""

    kind: int
    size: int
    variables: tuple[Variable, ...] = ()
    #: whether elements, or parts of them, are bytes or texts, and not only numbers
    bytes_like: bool = False
    #: whether it is a byte whose bits are all its value, so that a reader takes it as it stands
    whole_byte: bool = False


def read_datatype(fields: Fields, depth: int = 0) -> Datatype:
    """The datatype at `fields`, which stand behind it then."""
    if depth > _DEPTH:
        raise OverLimit(fields.position, f"datatypes nested more than {_DEPTH} deep")
    at = fields.position
    first = fields.number(1)
    version, kind = first >> 4, first & 15
    bits = fields.number(3)
    size = fields.number(4)
    if not 1 <= version <= 5:
        raise Malformed(at, "a datatype of version 1 to 5", str(version))
    if kind in _PARTS:
        parts = fields.raw(_PARTS[kind])
        whole = kind == FIXED and size == 1 and parts == b"\0\0\x08\0"
        like = kind == STRING or (kind in (FIXED, BITS) and size == 1)
        return Datatype(kind, size, bytes_like=like, whole_byte=whole)
    if kind == OPAQUE:
        fields.skip(bits & 0xFF)
        return Datatype(kind, size, bytes_like=True)
    if kind == COMPOUND:
        return _compound(fields, version, bits & 0xFFFF, size, depth)
    if kind == ENUM:
        return _enum(fields, version, bits & 0xFFFF, size, depth)
    if kind == VARIABLE:
        return _variable(fields, bits & 15, size, depth)
    if kind == ARRAY:
        return _array(fields, version, size, depth)
    if kind == COMPLEX:
        read_datatype(fields, depth + 1)
        return Datatype(kind, size)
    raise Unsupported(at, f"a datatype of class {kind}")


def _variable(fields: Fields, kind: int, size: int, depth: int) -> Datatype:
    if kind > 1:
        raise Malformed(fields.position, "a sequence or a text of variable length", f"something of kind {kind}")
    base = read_datatype(fields, depth + 1)
    return Datatype(VARIABLE, size, (Variable(0, base, kind == 1),), bytes_like=True)


def _name(fields: Fields, version: int) -> None:
    since = fields.at
    fields.text()
    if version < 3:
        fields.align(8, since)


def _compound(fields: Fields, version: int, count: int, size: int, depth: int) -> Datatype:
    width = (max(size, 1).bit_length() + 7) // 8 if version >= 3 else 4
    variables: list[Variable] = []
    like = False
    for _ in range(count):
        _name(fields, version)
        offset = fields.number(width)
        times = _old_array(fields) if version == 1 else 1
        part = read_datatype(fields, depth + 1)
        variables.extend(_repeated(part, offset, times, fields.position))
        like = like or part.bytes_like
    _enough(variables, fields.position)
    return Datatype(COMPOUND, size, tuple(variables), like)


def _old_array(fields: Fields) -> int:
    """How many elements a part of version 1 has; arrays had no class of their own then."""
    rank = fields.number(1)
    fields.skip(11)
    shape = [fields.number(4) for _ in range(4)]
    times = 1
    for length in shape[: min(rank, 4)]:
        times *= length
    return times


def _repeated(part: Datatype, offset: int, times: int, position: int) -> Iterator[Variable]:
    if not part.variables:
        return
    if times * len(part.variables) > _MOST:
        raise OverLimit(position, f"more than {_MOST} references in one element")
    for index in range(times):
        for one in part.variables:
            yield one._replace(offset=one.offset + offset + index * part.size)


def _enough(variables: list[Variable], position: int) -> None:
    if len(variables) > _MOST:
        raise OverLimit(position, f"more than {_MOST} references in one element")


def _enum(fields: Fields, version: int, count: int, size: int, depth: int) -> Datatype:
    base = read_datatype(fields, depth + 1)
    for _ in range(count):
        _name(fields, version)
    fields.skip(count * base.size)
    return Datatype(ENUM, size)


def _array(fields: Fields, version: int, size: int, depth: int) -> Datatype:
    rank = fields.number(1)
    if version < 3:
        fields.skip(3)
    times = 1
    for _ in range(rank):
        times *= fields.number(4)
    if version < 3:
        fields.skip(4 * rank)
    base = read_datatype(fields, depth + 1)
    return Datatype(ARRAY, size, tuple(_repeated(base, 0, times, fields.position)), base.bytes_like)
