"""The protocol's datatypes as arrays of numpy, out of JSON and out of bytes.

Both ways in are checked against the shape before anything is made of them: JSON is decoded by a type that has exactly
as many values on each level, and bytes must be as many as the shape says. BF16 has no dtype in numpy, and is refused.
"""

import math
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Annotated, Any

import msgspec
import numpy

from modelairlock.records.text import shown
from modelairlock.records.typed import json_decoder
from modelairlock.serving.problems import Bounds, bad, unsendable

#: datatype -> dtype; what is not here is refused
DTYPES = {
    "BOOL": "|b1", "INT8": "|i1", "INT16": "<i2", "INT32": "<i4", "INT64": "<i8", "UINT8": "|u1", "UINT16": "<u2",
    "UINT32": "<u4", "UINT64": "<u8", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8",
}  # fmt: skip
BYTES = "BYTES"
MAX_RANK = 16
#: the widest text of fixed width that goes into the jail
_MAX_WIDTH = 9_999_999
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_LENGTH = struct.Struct("<I")
#: kinds of dtypes that are text; O is a list of `str` that a model answered
_TEXT = "SUO"


def count_of(name: str, datatype: str, shape: Sequence[int], bounds: Bounds) -> int:
    """How many values a tensor has. Raises Refusal for one that cannot be."""
    if datatype != BYTES and datatype not in DTYPES:
        known = ", ".join([*DTYPES, BYTES])
        raise bad(f"input {shown(name)!r}: datatype {shown(datatype, 40)!r} is not taken; there are {known}")
    if len(shape) > MAX_RANK:
        raise bad(f"input {shown(name)!r}: {len(shape)} dimensions, and at most {MAX_RANK} are taken")
    item = 1 if datatype == BYTES else numpy.dtype(DTYPES[datatype]).itemsize
    # Empty arrays too must not have dimensions that overflow.
    if math.prod(max(1, length) for length in shape) * item > bounds.arrays:
        raise bad(f"input {shown(name)!r}: shape {[*shape]} takes more than {bounds.arrays} bytes")
    return math.prod(shape)


# --- out of JSON -----------------------------------------------------------------------------------------------------


def from_json(name: str, datatype: str, shape: tuple[int, ...], raw: bytes, bounds: Bounds, *, text: bool) -> Any:
    """The array that ``data`` of an input says, flat or nested as its shape. Raises Refusal."""
    count = count_of(name, datatype, shape, bounds)
    if math.prod(max(1, length) for length in shape) > bounds.values:
        raise bad(
            f"input {shown(name)!r}: more than {bounds.values} values as JSON; send them in binary "
            "(binary_data_size, and the header Inference-Header-Content-Length)"
        )
    levels = _levels(name, datatype, shape, count, raw)
    try:
        values = _decoder(datatype, levels)(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        wanted = f"{datatype} of shape {[*shape]}, flat or nested"
        raise bad(f"input {shown(name)!r}: data is not {wanted}: {shown(str(problem), 200)}") from None
    if datatype == BYTES:
        return _text_array(name, _flat(values, len(levels)), shape, bounds, text=text)
    return _numbers(name, datatype, values).reshape(shape)


def _levels(name: str, datatype: str, shape: tuple[int, ...], count: int, raw: bytes) -> tuple[int, ...]:
    """The lengths of the lists in each other: as the shape, or one long one. Raises Refusal where it is neither.

    Signs are counted before values are made: msgspec looks at the length of a list when it has decoded all of it.
    """
    if datatype == BYTES:
        nested = len(shape) > 1 and count > 0 and _opening(raw) == len(shape)
        levels = shape if nested else (count,)
        if _strings(raw) == count:
            return levels
    else:
        found = raw.count(b"["), raw.count(b",")
        for levels in ((count,), shape):
            if found == _signs(levels):
                return levels
    raise bad(f"input {shown(name)!r}: data is not {datatype} of shape {[*shape]}, flat or nested: other lengths")


def _opening(raw: bytes) -> int:
    """How many lists begin before the first value."""
    start = raw[:1024].translate(None, b" \t\r\n")
    return len(start) - len(start.lstrip(b"["))


def _strings(raw: bytes) -> int:
    """How many strings there are. In valid JSON a run of backslashes begins with one that escapes the next."""
    plain = raw.replace(b"\\\\", b"")
    return (plain.count(b'"') - plain.count(b'\\"')) // 2


def _signs(levels: tuple[int, ...]) -> tuple[int, int]:
    """How many brackets open, and how many commas there are, in lists of these lengths."""
    brackets = commas = 0
    for length in reversed(levels):
        brackets, commas = 1 + length * brackets, max(0, length - 1) + length * commas
    return brackets, commas


@lru_cache(maxsize=256)
def _decoder(datatype: str, levels: tuple[int, ...]) -> Callable[[bytes], Any]:
    kind: Any = _value_type(datatype)
    for length in reversed(levels):
        kind = Annotated[list[kind], msgspec.Meta(min_length=length, max_length=length)]
    return json_decoder(kind)


def _value_type(datatype: str) -> Any:
    if datatype == BYTES:
        return str
    dtype = numpy.dtype(DTYPES[datatype])
    if dtype.kind == "b":
        return bool
    if dtype.kind == "f":
        return float
    info = numpy.iinfo(dtype)
    # msgspec knows no bound above int64; numpy finds what is above it.
    high = int(info.max) if info.max <= 2**63 - 1 else None
    return Annotated[int, msgspec.Meta(ge=int(info.min), le=high)]


def _flat(values: list[Any], depth: int) -> list[Any]:
    for _ in range(depth - 1):
        values = [one for inner in values for one in inner]
    return values


def _numbers(name: str, datatype: str, values: list[Any]) -> Any:
    dtype = numpy.dtype(DTYPES[datatype])
    try:
        with numpy.errstate(over="ignore"):
            array = numpy.array(values, dtype)
    except (OverflowError, ValueError) as problem:
        raise bad(f"input {shown(name)!r}: a value does not fit into {datatype}: {shown(str(problem), 200)}") from None
    if dtype.kind == "f" and not numpy.isfinite(array).all():
        raise bad(f"input {shown(name)!r}: a value is too large for {datatype}")
    return array


# --- out of bytes ----------------------------------------------------------------------------------------------------


def from_binary(
    name: str, datatype: str, shape: tuple[int, ...], raw: memoryview, bounds: Bounds, *, text: bool
) -> Any:
    """The array that the bytes of an input are. Raises Refusal."""
    count = count_of(name, datatype, shape, bounds)
    if datatype == BYTES:
        return _text_array(name, _elements(name, raw, count, bounds), shape, bounds, text=text)
    dtype = numpy.dtype(DTYPES[datatype])
    if count * dtype.itemsize != len(raw):
        wanted = count * dtype.itemsize
        raise bad(f"input {shown(name)!r}: {datatype} of shape {[*shape]} takes {wanted} bytes, and {len(raw)} came")
    array = numpy.frombuffer(raw, dtype)
    if dtype.kind == "b" and count and numpy.frombuffer(raw, "u1").max() > 1:
        raise bad(f"input {shown(name)!r}: a BOOL is a byte of 0 or 1")
    return array.reshape(shape)


def _elements(name: str, raw: memoryview, count: int, bounds: Bounds) -> list[bytes]:
    """Each is its length, in four bytes, and so many bytes."""
    if count > bounds.values or count * _LENGTH.size > len(raw):
        raise bad(f"input {shown(name)!r}: {len(raw)} bytes cannot hold {count} elements, or these are too many")
    found, at = [], 0
    for number in range(count):
        start = at + _LENGTH.size
        at = start + _LENGTH.unpack_from(raw, at)[0] if start <= len(raw) else len(raw) + 1
        if at > len(raw):
            raise bad(f"input {shown(name)!r}: element {number} of {count} ends behind the {len(raw)} bytes that came")
        found.append(bytes(raw[start:at]))
    if at != len(raw):
        raise bad(f"input {shown(name)!r}: {len(raw) - at} bytes are left over behind its {count} elements")
    return found


def _text_array(name: str, items: Sequence[str | bytes], shape: tuple[int, ...], bounds: Bounds, *, text: bool) -> Any:
    """An array of fixed width: of characters, or of bytes. numpy drops zeros at the end, so these are refused."""
    try:
        made: list[Any] = [_as_text(one) if text else _as_bytes(one) for one in items]
    except UnicodeDecodeError as problem:
        hint = 'send it with the parameter "content": "bytes" if it is no text'
        raise bad(f"input {shown(name)!r}: an element is not UTF-8 ({problem.reason}); {hint}") from None
    zero = "\0" if text else b"\0"
    if any(one.endswith(zero) for one in made):
        raise bad(f"input {shown(name)!r}: an element ends with a zero byte, which would be lost on the way")
    width = max(map(len, made), default=0) or 1
    room = width * len(made) * (4 if text else 1)
    if width > _MAX_WIDTH or room > bounds.arrays:
        raise bad(
            f"input {shown(name)!r}: {len(made)} elements of up to {width} take {room} bytes side by side, and at most "
            f"{bounds.arrays} are sent; send long ones alone"
        )
    return numpy.array(made, f"<U{width}" if text else f"|S{width}").reshape(shape)


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


# --- on the way back -------------------------------------------------------------------------------------------------


def datatype_of(name: str, array: Any) -> str:
    """What the protocol calls the dtype of an array. Raises Refusal."""
    if array.dtype.kind in _TEXT:
        return BYTES
    found = _NAMES.get(array.dtype.newbyteorder("<").str)
    if found is None:
        raise unsendable(f"output {shown(name)!r} is of dtype {array.dtype}, which the protocol has no datatype for")
    return found


def to_binary(name: str, array: Any, bounds: Bounds) -> bytes:
    """The bytes of an output. Raises Refusal."""
    if array.dtype.kind not in _TEXT:
        plain = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return bytes(plain.tobytes())
    if array.size > bounds.values:
        raise unsendable(f"output {shown(name)!r} has {array.size} texts, and at most {bounds.values} are sent")
    pieces = [_encoded(name, one) for one in array.reshape(-1).tolist()]
    return b"".join(part for piece in pieces for part in (_LENGTH.pack(len(piece)), piece))


def to_json(name: str, array: Any) -> list[Any]:
    """The values of an output, flat. Raises Refusal."""
    if array.dtype.kind == "f" and not numpy.isfinite(array).all():
        raise unsendable(f'output {shown(name)!r} holds NaN or infinity, which JSON cannot say: ask for "binary_data"')
    values: list[Any] = array.reshape(-1).tolist()
    if array.dtype.kind == "S":
        try:
            return [one.decode() for one in values]
        except UnicodeDecodeError:
            message = f'output {shown(name)!r} holds bytes that are no UTF-8: ask for "binary_data"'
            raise unsendable(message) from None
    if array.dtype.kind in "UO":
        for one in values:
            _encoded(name, one)
    return values


def _encoded(name: str, value: str | bytes) -> bytes:
    try:
        return _as_bytes(value)
    except UnicodeEncodeError:
        raise unsendable(f"output {shown(name)!r} holds half a character (a lone surrogate)") from None
