"""Reads a model in onnxruntime's own format: operators, tensors and the graphs in attributes, told like those of ONNX.

What a newcomer would get wrong: it is ONNX in another dress, with the same operators and domains; but onnxruntime takes
it for a graph that was checked when it was made, and loads it with fewer questions. Tensors in another file carry an
offset only: which file that is, says the program that loads the model.
"""

from collections.abc import Iterator

from modelairlock.encodings.flatbuffers import SMALL, Flat, Table, behind
from modelairlock.encodings.ort_schema import TABLES, TYPES, UNIONS
from modelairlock.reading import Cursor, OverLimit, ReadProblem
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Operator, Reference
from modelairlock.records.span import Span
from modelairlock.records.text import shown

#: different operators that are kept apart
DISTINCT = 10_000
_STRINGS = 8
_STRING = 200
_HUGE = 2**63
#: room for nodes that nobody misses, however small the file
_NODES = 1_000_000
#: versions of the format that this reader was written by; 5 and 6 are what onnxruntime of 2022 and later opens
_VERSIONS = frozenset("123456")
#: domains whose operators take no text that names a file, an address or a function
_PLAIN_DOMAINS = frozenset(("", "ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.preview.training"))
#: an attribute of a graph that was compiled beforehand names a file, or holds the compiled program
_CONTEXT = ("EPContext", "ep_cache_context")
_STRING_KIND, _STRINGS_KIND = 3, 8


class _Seen:
    """An operator, where it was first met, and how often."""

    __slots__ = ("count", "span", "where")

    def __init__(self, span: Span, where: str) -> None:
        self.span, self.where, self.count = span, where, 0


class Model:
    """The reading of one model. `read` reads; `stated` tells, also after reading had to stop."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.flat = Flat(cursor, TABLES, UNIONS)
        self.operators: dict[tuple[str, str, tuple[str, ...]], _Seen] = {}
        self.contexts: dict[str, _Seen] = {}
        self.gaps: list[Gap] = []
        #: texts of the attributes of the nodes around what is read now
        self.texts: list[list[str]] = []
        self.outside: Span | None = None
        self.outside_count = 0
        self.low = self.high = 0

    def read(self) -> None:
        """The whole file. Raises `ReadProblem`."""
        session = self.flat.root("InferenceSession")
        version = session.text("ort_version")
        if version not in _VERSIONS:
            detail = f"version {shown(repr(version), 40)} of the format, and this reader knows 1 to 6"
            self.gaps.append(Gap(start=0, end=self.cursor.size, because=Because.UNSUPPORTED, detail=detail))
        for table in self.flat.walk(session, closing="Node"):
            match table.kind:
                case "Node" if table.closed:
                    self._operator(table, self.texts.pop())
                case "Node":
                    self.texts.append([])
                    self._index(table)
                case "Attribute":
                    self._attribute(table)
                case "Tensor":
                    self._tensor(table)

    def stated(self) -> Iterator[Fact | Gap]:
        """All that was read so far."""
        for (domain, name, strings), seen in self.operators.items():
            yield Operator(
                span=seen.span, name=name, dialect="onnx", domain=domain, where=seen.where, strings=strings,
                count=seen.count,
            )  # fmt: skip
        for target, seen in self.contexts.items():
            yield Reference(span=seen.span, kind="compiled-context", target=target, where=seen.where, count=seen.count)
        if self.outside is not None:
            yield Reference(
                span=self.outside, kind="external-data", target="the file that the loading program names",
                start=self.low, length=self.high - self.low, count=self.outside_count,
            )  # fmt: skip
        yield from self.flat.stated()
        yield from self.gaps

    def _operator(self, node: Table, texts: list[str]) -> None:
        domain, name = node.text("domain"), node.text("op_type")
        strings = () if domain in _PLAIN_DOMAINS else tuple(text[:_STRING] for text in texts)
        key = (domain[:_STRING], name[:_STRING], strings)
        if key not in self.operators:
            if len(self.operators) >= DISTINCT:
                raise OverLimit(node.span.start, f"more than {DISTINCT} different operators")
            self.operators[key] = _Seen(node.span, self._where(node))
        self.operators[key].count += 1

    def _index(self, node: Table) -> None:
        """The graph makes room for so many nodes before it reads the first."""
        most = node.parent.number("max_node_index") if node.parent is not None else 0
        index = node.number("index")
        if index >= most or most > max(_NODES, self.cursor.size):
            detail = f"node {shown(repr(node.text('name')), 80)} is number {index} of {most}"
            self.flat.say("ort-index-beyond", *node.span, detail)

    def _attribute(self, table: Table) -> None:
        node = table.parent
        if node is None or node.kind != "Node" or not self.texts:
            return
        name, texts = table.text("name"), []
        if table.number("type") == _STRING_KIND or "s" in table.values:
            texts.append(table.text("s"))
        texts.extend(self.flat.strings(table, "strings", _STRINGS))
        for text in texts:
            if text and len(self.texts[-1]) < _STRINGS:
                self.texts[-1].append(f"{name}={text}")
        if (node.text("op_type"), name) == _CONTEXT and texts and texts[0]:
            self._context(texts[0], table)

    def _context(self, target: str, table: Table) -> None:
        if len(self.contexts) >= DISTINCT:
            raise OverLimit(table.span.start, f"more than {DISTINCT} other files")
        seen = self.contexts.setdefault(target, _Seen(table.span, self._where(table.parent)))
        seen.count += 1

    def _where(self, table: Table | None) -> str:
        """The names of the nodes around a table."""
        names: list[str] = []
        while table is not None and len(names) < 6:
            if table.kind in ("Node", "Attribute"):
                names.append(table.text("name") or table.text("op_type") or str(table.index))
            table = table.parent
        return shown("/".join(reversed(names)), 120)

    # --- tensors ----------------------------------------------------------------------------------------------------

    def _tensor(self, table: Table) -> None:
        raw = table.vector("raw_data")
        if raw and raw.length > SMALL:
            self.cursor.pass_over(raw.start, raw.end)
        elif raw:
            self.flat.window.peek(raw.start, raw.length)
        kind, name = table.number("data_type"), shown(repr(table.text("name")), 80)
        shape = table.vector("dims")
        dims = self.flat.numbers(shape, "i64")
        count = 1
        for length in dims:
            count *= length
        odd = shape is not None and shape.length > len(dims)
        if odd or min(dims, default=0) < 0 or count >= _HUGE:
            self.flat.say("ort-shape-odd", *table.span, f"{name} has the shape {shown(str(list(dims)), 80)}")
        elif kind not in TYPES:
            if len(self.gaps) >= DISTINCT:
                raise OverLimit(table.span.start, f"more than {DISTINCT} tensors of unknown types")
            detail = f"{name} has the element type {kind}, which the format has not"
            self.gaps.append(
                Gap(start=table.span.start, end=table.span.end, because=Because.UNSUPPORTED, detail=detail)
            )
        else:
            self._fits(table, name, list(dims), count)

    def _fits(self, table: Table, name: str, dims: list[int], count: int) -> None:
        """Whether a tensor is given as many bytes, or texts, as its type and shape take."""
        kind, bits = TYPES[table.number("data_type")]
        raw, texts = table.vector("raw_data"), table.vector("string_data")
        has = raw.length if raw else 0
        needs = count * bits // 8
        start = table.number("external_data_offset")
        if start >= 0 and bits:
            self._outside(table, start, needs)
            if has:
                self.flat.say("ort-tensor-size", *table.span, f"{name} lies in this file and in another one")
            return
        if not bits:
            has, needs = texts.length if texts else 0, count
        if has != needs:
            unit = "bytes" if bits else "texts"
            detail = f"{name}: {kind} of shape {shown(str(dims), 80)} takes {needs} {unit} and is given {has}"
            self.flat.say("ort-tensor-size", *table.span, detail)

    def _outside(self, table: Table, start: int, needs: int) -> None:
        if self.outside is None:
            self.outside, self.low = table.span, start
        self.low = min(self.low, start)
        self.high = max(self.high, start + needs)
        self.outside_count += 1


def read_model(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The whole file; what was found before damage is told all the same."""
    model = Model(cursor)
    try:
        model.read()
        reached = model.flat.settle()
    except ReadProblem as problem:
        broken = model.flat.broken_off(problem)
        yield from model.stated()
        yield broken
        return
    yield from model.stated()
    yield from behind(model.flat, reached, "the model")
