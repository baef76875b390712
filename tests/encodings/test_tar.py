"""The small parts of a tar: numbers, checksums, pax records."""

import pytest

from modelairlock.encodings.tar_records import checksum_fits, header, number, padded, pax_records
from tests.build.tar_builder import Item, base256
from tests.build.tar_builder import header as build


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\x00", 0o644),
        (b"   644 \x00", 0o644),
        (b"\x00" * 8, 0),
        (b"77777777", 0o77777777),
        (b"9\x00", None),
        (b"0x1\x00", None),
        (b"-1\x00", None),
        (base256(2**40), 2**40),
        (b"\xff" * 12, -1),
    ],
)
def test_numbers(field: bytes, value: int | None) -> None:
    assert number(field) == value


def test_checksums_of_signed_bytes_fit_too() -> None:
    block = bytearray(build(Item(b"\xe9" * 10)))
    assert checksum_fits(bytes(block))
    block[148:156] = b" " * 8
    signed = sum(byte - 256 if byte > 127 else byte for byte in block)
    block[148:156] = f"{signed:06o}\0 ".encode()
    assert checksum_fits(bytes(block))
    block[0] ^= 1
    assert not checksum_fits(bytes(block))
    assert header(bytes(block)) is None


def test_pax_records() -> None:
    assert pax_records(b"12 path=abc\n11 size=12\n") == ({"path": "abc", "size": "12"}, True)
    assert pax_records(b"") == ({}, True)
    assert pax_records("13 path=é=é\n".encode()) == ({}, False)
    for broken in (b"path=abc\n", b"99 path=abc\n", b"12 path=abcd\n", b"12 path:abc\n", b"0 =\n", b"3 =\n", b" \n"):
        assert pax_records(broken)[1] is False


def test_blocks() -> None:
    assert [padded(size) for size in (0, 1, 512, 513)] == [0, 512, 512, 1024]
