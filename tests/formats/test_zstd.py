"""Zstandard frames."""

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from modelairlock.formats.zstd import FORMAT
from modelairlock.records.coverage import Because
from tests.reading_help import cut_everywhere, gaps_of, probe, read, tree

TEXT = b"an ordinary text, " * 20


def pack(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


def test_hit() -> None:
    data = pack(TEXT)
    assert FORMAT.claims(probe(data))
    result = read(FORMAT, data, "folder/model.zst")
    assert [(member.name, member.method, member.span) for member in result.members] == [
        ("model", "zstd", (0, len(data)))
    ]
    assert result.gaps == []
    reading = tree(data, FORMAT)
    assert gaps_of(reading) == []
    assert reading.members[0].coverage.read_bytes == len(TEXT)


def test_streams_one_after_another_are_one() -> None:
    reading = tree(pack(TEXT) + pack(b"second"), FORMAT)
    assert gaps_of(reading) == []
    assert [member.coverage.size_bytes for member in reading.members] == [len(TEXT) + 6]


def test_miss() -> None:
    for data in (b"", b"\x80\x04K\x01.", b"PK\x03\x04", b"plain text", bytes(600), pack(TEXT)[1:]):
        assert not FORMAT.claims(probe(data))


def test_cut_at_every_byte() -> None:
    cut_everywhere(pack(TEXT[:40]), FORMAT)


def test_what_follows_is_a_gap() -> None:
    data = pack(TEXT)
    gaps = gaps_of(tree(data + b"cos\nsystem\n", FORMAT))
    assert [(gap.start, gap.end, gap.because) for gap in gaps] == [(len(data), len(data) + 11, Because.UNRECOGNISED)]


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
