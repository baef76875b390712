"""The small parts of a zip, and what its directory may cost."""

import time

import pytest

from modelairlock.encodings.zip import read_archive
from modelairlock.encodings.zip_records import descriptor_at, descriptor_length, extra_fields, widened
from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.reading import Budget, BytesSource, Cursor, OverLimit
from modelairlock.records.facts import Irregularity
from tests.build.zip_builder import DESCRIPTOR, Entry, descriptor, extra_field, zip_file


def test_extra_fields_that_do_not_fit_are_cut() -> None:
    assert list(extra_fields(extra_field(1, b"abc") + extra_field(2, b""))) == [(1, b"abc"), (2, b"")]
    assert list(extra_fields(extra_field(1, b"abc", length=99))) == [(1, b"abc")]
    assert list(extra_fields(b"\x00\x00\x00")) == []


def test_zip64_values_stand_in_for_those_that_ask() -> None:
    body = (5).to_bytes(8, "little") + (6).to_bytes(8, "little")
    full = 0xFFFFFFFF
    assert widened(extra_field(1, body), (full, full, 7)) == (5, 6, 7)
    assert widened(extra_field(1, body), (1, full, full)) == (1, 5, 6)
    assert widened(extra_field(1, body[:7]), (full, 2, 3)) == (full, 2, 3)
    assert widened(b"", (full,)) == (full,)


def test_descriptors() -> None:
    for signed, wide, length in ((True, False, 16), (False, False, 12), (True, True, 24), (False, True, 20)):
        seen = descriptor(b"text", signed=signed, wide=wide)
        crc = int.from_bytes(seen[4:8] if signed else seen[:4], "little")
        assert descriptor_length(seen, crc, 4, 4) == length
        assert descriptor_length(seen, crc, 4, 5) == 0
        assert descriptor_at(seen, 4) == (length if signed else 0)
    assert descriptor_at(b"PK", 0) == 0


def test_twenty_thousand_members_cost_little() -> None:
    left_out = {"crc": 0, "size": 0, "packed_size": 0}
    torch_like = [
        Entry(
            f"m/data/{n}",
            b"16 bytes of data",
            flags=DESCRIPTOR,
            local=left_out,
            trailer=descriptor(b"16 bytes of data"),
        )
        for n in range(20_000)
    ]
    data = zip_file(*torch_like, zip64=True)
    cursor = Cursor(BytesSource(data), "x", Budget(DEFAULT_LIMITS))
    started = time.process_time()
    assert sum(1 for _ in read_archive(cursor, lambda _: "raw")) == 20_000
    # 0.15 s on a quiet machine; the rest is for busy ones
    assert time.process_time() - started < 1.5


def test_members_are_counted() -> None:
    data = zip_file(*[Entry(str(n)) for n in range(20)])
    cursor = Cursor(BytesSource(data), "x", Budget(Limits(entries=10)))
    with pytest.raises(OverLimit, match="entries"):
        list(read_archive(cursor))


def test_names_are_compared_across_pieces_of_a_long_directory() -> None:
    for first, last, kind in (("a", "a", "zip-duplicate-name"), ("a", "A", "archive-names-collide")):
        entries = [Entry(first), *[Entry(str(n)) for n in range(9000)], Entry(last)]
        facts = list(read_archive(Cursor(BytesSource(zip_file(*entries)), "x", Budget(DEFAULT_LIMITS))))
        assert [fact.kind for fact in facts if isinstance(fact, Irregularity)] == [kind]
