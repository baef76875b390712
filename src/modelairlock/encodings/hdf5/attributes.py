"""Attributes: a name, a datatype, a dataspace and a value in one message, in the header or in a fractal heap.

What a newcomer would get wrong: type and space may be those of another object, and long values are not here at all but
in the heap of variable lengths.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from modelairlock.encodings.hdf5.datatypes import Datatype, read_datatype
from modelairlock.encodings.hdf5.dense import ATTRIBUTES, in_heap
from modelairlock.encodings.hdf5.headers import DATATYPE, SHARED, read_header, shared_with
from modelairlock.encodings.hdf5.links import text
from modelairlock.encodings.hdf5.storage import Space, read_space
from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.reading import Malformed, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.span import Span

#: datatypes that others share; more are read again
_KEPT = 1000


class Attribute(NamedTuple):
    """One attribute; `value` is where its elements lie."""

    name: str
    kind: Datatype
    space: Space
    value: Span


class Types:
    """Datatypes that stand in objects of their own, and who they are: they may be in no group."""

    __slots__ = ("known", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.known: dict[int, Datatype] = {}

    def read(self, fields: Fields, *, shared: bool) -> Generator[Fact | Gap, None, Datatype]:
        """The datatype at `fields`, or the one of the object that they point at."""
        if not shared:
            return read_datatype(fields)
        position = shared_with(self.store, fields)
        if position not in self.known:
            found = yield from self._committed(position)
            if len(self.known) >= _KEPT:
                self.known.clear()
            self.known[position] = found
        return self.known[position]

    def _committed(self, position: int) -> Generator[Fact | Gap, None, Datatype]:
        self.store.count(position)
        for message in (yield from read_header(self.store, position)):
            if message.kind == DATATYPE and not message.flags & SHARED:
                return read_datatype(self.store.fields(message.start, message.end - message.start))
        raise Malformed(position, "an object with a datatype", "one without")


def read_attribute(store: Store, types: Types, fields: Fields) -> Generator[Fact | Gap, None, Attribute]:
    """An attribute message; what stands before the value is counted as read."""
    start = fields.position
    version, flags = fields.number(1), fields.number(1)
    if version not in (1, 2, 3):
        raise Malformed(start, "an attribute of version 1 to 3", str(version))
    sizes = [fields.number(2) for _ in range(3)]
    if version == 3:
        fields.skip(1)
    step = 8 if version == 1 else 1
    name, kind_at, space_at = (_part(fields, size, step) for size in sizes)
    if version == 1:
        flags = 0
    store.consumed(start, fields.position)
    kind = yield from types.read(kind_at, shared=bool(flags & 1))
    if flags & 2:
        raise Unsupported(start, "an attribute with a shared dataspace")
    space = read_space(store, space_at)
    size = space.elements * kind.size
    if size > fields.left:
        raise Malformed(fields.position, f"a value of at most {fields.left} bytes", str(size))
    value = Span(fields.position, fields.position + size)
    called = text(name.data[:-1].partition(b"\0")[0])
    if name.data.find(b"\0") != len(name.data) - 1:
        # libhdf5 copies a name as C does, less its last byte; other readers take all of it.
        detail = f"an attribute's name does not end where its length says: {text(name.data)[:80]!r}"
        yield from store.teller.say("hdf5-names-disagree", start, fields.position, detail)
    return Attribute(called, kind, space, value)


def _part(fields: Fields, size: int, step: int) -> Fields:
    at = fields.position
    part = Fields(fields.raw(size), at)
    fields.align(step, fields.at - size)
    return part


Attributes = Iterator[Fact | Gap | Attribute]


def dense(store: Store, types: Types, fields: Fields) -> Attributes:
    """The attributes of an object whose attribute info message is at `fields`, as far as they are kept in a heap."""
    for found in in_heap(store, fields, ATTRIBUTES):
        if isinstance(found, Fields):
            yield (yield from read_attribute(store, types, found))
        else:
            yield found
