"""Local heaps, which hold the names of old groups, and global heaps, which hold what has a variable length.

What a newcomer would get wrong: free room inside a heap keeps what was there before, and nothing refers to it. So only
what is referred to counts as read here; the rest is looked at by `rest`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.encodings.hdf5.store import Store
from modelairlock.encodings.window import Window
from modelairlock.reading import Malformed
from modelairlock.records.span import Span

_NAME_BYTES = 64 * 1024
#: pieces of free room in one heap that are read; the rest is room like any other
_FREE = 100
_NO_MORE = 1
#: objects of global heaps that are kept in mind together; a file that goes to and fro between more is read again
_KEPT = 200_000


class LocalHeap:
    """The names of one group, or of one list of external files."""

    __slots__ = ("size", "start", "store", "window")

    def __init__(self, store: Store, position: int) -> None:
        fields = store.block(position, b"HEAP", 8 + 2 * store.lengths + store.offsets)
        fields.skip(3)
        self.size = store.length(fields)
        free = store.length(fields)
        start = store.address(fields)
        if start is None or start + self.size > store.end:
            raise Malformed(position, "a heap within the file", f"{self.size} bytes at {start}")
        self.start, self.store, self.window = start, store, Window(store.cursor)
        self._free(free)

    def _free(self, offset: int) -> None:
        """The list of free room, as far as it makes sense: where the next is, and how large this one is."""
        head = 2 * self.store.lengths
        for _ in range(_FREE):
            if offset == _NO_MORE or offset + head > self.size:
                return
            fields = self.store.fields(self.start + offset, head)
            offset = self.store.length(fields)

    def name(self, offset: int) -> bytes:
        """The text at `offset`, which ends in a zero byte."""
        at, length = self.start + offset, 64
        while offset < self.size and length <= _NAME_BYTES:
            data = self.window.peek(at, min(length, self.size - offset))
            end = data.find(b"\0")
            if end >= 0:
                self.store.consumed(at, at + min((end + 8) // 8 * 8, self.size - offset))
                return data[:end]
            if length > len(data):
                break
            length *= 8
        raise Malformed(at, "a name that ends in a zero byte within its heap", "none")


class HeapObject(NamedTuple):
    """Where an object of a global heap lies."""

    start: int
    end: int


class GlobalHeap:
    """The collections of a file, read when they are first referred to."""

    __slots__ = ("collections", "kept", "places", "store", "used")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.collections: dict[int, dict[int, HeapObject]] = {}
        self.kept = 0
        #: where collections are, and where in them the objects that something refers to
        self.places: set[int] = set()
        self.used: set[int] = set()

    def find(self, position: int, index: int) -> HeapObject:
        """The object `index` of the collection at `position`."""
        collection = self.collections.get(position)
        if collection is None:
            collection = self._read(position)
        found = collection.get(index)
        if found is None:
            raise Malformed(position, f"an object {index} in this heap", "none")
        self.used.add(found.start)
        return found

    def objects(self, position: int) -> list[HeapObject]:
        """Every object of a collection that nothing was found to refer to."""
        collection = self.collections.get(position) or self._read(position)
        return [found for found in collection.values() if found.start not in self.used]

    def _read(self, position: int) -> dict[int, HeapObject]:
        if self.kept > _KEPT:
            self.collections.clear()
            self.kept = 0
        objects = dict(self._walk(position))
        self.places.add(position)
        self.collections[position] = objects
        self.kept += len(objects) + 1
        return objects

    def _walk(self, position: int) -> Iterator[tuple[int, HeapObject]]:
        store = self.store
        store.count(position)
        head = 8 + store.lengths
        fields = store.fields(position, head)
        if fields.raw(5) != b"GCOL\x01":
            raise Malformed(position, "a global heap of version 1", repr(fields.data[:5])[1:])
        fields.skip(3)
        end = position + store.length(fields)
        if end > store.end:
            raise Malformed(position, "a heap within the file", f"one that ends at {end}")
        at = position + head
        while at + head <= end:
            fields = store.fields(at, head)
            index = fields.number(2)
            fields.skip(6)
            size = store.length(fields)
            if index == 0:  # the rest is free, and libhdf5 does not end if it does not say so
                if at + size != end:
                    raise Malformed(at, f"{end - at} bytes of free room", str(size))
                return
            store.count(at)
            start = at + head
            if start + size > end:
                raise Malformed(at, f"an object of at most {end - start} bytes", str(size))
            yield index, HeapObject(start, start + size)
            at = start + (size + 7) // 8 * 8

    def padding(self, found: HeapObject) -> Span:
        """The bytes that fill up an object to a multiple of eight."""
        return Span(found.end, min(self.store.end, found.end + -(found.end - found.start) % 8))
