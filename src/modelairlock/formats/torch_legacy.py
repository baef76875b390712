"""PyTorch's stream format before 1.6: five pickles one after the other, then raw storages.

Magic number, protocol version, system information, the object, the list of storage keys; then for each key a count of
elements and that many raw numbers. A scanner that stops at the first STOP has seen the magic number and nothing else.
"""

from collections.abc import Iterator

from modelairlock.encodings.pickle_machine import State
from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_stream import pickle_facts
from modelairlock.encodings.torch_storages import Storage, storages
from modelairlock.reading import Cursor, Format, Probe, Truncated, Unsupported, first_bytes
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Irregularity
from modelairlock.records.span import Span

#: LONG1 0x1950a86a20f9469cfc6c STOP
_MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
_PROTOCOL = 1001


def _claims(probe: Probe) -> bool:
    return probe.head[:1] == b"\x80" and _MAGIC in probe.head[:32]


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    at = 0
    states: list[State] = []
    for number in range(5):
        # No loader that reads arrays between opcodes reads five pickles.
        state = State(cursor, at, joblib=False)
        state.watching = number == 4
        yield from pickle_facts(cursor, state)
        states.append(state)
        at = state.position
    version = v.whole_number(states[1].window, states[1].result)
    if version != _PROTOCOL:
        detail = f"protocol version {version}, and torch knows {_PROTOCOL}"
        yield Irregularity(span=Span(states[0].position, states[1].position), kind="torch-protocol-odd", detail=detail)
    yield from _storages(cursor, at, _keys(states[4]), storages(states[3]))


def _keys(state: State) -> list[str]:
    box = state.boxes.find(state.result) if state.result & v.KIND == v.BOX else None
    kept = box.items if box else None
    keys = [state.ledger.text(value) for value in kept or ()]
    if kept is None or None in keys:
        raise Unsupported(state.position, "the list of storage keys is computed: what follows cannot be told apart")
    return [key for key in keys if key is not None]


def _storages(cursor: Cursor, at: int, keys: list[str], known: dict[str, Storage]) -> Iterator[Fact | Gap]:
    for key in keys:
        storage = known.get(key)
        if storage is None or not storage.item_bytes:
            raise Unsupported(at, f"storage {key!r:.40} is of no known type: its length cannot be told")
        count = int.from_bytes(cursor.read(at, 8), "little", signed=True)
        end = at + 8 + count * storage.item_bytes
        if count < 0 or end > cursor.size:
            raise Truncated(at, f"a storage of {count} elements of {storage.item_bytes} bytes")
        if count != storage.elements:
            detail = f"storage {key[:40]} has {count} elements, and the pickle says {storage.elements}"
            yield Irregularity(span=Span(at, end), kind="torch-storage-size-differs", detail=detail)
        cursor.pass_over(at + 8, end)
        at = end


FORMAT = Format(
    name="torch_legacy",
    summary="PyTorch checkpoint as torch.save wrote it before 1.6: five pickles and raw storages in one stream.",
    claims=_claims,
    begins=first_bytes(b"\x80"),
    read=_read,
    extensions=(".pt", ".pth", ".ckpt"),
    loaders=("torch.load up to 2.13 (weights_only or not)",),
    passes_over="The storages after the fifth pickle: torch takes their bytes as numbers.",
    blind_spots=("Weights that were trained to misbehave.",),
    builds_on=("pickle",),
    references=("torch/serialization.py, _legacy_load", "CVE-2026-24747"),
)
