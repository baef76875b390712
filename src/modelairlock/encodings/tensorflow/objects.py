"""The object graph of a SavedModel: what it hands to functions beyond what nodes that call them do.

What a newcomer would get wrong: `tf.saved_model.load` runs no node of the graph. It makes objects, binds some of them
to the last arguments of functions, and calls functions itself: `_initialize` of resources, methods that restore
objects. A constant that is bound is whatever tensor a node of that name holds, be the node fed or not. So each function
here is one that somebody calls: with what is bound to it, and in front of that with the caller's arguments; or with its
default values, or with what TensorFlow's own code has at hand.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from modelairlock.encodings.protobuf import LEN, VARINT, Field, Window, fields
from modelairlock.encodings.tensorflow.flow import UNKNOWN, Call, Origin, Scope
from modelairlock.encodings.tensorflow.schema import DEPTH, TABLES, Table, account, name_of, unknown
from modelairlock.encodings.tensorflow.tensors import KEPT
from modelairlock.reading import OverLimit, ReadProblem
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Member
from modelairlock.records.span import Span

_METADATA_BYTES = 16 * 1024 * 1024
_ASSET, _CONSTANT = 5, 9
#: what an object can be, and, if it is a function, the field that says how it is called
_KINDS = frozenset((4, _ASSET, 6, 7, 8, _CONSTANT, 10, 12))
_SPECIFIED = {6: 2, 8: 4}
#: the class that TensorFlow registers for constants; any other makes what it likes of an object
_OF_CONSTANTS = "tf.TrackableConstant"
#: parts of a FullArgSpec that are names and no values
_NAMES = frozenset(("args", "varargs", "varkw", "kwonlyargs"))
#: a parser keeps this much of an int32
_INT32 = 2**32 - 1
_CALLER = Origin(given="caller")
_IN_ASSETS = Origin(given="caller", asset=True)
#: the entry of a function that has none
_NOTHING = Field(2, LEN, 0, 0)


class _Said(NamedTuple):
    """What an object that is a function says: which functions are behind it, and what their arguments are by default.

    `odd` are values that were not read: tensors.
    """

    names: list[str]
    defaults: list[str]
    odd: list[Field]


class Objects:
    """Reads the objects, keeps what they hand to functions, and tells it of a function when it is asked."""

    def __init__(self, window: Window, graph: Scope, functions: dict[str, int]) -> None:
        self.window, self.graph, self.functions = window, graph, functions
        self.count = self.kept = 0
        self.most = window.cursor.limits.entries // 4
        #: assets (None) and constants (the node that holds it) by the number of their object
        self.bound: dict[int, str | None] = {}
        #: functions behind an object, and objects that TensorFlow calls with arguments of its own
        self.behind: dict[int, list[str]] = {}
        self.called: set[int] = set()
        self.defaults: dict[str, Origin] = {}
        self.entries: dict[str, list[Field]] = {}
        self.private: set[str] | None = None
        self.told: dict[str, tuple[Call, ...]] = {}

    # --- reading ----------------------------------------------------------------------------------------------------

    def read(self, objects: Field) -> Iterator[Fact | Gap]:
        """A SavedObjectGraph. Before TensorFlow 2.5, Keras kept its configuration in it. Raises `ReadProblem`."""
        for field in fields(self.window, objects.start, objects.end, torn=True):
            if field.number == 1 and field.wire == LEN:
                yield from self._object(field)
                self.count += 1
            elif field.number == 2 and field.wire == LEN:
                yield from account(self.window, field.start, field.end, "ConcreteEntry")
                self._entry(field)
            else:
                yield unknown(field, "SavedObjectGraph")

    def _keep(self, field: Field) -> None:
        self.kept += 1
        if self.kept > self.most:
            raise OverLimit(
                field.start, "more functions and constants among the objects than are kept (limit: entries)"
            )

    def _entry(self, entry: Field) -> None:
        for field in fields(self.window, entry.start, entry.end):
            if field.number == 1 and field.wire == LEN:
                self._keep(field)
                self.entries.setdefault(name_of(self.window, field), []).append(entry)

    def _object(self, saved: Field) -> Iterator[Fact | Gap]:
        kinds: list[Field] = []
        registered = ""
        for field in fields(self.window, saved.start, saved.end):
            if field.wire != LEN:
                continue
            if field.number in _KINDS:
                kinds = [*kinds[:1], field]
            if field.number == 1:
                self._child(field)
            elif field.number == 4:
                yield from self._configuration(field, f"object-{saved.start}.json")
            elif field.number in _SPECIFIED:
                self._function(field, _SPECIFIED[field.number])
            elif field.number == 11:
                self._saveable(field)
            elif field.number == 13:
                registered = name_of(self.window, field)
        yield from account(self.window, saved.start, saved.end, "SavedObject")
        if len(kinds) == 1:
            self._bindable(kinds[0], registered)

    def _configuration(self, user: Field, name: str) -> Iterator[Member]:
        for field in fields(self.window, user.start, user.end):
            # Python's own JSON takes blanks in front of it.
            if (
                field.number == 3
                and field.wire == LEN
                and field.length
                and self.window.at(field.start, 1) in b"{ \t\r\n"
            ):
                yield keras_config(field, name)

    def _child(self, child: Field) -> None:
        """TensorFlow's own methods have names like `_initialize`, and any object may have its own in their place."""
        number, private = 0, False
        for field in fields(self.window, child.start, child.end):
            if field.number == 1 and field.wire == VARINT:
                number = field.value & _INT32
            elif field.number == 2 and field.wire == LEN:
                private = private or self.window.at(field.start, 1) == b"_"
        if private:
            self._keep(child)
            self.called.add(number)

    def _saveable(self, entry: Field) -> None:
        """Two functions, one of which is called with what a checkpoint holds."""
        for value in fields(self.window, entry.start, entry.end):
            if value.number == 2 and value.wire == LEN:
                for field in fields(self.window, value.start, value.end):
                    self._keep(field)
                    self.called.add(field.value & _INT32)

    def _bindable(self, kind: Field, registered: str) -> None:
        if kind.number == _ASSET and not registered:
            self._keep(kind)
            self.bound[self.count] = None
        elif kind.number == _CONSTANT and registered in ("", _OF_CONSTANTS):
            for field in fields(self.window, kind.start, kind.end):  # the last of them counts
                self._keep(kind)
                self.bound[self.count] = name_of(self.window, field)

    def _function(self, function: Field, spec: int) -> None:
        said = _Said([], [], [])
        for field in fields(self.window, function.start, function.end):
            if field.number == 1 and field.wire == LEN:
                self._keep(field)
                said.names.append(name_of(self.window, field))
            elif field.number == spec and field.wire == LEN:
                for part in fields(self.window, field.start, field.end):
                    if part.number == 1 and part.wire == LEN:
                        self._values(part, TABLES["Structured"], said, 0)
        self.behind.setdefault(self.count, []).extend(said.names)
        if said.defaults or said.odd:
            limit = self.window.cursor.limits.text_characters
            texts = tuple(text[:limit] for text in said.defaults[:KEPT])
            cut = len(said.defaults) > KEPT or any(len(text) > limit for text in said.defaults)
            origin = Origin(texts, given="computed" if said.odd else "constant", cut=cut, fixed=True)
            self.defaults.update(dict.fromkeys(said.names, origin))

    def _values(self, message: Field, table: Table, said: _Said, depth: int) -> None:
        """Strings and tensors among the default values in a FullArgSpec, which is a named tuple."""
        if depth > DEPTH:
            raise OverLimit(message.start, f"messages nested more than {DEPTH} deep")
        for field in fields(self.window, message.start, message.end):
            inside = table.get(field.number << 3 | field.wire)
            if table is TABLES["Structured"] and field.number == 13 and field.wire == LEN:
                self._keep(field)
                said.defaults.append(name_of(self.window, field))
            elif inside is TABLES["Tensor"]:
                self._keep(field)
                said.odd.append(field)
            elif inside is not None and not (depth == 1 and self._names(field)):
                self._values(field, inside, said, depth + 1)

    def _names(self, pair: Field) -> bool:
        """Whether an entry of the tuple holds names of arguments and no values."""
        keys = [field for field in fields(self.window, pair.start, pair.end) if field.number == 1 and field.wire == LEN]
        return bool(keys) and all(name_of(self.window, key) in _NAMES for key in keys)

    # --- telling ----------------------------------------------------------------------------------------------------

    def calls(self, function: str) -> tuple[Call, ...]:
        """How a function is called from here; also one that no object stands for, which does no harm."""
        if self.private is None:
            self.private = {name for number in self.called for name in self.behind.get(number, ())}
        if function not in self.told:
            free = self.defaults.get(function) or (UNKNOWN if function in self.private else _CALLER)
            inputs = [self._inputs(function, entry, free) for entry in self.entries.get(function) or (_NOTHING,)]
            self.told[function] = tuple(Call("the object graph", "", True, one) for one in inputs)
        return self.told[function]

    def _inputs(self, function: str, entry: Field, free: Origin) -> tuple[Origin, ...] | None:
        total = self.functions.get(function, -1)
        if total < 0 or self.kept + total > self.most:
            return None
        self.kept += total
        try:
            bound = tuple(islice(self._bound(entry), total + 1))
        except ReadProblem:
            return None
        return (free,) * (total - len(bound)) + bound if len(bound) <= total else None

    def _bound(self, entry: Field) -> Iterator[Origin]:
        for value in fields(self.window, entry.start, entry.end):
            if value.number != 2 or value.wire != LEN:
                continue
            for field in fields(self.window, value.start, value.end):
                if field.number == 2 and field.wire == VARINT:
                    yield self._origin(field.value)
                elif field.number == 2:
                    at = field.start
                    while at < field.end:
                        number, at = self.window.varint(at, field.end)
                        yield self._origin(number)

    def _origin(self, number: int) -> Origin:
        if number & _INT32 not in self.bound:
            return UNKNOWN
        node = self.bound[number & _INT32]
        return _IN_ASSETS if node is None else Origin.of(self.graph.nodes.get(node))


def keras_config(field: Field, name: str) -> Member:
    """The JSON by which Keras builds a layer anew."""
    if field.length > _METADATA_BYTES:
        raise OverLimit(field.start, f"a configuration of {field.length} bytes")
    return Member(span=Span(field.start, field.end), name=name, size_bytes=field.length, role="keras-config")
