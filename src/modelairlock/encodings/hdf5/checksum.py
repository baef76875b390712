"""The checksum of HDF5's metadata: Bob Jenkins' lookup3 (2006, public domain), little-endian, starting from zero.

It is here for two reasons only: to tell a damaged block from an odd one, and because libhdf5 refuses a block whose sum
differs. What a newcomer would get wrong: it proves nothing about intent, anybody can compute it.
"""

from struct import unpack_from

_MASK = 0xFFFFFFFF


def lookup3(data: bytes) -> int:
    """The sum of `data`. About a fifth of a microsecond a byte, so callers bound how much they have summed."""
    length = len(data)
    a = b = c = (0xDEADBEEF + length) & _MASK
    at = 0
    while length - at > 12:
        x, y, z = unpack_from("<III", data, at)
        a, b, c = _mixed((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)
        at += 12
    if at == length:
        return c
    x, y, z = unpack_from("<III", data[at:].ljust(12, b"\0"))
    return _last((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    a = ((a - c) & _MASK) ^ ((c << 4 | c >> 28) & _MASK)
    c = (c + b) & _MASK
    b = ((b - a) & _MASK) ^ ((a << 6 | a >> 26) & _MASK)
    a = (a + c) & _MASK
    c = ((c - b) & _MASK) ^ ((b << 8 | b >> 24) & _MASK)
    b = (b + a) & _MASK
    a = ((a - c) & _MASK) ^ ((c << 16 | c >> 16) & _MASK)
    c = (c + b) & _MASK
    b = ((b - a) & _MASK) ^ ((a << 19 | a >> 13) & _MASK)
    a = (a + c) & _MASK
    c = ((c - b) & _MASK) ^ ((b << 4 | b >> 28) & _MASK)
    return a, (b + a) & _MASK, c


def _last(a: int, b: int, c: int) -> int:
    c = ((c ^ b) - (b << 14 | b >> 18)) & _MASK
    a = ((a ^ c) - (c << 11 | c >> 21)) & _MASK
    b = ((b ^ a) - (a << 25 | a >> 7)) & _MASK
    c = ((c ^ b) - (b << 16 | b >> 16)) & _MASK
    a = ((a ^ c) - (c << 4 | c >> 28)) & _MASK
    b = ((b ^ a) - (a << 14 | a >> 18)) & _MASK
    return ((c ^ b) - (b << 24 | b >> 8)) & _MASK
