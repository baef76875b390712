"""Tells whether bytes are one ONNX tensor in a file of its own, which has no mark.

What a newcomer would get wrong: a tensor is a few numbers and some bytes, and so are messages of any other program.
What makes a tensor is that its numbers are exactly as many as its type and dimensions say, in one place only, with
nothing in the file that a tensor has not. What names another file as ONNX does is recognised by that, whatever else is
wrong with it, because there a loader may reach out. And no node of TensorFlow may pass for dimensions: parsers skip
what they do not know, so a graph could hide in a tensor.
"""

from itertools import islice

from modelairlock.encodings.onnx_probe import begins, may_go_on
from modelairlock.encodings.onnx_schema import ELEMENTS, MESSAGES
from modelairlock.encodings.onnx_tensor import DIMS, LISTS, WIDTHS, Tensor, fits
from modelairlock.encodings.protobuf import LEN, VARINT, Field, Window, fields
from modelairlock.limits import Limits
from modelairlock.reading import Budget, BytesSource, Cursor, Probe, ReadProblem

_TENSOR = MESSAGES["Tensor"]
#: fields that are looked at; a tensor of so many strings is known by then
_FIELDS = 4096
#: dimensions in one piece: those in front of a node's operator alone would be more
_PACKED = 8
#: bytes of one list of numbers that are counted
_COUNTED = 64 * 1024
_LIMITS = Limits(window_bytes=4096, header_bytes=_COUNTED, seconds=5.0)


class _Found(Tensor):
    """The tensor so far, and what speaks against it."""

    __slots__ = ("fields", "located_by_name", "named", "no_shape", "odd", "packed", "reached", "uncounted")

    def __init__(self, size: int) -> None:
        super().__init__(0, size)
        self.odd = self.no_shape = self.packed = False
        self.named = self.located_by_name = False
        self.fields = self.reached = self.uncounted = 0


def is_tensor(probe: Probe) -> bool:
    """Whether the artifact is one tensor."""
    if probe.role == "raw" or not begins(probe.head, "Tensor") or not may_go_on(probe.head):
        return False
    source = BytesSource(probe.head) if probe.source is None else probe.source
    window = Window(Cursor(source, probe.name, Budget(_LIMITS)))
    found = _Found(probe.size)
    try:
        # A file that is cut short still shows what it was, so lengths are not held against its end.
        for field in islice(fields(window, 0, 2**62), _FIELDS):
            _look(window, found, field)
    except ReadProblem:
        pass  # what was found up to there counts
    return not found.no_shape and (_names_a_file(found) or _holds_its_numbers(found))


def _look(window: Window, found: _Found, field: Field) -> None:
    found.fields += 1
    found.reached = field.end
    entry = _TENSOR.get(field.number)
    if entry is None or not entry.fits(field.wire):
        found.odd = True
        return
    match entry.name:
        case "dims":
            _dims(window, found, field)
        case "data_type":
            found.odd = found.odd or found.element != 0
            found.element = field.value
        case "name":
            found.named = True
        case "raw_data":
            found.odd = found.odd or found.raw is not None
            found.raw = field.length
        case "external_data":
            found.located_by_name = found.located_by_name or _is_location(window, field)
        case "segment":
            found.odd = True  # no loader takes one, and in other messages of ONNX a tensor stands there
        case "string_data" | "float_data" | "double_data" | "int32_data" | "int64_data" | "uint64_data":
            found.data[entry.name] = found.data.get(entry.name, 0) + _numbers(window, found, entry.name, field)


def _dims(window: Window, found: _Found, field: Field) -> None:
    if field.wire == VARINT:
        found.dims.append(field.value)
    else:
        found.packed = True
        at = field.start
        while at < field.end and len(found.dims) <= _PACKED:
            value, at = window.varint(at, field.end)
            found.dims.append(value)
    if found.packed and (len(found.dims) > _PACKED or 0 in found.dims):
        found.no_shape = True
    found.odd = found.odd or len(found.dims) > DIMS or max(found.dims, default=0) >= 2**63


def _numbers(window: Window, found: _Found, name: str, field: Field) -> int:
    """How many numbers a field has, as far as that is found out by looking at a little of it."""
    if field.wire != LEN or name == "string_data":
        return 1
    if WIDTHS[name]:
        found.odd = found.odd or field.length % WIDTHS[name] != 0
        return field.length // WIDTHS[name]
    if field.length > _COUNTED:
        found.uncounted = field.length
        return 0
    return sum(byte < 0x80 for byte in window.at(field.start, field.length))


def _is_location(window: Window, field: Field) -> bool:
    try:
        return any(
            part.number == 1 and part.wire == LEN and part.length == 8 and window.at(part.start, 8) == b"location"
            for part in islice(fields(window, field.start, field.end), _PACKED)
        )
    except ReadProblem:
        return False


def _names_a_file(found: _Found) -> bool:
    return found.located_by_name and 0 < found.element < 256 and found.fields < _FIELDS


def _holds_its_numbers(found: _Found) -> bool:
    known = found.element in ELEMENTS and not found.odd and not found.located_by_name
    if not known or len(found.data) + (found.raw is not None) != 1:
        return False
    more = found.fields >= _FIELDS  # then nobody knows what comes behind, and only a long list explains it
    if not more and found.reached < found.end:
        return False
    if found.raw is not None:
        return not more and fits(found, None)
    # Other messages have a number, a kind and a text as well. Whoever writes lists gives a tensor its name.
    listed = LISTS.get(ELEMENTS[found.element][0], "int32_data") in found.data
    shaped = found.named or more or (bool(found.dims) and "string_data" in found.data)
    return listed and shaped and (_may_fit(found) if more or found.uncounted else fits(found, None))


def _may_fit(found: _Found) -> bool:
    """Whether a list that was counted in part may have as many numbers as there should be."""
    if found.uncounted:  # a number takes one to ten bytes
        return found.count <= found.uncounted <= 10 * found.count
    return _FIELDS // 2 < sum(found.data.values()) <= found.count
