"""Walks a flatbuffer by a schema: tables, scalars, strings, vectors and unions, with an account of every byte.

What a newcomer would get wrong: a flatbuffer is no list of records but a net of offsets, and nothing keeps two of them
from meeting, or one from going round in a circle. So positions are Python's unbounded integers, compared with the size
before a byte is fetched; the walk keeps its own stack, as deep as `DEPTH`; and every table that is met costs a piece of
a budget, however often it was met before. What no offset leads to is padding only if it is short and zeros.
"""

from array import array
from collections.abc import Iterator, Mapping
from struct import Struct
from typing import NamedTuple

from modelairlock.encodings.teller import Teller
from modelairlock.encodings.window import Window
from modelairlock.reading import Cursor, Malformed, OverLimit, ReadProblem, Truncated
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, Irregularity, Member
from modelairlock.records.span import Extents, Span
from modelairlock.records.text import counted

#: tables in tables; an honest model has a dozen, and more where graphs stand in graphs
DEPTH = 100
#: flatbuffers count in 31 bits
MOST = 2**31
#: strings and lists of numbers up to this many bytes are read, longer ones are left for their reader or passed over
SMALL = 4096
#: bytes kept of a string
_KEPT = 1600
#: alignment of tensors' buffers is 16 in older files; some writers take a line of a cache, or a page's part
_PADDING = 64
#: ranges that are accounted for one by one, and holes between them that are told
_RANGES = 250_000
_VTABLES = 10_000
_MEMBERS = 1000

SCALARS = {
    "bool": Struct("<?"), "i8": Struct("<b"), "u8": Struct("<B"), "i16": Struct("<h"), "u16": Struct("<H"),
    "i32": Struct("<i"), "u32": Struct("<I"), "i64": Struct("<q"), "u64": Struct("<Q"), "f32": Struct("<f"),
    "f64": Struct("<d"),
}  # fmt: skip
_U16, _U32, _I32 = SCALARS["u16"], SCALARS["u32"], SCALARS["i32"]


class Field(NamedTuple):
    """A slot of a table. `kind` is a scalar, ``string``, a table, ``[kind]``, ``#12`` (a struct of 12 bytes) or ``|``.

    ``|Name`` is the value of a union, whose type stands in the slot before. A slot without a kind is deprecated.
    """

    name: str
    kind: str
    default: int


Schema = Mapping[str, tuple[Field, ...]]
Unions = Mapping[str, Mapping[int, str]]


def schema(text: str) -> dict[str, tuple[Field, ...]]:
    """Tables from lines of ``Name field:kind field:kind=default …``."""
    return {line.split()[0]: tuple(map(_field, line.split()[1:])) for line in text.strip().splitlines()}


def _field(text: str) -> Field:
    name, _, kind = text.partition(":")
    kind, _, default = kind.partition("=")
    return Field(name, kind, int(default or 0))


class Vector(NamedTuple):
    """Where the elements of a vector lie, which may be scalars, structs, or offsets to strings and tables."""

    start: int
    length: int
    width: int

    @property
    def end(self) -> int:
        """Behind the last element."""
        return self.start + self.length * self.width


Value = int | float | str | Vector


class Table:
    """One table: its values by name, where those that are not there have their defaults or are missing."""

    __slots__ = ("closed", "field", "index", "inner", "kind", "parent", "span", "values")

    def __init__(self, kind: str, span: Span, parent: "Table | None", field: str, index: int) -> None:
        self.kind, self.span, self.parent, self.field, self.index = kind, span, parent, field, index
        self.values: dict[str, Value] = {}
        #: fields that hold tables: name, kind, and where the table is or the vector of offsets to them
        self.inner: list[tuple[str, str, int | Vector]] = []
        #: whether the walk has been through everything inside
        self.closed = False

    def number(self, name: str) -> int:
        """A whole number, 0 if there is none."""
        value = self.values.get(name, 0)
        return value if isinstance(value, int) else 0

    def text(self, name: str) -> str:
        """The beginning of a string, empty if there is none."""
        value = self.values.get(name, "")
        return value if isinstance(value, str) else ""

    def vector(self, name: str) -> Vector | None:
        """A vector, if there is one."""
        value = self.values.get(name)
        return value if isinstance(value, Vector) else None


class Flat:
    """One flatbuffer. Bytes count as read once `settle` was called, so a reader calls it however it ends.

    Vectors of bytes are left to the reader: what it neither reads nor passes over nor states as a member is a gap.
    """

    def __init__(self, cursor: Cursor, tables: Schema, unions: Unions) -> None:
        self.cursor, self.tables, self.unions = cursor, tables, unions
        self.window, self.teller = Window(cursor), Teller(cursor.size)
        #: start and length of everything that was met
        self.pieces = array("Q")
        self.vtables: dict[int, tuple[int, ...]] = {}
        self.told: list[Irregularity] = []
        self.gaps: list[Gap] = []
        self.members: list[Member] = []

    def say(self, kind: str, start: int, end: int, detail: str) -> None:
        """Keep an irregularity to be told by the format."""
        self.told.extend(self.teller.say(kind, start, end, detail))

    def stated(self) -> Iterator[Fact | Gap]:
        """What the walk itself has to say."""
        yield from self.told
        yield from self.teller.untold()
        yield from self.members
        yield from self.gaps

    # --- the walk ---------------------------------------------------------------------------------------------------

    def root(self, kind: str) -> Table:
        """The table that the file begins with."""
        self._piece(0, 8)
        return self._table(kind, self._offset(0, "the root"), None, "", 0)

    def walk(self, table: Table, field: str = "", closing: str = "") -> Iterator[Table]:
        """Every table in `table`, or only in one of its fields; each before what is in it.

        Tables of the kind `closing` are yielded a second time, `closed`, after what is in them.
        """
        stack = [(table, self._inside(table, field))]
        while stack:
            holder, inside = stack[-1]
            found = next(inside, None)
            if found is None:
                stack.pop()
                if holder.kind == closing and holder is not table:
                    holder.closed = True
                    yield holder
                continue
            if len(stack) >= DEPTH:
                raise OverLimit(found.span.start, f"tables nested more than {DEPTH} deep, which no loader takes")
            yield found
            stack.append((found, self._inside(found, "")))

    def _inside(self, table: Table, only: str) -> Iterator[Table]:
        for name, kind, where in table.inner:
            if only and name != only:
                continue
            if isinstance(where, int):
                yield self._table(kind, where, table, name, 0)
                continue
            for index in range(where.length):
                at = where.start + index * where.width
                yield self._table(kind, self._offset(at, name), table, name, index)

    def _table(self, kind: str, start: int, parent: Table | None, name: str, index: int) -> Table:
        head = self._bytes(start, 4, kind)
        vtable = self._vtable(start - _I32.unpack(head)[0], kind)
        size = vtable[0]
        data = self._bytes(start, size, kind)
        self._laid_out(kind, start, vtable, data)
        table = Table(kind, Span(start, start + size), parent, name, index)
        fields = self.tables[kind]
        if any(vtable[1 + len(fields) :]):
            self._newer(table)
        for slot, field in enumerate(fields):
            offset = vtable[slot + 1] if slot + 1 < len(vtable) else 0
            if not offset:
                if field.default:
                    table.values[field.name] = field.default
            elif field.kind:
                self._value(table, field, data, offset)
        return table

    def _vtable(self, start: int, kind: str) -> tuple[int, ...]:
        """Size of the table, then the offset of each slot."""
        known = self.vtables.get(start)
        if known is not None:
            return known
        length = _U16.unpack(self._bytes(start, 2, f"the vtable of {kind}"))[0]
        if length < 4 or length % 2:
            raise Malformed(max(0, start), "a vtable of at least 4 bytes, in pairs", str(length))
        data = self._bytes(start, length, f"the vtable of {kind}")
        vtable = tuple(entry[0] for entry in _U16.iter_unpack(data))[1:]
        if vtable[0] < 4:
            raise Malformed(start, "a table of at least 4 bytes", str(vtable[0]))
        self._piece(start, length)
        if len(self.vtables) >= _VTABLES:
            self.vtables.clear()
        self.vtables[start] = vtable
        return vtable

    def _laid_out(self, kind: str, start: int, vtable: tuple[int, ...], data: bytes) -> None:
        """Count the table's fields, and what is between them if it is zeros.

        The size that a table states is no measure: builders share vtables, and some say a few bytes too many.
        """
        places = sorted(
            (offset, _width(field)) for field, offset in zip(self.tables[kind], vtable[1:], strict=False) if offset
        )
        end, whole = 4, True
        for offset, width in places:
            if offset < end and width:
                self.say(
                    "flatbuffer-overlap", start + offset, start + offset + width, f"two fields of a {kind} overlap"
                )
            whole = whole and not data[end:offset].strip(b"\0")
            end = max(end, offset + width)
        end = min(end, len(data))
        if whole:
            self._piece(start, end)
            return
        self._piece(start, 4)
        for offset, width in places:
            if width and offset + width <= end:
                self._piece(start + offset, width)

    def _newer(self, table: Table) -> None:
        detail = f"{table.kind} has a field that this reader does not know"
        if len(self.gaps) < _MEMBERS:
            self.gaps.append(
                Gap(start=table.span.start, end=table.span.end, because=Because.UNSUPPORTED, detail=detail)
            )

    # --- values -----------------------------------------------------------------------------------------------------

    def _value(self, table: Table, field: Field, data: bytes, offset: int) -> None:
        at = table.span.start + offset
        scalar = SCALARS.get(field.kind)
        width = scalar.size if scalar else 4
        if offset < 4 or offset + width > len(data):
            raise Malformed(at, f"{field.name} in the {len(data)} bytes of its {table.kind}", f"byte {offset}")
        if scalar:
            table.values[field.name] = scalar.unpack_from(data, offset)[0]
            return
        to = at + _U32.unpack_from(data, offset)[0]
        if to == at:
            raise Malformed(at, f"an offset to {field.name}", "0")
        if field.kind == "string":
            table.values[field.name] = self.string(to, table, field.name)
        elif field.kind.startswith("["):
            self._vector(table, field, to)
        elif field.kind.startswith("|"):
            self._union(table, field, to)
        else:
            table.inner.append((field.name, field.kind, to))

    def _union(self, table: Table, field: Field, to: int) -> None:
        number = table.number(f"{field.name}_type")
        kind = self.unions[field.kind[1:]].get(number)
        if kind:
            table.inner.append((field.name, kind, to))
            return
        detail = f"{field.name} of {table.kind} is of the kind {number}, which this reader does not know"
        if len(self.gaps) < _MEMBERS:
            self.gaps.append(
                Gap(start=table.span.start, end=table.span.end, because=Because.UNSUPPORTED, detail=detail)
            )

    def _vector(self, table: Table, field: Field, start: int) -> None:
        kind = field.kind[1:-1]
        scalar = SCALARS.get(kind)
        width = scalar.size if scalar else int(kind[1:]) if kind.startswith("#") else 4
        count = _U32.unpack(self._bytes(start, 4, field.name))[0]
        vector = Vector(start + 4, count, width)
        self._within(start, vector.end - start, f"{field.name} of {table.kind}")
        self._piece(start, vector.end - start)
        table.values[field.name] = vector
        if kind == "string":
            for index in range(count):
                at = vector.start + 4 * index
                self.string(self._offset(at, field.name), table, field.name)
        elif scalar or kind.startswith("#"):
            if kind != "u8":
                self._numbers(vector)
        else:
            table.inner.append((field.name, kind, vector))

    def _numbers(self, vector: Vector) -> None:
        """Few numbers are read; many are what loaders compute with, and passed over."""
        if vector.end - vector.start <= SMALL:
            self.window.peek(vector.start, vector.end - vector.start)
        else:
            self.cursor.pass_over(vector.start, vector.end)

    def numbers(self, vector: Vector | None, kind: str, most: int = 64) -> tuple[int, ...]:
        """The first elements of a vector of scalars."""
        if vector is None:
            return ()
        count = min(vector.length, most)
        data = self.window.peek(vector.start, count * vector.width)
        return tuple(value[0] for value in SCALARS[kind].iter_unpack(data))

    def strings(self, table: Table, name: str, most: int) -> list[str]:
        """The first elements of a vector of strings, which the walk has read."""
        vector = table.vector(name)
        count = min(vector.length, most) if vector else 0
        return [self._text(self._offset(vector.start + 4 * at, name))[1] for at in range(count)] if vector else []

    def string(self, start: int, table: Table, name: str) -> str:
        """The string at `start`, cut; what is long is a member that may be something else."""
        length, text = self._text(start)
        self._within(start, length + 5, f"{name} of {table.kind}")
        self._piece(start, length + 5)
        if length > SMALL:
            self._long(Span(start + 4, start + 4 + length), name)
            self.window.peek(start + 4 + length, 1)
        elif self.window.peek(start + 4 + length, 1) != b"\0":
            raise Malformed(start + 4 + length, "a zero behind the text", "another byte")
        return text

    def _text(self, start: int) -> tuple[int, str]:
        length = _U32.unpack(self._bytes(start, 4, "the length of a text"))[0]
        data = self.window.peek(start + 4, min(length, SMALL))
        return length, data[:_KEPT].decode("utf-8", "replace")

    def _long(self, span: Span, name: str) -> None:
        if len(self.members) < _MEMBERS:
            self.members.append(Member(span=span, name=name, size_bytes=span.end - span.start, role="raw"))
        else:
            self.gaps.append(
                Gap(start=span.start, end=span.end, because=Because.OVER_LIMIT, detail=f"more than {_MEMBERS} members")
            )

    # --- bytes ------------------------------------------------------------------------------------------------------

    def _offset(self, at: int, what: str) -> int:
        offset: int = _U32.unpack(self._bytes(at, 4, what))[0]
        if not offset:
            raise Malformed(at, f"an offset to {what}", "0")
        return at + offset

    def _bytes(self, start: int, length: int, what: str) -> bytes:
        self._within(start, length, what)
        return self.window.peek(start, length)

    def _within(self, start: int, length: int, what: str) -> None:
        if start < 0:
            raise Malformed(0, f"{what} in the file", f"byte {start}")
        if start + length > self.cursor.size:
            detail = f"{what} reaches to byte {start + length}, and the file ends at {self.cursor.size}"
            self.say("flatbuffer-beyond-file", start, start + length, detail)
            raise Truncated(min(start, self.cursor.size), detail)
        if start >= MOST:
            raise Malformed(start, f"{what} in the first 2 GiB", f"byte {start}")

    def _piece(self, start: int, length: int) -> None:
        count = len(self.pieces)
        if not count & 1023:
            self.cursor.budget.check_time(start)
        if count >= 2 * self.cursor.limits.entries:
            raise OverLimit(start, f"more than {count} tables, strings and lists (limit: entries)")
        self.pieces.append(start << 32 | min(length, MOST))

    def settle(self) -> int:
        """Count everything that was met as read, and tell what overlaps; returns where the last of it ends.

        Short runs of zeros in between are padding, wherever the walk got to.
        """
        reached = before = 0
        ranges = Extents()
        for piece in sorted(self.pieces):
            start, length = piece >> 32, piece & (2**32 - 1)
            if start < reached and piece != before:
                # the same piece twice is honest: builders share what is alike
                detail = "a table, text or list lies across another"
                self.say("flatbuffer-overlap", start, min(start + length, reached), detail)
            before = piece
            if reached < start < reached + _PADDING and self._is_zeros(reached, start):
                ranges.add(reached, start)
            ranges.add(start, start + length)
            reached = max(reached, start + length)
            if len(ranges._ranges) > _RANGES:
                raise OverLimit(start, f"more than {_RANGES} pieces with something in between")
        for start, end in ranges:
            self.cursor.consumed(start, end)
        return reached

    def broken_off(self, problem: ReadProblem) -> Gap:
        """One gap for all that a walk which had to stop did not get to: it lies in many pieces."""
        try:
            self.settle()
        except OverLimit:
            return Gap(start=0, end=self.cursor.size, because=problem.because, detail=str(problem))
        counted = self.cursor.counted()
        left = next(iter(Extents([(0, self.cursor.size)]).minus(counted)), Span(self.cursor.size, self.cursor.size))
        start = min(left.start, problem.position)
        return Gap(start=start, end=self.cursor.size, because=problem.because, detail=str(problem))

    def _is_zeros(self, start: int, end: int) -> bool:
        return not self.window.peek(start, end - start).strip(b"\0")


def _width(field: Field) -> int:
    """Bytes of a field in its table; none for what is deprecated."""
    scalar = SCALARS.get(field.kind)
    return scalar.size if scalar else 4 if field.kind else 0


def behind(flat: Flat, start: int, what: str) -> Iterator[Fact | Gap]:
    """What follows the last byte that anything in the flatbuffer leads to."""
    cursor = flat.cursor
    if start >= cursor.size:
        return
    head = cursor.peek(start, min(1 << 16, cursor.size - start))
    if cursor.size - start < _PADDING and not head.strip(b"\0"):
        cursor.consumed(start, cursor.size)
        return
    detail = f"{counted(cursor.size - start, 'byte')} after the last part of {what}"
    yield Irregularity(span=Span(start, cursor.size), kind="flatbuffer-bytes-after", detail=detail)
    name = f"bytes at {start}"
    yield Member(span=Span(start, cursor.size), name=name, size_bytes=cursor.size - start, role="dormant")


__all__ = ["Field", "Flat", "ReadProblem", "Schema", "Table", "Unions", "Value", "Vector", "behind", "schema"]
