"""Checkpoints of TensorFlow: an index says which bytes of which file of numbers are which tensor.

What a newcomer would get wrong: a variable that was partitioned has an entry without numbers that names its slices, and
each slice an entry of its own, under a key that is its name and its extents in a code of its own. Strings are not
numbers: they lie behind their lengths, in files that this reader does not see, and are read in a second step.
See tensorflow/core/util/tensor_bundle/tensor_bundle.cc and tensorflow/core/util/saved_tensor_slice_util.cc.
"""

from collections import Counter
from typing import NamedTuple

import msgspec

from modelairlock.disarm.harvest import Harvest
from modelairlock.disarm.numbers import count_of
from modelairlock.disarm.tensorflow_names import readable, slice_key
from modelairlock.encodings.crc32c import unmasked
from modelairlock.encodings.protobuf import VARINT, fields_in
from modelairlock.encodings.tensorflow.schema import TABLES, known
from modelairlock.encodings.tensorflow.table import FOOTER, MAGIC, read_block, read_entries, read_footer, read_handle
from modelairlock.reading import Budget, Cursor, Malformed, OverLimit, Source, Unsupported
from modelairlock.records.disarm import MOST_DIMENSIONS, MOST_TEXTS, Part, Plan, Store, Sum, Tensor, Text, covers
from modelairlock.records.tensors import BITS, is_odd

#: tensorflow/core/framework/types.proto
_DTYPES = {
    1: "F32", 2: "F64", 3: "I32", 4: "U8", 5: "I16", 6: "I8", 8: "C64", 9: "I64", 10: "BOOL", 14: "BF16", 17: "U16",
    19: "F16", 22: "U32", 23: "U64", 24: "F8_E5M2", 25: "F8_E4M3", 26: "F8_E4M3FNUZ", 28: "F8_E5M2FNUZ",
}  # fmt: skip
_STRING = 7
_KINDS = {
    11: "quantised", 12: "quantised", 13: "quantised", 15: "quantised", 16: "quantised", 18: "complex128",
    20: "resource", 21: "variant",
}  # fmt: skip
_INT64 = 1 << 63
_MOST_ENTRIES = 400_000
_MOST_SLICES = 10_000


class Extent(NamedTuple):
    """A slice along one axis; `length` is -1 for all of it."""

    start: int
    length: int


class _Entry(NamedTuple):
    dtype: int
    shape: tuple[int, ...] | None
    file: int
    offset: int
    size: int
    crc32c: int
    slices: tuple[tuple[Extent, ...], ...]


def is_index(source: Source) -> bool:
    """Whether it ends as an index does."""
    return source.size >= FOOTER and source.read(source.size - 8, 8) == MAGIC


def plan_tensorflow(source: Source, budget: Budget, beside: tuple[int, ...]) -> Plan:
    """The plan for the index in `source`; `beside` has the sizes of the files of numbers. Raises `ReadProblem`."""
    if not beside:
        raise Unsupported(0, "the files of numbers (.data-00000-of-…) are not beside the index of the checkpoint")
    found = _read(source, budget)
    header = found.pop(b"", None)
    if header is None:
        raise Malformed(0, "the header of a checkpoint", "no entry of that name")
    shards, big = _header(header)
    if shards != len(beside):
        raise Unsupported(0, f"the index says {shards} files of numbers, and there are {len(beside)}")
    one = _Bundle(Harvest("tf", swap=big), found, beside, budget)
    for key, value in found.items():
        budget.check_time(0)
        if not key.startswith(b"\0"):
            one.tensor(key, value)
    texts = one.texts_of_one_name()
    made = one.harvest.plan("tensorflow", None)
    sums = tuple(Sum(place, crc) for place, crc in one.sums.items())
    return msgspec.structs.replace(made, sums=sums, texts=texts)


def _read(source: Source, budget: Budget) -> dict[bytes, bytes]:
    """Every entry of the table. Raises `ReadProblem`."""
    cursor = Cursor(source, "", budget)
    _, index = read_footer(cursor)
    found: dict[bytes, bytes] = {}
    for _, value in read_entries(read_block(cursor, index, compare=True)):
        place, _ = read_handle(value, 0, index.offset)
        for key, entry in read_entries(read_block(cursor, place, compare=True)):
            budget.check_time(place.offset)
            if key in found:
                raise Malformed(place.offset, "each key once", repr(key[:40])[1:])
            found[key] = entry
            if len(found) > _MOST_ENTRIES:
                raise OverLimit(place.offset, f"more than {_MOST_ENTRIES} entries")
    return found


class _Bundle:
    """Collects what the entries say."""

    def __init__(self, harvest: Harvest, entries: dict[bytes, bytes], beside: tuple[int, ...], budget: Budget) -> None:
        self.harvest = harvest
        self.entries = entries
        self.beside = beside
        self.budget = budget
        self.texts: list[Text] = []
        self.sums: dict[int, int] = {}

    def tensor(self, key: bytes, value: bytes) -> None:
        """One entry that is no slice."""
        name = readable(key)
        entry = _entry(value)
        if entry is None or entry.shape is None:
            self.harvest.lose(name, "a tensor", "it is not described as TensorFlow does")
        elif entry.dtype == _STRING:
            self._text(name, entry)
        elif entry.dtype not in _DTYPES:
            kind = _KINDS.get(entry.dtype, f"type {entry.dtype}")
            self.harvest.lose(name, "a tensor", f"{kind} has no place in safetensors")
        elif entry.slices:
            self._sliced(key, name, entry, entry.shape)
        else:
            place = self._place(entry, entry.shape)
            if isinstance(place, str):
                self.harvest.lose(name, "a tensor", place)
            else:
                self.harvest.numbers(name, _DTYPES[entry.dtype], entry.shape, place, swap=self._swap(entry))
                self._sum(place, entry)

    def texts_of_one_name(self) -> tuple[Text, ...]:
        """The strings to be read. As with tensors, those that would have one name are all lost."""
        times = Counter(one.key for one in self.texts)
        for key, count in times.items():
            if count > 1:
                self.harvest.lose(key, "tensors of strings", "more than one would have this name")
        return tuple(one for one in self.texts if times[one.key] == 1)

    def _swap(self, entry: _Entry) -> bool:
        return self.harvest.swap and BITS[_DTYPES[entry.dtype]] > 8

    def _sum(self, place: Store, entry: _Entry) -> None:
        self.sums[self.harvest.store(place)] = entry.crc32c

    def _place(self, entry: _Entry, shape: tuple[int, ...]) -> Store | str:
        """Where the numbers are, or why they are not."""
        needs = count_of(shape) * BITS[_DTYPES[entry.dtype]] // 8
        if entry.size != needs:
            return f"it is given {entry.size} bytes and needs {needs}"
        return self._within(entry)

    def _within(self, entry: _Entry) -> Store | str:
        if entry.file >= len(self.beside):
            return f"it is said to be in file {entry.file} of {len(self.beside)}"
        if entry.offset + entry.size > self.beside[entry.file]:
            return f"it reaches beyond file {entry.file}, which has {self.beside[entry.file]} bytes"
        return Store(entry.offset, entry.offset + entry.size, file=entry.file + 1)

    def _text(self, name: str, entry: _Entry) -> None:
        place = self._within(entry)
        if entry.slices:
            place = "slices of strings are not carried over"
        elif is_odd(name):
            place = "its name has control characters, is a path that leads out, or is too long"
        elif len(self.texts) >= MOST_TEXTS:
            place = f"there are more than {MOST_TEXTS} of them"
        if isinstance(place, str):
            self.harvest.lose(name, "a tensor of strings", place)
            return
        shape = entry.shape or ()
        self.texts.append(Text(name, shape, place.start, place.end, place.file, entry.crc32c))

    def _sliced(self, key: bytes, name: str, entry: _Entry, shape: tuple[int, ...]) -> None:
        parts = []
        if len(entry.slices) > _MOST_SLICES:
            self.harvest.lose(name, "a partitioned tensor", f"it is in more than {_MOST_SLICES} slices")
            return
        for extents in entry.slices:
            self.budget.check_time(0)
            made = self._slice(key, extents, entry, shape)
            if isinstance(made, str):
                self.harvest.lose(name, "a partitioned tensor", made)
                return
            parts.append(made)
        if not covers(shape, tuple(parts)):
            self.harvest.lose(name, "a partitioned tensor", "its slices do not make it up")
            return
        zeros = (0,) * len(shape)
        dtype = _DTYPES[entry.dtype]
        self.harvest.add(Tensor(name, dtype, shape, zeros, 0, -1, self._swap(entry), parts=tuple(parts)))

    def _slice(self, key: bytes, extents: tuple[Extent, ...], entry: _Entry, shape: tuple[int, ...]) -> Part | str:
        if len(extents) != len(shape):
            return "a slice has other dimensions than it"
        corner = tuple(one.start for one in extents)
        size = tuple(length if one.length < 0 else one.length for one, length in zip(extents, shape, strict=True))
        value = self.entries.get(slice_key(key, extents))
        said = _entry(value) if value is not None else None
        if said is None:
            return "a slice is missing"
        if said.dtype != entry.dtype or said.shape != size or said.slices:
            return "a slice is of another type or shape"
        place = self._place(said, size)
        if isinstance(place, str):
            return f"of a slice, {place}"
        self._sum(place, said)
        return Part(corner, size, self.harvest.store(place))


def _header(value: bytes) -> tuple[int, bool]:
    """How many files there are, and whether numbers are big-endian. Raises `Malformed`."""
    if not known(value, 0, len(value), TABLES["BundleHeader"]):
        raise Malformed(0, "the header of a checkpoint", "unknown fields")
    said = {field.number: field.value for field in fields_in(value)}
    if said.get(2, 0) not in (0, 1):
        raise Malformed(0, "little or big numbers", f"number {said[2]} for their order")
    return said.get(1, 0), said.get(2, 0) == 1


def _entry(value: bytes) -> _Entry | None:
    """What an entry says; None if it is none."""
    if not known(value, 0, len(value), TABLES["BundleEntry"]):
        return None
    numbers = {1: 0, 3: 0, 4: 0, 5: 0}
    shape: tuple[int, ...] | None = ()
    crc32c, slices, shapes = 0, [], 0
    for field in fields_in(value):
        shapes += field.number == 2
        if field.wire == VARINT:
            numbers[field.number] = field.value
        elif field.number == 2:
            shape = _shape(value[field.start : field.end])
        elif field.number == 6:
            crc32c = unmasked(int.from_bytes(value[field.start : field.end], "little"))
        elif field.number == 7:
            slices.append(_extents(value[field.start : field.end]))
    file, offset, size = (numbers[number] for number in (3, 4, 5))
    # Two shapes are one to protobuf, which puts them together. Nobody writes two.
    odd = shapes > 1 or max(file, offset, size) >= _INT64
    if odd or any(len(one) > MOST_DIMENSIONS for one in slices):
        return None
    return _Entry(numbers[1], shape, file, offset, size, crc32c, tuple(slices))


def _shape(value: bytes) -> tuple[int, ...] | None:
    lengths = []
    for field in fields_in(value):
        if field.wire == VARINT:
            return None  # its rank is not known
        length = 0
        for one in fields_in(value[field.start : field.end]):
            length = one.value if one.number == 1 and one.wire == VARINT else length
        lengths.append(length)
    return tuple(lengths) if len(lengths) <= MOST_DIMENSIONS and all(one < _INT64 for one in lengths) else None


def _extents(value: bytes) -> tuple[Extent, ...]:
    made = []
    for field in fields_in(value):
        said = {1: 0, 2: -1}
        for one in fields_in(value[field.start : field.end]):
            if one.wire == VARINT:
                said[one.number] = one.value if one.value < _INT64 else one.value - 2 * _INT64
        made.append(Extent(said[1], said[2]))
    return tuple(made)
