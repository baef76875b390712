"""Undoes Snappy's raw format, for small blocks inside other formats.

What a newcomer would get wrong: a copy may reach into what it is writing itself (offset shorter than length), and the
length up front is the file's word, so it is a limit and not an amount to allocate.

Source: https://github.com/google/snappy/blob/main/format_description.txt
"""

from modelairlock.reading import Malformed, OverLimit


def unsnap(data: bytes, position: int, limit: int) -> bytes:
    """What `data`, which lies at `position`, stands for. Raises `Malformed`, and `OverLimit` for more than `limit`."""
    size, at = _length(data, position)
    if size > limit:
        raise OverLimit(position, f"a compressed block of {size} bytes; {limit} are read at most")
    out = bytearray()
    while at < len(data) and len(out) <= size:
        at = _literal(data, at, out) if data[at] & 3 == 0 else _copy(data, at, out)
        if at < 0:
            raise Malformed(position, "a block of Snappy", "one that reaches outside itself")
    if len(out) != size:
        raise Malformed(position, f"a block of {size} bytes", f"{len(out)}")
    return bytes(out)


def _length(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for at, byte in enumerate(data[:5]):
        value |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            return value, at + 1
    raise Malformed(position, "the length of a block of Snappy", "something else")


def _literal(data: bytes, at: int, out: bytearray) -> int:
    """Bytes as they are. -1 if they are not all there."""
    length = data[at] >> 2
    at += 1
    if length >= 60:
        width = length - 59
        length = int.from_bytes(data[at : at + width], "little")
        at += width
    piece = data[at : at + length + 1]
    out += piece
    return at + length + 1 if len(piece) == length + 1 else -1


def _copy(data: bytes, at: int, out: bytearray) -> int:
    """Bytes that were there before. -1 if there are none."""
    tag = data[at]
    width = (0, 1, 2, 4)[tag & 3]
    if at + width >= len(data):
        return -1
    offset = int.from_bytes(data[at + 1 : at + 1 + width], "little")
    length = (tag >> 2) + 1
    if width == 1:
        length, offset = (tag >> 2 & 7) + 4, offset | tag >> 5 << 8
    start = len(out) - offset
    if not offset or start < 0:
        return -1
    for _ in range(0, length, offset):
        out += out[start : start + min(offset, length)]
        length -= offset
        start += offset
    return at + 1 + width
