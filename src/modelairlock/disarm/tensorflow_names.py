"""Names in TensorFlow's checkpoints: the keys of variables and of slices, and what people call them.

What a newcomer would get wrong: a key of TensorFlow 2 is a way through the objects that were saved, whose steps are
escaped: ``.S`` is a slash and ``..`` a point, and what begins with one point is TensorFlow's own.
See tensorflow/python/checkpoint/trackable_utils (python/trackable) and tensorflow/core/lib/strings/ordered_code.cc.
"""

from collections.abc import Sequence

#: the key of the saved objects themselves
GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"
_ATTRIBUTES = ".ATTRIBUTES"
_VALUE = "VARIABLE_VALUE"


def readable(key: bytes) -> str:
    """``layer/kernel/.ATTRIBUTES/VARIABLE_VALUE`` as ``layer.kernel``; of several values, each by its name as well."""
    steps = key.decode("utf-8", "backslashreplace").split("/")
    if _ATTRIBUTES not in steps:
        return ".".join(steps)  # of TensorFlow 1: nothing is escaped
    if steps[-2:] == [_ATTRIBUTES, _VALUE]:
        steps = steps[:-2]
    return ".".join(_step(one) for one in steps if one != _ATTRIBUTES) or _VALUE


def _step(step: str) -> str:
    if step.startswith(".") and step[1:2] not in (".", "S"):
        return step[1:]
    return step.replace("..", "\0").replace(".S", "/").replace("\0", ".")


def slice_key(name: bytes, extents: Sequence[tuple[int, int]]) -> bytes:
    """The key of one slice: nothing, the name, how many dimensions, and from where and how far in each."""
    made = _number(0) + _string(name) + _number(len(extents))
    return made + b"".join(_signed(start) + _signed(length) for start, length in extents)


def _number(value: int) -> bytes:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes((len(data),)) + data


def _string(value: bytes) -> bytes:
    # Both in one go: what is put in for one of them must not be taken for the other.
    escaped = b"".join({0: b"\0\xff", 255: b"\xff\0"}.get(byte, bytes((byte,))) for byte in value)
    return escaped + b"\0\1"


def _signed(value: int) -> bytes:
    """As few bytes as do; the first bits say how many, and order them."""
    bits = (~value if value < 0 else value).bit_length()
    length = bits // 7 + 1
    head = ((1 << length) - 1) << (16 - length)
    data = bytearray((value & (1 << 8 * 10) - 1).to_bytes(10, "big")[-length:])
    data[0] ^= head >> 8
    if length > 1:
        data[1] ^= head & 0xFF
    return bytes(data)
