"""How arguments and results cross the wall: plain buffers in shared memory, and a strict description of them.

Nothing is ever pickled, in either direction. A description out of the jail is the attacker's: its numbers are checked
as whole numbers of any size before one of them becomes a place in memory, and the sum of all that is copied is bounded,
because many arrays may claim the same bytes.
"""

import math
import re
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec

from modelairlock.isolation.jail.channel import BrokeProtocol
from modelairlock.isolation.jail.memory import Memory
from modelairlock.records.errors import AirlockError

if TYPE_CHECKING:
    from types import ModuleType

MAX_ARRAYS = 256
MAX_VALUES = 4096
MAX_DEPTH = 8
MAX_KEY = 128
MAX_DIMENSIONS = 32
_ALIGN = 64
_CODE_POINTS = 0x10FFFF
#: kinds and sizes of numbers; texts (S, U) have any size
_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
_DTYPE = re.compile(r"([<>|])([biufcSU])([1-9][0-9]{0,6})")
_ARRAYS_ONLY = (
    "Give numpy arrays of numbers or fixed-width text, plain numbers, text, None, or lists and dicts of them."
)


class ArrayValue(msgspec.Struct, frozen=True, tag="array", tag_field="is", forbid_unknown_fields=True):
    """An array: where its bytes begin, and how they are to be read."""

    dtype: str
    shape: tuple[int, ...]
    at: int
    order: Literal["C", "F"] = "C"
    scalar: bool = False


class FloatValue(msgspec.Struct, frozen=True, tag="float", tag_field="is", forbid_unknown_fields=True):
    """A float of Python's, as the 16 digits of its bits: JSON has no NaN."""

    bits: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]


class ListValue(msgspec.Struct, frozen=True, tag="list", tag_field="is", forbid_unknown_fields=True):
    """A list."""

    items: "tuple[Value, ...]"


class TupleValue(msgspec.Struct, frozen=True, tag="tuple", tag_field="is", forbid_unknown_fields=True):
    """A tuple."""

    items: "tuple[Value, ...]"


class DictValue(msgspec.Struct, frozen=True, tag="dict", tag_field="is", forbid_unknown_fields=True):
    """A dict, as keys and values apart, so that no key comes twice unseen."""

    keys: tuple[str, ...]
    items: "tuple[Value, ...]"


_Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Value = ArrayValue | FloatValue | ListValue | TupleValue | DictValue | str | bool | _Int | None


def numpy_here() -> "ModuleType":
    """The caller's numpy, imported when the first model is opened. Raises AirlockError."""
    try:
        import numpy
    except ImportError as problem:
        hint = "Install numpy beside modelairlock (pip install numpy); the model's framework is not needed here."
        raise AirlockError("arrays cannot be sent to a model without numpy, which is not installed", hint) from problem
    return numpy


class _Placed(NamedTuple):
    array: Any
    at: int
    order: Literal["C", "F"]


class Packed:
    """The arguments of one call, described; `write` puts the arrays where the description says. Raises AirlockError."""

    def __init__(self, numpy: "ModuleType", arguments: tuple[object, ...], options: Mapping[str, object]) -> None:
        self.size = 0
        self._numpy = numpy
        self._placed: list[_Placed] = []
        self._values = 0
        self.arguments = tuple(self._value(one, 0) for one in arguments)
        self.options = {_key(name): self._value(one, 0) for name, one in options.items()}

    def write(self, memory: Memory) -> None:
        """Copy the arrays; `memory` is at least of our size."""
        for array, at, order in self._placed:
            place = self._numpy.ndarray(array.shape, array.dtype, memory.map, at, None, order)
            place[...] = array

    def _value(self, value: Any, depth: int) -> Value:
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            what = f"more than {MAX_VALUES} values" if depth <= MAX_DEPTH else f"more than {MAX_DEPTH} levels"
            raise AirlockError(f"the arguments hold {what}", "Make one numpy array of it, and send that.")
        if type(value) is str:
            return _text(value)
        if value is None or type(value) is bool:
            return value
        if type(value) is int and -(2**63) <= value < 2**63:
            return value
        if type(value) is float:
            return FloatValue(struct.pack(">d", value).hex())
        if type(value) is list:
            return ListValue(tuple(self._value(one, depth + 1) for one in value))
        if type(value) is tuple:
            return TupleValue(tuple(self._value(one, depth + 1) for one in value))
        if type(value) is dict:
            return self._dict(value, depth)
        return self._array(value)

    def _dict(self, value: dict[Any, Any], depth: int) -> DictValue:
        return DictValue(tuple(map(_key, value)), tuple(self._value(one, depth + 1) for one in value.values()))

    def _array(self, value: Any) -> ArrayValue:
        numpy = self._numpy
        scalar = isinstance(value, numpy.generic)
        if not scalar and type(value) not in {numpy.ndarray, numpy.memmap}:
            raise AirlockError(f"an argument is a {_named(value)}, which cannot be sent", _ARRAYS_ONLY)
        array = numpy.asarray(value)
        if not sendable(array.dtype.str):
            hint = "Numbers and fixed-width text can be: try .astype(float) or .astype(str)."
            raise AirlockError(f"an array of dtype {array.dtype} cannot be sent", hint)
        if len(self._placed) >= MAX_ARRAYS or array.ndim > MAX_DIMENSIONS:
            hint = f"At most {MAX_ARRAYS} arrays of {MAX_DIMENSIONS} dimensions go over in one call."
            raise AirlockError("the arguments hold too many arrays, or dimensions", hint)
        flags = array.flags
        order: Literal["C", "F"] = "F" if flags.f_contiguous and not flags.c_contiguous else "C"
        at = self.size
        self._placed.append(_Placed(array, at, order))
        self.size = -(-(at + array.nbytes) // _ALIGN) * _ALIGN
        return ArrayValue(array.dtype.str, array.shape, at, order, scalar)


def _key(key: Any) -> str:
    if type(key) is not str or len(key) > MAX_KEY or not key.isprintable():
        hint = f"Keys, and names of arguments, are printable text of at most {MAX_KEY} characters."
        raise AirlockError("the arguments have a key, or a name, that cannot be sent", hint)
    return key


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        hint = 'Take it out, as in text.encode("utf-8", "replace").decode().'
        raise AirlockError("a text in the arguments has half a character (a lone surrogate)", hint) from None
    return value


def _named(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def sendable(dtype: str) -> bool:
    """Whether arrays of this dtype, spelt as ``dtype.str``, may cross: no objects, no fields, no dates."""
    return _item_bytes(dtype) > 0


def _item_bytes(dtype: str) -> int:
    """The bytes of one item; 0 for a dtype that may not cross."""
    match = _DTYPE.fullmatch(dtype)
    if match is None:
        return 0
    order, kind, number = match[1], match[2], int(match[3])
    if kind == "U":
        return 4 * number if order != "|" else 0
    if kind != "S" and number not in _SIZES[kind]:
        return 0
    return number if (order == "|") == (kind == "S" or number == 1) else 0


class Taking:
    """Makes values of one answer's description: copies first, checks afterwards. Raises BrokeProtocol."""

    def __init__(self, numpy: "ModuleType", memory: Memory | None, most_bytes: int) -> None:
        self._numpy = numpy
        self._memory = memory
        self._left = most_bytes
        self._values = self._arrays = 0

    def value(self, given: Value, depth: int = 0) -> Any:
        """What `given` describes."""
        self._values += 1
        if self._values > MAX_VALUES or depth > MAX_DEPTH:
            raise BrokeProtocol("a result of too many values, or too deep")
        if isinstance(given, ArrayValue):
            return self._array(given)
        if isinstance(given, FloatValue):
            return struct.unpack(">d", bytes.fromhex(given.bits))[0]
        if isinstance(given, DictValue):
            return self._dict(given, depth)
        if isinstance(given, ListValue | TupleValue):
            items = [self.value(one, depth + 1) for one in given.items]
            return items if isinstance(given, ListValue) else tuple(items)
        return given

    def _dict(self, given: DictValue, depth: int) -> dict[str, Any]:
        if len(given.keys) != len(given.items) or len(set(given.keys)) != len(given.keys):
            raise BrokeProtocol("a dict whose keys and values do not fit")
        if any(len(key) > MAX_KEY or not key.isprintable() for key in given.keys):
            raise BrokeProtocol("a dict with a key that is too long, or not printable")
        return {key: self.value(one, depth + 1) for key, one in zip(given.keys, given.items, strict=True)}

    def _array(self, given: ArrayValue) -> Any:
        item = _item_bytes(given.dtype)
        self._arrays += 1
        if not item or self._arrays > MAX_ARRAYS or len(given.shape) > MAX_DIMENSIONS:
            raise BrokeProtocol("an array of a dtype that may not cross, of too many dimensions, or one too many")
        if any(length < 0 for length in given.shape) or (given.scalar and given.shape):
            raise BrokeProtocol("an array with a shape that cannot be")
        # Empty arrays too must not have dimensions that overflow.
        claimed = math.prod(max(1, length) for length in given.shape) * item
        size = 0 if 0 in given.shape else claimed
        room = self._memory.size if self._memory is not None else 0
        if claimed > self._left or given.at < 0 or given.at + size > room:
            raise BrokeProtocol("an array that lies outside of the memory it was given, or is larger than allowed")
        self._left -= claimed
        return self._copied(given, size)

    def _copied(self, given: ArrayValue, size: int) -> Any:
        numpy = self._numpy
        own = numpy.empty(size, numpy.uint8)
        if size and self._memory is not None:
            own[...] = numpy.frombuffer(self._memory.map, numpy.uint8, size, given.at)
        kind = given.dtype[1]
        if kind == "b" and size and own.max() > 1:
            raise BrokeProtocol("an array of truth values that are neither")
        if kind == "U" and size and own.view(f"{given.dtype[0]}u4").max() > _CODE_POINTS:
            raise BrokeProtocol("an array of text with characters that do not exist")
        array = own.view(given.dtype).reshape(given.shape, order=given.order)
        return array[()] if given.scalar else array
