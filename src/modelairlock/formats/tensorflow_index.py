"""The index of a TensorFlow checkpoint (``*.index``): which tensor lies where in the files of numbers beside it.

What a newcomer would get wrong: it is a sorted table in the manner of LevelDB, read from its end: a footer names the
index block, that names the others. Keys share beginnings with the key before them, so a block is walked in order, and
a block may be compressed by Snappy. Blocks that the index does not name are bytes that nobody reads, and a gap.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from modelairlock.encodings.protobuf import Window, fields
from modelairlock.encodings.snappy import unsnap
from modelairlock.encodings.tensorflow.schema import TABLES, known
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import (
    Budget,
    BytesSource,
    Cursor,
    Format,
    Malformed,
    OverLimit,
    Probe,
    Truncated,
    Unsupported,
)
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact

MAGIC = bytes.fromhex("57fb808b247547db")
FOOTER = 48
#: what follows each block: how it is compressed, and a checksum
_TRAILER = 5
_BLOCK_BYTES = 8 * 1024 * 1024
_KEY_BYTES = 64 * 1024
#: elements of a bundle's entry: a tensor's shard, offset and size
_SHARD, _OFFSET, _SIZE = 3, 4, 5
_INT64 = 2**63


class _Handle(NamedTuple):
    """Where a block lies."""

    offset: int
    size: int


class _Block(NamedTuple):
    """The bytes of a block, unpacked, and where it lies in the artifact."""

    data: bytes
    position: int


def claims(probe: Probe) -> bool:
    """By the last eight bytes."""
    return probe.size >= FOOTER and probe.tail.endswith(MAGIC)


def read(cursor: Cursor) -> Iterator[Fact | Gap]:
    """The footer, the two indexes, and every block."""
    footer = cursor.read(cursor.size - FOOTER, FOOTER)
    if not footer.endswith(MAGIC):
        raise Malformed(cursor.size - 8, "the mark of a table", repr(footer[-8:])[1:])
    meta, at = _handle(footer, 0, cursor.size - FOOTER)
    index, at = _handle(footer, at, cursor.size - FOOTER)
    if footer[at:-8].strip(b"\0"):
        raise Malformed(cursor.size - FOOTER + at, "zeros up to the mark", "something else")
    for _, value in _entries(_block(cursor, meta)):
        yield Gap(
            start=meta.offset, end=meta.offset, because=Because.UNSUPPORTED, detail=f"a meta block {value[:20]!r}"
        )
    shards, first, last = 0, True, 0
    for _, value in _entries(_block(cursor, index)):
        handle, _ = _handle(value, 0, index.offset)
        if handle.offset < last:
            raise Malformed(index.offset, f"blocks one after another, from {last} on", f"one at {handle.offset}")
        last = handle.offset + handle.size
        block = _block(cursor, handle)
        for key, entry in _entries(block):
            cursor.budget.check_time(handle.offset)
            if first:
                shards, first = _header(key, entry, block), False
            else:
                yield from _tensor(key, entry, block, shards)
    if first:
        raise Malformed(index.offset, "the header of a checkpoint", "no entry at all")


def _handle(data: bytes, at: int, position: int) -> tuple[_Handle, int]:
    offset, at = _number(data, at, position)
    size, at = _number(data, at, position)
    return _Handle(offset, size), at


def _number(data: bytes, at: int, position: int) -> tuple[int, int]:
    value = 0
    for index in range(10):
        if at + index >= len(data):
            raise Truncated(position, "the table ends inside a number")
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, at + index + 1
    raise Malformed(position, "a number of at most 10 bytes", "a longer one")


def _block(cursor: Cursor, handle: _Handle) -> _Block:
    """A block, which lies before the footer with its trailer. Raises `ReadProblem`."""
    if handle.size > _BLOCK_BYTES:
        raise OverLimit(min(handle.offset, cursor.size), f"a block of {handle.size} bytes; {_BLOCK_BYTES} are read")
    if handle.offset + handle.size + _TRAILER > cursor.size - FOOTER:
        raise Malformed(cursor.size - FOOTER, "a block before the footer", f"one at {handle.offset}")
    data = cursor.read(handle.offset, handle.size + _TRAILER)
    kind = data[handle.size]
    if kind == 0:
        return _Block(data[: handle.size], handle.offset)
    if kind == 1:
        return _Block(unsnap(data[: handle.size], handle.offset, _BLOCK_BYTES), handle.offset)
    raise Unsupported(handle.offset + handle.size, f"a block compressed by method {kind}")


def _entries(block: _Block) -> Iterator[tuple[bytes, bytes]]:
    """Keys, in order, and values."""
    data, position = block
    restarts = int.from_bytes(data[-4:], "little")
    end = len(data) - 4 - 4 * restarts
    if len(data) < 4 or end < 0:
        raise Malformed(position, "a block with room for its restarts", f"{restarts} of them")
    places = [int.from_bytes(data[one : one + 4], "little") for one in range(end, len(data) - 4, 4)]
    if places and (places[0] or places[-1] > end or any(low >= high for low, high in pairwise(places))):
        raise Malformed(position, "restarts in rising order, from 0 on", "others")
    at, key = 0, b""
    while at < end:
        shared, at = _number(data, at, position)
        fresh, at = _number(data, at, position)
        length, at = _number(data, at, position)
        if shared > len(key) or at + fresh + length > end or shared + fresh > _KEY_BYTES:
            raise Malformed(position, "an entry inside its block", "one that reaches outside")
        following = key[:shared] + data[at : at + fresh]
        if following <= key and key:
            raise Malformed(position, "keys in rising order", repr(following[:40])[1:])
        key = following
        yield key, data[at + fresh : at + fresh + length]
        at += fresh + length


def _header(key: bytes, value: bytes, block: _Block) -> int:
    """How many files of numbers there are."""
    if key or not known(value, 0, len(value), TABLES["BundleHeader"]):
        raise Malformed(block.position, "the header of a checkpoint", repr(key[:40])[1:])
    return dict(_numbers(value)).get(1, 0)


def _tensor(key: bytes, value: bytes, block: _Block, shards: int) -> Iterator[Gap]:
    """A tensor, or a slice of one, whose extents fit the arithmetic of its readers."""
    start, end = block.position, block.position
    if not known(value, 0, len(value), TABLES["BundleEntry"]):
        detail = f"{key[:80]!r} is described by fields that no tensor has"
        yield Gap(start=start, end=end, because=Because.UNRECOGNISED, detail=detail)
        return
    said = dict(_numbers(value))
    offset, size = said.get(_OFFSET, 0), said.get(_SIZE, 0)
    if said.get(_SHARD, 0) >= max(shards, 1) or offset >= _INT64 or size >= _INT64 or offset + size >= _INT64:
        detail = f"{key[:80]!r} lies at {offset}..{offset + size} of file {said.get(_SHARD, 0)} of {shards}"
        yield Gap(start=start, end=end, because=Because.MALFORMED, detail=detail)


def _numbers(value: bytes) -> Iterator[tuple[int, int]]:
    """The fields of a message in memory, which was found to be whole, that are numbers."""
    cursor = Cursor(BytesSource(value), "", Budget(DEFAULT_LIMITS))
    for field in fields(Window(cursor), 0, len(value)):
        yield field.number, field.value


FORMAT = Format(
    name="tensorflow_index",
    summary="The index of a TensorFlow checkpoint (`.index`): names, types, shapes and places of its tensors.",
    claims=claims,
    read=read,
    extensions=(".index",),
    loaders=("tf.train.load_checkpoint, tf.train.Checkpoint.restore", "tf.saved_model.load"),
    blind_spots=(
        "Checksums of blocks and tensors are not compared.",
        "Tensors that share bytes of a file of numbers, or reach past its end: TensorFlow checks that itself.",
    ),
    references=(
        "https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto",
        "https://github.com/google/leveldb/blob/main/doc/table_format.md",
    ),
)
