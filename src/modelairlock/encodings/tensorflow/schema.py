"""Which fields the messages around a graph have, so that every byte of them is known or is a gap.

What a newcomer would get wrong: protobuf takes any unknown field in silence, and keeps it; here it is a gap. Only the
wire counts: a field of numbers may come one by one or packed, so both are known. A message that lies in the window is
checked in memory without a step per field; only where that fails is it walked, to say what and where.
"""

from collections.abc import Iterator

from modelairlock.encodings.protobuf import GROUP, LEN, VARINT, Field, Window, fields
from modelairlock.reading import OverLimit
from modelairlock.records.coverage import Because, Gap

#: a message: the table of what is in each of its fields by its tag; None for what has no fields of its own
Table = dict[int, "Table | None"]
#: messages inside messages; TensorFlow's own parser allows 100
DEPTH = 60
_MEMORY = 64 * 1024
_NAME_BYTES = 64 * 1024
_PIECE = 256 * 1024
_WIRES = {"v": VARINT, "f": 5, "d": 1}

_SPECIFIED = {
    "OpList": "1:OpDef",
    "OpDef": "1s 2:ArgDef 3:ArgDef 20s 4:AttrDef 8:OpDeprecation 5s 6s 18v 16v 17v 19v 21v",
    "ArgDef": "1s 2s 3v 4s 5s 6s 7:DtypeAndShape 16v 17:FullType",
    "DtypeAndShape": "1v 2:Shape",
    "Shape": "2:Dim 3v",
    "Dim": "1v 2s",
    "FullType": "1v 2:FullType 3s 4v",
    "AttrDef": "1s 2s 3:AttrValue 4s 5v 6v 7:AttrValue",
    "OpDeprecation": "1v 2s",
    # Tensors in these places are values of the specification: no kernel is fed with them.
    "AttrValue": "1:AttrList 2s 3v 4f 5v 6v 7:Shape 8:Tensor 9s 10:NameAttrList",
    "AttrList": "2s 3v 4f 5v 6v 7:Shape 8:Tensor 9:NameAttrList",
    "NameAttrList": "1s 2:AttrEntry",
    "AttrEntry": "1s 2:AttrValue",
    "Tensor": "1v 2:Shape 3v 4s 5f 6d 7v 8s 9f 10v 11v 12d 13v 16v 17v 18s",
    "Any": "1s 2s",
    "Pair": "1s 2s",
    "NumberPair": "1v 2v",
    "MetaInfo": "1s 2:OpList 3:Any 4s 5s 6s 7v 8:Pair",
    "Versions": "1v 2v 3v",
    "DebugInfo": "1s 4:FrameEntry 6:TraceEntry 2:TracePair 5:TraceName",
    "FrameEntry": "1d 2:FileLine",
    "FileLine": "1v 2v 3v 4s 5s",
    "TraceEntry": "1d 2:StackTrace",
    "TracePair": "1s 2:StackTrace",
    "TraceName": "1s 2d",
    "StackTrace": "1:FileLine 2d",
    "NodeDebugInfo": "1s 2s",
    "Gradient": "1s 2s",
    "ArgAttrEntry": "1v 2:ArgAttrs",
    "ArgAttrs": "1:AttrEntry",
    "Saver": "1s 2s 3s 4v 5v 6f 7v",
    "SignatureEntry": "1s 2:Signature",
    "Signature": "1:TensorInfoEntry 2:TensorInfoEntry 3s 4:TensorEntry",
    "TensorEntry": "1s 2:Tensor",
    "TensorInfoEntry": "1s 2:TensorInfo",
    "TensorInfo": "1s 4:CooSparse 5:Composite 2v 3:Shape",
    "CooSparse": "1s 2s 3s",
    "Composite": "1:TypeSpec 2:TensorInfo",
    "TypeSpec": "1v 2:Structured 3s 4v",
    "Structured": "1:None 11d 12v 13s 14v 31:Shape 32v 33:TensorSpec 34:TypeSpec 35:Bounded 51:List 52:List 53:Dict"
    " 54:NamedTuple 55:Tensor 56:Tensor",
    "None": "",
    "TensorSpec": "1s 2:Shape 3v",
    "Bounded": "1s 2:Shape 3v 4:Tensor 5:Tensor",
    "List": "1:Structured",
    "Dict": "1:DictEntry",
    "DictEntry": "1s 2:Structured",
    "NamedTuple": "1s 2:DictEntry",
    "ConcreteEntry": "1s 2:Concrete",
    "Concrete": "2v 3:Structured 4:Structured",
    "Child": "1v 2s",
    "Slot": "1v 2s 3v",
    "UserObject": "1s 2:Versions 3s",
    "Index": "1v",
    "Function": "1s 2:FunctionSpec",
    "FunctionSpec": "1:Structured 2v 5:Structured 6v",
    "Variable": "1v 2:Shape 3v 4v 5v 6s 7s 8:Variable",
    "Bare": "1s 2s 3v 4:FunctionSpec",
    "Text": "1s",
    "Captured": "1s 2s",
    "SaveableEntry": "1s 2:Saveable",
    "Saveable": "2v 3v",
    "SavedObject": "1:Child 15:Child 3:Slot 4:UserObject 5:Index 6:Function 7:Variable 8:Bare 9:Text 10:Text"
    " 12:Captured 11:SaveableEntry 13s 14:Any 16s",
    "Asset": "1:TensorInfo 2s",
    "Fingerprint": "1v 2v 3v 4v 5v 6:Versions 7s",
    "BundleHeader": "1v 2v 3:Versions",
    "BundleEntry": "1v 2:Shape 3v 4v 5v 6f 7:Slice",
    "Slice": "1:Extent",
    "Extent": "1v 2v",
    "HubModule": "1v 2s",
}  # fmt: skip
"""Fields by number: ``v`` a number, ``f`` and ``d`` one of four and eight bytes, ``s`` a string, else a message."""


def _tables() -> dict[str, Table]:
    tables: dict[str, Table] = {name: {} for name in _SPECIFIED}
    for name, text in _SPECIFIED.items():
        for word in text.split():
            number, colon, kind = word.partition(":")
            if colon:
                tables[name][int(number) << 3 | LEN] = tables[kind]
                continue
            number, kind = word[:-1], word[-1]
            tables[name][int(number) << 3 | LEN] = None
            if kind != "s":
                tables[name][int(number) << 3 | _WIRES[kind]] = None
    return tables


TABLES = _tables()


def known(data: bytes, at: int, end: int, table: Table, depth: int = DEPTH) -> bool:  # noqa: C901  # one tight loop
    """Whether the message in ``at..end`` of `data` is whole and has no field that `table` does not know."""
    try:
        while at < end:
            tag = data[at]
            at += 1
            if tag > 0x7F:
                tag = tag & 0x7F | data[at] << 7
                at += 1
            sub = table.get(tag, _MISSING)
            if sub is _MISSING:
                return False
            wire = tag & 7
            if wire == LEN:
                length = data[at]
                at += 1
                if length > 0x7F:
                    length, at = _long(data, at, length)
                stop = at + length
                if stop > end or (sub is not None and not (depth and known(data, at, stop, sub, depth - 1))):
                    return False
                at = stop
            elif wire == VARINT:
                first = at
                while data[at] > 0x7F:
                    at += 1
                at += 1
                if at - first > 9 and (at - first > 10 or data[at - 1] > 1):
                    return False
            else:
                at += 4 if wire == 5 else 8
    except (IndexError, ValueError):
        return False
    return at == end


_MISSING: Table = {}


def _long(data: bytes, at: int, length: int) -> tuple[int, int]:
    length &= 0x7F
    for shift in (7, 14, 21):
        byte = data[at]
        at += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return length, at
    raise ValueError


def account(window: Window, start: int, end: int, name: str) -> Iterator[Gap]:
    """Count the message in ``start..end`` as read; what it should not have is a gap. Raises `ReadProblem`."""
    yield from _account(window, start, end, TABLES[name], name, 0)


def _account(window: Window, start: int, end: int, table: Table, name: str, depth: int) -> Iterator[Gap]:
    if depth > DEPTH:
        raise OverLimit(start, f"messages nested more than {DEPTH} deep")
    if end - start <= _MEMORY:
        data, low = window.hold(start, end - start)
        if known(data, low, low + end - start, table, DEPTH - depth):
            window.cursor.consumed(start, end)
            return
    window.cursor.budget.check_time(start)
    for field in fields(window, start, end):
        sub = table.get(field.number << 3 | field.wire, _MISSING)
        if sub is _MISSING:
            yield unknown(field, name)
        elif sub is not None:
            yield from _account(window, field.start, field.end, sub, name, depth + 1)
        elif field.wire == LEN:
            consume(window, field)


def consume(window: Window, field: Field) -> None:
    """Read a string of any length piece by piece, for its bytes mean nothing more here."""
    if field.length <= _MEMORY:
        window.content(field)
        return
    if field.length > window.cursor.limits.header_bytes:
        raise OverLimit(field.start, f"a string of {field.length} bytes (limit: header_bytes)")
    for at in range(field.start, field.end, _PIECE):
        window.cursor.budget.check_time(at)
        window.cursor.read(at, min(_PIECE, field.end - at))


def name_of(window: Window, field: Field) -> str:
    """A name, of a length that names have."""
    if field.length > _NAME_BYTES:
        raise OverLimit(field.start, f"a name of {field.length} bytes")
    return window.content(field).decode("utf-8", "replace")


def unknown(field: Field, name: str) -> Gap:
    """The gap for a field that the message does not have."""
    kind = "group" if field.wire == GROUP else "field"
    detail = f"{name} has no {kind} {field.number} of wire type {field.wire}"
    return Gap(start=field.start, end=field.end, because=Because.UNRECOGNISED, detail=detail)
