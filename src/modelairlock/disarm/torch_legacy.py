"""torch's stream before 1.6: five pickles one after the other, then each storage as a count and raw numbers.

The numbers are little-endian, whatever the third pickle says of the machine: torch turns them as it writes.
"""

from typing import NamedTuple

from modelairlock.disarm.calls import Embedded, Meaning
from modelairlock.disarm.harvest import Harvest
from modelairlock.disarm.objects import Objects
from modelairlock.disarm.tape import Tape
from modelairlock.disarm.tree import Walk, tell_calls
from modelairlock.disarm.values import Blob, Box, Part, Storage
from modelairlock.encodings.compression import inflate
from modelairlock.reading import Budget, BytesSource, Source, SubSource, Unsupported
from modelairlock.records.disarm import Plan, Store
from modelairlock.records.span import Span

#: LONG1 0x1950a86a20f9469cfc6c STOP
MAGIC = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
_MAGIC_NUMBER = int.from_bytes(MAGIC[2:12], "little", signed=True)
_PROTOCOL = 1001


def is_legacy(head: bytes) -> bool:
    """Whether a stream begins here."""
    return head[:1] == b"\x80" and MAGIC in head[:32]


class _Read(NamedTuple):
    """What a stream says: its value, and where its storages lie."""

    value: object
    places: dict[str, tuple[int, int]]
    meaning: Meaning


def plan_torch_legacy(source: Source, budget: Budget, stream: int = -1) -> Plan:
    """The plan for the stream in `source`. Raises `ReadProblem` for one that is not converted."""
    read = _read(source, budget)

    def locate(storage: Storage) -> Store | str:
        place = read.places.get(storage.key)
        return Store(*place, stream) if place else f"the file has no storage {storage.key:.40}"

    harvest = Harvest("pt", locate, stream=stream)
    walk = Walk(harvest, source, budget)
    plain = walk.root(read.value)
    tell_calls(walk, read.meaning)
    return harvest.plan("torch_legacy", plain)


def embedded_in(source: Source, budget: Budget) -> Embedded:
    """What reads a storage that stands in a pickle of `source`, as a whole stream in a byte string."""

    def storage_of(data: Blob | bytes) -> Storage | None:
        inner = _source_of(data, source, budget)
        if not is_legacy(inner.read(0, 32)):
            return None
        read = _read(inner, budget)
        storage = read.value
        # torch calls nothing in there: one that does is left behind whole, instead of what it calls going unsaid
        quiet = not read.meaning.called and not read.meaning.notes
        if not isinstance(storage, Storage) or storage.key not in read.places or not quiet:
            return None
        start, end = read.places[storage.key]
        if isinstance(data, bytes):
            storage.data = data[start:end]
        elif data.method == "stored":
            storage.data = Blob(data.start + start, data.start + end)
        else:
            storage.data = Part(data, start, end)
        return storage

    return storage_of


def _source_of(data: Blob | bytes, source: Source, budget: Budget) -> Source:
    if isinstance(data, bytes):
        return BytesSource(data)
    if data.method == "stored":
        return SubSource(source, data.start, data.end)
    return inflate(source, Span(data.start, data.end), data.method, budget)


def _read(source: Source, budget: Budget) -> _Read:
    tape, meaning = Tape(source, 0, budget), Meaning()
    magic, protocol, _, value, keys = (Objects(tape, meaning).read() for _ in range(5))
    if magic != _MAGIC_NUMBER:
        raise Unsupported(0, "it begins with another pickle than torch's streams do, which other loaders take for all")
    if protocol != _PROTOCOL:
        raise Unsupported(0, f"expected protocol {_PROTOCOL} of torch, got {protocol!r:.40}")
    return _Read(value, _places(tape, keys, meaning.storages), meaning)


def _places(tape: Tape, keys: object, known: dict[str, Storage]) -> dict[str, tuple[int, int]]:
    """Where each storage lies: they follow in the order of `keys`."""
    if not isinstance(keys, Box) or keys.kind != "list":
        raise Unsupported(tape.at, "the list of storages is no list")
    places: dict[str, tuple[int, int]] = {}
    for key in keys.items:
        storage = known.get(key) if isinstance(key, str) else None
        if storage is None or not isinstance(key, str) or key in places:
            raise Unsupported(tape.at, f"storage {key!r:.40} is not known, or stands twice: its length cannot be told")
        count = int.from_bytes(tape.take(8), "little", signed=True)
        if count < 0:
            raise Unsupported(tape.at, f"a storage of {count} elements")
        places[key] = tape.skip(count * storage.item_bytes)
    return places
