"""The links of a group, however they are kept: as a symbol table, as messages, or in a fractal heap.

What a newcomer would get wrong: a link is no object. It names one, here or in another file, or only a path to look up.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.encodings.hdf5 import btree1
from modelairlock.encodings.hdf5.dense import LINKS, in_heap
from modelairlock.encodings.hdf5.heaps import LocalHeap
from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.encodings.hdf5.superblock import cached_group
from modelairlock.reading import Malformed, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact
from modelairlock.records.span import Span

HARD, SOFT, EXTERNAL = 0, 1, 64


class Link(NamedTuple):
    """A name in a group: `target` is an object, or `path` says what to look up, in `file` if that is not empty."""

    name: str
    span: Span
    kind: int
    target: int = 0
    path: str = ""
    file: str = ""
    cached: tuple[int, int] | None = None


Links = Iterator[Fact | Gap | Link]


def text(raw: bytes) -> str:
    """A name as it is shown: UTF-8, whatever the file says it is."""
    return raw.decode("utf-8", "backslashreplace")


def symbol_table(store: Store, root: int, names: int) -> Links:
    """The links of an old group. Names stand in its heap, in rising order: lookups rely on that."""
    heap = LocalHeap(store, names)
    before = b""
    for _, child in btree1.leaves(store, root, btree1.GROUP, store.lengths):
        fields = store.block(child, b"SNOD", 8, version=1)
        fields.skip(1)
        count = fields.number(2)
        entries = store.fields(child + 8, count * (store.lengths + store.offsets + 24))
        for _ in range(count):
            store.count(entries.position)
            link, raw = _entry(store, heap, entries)
            if raw <= before:
                detail = f"{text(raw)!r} stands behind {text(before)!r}, so lookups by name may not find it"
                yield from store.teller.say("hdf5-names-disagree", *link.span, detail)
            before = raw
            yield link


def _entry(store: Store, heap: LocalHeap, fields: Fields) -> tuple[Link, bytes]:
    start = fields.position
    raw = heap.name(store.length(fields))
    target = store.address(fields)
    kind = int.from_bytes(fields.data[fields.at : fields.at + 4], "little")
    soft = fields.data[fields.at + 8 : fields.at + 12]
    cached = cached_group(store, fields)
    span = Span(start, fields.position)
    if kind == 2:
        path = text(heap.name(int.from_bytes(soft, "little")))
        return Link(text(raw), span, SOFT, path=path), raw
    if target is None:
        raise Malformed(start, "the address of an object", "none")
    return Link(text(raw), span, HARD, target, cached=cached), raw


def read_link(store: Store, fields: Fields) -> Link:
    """A link message."""
    start = fields.position
    version, flags = fields.number(1), fields.number(1)
    if version != 1:
        raise Malformed(start, "a link of version 1", str(version))
    kind = fields.number(1) if flags & 8 else HARD
    if flags & 4:
        fields.skip(8)
    if flags & 16:
        fields.skip(1)
    name = text(fields.raw(fields.number(1 << (flags & 3))))
    if kind == HARD:
        target = store.address(fields)
        if target is None:
            raise Malformed(start, "the address of an object", "none")
        return Link(name, Span(start, fields.position), HARD, target)
    value = Fields(fields.raw(fields.number(2)), fields.position)
    span = Span(start, fields.position)
    if kind == SOFT:
        return Link(name, span, SOFT, path=text(value.data))
    if kind == EXTERNAL:
        value.skip(1)
        file = text(value.text())
        return Link(name, span, EXTERNAL, path=text(value.text()), file=file)
    raise Unsupported(start, f"{name!r}, a link of the user-defined kind {kind}, which a program follows as it likes")


def dense(store: Store, fields: Fields) -> Links:
    """The links of a group whose link info message is at `fields`, as far as they are kept in a heap."""
    for found in in_heap(store, fields, LINKS):
        if isinstance(found, Fields):
            link = read_link(store, found)
            store.consumed(found.start, found.position)
            yield link
        else:
            yield found
