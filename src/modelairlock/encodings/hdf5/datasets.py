"""One dataset: where its elements lie, what it takes from elsewhere, and how much more it declares than it stores."""

from typing import NamedTuple

from modelairlock.encodings.hdf5 import storage
from modelairlock.encodings.hdf5.chunks import Stored, chunks
from modelairlock.encodings.hdf5.datatypes import Datatype
from modelairlock.encodings.hdf5.heaps import GlobalHeap
from modelairlock.encodings.hdf5.storage import ExternalPart, Filter, Layout, Space
from modelairlock.encodings.hdf5.store import Store, Told
from modelairlock.encodings.hdf5.values import Values, as_bytes, is_rows
from modelairlock.encodings.hdf5.virtual import sources
from modelairlock.reading import Malformed, OverLimit
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Member, Reference, Role
from modelairlock.records.span import Span

#: filters that libhdf5 itself has: deflate, shuffle, fletcher32, szip, nbit, scaleoffset
BUILT_IN = range(1, 7)
_DEFLATE, _SHUFFLE, _FLETCHER = 1, 2, 3
#: what Keras since 3.12.3 and 3.15.0 refuses: so many times what is stored. The floor is lower, for smaller machines
_TIMES = 1000
_FLOOR = 1 << 30
#: the same for all datasets of a file together
_FLOOR_TOGETHER = 1 << 32
#: chunks of one dataset whose bytes the tree looks at
_CHUNKS = 64
_LIST_BYTES = 1 << 24
_NAME_CHARACTERS = 1000


class Dataset(NamedTuple):
    """What the messages of a dataset say."""

    where: str
    span: Span
    kind: Datatype
    space: Space
    layout: Layout
    filters: list[Filter]
    external: list[ExternalPart]
    #: whether each element stands for a pickle
    objects: bool


class Datasets:
    """Reads one dataset after another and adds up what they declare."""

    __slots__ = ("declared", "heap", "looked", "raw", "store", "values")

    def __init__(self, store: Store, heap: GlobalHeap, values: Values) -> None:
        self.store, self.heap, self.values = store, heap, values
        self.declared = 0
        #: bytes of elements, counted as often as datasets claim them
        self.raw = 0

    def read(self, dataset: Dataset) -> Told:
        """All that lies in the file, and what lies elsewhere."""
        layout = dataset.layout
        yield from self._filters(dataset)
        for part in dataset.external:
            yield from self.store.refer(
                Reference(
                    span=dataset.span, kind="external-storage", target=part.name[:_NAME_CHARACTERS],
                    where=dataset.where, start=part.start, length=part.length,
                )
            )  # fmt: skip
        if dataset.objects and dataset.kind.variables and not is_rows(dataset.kind):
            # PyTables unpickles what it has in memory, where numbers have another order, size or value of bits.
            detail = f"{dataset.where}: rows that PyTables takes for pickles, and that are no bytes as they stand"
            yield Gap(start=dataset.span.start, end=dataset.span.end, because=Because.UNSUPPORTED, detail=detail)
        declared = dataset.space.elements * dataset.kind.size
        self.declared += declared
        stored = self.raw
        if layout.kind == storage.VIRTUAL:
            yield from self._virtual(dataset)
            return
        if layout.kind == storage.CHUNKED:
            yield from self._chunked(dataset)
        elif layout.place is not None:
            yield from self._whole(dataset, layout.place, declared)
        stored = self.raw - stored
        if not dataset.external and declared > max(_FLOOR, _TIMES * stored):
            detail = f"{dataset.where} declares {declared} bytes and stores {stored}"
            yield from self.store.teller.say("hdf5-shape-bomb", *dataset.span, detail)

    def together(self) -> Told:
        """Whether all datasets declare too much together, or share what is stored."""
        store = self.store
        size = store.end - store.base
        if self.declared > max(_FLOOR_TOGETHER, _TIMES * size):
            detail = f"all datasets together declare {self.declared} bytes in a file of {size}"
            yield from store.teller.say("hdf5-shape-bomb", store.base, store.end, detail)
        if self.raw > size:
            detail = f"datasets claim {self.raw} bytes of elements in a file of {size}: they share them"
            yield from store.teller.say("hdf5-elements-shared", store.base, store.end, detail)

    def _filters(self, dataset: Dataset) -> Told:
        for one in dataset.filters:
            if one.number not in BUILT_IN:
                target = f"{one.number} {one.name[:_NAME_CHARACTERS]}".strip()
                plugin = Reference(span=dataset.span, kind="filter-plugin", target=target, where=dataset.where)
                yield from self.store.refer(plugin)

    def _virtual(self, dataset: Dataset) -> Told:
        place, store = dataset.layout.place, self.store
        if place is None:
            return
        found = self.heap.find(place, dataset.layout.number)
        if found.end - found.start > _LIST_BYTES:
            raise OverLimit(found.start, f"a list of virtual sources of {found.end - found.start} bytes")
        fields = store.fields(found.start, found.end - found.start)
        for source in sources(store, fields):
            if source.file != ".":
                target = f"{source.file}:{source.dataset}"[:_NAME_CHARACTERS]
                virtual = Reference(span=Span(*found), kind="virtual-dataset", target=target, where=dataset.where)
                yield from store.refer(virtual)

    def _whole(self, dataset: Dataset, start: int, declared: int) -> Told:
        """A compact or contiguous dataset. Its layout may be larger or smaller than its shape."""
        layout, store = dataset.layout, self.store
        length = declared if layout.size < 0 else layout.size
        if length < declared or (length > declared and layout.kind == storage.CONTIGUOUS):
            detail = f"{dataset.where} has room for {length} bytes and a shape of {declared}"
            yield from store.teller.say("hdf5-size-differs", *dataset.span, detail)
        if start < store.base or start + length > store.end:
            raise Malformed(start, f"elements within the file, which ends at {store.end}", f"{length} bytes at {start}")
        self.raw += length
        yield from self._elements(dataset, Stored(start, start + length), looked_at=True)

    def _chunked(self, dataset: Dataset) -> Told:
        looked = 0
        for found in chunks(self.store, dataset.layout, dataset.space.shape or ()):
            if isinstance(found, Stored):
                looked += 1
                self.raw += found.end - found.start
                yield from self._elements(dataset, found, looked_at=looked <= _CHUNKS, first=looked == 1)
            else:
                yield found

    def _elements(self, dataset: Dataset, stored: Stored, *, looked_at: bool, first: bool = False) -> Told:
        kind, span = dataset.kind, Span(stored.start, stored.end)
        if dataset.filters and first and kind.bytes_like and not kind.variables:
            yield from self._unpacked(dataset, stored)
        elif dataset.filters or not (kind.variables or kind.bytes_like):
            self.values.hidden = self.values.hidden or (dataset.objects and bool(kind.variables))
            self.store.cursor.pass_over(*span)
        elif kind.variables:
            rows = is_rows(kind)
            role: Role = "" if dataset.objects and rows else "raw"
            kind = as_bytes(kind) if dataset.objects and not rows else kind
            for told in self.values.elements(dataset.where, kind, span, role):
                yield told
                if dataset.objects and isinstance(told, Member):
                    yield from self.values.row(told)
        elif looked_at:
            yield from self.values.bytes(dataset.where, *span)
        else:
            self.store.cursor.pass_over(*span)

    def _unpacked(self, dataset: Dataset, stored: Stored) -> Told:
        """The first chunk of bytes that went through deflate: a pickle of a whole dataset would begin here."""
        numbers = [one.number for one in dataset.filters]
        end = stored.end
        if numbers[-1] == _FLETCHER:
            numbers.pop()
            end = max(stored.start, end - 4)
        if dataset.kind.size == 1 and numbers[:1] == [_SHUFFLE]:
            numbers.pop(0)  # nothing to shuffle
        self.store.cursor.pass_over(*stored[:2])
        if numbers == [_DEFLATE] and not stored.mask and end > stored.start:
            yield Member(span=Span(stored.start, end), name=dataset.where, method="zlib", role="raw")
