"""``schema.json`` of a skops file, node by node: what each would import and what it would do with it.

What a newcomer would get wrong: a node's ``__module__`` and ``__class__`` are what a person is shown, and not always
what is used. A MethodNode looks up ``content.func`` on whatever ``content.obj`` gives, an OperatorFuncNode looks its
class up in `operator` whatever its module says. So the facts state what is really looked up.
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from modelairlock.encodings.strict_json import Kind, Pairs, Piece, pairs, text, walk
from modelairlock.reading import BLANKS, Cursor, Format, Probe, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Configured, Fact, Irregularity, Value
from modelairlock.records.span import Span

_MARKS = (b'"__loader__"', b'"_skops_version"')
#: parts of a node that say what it does
_TOLD = ("__class__", "__module__", "__loader__", "func", "module_path", "function")
#: children that are remembered by name
_HELD = frozenset(("obj", "func", "default_factory", "key_types", "attrs"))
#: names of nodes that are remembered while their parents are open, and children of one node
_CHILDREN = 64
_CHARACTERS = 400
_WHERE_CHARACTERS = 300


def _claims(probe: Probe) -> bool:
    return probe.head.lstrip()[:1] == b"{" and any(mark in probe.head or mark in probe.tail for mark in _MARKS)


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    yield from _Tree().all(walk(cursor, 0, cursor.size, constants=True))


class _Frame:
    """An object or list that is open: its key, what it says of itself, and the nodes that it holds directly.

    Of a list's items, those that name the same count as one; `cut` says that not all children are here.
    """

    __slots__ = ("children", "count", "cut", "key", "position", "said", "where")

    def __init__(self, key: str, where: str, position: int) -> None:
        self.key = key
        self.where = where
        self.position = position
        self.said: dict[str, str] = {}
        self.children: dict[str, Value] = {}
        self.cut = False
        self.count = 0

    def hold(self, key: str, child: Value) -> None:
        """Remember a child, as long as there are not too many."""
        if key in self.children or len(self.children) < _CHILDREN:
            self.children[key] = child
        else:
            self.cut = True


class _Tree:
    """The brackets that are open, and the key whose value comes next."""

    def __init__(self) -> None:
        self.open: list[_Frame] = []
        self.key = ""

    def all(self, pieces: Iterator[Piece]) -> Iterator[Fact | Gap]:
        """A fact for each node, as it closes, and for each key that stands twice."""
        for piece in pieces:
            if piece.kind is Kind.KEY:
                self.key = text(piece.raw)
            elif piece.kind is Kind.REPEATED:
                yield _repeated(text(piece.raw), piece.position, len(piece.raw))
            elif piece.kind in (Kind.OPEN_OBJECT, Kind.OPEN_ARRAY):
                self._open(self.key, piece.position)
            elif piece.kind in (Kind.CLOSE_OBJECT, Kind.CLOSE_ARRAY):
                yield from self._close(piece.position + 1)
            else:
                yield from self._values(piece)

    def _open(self, key: str, position: int) -> None:
        within = self.open[-1] if self.open else None
        name = key
        if within is not None and not key:
            name = f"[{within.count}]"
            within.count += 1
        where = f"{within.where}.{name}" if within is not None and within.where else name
        self.open.append(_Frame(name, where[-_WHERE_CHARACTERS:], position))
        self.key = ""

    def _close(self, end: int) -> Iterator[Fact]:
        frame = self.open.pop()
        within = self.open[-1] if self.open else None
        if "__loader__" in frame.said or "__class__" in frame.said:
            yield from _nodes(frame, end)
            if within is not None:
                shown = _shown(frame)
                if frame.key.startswith("["):
                    within.hold(repr(shown), shown)
                elif frame.key in _HELD:
                    within.hold(frame.key, shown)
        elif within is not None:  # `content` and `attrs` are no nodes, and what they hold is the node's around them
            within.cut = within.cut or frame.cut
            if "func" in frame.said:
                within.hold(f"{frame.key}.func", Value("str", frame.said["func"]))
            if "module_path" in frame.said:
                named = Value("global", frame.said.get("function", ""), module=frame.said["module_path"])
                within.hold(f"{frame.key}.function", named)
            for key, child in frame.children.items():
                within.hold(f"{frame.key}.{key}", child)

    def _values(self, piece: Piece) -> Iterator[Fact]:
        if piece.kind is Kind.FLAT:
            self._open(self.key, piece.position)
            members = pairs(piece)
            yield from _repeats(members, piece)
            yield from self._members(members, piece)
            yield from self._close(piece.position + len(piece.raw))
        elif piece.kind is Kind.MEMBERS:
            yield from self._members(pairs(piece), piece)
        elif piece.kind is Kind.SCALAR and self.key and self.open:
            self._said(
                self.key, text(piece.raw) if piece.raw.startswith(b'"') else piece.raw.decode("ascii", "replace")
            )
        elif piece.kind is Kind.RUN and self.open:
            self.open[-1].count += piece.raw.count(b",")
        self.key = ""

    def _members(self, members: Pairs, piece: Piece) -> Iterator[Fact]:
        for key, value in members:
            if isinstance(value, tuple):
                yield from _repeats(value, piece)
                self._open(key, piece.position)
                yield from self._members(value, piece)
                yield from self._close(piece.position + len(piece.raw))
            else:
                self._said(key, value)

    def _said(self, key: str, value: Any) -> None:
        if key in _TOLD:
            self.open[-1].said[key] = str(value)[:_CHARACTERS]


def _nodes(frame: _Frame, end: int) -> Iterator[Configured]:
    """What a node makes. By protocol 0 a FunctionNode looks up what its content names, and not what it shows."""
    node = _node(frame, end)
    yield node
    old = frame.children.get("content.function")
    if old is not None and node.kind == "FunctionNode":
        yield replace(node, module=old.module, qualname=old.text)


def _node(frame: _Frame, end: int) -> Configured:
    said = frame.said
    module, name = said.get("__module__", ""), said.get("__class__", "")
    kind = said.get("__loader__", "")
    arguments = [frame.children.get(key, Value("unknown")) for key in _ASKED.get(kind, ())]
    return Configured(
        span=Span(frame.position, end),
        scheme="skops",
        kind=kind,
        module=module,
        qualname=name,
        where=frame.where,
        arguments=tuple(arguments),
    )


#: children that are called, or that something is looked up on
_ASKED = {
    "MethodNode": ("content.obj", "content.func"),
    "PartialNode": ("content.func",),
    "DefaultDictNode": ("content.default_factory",),
    "DictNode": ("key_types",),
    "OperatorFuncNode": ("attrs",),
}


def _shown(frame: _Frame) -> Value:
    """A child as its parent's fact tells it: what it names, by which loader, and for a list of types the items."""
    said = frame.said
    items = tuple(frame.children.values()) if frame.key in ("key_types", "attrs") else ()
    return Value(
        "call",
        said.get("__loader__", ""),
        parts=(Value("global", said.get("__class__", ""), module=said.get("__module__", "")), *items),
        cut=frame.cut and bool(items),
    )


def _repeats(members: Pairs, piece: Piece) -> Iterator[Fact]:
    seen: set[str] = set()
    for key, _ in members if len(dict(members)) < len(members) else ():
        if key in seen:
            yield _repeated(key, piece.position, len(piece.raw))
        seen.add(key)


def _repeated(key: str, start: int, length: int) -> Irregularity:
    detail = f"{key[:80]!a} stands twice in one object"
    return Irregularity(span=Span(start, start + length), kind="json-key-repeated", detail=detail)


FORMAT = Format(
    name="skops_schema",
    summary="schema.json of a skops file: the tree of objects that loading makes.",
    claims=_claims,
    begins=first_bytes(b"{", *BLANKS),
    read=_read,
    loaders=(
        "skops.io.load(file, trusted=[...])",
        "skops.io.get_untrusted_types: before 0.14 a LossNode imports there",
    ),
    blind_spots=(
        "What an object does when it is used after loading.",
        "Values in it: a model can be made to answer wrongly on purpose.",
    ),
    builds_on=("json_text", "text", "other_text"),
    references=("skops/io/_general.py, _numpy.py, _sklearn.py, _scipy.py (skops 0.14)",),
)
