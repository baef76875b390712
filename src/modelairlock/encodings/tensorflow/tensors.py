"""Tensors inside a graph: numbers are passed over by range, strings are looked at one by one.

What a newcomer would get wrong: a string of a tensor is not just text. `DatasetFromGraph` runs a graph that stands in
one, so a string that is a graph is an artifact of its own. And strings can hide as ``tensor_content``, where their
lengths come first and then all their bytes. Handles and variants rebuild objects of the process, so they are gaps.
"""

from collections.abc import Iterator

from modelairlock.encodings.protobuf import LEN, VARINT, Field, Window, fields
from modelairlock.encodings.tensorflow.probes import looks_like_graph
from modelairlock.encodings.tensorflow.schema import account, consume, unknown
from modelairlock.reading import Malformed
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Member
from modelairlock.records.span import Span

STRING, RESOURCE, VARIANT = 7, 20, 21
#: reference types of TensorFlow 1 are the plain ones and a hundred
_REFERENCE = 100
#: strings of one node that are kept for what they feed
KEPT = 8
#: strings from here on are artifacts of their own, so that an archive or a library in one is found
LONG_BYTES = 1024
_LONG_STRINGS = 2000
_PROBED = 4096
_NUMBERS = frozenset((5, 6, 7, 9, 10, 11, 12, 13, 16, 17, 18))
#: below this, numbers come along with their neighbours anyway
_SMALL = 256
_DEPTH = 4


class Strings:
    """The strings that one node holds: the first few, and whether that is all of them."""

    __slots__ = ("cut", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.cut = False

    def add(self, text: str, *, cut: bool) -> None:
        """Keep one if there is room."""
        self.cut = self.cut or cut or len(self.texts) >= KEPT
        if len(self.texts) < KEPT:
            self.texts.append(text)


class Tensors:
    """Reads tensors of one artifact; counts the long strings that it hands on."""

    __slots__ = ("handed", "limit", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.limit = window.cursor.limits.text_characters
        self.handed = 0

    def string(self, start: int, end: int, name: str, kept: Strings) -> Iterator[Fact | Gap]:
        """One string: an artifact if it is a graph or long, else counted as read."""
        window, length = self.window, end - start
        text = window.at(start, min(length, 4 * self.limit)).decode("utf-8", "replace")
        kept.add(text[: self.limit], cut=len(text) > self.limit or length > 4 * self.limit)
        if looks_like_graph(window.at(start, min(length, _PROBED)), length):
            yield Member(span=Span(start, end), name=f"{name}.pb", size_bytes=length, role="graph")
        elif length >= LONG_BYTES and self.handed < _LONG_STRINGS:
            self.handed += 1
            yield Member(span=Span(start, end), name=f"{name}.bin", size_bytes=length, role="raw")
        else:
            if length >= LONG_BYTES and self.handed == _LONG_STRINGS:
                self.handed += 1
                detail = f"more than {_LONG_STRINGS} long strings; from this one on nobody looks into them"
                yield Gap(start=start, end=end, because=Because.OVER_LIMIT, detail=detail)
            consume(window, Field(0, LEN, start, end))

    def read(self, tensor: Field, name: str, kept: Strings, depth: int = 0) -> Iterator[Fact | Gap]:  # noqa: C901
        """One TensorProto. Raises `ReadProblem`."""
        window = self.window
        dtype, shape, contents = 0, (0, 0), []
        for field in fields(window, tensor.start, tensor.end):
            number, packed = field.number, field.wire == LEN
            if number == 1 and field.wire == VARINT:
                dtype = field.value
            elif number == 2 and packed:
                if shape[1]:
                    raise Malformed(field.start, "one shape of a tensor", "a second one")
                shape = (field.start, field.end)
                yield from account(window, field.start, field.end, "Shape")
            elif number == 4 and packed:
                contents.append(field)
            elif number == 8 and packed:
                yield from self.string(field.start, field.end, name, kept)
            elif number in _NUMBERS:
                self._numbers(field)
            elif number == 15 and packed and depth < _DEPTH:
                yield from self._variant(field, name, kept, depth)
            elif number == 14 and packed:
                yield _objects(field.start, field.end, "a handle to a resource of the process")
            elif not (number == 3 and field.wire == VARINT):
                yield unknown(field, "Tensor")
        for field in contents:
            yield from self._content(field, dtype % _REFERENCE, shape, name, kept)

    def _numbers(self, field: Field) -> None:
        if field.wire == LEN and field.length < _SMALL:
            self.window.content(field)
        elif field.wire == LEN:
            self.window.cursor.pass_over(field.start, field.end)

    def _variant(self, variant: Field, name: str, kept: Strings, depth: int) -> Iterator[Fact | Gap]:
        """Lists of tensors and the like: what is in them is read, and how they are put together is not vouched for."""
        for field in fields(self.window, variant.start, variant.end):
            if field.number == 3 and field.wire == LEN:
                yield from self.read(field, name, kept, depth + 1)
            elif field.number in (1, 2) and field.wire == LEN:
                yield _objects(field.start, field.end, "a value of a type that the process registers")
            else:
                yield unknown(field, "VariantTensorData")

    def _content(
        self, field: Field, dtype: int, shape: tuple[int, int], name: str, kept: Strings
    ) -> Iterator[Fact | Gap]:
        if dtype == STRING:
            yield from self._packed_strings(field, _elements(self.window, *shape), name, kept)
        elif dtype in (RESOURCE, VARIANT):
            yield _objects(field.start, field.end, "objects of the process, encoded")
        else:
            self._numbers(field)

    def _packed_strings(self, field: Field, count: int, name: str, kept: Strings) -> Iterator[Fact | Gap]:
        """All lengths, then all bytes. Two walks side by side, for the lengths are the file's to choose."""
        window = self.window
        at = first = field.start
        for index in range(count):
            if index % 1024 == 0:
                window.cursor.budget.check_time(at)
            _, first = window.varint(first, field.end)
        for index in range(count):
            if index % 1024 == 0:
                window.cursor.budget.check_time(at)
            length, after = window.varint(at, field.end)
            window.cursor.consumed(at, after)
            at = after
            if length > field.end - first:
                raise Malformed(at, f"at most {field.end - first} bytes of a string", str(length))
            yield from self.string(first, first + length, name, kept)
            first += length
        if first < field.end:
            raise Malformed(first, "the end of the strings", f"{field.end - first} bytes more")


def _elements(window: Window, start: int, end: int) -> int:
    """How many elements a shape has, as far as an artifact could hold them: each takes a byte at least."""
    count = 1
    for dimension in fields(window, start, end):
        if dimension.number != 2 or dimension.wire != LEN:
            continue
        size = 0
        for field in fields(window, dimension.start, dimension.end):
            if field.number == 1 and field.wire == VARINT:
                size = field.value
        count *= size
        if count > window.cursor.size:
            raise Malformed(start, "a shape that fits its strings", f"{count} elements")
    return count


def _objects(start: int, end: int, what: str) -> Gap:
    return Gap(start=start, end=end, because=Because.UNSUPPORTED, detail=f"{what} inside a tensor")
