"""Gzip members."""

import gzip

from modelairlock.formats.gzip import FORMAT
from modelairlock.records.coverage import Because
from tests.reading_help import cut_everywhere, gaps_of, probe, read, tree

TEXT = b"an ordinary text, " * 20


def pack(data: bytes) -> bytes:
    return gzip.compress(data)


def test_hit() -> None:
    data = pack(TEXT)
    assert FORMAT.claims(probe(data))
    result = read(FORMAT, data, "folder/model.gz")
    assert [(member.name, member.method, member.span) for member in result.members] == [
        ("model", "gzip", (0, len(data)))
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
