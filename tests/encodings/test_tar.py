"""The small parts of a tar: numbers, checksums, pax records."""

import time

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
        (b"-1\x00", -1),
        (b"0o17\x00", 0o17),
        (b"+1_7 \x00", 0o17),
        (b"\t17\n\x009", 0o17),
        (b"1 7\x00", None),
        (b"\xe9\x00", None),
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


def parsed(records: bytes) -> tuple[dict[str, str], bool]:
    return pax_records(records.ljust(padded(len(records)), b"\0"), len(records))


def test_pax_records() -> None:
    assert parsed(b"12 path=abc\n11 size=12\n") == ({"path": "abc", "size": "12"}, True)
    assert parsed(b"0000000000000026 path=abc\n") == ({"path": "abc"}, True)
    assert parsed(b"") == ({}, True)
    assert parsed("13 path=é=é\n".encode())[1] is False
    for broken in (b"path=abc\n", b"99 path=abc\n", b"12 path=abcd\n", b"12 path:abc\n", b"0 =\n", b"3 =\n", b" \n"):
        assert parsed(broken)[1] is False


def test_damaged_pax_records_are_taken_as_python_takes_them() -> None:
    assert parsed(b"16 path=../../xX") == ({"path": "../../x"}, False)
    assert pax_records(b"11 mtime=0\n12 path=../\n".ljust(512, b"\0"), 11) == ({"mtime": "0", "path": "../"}, False)
    started = time.process_time()
    assert parsed(b"2 " * 500_000)[1] is False
    assert parsed((b"2 " * 2000 + b"=") * 200)[1] is False
    assert time.process_time() - started < 2


def test_blocks() -> None:
    assert [padded(size) for size in (0, 1, 512, 513)] == [0, 512, 512, 1024]
