"""Xz streams."""

import lzma
import zlib

from modelairlock.formats.xz import FORMAT
from modelairlock.records.coverage import Because
from tests.reading_help import cut_everywhere, gaps_of, probe, read, tree

TEXT = b"an ordinary text, " * 20


def pack(data: bytes) -> bytes:
    return lzma.compress(data)


def test_hit() -> None:
    data = pack(TEXT)
    assert FORMAT.claims(probe(data))
    result = read(FORMAT, data, "folder/model.xz")
    assert [(member.name, member.method, member.span) for member in result.members] == [("model", "xz", (0, len(data)))]
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
