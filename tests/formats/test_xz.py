"""Xz streams."""

import lzma
import zlib
from collections.abc import Callable

from modelairlock.formats.xz import FORMAT
from modelairlock.records.coverage import Because
from tests.formats.stream_help import TEXT, Stream, as_a_stream
from tests.reading_help import gaps_of, tree


def pack(data: bytes) -> bytes:
    return lzma.compress(data)


STREAM = Stream(FORMAT, pack, "xz", ".xz")


def example() -> bytes:
    return pack(TEXT)


@as_a_stream
def test_it_is_a_stream(check: Callable[[Stream], None]) -> None:
    check(STREAM)


def test_padding_between_streams_is_read() -> None:
    reading = tree(pack(TEXT) + bytes(8) + pack(b"second") + bytes(4), FORMAT)
    assert gaps_of(reading) == []
    assert reading.members[0].coverage.size_bytes == len(TEXT) + 6


def test_a_huge_dictionary_is_over_the_limit() -> None:
    small = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 4096}])
    # byte 15 of a stream is the dictionary size of its only filter; the header's checksum has to follow
    header = bytearray(small[12:24])
    header[4] = 35
    header[8:12] = zlib.crc32(bytes(header[:8])).to_bytes(4, "little")
    gaps = gaps_of(tree(small[:12] + bytes(header) + small[24:], FORMAT))
    assert Because.OVER_LIMIT in {gap.because for gap in gaps}
