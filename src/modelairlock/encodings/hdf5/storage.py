"""Where the elements of a dataset are: dataspace, layout, filters, external files, virtual sources, as messages say.

What a newcomer would get wrong: a dataset may have elements that are nowhere in the file: never written, in another
file, or in another dataset. How much it declares and how much is stored are two numbers.
"""

from typing import NamedTuple

from modelairlock.encodings.hdf5.heaps import LocalHeap
from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.reading import Malformed, Unsupported

COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL = range(4)
OLD_TREE, SINGLE, IMPLICIT, FIXED_ARRAY, EXTENSIBLE_ARRAY, NEW_TREE = range(6)
_RANK = 32
_FILTERS = 32


class Space(NamedTuple):
    """A dataspace: its shape; None for one without elements."""

    shape: tuple[int, ...] | None

    @property
    def elements(self) -> int:
        """How many elements it has; the shape is the file's word, and the product has no limit."""
        if self.shape is None:
            return 0
        total = 1
        for length in self.shape:
            total *= length
        return total


class Filter(NamedTuple):
    """A step of a pipeline: its registered number, and the name that the file gives it."""

    number: int
    name: str


class ExternalPart(NamedTuple):
    """A part of a dataset that lies in another file."""

    name: str
    start: int
    length: int


class Layout(NamedTuple):
    """How elements are stored: `place` is data, an index or a heap; `shape` is that of a chunk, element size last."""

    kind: int
    place: int | None
    size: int = 0
    shape: tuple[int, ...] = ()
    how: int = OLD_TREE
    #: a single chunk that went through filters; or for virtual ones the object in the heap
    number: int = 0
    parameters: bytes = b""


def read_space(store: Store, fields: Fields) -> Space:
    """A dataspace message."""
    start = fields.position
    version, rank, flags = fields.number(1), fields.number(1), fields.number(1)
    kind = fields.number(1) if version == 2 else 1
    if version not in (1, 2) or rank > _RANK:
        raise Malformed(start, f"a dataspace of version 1 or 2 with at most {_RANK} dimensions", f"{version}, {rank}")
    if version == 1:
        fields.skip(5)
    shape = tuple(store.length(fields) for _ in range(rank))
    if flags & 1:
        fields.skip(rank * store.lengths)
    if version == 1 and flags & 2:
        fields.skip(rank * store.lengths)
    return Space(None if kind == 2 else shape)


def read_filters(fields: Fields) -> list[Filter]:
    """A filter pipeline message."""
    start = fields.position
    version, count = fields.number(1), fields.number(1)
    if version not in (1, 2) or count > _FILTERS:
        raise Malformed(start, f"a pipeline of version 1 or 2 with at most {_FILTERS} filters", f"{version}, {count}")
    if version == 1:
        fields.skip(6)
    found = []
    for _ in range(count):
        number = fields.number(2)
        named = fields.number(2) if version == 1 or number >= 256 else 0
        fields.skip(2)
        values = fields.number(2)
        name = fields.raw(-(-named // 8) * 8 if version == 1 else named).rstrip(b"\0")
        fields.skip(4 * values)
        if version == 1 and values % 2:
            fields.skip(4)
        found.append(Filter(number, name.decode("utf-8", "backslashreplace")))
    return found


def read_external(store: Store, fields: Fields) -> list[ExternalPart]:
    """An external data files message: the names stand in a heap of their own."""
    start = fields.position
    if fields.number(1) != 1:
        raise Malformed(start, "a list of external files of version 1", "another")
    fields.skip(5)
    count = fields.number(2)
    heap_at = store.address(fields)
    if heap_at is None:
        raise Malformed(start, "the heap with the names of external files", "none")
    heap = LocalHeap(store, heap_at)
    parts = []
    for _ in range(count):
        store.count(fields.position)
        name = heap.name(store.length(fields)).decode("utf-8", "backslashreplace")
        parts.append(ExternalPart(name, store.length(fields), store.length(fields)))
    return parts


def read_layout(store: Store, fields: Fields) -> Layout:
    """A layout message of any version."""
    start = fields.position
    version = fields.number(1)
    if version in (1, 2):
        return _first_layout(store, fields)
    if version not in (3, 4, 5):
        raise Unsupported(start, f"version {version} of a layout")
    kind = fields.number(1)
    if kind == COMPACT:
        size = fields.number(2)
        return Layout(kind, fields.position, size)
    if kind == CONTIGUOUS:
        return Layout(kind, store.address(fields), store.length(fields))
    if kind == CHUNKED:
        return _old_chunks(store, fields) if version == 3 else _new_chunks(store, fields)
    if kind == VIRTUAL and version >= 4:
        return Layout(kind, store.address(fields), number=fields.number(4))
    raise Unsupported(start, f"a layout of kind {kind}")


def _first_layout(store: Store, fields: Fields) -> Layout:
    rank, kind = fields.number(1), fields.number(1)
    fields.skip(5)
    if kind not in (COMPACT, CONTIGUOUS, CHUNKED) or rank > _RANK + 1:
        raise Malformed(fields.start, "a layout of kind 0 to 2", str(kind))
    place = store.address(fields) if kind != COMPACT else None
    shape = tuple(fields.number(4) for _ in range(rank))
    if kind == CHUNKED:
        return Layout(kind, place, shape=shape)
    if kind == COMPACT:
        size = fields.number(4)
        return Layout(kind, fields.position, size)
    return Layout(kind, place, size=-1)


def _old_chunks(store: Store, fields: Fields) -> Layout:
    rank = fields.number(1)
    place = store.address(fields)
    return Layout(CHUNKED, place, shape=_chunk(fields, rank, 4))


def _chunk(fields: Fields, rank: int, width: int) -> tuple[int, ...]:
    if not 2 <= rank <= _RANK + 1:
        raise Malformed(fields.position, f"chunks of 1 to {_RANK} dimensions", str(rank - 1))
    shape = tuple(fields.number(width) for _ in range(rank))
    if not all(shape):
        raise Malformed(fields.position, "chunks that hold something", str(shape))
    return shape


def _new_chunks(store: Store, fields: Fields) -> Layout:
    flags, rank, width = fields.number(1), fields.number(1), fields.number(1)
    if not 1 <= width <= 8:
        raise Malformed(fields.position - 1, "lengths of 1 to 8 bytes", str(width))
    shape = _chunk(fields, rank, width)
    index = fields.number(1)
    filtered = flags & 2
    sizes = {
        SINGLE: store.lengths + 4 if filtered else 0,
        IMPLICIT: 0,
        FIXED_ARRAY: 1,
        EXTENSIBLE_ARRAY: 5,
        NEW_TREE: 6,
    }
    if index not in sizes:
        raise Unsupported(fields.position - 1, f"an index of chunks of kind {index}")
    parameters = fields.raw(sizes[index])
    size = int.from_bytes(parameters[: store.lengths], "little") if index == SINGLE and filtered else 0
    return Layout(CHUNKED, store.address(fields), size, shape, index, parameters=parameters)
