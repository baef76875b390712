"""LZ4 frames."""

from collections.abc import Callable

import lz4.frame

from modelairlock.formats.lz4 import FORMAT
from modelairlock.records.coverage import Because
from tests.formats.stream_help import TEXT, Stream, as_a_stream
from tests.reading_help import gaps_of, probe, read, tree


def pack(data: bytes) -> bytes:
    return lz4.frame.compress(data, content_checksum=True)


STREAM = Stream(FORMAT, pack, "lz4-frame", ".lz4")


def example() -> bytes:
    return pack(TEXT)


@as_a_stream
def test_it_is_a_stream(check: Callable[[Stream], None]) -> None:
    check(STREAM)


def test_skippable_frames_are_passed() -> None:
    near = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"abc"
    assert FORMAT.claims(probe(near + pack(TEXT)))
    reading = tree(near + pack(TEXT) + near + pack(b"second"), FORMAT)
    assert gaps_of(reading) == []
    assert reading.members[0].coverage.size_bytes == len(TEXT) + 6


def test_a_legacy_frame_is_unsupported() -> None:
    data = b"\x02\x21\x4c\x18" + bytes(20)
    assert FORMAT.claims(probe(data))
    result = read(FORMAT, data)
    assert [(gap.start, gap.end, gap.because) for gap in result.gaps] == [(0, 24, Because.UNSUPPORTED)]
