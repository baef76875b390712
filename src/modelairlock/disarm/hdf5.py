"""HDF5, as Keras keeps weights in: each dataset of numbers is a tensor, attributes are plain data.

What a newcomer would get wrong: a dataset need not be in the file. One that lies elsewhere, was never written, or went
through filters that are not read here is lost, and said to be.
"""

import struct

from msgspec.structs import replace

from modelairlock.disarm.harvest import Harvest
from modelairlock.disarm.numbers import NUMPY, count_of
from modelairlock.disarm.plain import plain_name, plain_value
from modelairlock.encodings.hdf5 import storage
from modelairlock.encodings.hdf5.attributes import Attribute
from modelairlock.encodings.hdf5.chunks import Stored, chunks
from modelairlock.encodings.hdf5.datasets import Dataset
from modelairlock.encodings.hdf5.datatypes import STRING, VARIABLE
from modelairlock.encodings.hdf5.links import Link
from modelairlock.encodings.hdf5.store import Store as File
from modelairlock.encodings.hdf5.superblock import base_of, read_superblock
from modelairlock.encodings.hdf5.walk import Walk
from modelairlock.reading import Budget, Cursor, OverLimit, ReadProblem, Source, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.disarm import PLAIN_BYTES, Plan, Store, Stream, Tensor, Tile
from modelairlock.records.facts import Reference

_DEFLATE, _SHUFFLE, _FLETCHER = 1, 2, 3
#: filters in the order in which they were applied, as h5py writes them
_PIPELINES = ((), (_DEFLATE,), (_SHUFFLE, _DEFLATE), (_SHUFFLE,))
_TILE_BYTES = 64 * 1024 * 1024
_VALUES = 100_000
_LETTERS = {
    "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q", "f2": "e", "f4": "f",
    "f8": "d",
}  # fmt: skip


def plan_hdf5(source: Source, budget: Budget, base: int = 0) -> Plan:
    """The plan; `base` is where in the file `source` begins. Raises `ReadProblem`."""
    cursor = Cursor(source, "", budget)
    file = File(cursor, base_of(source))
    collected = Collected(file, base)
    walk = Walk(file, met=collected.met)
    collected.walk = walk
    superblock_facts = read_superblock(file)
    try:
        while True:
            next(superblock_facts)
    except StopIteration as stop:
        superblock = stop.value
    for stated in walk.run(superblock.root, superblock.cached):
        if isinstance(stated, Reference):
            what = f"{stated.kind} to {stated.target}"
            collected.harvest.lose(stated.where, what, "what it leads to is not followed")
        elif isinstance(stated, Gap):
            raise Unsupported(stated.start, f"part of the file cannot be read: {stated.detail}")
    plain = {"attributes": collected.attributes} if collected.attributes else None
    return collected.harvest.plan("hdf5", plain)


class Collected:
    """What the walk meets."""

    def __init__(self, file: File, base: int) -> None:
        self.file = file
        self.base = base
        self.harvest = Harvest("")
        self.attributes: dict[str, dict[str, object]] = {}
        #: what datasets are called, by where their headers stand
        self.keys: dict[int, str] = {}
        self.left = PLAIN_BYTES
        self.walk: Walk | None = None

    def met(self, where: str, one: Dataset | Attribute | Link) -> None:
        """Take a dataset or an attribute, or another name of one that was met."""
        key = where.strip("/").replace("/", ".")
        if isinstance(one, Dataset):
            self.keys[one.span.start] = key
            self._dataset(key, one)
        elif isinstance(one, Link):
            self._again(key, self.harvest.tensors.get(self.keys.get(one.target, "")))
        else:
            self._attribute(where, one)

    def _again(self, key: str, tensor: Tensor | None) -> None:
        """Another way to what was met already."""
        if tensor is None:
            self.harvest.lose(key, "a second link", "what it leads to has a name already, and is no tensor")
        else:
            self.harvest.add(replace(tensor, key=key))

    def _attribute(self, where: str, one: Attribute) -> None:
        try:
            value = self._value(one)
        except ReadProblem as problem:
            if isinstance(problem, OverLimit):
                raise
            value = None
        if value is None:
            self.harvest.lose(
                f"{where}@{one.name}", "an attribute", "it is neither text nor plain numbers, or too long"
            )
        else:
            self.attributes.setdefault(where, {})[plain_name(one.name)] = value

    def _dataset(self, key: str, one: Dataset) -> None:
        name = NUMPY.get(one.kind.number.lstrip("<>"), "")
        shape, layout = one.space.shape, one.layout
        if not name or shape is None:
            what = "it has no elements" if shape is None else "its type has no place in safetensors"
            self.harvest.lose(key, "a dataset", what)
            return
        size = count_of(shape) * one.kind.size
        if one.external or layout.kind == storage.VIRTUAL:
            self.harvest.lose(key, "a dataset", "its elements are not in this file")
        elif not size:
            self.harvest.numbers(key, name, shape, Store(0, 0))
        elif layout.place is None:
            self.harvest.lose(key, "a dataset", "it was never written")
        elif layout.kind == storage.CHUNKED:
            self._chunked(key, name, shape, one)
        elif one.filters or (layout.size >= 0 and layout.size < size) or layout.place + size > self.file.end:
            self.harvest.lose(key, "a dataset", "its room in the file is not what its shape needs")
        else:
            start = self.base + layout.place
            self.harvest.numbers(key, name, shape, Store(start, start + size), swap=one.kind.number[0] == ">")

    def _chunked(self, key: str, name: str, shape: tuple[int, ...], one: Dataset) -> None:
        numbers = tuple(part.number for part in one.filters)
        summed = numbers[-1:] == (_FLETCHER,)
        numbers = numbers[:-1] if summed else numbers
        *tile, width = one.layout.shape
        size = count_of(tuple(tile)) * width
        if numbers not in _PIPELINES or width != one.kind.size or len(tile) != len(shape) or size > _TILE_BYTES:
            self.harvest.lose(key, "a dataset", "it went through filters that are not read here, or its chunks are odd")
            return
        tiles: dict[tuple[int, ...], Tile] = {}
        for found in chunks(self.file, one.layout, shape):
            if not isinstance(found, Stored):
                continue
            # the last is within an element, where no chunk begins
            corner = found.corner[:-1] if found.corner and not found.corner[-1] else None
            if corner is None or found.mask or corner in tiles or not _fits(corner, shape, tile):
                self.harvest.lose(key, "a dataset", "where its chunks belong is not read from such an index")
                return
            end = found.end - 4 if summed else found.end
            tiles[corner] = Tile(corner, self._chunk(found.start, end, size, packed=_DEFLATE in numbers))
        grid = count_of(tuple(-(-length // step) for length, step in zip(shape, tile, strict=True)))
        if len(tiles) != grid or any(one.store < 0 for one in tiles.values()):
            self.harvest.lose(key, "a dataset", "some of its chunks were never written, or are of another size")
            return
        swap = one.kind.number[0] == ">" and width > 1
        strides, shuffled = (0,) * len(shape), _SHUFFLE in numbers and width > 1
        self.harvest.add(
            Tensor(key, name, shape, strides, 0, -1, swap, tuple(tiles.values()), tuple(tile), shuffled=shuffled)
        )

    def _chunk(self, start: int, end: int, size: int, *, packed: bool) -> int:
        """The number of the store of one chunk, -1 if it is not of the size of its shape."""
        start, end = self.base + start, self.base + end
        if not packed:
            return self.harvest.store(Store(start, end)) if end - start == size else -1
        self.harvest.streams.append(Stream(start, max(start, end), "zlib", size))
        return self.harvest.store(Store(0, size, len(self.harvest.streams) - 1))

    def _value(self, one: Attribute) -> object:
        """An attribute as JSON; None where it is neither text nor numbers."""
        kind, (start, end) = one.kind, one.value
        count = one.space.elements
        self.left -= end - start
        if self.left < 0 or count > _VALUES:
            return None
        if not count or not kind.size:
            return [] if one.space.shape else ""
        data = self.file.peek(start, count * kind.size)
        parts = [data[at : at + kind.size] for at in range(0, len(data), kind.size)]
        values = [self._one(kind.kind, kind.number, part, one) for part in parts]
        if any(value is None for value in values):
            return None
        return values[0] if one.space.shape == () else values

    def _one(self, kind: int, number: str, part: bytes, one: Attribute) -> object:
        if kind == STRING:
            return part.rstrip(b"\0").decode("utf-8", "backslashreplace")
        if kind == VARIABLE and one.kind.variables[0].text:
            return self._long(part)
        if number == "?":
            return part != b"\0"
        letter = _LETTERS.get(number[1:])
        if not letter:
            return None
        return plain_value(struct.unpack(number[0] + letter, part)[0])

    def _long(self, part: bytes) -> str | None:
        """A text of variable length, which lies in the heap."""
        length, place = int.from_bytes(part[:4], "little"), int.from_bytes(part[4 : 4 + self.file.offsets], "little")
        index = int.from_bytes(part[4 + self.file.offsets :], "little")
        if not length or self.walk is None:
            return ""
        found = self.walk.heap.find(self.file.base + place, index)
        self.left -= length
        if self.left < 0 or length > found.end - found.start:
            return None
        data = self.file.cursor.source.read(found.start, length)
        return data.rstrip(b"\0").decode("utf-8", "backslashreplace")


def _fits(corner: tuple[int, ...], shape: tuple[int, ...], tile: list[int]) -> bool:
    """Whether a chunk begins where one can."""
    return all(at < length and not at % step for at, length, step in zip(corner, shape, tile, strict=True))
