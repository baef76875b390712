"""Zstandard frames."""

import sys
from collections.abc import Callable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from modelairlock.formats.zstd import FORMAT
from modelairlock.records.coverage import Because
from tests.formats.stream_help import TEXT, Stream, as_a_stream
from tests.reading_help import gaps_of, probe, tree


def pack(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


STREAM = Stream(FORMAT, pack, "zstd", ".zst")


def example() -> bytes:
    return pack(TEXT)


@as_a_stream
def test_it_is_a_stream(check: Callable[[Stream], None]) -> None:
    check(STREAM)


def test_skippable_frames_come_before_and_between() -> None:
    skip = b"\x5a\x2a\x4d\x18" + (70_000).to_bytes(4, "little") + bytes(70_000)
    near = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    data = near + pack(TEXT) + skip + pack(b"second")
    assert FORMAT.claims(probe(data))
    reading = tree(data, FORMAT)
    assert gaps_of(reading) == []
    assert reading.members[0].coverage.size_bytes == len(TEXT) + 6


def test_a_huge_window_is_over_the_limit() -> None:
    # magic, frame header descriptor without sizes, window descriptor for 2 GiB, one empty last block
    data = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([21 << 3]) + b"\x01\x00\x00"
    assert Because.OVER_LIMIT in {gap.because for gap in gaps_of(tree(data, FORMAT))}
