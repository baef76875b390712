"""GGUF without its chat templates: the same file, but for the keys that hold one.

A chat template is a program of Jinja that some loaders render without a sandbox (CVE-2024-34359). Tensors are counted
from where their data begin, so that all the rest can stay as it is: only the count of keys and the padding change.
"""

from struct import Struct

from modelairlock.encodings.feed import Feed
from modelairlock.encodings.ggml_types import TEMPLATE
from modelairlock.reading import Budget, Cursor, OverLimit, Source, Unsupported
from modelairlock.records.disarm import MOST_SEGMENTS, Note, Plan, Store

MAGIC = b"GGUF"
_KEYS, _TENSORS, _NAME_BYTES, _DIMENSIONS = 100_000, 250_000, 65535, 64
_STRING, _ARRAY, _U32 = 8, 9, 4
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def plan_gguf(source: Source, budget: Budget) -> Plan:
    """The plan. Raises `ReadProblem`."""
    return _Keys(source, budget).plan()


class _Keys:
    """Reads the file's header, and remembers which parts of it stay."""

    def __init__(self, source: Source, budget: Budget) -> None:
        head = source.read(4, 4)
        little, big = int.from_bytes(head, "little"), int.from_bytes(head, "big")
        self.version = little if little in (1, 2, 3) else big
        self.order = "<" if little in (1, 2, 3) else ">"
        if self.version not in (1, 2, 3):
            raise Unsupported(4, f"expected version 1, 2 or 3 of GGUF, got {little}")
        self.feed = Feed(Cursor(source, "", budget), 8, big=self.order == ">", wide=self.version > 1)
        self.size = source.size
        self.alignment = 32
        self.stay: list[tuple[int, int]] = []
        self.notes: list[Note] = []

    def plan(self) -> Plan:
        """Everything but the templates."""
        feed = self.feed
        tensors, keys = feed.size(), feed.size()
        if tensors > _TENSORS or keys > _KEYS:
            raise OverLimit(8, f"{tensors} tensors and {keys} keys are more than are read")
        for _ in range(keys):
            self._key()
        if not self.notes:
            raise Unsupported(0, "there is no chat template in it")
        start = feed.position
        for _ in range(tensors):
            self._tensor()
        self._keep(start, feed.position)
        return self._put_together(tensors, keys - len(self.notes))

    def _put_together(self, tensors: int, keys: int) -> Plan:
        end = self.feed.position
        data = min(self.size, end + -end % self.alignment)
        counts = Struct(self.order + ("II" if self.version == 1 else "QQ")).pack(tensors, keys)
        length = 8 + len(counts) + sum(stop - start for start, stop in self.stay)
        padding = bytes(-length % self.alignment)
        inline = [Store(0, len(part), -1, part) for part in (counts, padding)]
        header = [Store(start, stop) for start, stop in self.stay]
        segments = (Store(0, 8), inline[0], *header, *([inline[1]] if padding else []), Store(data, self.size))
        if len(segments) > MOST_SEGMENTS:
            raise OverLimit(0, f"more than {MOST_SEGMENTS} parts stay")
        return Plan(format="gguf", segments=segments, dropped=tuple(self.notes))

    def _keep(self, start: int, end: int) -> None:
        if self.stay and self.stay[-1][1] == start:
            self.stay[-1] = self.stay[-1][0], end
        elif start < end:
            self.stay.append((start, end))

    def _key(self) -> None:
        start = self.feed.position
        name = self._name()
        kind = self.feed.number(self.feed.u32)
        at = self.feed.position
        self._value(kind)
        if name == "general.alignment":
            self._align(kind, at)
        if TEMPLATE.fullmatch(name):
            if len(self.notes) >= MOST_SEGMENTS // 2:
                raise OverLimit(start, "too many chat templates")
            self.notes.append(Note(name[:200], "a chat template", "it is a program, which loaders run"))
        else:
            self._keep(start, self.feed.position)

    def _align(self, kind: int, at: int) -> None:
        value = self.feed.cursor.peek(at, 4)
        self.alignment = int.from_bytes(value, "little" if self.order == "<" else "big")
        if kind != _U32 or not 8 <= self.alignment <= 1 << 20 or self.alignment % 8:
            raise Unsupported(at, f"an alignment of {self.alignment}")

    def _name(self) -> str:
        length = self.feed.size()
        if length > _NAME_BYTES:
            raise OverLimit(self.feed.position, f"a name of {length} bytes")
        return self.feed.take(length).decode("utf-8", "backslashreplace")

    def _value(self, kind: int) -> None:
        if kind == _STRING:
            self.feed.skip(self.feed.size())
        elif kind == _ARRAY:
            inner, count = self.feed.number(self.feed.u32), self.feed.size()
            if inner == _STRING:
                self.feed.strings(count)
            elif inner in _WIDTHS:
                self.feed.skip(count * _WIDTHS[inner])
            else:
                raise Unsupported(self.feed.position, "lists of lists in GGUF")
        elif kind in _WIDTHS:
            self.feed.take(_WIDTHS[kind])
        else:
            raise Unsupported(self.feed.position, f"a value of kind {kind}")

    def _tensor(self) -> None:
        self._name()
        dimensions = self.feed.number(self.feed.u32)
        if dimensions > _DIMENSIONS:
            raise OverLimit(self.feed.position, f"a tensor of {dimensions} dimensions")
        self.feed.take(dimensions * self.feed.width + 4 + 8)
