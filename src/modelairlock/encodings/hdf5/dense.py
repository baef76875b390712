"""Links and attributes that are too many for a header: a message names the heap that holds them, and its indexes.

What a newcomer would get wrong: names and order have an index each, and a program may go by either, so both are read.
"""

from collections.abc import Generator
from typing import NamedTuple

from modelairlock.encodings.hdf5 import btree2
from modelairlock.encodings.hdf5.btree2 import Record
from modelairlock.encodings.hdf5.fractal_heap import FractalHeap
from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.reading import Malformed, OverLimit
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

#: identifiers of one heap that are kept in mind, to know those of the second index
_KEPT = 500_000


class Index(NamedTuple):
    """A kind of index, and how many bytes of a record stand before the identifier."""

    kind: int
    before: int


class Dense(NamedTuple):
    """What an info message is called, how wide the highest order in it is, and its two indexes."""

    message: str
    highest: int
    names: Index
    order: Index


LINKS = Dense("a link info message", 8, Index(btree2.LINK_NAMES, 4), Index(btree2.LINK_ORDER, 8))
ATTRIBUTES = Dense("an attribute info message", 2, Index(btree2.ATTRIBUTE_NAMES, 0), Index(btree2.ATTRIBUTE_ORDER, 0))

InHeap = Generator[Fact | Gap | Fields, None, None]


def in_heap(store: Store, fields: Fields, dense: Dense) -> InHeap:
    """Each object once that the heap holds which the info message at `fields` names, if it names one."""
    start = fields.position
    if fields.number(1):
        raise Malformed(start, f"{dense.message} of version 0", "another")
    flags = fields.number(1)
    if flags & 1:
        fields.skip(dense.highest)
    heap_at, names = store.address(fields), store.address(fields)
    order = store.address(fields) if flags & 2 else None
    if heap_at is None:
        return
    heap = FractalHeap(store, heap_at)
    yield from heap.checked()
    seen: set[bytes] = set()
    for index, position in ((dense.names, names), (dense.order, order)):
        if position is not None:
            yield from _indexed(store, heap, index, position, seen)


def _indexed(store: Store, heap: FractalHeap, index: Index, position: int, seen: set[bytes]) -> InHeap:
    for found in btree2.records(store, position, index.kind):
        if not isinstance(found, Record):
            yield found
            continue
        fields = found.fields
        fields.skip(index.before)
        identifier = Fields(fields.raw(heap.id_bytes), fields.position - heap.id_bytes)
        if identifier.data in seen:
            continue
        if len(seen) >= _KEPT:
            raise OverLimit(fields.start, f"more than {_KEPT} links or attributes in one heap")
        seen.add(identifier.data)
        start, end = yield from heap.find(identifier)
        yield Fields(store.peek(start, end - start), start)
