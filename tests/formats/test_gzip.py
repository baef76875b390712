"""Gzip members."""

import gzip
from collections.abc import Callable

from modelairlock.formats.gzip import FORMAT
from modelairlock.records.coverage import Because
from tests.formats.stream_help import TEXT, Stream, as_a_stream
from tests.reading_help import gaps_of, read, tree


def pack(data: bytes) -> bytes:
    return gzip.compress(data)


STREAM = Stream(FORMAT, pack, "gzip", ".gz")


def example() -> bytes:
    return pack(TEXT)


@as_a_stream
def test_it_is_a_stream(check: Callable[[Stream], None]) -> None:
    check(STREAM)


def test_header_fields_and_padding_are_read() -> None:
    flags = 0x02 | 0x04 | 0x08 | 0x10
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + b"\x03\x00abc" + b"name\x00" + b"comment\x00" + b"\x00\x00"
    reading = tree(header + pack(TEXT)[10:] + bytes(99), FORMAT)
    assert gaps_of(reading) == []
    assert reading.members[0].coverage.size_bytes == len(TEXT)


def test_a_wrong_checksum_keeps_the_content() -> None:
    data = bytearray(pack(TEXT))
    data[-5] ^= 1
    reading = tree(bytes(data), FORMAT)
    assert reading.members[0].coverage.read_bytes == len(TEXT)
    assert [gap.because for gap in reading.members[0].coverage.gaps] == [Because.MALFORMED]
    assert [(gap.end - gap.start, gap.because) for gap in reading.coverage.gaps] == [(1, Because.MALFORMED)]


def test_a_tgz_holds_a_tar() -> None:
    assert read(FORMAT, pack(TEXT), "model.tgz").members[0].name == "model.tar"
