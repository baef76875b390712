"""Fractal heaps, where groups and objects with many links or attributes keep them.

A heap is one address space made of blocks that double in size row by row. What a newcomer would get wrong: an
identifier holds a place in that space, or the number of a huge object in an index, or the object itself.
"""

from collections.abc import Generator

from modelairlock.encodings.hdf5 import btree2
from modelairlock.encodings.hdf5.btree2 import Record
from modelairlock.encodings.hdf5.free_space import read_free_space
from modelairlock.encodings.hdf5.store import Fields, Store, limited_size
from modelairlock.reading import Malformed, OverLimit, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.span import Span

_HUGE_OBJECTS = 100_000
_DEPTH = 64
#: blocks whose places are kept in mind
_KEPT = 4096


class FractalHeap:
    """One heap. Its blocks are entered when an object in them is asked for."""

    def __init__(self, store: Store, position: int) -> None:
        self.store, self.position = store, position
        length = 22 + 12 * store.lengths + 3 * store.offsets
        fields = store.block(position, b"FRHP", length)
        self.id_bytes = fields.number(2)
        filters = fields.number(2)
        self.checksums = bool(fields.number(1) & 2)
        largest_object = fields.number(4)
        fields.skip(store.lengths)
        self.huge_index = store.address(fields)
        fields.skip(store.lengths)
        self.free_space = store.address(fields)
        fields.skip(8 * store.lengths)
        self._table(fields, largest_object)
        self.head = length
        if filters:
            raise Unsupported(position + 7, "a heap whose blocks are compressed")
        self.huge: dict[int, Span] | None = None
        self.indirect: dict[int, list[int | None]] = {}
        self.known: set[int] = set()

    def _table(self, fields: Fields, largest_object: int) -> None:
        store = self.store
        self.width = fields.number(2)
        self.first, self.largest = store.length(fields), store.length(fields)
        bits = fields.number(2)
        fields.skip(2)
        self.root, self.root_rows = store.address(fields), fields.number(2)
        powers = all(one and not one & (one - 1) for one in (self.width, self.first, self.largest))
        if not powers or self.first > self.largest or bits > 64:
            raise Malformed(fields.start, "a heap with blocks of powers of two", f"{self.first} to {self.largest}")
        self.offset_bytes = (bits + 7) // 8
        block = (self.largest.bit_length() - 1 + 7) // 8
        self.length_bytes = min(block, limited_size(largest_object))
        self.direct_rows = self.largest.bit_length() - self.first.bit_length() + 2

    def checked(self) -> Generator[Fact | Gap, None, None]:
        """Whether the header is what its checksum says; and the list of its free space, which is no data."""
        yield from self.store.checked(self.position, self.position + self.head)
        yield from read_free_space(self.store, self.free_space)

    def find(self, identifier: Fields) -> Generator[Fact | Gap, None, Span]:
        """Where the object with this identifier lies."""
        at = identifier.position
        first = identifier.number(1)
        if first >> 6:
            raise Unsupported(at, f"version {first >> 6} of an identifier in a heap")
        kind = first >> 4 & 3
        if kind == 0:
            offset, length = identifier.number(self.offset_bytes), identifier.number(self.length_bytes)
            return (yield from self._managed(offset, length, at))
        if kind == 1:
            return (yield from self._huge(identifier))
        if kind == 2 and self.id_bytes <= 18:
            return Span(at + 1, at + 2 + (first & 15))
        raise Unsupported(at, f"an object of kind {kind} in a heap")

    def _row(self, row: int) -> int:
        """The size of the blocks of a row."""
        return self.first << max(0, row - 1)

    def _managed(self, offset: int, length: int, at: int) -> Generator[Fact | Gap, None, Span]:
        position, start, rows, below = self.root, 0, self.root_rows, offset
        size = self.first
        for _ in range(_DEPTH):
            if position is None:
                raise Malformed(at, "an object in a block that exists", f"one at {offset} of the heap")
            if rows == 0:
                self._direct(position, start, size)
                if below + length > size:
                    raise Malformed(at, f"an object within its block of {size} bytes", f"{length} at {below}")
                return Span(position + below, position + below + length)
            children = yield from self._indirect(position, start, rows)
            row, column = self._place(below)
            if row >= rows:
                raise Malformed(at, "an object within the heap", f"one at {offset}")
            size = self._row(row)
            position = children[row * self.width + column]
            rows = 0 if row < self.direct_rows else self._rows_of(size)
            inside = self._start(row) + column * size
            start, below = start + inside, below - inside
        raise OverLimit(at, "blocks of a heap nested too deep")

    def _rows_of(self, size: int) -> int:
        rows = size.bit_length() - (self.first * self.width).bit_length() + 1
        if rows < 1:
            raise Malformed(self.position, "a heap whose rows hold blocks", f"{size} bytes")
        return rows

    def _start(self, row: int) -> int:
        """Where in the space of its block a row begins."""
        return self.first * self.width << row - 1 if row else 0

    def _place(self, offset: int) -> tuple[int, int]:
        """Row and column of the block that holds an offset."""
        row = (offset // (self.first * self.width)).bit_length()
        return row, (offset - self._start(row)) // self._row(row)

    def _direct(self, position: int, start: int, size: int) -> None:
        if position in self.known:
            return
        self._remember(position)
        store = self.store
        head = 5 + store.offsets + self.offset_bytes
        self._header(position, b"FHDB", start, head)
        if position + size > store.end:
            raise Malformed(position, "a block within the file", f"{size} bytes")
        if self.checksums:
            store.fields(position + head, 4)

    def _remember(self, position: int) -> None:
        if len(self.known) > _KEPT:
            self.known.clear()
        self.known.add(position)

    def _header(self, position: int, magic: bytes, start: int, head: int) -> Fields:
        """The beginning of a block, which must belong to this heap and lie at its place."""
        self.store.count(position)
        fields = self.store.fields(position, head)
        if fields.raw(4) != magic or fields.number(1):
            raise Malformed(position, magic.decode(), repr(fields.data[:5])[1:])
        if self.store.address(fields) != self.position or fields.number(self.offset_bytes) != start:
            raise Malformed(position, f"the block at {start} of the heap at {self.position}", "another")
        return fields

    def _indirect(self, position: int, start: int, rows: int) -> Generator[Fact | Gap, None, list[int | None]]:
        if position in self.indirect:
            return self.indirect[position]
        store = self.store
        head = 5 + store.offsets + self.offset_bytes
        self._header(position, b"FHIB", start, head)
        count = rows * self.width
        if rows > _DEPTH or count > _HUGE_OBJECTS:
            raise OverLimit(position, f"a heap block with {count} children")
        fields = store.fields(position + head, count * store.offsets)
        yield from store.checked(position, position + head + count * store.offsets)
        if len(self.indirect) > _KEPT // 16:
            self.indirect.clear()
        children = [store.address(fields) for _ in range(count)]
        self.indirect[position] = children
        return children

    def _huge(self, identifier: Fields) -> Generator[Fact | Gap, None, Span]:
        store = self.store
        if self.id_bytes - 1 >= store.offsets + store.lengths:
            start, length = store.address(identifier), store.length(identifier)
            return self._within(start, length, identifier.position)
        if self.huge is None:
            self.huge = {}
            for found in btree2.records(store, self.huge_index, btree2.HUGE) if self.huge_index is not None else ():
                if isinstance(found, Record):
                    start, length = store.address(found.fields), store.length(found.fields)
                    self.huge[store.length(found.fields)] = self._within(start, length, found.fields.start)
                    if len(self.huge) > _HUGE_OBJECTS:
                        raise OverLimit(found.fields.start, f"more than {_HUGE_OBJECTS} huge objects in a heap")
                else:
                    yield found
        at = identifier.position
        number = identifier.number(min(store.lengths, self.id_bytes - 1))
        if number not in self.huge:
            raise Malformed(at, "a huge object that its index knows", f"number {number}")
        return self.huge[number]

    def _within(self, start: int | None, length: int, at: int) -> Span:
        if start is None or start + length > self.store.end:
            raise Malformed(at, "a huge object within the file", f"{length} bytes at {start}")
        return Span(start, start + length)
