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
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Member
from modelairlock.records.regex import regex
from modelairlock.records.span import Extents, Span

#: stretches that are looked at; a file in more pieces than this is a gap
_STRETCHES = 200_000
#: bytes that are searched for what may begin in the middle of a stretch
_SEARCHED = 512 * 1024 * 1024
#: zeros behind the end are looked through up to here
_ZEROS = 64 * 1024 * 1024
_PIECE = 1 << 18
#: shorter than anything that does something
_SHORT = 16
#: stretches, and places in them, that the tree looks at
_PROBED, _FOUND = 20_000, 200
#: from here on it is worth a word
_MUCH = 1 << 20
#: stretches of a file that could not be read which are told one by one
_TOLD = 100
_BEGINS = regex(
    rb"PK\x03\x04|PK\x05\x06|\x7fELF|\x80[\x04\x05](?:\x95.{4}\0{4}|[c\x8c][\x00-\x7f])|\x80[\x02\x03](?:c[A-Za-z_]|[}\])(]q)"
    rb"|\x89HDF|\x93NUMPY|\xfd7zXZ\x00|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\x28\xb5\x2f\xfd|MZ\x90\x00|\xcf\xfa\xed\xfe|GGUF",
    re.DOTALL,
)
_HEAP = regex(rb"GCOL\x01\0\0\0")


class Rest:
    """Goes through what is left of a file when everything that is referred to was read."""

    __slots__ = ("found", "heap", "members", "probed", "searched", "store", "unread", "values")

    def __init__(self, store: Store, heap: GlobalHeap, values: Values, members: Extents) -> None:
        self.store, self.heap, self.values, self.members = store, heap, values, members
        self.searched = self.unread = self.probed = self.found = 0

    def account(self) -> Told:
        """Every stretch that nobody refers to; and what stands behind the end that the superblock states."""
        store = self.store
        if store.failed:
            yield from self._unknown()
        else:
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

    def _unknown(self) -> Iterator[Gap]:
        """Where something could not be read, nobody knows what else belongs to the file."""
        left = list(self._left())
        if len(left) > _TOLD:
            detail = f"{len(left)} stretches that nothing was found to refer to"
            yield Gap(start=left[0][0], end=left[-1][1], because=Because.UNRECOGNISED, detail=detail)

    def _left(self) -> Iterator[tuple[int, int]]:
        cursor = self.store.cursor
        left = Extents([(self.store.base, self.store.end)]).minus(cursor.counted())
        return iter(left.minus(cursor.passed).minus(self.members))

    def _heaps(self) -> Told:
        """Objects of heaps that only compressed elements refer to: what they hold is data all the same."""
        for position in sorted(self.heap.places):
            yield from self._objects(position)
        for start, end in self._left():
            if end - start < _SHORT:
                continue
            for at in range(start, end, _PIECE):
                data = self._search(at, min(end, at + _PIECE + _SHORT))
                for match in _HEAP.finditer(data):
                    yield from self._objects(at + match.start())

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
                if self.values.hidden and isinstance(told, Member):
                    yield from self.values.row(told)

    def _padding(self, start: int, end: int) -> tuple[int, int]:
        return end, min(-(end - start) % 8, self.store.end - end)

    def _stretch(self, start: int, end: int) -> Told:
        cursor = self.store.cursor
        at = start
        while at < end:
            data = self._search(at, end)
            used = data.lstrip(b"\0")
            cursor.consumed(at, at + len(data) - len(used))
            if used:
                yield from self._used(at + len(data) - len(used), end, used)
                return
            at += len(data)

    def _search(self, start: int, end: int) -> bytes:
        """The next piece of a stretch."""
        self.searched += min(_PIECE, end - start)
        if self.searched > _SEARCHED:
            raise OverLimit(start, f"more than {_SEARCHED} bytes that nothing refers to")
        return self.store.cursor.peek(start, min(_PIECE, end - start))

    def _used(self, start: int, end: int, data: bytes) -> Told:
        """A stretch whose first byte is not zero."""
        self.unread += end - start
        self.store.cursor.pass_over(start, end)
        if end - start < _SHORT:
            return
        self.probed += 1
        if self.probed > _PROBED:
            raise OverLimit(start, f"more than {_PROBED} stretches that nothing refers to and that are not zero")
        yield from self._offer(start, end)
        at = start
        while True:
            for match in _BEGINS.finditer(data):
                if match.start() or at > start:
                    yield from self._found(at + match.start(), end)
            at += max(len(data) - _SHORT, 1)
            if at + _SHORT >= end:
                return
            data = self._search(at, end)

    def _found(self, start: int, end: int) -> Told:
        self.found += 1
        if self.found > _FOUND:
            raise OverLimit(start, f"more than {_FOUND} beginnings of files among bytes that nothing refers to")
        yield from self._offer(start, end)

    def _offer(self, start: int, end: int) -> Told:
        yield Member(span=Span(start, end), name=f"unreferenced bytes at {start}", role="raw")

    def _behind(self) -> Told:
        store = self.store
        start, size = store.end, store.cursor.size
        if start >= size:
            return
        last = min(size, start + _ZEROS)
        if all(not store.cursor.peek(at, min(_PIECE, last - at)).strip(b"\0") for at in range(start, last, _PIECE)):
            store.consumed(start, last)
            if last == size:
                return
        detail = f"{size - start} bytes behind the end of the HDF5 file"
        yield from store.teller.say("hdf5-bytes-after-end", start, size, detail)
        yield Member(span=Span(start, size), name="bytes after the end")
