"""LZ4 frames."""

import lz4.frame

from modelairlock.formats.lz4 import FORMAT
from modelairlock.records.coverage import Because
from tests.reading_help import cut_everywhere, gaps_of, probe, read, tree

TEXT = b"an ordinary text, " * 20


def pack(data: bytes) -> bytes:
    return lz4.frame.compress(data, content_checksum=True)


def test_hit() -> None:
    data = pack(TEXT)
    assert FORMAT.claims(probe(data))
    result = read(FORMAT, data, "folder/model.lz4")
    assert [(member.name, member.method, member.span) for member in result.members] == [
        ("model", "lz4-frame", (0, len(data)))
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
