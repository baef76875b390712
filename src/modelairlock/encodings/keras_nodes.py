"""Finds the nodes of a Keras configuration, wherever they stand, and what the loader would look up for each.

A node is an object with ``class_name`` beside ``config``, ``module`` or ``registered_name``. What a newcomer would get
wrong: such a node makes its loader import, build and *call* things. A layer's ``inbound_nodes`` are the arguments of
that call, so a string there is handed to whatever the name turned out to be. Keys come in any order, so what a node is
stands fast only where it closes; of two equal keys the last counts, as in Python.
"""

import binascii
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from modelairlock.encodings.json_steps import Do, Step, steps
from modelairlock.encodings.marshal_code import Taken, take_apart
from modelairlock.encodings.strict_json import walk
from modelairlock.reading import Cursor, OverLimit, ReadProblem
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Bytecode, Configured, Fact, Irregularity, Member, Reference, Value
from modelairlock.records.keras_names import words
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

#: distinct names that are remembered so that each is told once
NAMES = 5_000
_TOLD = 20
CHARACTERS = 400
"""Characters kept of a text; a longer one is never equal to a name that anybody knows."""
#: constants of one call, or names of one list, that are kept while it is read
KEPT = 64
#: different constants that are told of one call
_ARGUMENTS = 16

#: what a node is known by, and what its class may take from its `config`
_KEPT = words(
    "class_name module registered_name config spec_name function function_type output_shape output_shape_type mask "
    "mask_type filepath cls_symbol method_name attr_name value items"
)
_MARKS = ("config", "module", "registered_name", "spec_name")
#: keys whose text is the name of a function or class that the loader looks up among its own
_NAMES_SOMETHING = regex(
    r"(?:\w+_)?(?:activation|initializer|regularizer|constraint)|activation_fn|fn|loss|metrics|weighted_metrics|optimizer"
)
_COLLECTS = {"inbound_nodes", "arguments"}
_PATHS = {"vocabulary": "vocabulary", "idf_weights": "vocabulary"}
#: values, not things to look up
_PLAIN = words(
    "__keras_tensor__ __tensor__ __numpy__ __bytes__ __ellipsis__ __slice__ __tuple__ __complex__ TensorShape"
)
_TF_LAYERS = words("TFOpLambda SlicingOpLambda ClassMethod InstanceMethod InstanceProperty TensorFlowOpLayer")
_FUNCTIONS = ("function", "output_shape", "mask")
#: marshalled code begins with ``c``, or ``c`` and the mark for references, and its base64 like this
_BASE64_CODE = ("Yw", "Yx", "Yy", "Yz", "4w", "4x", "4y", "4z")
_CODE_KEYS = frozenset(("code", "value", *_FUNCTIONS))
_CODE_CHARACTERS = 60
_BASE64 = regex(r"[A-Za-z0-9+/\r\n]{64,}+={0,2}[\r\n]*")


Told = TypeVar("Told")


class _Kept(Generic[Told]):
    """What was met inside of something, as far as there is room: `lost` counts the rest."""

    __slots__ = ("lost", "values")

    def __init__(self) -> None:
        self.values: list[Told] = []
        self.lost = 0

    def add(self, value: Told) -> None:
        """Keep `value`, or count it."""
        if len(self.values) < KEPT:
            self.values.append(value)
        else:
            self.lost += 1

    @property
    def mark(self) -> tuple[int, int]:
        """Where this stands now."""
        return len(self.values), self.lost

    def back(self, mark: tuple[int, int]) -> None:
        """Forget what came since `mark` was taken: it belongs to a node inside."""
        del self.values[mark[0] :]
        self.lost = mark[1]


class _Given(_Kept[Value]):
    """Constants that stand under one of `_COLLECTS`; `numbers` says whether those that are no text count as well."""

    __slots__ = ("legacy", "numbers")

    def __init__(self, key: str) -> None:
        super().__init__()
        self.numbers = key == "arguments"
        #: whether lists are [layer, node, tensor, arguments], as they were written before Keras 3
        self.legacy = key == "inbound_nodes"


class _Frame:
    """An object or list that is open. `values` and `inner` are what stands under the kept keys so far."""

    __slots__ = (
        "array", "code", "given", "index", "inner", "into", "key", "keys", "label", "mark", "named", "named_mark",
        "start", "values",
    )  # fmt: skip

    def __init__(self, key: str, array: bool, start: int) -> None:
        self.key = key
        self.array = array
        self.start = start
        self.label = ""
        self.index = -1
        self.keys: set[str] = set()
        self.values: dict[str, Any] = {}
        self.inner: dict[str, _Frame] = {}
        #: what was given inside, by the key that it stands under; and where constants go now
        self.given: dict[str, _Given] = {}
        self.into: _Given | None = None
        self.mark = self.named_mark = (0, 0)
        self.named: _Kept[Configured] | None = None
        #: `_READ` bytecode was found inside, `_UNREAD` something in its place that could not be taken apart
        self.code = 0


_READ, _UNREAD = 1, 2


def node_facts(cursor: Cursor, start: int, end: int, root: frozenset[str]) -> Iterator[Fact | Gap]:
    """Everything that the configuration in ``start..end`` has its loader look up, run or open.

    Keys of the outermost object that are not in `root` steer other loaders, and only their readers know what they do.
    """
    yield from _Nodes(root).all(steps(walk(cursor, start, end, constants=True), _wanted))


def _wanted(key: str, raw: bytes) -> bool:
    """Lists of nothing but numbers are many and long, and have nothing to tell."""
    return b'"' in raw or key in _KEPT


class _Nodes:
    """Where we are, and what was told already."""

    def __init__(self, root: frozenset[str]) -> None:
        self.root = root
        self.open: list[_Frame] = []
        self.told: set[int] = set()
        self.repeated = 0
        self.strangers = 0

    def all(self, walked: Iterator[Step]) -> Iterator[Fact | Gap]:
        """What each step adds."""
        for step in walked:
            if len(self.open) == 1 and step.key and step.key not in self.root:
                yield from self._stranger(step)
            match step.do:
                case Do.OPEN_OBJECT | Do.OPEN_ARRAY:
                    self._enter(step)
                case Do.CLOSE:
                    yield from self._leave(step)
                case Do.SCALAR:
                    yield from self._scalar(step)
                case _:
                    yield from self._repeats(step)

    def _stranger(self, step: Step) -> Iterator[Gap]:
        self.strangers += 1
        if self.strangers <= _TOLD and step.do is not Do.REPEATED:
            start, end = step.span
            detail = f"{step.key[:60]!a} beside a configuration of Keras is for another loader, which nobody asked"
            yield Gap(start=start, end=end, because=Because.UNRECOGNISED, detail=detail)

    def _repeats(self, step: Step) -> Iterator[Irregularity]:
        self.repeated += 1
        if self.repeated <= _TOLD:
            detail = f"{step.key[:80]!a} stands twice in one object"
            yield Irregularity(span=step.span, kind="json-key-repeated", detail=detail)

    # --- coming and going ---------------------------------------------------------------------------------------

    def _enter(self, step: Step) -> None:
        frame = _Frame(step.key, step.do is Do.OPEN_ARRAY, step.piece.position)
        if self.open:
            above = self.open[-1]
            self._seen(above, step.key)
            frame.label = f"[{above.index}]" if above.array else f".{step.key[:40]}"
            self._inherit(frame, above)
        self.open.append(frame)

    def _inherit(self, frame: _Frame, above: _Frame) -> None:
        """What is being collected: constants for the node above, names that are looked up."""
        frame.into, frame.named = above.into, above.named
        if not above.array:
            if frame.key in _COLLECTS:
                frame.into = above.given[frame.key] = _Given(frame.key)
            elif frame.key in ("args", "kwargs") and frame.into is not None:
                frame.into.legacy = False
            if frame.named is None and _NAMES_SOMETHING.fullmatch(frame.key):
                frame.named = _Kept()
        if frame.into is not None:
            frame.mark = frame.into.mark
        if frame.named is not None:
            frame.named_mark = frame.named.mark

    def _seen(self, frame: _Frame, key: str) -> None:
        if frame.array:
            frame.index += 1
        elif key in _KEPT:
            frame.keys.add(key)
            frame.values.pop(key, None)
            frame.inner.pop(key, None)

    def _leave(self, step: Step) -> Iterator[Fact | Gap]:
        frame = self.open[-1]
        above = self.open[-2] if len(self.open) > 1 else None
        span = Span(frame.start, step.piece.position + len(step.piece.raw))
        if frame.array:
            self._tensor_reference(frame)
        else:
            yield from self._object(frame, span)
        if frame.named is not None and (above is None or above.named is not frame.named):
            for name in frame.named.values:
                yield from self._told(name)
            if frame.named.lost:
                yield self._dropped(span, f"more than {KEPT} different names in one list")
        self.open.pop()
        if above is not None:
            self._hand_up(frame, above)

    def _hand_up(self, frame: _Frame, above: _Frame) -> None:
        if frame.key in ("config", "", *_CODE_KEYS):
            above.code |= frame.code
        if frame.key in _KEPT and not above.array:
            kept = frame.inner.items() if frame.key == "config" else ()
            frame.inner = {key: inner for key, inner in kept if key in _FUNCTIONS}
            above.inner[frame.key] = frame

    def _tensor_reference(self, frame: _Frame) -> None:
        """``[layer, node, tensor]``, perhaps with arguments: the first names a layer, where it is written so."""
        into = frame.into
        shape = frame.values.get("0") == "" and isinstance(frame.values.get("1"), int) and frame.index in (2, 3)
        if into is not None and into.legacy and shape:
            at, _ = frame.mark
            del into.values[at : at + 1]

    # --- scalars ------------------------------------------------------------------------------------------------

    def _scalar(self, step: Step) -> Iterator[Fact | Gap]:
        frame = self.open[-1] if self.open else _Frame("", True, 0)
        self._seen(frame, step.key)
        value = step.value
        if frame.array:
            if frame.index < 2:
                frame.values[str(frame.index)] = "" if isinstance(value, str) else value
        elif step.key in _KEPT:
            frame.values[step.key] = value[:CHARACTERS] if isinstance(value, str) else value
        if frame.into is not None:
            self._give(frame.into, step)
        if isinstance(value, str):
            yield from self._text(frame, step)

    def _give(self, into: _Given, step: Step) -> None:
        value = step.value
        if not (isinstance(value, str) or (into.numbers and isinstance(value, int))):
            return
        if isinstance(value, str):
            made = Value(kind="str", text=value[:CHARACTERS], cut=len(value) > CHARACTERS)
        else:
            made = Value(kind="bool" if isinstance(value, bool) else "int", text=str(value)[:20])
        key = Value(kind="str", text=step.key[:60])
        into.add(Value(kind="tuple", parts=(key, made)) if step.key else made)

    def _text(self, frame: _Frame, step: Step) -> Iterator[Fact | Gap]:
        value, key = step.value, step.key
        if key and _NAMES_SOMETHING.fullmatch(key):
            if not self._knows("name", "", value):
                yield from self._told(self._name(frame, step))
        elif (
            frame.named is not None
            and not self._knows("name", "", value)
            and all(name.qualname != value[:CHARACTERS] for name in frame.named.values)
        ):
            frame.named.add(self._name(frame, step))
        if key in _PATHS and value and hash((_PATHS[key], value[:CHARACTERS])) not in self.told:
            target = value[:CHARACTERS]
            where = self._path(f".{key}")
            yield from self._told(Reference(span=step.span, kind=_PATHS[key], target=target, where=where))
        if key == "module" and _BASE64.fullmatch(value):
            yield from self._carried(step)
        if len(value) >= _CODE_CHARACTERS:
            yield from self._code(frame, step)

    def _name(self, frame: _Frame, step: Step) -> Configured:
        where = self._path(_label(frame, step))
        name = step.value[:CHARACTERS]
        return Configured(span=step.span, scheme="keras", kind="name", module="", qualname=name, where=where)

    def _carried(self, step: Step) -> Iterator[Fact | Gap]:
        """Base64 where TorchModuleWrapper keeps what torch.save wrote."""
        span = step.span
        if span.end - span.start == len(step.value) + 2:
            yield Member(span=Span(span.start + 1, span.end - 1), name="module", method="base64")
            return
        detail = f"{self._path('.module')} holds base64 with escapes, which nothing here undoes"
        yield Gap(start=span.start, end=span.end, because=Because.UNSUPPORTED, detail=detail)

    def _code(self, frame: _Frame, step: Step) -> Iterator[Fact | Gap]:
        """Bytecode, wherever it stands; what stands in its place and is none is remembered."""
        place = step.key in _CODE_KEYS or (frame.array and frame.key in _CODE_KEYS and frame.index == 0)
        taken = _taken(step.value) if place or step.value.startswith(_BASE64_CODE) else None
        if place:
            frame.code |= _UNREAD if taken is None else _READ
        if taken is not None:
            yield from self._told(
                Bytecode(
                    span=step.span,
                    where=self._path(_label(frame, step)),
                    names=_cut(taken.names, 64),
                    imports=_cut(taken.imports, 16),
                    strings=_cut(taken.strings, 24),
                    python=taken.python,
                )
            )

    # --- objects ------------------------------------------------------------------------------------------------

    def _object(self, frame: _Frame, span: Span) -> Iterator[Fact | Gap]:
        if "class_name" not in frame.keys or not frame.keys.intersection(_MARKS):
            return
        name = frame.values.get("class_name")
        if not isinstance(name, str):
            detail = f"{self._path()}: class_name is no text"
            yield Gap(start=span.start, end=span.end, because=Because.MALFORMED, detail=detail)
            return
        if frame.into is not None:
            frame.into.back(frame.mark)
        if frame.named is not None:
            frame.named.back(frame.named_mark)
        if name == "__lambda__":
            if frame.code != _READ:
                yield from self._unread_code(span)
        elif name == "function":
            yield from self._say(span, "function", frame, frame.values.get("config"))
        elif name == "__typespec__":
            yield from self._say(span, "typespec", frame, frame.values.get("spec_name"))
        elif name not in _PLAIN:
            yield from self._class(frame, name, span)

    def _say(self, span: Span, kind: str, frame: _Frame, name: object) -> Iterator[Fact | Gap]:
        """The name that is looked up; and the one that is looked up before it among registered ones, if another."""
        if not isinstance(name, str):
            detail = f"{self._path()}: the name of a {kind} is no text"
            yield Gap(start=span.start, end=span.end, because=Because.MALFORMED, detail=detail)
            return
        module = _module(frame)
        yield from self._configured(span, kind, module, name)
        registered = frame.values.get("registered_name")
        if isinstance(registered, str) and registered not in ("", name, frame.values.get("class_name")):
            yield from self._configured(span, "registered", module, registered, (Value(kind="str", text=name),))

    def _configured(
        self, span: Span, kind: str, module: str, name: str, arguments: tuple[Value, ...] = ()
    ) -> Iterator[Fact]:
        yield from self._told(
            Configured(
                span=span, scheme="keras", kind=kind, module=module, qualname=name, where=self._path(),
                arguments=arguments,
            )
        )  # fmt: skip

    def _unread_code(self, span: Span) -> Iterator[Fact | Gap]:
        detail = f"{self._path()}: a lambda whose bytecode could not be taken apart"
        yield Bytecode(span=span, where=self._path())
        yield Gap(start=span.start, end=span.end, because=Because.UNSUPPORTED, detail=detail)

    def _class(self, frame: _Frame, name: str, span: Span) -> Iterator[Fact | Gap]:
        config = frame.inner.get("config") or _Frame("", False, 0)
        collected = [
            one for one in (config.given.get("arguments"), frame.given.get("inbound_nodes")) if one is not None
        ]
        different = dict.fromkeys(value for one in collected for value in one.values)
        given = tuple(different)[:_ARGUMENTS]
        if len(different) > _ARGUMENTS or any(one.lost for one in collected):
            yield self._dropped(span, f"more than {_ARGUMENTS} different constants, or {KEPT} in all, in one call")
        yield from self._say(span, "class", frame, name)
        if name in _TF_LAYERS:
            parts = (config.values.get(key) for key in ("function", "cls_symbol", "method_name", "attr_name"))
            symbol = ".".join(part for part in parts if isinstance(part, str))
            yield from self._configured(span, "tf-function", name, symbol, given)
        elif name == "Lambda":
            yield from self._lambda_layer(config, given, span)
        elif given:
            yield from self._configured(span, "call", _module(frame), name, given)
        if name == "TFSMLayer":
            path = str(config.values.get("filepath", ""))
            yield Reference(span=span, kind="saved-model", target=path, where=self._path())

    def _lambda_layer(self, config: _Frame, given: tuple[Value, ...], span: Span) -> Iterator[Fact | Gap]:
        """A Lambda calls bytecode, or a function by its name with the arguments that stand there."""
        for key in _FUNCTIONS:
            inner, value = config.inner.get(key), config.values.get(key)
            kind = config.values.get(f"{key}_type")
            module = config.values.get("module" if key == "function" else f"{key}_module")
            if inner is not None and inner.values.get("class_name") == "function" and given:
                called = inner.values.get("config")
                yield from self._configured(span, "call", _module(inner), str(called), given)
            elif isinstance(value, str) and kind != "raw" and not config.code:
                yield from self._configured(span, "function", str(module or ""), value)
                if given:
                    yield from self._configured(span, "call", str(module or ""), value, given)
            if kind == "lambda" and config.code != _READ:
                yield from self._unread_code(span)

    # --- telling ------------------------------------------------------------------------------------------------

    def _told(self, fact: Configured | Bytecode | Reference) -> Iterator[Fact]:
        """The fact, unless the same was told before at another place."""
        match fact:
            case Configured():
                key = hash((fact.kind, fact.module, fact.qualname, fact.arguments))
            case Reference():
                key = hash((fact.kind, fact.target))
            case _:
                key = hash((fact.names, fact.strings, fact.python))
        if key in self.told:
            return
        self.told.add(key)
        if len(self.told) > NAMES:
            raise OverLimit(fact.span.start, f"more than {NAMES} different names in one configuration")
        yield fact

    def _dropped(self, span: Span, detail: str) -> Gap:
        return Gap(start=span.start, end=span.end, because=Because.OVER_LIMIT, detail=f"{self._path()}: {detail}")

    def _knows(self, kind: str, module: str, name: str) -> bool:
        """Whether this was told; asked first where there are many, because to find the place of each takes time."""
        return hash((kind, module, name[:CHARACTERS], ())) in self.told

    def _path(self, last: str = "") -> str:
        """The way from the root: ``config.layers[3].config``."""
        path = "".join(frame.label for frame in self.open) + last
        return path.removeprefix(".")[-CHARACTERS:]


def _label(frame: _Frame, step: Step) -> str:
    return f".{step.key}" if step.key or not frame.array else f"[{frame.index}]"


def _module(frame: _Frame) -> str:
    module = frame.values.get("module")
    return module if isinstance(module, str) else ""


def _cut(texts: tuple[str, ...], most: int) -> tuple[str, ...]:
    return tuple(one[:200] for one in texts[:most])


def _taken(value: str) -> Taken | None:
    """The code in `value`, spelled as base64 as Keras writes it, or byte for character as it did before 2.0."""
    for raw in _spelled(value):
        if raw[:1] not in (b"c", b"\xe3"):
            continue
        try:
            return take_apart(raw)
        except ReadProblem:
            continue
    return None


def _spelled(value: str) -> Iterator[bytes]:
    try:
        yield binascii.a2b_base64(value)
    except ValueError:
        yield b""
    yield value.encode("raw_unicode_escape", "replace")
