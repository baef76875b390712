"""What no object of a file refers to: room between blocks, room inside them, and what was deleted.

Honest files have it: libhdf5 reserves metadata in blocks of two kilobytes, moves what grows, and leaves behind what it
moved. Nothing that opens an HDF5 file gets there. What a newcomer would get wrong: a few bytes that are not zero are
no sign of anything, but a pickle or an archive among them is; so whatever begins like something the tree may claim.
"""

import re
from collections.abc import Iterator

from modelairlock.encodings.hdf5.heaps import GlobalHeap
from modelairlock.encodings.hdf5.store import Store, Told
from modelairlock.encodings.hdf5.values import Values
from modelairlock.reading import OverLimit, ReadProblem
from modelairlock.records.facts import Member
from modelairlock.records.span import Extents, Span

#: stretches that are looked at; a file in more pieces than this is a gap
_STRETCHES = 200_000
#: bytes that are searched for what may begin in the middle of a stretch
_SEARCHED = 64 * 1024 * 1024
_PIECE = 1 << 18
#: shorter than anything that does something
_SHORT = 16
#: stretches, and places in them, that the tree looks at
_PROBED, _FOUND = 2000, 200
#: from here on it is worth a word
_MUCH = 1 << 20
_BEGINS = re.compile(
    rb"PK\x03\x04|PK\x05\x06|\x7fELF|\x80[\x02-\x05](?:\x95|c|\}|\]|\()|\x89HDF|\x93NUMPY|\xfd7zXZ\x00|7z\xbc\xaf\x27\x1c"
    rb"|Rar!\x1a\x07|\x28\xb5\x2f\xfd|MZ\x90\x00|\xcf\xfa\xed\xfe|GGUF"
)
_HEAP = re.compile(rb"GCOL\x01\0\0\0")


class Rest:
    """Goes through what is left of a file when everything that is referred to was read."""

    __slots__ = ("found", "heap", "members", "probed", "searched", "store", "unread", "values")

    def __init__(self, store: Store, heap: GlobalHeap, values: Values, members: Extents) -> None:
        self.store, self.heap, self.values, self.members = store, heap, values, members
        self.searched = self.unread = self.probed = self.found = 0

    def account(self) -> Told:
        """Every stretch that nobody refers to; and what stands behind the end that the superblock states."""
        store = self.store
        if not store.failed:
            yield from self._heaps()
            for number, (start, end) in enumerate(self._left()):
                if number >= _STRETCHES:
                    raise OverLimit(start, f"more than {_STRETCHES} stretches that nothing refers to")
                if number % 64 == 0:
                    store.cursor.budget.check_time(start)
                yield from self._stretch(start, end)
        if self.unread > _MUCH:
            detail = f"nothing refers to {self.unread} bytes that are not zero"
            yield from store.teller.say("hdf5-unreferenced-bytes", store.base, store.end, detail)
        yield from self._behind()
        yield from store.teller.untold()

    def _left(self) -> Iterator[tuple[int, int]]:
        cursor = self.store.cursor
        left = Extents([(self.store.base, self.store.end)]).minus(cursor.counted())
        return iter(left.minus(cursor.passed).minus(self.members))

    def _heaps(self) -> Told:
        """Objects of heaps that only compressed elements refer to: what they hold is data all the same."""
        for position in sorted(self.heap.places):
            yield from self._objects(position)
        for start, end in self._left():
            if end - start < _SHORT or self.searched > _SEARCHED:
                continue
            data = self.store.cursor.peek(start, min(_PIECE, end - start))
            self.searched += len(data)
            for match in _HEAP.finditer(data):
                yield from self._objects(start + match.start())

    def _objects(self, position: int) -> Told:
        try:
            objects = self.heap.objects(position)
        except OverLimit:
            raise
        except ReadProblem:
            return  # what is left of one
        for one in objects:
            self.store.fields(*self._padding(one.start, one.end))
            for told in self.values.bytes(f"an element in the heap at {position}", *one):
                if isinstance(told, Member):
                    self.members.add(*told.span)
                yield told

    def _padding(self, start: int, end: int) -> tuple[int, int]:
        return end, min(-(end - start) % 8, self.store.end - end)

    def _stretch(self, start: int, end: int) -> Told:
        cursor = self.store.cursor
        at = start
        while at < end and self.searched <= _SEARCHED:
            data = cursor.peek(at, min(_PIECE, end - at))
            self.searched += len(data)
            used = data.lstrip(b"\0")
            cursor.consumed(at, at + len(data) - len(used))
            if used:
                yield from self._used(at + len(data) - len(used), end, used)
                return
            at += len(data)
        if at < end:
            yield from self._offer(at, end)
            self.unread += end - at

    def _used(self, start: int, end: int, data: bytes) -> Told:
        """A stretch whose first byte is not zero."""
        self.unread += end - start
        self.store.cursor.pass_over(start, end)
        if end - start < _SHORT:
            return
        if self.probed < _PROBED:
            self.probed += 1
            yield from self._offer(start, end)
        at = start
        while True:
            for match in _BEGINS.finditer(data):
                if match.start() or at > start:
                    yield from self._found(at + match.start(), end)
            at += max(len(data) - 8, 1)
            if at + 8 >= end or self.searched > _SEARCHED:
                return
            data = self.store.cursor.peek(at, min(_PIECE, end - at))
            self.searched += len(data)

    def _found(self, start: int, end: int) -> Told:
        self.found += 1
        if self.found <= _FOUND:
            yield from self._offer(start, end)

    def _offer(self, start: int, end: int) -> Told:
        yield Member(span=Span(start, end), name=f"unreferenced bytes at {start}", role="raw")

    def _behind(self) -> Told:
        store = self.store
        start, size = store.end, store.cursor.size
        if start >= size:
            return
        last = min(size, start + _SEARCHED)
        if all(not store.cursor.peek(at, min(_PIECE, last - at)).strip(b"\0") for at in range(start, last, _PIECE)):
            store.consumed(start, last)
            if last == size:
                return
        detail = f"{size - start} bytes behind the end of the HDF5 file"
        yield from store.teller.say("hdf5-bytes-after-end", start, size, detail)
        yield Member(span=Span(start, size), name="bytes after the end")
