"""HDF5 as libhdf5 writes it: superblock, object headers, groups, attributes, datasets, and what is left between them.

What a newcomer would get wrong: nothing in an HDF5 file runs, but much of it may be elsewhere (other files, plug-ins),
may be declared and not stored, or may be the input of a program that does run it. Facts say all of that; elements that
are numbers are passed over where they lie.
"""

from modelairlock.encodings.hdf5.extension import read_extension
from modelairlock.encodings.hdf5.rest import Rest
from modelairlock.encodings.hdf5.store import Store, Told
from modelairlock.encodings.hdf5.superblock import base_of, begins, read_superblock, user_block
from modelairlock.encodings.hdf5.walk import Note, Walk
from modelairlock.reading import Cursor, OverLimit
from modelairlock.records.facts import Member
from modelairlock.records.span import Extents

__all__ = ["begins", "hdf5_facts"]


def hdf5_facts(cursor: Cursor, note: Note | None = None) -> Told:
    """Everything about the file; `note` hears of each object and attribute, for whoever wants their names."""
    store = Store(cursor, base_of(cursor.source))
    try:
        yield from _all(store, Walk(store, note))
    except OverLimit as problem:
        # Blocks lie in no order, so what was not come to is anywhere in the file.
        raise OverLimit(0, f"at byte {problem.position}: {problem.detail}") from problem


def _all(store: Store, walk: Walk) -> Told:
    members = Extents()
    for told in _referred(store, walk):
        if isinstance(told, Member):
            members.add(*told.span)
        yield told
    yield from Rest(store, walk.heap, walk.values, members).account()


def _referred(store: Store, walk: Walk) -> Told:
    yield from user_block(store)
    superblock = yield from read_superblock(store)
    if superblock.extension is not None:
        yield from read_extension(store, superblock.extension)
    yield from walk.run(superblock.root, superblock.cached)
