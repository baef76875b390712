"""Nodes of a graph: most are known in a glance and only counted, the others are read field by field.

What a newcomer would get wrong: a graph has hundreds of thousands of nodes and their attributes repeat, so an entry
that was found plain is remembered by its bytes. Only what computes and holds no text takes that way; whatever an
operator could reach out with, and every string, is read in full.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from modelairlock.encodings.protobuf import LEN, VARINT, Field, Window, fields
from modelairlock.encodings.tensorflow.probes import looks_like_graph
from modelairlock.encodings.tensorflow.schema import TABLES, Table, account, consume, known, name_of, unknown
from modelairlock.encodings.tensorflow.tensors import KEPT, LONG_BYTES, STRING, Strings, Tensors
from modelairlock.reading import Malformed, OverLimit
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.regex import regex
from modelairlock.records.span import Span
from modelairlock.records.tensorflow import PLAIN

#: operators through which a string is followed to what it feeds
CARRIERS = frozenset(
    (
        "Const", "HostConst", "Identity", "StringJoin", "ShardedFilename", "Select", "SelectV2", "Pack", "Placeholder",
        "PlaceholderV2", "PlaceholderWithDefault", "_Arg", "VarHandleOp", "ReadVariableOp", "AssignVariableOp",
        "ResourceScatterUpdate", "ResourceScatterNdUpdate",
    )
)  # fmt: skip
#: operators of these have strings without saying so in an attribute
_ALWAYS_TEXT = frozenset(("StringJoin", "ShardedFilename"))
_REMEMBERED = 65536
_SHORT = 96
_FUNCTIONS_DEEP = 20
_INPUTS = 4096
#: what an attribute is, beside plain (0) and text (1)
_SLOW = 2


def _without(table: str, *numbers: int) -> Table:
    return {tag: sub for tag, sub in TABLES[table].items() if tag >> 3 not in numbers}


#: values of attributes that are known by their fields alone: no tensors, no functions
_PLAIN_LIST = _without("AttrList", 8, 9)
_PLAIN_VALUE = {**_without("AttrValue", 8, 10), (1 << 3 | LEN): _PLAIN_LIST}
_NUMERIC = _without("Tensor", 1, 8)


class Node(NamedTuple):
    """A node that matters for what flows through the graph."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    text: bool
    functions: tuple[str, ...]
    attributes: dict[str, tuple[str, ...]]
    strings: tuple[str, ...]
    cut: bool
    span: Span
    #: attributes that whoever calls the function fills in
    filled_in: tuple[str, ...] = ()


class Counted:
    """How often an operator was met, and where first."""

    __slots__ = ("carrier", "count", "plain", "span", "where")

    def __init__(self, operator: str, where: str, span: Span) -> None:
        self.where, self.span, self.count = where, span, 0
        self.plain = operator in PLAIN
        self.carrier = operator in CARRIERS


class _Draft:
    """A node while it is read field by field."""

    def __init__(self) -> None:
        self.name = self.operator = ""
        self.inputs: list[str] = []
        self.text = self.cut = False
        self.functions: list[str] = []
        self.filled_in: list[str] = []
        self.attributes: dict[str, tuple[str, ...]] = {}
        self.strings = Strings()


class Nodes:
    """Reads the nodes of one artifact and counts its operators."""

    __slots__ = ("operators", "remembered", "tensors", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.tensors = Tensors(window)
        self.operators: dict[str, Counted] = {}
        self.remembered: dict[bytes, int] = {}

    def count(self, operator: str, where: str, span: Span) -> Counted:
        """Count one more of an operator. Raises `OverLimit` when there are too many different ones."""
        counted = self.operators.get(operator)
        if counted is None:
            if len(self.operators) >= self.window.cursor.limits.facts // 4:
                raise OverLimit(span.start, "more different operators than are kept (limit: facts)")
            counted = self.operators[operator] = Counted(operator, where, span)
        counted.count += 1
        return counted

    def read(self, field: Field, where: str) -> Generator[Fact | Gap, None, Node | None]:
        """One NodeDef; returned if it is of interest. Raises `ReadProblem`."""
        if field.length <= self.window.cursor.limits.window_bytes // 8:
            quick = self._quick(field)
            if quick is not _UNSURE:
                return quick
        return (yield from self._whole(field, where))

    def _quick(self, field: Field) -> Node | None:  # noqa: C901, PLR0912  # one step per field, for millions of them
        """The node, if all of it is plain; None if it does not matter; `_UNSURE` if it has to be read in full."""
        data, at = self.window.hold(field.start, field.length)
        stop = at + field.length
        name = operator = b""
        inputs = []
        text = 0
        remembered = self.remembered
        try:
            while at < stop:
                tag, length = data[at], data[at + 1]
                at += 2
                if length > 0x7F:
                    if data[at] > 0x7F:
                        return _UNSURE
                    length = length & 0x7F | data[at] << 7
                    at += 1
                over = at + length
                if over > stop:
                    return _UNSURE
                if tag == 0x2A:
                    raw = data[at:over]
                    kind = remembered.get(raw)
                    if kind is None:
                        kind = self._entry(raw)
                    if kind:
                        if kind == _SLOW:
                            return _UNSURE
                        text = 1
                elif tag == 0x1A:
                    inputs.append(data[at:over])
                elif tag == 0x0A:
                    name = data[at:over]
                elif tag == 0x12:
                    operator = data[at:over]
                elif tag != 0x22 and not (tag in _OTHERS and known(data, at, over, _OTHERS[tag])):
                    return _UNSURE
                at = over
        except IndexError:
            return _UNSURE
        return self._plain(field, (name, operator), inputs, text)

    def _plain(self, field: Field, names: tuple[bytes, bytes], inputs: list[bytes], text: int) -> Node | None:
        try:
            operator = names[1].decode()
        except UnicodeDecodeError:
            return _UNSURE
        counted = self.operators.get(operator)
        if counted is None or not counted.plain:
            return _UNSURE
        counted.count += 1
        self.window.cursor.consumed(field.start, field.end)
        if not counted.carrier or not (text or operator in _ALWAYS_TEXT):
            return None
        fed = tuple([one.decode("utf-8", "replace") for one in inputs[:_INPUTS]])
        name, cut = names[0].decode("utf-8", "replace"), len(inputs) > _INPUTS
        return Node(name, operator, fed, bool(text), (), {}, (), cut, Span(field.start, field.end))

    def _entry(self, raw: bytes) -> int:
        """What an attribute is, from all of its bytes: plain, text, or `_SLOW`."""
        kind = _kind(raw)
        if len(raw) <= _SHORT and len(self.remembered) < _REMEMBERED:
            self.remembered[raw] = kind
        return kind

    def _whole(self, node: Field, where: str) -> Generator[Fact | Gap, None, Node | None]:  # noqa: C901  # a case each
        """A node field by field. Attributes come last, for their strings are told by the node's name."""
        window, draft, attributes = self.window, _Draft(), []
        for field in fields(window, node.start, node.end):
            if field.wire != LEN or field.number > 7:
                yield unknown(field, "NodeDef")
            elif field.number == 1:
                draft.name = name_of(self.window, field)
            elif field.number == 2:
                draft.operator = name_of(self.window, field)
            elif field.number == 3:
                if len(draft.inputs) < _INPUTS:
                    draft.inputs.append(name_of(self.window, field))
                else:
                    draft.cut = True
                    consume(window, field)
            elif field.number == 4:
                consume(window, field)
            elif field.number == 5:
                attributes.append(field)
                if len(attributes) > _INPUTS:
                    raise OverLimit(field.start, f"more than {_INPUTS} attributes of one node")
            else:
                yield from account(window, field.start, field.end, "NodeDebugInfo" if field.number == 6 else "FullType")
        for field in attributes:
            yield from self._attribute(field, draft, 0)
        return self._drafted(draft, node, where)

    def _drafted(self, draft: _Draft, node: Field, where: str) -> Node | None:
        span = Span(node.start, node.end)
        counted = self.count(draft.operator, where or draft.name, span)
        text = draft.text or draft.operator in _ALWAYS_TEXT
        strings = draft.strings
        if counted.plain and not draft.functions and not (counted.carrier and text) and not strings.texts:
            return None
        return Node(
            draft.name, draft.operator, tuple(draft.inputs), text, tuple(dict.fromkeys(draft.functions)),
            draft.attributes, tuple(strings.texts), draft.cut or strings.cut, span, tuple(draft.filled_in),
        )  # fmt: skip

    def _attribute(self, entry: Field, draft: _Draft, depth: int) -> Iterator[Fact | Gap]:
        """One entry of a map of attributes: a key and a value, each the last of its kind."""
        if depth > _FUNCTIONS_DEEP:
            raise OverLimit(entry.start, f"attributes nested more than {_FUNCTIONS_DEEP} deep")
        self.window.cursor.budget.check_time(entry.start)
        key = ""
        values: list[Field] = []
        for field in fields(self.window, entry.start, entry.end):
            if field.number == 1 and field.wire == LEN:
                key = name_of(self.window, field)
            elif field.number == 2 and field.wire == LEN and len(values) < _INPUTS:
                values.append(field)
            else:
                yield unknown(field, "AttrEntry")
        for value in values:
            for earlier, field in enumerate(fields(self.window, value.start, value.end)):
                if earlier or len(values) > 1:  # a parser would join two tensors into a third
                    raise Malformed(field.start, "one value of an attribute", "a second one")
                if field.number == 1 and field.wire == LEN:
                    yield from self._list(field, key, draft, depth)
                else:
                    yield from self._value(field, key, draft, depth)

    def _list(self, values: Field, key: str, draft: _Draft, depth: int) -> Iterator[Fact | Gap]:
        for field in fields(self.window, values.start, values.end):
            if field.number == 9 and field.wire == LEN:
                yield from self._function(field, draft, depth)
            else:
                yield from self._value(field, key, draft, depth)

    def _value(self, field: Field, key: str, draft: _Draft, depth: int) -> Iterator[Fact | Gap]:
        number, bytes_ = field.number, field.wire == LEN
        if number == 2 and bytes_:
            yield from self._string(field, key, draft)
        elif number == 6 and field.wire == VARINT:
            draft.text = draft.text or field.value % 100 == STRING
        elif number == 7 and bytes_:
            yield from account(self.window, field.start, field.end, "Shape")
        elif number == 8 and bytes_:
            yield from self.tensors.read(field, draft.name, draft.strings)
        elif number == 10 and bytes_:
            yield from self._function(field, draft, depth)
        elif number == 9 and bytes_:  # a placeholder: may be text, or whatever else
            consume(self.window, field)
            draft.text = True
            draft.filled_in.append(key)
        elif number in (3, 4, 5, 6):
            if bytes_:
                consume(self.window, field)
                draft.text = draft.text or (number == 6 and b"\x07" in self.window.at(field.start, 64))
        else:
            yield unknown(field, "AttrValue")

    def _string(self, field: Field, key: str, draft: _Draft) -> Iterator[Fact | Gap]:
        limit = self.tensors.limit
        # Of a key that stands twice the last counts, so the last of many is kept.
        kept = draft.attributes.get(key, ())[: KEPT - 1]
        text = self.window.at(field.start, min(field.length, 4 * limit)).decode("utf-8", "replace")
        draft.attributes[key] = (*kept, text[:limit])
        if field.length >= LONG_BYTES or looks_like_graph(self.window.at(field.start, field.length), field.length):
            yield from self.tensors.string(field.start, field.end, f"{draft.name}.{key}", Strings())
        else:
            consume(self.window, field)

    def _function(self, function: Field, draft: _Draft, depth: int) -> Iterator[Fact | Gap]:
        for field in fields(self.window, function.start, function.end):
            if field.number == 1 and field.wire == LEN:
                if len(draft.functions) >= _INPUTS:
                    raise OverLimit(field.start, f"a node that calls more than {_INPUTS} functions")
                draft.functions.append(name_of(self.window, field))
            elif field.number == 2 and field.wire == LEN:
                yield from self._attribute(field, draft, depth + 1)
            else:
                yield unknown(field, "NameAttrList")


_UNSURE = Node("", "", (), False, (), {}, (), False, Span(0, 0))
_OTHERS = {0x32: TABLES["NodeDebugInfo"], 0x3A: TABLES["FullType"]}


def _kind(raw: bytes) -> int:
    """Plain, text or `_SLOW`: a short key and one value, in the order in which they are written."""
    if len(raw) < 4 or raw[0] != 0x0A or raw[1] > 0x7F or len(raw) > LONG_BYTES:
        return _SLOW
    at = 2 + raw[1]
    if raw[at : at + 1] != b"\x12":
        return _SLOW
    length, at = _length(raw, at + 1)
    if length < 0 or at + length != len(raw):
        return _SLOW
    if known(raw, at, len(raw), _PLAIN_VALUE):
        if _LONG_TYPE.search(raw, at):
            return _SLOW
        return 1 if b"\x30\x07" in raw[at:] or b"\x32" in raw[at:] or raw[at : at + 1] == _PLACEHOLDER else 0
    if raw[at : at + 1] == b"\x42":
        length, at = _length(raw, at + 1)
        if length > 1 and at + length == len(raw) and raw[at] == 8 and raw[at + 1] not in _TEXTUAL:
            return 0 if known(raw, at + 2, len(raw), _NUMERIC) else _SLOW
    return _SLOW


#: an attribute whose value is one of the function's own attributes, which may be a type of text
_PLACEHOLDER = b"\x4a"
#: a type may be written with more bytes than it needs
_LONG_TYPE = regex(rb"\x30[\x80-\xff]")
#: element types of one byte whose contents are no numbers; from 100 on stand references to them
_TEXTUAL = frozenset((STRING, 20, 21, *range(100, 256)))


def _length(raw: bytes, at: int) -> tuple[int, int]:
    """A length of at most two bytes, and what follows it; -1 if there is none."""
    if at >= len(raw) or (raw[at] > 0x7F and (at + 1 >= len(raw) or raw[at + 1] > 0x7F)):
        return -1, at
    if raw[at] > 0x7F:
        return raw[at] & 0x7F | raw[at + 1] << 7, at + 2
    return raw[at], at + 1
