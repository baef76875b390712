"""One numpy array, or several one after another: a header in Python's notation, then numbers.

What a newcomer would get wrong: an array whose type holds `O` anywhere, even deep in a structured type, is not numbers
but a pickle. ``np.load(..., allow_pickle=True)`` unpickles it, so it is handed on as a member. A type this reader does
not know may be such a one in disguise (numpy takes ``['aO']`` for a structured type with an object in it), so its
data is handed on as well, beside a gap. And `np.save` may be called again on an open file: arrays may follow arrays.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from modelairlock.encodings.python_literal import DEPTH, Literal, parse
from modelairlock.reading import (
    Cursor,
    Format,
    Malformed,
    OverLimit,
    Probe,
    ReadProblem,
    Truncated,
    Unsupported,
    first_bytes,
)
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Member
from modelairlock.records.regex import regex
from modelairlock.records.span import Span
from modelairlock.records.text import counted

MAGIC = b"\x93NUMPY"
HEADER_BYTES = 65536
"""The largest header that is read. numpy refuses more than 10,000 characters unless pickles are allowed."""

#: how far behind an array of unknown size further ones are looked for, and how many
SEARCHED_BYTES, FURTHER = 1024 * 1024, 8

_WIDTHS = {(1, 0): 2, (2, 0): 4, (3, 0): 4}
_INT64 = 2**63 - 1
_TYPE = regex(r"[<>=|]?([?biufcmMOSaUV])([0-9]{0,10})(\[[0-9]{0,10}[a-zA-Zμ]{1,2}\])?")
#: how many bytes an element of each kind may have; kinds that are not here may have any number
_SIZES = {
    "b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8, 12, 16), "c": (8, 16, 24, 32), "m": (8,), "M": (8,),
}  # fmt: skip


class _Type(NamedTuple):
    """What matters of a dtype: bytes an element, and whether elements are Python objects. `known` if both are sure."""

    size: int
    objects: bool = False
    known: bool = True


_UNKNOWN = _Type(0, known=False)


def claims(probe: Probe) -> bool:
    """By the magic alone; whether the version is one that numpy reads is for the reader to say."""
    return probe.head.startswith(MAGIC)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every array of the file. What follows the last one stays unaccounted for."""
    start = 0
    while start < cursor.size:
        cursor.budget.check_time(start)
        if start and cursor.peek(start, len(MAGIC)) != MAGIC:
            detail = f"{counted(cursor.size - start, 'byte')} after the end of the array"
            yield Gap(start=start, end=cursor.size, because=Because.UNRECOGNISED, detail=detail)
            return
        start = yield from _array(cursor, start)


def _array(cursor: Cursor, start: int) -> Generator[Fact | Gap, None, int]:
    """One array from `start` on; returns where it ends. Raises `ReadProblem`."""
    version, at, data = _preamble(cursor, start)
    try:
        kind, count, descr = _described(cursor, version, at, data)
    except ReadProblem as problem:
        # Python's own parser may understand what this one does not, and numpy would then unpickle what follows.
        end = min(data, cursor.size)
        yield Gap(start=at, end=end, because=problem.because, detail=problem.detail)
        if end < cursor.size:
            yield Member(span=Span(end, cursor.size), name="objects.pkl", size_bytes=cursor.size - end)
        return cursor.size
    if kind.objects or not kind.known:
        if not kind.known:
            detail = f"an element type this reader does not know: {_short(descr)}"
            yield Gap(start=data, end=data, because=Because.UNSUPPORTED, detail=detail)
        if data >= cursor.size:
            raise Truncated(cursor.size, "expected a pickle of the array's objects, got the end of the file")
        yield Member(span=Span(data, cursor.size), name="objects.pkl", size_bytes=cursor.size - data)
        if not kind.known:
            yield from _further(cursor, data)
        return cursor.size
    size = count * kind.size
    if size > _INT64:
        raise Malformed(start, "an array that fits a 64-bit address", f"{size} bytes")
    cursor.pass_over(data, data + size)
    if data + size > cursor.size:
        raise Truncated(cursor.size, f"expected {size} bytes of array data, got {cursor.size - data} before the end")
    return data + size


def _further(cursor: Cursor, start: int) -> Iterator[Member]:
    """Arrays that may stand behind one whose size nobody knows: who loads again comes to one."""
    head = cursor.peek(start, SEARCHED_BYTES)
    at = head.find(MAGIC)
    for _ in range(FURTHER):
        if at < 0:
            return
        span = Span(start + at, cursor.size)
        yield Member(span=span, name=f"array at {span.start}.npy", size_bytes=span.end - span.start)
        at = head.find(MAGIC, at + 1)


def _preamble(cursor: Cursor, start: int) -> tuple[tuple[int, int], int, int]:
    """The version, where the header begins, and where the data does. Raises `ReadProblem`."""
    preamble = cursor.read(start, len(MAGIC) + 2)
    if not preamble.startswith(MAGIC):
        raise Malformed(start, "the numpy magic", repr(preamble))
    version = (preamble[6], preamble[7])
    if version not in _WIDTHS:
        raise Unsupported(start + 6, f"expected version 1.0, 2.0 or 3.0 of the format, got {version[0]}.{version[1]}")
    width = _WIDTHS[version]
    length = int.from_bytes(cursor.read(start + 8, width), "little")
    at = start + 8 + width
    return version, at, at + length


def _described(cursor: Cursor, version: tuple[int, int], at: int, data: int) -> tuple[_Type, int, Literal]:
    """The element type, how many elements, and the type as the header writes it. Raises `ReadProblem`."""
    if data - at > HEADER_BYTES:
        raise OverLimit(at, f"a header of {data - at} bytes; {HEADER_BYTES} are read at most")
    text = cursor.read(at, data - at)
    if version == (3, 0):
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(at + error.start, "UTF-8", error.reason) from None
    header = parse(text, at)
    if not isinstance(header, dict) or header.keys() != {"descr", "fortran_order", "shape"}:
        raise Malformed(at, "a dictionary of descr, fortran_order and shape", _short(header))
    if not isinstance(header["fortran_order"], bool):
        raise Malformed(at, "True or False for fortran_order", _short(header["fortran_order"]))
    return _type(header["descr"], 0), _count(header["shape"], at), header["descr"]


def _count(shape: Literal, start: int) -> int:
    """How many elements. numpy multiplies with 64 bits and wraps around; here too large is an error."""
    if not isinstance(shape, tuple):
        raise Malformed(start, "a tuple for shape", _short(shape))
    count = 1
    for length in shape:
        if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length <= _INT64:
            raise Malformed(start, "non-negative 64-bit lengths in shape", _short(length))
        count *= length
        if count > _INT64:
            raise Malformed(start, "a shape of fewer than 2**63 elements", _short(shape))
    return count


def _type(descr: Literal, depth: int) -> _Type:
    """What `descr` means, as ``numpy.lib.format.descr_to_dtype`` reads it; `known` is false whenever in doubt."""
    if isinstance(descr, str):
        return _plain(descr)
    if isinstance(descr, tuple) and len(descr) == 2 and depth < DEPTH:
        return _repeated(_type(descr[0], depth + 1), descr[1])
    if not isinstance(descr, list) or not descr or depth >= DEPTH:
        return _UNKNOWN
    size, objects = 0, False
    for field in descr:
        part = _field(field, depth + 1)
        size, objects = size + part.size, objects or part.objects
        if not part.known:
            return _UNKNOWN
    return _Type(size, objects)


def _field(field: Literal, depth: int) -> _Type:
    # Only tuples: numpy unpacks anything of two or three parts, the string 'aO' included.
    if not isinstance(field, tuple) or len(field) not in (2, 3) or not _names(field[0]):
        return _UNKNOWN
    part = _type(field[1], depth)
    # numpy takes a subarray without a name for padding, whatever its elements are
    if field[0] == "" and part.objects and (len(field) == 3 or isinstance(field[1], tuple)):
        return _UNKNOWN
    return part if len(field) == 2 else _repeated(part, field[2])


def _names(name: Literal) -> bool:
    titled = isinstance(name, tuple) and len(name) == 2 and all(isinstance(part, str) for part in name)
    return titled or isinstance(name, str)


def _repeated(base: _Type, shape: Literal) -> _Type:
    if not base.size:
        return _UNKNOWN  # to numpy ('V0', 8) is a type of eight bytes, not eight times nothing
    lengths = shape if isinstance(shape, tuple) else (shape,)
    size = base.size
    for length in lengths:
        if isinstance(length, bool) or not isinstance(length, int) or not 0 <= length < 2**31:
            return _UNKNOWN
        size *= length
    # numpy keeps the size of one element in 32 bits
    return base._replace(size=size) if size < 2**31 else _UNKNOWN


def _plain(name: str) -> _Type:
    match = _TYPE.fullmatch(name)
    if match is None:
        return _UNKNOWN
    kind, digits, unit = match.groups()
    if unit and kind not in "mM":
        return _UNKNOWN
    if kind == "O":
        return _Type(8, objects=True)
    if kind == "?":
        return _Type(1) if not digits else _UNKNOWN
    if not digits:
        return _UNKNOWN
    size = int(digits)
    if kind in _SIZES:
        return _Type(size) if size in _SIZES[kind] else _UNKNOWN
    size *= 4 if kind == "U" else 1
    return _Type(size) if size < 2**31 else _UNKNOWN


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 100 else text[:97] + "..."


FORMAT = Format(
    name="npy",
    summary="numpy array",
    claims=claims,
    begins=first_bytes(MAGIC),
    read=read,
    extensions=(".npy",),
    loaders=("numpy.load",),
    passes_over="the elements of an array whose type holds no Python objects: numpy copies them and nothing more",
    blind_spots=(
        "element types of other libraries (bfloat16 and friends) are written as raw bytes and read as such",
        "headers that only Python's own parser understands (comments, joined strings, other numbers) are a gap",
    ),
    references=(
        "https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html",
        "CVE-2019-6446: numpy before 1.16.3 unpickles object arrays unasked",
    ),
)
