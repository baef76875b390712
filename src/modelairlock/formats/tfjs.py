"""TensorFlow.js models: ``model.json``, with a graph or Keras's configuration, and the paths of the files of numbers.

What a newcomer would get wrong: the paths are joined to the address that the model was loaded from, so they may be
addresses of their own. A graph in here is a GraphDef written as JSON; operators are what matters in it. It is JSON,
and is walked as such: keys are compared after their escapes are undone, and a key that stands twice is told.
"""

import re
from collections.abc import Iterator
from typing import Any

from modelairlock.encodings.plain_text import TEXT_BEGINS, TextKind, text_kind
from modelairlock.encodings.strict_json import Kind, Piece, pairs, text, walk
from modelairlock.encodings.teller import Teller
from modelairlock.reading import Cursor, Format, OverLimit, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Member, Operator, Reference
from modelairlock.records.regex import regex
from modelairlock.records.span import Span

_BEGINS = regex(rb'"(?:modelTopology|weightsManifest)"[ \t\r\n]*:')
#: keys at the top; what stands under any other is not vouched for
_TOP = frozenset(
    (
        "format", "generatedBy", "convertedBy", "modelTopology", "weightsManifest", "signature", "userDefinedMetadata",
        "modelInitializer", "initializerSignature", "trainingConfig",
    )
)  # fmt: skip
_GRAPHS = ("modelTopology", "modelInitializer")
_NODES = frozenset(("node", "nodeDef", "node_def"))
#: keys of a topology that is a configuration of Keras and no graph
_KERAS = frozenset(("class_name", "config", "model_config", "keras_version"))
_PATHS = 10_000


def claims(probe: Probe) -> bool:
    """JSON that shows the key of a topology or a manifest at its beginning or end."""
    if text_kind(probe) is not TextKind.JSON or probe.role:
        return False
    return _BEGINS.search(probe.head) is not None or _BEGINS.search(probe.tail) is not None


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """Every piece of the JSON, then the operators of its graphs."""
    start = 3 if cursor.read(0, min(cursor.size, 3)) == b"\xef\xbb\xbf" else 0
    walker = _Walker(cursor)
    yield from walker.all(walk(cursor, start, cursor.size, constants=True))
    for name, (span, where, count) in walker.operators.items():
        yield Operator(span=span, name=name, dialect="tensorflow", where=where, given="computed", count=count)


class _Open:
    """An object or array that is open: the key it is under, where it begins, and its own keys if it is a topology."""

    __slots__ = ("keys", "name", "start", "under")

    def __init__(self, under: str, start: int) -> None:
        self.under, self.start = under, start
        self.keys: set[str] = set()
        self.name = ""


class _Walker:
    """Where we are, and what was met of operators."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.teller = Teller(cursor.size)
        self.open: list[_Open] = []
        self.key = ""
        self.operators: dict[str, tuple[Span, str, int]] = {}
        self.paths = 0

    def all(self, pieces: Iterator[Piece]) -> Iterator[Fact | Gap]:
        """What the whole document says."""
        for piece in pieces:
            end = piece.position + len(piece.raw)
            if piece.kind is Kind.KEY:
                self.key = text(piece.raw)
                yield from self._top(self.key, piece)
            elif piece.kind is Kind.REPEATED:
                detail = f"{text(piece.raw)[:80]!a} stands twice in one object"
                yield from self.teller.say("json-key-repeated", piece.position, end, detail)
            elif piece.kind in (Kind.CLOSE_OBJECT, Kind.CLOSE_ARRAY):
                yield from self._closed(self.open.pop(), end)
                self.key = ""
            else:
                yield from self._value(piece, end)

    def _top(self, key: str, piece: Piece) -> Iterator[Gap]:
        if len(self.open) == 1 and key not in _TOP:
            end = piece.position + len(piece.raw)
            detail = f"{key[:80]!a} is no key of a TensorFlow.js model"
            yield Gap(start=piece.position, end=end, because=Because.UNRECOGNISED, detail=detail)
        elif len(self.open) == 2:
            self.open[-1].keys.add(key if key in _KERAS else "")

    def _value(self, piece: Piece, end: int) -> Iterator[Fact | Gap]:
        if piece.kind in (Kind.OPEN_OBJECT, Kind.OPEN_ARRAY):
            # what stands in an array stands under the array's key
            under = self.key or (self.open[-1].under if self.open else "")
            self.open.append(_Open(under, piece.position))
            self.key = ""
            return
        if piece.kind is Kind.MEMBERS:
            yield from self._members(pairs(piece), piece)
        elif piece.kind is Kind.FLAT:
            self.open.append(_Open(self.key or self.open[-1].under, piece.position))
            yield from self._members(pairs(piece), piece)
            yield from self._closed(self.open.pop(), end)
        elif self._names_files(self.key or (self.open[-1].under if self.open else "")):
            for path in re.findall(rb'"(?:[^"\\]|\\.)*"', piece.raw):
                yield from self._path(text(path), piece)
        elif piece.kind is Kind.SCALAR and piece.raw.startswith(b'"'):
            self._pair(self.key, text(piece.raw), piece)
        self.key = ""

    def _members(self, members: Any, piece: Piece) -> Iterator[Fact | Gap]:
        for key, value in members:
            yield from self._top(key, piece)
            self._pair(key, value, piece)
            if self._names_files(key):
                for path in value if isinstance(value, list) else [value]:
                    yield from self._path(str(path), piece)
            if isinstance(value, tuple):
                self.open.append(_Open(key, piece.position))
                yield from self._members(value, piece)
                yield from self._closed(self.open.pop(), piece.position + len(piece.raw))

    def _pair(self, key: str, value: Any, piece: Piece) -> None:
        """An operator of a graph, or the name of its node, which stands before it."""
        if not self.open or self.open[-1].under not in _NODES or not isinstance(value, str):
            return
        if key == "name":
            self.open[-1].name = value
        elif key == "op":
            span = Span(piece.position, piece.position + len(piece.raw))
            first = self.operators.get(value[:400], (span, self.open[-1].name[:400], 0))
            self.operators[value[:400]] = (first[0], first[1], first[2] + 1)
            if len(self.operators) > self.cursor.limits.facts // 4:
                raise OverLimit(piece.position, "more different operators than are kept (limit: facts)")

    def _names_files(self, key: str) -> bool:
        return key == "paths" and any(one.under == "weightsManifest" for one in self.open)

    def _path(self, path: str, piece: Piece) -> Iterator[Fact]:
        self.paths += 1
        if self.paths > _PATHS:
            raise OverLimit(piece.position, f"more than {_PATHS} files of numbers")
        span = Span(piece.position, piece.position + len(piece.raw))
        target = path[: self.cursor.limits.text_characters]
        yield Reference(span=span, kind="tfjs-weights", target=target, where="weightsManifest")

    def _closed(self, closed: _Open, end: int) -> Iterator[Fact]:
        """A topology that is no graph is Keras's to read."""
        if len(self.open) == 1 and closed.under in _GRAPHS and not closed.keys.isdisjoint(_KERAS):
            span = Span(closed.start, end)
            yield Member(span=span, name=f"{closed.under}.json", size_bytes=end - closed.start, role="keras-config")


FORMAT = Format(
    name="tfjs",
    summary="TensorFlow.js model (`model.json`): a graph or Keras's layers, and the files that hold the numbers.",
    claims=claims,
    begins=TEXT_BEGINS,
    read=read,
    extensions=(".json",),
    loaders=("tf.loadGraphModel, tf.loadLayersModel (TensorFlow.js)", "tensorflowjs_converter"),
    builds_on=("json_text", "keras_config"),
    blind_spots=(
        "Strings that feed operators: TensorFlow.js has no operators that open files.",
        "Operators and layers that a page registers by itself.",
    ),
    references=("https://github.com/tensorflow/tfjs/tree/master/tfjs-core/src/io",),
)
