"""The chunks of a dataset, by whichever of six indexes says where they are.

What a newcomer would get wrong: a chunk that went through filters has the size that its index states, and any other
the size of its shape; an index need not mention all chunks, and those it leaves out are read as the fill value.
"""

from collections.abc import Generator
from functools import partial
from typing import NamedTuple

from modelairlock.encodings.hdf5 import btree1, btree2
from modelairlock.encodings.hdf5.arrays import extensible, fixed
from modelairlock.encodings.hdf5.btree2 import Record
from modelairlock.encodings.hdf5.storage import (
    EXTENSIBLE_ARRAY,
    FIXED_ARRAY,
    IMPLICIT,
    NEW_TREE,
    OLD_TREE,
    SINGLE,
    Layout,
)
from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.reading import Malformed
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact


class Stored(NamedTuple):
    """Where the elements of a dataset, or some of them, lie in the file."""

    start: int
    end: int
    #: a bit for each filter that was left out
    mask: int = 0
    #: of a chunk, the indices of its first element, where the index says them; the last one is within the element
    corner: tuple[int, ...] | None = None


Stretches = Generator["Fact | Gap | Stored", None, None]


def chunks(store: Store, layout: Layout, shape: tuple[int, ...]) -> Stretches:
    """Every chunk that is stored. `shape` is that of the dataset."""
    place = layout.place
    if place is None:
        return
    whole = 1
    for length in layout.shape:
        whole *= length
    if layout.how == SINGLE:
        mask = int.from_bytes(layout.parameters[store.lengths :], "little")
        yield _stored(store, place, layout.size or whole, mask)._replace(corner=(0,) * len(layout.shape))
    elif layout.how == IMPLICIT:
        yield _stored(store, place, whole * _count(layout.shape, shape))
    elif layout.how == OLD_TREE:
        order = partial(_scaled, layout.shape)
        for key, child in btree1.leaves(store, place, btree1.CHUNKS, 8 + 8 * len(layout.shape), order):
            length, mask = key.number(4), key.number(4)
            corner = tuple(key.number(8) for _ in layout.shape)
            yield _stored(store, child, length, mask)._replace(corner=corner)
    elif layout.how == NEW_TREE:
        yield from _new_tree(store, layout, place, whole)
    else:
        array = {FIXED_ARRAY: fixed, EXTENSIBLE_ARRAY: extensible}[layout.how]
        for found in array(store, place):
            if isinstance(found, Fields):
                yield from _element(store, found, whole)
            else:
                yield found


def _scaled(shape: tuple[int, ...], key: bytes) -> tuple[int, ...]:
    """A key as libhdf5 compares it: in chunks, behind a size and a mask."""
    places = (int.from_bytes(key[at : at + 8], "little") for at in range(8, len(key), 8))
    return tuple(place // max(1, length) for place, length in zip(places, shape, strict=False))


def _count(chunk: tuple[int, ...], shape: tuple[int, ...]) -> int:
    count = 1
    for length, whole in zip(chunk, shape, strict=False):
        count *= -(-whole // length)
    return count


def _stored(store: Store, start: int, length: int, mask: int = 0) -> Stored:
    if start < store.base or start + length > store.end:
        raise Malformed(start, f"elements within the file, which ends at {store.end}", f"{length} bytes at {start}")
    return Stored(start, start + length, mask)


def _element(store: Store, fields: Fields, whole: int) -> Stretches:
    """An element of an array: an address, and for what went through filters a size and a mask."""
    start = store.address(fields)
    if start is not None:
        length = fields.number(fields.left - 4) if fields.left > 4 else whole
        yield _stored(store, start, length, fields.number(fields.left))


def _new_tree(store: Store, layout: Layout, place: int, whole: int) -> Stretches:
    rank = len(layout.shape) - 1
    for found in btree2.records(store, place, btree2.CHUNKS, btree2.FILTERED):
        if isinstance(found, Record):
            fields = found.fields
            start = store.address(fields)
            sized = fields.left - 8 * rank - 4
            length = fields.number(sized) if sized > 0 else whole
            if start is not None:
                yield _stored(store, start, length, fields.number(4) if sized > 0 else 0)
        else:
            yield found
