"""Collects the plan: tensors under their names, the stores they lie in, and a note for each thing that stays behind."""

from collections.abc import Callable

from modelairlock.disarm.numbers import WIDEST, count_of, item_bytes, rows
from modelairlock.disarm.numpy_calls import name_of
from modelairlock.disarm.plain import to_json
from modelairlock.disarm.values import Array, Blob, Part, Storage, View
from modelairlock.reading import OverLimit
from modelairlock.records.disarm import (
    INLINE_BYTES,
    MOST_NOTES,
    MOST_STORES,
    MOST_TENSORS,
    NOTE_CHARACTERS,
    PLAIN_BYTES,
    Framework,
    Note,
    Plan,
    Store,
    Stream,
    Tensor,
)
from modelairlock.records.tensors import is_odd
from modelairlock.records.text import shown

#: what a file that is nothing but one tensor calls it
ONLY = "tensor"
#: where a torch storage lies, or why it cannot be had
Locate = Callable[[Storage], Store | str]


class Harvest:
    """What was found so far. `swap` says whether torch's storages have their bytes in the other order."""

    def __init__(
        self, framework: Framework, locate: Locate | None = None, *, swap: bool = False, stream: int = -1
    ) -> None:
        self.framework = framework
        self.locate = locate
        self.swap = swap
        #: the stream that all positions are in, -1 for the file itself
        self.stream = stream
        self.streams: list[Stream] = []
        self.stores: dict[Store, int] = {}
        self.tensors: dict[str, Tensor] = {}
        self.dropped: list[Note] = []
        self.lost: list[Note] = []
        self.more_dropped = self.more_lost = 0
        #: values of which nothing is known but the call that made them
        self.unknown = 0
        self._twice: set[str] = set()
        self._inline = 0
        self._located: dict[str, Store | str] = {}

    def look_in(self, locate: Locate) -> None:
        """Find storages by `locate` from now on: another pickle of the archive may use the same keys for others."""
        self.locate = locate
        self._located.clear()

    def lose(self, where: str, what: str, why: str) -> None:
        """A tensor or plain value that is not carried over."""
        if len(self.lost) < MOST_NOTES:
            self.lost.append(_note(where, what, why))
        else:
            self.more_lost += 1

    def drop(self, where: str, what: str, why: str) -> None:
        """Something that is neither tensor nor plain data."""
        if len(self.dropped) < MOST_NOTES:
            self.dropped.append(_note(where, what, why))
        else:
            self.more_dropped += 1

    def view(self, key: str, view: View) -> None:
        """A tensor of torch."""
        why = view.why or view.storage.why
        if why:
            self.lose(key, "a tensor", why)
            return
        place = self._place(view.storage) if 0 not in view.shape else Store(0, 0)
        if isinstance(place, str):
            self.lose(key, "a tensor", place)
            return
        swap = self.swap and view.item_bytes > 1
        # torch turns the bytes of a storage when it reads it, by the type of the storage
        wide = max(view.item_bytes, view.storage.item_bytes) > 1
        if self.swap and wide and view.storage.dtype != view.dtype:
            self.lose(key, "a tensor", "its bytes are in big-endian order, and its storage is not of its type")
            return
        offset = view.offset if 0 not in view.shape else 0
        self.add(Tensor(key, view.dtype, view.shape, view.strides, offset, self.store(place), swap))

    def array(self, key: str, array: Array) -> None:
        """An array of numpy."""
        dtype = array.dtype
        name, why = name_of(dtype) if dtype else ("", "it was never filled")
        why = array.why or why
        if why or dtype is None or array.data is None:
            self.lose(key, "an array", why or "it was never filled")
            return
        needs = count_of(array.shape) * item_bytes(dtype)
        place = self._data(array.data, needs)
        if isinstance(place, str):
            self.lose(key, "an array", place)
            return
        code = dtype.code
        big = dtype.order == ">" or code.startswith(">")
        strides = rows(array.shape, fortran=array.fortran)
        swap = big and item_bytes(dtype) > 1
        self.add(Tensor(key, name, array.shape, strides, 0, self.store(place), swap))

    def numbers(self, key: str, dtype: str, shape: tuple[int, ...], place: Store, *, swap: bool = False) -> None:
        """A tensor that lies in one piece."""
        self.add(Tensor(key, dtype, shape, rows(shape), 0, self.store(place), swap))

    def plan(self, format_: str, plain: object) -> Plan:
        """All of it. `plain` is what is neither tensor nor dropped; None if there is nothing."""
        text = b"" if plain is None else to_json(plain)
        if len(text) > PLAIN_BYTES:
            self.lose("", "what is no tensor", f"it is {len(text)} bytes as JSON, and {PLAIN_BYTES} are carried over")
            text = b""
        return Plan(
            format=format_,
            framework=self.framework,
            tensors=tuple(self.tensors.values()),
            stores=tuple(self.stores),
            streams=tuple(self.streams),
            plain=text,
            dropped=tuple(self.dropped),
            lost=tuple(self.lost),
            more_dropped=self.more_dropped,
            more_lost=self.more_lost,
            unknown=self.unknown,
        )

    def add(self, tensor: Tensor) -> None:
        """A tensor as it is, if it can have its name."""
        key = tensor.key
        if is_odd(key):
            self.lose(key, "a tensor", "its name has control characters, is a path that leads out, or is too long")
        elif key == "__metadata__":
            self.lose(key, "a tensor", "safetensors keeps this name for itself")
        elif key in self.tensors or key in self._twice:
            self._twice.add(key)
            self.tensors.pop(key, None)
            self.lose(key, "tensors", "more than one would have this name")
        elif len(self.tensors) >= MOST_TENSORS:
            raise OverLimit(0, f"more than {MOST_TENSORS} tensors")
        else:
            self.tensors[key] = tensor

    def store(self, place: Store) -> int:
        """The number of a store."""
        if len(self.stores) >= MOST_STORES:
            raise OverLimit(0, f"more than {MOST_STORES} storages")
        return self.stores.setdefault(place, len(self.stores))

    def _place(self, storage: Storage) -> Store | str:
        if storage.data is not None:
            return self._data(storage.data, storage.elements * storage.item_bytes)
        if storage.key not in self._located:
            found = self.locate(storage) if self.locate else "its storage is in no archive"
            if isinstance(found, Store) and found.end - found.start != storage.elements * storage.item_bytes:
                has, wants = found.end - found.start, storage.elements * storage.item_bytes
                found = f"its storage has {has} bytes, and the pickle says {wants}"
            self._located[storage.key] = found
        return self._located[storage.key]

    def _data(self, data: Blob | Part | bytes, needs: int) -> Store | str:
        if needs > WIDEST:
            return "it would have more than 2**62 bytes"
        if isinstance(data, bytes):
            self._inline += len(data)
            if len(data) != needs:
                return f"it is given {len(data)} bytes and needs {needs}"
            return Store(0, needs, -1, data) if self._inline <= INLINE_BYTES else "there are too many small arrays"
        if isinstance(data, Part):
            return self._text(data.blob, data.start, data.end)
        if data.method != "stored":
            return self._text(data, 0, needs)
        if data.end - data.start != needs:
            return f"it is given {data.end - data.start} bytes and needs {needs}"
        return Store(data.start, data.end, self.stream)

    def _text(self, data: Blob, start: int, end: int) -> Store | str:
        """Bytes that stand as text, as protocols below 3 write them."""
        if self.stream >= 0:
            return "its bytes stand as text inside a compressed file"
        if data.end - data.start < end:
            return f"it is given at most {data.end - data.start} bytes and needs {end}"
        self.streams.append(Stream(data.start, data.end, data.method, end))
        return Store(start, end, len(self.streams) - 1)


def _note(where: str, what: str, why: str) -> Note:
    return Note(shown(where, NOTE_CHARACTERS), shown(what, NOTE_CHARACTERS), shown(why, NOTE_CHARACTERS))
