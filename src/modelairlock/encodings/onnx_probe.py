"""Whether bytes are an ONNX model, which has no magic: they are walked as one, a few fields deep.

What a newcomer would get wrong: every protobuf walks for a few fields, and so do many random bytes. What makes a model
is a graph (field 7) with a node that names its operator, or with a tensor that has a type, beside an IR version or an
opset. Graphs of TensorFlow, SentencePiece models and Core ML have other things there. Fields may come in any order and
unknown ones are skipped by all parsers, so neither keeps a model from being recognised.
"""

from collections.abc import Iterator

from modelairlock.encodings.onnx_schema import MESSAGES
from modelairlock.encodings.protobuf import LEN, Field, Window, fields
from modelairlock.limits import Limits
from modelairlock.reading import Budget, BytesSource, Cursor, Probe, ReadProblem
from modelairlock.records.regex import regex

#: fields that are looked at in each message
_FIELDS = 200
_OPERATOR = regex(rb"[A-Za-z_][\w.:+-]{0,199}")
_LIMITS = Limits(window_bytes=4096, header_bytes=64 * 1024, seconds=5.0)
_GRAPH, _IR_VERSION, _OPSET = 7, 1, 8
_NODE, _INITIALIZER, _SPARSE = 1, 5, 15
#: wire types of numbers, and how many bytes they take; 0: as many as they say
_PLAIN = {0: 0, 1: 8, 5: 4}


def is_model(probe: Probe) -> bool:
    """Whether an ONNX model begins where the artifact does."""
    if probe.role == "raw" or not begins(probe.head, "Model") or not may_go_on(probe.head):
        return False
    source = BytesSource(probe.head) if probe.source is None else probe.source
    window = Window(Cursor(source, probe.name, Budget(_LIMITS)))
    graph = versions = False
    # A file that is cut short still shows what it was, so lengths are not held against its end.
    for field in _walked(window, 0, 2**62):
        entry = MESSAGES["Model"].get(field.number)
        if entry is None or not entry.fits(field.wire):
            continue
        if field.number == _GRAPH:
            graph = graph or _is_graph(window, field)
        versions = versions or field.number in (_IR_VERSION, _OPSET)
        if graph and versions:
            return True
    return False


def begins(head: bytes, kind: str) -> bool:
    """Whether the first byte is the tag of some field of a message of this kind; most artifacts stop here."""
    if not head:
        return False
    number, wire = head[0] >> 3, head[0] & 7
    if head[0] >= 0x80:
        return wire in (0, 1, 2, 5)
    entry = MESSAGES[kind].get(number)
    return entry.fits(wire) if entry else number > 0 and wire in (0, 1, 2, 5)


def may_go_on(head: bytes) -> bool:
    """Whether a second field may follow the first one: a model has more than one, and most bytes stop here."""
    value, wire = _number_end(head, 0), head[0] & 7
    if not value or wire not in _PLAIN:
        return True
    after = value + width if (width := _PLAIN[wire]) else _number_end(head, value)
    if not after or after >= len(head):
        return True
    return head[after] & 7 in (0, 1, 2, 3, 5) and (head[after] >= 0x80 or head[after] >> 3 > 0)


def _number_end(head: bytes, at: int) -> int:
    """Where the number at `at` ends; 0 if that is too far to tell at a glance."""
    for end in range(at, min(at + 10, len(head))):
        if head[end] < 0x80:
            return end + 1
    return 0


def _walked(window: Window, start: int, end: int) -> Iterator[Field]:
    """The first fields of a message; fewer where it is none. Reads nothing of their contents."""
    count = 0
    try:
        for field in fields(window, start, end):
            yield field
            count += 1
            if count >= _FIELDS:
                return
    except ReadProblem:
        return


def _is_graph(window: Window, field: Field) -> bool:
    for part in _walked(window, field.start, field.end):
        if part.wire != LEN:
            continue
        if part.number == _NODE and _is_node(window, part):
            return True
        if part.number == _INITIALIZER and _is_tensor(window, part):
            return True
    return False


def _is_node(window: Window, field: Field) -> bool:
    """A node names its operator, and what goes in or comes out."""
    named = linked = False
    for part in _walked(window, field.start, field.end):
        entry = MESSAGES["Node"].get(part.number)
        if entry is None or not entry.fits(part.wire):
            continue
        linked = linked or entry.name in ("input", "output")
        if entry.name == "op_type":
            named = part.length <= 200 and _OPERATOR.fullmatch(window.at(part.start, part.length)) is not None
    return named and linked


def _is_tensor(window: Window, field: Field) -> bool:
    typed = False
    for part in _walked(window, field.start, field.end):
        entry = MESSAGES["Tensor"].get(part.number)
        if entry is None or not entry.fits(part.wire):
            return False
        typed = typed or (entry.name == "data_type" and part.value < 256)
    return typed
