"""The table of a TensorFlow checkpoint's index, as LevelDB writes its tables: sorted keys with their values, in blocks.

It is read from its end: a footer names the index block, that names the others. Keys share beginnings with the key
before them, so a block is walked in order, and a block may be compressed by Snappy.
See https://github.com/google/leveldb/blob/main/doc/table_format.md.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from modelairlock.encodings.crc32c import crc32c, masked
from modelairlock.encodings.snappy import unsnap
from modelairlock.reading import Cursor, Malformed, OverLimit, Truncated, Unsupported

MAGIC = bytes.fromhex("57fb808b247547db")
FOOTER = 48
#: what follows each block: how it is compressed, and a checksum
TRAILER = 5
_BLOCK_BYTES = 8 * 1024 * 1024
_KEY_BYTES = 64 * 1024


class Handle(NamedTuple):
    """Where a block lies."""

    offset: int
    size: int


class Block(NamedTuple):
    """The bytes of a block, unpacked, and where it lies in the artifact."""

    data: bytes
    position: int


def read_footer(cursor: Cursor) -> tuple[Handle, Handle]:
    """The block of meta blocks, and the index block. Raises `ReadProblem`."""
    data = cursor.read(cursor.size - FOOTER, FOOTER)
    if not data.endswith(MAGIC):
        raise Malformed(cursor.size - 8, "the mark of a table", repr(data[-8:])[1:])
    meta, at = read_handle(data, 0, cursor.size - FOOTER)
    index, at = read_handle(data, at, cursor.size - FOOTER)
    if data[at:-8].strip(b"\0"):
        raise Malformed(cursor.size - FOOTER + at, "zeros up to the mark", "something else")
    return meta, index


def read_handle(data: bytes, at: int, position: int) -> tuple[Handle, int]:
    """The handle at `at`, and where it ends. Raises `Malformed`, `Truncated`."""
    offset, at = read_number(data, at, position)
    size, at = read_number(data, at, position)
    return Handle(offset, size), at


def read_number(data: bytes, at: int, position: int) -> tuple[int, int]:
    """The number at `at`, and where it ends. Raises `Malformed`, `Truncated`."""
    value = 0
    for index in range(10):
        if at + index >= len(data):
            raise Truncated(position, "the table ends inside a number")
        byte = data[at + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, at + index + 1
    raise Malformed(position, "a number of at most 10 bytes", "a longer one")


def read_block(cursor: Cursor, handle: Handle, *, compare: bool = False) -> Block:
    """A block, which lies before the footer; with `compare`, its checksum must fit. Raises `ReadProblem`."""
    if handle.size > _BLOCK_BYTES:
        raise OverLimit(min(handle.offset, cursor.size), f"a block of {handle.size} bytes; {_BLOCK_BYTES} are read")
    if handle.offset + handle.size + TRAILER > cursor.size - FOOTER:
        raise Malformed(cursor.size - FOOTER, "a block before the footer", f"one at {handle.offset}")
    data = cursor.read(handle.offset, handle.size + TRAILER)
    kind = data[handle.size]
    stored = int.from_bytes(data[handle.size + 1 :], "little")
    if compare and masked(crc32c(data[: handle.size + 1])) != stored:
        raise Malformed(handle.offset, "a block that fits its checksum", "another one")
    if kind == 0:
        return Block(data[: handle.size], handle.offset)
    if kind == 1:
        return Block(unsnap(data[: handle.size], handle.offset, _BLOCK_BYTES), handle.offset)
    raise Unsupported(handle.offset + handle.size, f"a block compressed by method {kind}")


def read_entries(block: Block) -> Iterator[tuple[bytes, bytes]]:
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
        shared, at = read_number(data, at, position)
        fresh, at = read_number(data, at, position)
        length, at = read_number(data, at, position)
        if shared > len(key) or at + fresh + length > end or shared + fresh > _KEY_BYTES:
            raise Malformed(position, "an entry inside its block", "one that reaches outside")
        following = key[:shared] + data[at : at + fresh]
        if following <= key and key:
            raise Malformed(position, "keys in rising order", repr(following[:40])[1:])
        key = following
        yield key, data[at + fresh : at + fresh + length]
        at += fresh + length
