"""One tensor of an ONNX file: how many bytes it says it has, and how many are there.

What a newcomer would get wrong: numbers lie in one of six places (`raw_data`, four lists by type, another file), and a
file may fill several of them; each loader then has its own idea of which counts. Types smaller than four bytes lie in
`int32_data`, those smaller than a byte two or four to a number; complex numbers are two floats. All arithmetic is done
with Python's integers, so nothing wraps around as it did in loaders (openvino PR 34070, 37389).
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.encodings.onnx_schema import ELEMENTS
from modelairlock.encodings.onnx_walk import TEXT_BYTES, Walk
from modelairlock.encodings.protobuf import LEN, Field
from modelairlock.reading import ReadProblem
from modelairlock.records.coverage import Because
from modelairlock.records.text import shown

_INT64 = 2**63
DIMS = 64
#: bytes a number in the packed lists (0: a varint)
WIDTHS = {"float_data": 4, "double_data": 8, "int32_data": 0, "int64_data": 0, "uint64_data": 0}
#: which list holds which type; types that are not here lie in int32_data
LISTS = {
    "FLOAT": "float_data", "COMPLEX64": "float_data", "DOUBLE": "double_data", "COMPLEX128": "double_data",
    "INT64": "int64_data", "UINT32": "uint64_data", "UINT64": "uint64_data", "STRING": "string_data",
}  # fmt: skip
_EXTERNAL = 1
#: keys of external data that loaders know; ORT adds numbered ones for what it packed beforehand
_KEYS = frozenset(("location", "offset", "length", "checksum", "basepath"))
_KEY_PREFIX = "prepacked_"
_PAIRS = 64
_DIGITS = 20
#: elements that are kept of a list of integers, which may be a shape
_KEPT = 8


class External(NamedTuple):
    """Where a tensor's bytes lie in another file; None for a part that is not given or no number."""

    location: str
    start: int | None
    length: int | None


class Tensor:
    """What was read of one tensor."""

    __slots__ = (
        "data", "dims", "element", "end", "external", "located", "name", "pairs", "raw", "small", "start", "torn",
    )  # fmt: skip

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.name = ""
        self.dims: list[int] = []
        self.element = 0
        self.raw: int | None = None
        #: numbers in each list
        self.data: dict[str, int] = {}
        self.pairs: list[tuple[str, str]] = []
        self.located = 0
        #: the first few 64-bit integers, in case they are a shape
        self.small: tuple[int, ...] = ()
        #: whether reading had to stop in it, so that what is missing proves nothing
        self.torn = False

    @property
    def count(self) -> int:
        """Elements by its dimensions."""
        count = 1
        for length in self.dims:
            count *= length
        return count

    def bytes_needed(self) -> int | None:
        """Bytes that its type and dimensions take in `raw_data` or a file; None for strings and unknown types."""
        bits = ELEMENTS.get(self.element, ("", 0))[1]
        return -(-self.count * bits // 8) if bits and min(self.dims, default=0) >= 0 else None


def read_tensor(walk: Walk, start: int, end: int) -> Iterator[Field | Tensor]:
    """Reads a tensor: yields the fields that somebody else walks (pairs of metadata), and at last the tensor.

    Raises `ReadProblem`, and yields what was read of the tensor before that.
    """
    tensor = Tensor(start, end)
    try:
        yield from _read(walk, tensor)
    except ReadProblem:
        tensor.torn = True
        yield tensor
        raise
    yield tensor


def _read(walk: Walk, tensor: Tensor) -> Iterator[Field]:  # noqa: C901  # a case for each field
    for entry, field in walk.known("Tensor", tensor.start, tensor.end):
        match entry.name:
            case "dims":
                _dims(walk, tensor, field)
            case "data_type":
                tensor.element = field.value
            case "data_location":
                tensor.located = field.value
            case "name":
                tensor.name = walk.text(field)
            case "raw_data":
                _raw(walk, tensor, field)
            case "external_data":
                _pair(walk, tensor, field)
            case "string_data":
                for _ in walk.pieces(field):
                    pass
                tensor.data["string_data"] = tensor.data.get("string_data", 0) + 1
            case "doc_string":
                walk.text(field)
            case "segment" | "metadata_props":
                yield field
            case name:
                _numbers(walk, tensor, name, field)


def _pair(walk: Walk, tensor: Tensor, field: Field) -> None:
    if len(tensor.pairs) < _PAIRS:
        tensor.pairs.append(read_pair(walk, field))
    else:
        walk.gap(field.start, field.end, Because.OVER_LIMIT, f"a tensor with more than {_PAIRS} keys of external data")


def read_pair(walk: Walk, field: Field, most: int = TEXT_BYTES) -> tuple[str, str]:
    """A key and its value, cut to `most` bytes."""
    read = {"key": "", "value": ""}
    for entry, part in walk.known("Pair", field.start, field.end):
        read[entry.name] = walk.text(part, most)
        if entry.name == "value" and part.length > len(read["value"].encode()):
            read["value"] += "…"
    return read["key"], read["value"]


def _dims(walk: Walk, tensor: Tensor, field: Field) -> None:
    if field.wire != LEN:
        tensor.dims.append(_signed(field.value))
    elif field.length <= 10 * DIMS:
        walk.window.content(field)
        tensor.dims.extend(_varints(walk, field))
    else:
        walk.gap(field.start, field.end, Because.OVER_LIMIT, f"a tensor of more than {DIMS} dimensions")
    if len(tensor.dims) > DIMS:
        del tensor.dims[DIMS:]
        walk.tell("onnx-shape-odd", tensor.start, tensor.end, f"a tensor of more than {DIMS} dimensions")


def _varints(walk: Walk, field: Field) -> Iterator[int]:
    at = field.start
    while at < field.end:
        value, at = walk.window.varint(at, field.end)
        yield _signed(value)


def _signed(value: int) -> int:
    return value - 2 * _INT64 if value >= _INT64 else value


def _raw(walk: Walk, tensor: Tensor, field: Field) -> None:
    if field.length <= 8 * _KEPT and field.length % 8 == 0:
        data = walk.window.content(field)
        tensor.small = tuple(int.from_bytes(data[at : at + 8], "little", signed=True) for at in range(0, len(data), 8))
    else:
        walk.cursor.pass_over(field.start, field.end)
    tensor.raw = field.length


def _numbers(walk: Walk, tensor: Tensor, name: str, field: Field) -> None:
    if name == "int64_data" and len(tensor.small) < _KEPT:
        if field.wire != LEN:
            tensor.small += (_signed(field.value),)
        elif field.length <= 10 * _KEPT:
            tensor.small += tuple(_varints(walk, field))
    count = walk.count(field, WIDTHS[name])
    if count < 0:
        walk.tell("onnx-tensor-size", field.start, field.end, f"{name} is no whole number of numbers")
        count = 0
    tensor.data[name] = tensor.data.get(name, 0) + count


def external(walk: Walk, tensor: Tensor) -> External | None:
    """Where the tensor's bytes are, if in another file; what is odd about that is told."""
    if not tensor.pairs and tensor.located != _EXTERNAL:
        return None
    said: dict[str, str] = {}
    for key, value in tensor.pairs:
        if key in said:
            _tell_external(walk, tensor, f"{key} stands twice, as {_short(said[key])} and {_short(value)}")
        if key not in _KEYS and not key.startswith(_KEY_PREFIX):
            _tell_external(walk, tensor, f"a key {_short(key)}, which onnx before 1.21 sets as an attribute")
        said[key] = value
    if "location" not in said:
        _tell_external(walk, tensor, "no location")
        return None
    if tensor.located != _EXTERNAL:
        _tell_external(walk, tensor, "it is not marked as external, so that some loaders ignore it and others do not")
    start, length = (_number(walk, tensor, key, said.get(key)) for key in ("offset", "length"))
    if (start or 0) + (length or 0) >= _INT64:
        _tell_external(walk, tensor, f"{length} bytes from {start} on pass 63 bits")
    return External(said["location"], start, length)


def locations(tensor: Tensor) -> Iterator[str]:
    """Every location that a tensor names; there should be one."""
    return (value for key, value in tensor.pairs if key == "location")


def _number(walk: Walk, tensor: Tensor, key: str, value: str | None) -> int | None:
    if value is None:
        return None
    if value.isascii() and value.isdigit() and len(value) <= _DIGITS and int(value) < _INT64:
        return int(value)
    _tell_external(walk, tensor, f"{key} is {_short(value)}, no number of 63 bits")
    return None


def _tell_external(walk: Walk, tensor: Tensor, detail: str) -> None:
    walk.tell("onnx-external-odd", tensor.start, tensor.end, f"external data of {_short(tensor.name)}: {detail}")


def check(walk: Walk, tensor: Tensor, outside: External | None) -> None:
    """Tell what of type, dimensions and data does not fit together."""
    held = [name for name, count in tensor.data.items() if count]
    if tensor.raw:
        held.append("raw_data")
    if outside is not None:
        held.append("external_data")
    if len(held) > 1:
        detail = f"{_short(tensor.name)} has its numbers in {' and '.join(held)}: each loader has its own idea of it"
        walk.tell("onnx-data-twice", tensor.start, tensor.end, detail)
    if min(tensor.dims, default=0) < 0 or max(tensor.count, tensor.bytes_needed() or 0) >= _INT64:
        detail = f"{_short(tensor.name)} has the shape {_short(str(tensor.dims))}"
        walk.tell("onnx-shape-odd", tensor.start, tensor.end, detail)
    elif tensor.element not in ELEMENTS:
        detail = f"{_short(tensor.name)} has the element type {tensor.element}, which ONNX (IR version 14) has not"
        walk.gap(tensor.start, tensor.end, Because.UNSUPPORTED, detail)
    elif not fits(tensor, outside):
        name = ELEMENTS[tensor.element][0]
        detail = f"{_short(tensor.name)}: {name} of shape {_short(str(tensor.dims))} and {_has(tensor, outside)}"
        walk.tell("onnx-tensor-size", tensor.start, tensor.end, detail)


def fits(tensor: Tensor, outside: External | None) -> bool:
    """Whether the data is as long as type and dimensions say."""
    name, bits = ELEMENTS[tensor.element]
    if outside is not None:
        return bits > 0 and outside.length in (None, tensor.bytes_needed())
    if tensor.raw:
        return bits > 0 and tensor.raw == tensor.bytes_needed()
    count = tensor.count * (2 if name.startswith("COMPLEX") else 1)
    if bits in (2, 4):  # floats of six bits lie one to a number
        count = -(-count * bits // 8)
    return tensor.data.get(LISTS.get(name, "int32_data"), 0) == count


def _has(tensor: Tensor, outside: External | None) -> str:
    if outside is not None:
        return f"{outside.length} bytes in another file"
    if tensor.raw:
        return f"{tensor.raw} bytes of raw_data"
    return ", ".join(f"{count} numbers in {name}" for name, count in tensor.data.items()) or "no data at all"


def _short(value: str) -> str:
    return shown(repr(value), 80)
