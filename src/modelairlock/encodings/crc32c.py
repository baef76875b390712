"""CRC-32C (Castagnoli), the sum of TensorFlow's checkpoints, at some hundred megabytes a second without a library.

What a newcomer would get wrong: `zlib.crc32` is another polynomial, and one step of Python a byte is fifty times too
slow. A long message is one number here, and its first half is folded onto the second: multiplying by ``x**b mod P`` is
a few shifts where that remainder has few bits, so each fold is placed where it has.
See RFC 3720, appendix B.4, and Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ".
"""

from functools import cache

_POLYNOMIAL = 0x82F63B78
_ONES = 0xFFFFFFFF
#: sizes of message that folds are laid out for, in bytes; shorter ones get zeros before them
_SIZES = (2048, 1 << 14, 1 << 17)
#: a piece of this length is summed in one go
PIECE_BYTES = _SIZES[-1]
#: from here on, byte by byte
_REST_BITS = 1024
#: places that are looked at for one fold
_PLACES = 16384
_MASK = 0xA282EAD8


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_entry, range(256)))


def crc32c(data: bytes, before: int = 0) -> int:
    """The sum of `data`, which continues what has the sum `before`."""
    state = before ^ _ONES
    for start in range(0, len(data), PIECE_BYTES):
        state = _piece(data[start : start + PIECE_BYTES], state)
    return state ^ _ONES


def unmasked(stored: int) -> int:
    """The sum that was stored as LevelDB and TensorFlow do, turned and moved, lest there be sums of sums."""
    turned = stored - _MASK & _ONES
    return turned >> 17 | turned << 15 & _ONES


def masked(value: int) -> int:
    """How a sum is stored."""
    return ((value >> 15 | value << 17 & _ONES) + _MASK) & _ONES


def _piece(data: bytes, state: int) -> int:
    if len(data) <= _REST_BITS // 8:
        return _bytewise(data, state)
    size = next(one for one in _SIZES if one >= len(data))
    # Bit 0 is the first of the message, so it is moved up to get zeros before it.
    number = (int.from_bytes(data, "little") ^ state) << 8 * (size - len(data))
    bits = 8 * size
    for rest, shifts in _folds(bits):
        first = number & (1 << bits - rest) - 1
        folded = 0
        for shift in shifts:
            folded ^= first << shift
        number = number >> bits - rest ^ folded << 2 * rest - bits - 31
        bits = rest
    return _bytewise((number << -bits % 8).to_bytes(-(-bits // 8), "little"), 0)


def _bytewise(data: bytes, state: int) -> int:
    for byte in data:
        state = state >> 8 ^ _TABLE[(state ^ byte) & 0xFF]
    return state


@cache
def _folds(bits: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """What to do with a message of so many bits: how many are left after each fold, and the shifts that make it."""
    made = []
    while bits > _REST_BITS:
        least = bits // 2 + 32
        best, value = (33, 0, 0), _power(least)
        for rest in range(least, least + min(_PLACES, bits // 16)):
            best = min(best, (value.bit_count(), rest, value))
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        _, bits, value = best
        made.append((bits, tuple(shift for shift in range(32) if value >> shift & 1)))
    return tuple(made)


def _power(exponent: int) -> int:
    """``x**exponent mod P``; bit 31 stands for 1, bit 0 for ``x**31``."""
    result, square = 1 << 31, 1 << 30
    while exponent:
        if exponent & 1:
            result = _product(result, square)
        square = _product(square, square)
        exponent >>= 1
    return result


def _product(one: int, other: int) -> int:
    result = 0
    for bit in range(31, -1, -1):
        if other >> bit & 1:
            result ^= one
        one = one >> 1 ^ (_POLYNOMIAL if one & 1 else 0)
    return result
