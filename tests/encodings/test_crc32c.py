"""CRC-32C against its definition and the vectors of RFC 3720."""

import random

import pytest

from modelairlock.encodings.crc32c import PIECE_BYTES, crc32c, masked, unmasked


def by_definition(data: bytes) -> int:
    """Bit by bit."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_known_sums(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


@pytest.mark.parametrize("size", [1, 3, 4, 127, 128, 129, 1000, 2047, 2048, 2049, 65535, 65536, 65537, 70001])
def test_every_way_to_fold(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert crc32c(data) == by_definition(data)


def test_pieces_continue_each_other() -> None:
    data = random.Random(1).randbytes(PIECE_BYTES + 5000)
    whole = crc32c(data)
    assert crc32c(data[100:], crc32c(data[:100])) == whole
    assert crc32c(data[-3:], crc32c(data[:-3])) == whole
    state = 0
    for start in range(0, len(data), 4001):
        state = crc32c(data[start : start + 4001], state)
    assert state == whole


def test_a_changed_bit_anywhere_changes_the_sum() -> None:
    data = bytearray(random.Random(2).randbytes(70_000))
    whole = crc32c(bytes(data))
    for at in (0, 1, 35_000, 69_999):
        data[at] ^= 0x10
        assert crc32c(bytes(data)) != whole
        data[at] ^= 0x10


def test_masks() -> None:
    for value in (0, 1, 0xE3069283, 0xFFFFFFFF, 0x80000001):
        assert unmasked(masked(value)) == value
    assert masked(0) == 0xA282EAD8
