"""The superblock's extension: an object header that says how the file as a whole is kept.

What a newcomer would get wrong: one of its messages may hold a copy of all metadata, which libhdf5 takes instead of
what stands in the file. Whoever reads the file alone then reads something else.
"""

from modelairlock.encodings.hdf5 import headers
from modelairlock.encodings.hdf5.free_space import read_free_space
from modelairlock.encodings.hdf5.headers import Message
from modelairlock.encodings.hdf5.store import Fields, Store, Told
from modelairlock.reading import Malformed, OverLimit, ReadProblem, Unsupported

_WHAT = {
    headers.SHARED_TABLE: "messages that objects share in a heap of their own",
    headers.DRIVER: "a driver block: one file of several that belong together",
    headers.CACHE_IMAGE: "a copy of the metadata, which libhdf5 takes instead of what stands in the file",
}


def read_extension(store: Store, position: int) -> Told:
    """All messages of the extension."""
    try:
        messages = yield from headers.read_header(store, position)
        for message in messages:
            yield from _message(store, message)
    except OverLimit:
        raise
    except ReadProblem as problem:
        yield from store.problem(problem, "the extension of the superblock")


def _message(store: Store, message: Message) -> Told:
    fields = Fields(store.peek(message.start, message.end - message.start), message.start)
    if message.kind == headers.FREE_SPACE:
        yield from _free_space(store, fields)
    elif message.kind == headers.CACHE_IMAGE and _unset(store, fields):
        pass
    elif message.kind != headers.TREE_SIZES:
        raise Unsupported(message.start, _WHAT.get(message.kind, f"a message of kind {message.kind}"))
    store.consumed(message.start, message.end)


def _unset(store: Store, fields: Fields) -> bool:
    fields.skip(1)
    return store.address(fields) is None


def _free_space(store: Store, fields: Fields) -> Told:
    """How room is kept, and the lists of it that outlive the program, if there are any."""
    version = fields.number(1)
    if version == 0:
        fields.skip(1 + store.lengths)
    elif version == 1:
        fields.skip(2 + 2 * store.lengths + 2)
        store.address(fields)
    else:
        raise Malformed(fields.start, "a message on free space of version 0 or 1", str(version))
    while fields.left >= store.offsets:
        yield from read_free_space(store, store.address(fields))
