"""Element types and shapes: what numpy and torch call them, what safetensors calls them, and how wide they are."""

import re

from modelairlock.disarm.values import Box, Dtype
from modelairlock.records.disarm import MOST_DIMENSIONS

#: no array that exists has more bytes
WIDEST = 1 << 62

#: numpy's kind and bytes, and the name that safetensors has for it
NUMPY = {
    "b1": "BOOL", "?": "BOOL", "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16", "f2": "F16", "i4": "I32", "u4": "U32",
    "f4": "F32", "i8": "I64", "u8": "U64", "f8": "F64", "c8": "C64",
    # of the package ml_dtypes
    "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip

#: torch's storage classes: the name that safetensors has ("" for none), and bytes an element
TORCH_STORAGES = {
    "DoubleStorage": ("F64", 8), "FloatStorage": ("F32", 4), "HalfStorage": ("F16", 2), "BFloat16Storage": ("BF16", 2),
    "LongStorage": ("I64", 8), "IntStorage": ("I32", 4), "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1),
    "ByteStorage": ("U8", 1), "BoolStorage": ("BOOL", 1), "ComplexFloatStorage": ("C64", 8),
    "ComplexDoubleStorage": ("", 16), "QUInt8Storage": ("", 1), "QInt8Storage": ("", 1), "QInt32Storage": ("", 4),
    "QUInt4x2Storage": ("", 1), "QUInt2x4Storage": ("", 1), "UntypedStorage": ("", 1),
}  # fmt: skip

#: ``torch.<name>`` as a dtype: the name that safetensors has ("" for none), and bytes an element
TORCH_DTYPES = {
    "float64": ("F64", 8), "double": ("F64", 8), "float32": ("F32", 4), "float": ("F32", 4), "float16": ("F16", 2),
    "half": ("F16", 2), "bfloat16": ("BF16", 2), "int64": ("I64", 8), "long": ("I64", 8), "int32": ("I32", 4),
    "int": ("I32", 4), "int16": ("I16", 2), "short": ("I16", 2), "int8": ("I8", 1), "uint8": ("U8", 1),
    "uint16": ("U16", 2), "uint32": ("U32", 4), "uint64": ("U64", 8), "bool": ("BOOL", 1), "complex64": ("C64", 8),
    "cfloat": ("C64", 8), "float8_e4m3fn": ("F8_E4M3", 1), "float8_e5m2": ("F8_E5M2", 1),
    "float8_e4m3fnuz": ("F8_E4M3FNUZ", 1), "float8_e5m2fnuz": ("F8_E5M2FNUZ", 1), "float8_e8m0fnu": ("F8_E8M0", 1),
    "complex128": ("", 16), "cdouble": ("", 16), "complex32": ("", 4), "chalf": ("", 4), "quint8": ("", 1),
    "qint8": ("", 1), "qint32": ("", 4), "quint4x2": ("", 1), "quint2x4": ("", 1),
}  # fmt: skip


def shape_of(value: object) -> tuple[int, ...] | None:
    """The lengths or steps that a tuple or list holds; None if that is not what it is."""
    if not isinstance(value, Box) or value.kind not in ("tuple", "list") or len(value.items) > MOST_DIMENSIONS:
        return None
    lengths = [item for item in value.items if type(item) is int and 0 <= item < WIDEST]
    return tuple(lengths) if len(lengths) == len(value.items) else None


def count_of(shape: tuple[int, ...]) -> int:
    """How many elements; at most a little more than `WIDEST`, as far as it matters."""
    count = 1
    for length in shape:
        count = min(count * length, 2 * WIDEST) if length else 0
    return count


def rows(shape: tuple[int, ...], *, fortran: bool = False) -> tuple[int, ...]:
    """The steps of an array that lies in one piece, in elements."""
    steps, step = [], 1
    for length in shape if fortran else shape[::-1]:
        steps.append(step)
        step = min(step * max(1, length), WIDEST)
    return tuple(steps if fortran else steps[::-1])


def item_bytes(dtype: Dtype) -> int:
    """How wide an element is, 0 where that is not sure."""
    if dtype.why:
        return 0
    if dtype.code in _WIDTHS:
        return _WIDTHS[dtype.code]
    found = _SIZED.fullmatch(dtype.code)
    return int(found[2]) * (4 if found[1] == "U" else 1) if found else 0


_WIDTHS = {"?": 1, "bfloat16": 2, "float8_e4m3fn": 1, "float8_e5m2": 1}
#: a kind and how many bytes (of text: characters) an element has
_SIZED = re.compile(r"([biufcmMSU])([0-9]{1,9})")
