"""Reads an ONNX model: operators and files it names, wherever they stand; numbers are passed over.

What a newcomer would get wrong: nodes are not only in the main graph. Any attribute of any node may hold a graph (the
branches of If, the body of Loop) or a tensor, functions have nodes, so does training_info, and a sparse tensor is two
tensors. All of them are walked by the same code. What is counted stays small however many nodes there are.
"""

from collections.abc import Callable, Iterator

from modelairlock.encodings.onnx_flow import Flow
from modelairlock.encodings.onnx_schema import MESSAGES, Entry
from modelairlock.encodings.onnx_tensor import Tensor, check, external, locations, read_pair, read_tensor
from modelairlock.encodings.onnx_walk import TEXT_BYTES, Walk
from modelairlock.encodings.protobuf import LEN, Field, fields
from modelairlock.reading import Cursor, ReadProblem, Truncated
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Member, Operator, Reference, Setting
from modelairlock.records.regex import regex
from modelairlock.records.span import Span
from modelairlock.records.text import shown

#: messages inside messages; the parsers of protobuf stop there as well
DEPTH = 100
#: different operators, functions, other files and binary attributes that are kept apart
DISTINCT = 10_000
#: what every loader asks for; exporters write the graph before the opset, so that a cut there is seen
_NEEDED = {"ir_version": "an IR version", "graph": "a graph", "opset_import": "an opset"}
_FAR = 2**62
_STRINGS = 8
_STRING = 200
#: domains whose operators take no text that names a file, an address or a function
_PLAIN_DOMAINS = frozenset(("", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training"))
#: metadata that programs for YOLO hand to `eval`, and what is nothing but a Python literal
_EVALUATED = frozenset(("names", "imgsz", "kpt_shape", "kpt_names", "args"))
#: of a piece of metadata so much is looked at; a thousand names of classes take some 30 KiB
EVALUATED_BYTES = 1 << 20
_LITERAL = regex(
    r"(?:[\s\[\](){},:]|'(?:[^'\\\n]|\\.)*+'|\"(?:[^\"\\\n]|\\.)*+\"|[-+]?\d[\d_]*+(?:\.\d*+)?(?:e[-+]?\d{1,3})?+(?!\w)"
    r"|(?:True|False|None)(?!\w))*+"
)
#: without a call, an expression only fails
_CALLS = regex(r"[\w\])'\"}]\s*+\(")
#: and yet a loop inside brackets can put a function where other brackets call it:
#: ``[C["id"] for C.__class_getitem__ in [os.system]]``
_BRACKET = regex(r"[\[({]")
_LOOP = regex(r"(?<![A-Za-z_])for(?!\w)")
#: an attribute of a graph that was compiled beforehand names a file, or holds the compiled program
_CONTEXT = ("EPContext", "ep_cache_context")


class _Node:
    """What is known of a node so far."""

    __slots__ = ("domain", "inputs", "op", "outputs", "strings")

    def __init__(self) -> None:
        self.op = self.domain = ""
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.strings: list[str] = []


class _Seen:
    """An operator or a file, where it was first met, and how often."""

    __slots__ = ("count", "high", "low", "span", "where")

    def __init__(self, span: Span, where: str) -> None:
        self.span, self.where, self.count = span, where, 0
        self.low: int | None = None
        self.high: int | None = None


class Model:
    """The reading of one model. `read` reads; `stated` tells, also after reading had to stop."""

    def __init__(self, cursor: Cursor) -> None:
        self.walk = Walk(cursor)
        self.operators: dict[tuple[str, str, tuple[str, ...]], _Seen] = {}
        self.files: dict[tuple[str, str], _Seen] = {}
        self.functions: dict[tuple[str, str], _Seen] = {}
        self.members: list[Member] = []
        #: names of the nodes and attributes around what is read now, in this graph and in those around it
        self._path: list[str] = []
        self._outside: list[str] = []
        self._shape: list[int] = []
        self._flows: list[Flow] = []
        self._names: list[set[int]] = []
        self._depth = 0
        self._steps = 0
        self._readers = {
            "Graph": self._graph, "Node": self._node, "Tensor": self._tensor, "Attribute": self._attribute,
            "Function": self._function, "Dimension": self._dimension,
        }  # fmt: skip

    def read(self) -> None:
        """The whole file. Raises `ReadProblem`."""
        done = 0
        inside = False
        needed = dict(_NEEDED)
        try:
            for entry, field in self.walk.known("Model", 0, self.walk.cursor.size):
                inside = True
                needed.pop(entry.name, None)
                if entry.name == "metadata_props":
                    self._metadata(field)
                else:
                    self._take(entry, field)
                inside, done = False, field.end
        except Truncated:
            if not inside:
                self._cut(done)
            raise
        if needed:
            raise Truncated(self.walk.cursor.size, f"a model without {' and '.join(needed.values())}")

    def read_tensor(self) -> None:
        """The whole file, which is one tensor and no model. Raises `ReadProblem`."""
        self._tensor(Field(0, LEN, 0, self.walk.cursor.size))

    def _cut(self, at: int) -> None:
        """What is left of a graph that the file ends in."""
        try:
            field = next(fields(self.walk.window, at, _FAR))
            entry = MESSAGES["Model"].get(field.number)
            if entry is not None and entry.fits(field.wire):
                self._take(entry, field)
        except ReadProblem:
            return  # that it is cut is told already

    def stated(self) -> Iterator[Fact | Gap]:
        """All that was read so far."""
        for (domain, name, strings), seen in self.operators.items():
            yield Operator(
                span=seen.span, name=name, dialect="onnx", domain=domain, where=seen.where, strings=strings,
                count=seen.count,
            )  # fmt: skip
        for (domain, name), seen in self.functions.items():
            yield Setting(span=seen.span, scheme="onnx", key="function", value=name, where=domain)
        for (kind, target), seen in self.files.items():
            length = None if seen.high is None or seen.low is None else seen.high - seen.low
            yield Reference(
                span=seen.span, kind=kind, target=target, where=seen.where, start=seen.low, length=length,
                count=seen.count,
            )  # fmt: skip
        yield from self.walk.odd
        yield from self.members
        yield from self.walk.gaps

    # --- every message ----------------------------------------------------------------------------------------------

    def _take(self, entry: Entry, field: Field) -> None:
        """Whatever a field holds."""
        if entry.kind == "text":
            self.walk.text(field)
        elif entry.kind == "bytes":
            self._bytes(field)
        elif entry.kind in MESSAGES:
            self._inside(entry.kind, field)
        elif field.wire == LEN:
            self.walk.cursor.pass_over(field.start, field.end)

    def _inside(self, kind: str, field: Field) -> None:
        """A message in a message, unless it is too deep."""
        if self._depth >= DEPTH:
            detail = f"messages nested more than {DEPTH} deep, which no loader takes"
            self.walk.gap(field.start, field.end, Because.OVER_LIMIT, detail)
            return
        self._depth += 1
        reader = self._readers.get(kind)
        if reader is not None:
            reader(field)
        else:
            for entry, part in self.walk.known(kind, field.start, field.end):
                self._take(entry, part)
        self._depth -= 1

    def _bytes(self, field: Field) -> None:
        """Bytes that a loader hands on as they are: text, or something that may be a file of its own."""
        if self.walk.is_text(field):
            return
        if len(self.members) < DISTINCT:
            name = ".".join((self._outside + self._path)[-3:]) or "bytes"
            span = Span(field.start, field.end)
            self.members.append(Member(span=span, name=_short(name), size_bytes=field.length, role="raw"))
        else:
            self.walk.gap(field.start, field.end, Because.OVER_LIMIT, f"more than {DISTINCT} binary attributes")

    def _where(self) -> str:
        return shown("/".join((self._outside + self._path)[-6:]), 120)

    # --- graphs and nodes -------------------------------------------------------------------------------------------

    def _graph(self, field: Field) -> None:
        flow = Flow()
        names: set[int] = set()
        self._flows.append(flow)
        self._names.append(names)
        path, self._path = self._path, []
        self._outside.extend(path)
        for entry, part in self.walk.known("Graph", field.start, field.end):
            if entry.name == "output":
                flow.output(self._value(part))
            elif entry.name == "input":
                # An input of one element is a switch of the model's own, not a place for a trigger.
                name = self._value(part)
                if name and any(length != 1 for length in self._shape):
                    flow.input(name)
            else:
                self._take(entry, part)
        self._path = path
        del self._outside[len(self._outside) - len(path) :]
        self._names.pop()
        self._flows.pop()
        flow.close(lambda name: hash(name) in names)
        for detail in flow.chosen:
            self.walk.tell("onnx-output-by-comparison", field.start, field.end, detail)
        for detail in flow.huge:
            self.walk.tell("onnx-shape-huge", field.start, field.end, detail)

    def _value(self, field: Field) -> str:
        """The name of an input or output; `_shape` is its shape then."""
        name = ""
        self._shape.clear()
        for entry, part in self.walk.known("Value", field.start, field.end):
            if entry.name == "name":
                name = self.walk.text(part)
            else:
                self._take(entry, part)
        return name

    def _dimension(self, field: Field) -> None:
        length = -1
        for entry, part in self.walk.known("Dimension", field.start, field.end):
            if entry.name == "dim_value":
                length = part.value
            else:
                self._take(entry, part)
        if len(self._shape) < _STRINGS:
            self._shape.append(length)

    def _node(self, field: Field) -> None:
        self._steps += 1
        if self._steps % 256 == 0:
            self.walk.cursor.budget.check_time(field.start)
        node = _Node()
        self._path.append("")
        for entry, part in self.walk.known("Node", field.start, field.end):
            match entry.name:
                case "op_type":
                    node.op = self.walk.text(part)
                    self._path[-1] = self._path[-1] or node.op
                case "name":
                    self._path[-1] = self.walk.text(part)
                case "domain":
                    node.domain = self.walk.text(part)
                case "input" | "output":
                    value = self.walk.text(part)
                    (node.inputs if entry.name == "input" else node.outputs).append(value)
                case "attribute":
                    self._node_attribute(node, part)
                case _:
                    self._take(entry, part)
        self._operator(node, Span(field.start, field.end))
        if self._flows:
            self._flows[-1].node(node.op if node.domain in _PLAIN_DOMAINS else "", node.inputs, node.outputs)
        self._path.pop()

    def _node_attribute(self, node: _Node, field: Field) -> None:
        """An attribute, and what text it holds: that may be a file, an address or a function."""
        self._depth += 1
        name, text, number = self._attribute(field)
        self._depth -= 1
        if text and len(node.strings) < _STRINGS:
            node.strings.append(f"{name}={text}")
        if (node.op, name) == _CONTEXT and text:
            self._file("compiled-context", text, Span(field.start, field.end))
        if number is not None and len(node.strings) < _STRINGS and node.op == _CONTEXT[0]:
            node.strings.append(f"{name}={number}")

    def _operator(self, node: _Node, span: Span) -> None:
        strings = () if node.domain in _PLAIN_DOMAINS else tuple(text[:_STRING] for text in node.strings)
        key = (node.domain[:_STRING], node.op[:_STRING], strings)
        if key not in self.operators:
            if len(self.operators) >= DISTINCT:
                self.walk.gap(*span, Because.OVER_LIMIT, f"more than {DISTINCT} different operators")
                return
            self.operators[key] = _Seen(span, self._where())
        self.operators[key].count += 1

    def _attribute(self, field: Field) -> tuple[str, str, int | None]:
        """The name of an attribute, the text that it holds, and its number."""
        name = text = ""
        number = None
        self._path.append("")
        for entry, part in self.walk.known("Attribute", field.start, field.end):
            if entry.name == "name":
                name = self._path[-1] = self.walk.text(part)
            elif entry.kind == "bytes":
                self._bytes(part)
                text = text or self._peeked(part)
            elif entry.name == "i":
                number = part.value
            else:
                self._take(entry, part)
        self._path.pop()
        return name, text, number

    def _peeked(self, field: Field) -> str:
        """The text of an attribute, which was read before; nothing if it is no text."""
        data = self.walk.window.at(field.start, min(field.length, TEXT_BYTES))
        try:
            return data.decode()
        except UnicodeDecodeError:
            return ""

    def _function(self, field: Field) -> None:
        said = {"name": "", "domain": "", "overload": ""}
        self._flows.append(Flow())
        for entry, part in self.walk.known("Function", field.start, field.end):
            if entry.name in said:
                said[entry.name] = self.walk.text(part)
            else:
                self._take(entry, part)
        self._flows.pop()
        key = (said["domain"], said["name"])
        span = Span(field.start, field.end)
        if max(map(len, key)) >= _STRING:  # operators are told by the beginning of their names
            self.walk.gap(*span, Because.OVER_LIMIT, f"a function with a name of {_STRING} characters or more")
        elif key not in self.functions:
            if len(self.functions) >= DISTINCT:
                self.walk.gap(*span, Because.OVER_LIMIT, f"more than {DISTINCT} functions")
                return
            self.functions[key] = _Seen(span, said["overload"][:_STRING])
        elif self.functions[key].where == said["overload"][:_STRING]:
            detail = f"the function {_short('::'.join(key))} is defined twice"
            self.walk.tell("onnx-name-repeated", *span, detail)

    # --- tensors ----------------------------------------------------------------------------------------------------

    def _tensor(self, field: Field) -> None:
        for part in read_tensor(self.walk, field.start, field.end):
            if isinstance(part, Tensor):
                self._found(part)
            else:
                self._inside("Segment" if part.number == 3 else "Pair", part)

    def _found(self, tensor: Tensor) -> None:
        if tensor.torn:
            for location in locations(tensor):
                self._file("external-data", location, Span(tensor.start, tensor.end), shown(tensor.name, 120))
            return
        outside = external(self.walk, tensor)
        check(self.walk, tensor, outside)
        if outside is not None:
            needs = outside.length if outside.length is not None else tensor.bytes_needed()
            start = outside.start or 0
            for location in locations(tensor):
                where = self._where()
                name = shown(tensor.name, 120)
                self._file(
                    "external-data", location, Span(tensor.start, tensor.end), f"{where}/{name}" if where else name
                )
                self._reach(location, start, needs)
        if self._names and not self._path and tensor.name:
            self._named(tensor)
        if self._flows and tensor.element == 7 and tensor.small:
            self._flows[-1].shape("" if self._path else tensor.name, tensor.small)

    def _named(self, tensor: Tensor) -> None:
        names = self._names[-1]
        key = hash(tensor.name)
        if key in names:
            detail = f"two initializers are called {_short(tensor.name)}: which one counts is up to the loader"
            self.walk.tell("onnx-name-repeated", tensor.start, tensor.end, detail)
        elif len(names) < self.walk.cursor.limits.entries:
            names.add(key)
        else:
            detail = f"more than {len(names)} initializers (limit: entries)"
            self.walk.gap(tensor.start, tensor.end, Because.OVER_LIMIT, detail)

    def _file(self, kind: str, target: str, span: Span, where: str = "") -> None:
        if target.endswith("…") or len(target) > TEXT_BYTES:
            self.walk.tell("onnx-external-odd", *span, f"a path of more than {TEXT_BYTES} bytes")
        key = (kind, target)
        if key not in self.files:
            if len(self.files) >= DISTINCT:
                self.walk.gap(*span, Because.OVER_LIMIT, f"more than {DISTINCT} other files")
                return
            self.files[key] = _Seen(span, where or self._where())
        self.files[key].count += 1

    def _reach(self, target: str, start: int, length: int | None) -> None:
        """Widen the part of the file that is used."""
        seen = self.files.get(("external-data", target))
        if seen is None:
            return
        seen.low = start if seen.low is None else min(seen.low, start)
        if length is not None and start + length < _FAR:  # what is more was told as odd
            seen.high = max(seen.high or 0, start + length)

    # --- metadata ---------------------------------------------------------------------------------------------------

    def _metadata(self, field: Field) -> None:
        key, value = read_pair(self.walk, field, EVALUATED_BYTES)
        if key not in _EVALUATED:
            return
        if _may_act(value) and not _LITERAL.fullmatch(value):
            detail = f"{key} is {_short(' '.join(value.split()))}"
            self.walk.tell("onnx-metadata-no-literal", field.start, field.end, detail)
        elif field.length > EVALUATED_BYTES:
            detail = f"{key} is longer than {EVALUATED_BYTES} bytes"
            self.walk.gap(field.start, field.end, Because.OVER_LIMIT, detail)


def facts_of(cursor: Cursor, read: Callable[[Model], None]) -> Iterator[Fact | Gap]:
    """All that `read` finds. Raises the `ReadProblem` that it stopped at, and tells first what was found before it."""
    model = Model(cursor)
    try:
        read(model)
    except ReadProblem:
        yield from model.stated()
        raise
    yield from model.stated()


def _may_act(value: str) -> bool:
    bracket = _BRACKET.search(value)
    return bool(_CALLS.search(value) or (bracket and _LOOP.search(value, bracket.end())))


def _short(value: str) -> str:
    return shown(repr(value), 120)
