"""Snappy's raw format, against blocks written by hand and blocks that lie."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.encodings.snappy import unsnap
from modelairlock.reading import Malformed, OverLimit, ReadProblem
from tests.build.tensorflow_builder import varint


def literal(data: bytes) -> bytes:
    if len(data) <= 60:
        return bytes([len(data) - 1 << 2]) + data
    return bytes([61 << 2]) + (len(data) - 1).to_bytes(2, "little") + data


def test_literals_of_all_lengths() -> None:
    for data in (b"a", b"x" * 60, b"y" * 61, bytes(range(256)) * 9):
        assert unsnap(varint(len(data)) + literal(data), 0, 10_000) == data


@pytest.mark.parametrize(
    ("copy", "expected"),
    [
        (bytes([0b000_000_01, 3]), b"abcdef" + b"defd"),
        (bytes([5 << 2 | 2, 6, 0]), b"abcdef" * 2),
        (bytes([5 << 2 | 3, 6, 0, 0, 0]), b"abcdef" * 2),
        (bytes([9 << 2 | 2, 1, 0]), b"abcdef" + b"f" * 10),
    ],
)
def test_copies(copy: bytes, expected: bytes) -> None:
    assert unsnap(varint(len(expected)) + literal(b"abcdef") + copy, 0, 100) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff\xff\xff\xff\xff", b"\x05" + literal(b"abcd"), b"\x03" + literal(b"abcd"), b"\x04\x0c ab",
        b"\x08" + literal(b"abcd") + b"\x0e\x09\x00", b"\x08" + literal(b"abcd") + b"\x0e\x00\x00",
        b"\x08" + literal(b"abcd") + b"\x0e",
    ],
)  # fmt: skip
def test_damaged(data: bytes) -> None:
    with pytest.raises(Malformed):
        unsnap(data, 7, 100)


def test_a_length_over_the_limit() -> None:
    with pytest.raises(OverLimit):
        unsnap(varint(101), 0, 100)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with suppress(ReadProblem):
        assert len(unsnap(data, 0, 5000)) <= 5000
