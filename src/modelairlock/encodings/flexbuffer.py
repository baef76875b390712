"""The options of a Flex operator: a flexbuffer of two texts, an operator of TensorFlow and a NodeDef in protobuf.

What a newcomer would get wrong: which kernel of TensorFlow runs is said by these two, and not by the operator's own
name in the model, which may say ``FlexAdd`` while these say ``WriteFile``.
"""

from modelairlock.encodings.protobuf import LEN, Window, fields
from modelairlock.reading import Cursor, ReadProblem
from modelairlock.records.span import Span

#: packed types: two bits of width, six of type
_STRING, _VECTOR = 5, 10
_OP_FIELD = 2


def flex_kernels(cursor: Cursor, span: Span) -> tuple[str, ...] | None:
    """The operators of TensorFlow that the options at `span` name, each once; None if they are nothing like it."""
    data = cursor.peek(span.start, span.end - span.start)
    texts = _texts(data)
    if texts is None:
        return None
    (name_at, name_end), (node_at, node_end) = texts
    kernels = [data[name_at:name_end].decode("utf-8", "replace")]
    try:
        for field in fields(Window(cursor), span.start + node_at, span.start + node_end):
            if field.number == _OP_FIELD and field.wire == LEN:
                at = field.start - span.start
                kernels.append(data[at : at + field.length].decode("utf-8", "replace"))
    except ReadProblem:
        return None
    return tuple(dict.fromkeys(kernels)) if len(kernels) > 1 else None


def _texts(data: bytes) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Where the first two texts of the vector lie that `data` ends with."""
    if len(data) < 4 or data[-2] >> 2 != _VECTOR or data[-1] not in (1, 2, 4, 8):
        return None
    root = len(data) - 2 - data[-1]
    if root < 0:
        return None
    at = root - _number(data, root, data[-1])
    width = 1 << (data[-2] & 3)
    count = _number(data, at - width, width) if at >= width else 0
    types = at + count * width
    if count < 2 or at + 2 * width > len(data) or types + 2 > len(data):
        return None
    first = _text(data, at, width, data[types])
    second = _text(data, at + width, width, data[types + 1])
    return (first, second) if first and second else None


def _text(data: bytes, element: int, width: int, packed: int) -> tuple[int, int] | None:
    start = element - _number(data, element, width)
    length_width = 1 << (packed & 3)
    if packed >> 2 != _STRING or start < length_width:
        return None
    end = start + _number(data, start - length_width, length_width)
    return (start, end) if end <= len(data) else None


def _number(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "little")
