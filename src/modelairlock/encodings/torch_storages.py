"""What a torch pickle says of its storages: ``('storage', type, key, location, count, …)`` for each."""

from typing import NamedTuple

from modelairlock.encodings.pickle_machine import State
from modelairlock.encodings.pickle_machine import values as v
from modelairlock.records.torch import ITEM_BYTES


class Storage(NamedTuple):
    """A storage: `elements` elements of `item_bytes` bytes each; 0 bytes when its type is not known."""

    elements: int | None
    item_bytes: int


def storages(state: State) -> dict[str, Storage]:
    """The storages that the pickle of `state` names, by key."""
    found: dict[str, Storage] = {}
    ledger = state.ledger
    for pid in ledger.persistent:
        if len(pid) < 5 or ledger.text(pid[0]) != "storage":
            continue
        key = ledger.text(pid[2])
        item_bytes = 0
        if pid[1] & v.KIND == v.GLOBAL:
            item_bytes = ITEM_BYTES.get(ledger.globals[pid[1] >> 4][1], 0)
        if key is not None:
            # torch makes a storage when its key is first met; what is said of it later changes nothing
            found.setdefault(key, Storage(v.whole_number(state.window, pid[4]), item_bytes))
    return found
