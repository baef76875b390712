"""Datatypes: how large an element is, and where in it stand references into the heap of variable lengths.

What a newcomer would get wrong: only size and those references matter here; the rest describes numbers to programs. A
type may hold types, so depth and members are bounded.
"""

from collections.abc import Iterator
from struct import unpack
from typing import NamedTuple

from modelairlock.encodings.hdf5.store import Fields
from modelairlock.reading import Malformed, OverLimit, Unsupported

FIXED, FLOAT, TIME, STRING, BITS, OPAQUE, COMPOUND, REFERENCE, ENUM, VARIABLE, ARRAY, COMPLEX = range(12)
_DEPTH = 16
#: references in one element that are followed
_MOST = 256
_PARTS = {FIXED: 4, FLOAT: 12, TIME: 2, STRING: 0, BITS: 4, REFERENCE: 0}


#: offset and precision, place and size of exponent and mantissa, bias: as libhdf5 describes IEEE's types, in bits
_FLOATS: dict[tuple[int, ...], str] = {
    (0, 16, 10, 5, 0, 10, 15): "f2",
    (0, 32, 23, 8, 0, 23, 127): "f4",
    (0, 64, 52, 11, 0, 52, 1023): "f8",
    (0, 16, 7, 8, 0, 7, 127): "bfloat16",
}


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
    #: what numpy calls it, such as ``<f4``, if it is a plain number; `?` for h5py's truth values
    number: str = ""


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
        number = _number(kind, bits, size, parts)
        return Datatype(kind, size, bytes_like=like, whole_byte=whole, number=number)
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


def _number(kind: int, bits: int, size: int, parts: bytes) -> str:
    """What numpy calls a number that fills its bytes; "" for any other."""
    order = "<>"[bits & 1]
    if kind == FIXED and size in (1, 2, 4, 8) and unpack("<HH", parts) == (0, 8 * size):
        return f"{order}{'i' if bits & 8 else 'u'}{size}"
    # the order of a VAX has a bit of its own; the leading bit of the mantissa is implied; the sign is the first bit
    if kind == FLOAT and bits & ~0xFF01 == 0x20 and bits >> 8 == 8 * size - 1:
        name = _FLOATS.get(unpack("<HHBBBBI", parts), "")
        return f"{order}{name}" if name else ""
    return ""


def _variable(fields: Fields, kind: int, size: int, depth: int) -> Datatype:
    if kind > 1:
        raise Malformed(fields.position, "a sequence or a text of variable length", f"something of kind {kind}")
    base = read_datatype(fields, depth + 1)
    return Datatype(VARIABLE, size, (Variable(0, base, kind == 1),), bytes_like=True)


def _name(fields: Fields, version: int) -> bytes:
    since = fields.at
    name = fields.text()
    if version < 3:
        fields.align(8, since)
    return name


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
    names = []
    for _ in range(count):
        names.append(_name(fields, version)[:8])
    values = fields.raw(count * base.size)
    truth = (names, values, size) == ([b"FALSE", b"TRUE"], b"\x00\x01", 1)
    return Datatype(ENUM, size, number="?" if truth else "")


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
