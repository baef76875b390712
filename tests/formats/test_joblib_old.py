"""Compressed files of joblib before 0.9.3."""

import zlib

import pytest

from modelairlock.formats.joblib_old import FORMAT
from modelairlock.formats.pickle import FORMAT as PICKLE
from modelairlock.records.coverage import Because
from tests.build import joblib_builder
from tests.build.sample import evil
from tests.reading_help import cut_everywhere, gaps_of, probe, read, tree

TEXT = b"an ordinary text, " * 20


def pack(data: bytes, length: bytes | None = None, blank: bytes = b"") -> bytes:
    return b"ZF" + (hex(len(data)).encode() if length is None else length).ljust(19) + blank + zlib.compress(data)


def test_hit() -> None:
    data = joblib_builder.compress(TEXT, "zfile")
    assert data == pack(TEXT)
    assert FORMAT.claims(probe(data))
    assert [(member.name, member.method, member.span) for member in read(FORMAT, data, "a/model.joblib").members] == [
        ("model.joblib", "zlib", (21, len(data)))
    ]
    assert gaps_of(tree(data, FORMAT)) == []
    assert [member.formats for member in tree(pack(evil()), FORMAT, PICKLE).members] == [("pickle",)]


@pytest.mark.parametrize(
    "data",
    [
        pack(TEXT, b"0x1L"[:3]),
        pack(TEXT, b"ff"),
        pack(TEXT, b"  0x_1_0"),
        pack(TEXT, b"-1"),
        pack(TEXT, b"0x10000000000000000"),
        pack(TEXT, blank=b" "),
    ],
)
def test_the_length_is_read_as_int_reads_it(data: bytes) -> None:
    assert FORMAT.claims(probe(data))
    assert tree(data, FORMAT).members[0].coverage.size_bytes == len(TEXT)


def test_it_is_found_behind_the_name_of_a_tar() -> None:
    """A stored block of deflate takes the rest of another file for data, such as a tar whose first name it is."""
    block = b"\x78\x01\x01" + (512).to_bytes(2, "little") + (512 ^ 0xFFFF).to_bytes(2, "little")
    data = b"ZF" + b"0x200".ljust(19) + block + bytes(2000)
    assert FORMAT.claims(probe(data, "model.joblib"))
    assert Because.MALFORMED in [gap.because for gap in gaps_of(tree(data, FORMAT))]


def test_miss() -> None:
    for data in (b"", b"ZF", pack(TEXT)[:21], b"ZF" + bytes(40), pack(TEXT, b"twelve"), b"ZF 12 is a text" * 9):
        assert not FORMAT.claims(probe(data))


def test_damaged() -> None:
    cut_everywhere(pack(TEXT[:40]), FORMAT)


def test_what_follows_is_a_gap() -> None:
    data = pack(TEXT)
    gaps = gaps_of(tree(data + b"cos\nsystem\n", FORMAT))
    assert [(gap.start, gap.end, gap.because) for gap in gaps] == [(len(data), len(data) + 11, Because.UNRECOGNISED)]
