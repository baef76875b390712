"""Reads a GraphDef, MetaGraphDef or SavedModel from end to end, and tells what its operators are and what they reach.

What a newcomer would get wrong: most of a TensorFlow 2 model lies in its library of functions, not in the graph; and
what a graph reaches is only known at its end, since nodes come in any order and assets are listed behind them. What was
found is told even where the bytes break off.
"""

from collections.abc import Iterator

from modelairlock.encodings.protobuf import LEN, VARINT, Field, Window, fields
from modelairlock.encodings.tensorflow.flow import Flow, Scope, run_at_load
from modelairlock.encodings.tensorflow.nodes import Nodes
from modelairlock.encodings.tensorflow.objects import Objects
from modelairlock.encodings.tensorflow.schema import account, consume, name_of, unknown
from modelairlock.encodings.tensorflow.startup import RUN_AT_LOAD, Startup
from modelairlock.reading import Cursor, Malformed, OverLimit, ReadProblem
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Operator, Reference
from modelairlock.records.span import Span
from modelairlock.records.tensorflow import EFFECTS
from modelairlock.records.text import shown

_ASSETS = 10_000
#: what else a function has, all of it known by its fields alone
_FUNCTION = {4: "Pair", 5: "AttrEntry", 6: "Pair", 7: "ArgAttrEntry", 8: "NumberPair"}
_META_GRAPH = {1: "MetaInfo", 3: "Saver", 5: "SignatureEntry"}
#: functions for gradients: which field names the function, and which what it is for
_LIBRARY = {2: (2, 1), 3: (1, 2)}
_INTERFACE = "api_implements"
#: collections of a MetaGraphDef that name the tensors of assets
_ASSET_COLLECTIONS = frozenset(("saved_model_assets", "asset_filepaths"))


def graph(cursor: Cursor) -> Iterator[Fact | Gap]:
    """A whole artifact that is a GraphDef."""
    graphs = _Graphs(cursor)
    yield from graphs.told(graphs.graph(0, cursor.size))


def meta_graph(cursor: Cursor) -> Iterator[Fact | Gap]:
    """A whole artifact that is a MetaGraphDef."""
    graphs = _Graphs(cursor)
    yield from graphs.told(graphs.meta_graph(0, cursor.size))


def saved_model(cursor: Cursor) -> Iterator[Fact | Gap]:
    """A whole artifact that is a SavedModel: a version, and any number of MetaGraphDefs."""
    window = Window(cursor)
    for field in fields(window, 0, cursor.size, torn=True):
        if field.number == 2 and field.wire == LEN:
            graphs = _Graphs(cursor, window)
            yield from graphs.told(graphs.meta_graph(field.start, field.end))
        elif not (field.number == 1 and field.wire == VARINT):
            yield unknown(field, "SavedModel")


class _Graphs:
    """One graph and its library."""

    def __init__(self, cursor: Cursor, window: Window | None = None) -> None:
        self.cursor = cursor
        self.window = window or Window(cursor)
        self.nodes = Nodes(self.window)
        self.flow = Flow()
        self.main = Scope("", None)
        self.objects = Objects(self.window, self.main, self.flow.functions)
        self.startup = Startup(self.window)
        self.inner: Scope | None = None
        self.reaching: dict[tuple[str, str, tuple[str, ...], str], tuple[Operator, int]] = {}
        self.assets = 0

    def told(self, walk: Iterator[Fact | Gap]) -> Iterator[Fact | Gap]:
        """All of the walk, and then what it amounts to, even where it broke off."""
        problem: ReadProblem | None = None
        try:
            yield from walk
        except ReadProblem as caught:
            problem = caught
        if self.inner is not None:
            self._close(self.inner)
        self._close(self.main)
        self._keep(self.flow.finish(self.objects.calls))
        try:
            saving = self.flow.saving() if self.startup.roots else {}
            if saving:
                self._keep(run_at_load(saving, self.startup.reached()))
        except ReadProblem as caught:
            problem = problem or caught
        for fact, count in self.reaching.values():
            yield _times(fact, count)
        yield from self._operators()
        if self.flow.full:
            detail = "more nodes that reach out, carry strings or call functions than are followed"
            yield Gap(start=0, end=0, because=Because.OVER_LIMIT, detail=detail)
        if problem is not None:
            raise problem

    def _operators(self) -> Iterator[Operator]:
        """Each operator once; those that reach out were told one by one, and functions are no operators."""
        for name, counted in self.nodes.operators.items():
            if name not in EFFECTS and (counted.plain or name not in self.flow.functions) and counted.count:
                yield Operator(
                    span=counted.span, name=name, dialect="tensorflow", where=counted.where, count=counted.count
                )

    def _close(self, scope: Scope) -> None:
        self._keep(self.flow.close(scope))

    def _keep(self, facts: Iterator[Operator]) -> None:
        for fact in facts:
            key = (fact.name, fact.where, fact.strings, fact.given)
            first, count = self.reaching.get(key, (fact, 0))
            if count or len(self.reaching) < self.cursor.limits.facts // 4:
                self.reaching[key] = (first, count + 1)
            else:
                self.flow.full = True

    # --- graphs -----------------------------------------------------------------------------------------------------

    def graph(self, start: int, end: int) -> Iterator[Fact | Gap]:
        """A GraphDef. Raises `ReadProblem`."""
        window, main, nodes = self.window, self.main, self.nodes
        for field in fields(window, start, end, torn=True):
            if field.number == 1 and field.wire == LEN:
                node = yield from nodes.read(field, "")
                if node is not None:
                    main.add(node)
            elif field.number == 2 and field.wire == LEN:
                yield from self._library(field)
            elif field.number == 4 and field.wire == LEN:
                yield from account(window, field.start, field.end, "Versions")
            elif field.number == 5 and field.wire == LEN:
                yield from account(window, field.start, field.end, "DebugInfo")
            elif not (field.number == 3 and field.wire == VARINT):
                yield unknown(field, "GraphDef")

    def _library(self, library: Field) -> Iterator[Fact | Gap]:
        for field in fields(self.window, library.start, library.end, torn=True):
            if field.number == 1 and field.wire == LEN:
                yield from self._function(field)
            elif field.number in _LIBRARY and field.wire == LEN:
                yield from account(self.window, field.start, field.end, "Gradient")
                self._gradient(field, _LIBRARY[field.number])
            else:
                yield unknown(field, "FunctionDefLibrary")

    def _gradient(self, entry: Field, places: tuple[int, int]) -> None:
        said = self._texts(entry)
        self.flow.gradient(*(name_of(self.window, said[at]) if at in said else "" for at in places))

    def _texts(self, message: Field) -> dict[int, Field]:
        """Its fields of bytes by number, of each number the last."""
        return {field.number: field for field in fields(self.window, message.start, message.end) if field.wire == LEN}

    def _implements(self, entry: Field, function: str) -> None:
        """An attribute of a function that says which others it may stand in for."""
        said = self._texts(entry)
        if 1 in said and name_of(self.window, said[1]) == _INTERFACE and 2 in said:
            value = self._texts(said[2])
            self.flow.implements(function, name_of(self.window, value[2]) if 2 in value else "")

    def _function(self, function: Field) -> Iterator[Fact | Gap]:
        """A FunctionDef. Its name and arguments come first, or what they feed counts as computed."""
        window, nodes = self.window, self.nodes
        scope = self.inner = Scope("?", {})
        signed = False
        attributes: list[Field] = []
        for field in fields(window, function.start, function.end, torn=True):
            if field.number == 1 and field.wire == LEN:
                if signed:  # a parser would join the two, and so number the arguments anew
                    raise Malformed(field.start, "one signature of a function", "a second one")
                signed = True
                yield from self._signature(field, scope)
            elif field.number == 3 and field.wire == LEN:
                node = yield from nodes.read(field, scope.name)
                if node is not None:
                    scope.add(node)
            elif field.number in _FUNCTION and field.wire == LEN:
                yield from account(window, field.start, field.end, _FUNCTION[field.number])
                if field.number == 5:
                    attributes.append(field)
            else:
                yield unknown(field, "FunctionDef")
        for field in attributes:
            self._implements(field, scope.name)
        self.inner = None
        self._close(scope)

    def _signature(self, signature: Field, scope: Scope) -> Iterator[Fact | Gap]:
        arguments: list[str] = []
        counted = True
        for field in fields(self.window, signature.start, signature.end):
            if field.number == 1 and field.wire == LEN:
                scope.name = name_of(self.window, field)
            elif field.number == 2 and field.wire == LEN:
                name, single = self._argument(field)
                counted = counted and single
                arguments.append(name)
            elif field.number == 4 and field.wire == LEN and 3 in self._texts(field):
                # It fills in attributes inside, be they names of files or functions, where no caller says otherwise.
                detail = f"an attribute of the function {shown(scope.name, 80)} has a default value"
                yield Gap(start=field.start, end=field.end, because=Because.UNSUPPORTED, detail=detail)
        yield from account(self.window, signature.start, signature.end, "OpDef")
        if len(self.flow.functions) >= self.cursor.limits.entries // 4:
            raise OverLimit(signature.start, "more functions than are kept (limit: entries)")
        known = self.flow.functions.get(scope.name, len(arguments))
        self.flow.functions[scope.name] = known if known == len(arguments) else -1
        # An argument that stands for several inputs shifts those behind it, so none of them counts as known then.
        scope.arguments = {name: at for at, name in enumerate(arguments)} if counted else {}

    def _argument(self, argument: Field) -> tuple[str, bool]:
        name, single = "", True
        for field in fields(self.window, argument.start, argument.end):
            if field.number == 1 and field.wire == LEN:
                name = name_of(self.window, field)
            single = single and field.number not in (5, 6)
        return name, single

    # --- what is around a graph -------------------------------------------------------------------------------------

    def meta_graph(self, start: int, end: int) -> Iterator[Fact | Gap]:
        """A MetaGraphDef. Raises `ReadProblem`."""
        for field in fields(self.window, start, end, torn=True):
            if field.wire != LEN or not 0 < field.number < 8:
                yield unknown(field, "MetaGraphDef")
            elif field.number == 2:
                self.startup.graphs.append(field)
                yield from self.graph(field.start, field.end)
            elif field.number == 4:
                yield from self._collection(field)
            elif field.number == 6:
                yield from self._asset(field, "")
            elif field.number == 7:
                yield from self.objects.read(field)
            else:
                yield from account(self.window, field.start, field.end, _META_GRAPH[field.number])
                if field.number == 3:
                    self.startup.saver(field)
                elif field.number == 5:
                    self.startup.signature(field)

    def _asset(self, asset: Field, where: str) -> Iterator[Fact | Gap]:
        """A file that the loader looks for below ``assets/``, and the tensor that it feeds with the path."""
        for field in fields(self.window, asset.start, asset.end):
            if field.number == 2 and field.wire == LEN:
                span = Span(field.start, field.end)
                yield Reference(span=span, kind="tensorflow-asset", target=name_of(self.window, field), where=where)
            elif field.number == 1 and field.wire == LEN:
                for part in fields(self.window, field.start, field.end):
                    if part.number == 1 and part.wire == LEN:
                        self._fed(part)
        yield from account(self.window, asset.start, asset.end, "Asset")

    def _fed(self, field: Field) -> None:
        self.assets += 1
        if self.assets > _ASSETS:
            raise OverLimit(field.start, f"more than {_ASSETS} assets")
        self.main.assets.add(name_of(self.window, field).partition(":")[0])

    def _collection(self, entry: Field) -> Iterator[Fact | Gap]:
        """Lists of names, of numbers, or of messages that are read as bytes; assets among them are told."""
        key = ""
        for field in fields(self.window, entry.start, entry.end):
            if field.number == 1 and field.wire == LEN:
                key = name_of(self.window, field)
            elif field.number != 2 or field.wire != LEN:
                yield unknown(field, "CollectionDefEntry")
            else:
                for values in fields(self.window, field.start, field.end):
                    yield from self._values(values, key)

    def _values(self, values: Field, key: str) -> Iterator[Fact | Gap]:
        assets = key if key in _ASSET_COLLECTIONS else ""
        if values.wire != LEN or not 1 <= values.number <= 5:
            yield unknown(values, "CollectionDef")
            return
        for value in fields(self.window, values.start, values.end):
            if values.number == 5 and value.wire == LEN and value.number == 1:
                yield from self._any(value, assets)
            elif value.number != 1:
                yield unknown(value, "CollectionDef")
            elif assets and values.number == 1 and value.wire == LEN:
                self._fed(value)
            elif key in RUN_AT_LOAD and values.number == 1 and value.wire == LEN:
                self.startup.run(value)
            elif value.wire == LEN:
                consume(self.window, value)

    def _any(self, value: Field, assets: str) -> Iterator[Fact | Gap]:
        for field in fields(self.window, value.start, value.end):
            if field.number == 2 and field.wire == LEN and assets:
                yield from self._asset(field, f"collection {assets}")
            elif field.number in (1, 2) and field.wire == LEN:
                consume(self.window, field)
            else:
                yield unknown(field, "Any")


def _times(fact: Operator, count: int) -> Operator:
    return fact if count == 1 else Operator(
        span=fact.span, name=fact.name, dialect="tensorflow", where=fact.where, strings=fact.strings,
        given=fact.given, count=count,
    )  # fmt: skip
