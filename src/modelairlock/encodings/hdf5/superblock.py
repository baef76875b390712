"""The superblock: where a file's HDF5 part begins and ends, how wide its addresses are, and where its root lies.

What a newcomer would get wrong: it need not stand at byte 0. libhdf5 looks at 0, 512, 1024, 2048 … and takes the first
one it meets, wherever the superblock itself says that the file begins.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

from modelairlock.encodings.compression import Inflated
from modelairlock.encodings.hdf5.store import Fields, Store, Told
from modelairlock.reading import Malformed, Probe, Source, Truncated, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Member
from modelairlock.records.span import Span

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FIRST = 512
#: further on a compressed member would have to be decoded again for each look
_IN_COMPRESSED = 4 * 1024 * 1024
#: a user block is looked through for anything but zeros up to here
_ZEROS = 16 * 1024 * 1024
_PIECE = 1 << 16


class Superblock(NamedTuple):
    """What the rest of the reading needs of it. `cached` are a root group's B-tree and heap as stated beside it."""

    root: int
    extension: int | None
    cached: tuple[int, int] | None


def _places(size: int) -> Iterator[int]:
    yield 0
    at = FIRST
    while at + len(SIGNATURE) <= size:
        yield at
        at *= 2


def begins(probe: Probe) -> bool:
    """Whether libhdf5 would take the artifact for one of its own."""
    for at in _places(probe.size):
        if at + len(SIGNATURE) <= len(probe.head):
            if probe.head.startswith(SIGNATURE, at):
                return True
        elif probe.source is None or (isinstance(probe.source, Inflated) and at >= _IN_COMPRESSED):
            return False
        elif probe.source.read(at, len(SIGNATURE)) == SIGNATURE:
            return True
    return False


def base_of(source: Source) -> int:
    """Where the signature stands; raises `Malformed` if it stands nowhere."""
    for at in _places(source.size):
        if source.read(at, len(SIGNATURE)) == SIGNATURE:
            return at
    raise Malformed(0, "the signature of HDF5 at 0, 512, 1024 …", "none")


Opened = Generator[Fact | Gap, None, Superblock]


def read_superblock(store: Store) -> Opened:
    """The superblock at the base of `store`, which learns from it how to read on."""
    fields = store.fields(store.base, 9)
    fields.skip(8)
    version = fields.number(1)
    if version in (0, 1):
        return (yield from _old(store, version))
    if version in (2, 3):
        return (yield from _new(store))
    raise Unsupported(store.base + 8, f"version {version} of the superblock")


def _widths(store: Store, fields: Fields) -> None:
    store.offsets, store.lengths = fields.number(1), fields.number(1)
    if store.offsets not in (2, 4, 8) or store.lengths not in (2, 4, 8):
        got = f"{store.offsets} and {store.lengths}"
        raise Malformed(fields.position - 2, "addresses and lengths of 2, 4 or 8 bytes", got)


def _ends(store: Store, stated_base: int, stated_end: int | None, position: int) -> Told:
    """Where the address space ends. The stated base counts only for this: libhdf5 corrects it."""
    # `stated_end` has our own base added already.
    if stated_end is None or stated_end - store.base < stated_base:
        raise Malformed(position, "an end of the file behind its beginning", "none")
    end = stated_end - stated_base
    if end > store.cursor.size:
        detail = f"expected {end} bytes as the superblock states, got {store.cursor.size}"
        yield from store.problem(Truncated(store.cursor.size, detail), "the file")
    store.end = min(end, store.cursor.size)


def _old(store: Store, version: int) -> Opened:
    fixed = 24 if version == 0 else 28
    fields = store.fields(store.base, fixed)
    fields.skip(9)
    if any(fields.raw(4)):
        raise Unsupported(store.base + 9, "a version of free space, root group or shared headers other than 0")
    _widths(store, fields)
    fields = store.fields(store.base + fixed, 5 * store.offsets + store.lengths + 24)
    stated_base = fields.number(store.offsets)
    free = store.address(fields)
    at = fields.position
    end, driver = store.address(fields), store.address(fields)
    yield from _ends(store, stated_base, end, at)
    fields.skip(store.lengths)  # the root has no name
    root = store.address(fields)
    cached = cached_group(store, fields)
    if free is not None or driver is not None:
        what = "a list of free space" if driver is None else "a driver block: one file of several that belong together"
        yield from store.problem(Unsupported(at, what), "the superblock")
    if root is None:
        raise Malformed(at, "the address of the root group", "none")
    return Superblock(root, None, cached)


def cached_group(store: Store, fields: Fields) -> tuple[int, int] | None:
    """What a symbol table says beside an address: the B-tree and the heap of the group there, if it is of that kind."""
    kind = fields.number(4)
    fields.skip(4)
    scratch = Fields(fields.raw(16), fields.position - 16)
    if kind != 1 or store.offsets > 8:
        return None
    tree, heap = store.address(scratch), store.address(scratch)
    return None if tree is None or heap is None else (tree, heap)


def _new(store: Store) -> Opened:
    fields = store.fields(store.base, 12)
    fields.skip(9)
    _widths(store, fields)
    length = 12 + 4 * store.offsets
    fields = store.fields(store.base + 12, 4 * store.offsets)
    stated_base = fields.number(store.offsets)
    extension = store.address(fields)
    at = fields.position
    end, root = store.address(fields), store.address(fields)
    yield from store.checked(store.base, store.base + length)
    yield from _ends(store, stated_base, end, at)
    if root is None:
        raise Malformed(at, "the address of the root group", "none")
    return Superblock(root, extension, None)


def user_block(store: Store) -> Told:
    """What stands before the signature is a member of its own, unless it is nothing but zeros."""
    last = min(store.base, _ZEROS)
    for at in range(0, last, _PIECE):
        if store.cursor.peek(at, min(_PIECE, last - at)).strip(b"\0"):
            last = 0
            break
    store.consumed(0, last)
    if last < store.base:
        yield Member(span=Span(0, store.base), name="user block")
