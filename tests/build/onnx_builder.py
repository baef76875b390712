"""Builds ONNX models field by field, so that any part can be wrong: no protobuf library, nothing checked.

A message is bytes; `field` puts one value under a number. Values: an int is a varint, bytes or a str a field with a
length, a float four bytes. Everything here is a function from parts to bytes, and parts are joined with ``+``.
"""

import struct

FLOAT, INT32, INT64, STRING, FLOAT16 = 1, 6, 7, 8, 10


def varint(number: int) -> bytes:
    """A number as a varint; negative ones as 64-bit two's complement."""
    number &= 2**64 - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number: int, value: int | bytes | str | float) -> bytes:
    """One field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(number: int, *values: int | bytes | str | float) -> bytes:
    """Several fields of one number."""
    return b"".join(field(number, value) for value in values)


def pair(key: str, value: str) -> bytes:
    """A key and its value (StringStringEntryProto)."""
    return field(1, key) + field(2, value)


def node(
    op: str,
    inputs: tuple[str, ...] = ("x",),
    outputs: tuple[str, ...] = ("y",),
    attributes: tuple[bytes, ...] = (),
    domain: str = "",
    name: str = "n",
) -> bytes:
    """A NodeProto, fields in the order in which they are written."""
    made = fields(1, *inputs) + fields(2, *outputs) + field(3, name) + field(4, op) + fields(5, *attributes)
    return made + (field(7, domain) if domain else b"")


def attribute(name: str, value: int | str | bytes | float) -> bytes:
    """An attribute that is a number or a string."""
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, 1)
    return field(1, name) + field(4, value) + field(20, 3)


def tensor_attribute(name: str, value: bytes) -> bytes:
    """An attribute that is a tensor."""
    return field(1, name) + field(5, value) + field(20, 4)


def graph_attribute(name: str, value: bytes) -> bytes:
    """An attribute that is a graph."""
    return field(1, name) + field(6, value) + field(20, 5)


def tensor(
    name: str = "w", dims: tuple[int, ...] = (2, 2), element: int = FLOAT, raw: bytes | None = bytes(16)
) -> bytes:
    """A TensorProto with raw data, or none."""
    made = fields(1, *dims) + field(2, element) + field(8, name)
    return made + (b"" if raw is None else field(9, raw))


def external(location: str, *more: tuple[str, str], name: str = "w", dims: tuple[int, ...] = (2, 2)) -> bytes:
    """A TensorProto whose data lies in another file."""
    entries = (("location", location), *more)
    return tensor(name, dims, raw=None) + fields(13, *(pair(*entry) for entry in entries)) + field(14, 1)


def value(name: str, dims: tuple[int, ...] = (2, 2), element: int = FLOAT) -> bytes:
    """A ValueInfoProto of a tensor."""
    shape = fields(1, *(field(1, length) for length in dims))
    return field(1, name) + field(2, field(1, field(1, element) + field(2, shape)))


def graph(
    nodes: tuple[bytes, ...] = (node("Relu"),),
    initializers: tuple[bytes, ...] = (),
    inputs: tuple[str, ...] = ("x",),
    outputs: tuple[str, ...] = ("y",),
    more: bytes = b"",
) -> bytes:
    """A GraphProto."""
    made = fields(1, *nodes) + field(2, "g") + fields(5, *initializers)
    return made + fields(11, *map(value, inputs)) + fields(12, *map(value, outputs)) + more


def opset(version: int = 17, domain: str = "") -> bytes:
    """An OperatorSetIdProto."""
    return (field(1, domain) if domain else b"") + field(2, version)


def function(name: str, domain: str = "local", nodes: tuple[bytes, ...] = (node("Relu"),)) -> bytes:
    """A FunctionProto."""
    return field(1, name) + field(4, "x") + field(5, "y") + fields(7, *nodes) + field(9, opset()) + field(10, domain)


def model(
    made: bytes | None = None,
    more: bytes = b"",
    metadata: tuple[tuple[str, str], ...] = (),
    functions: tuple[bytes, ...] = (),
) -> bytes:
    """A ModelProto around a graph."""
    head = field(1, 8) + field(2, "modelairlock") + field(7, graph() if made is None else made) + field(8, opset())
    return head + fields(14, *(pair(*entry) for entry in metadata)) + fields(25, *functions) + more


def everything() -> bytes:
    """An honest model with a bit of all there is: branches, functions, sparse and quantized tensors, training."""
    branch = graph((node("Identity", ("x",), ("z",)),), (tensor("inner", (1,), INT64, bytes(8)),), (), ("z",))
    constant = tensor_attribute("value", tensor("", (2,), STRING, None) + fields(6, "é", b"\xff"))
    nodes = (
        node("Constant", (), ("c",), (constant,)),
        node("If", ("k",), ("z",), (graph_attribute("then_branch", branch), graph_attribute("else_branch", branch))),
        node("Own", ("z",), ("y",), (attribute("alpha", 0.5), attribute("axis", -1)), "local"),
        node("MatMulNBits", ("y",), ("q",), (attribute("bits", 4),), "com.microsoft"),
    )
    halves = fields(1, 2) + field(2, FLOAT16) + field(5, varint(300) + varint(7)) + field(8, "h")
    sparse = field(1, tensor("s", (1,), FLOAT, bytes(4))) + field(2, tensor("i", (1,), INT64, bytes(8))) + field(3, 4)
    annotation = field(1, "w") + field(2, pair("SCALE_TENSOR", "h"))
    whole = graph(nodes, (tensor(), halves), ("x", "k"), ("y",), field(14, annotation) + field(15, sparse))
    training = field(1, graph()) + field(2, graph()) + field(3, pair("w", "y"))
    # Not in the usual order: what comes last here is what no model can be without, so that every cut is seen.
    parts = field(1, 8) + field(14, pair("names", "{0: 'a (b)', 1: \"c\"}")) + field(25, function("Own"))
    return parts + field(20, training) + field(7, whole) + field(8, opset())
