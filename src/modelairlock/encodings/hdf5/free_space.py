"""Lists of free space: where a heap or a file has room. They describe places and hold no data."""

from modelairlock.encodings.hdf5.store import Store, Told
from modelairlock.reading import Malformed


def read_free_space(store: Store, position: int | None) -> Told:
    """The list of free space at `position`, if there is one."""
    if position is None:
        return
    length = 6 + 7 * store.lengths + 8 + store.offsets
    fields = store.block(position, b"FSHD", length)
    fields.skip(1 + 4 * store.lengths + 8 + store.lengths)
    sections = store.address(fields)
    used = store.length(fields)
    yield from store.checked(position, position + length)
    if sections is None:
        return
    least = 9 + store.offsets
    if used < least:
        raise Malformed(position, f"a list of free space of at least {least} bytes", str(used))
    store.block(sections, b"FSSE", used - 4)
    yield from store.checked(sections, sections + used - 4)
