"""Fixed and extensible arrays: two indexes of chunks that are found by number alone.

What a newcomer would get wrong: long blocks are cut into pages, each with a checksum behind it, and pages that were
never written are there all the same, with whatever bytes the room had before.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from modelairlock.encodings.hdf5.store import Fields, Store
from modelairlock.reading import Malformed, OverLimit
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact

#: yields facts, gaps and the elements
Elements = Generator[Fact | Gap | Fields, None, None]
_MOST = 1 << 32


def _elements(store: Store, position: int, count: int, size: int) -> Iterator[Fields]:
    """`count` elements one after another."""
    step = max(1, 65536 // size)
    for first in range(0, count, step):
        some = min(step, count - first)
        fields = store.fields(position + first * size, some * size)
        for _ in range(some):
            at = fields.position
            store.count(at)
            yield Fields(fields.raw(size), at)


def _paged(store: Store, position: int, count: int, size: int, page: int, written: bytes) -> Elements:
    """Pages of `page` elements and a checksum each; only those `written` says (a bit each, the highest first)."""
    for number in range(-(-count // page)):
        some = min(page, count - number * page)
        start = position + number * (page * size + 4)
        if number // 8 < len(written) and written[number // 8] & 0x80 >> number % 8:
            yield from _elements(store, start, some, size)
            yield from store.checked(start, start + some * size)
        else:
            store.count(start)


def fixed(store: Store, position: int) -> Elements:
    """The elements of a fixed array."""
    length = 8 + store.lengths + store.offsets
    fields = store.block(position, b"FAHD", length)
    fields.skip(1)
    size, bits = fields.number(1), fields.number(1)
    count = store.length(fields)
    block = store.address(fields)
    yield from store.checked(position, position + length)
    if block is None:
        return
    _sane(position, size, bits, count, store)
    head = 6 + store.offsets
    page = 1 << bits
    store.block(block, b"FADB", head)
    if count <= page:
        yield from _elements(store, block + head, count, size)
        yield from store.checked(block, block + head + count * size)
        return
    pages = -(-count // page)
    written = store.fields(block + head, (pages + 7) // 8).data
    head += len(written)
    yield from store.checked(block, block + head)
    yield from _paged(store, block + head + 4, count, size, page, written)


def _sane(position: int, size: int, bits: int, count: int, store: Store) -> None:
    if size < store.offsets or bits > 32 or count > _MOST:
        raise Malformed(position, "an array of addresses", f"{count} elements of {size} bytes")
    if count * size > store.end * 8:
        raise OverLimit(position, f"an array of {count} elements")


class _Extensible(NamedTuple):
    """What the header of an extensible array states."""

    position: int
    size: int
    offset_bytes: int
    in_index: int
    least: int
    page: int
    #: pointers to blocks in the index block, and to blocks of blocks
    blocks: int
    supers: int
    #: the first super block that is not kept in the index block
    first: int


def extensible(store: Store, position: int) -> Elements:
    """The elements of an extensible array."""
    length = 12 + 6 * store.lengths + store.offsets
    fields = store.block(position, b"EAHD", length)
    fields.skip(1)
    size, bits, in_index, least, pointers, page_bits = (fields.number(1) for _ in range(6))
    fields.skip(6 * store.lengths)
    index = store.address(fields)
    yield from store.checked(position, position + length)
    powers = all(one and not one & (one - 1) for one in (least, pointers))
    if size < store.offsets or not 0 < bits <= 64 or not powers or page_bits > 32:
        raise Malformed(position, "an array of addresses", f"elements of {size} bytes, {bits} bits")
    if index is None:
        return
    first = 2 * (pointers.bit_length() - 1)
    supers = max(0, 1 + bits - (least.bit_length() - 1) - first)
    array = _Extensible(
        position, size, (bits + 7) // 8, in_index, least, 1 << page_bits, 2 * (pointers - 1), supers, first
    )
    yield from _index(store, array, index)


def _index(store: Store, array: _Extensible, position: int) -> Elements:
    head = 6 + store.offsets
    _owned(store, array, store.block(position, b"EAIB", head), position)
    yield from _elements(store, position + head, array.in_index, array.size)
    at = position + head + array.in_index * array.size
    fields = store.fields(at, (array.blocks + array.supers) * store.offsets)
    yield from store.checked(position, at + len(fields.data))
    number, left = 0, 0
    for _ in range(array.blocks):
        if not left:
            left, elements = _super(array, number)
            number += 1
        left -= 1
        block = store.address(fields)
        if block is not None:
            yield from _data(store, array, block, elements, None)
    for number in range(array.first, array.first + array.supers):
        block = store.address(fields)
        if block is not None:
            yield from _super_block(store, array, block, number)


def _super(array: _Extensible, number: int) -> tuple[int, int]:
    """How many blocks of how many elements the super block `number` stands for."""
    return 1 << number // 2, array.least << (number + 1) // 2


def _owned(store: Store, array: _Extensible, fields: Fields, position: int) -> None:
    fields.skip(1)
    if store.address(fields) != array.position:
        raise Malformed(position, f"a block of the array at {array.position}", "another")


def _super_block(store: Store, array: _Extensible, position: int, number: int) -> Elements:
    count, elements = _super(array, number)
    pages = -(-elements // array.page) if elements > array.page else 0
    written = (pages + 7) // 8
    head = 6 + store.offsets + array.offset_bytes
    _owned(store, array, store.block(position, b"EASB", head), position)
    length = count * (written + store.offsets)
    if position + head + length > store.end:
        raise Malformed(position, "a block within the file", f"{count} pointers")
    fields = store.fields(position + head, length)
    yield from store.checked(position, position + head + length)
    bitmaps = [fields.raw(written) for _ in range(count if written else 0)]
    for index in range(count):
        block = store.address(fields)
        if block is not None:
            yield from _data(store, array, block, elements, bitmaps[index] if written else None)


def _data(store: Store, array: _Extensible, position: int, elements: int, written: bytes | None) -> Elements:
    head = 6 + store.offsets + array.offset_bytes
    _owned(store, array, store.block(position, b"EADB", head), position)
    if written is not None:
        yield from store.checked(position, position + head)
        yield from _paged(store, position + head + 4, elements, array.size, array.page, written)
        return
    if position + head + elements * array.size > store.end:
        raise Malformed(position, "a block within the file", f"{elements} elements")
    yield from _elements(store, position + head, elements, array.size)
    yield from store.checked(position, position + head + elements * array.size)
