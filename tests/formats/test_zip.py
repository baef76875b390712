"""Zip archives, honest and otherwise: every reader's interpretation is read, and every disagreement is a fact."""

import io
import time
import zipfile
from typing import Any

import pytest

from modelairlock.encodings import zip_probe
from modelairlock.encodings.zip import Entry as Seen
from modelairlock.encodings.zip import member_names, names_under, read_archive
from modelairlock.formats.tar import FORMAT as TAR
from modelairlock.formats.zip import FORMAT
from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.reading import Budget, BytesSource, Cursor
from modelairlock.records.coverage import Because
from modelairlock.records.facts import Member
from tests.build.corpus_carried import ZIPS
from tests.build.tar_builder import Item, pax, tar_file
from tests.build.zip_builder import (
    DEFLATED,
    DESCRIPTOR,
    ENCRYPTED,
    STORED,
    UTF8,
    Entry,
    descriptor,
    end_record,
    zip_file,
)
from tests.reading_help import Result, change_everywhere, cut_everywhere, gaps_of, kinds_of, probe, read, tree

TEXT = b"an ordinary text, " * 4


def kinds(data: bytes) -> list[str]:
    return read(FORMAT, data).kinds


def contents(data: bytes) -> list[tuple[str, int]]:
    """Names and decoded sizes of what the tree read."""
    return sorted((member.name, member.coverage.size_bytes) for member in tree(data, FORMAT).members)


def becauses(result: Result) -> list[Because]:
    return [gap.because for gap in result.gaps]


class Unseekable(io.RawIOBase):
    """Where a zip is streamed to, so that sizes stand behind the data."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(bytes(data))


# Honest archives have no irregularity and no gap.


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_python_writes_is_read_whole(method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.txt", TEXT)
        archive.writestr("folder/", b"")
        archive.writestr("empty", b"")
        archive.writestr("é.txt", TEXT)
        with archive.open("big", "w", force_zip64=True) as member:
            member.write(TEXT)
        archive.comment = b"a comment"
    data = buffer.getvalue()
    assert FORMAT.claims(probe(data))
    reading = tree(data, FORMAT)
    assert kinds_of(reading) == []
    assert gaps_of(reading) == []
    assert [(m.name, m.coverage.size_bytes) for m in reading.members if m.role != "raw"] == [
        ("a.txt", len(TEXT)),
        ("é.txt", len(TEXT)),
        ("big", len(TEXT)),
    ]
    assert {member.role for member in read(FORMAT, data).members if member.name in ("folder/", "empty")} == {"raw"}


def test_a_streamed_archive_is_read_whole() -> None:
    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", TEXT)
        archive.writestr("b", TEXT)
    reading = tree(out.data, FORMAT)
    assert (kinds_of(reading), gaps_of(reading)) == ([], [])


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_every_form_of_data_descriptor_is_known(signed: bool, wide: bool) -> None:
    trailer = descriptor(TEXT, signed=signed, wide=wide)
    left_out = {"crc": 0, "size": 0, "packed_size": 0}
    data = zip_file(Entry("a", TEXT, flags=DESCRIPTOR, local=left_out, trailer=trailer), Entry("b", TEXT))
    assert kinds(data) == []
    assert gaps_of(tree(data, FORMAT)) == []


def test_honest_oddities_are_quiet() -> None:
    inner = zip_file(Entry("inside", TEXT))
    for data in (
        zip_file(Entry("a", TEXT, zip64=True), zip64=True),
        zip_file(Entry("a", TEXT, DEFLATED, extra=b"FB\x04\x00ZZZZ")),
        zip_file(Entry("last.zip", inner)),
        zip_file(Entry("a", TEXT), Entry("b", TEXT), order=(1, 0)),
        zip_file(Entry("a", TEXT), gap=bytes(100)),
        zip_file(Entry("a", TEXT), comment=b"PK\x05\x06 is only a comment here"),
        zip_file(Entry("a\\b", TEXT)),
        b"PK\x07\x08" + zip_file(Entry("a", TEXT), shift=4),
    ):
        assert FORMAT.claims(probe(data))
        assert set(kinds(data)) <= {"archive-name-backslash"}
        assert read(FORMAT, data).gaps == []


# Two readers, two contents.


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (Entry("a", TEXT, local={"name": "b"}), "zip-names-differ"),
        (Entry("a", TEXT, DEFLATED, local={"method": STORED}), "zip-methods-differ"),
        (Entry("a", TEXT, DEFLATED, local={"packed_size": 3}), "zip-sizes-differ"),
        (Entry("a", TEXT, DEFLATED, local={"size": 3}), "zip-sizes-differ"),
        (Entry("a", TEXT, DEFLATED, local={"size": 3}, central={"size": 3}), "zip-sizes-differ"),
        (Entry("a", TEXT, local={"crc": 3}), "zip-crcs-differ"),
        (Entry("a", TEXT, local={"flags": ENCRYPTED}), "zip-flags-differ"),
        (Entry("a", TEXT, local={"crc": 3}, central={"crc": 3}), "archive-checksum-differs"),
        (Entry("a", TEXT, flags=ENCRYPTED), "zip-encryption-flag-lies"),
        (Entry("a", TEXT, DEFLATED, flags=0x20), "zip-encryption-flag-lies"),
        (Entry("a", TEXT, DEFLATED, flags=0x2040), "zip-encryption-flag-lies"),
        (Entry("a\0b", TEXT), "archive-name-null"),
        (Entry("../a", TEXT), "archive-name-traversal"),
        (Entry("..\\a", TEXT), "archive-name-traversal"),
        (Entry("/a", TEXT), "archive-name-absolute"),
        (Entry("C:a", TEXT), "archive-name-drive"),
        (Entry(b"\xff.pkl", TEXT, flags=UTF8), "zip-name-not-utf8"),
        (Entry("a\x1b[2J", TEXT), "archive-name-control"),
        (Entry("a", TEXT, flags=DESCRIPTOR, local={"size": 0, "crc": 0}, trailer=b"?" * 16), "zip-descriptor-differs"),
    ],
)
def test_each_lie_is_told(entry: Entry, kind: str) -> None:
    for data in (zip_file(entry), zip_file(Entry("0", TEXT), entry, Entry("z", TEXT))):
        assert kind in kinds(data)
        assert ("a", len(TEXT)) in contents(data) or entry.name != "a"


def test_a_member_with_two_names_is_read_under_both() -> None:
    data = zip_file(Entry("data/0", TEXT, local={"name": "data.pkl"}))
    assert contents(data) == [("data.pkl", len(TEXT)), ("data/0", len(TEXT))]


def test_a_member_with_two_sizes_is_read_in_both() -> None:
    data = zip_file(Entry("a", TEXT, central={"packed_size": 9, "size": 9}))
    assert contents(data) == [("a", 9), ("a", len(TEXT))]


def test_equal_names_are_told_and_both_are_read() -> None:
    data = zip_file(Entry("a", TEXT), Entry("a", b"other"))
    assert kinds(data) == ["zip-duplicate-name"]
    assert contents(data) == [("a", 5), ("a", len(TEXT))]
    assert kinds(zip_file(Entry("a", TEXT), Entry("A", b"other"))) == ["archive-names-collide"]


def test_a_member_that_no_directory_names_is_read() -> None:
    for hidden in (
        Entry("h", TEXT, in_central=False),
        Entry("h", TEXT, DEFLATED, flags=DESCRIPTOR, local={"size": 0, "packed_size": 0}, in_central=False),
        Entry(
            "h", TEXT, flags=DESCRIPTOR, local={"size": 0, "packed_size": 0}, in_central=False, trailer=descriptor(TEXT)
        ),
    ):
        data = zip_file(Entry("a", TEXT), hidden, Entry("b", TEXT))
        assert "zip-hidden-local-header" in kinds(data)
        assert contents(data) == [("a", len(TEXT)), ("b", len(TEXT)), ("h", len(TEXT))]


def test_overlapping_members_are_told() -> None:
    data = zip_file(Entry("a", TEXT, central={"packed_size": 60 + len(TEXT), "size": 60 + len(TEXT)}), Entry("b", TEXT))
    assert "zip-members-overlap" in kinds(data)
    one = zip_file(Entry("a", TEXT), Entry("b", b"", in_local=False, central={"offset": 0}))
    assert "zip-names-differ" in kinds(one)


def test_several_end_records_are_all_followed() -> None:
    first, second = zip_file(Entry("a", TEXT)), zip_file(Entry("b", TEXT))
    for data in (first + second, zip_file(Entry("a", TEXT), comment=second), first + end_record(0, 0, 0)):
        assert "zip-several-end-records" in kinds(data)
        assert ("a", len(TEXT)) in contents(data)
    assert ("b", len(TEXT)) in contents(first + second)


def test_a_zip64_record_that_nobody_asked_for_is_another_reading() -> None:
    data = zip_file(Entry("a", TEXT), Entry("b", TEXT), zip64=True, end={"entries": 1, "entries_here": 1})
    assert read(FORMAT, data).kinds == []
    data = zip_file(
        Entry("a", TEXT), zip64=True, end64={"central_size": 0, "entries": 0}, end={"entries": 1, "central_size": 47}
    )
    assert [name for name, _ in contents(data)] == ["a"]


def test_a_unicode_name_may_not_be_another() -> None:
    def field(raw: bytes, name: bytes) -> bytes:
        from zlib import crc32

        body = b"\x01" + crc32(raw).to_bytes(4, "little") + name
        return b"up" + len(body).to_bytes(2, "little") + body

    assert kinds(zip_file(Entry("a.txt", TEXT, extra=field(b"a.txt", b"a.pkl")))) == ["zip-unicode-name-differs"]
    assert kinds(zip_file(Entry(b"\x82.txt", TEXT, extra=field(b"\x82.txt", "é.txt".encode())))) == []
    assert kinds(zip_file(Entry("a.txt", TEXT, extra=field(b"b.txt", b"a.pkl")))) == []


# Bytes that belong to no member.


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"#!/bin/sh\n" + zip_file(Entry("a", TEXT)), "archive-prefix"),
        (zip_file(Entry("a", TEXT), prefix=b"#!/bin/sh\n"), "archive-prefix"),
        (zip_file(Entry("a", TEXT)) + b"cos\nsystem\n", "archive-trailing"),
        (zip_file(Entry("a", TEXT), gap=b"cos\nsystem\n"), "archive-hidden-bytes"),
    ],
)
def test_unclaimed_bytes_are_told_and_are_a_gap(data: bytes, kind: str) -> None:
    assert FORMAT.claims(probe(data))
    result = read(FORMAT, data)
    assert result.kinds == [kind]
    assert becauses(result) == [Because.UNRECOGNISED]
    assert contents(data) == [("a", len(TEXT))]


def test_what_nothing_here_opens_is_a_gap() -> None:
    assert Because.UNSUPPORTED in {g.because for g in gaps_of(tree(zip_file(Entry("a", TEXT, method=9)), FORMAT))}
    locked = zip_file(Entry("a", TEXT, flags=ENCRYPTED, packed=bytes(12) + TEXT))
    assert becauses(read(FORMAT, locked)) == [Because.ENCRYPTED]
    assert kinds(locked) == []
    random = zip_file(Entry("a", TEXT, DEFLATED, flags=ENCRYPTED, packed=bytes(range(255, 180, -1))))
    assert becauses(read(FORMAT, random)) == [Because.ENCRYPTED]


def test_an_archive_of_nothing_is_a_gap() -> None:
    for data in (zip_file(), end_record(0, 0, 0), zip_file(Entry("a/"), Entry("b/"))):
        assert FORMAT.claims(probe(data))
        assert becauses(read(FORMAT, data)) == [Because.UNRECOGNISED]


def test_links_and_devices_are_facts() -> None:
    data = zip_file(
        Entry("link", b"../../etc/passwd", external=0o120777 << 16),
        Entry("small", b"a" * 30, DEFLATED, external=0o120777 << 16),
        Entry("pipe", b"x", external=0o010644 << 16),
        Entry("file", TEXT),
    )
    result = read(FORMAT, data)
    assert [(link.name, link.target, link.kind) for link in result.links] == [
        ("link", "../../etc/passwd", "symlink"),
        ("small", "a" * 30, "symlink"),
        ("pipe", "x", "fifo"),
    ]
    assert result.gaps == []


def test_a_link_is_a_file_as_well() -> None:
    """Python's `zipfile` unpacks it as one: a list of packages, a script, whatever its name makes of the target."""
    for name, content in (
        ("requirements.txt", b"evil-package"),
        ("l", b"../../etc/passwd"),
        ("config.json", b'{"auto_map":1}'),
        ("m.pkl", b"cos\nsystem\n"),
        ("x", b"x" * 5000),
    ):
        data = zip_file(Entry(name, content, external=0o120777 << 16))
        assert contents(data) == [(name, len(content))]
        assert len(read(FORMAT, data).links) == 1


# Roles, names and cost.


def test_roles_are_given_and_empty_members_are_raw() -> None:
    def role(entry: Seen) -> str:
        return "raw" if entry.name.startswith("data/") else "argument"

    data = zip_file(Entry("data/0", TEXT, local={"crc": 1}, central={"crc": 1}), Entry("x", TEXT), Entry("none", b""))
    facts = list(read_archive(Cursor(BytesSource(data), "x", Budget(DEFAULT_LIMITS)), role))
    assert [(f.name, f.role) for f in facts if isinstance(f, Member)] == [
        ("data/0", "raw"),
        ("x", "argument"),
        ("none", "raw"),
    ]
    # Checksums of raw members cost reading them, so they are not compared.
    assert len(facts) == 3


def test_all_names_are_known_wherever_they_stand() -> None:
    padding = [Entry(f"m/data/{n}", bytes(30), central={"comment": b"c" * 50_000}) for n in range(8)]
    data = zip_file(Entry("m/data.pkl", TEXT), Entry("big", bytes(200_000)), *padding, Entry("m/mark", b"x"), *padding)
    names = member_names(probe(data))
    assert names == member_names(probe(data)._replace(kept=None))
    assert names == names_under(Cursor(BytesSource(data), "x", Budget(DEFAULT_LIMITS)))
    assert {"m/data.pkl", "m/mark", "m/data/7"} <= set(names.names)
    assert not names.cut
    assert member_names(probe(zip_file(Entry("a", TEXT), Entry("b", TEXT))[:-60])).names == ("a", "b")
    assert member_names(probe(zip_file(Entry("a", zip_file(Entry("b", TEXT)), flags=DESCRIPTOR)))).names == ("a",)
    assert member_names(probe(b"no zip")).names == ()


def test_names_are_read_once_and_cut_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip_file(*[Entry(f"m/data/{n}", b"16 bytes of data") for n in range(20_000)])
    one = probe(data)
    started = time.process_time()
    for _ in range(20):
        assert len(member_names(one).names) == 20_000
    # 0.02 s on a quiet machine
    assert time.process_time() - started < 0.5
    monkeypatch.setattr(zip_probe, "_NAMES", 100)
    assert member_names(probe(data)).cut


def test_only_headers_of_raw_members_are_read() -> None:
    data = zip_file(*[Entry(f"data/{n}", bytes(1_000_000)) for n in range(10)])
    cursor = Cursor(BytesSource(data), "x", Budget(DEFAULT_LIMITS))
    assert len(list(read_archive(cursor, lambda _: "raw"))) == 10
    assert cursor.fetched.total() < 0.01 * len(data)


def test_facts_of_one_kind_are_counted_not_repeated() -> None:
    data = zip_file(*[Entry(f"../{n}", b"") for n in range(500)])
    told = [fact for fact in read(FORMAT, data).facts if not isinstance(fact, Member)]
    assert len(told) == 21
    assert told[-1].detail == "and 480 more of this kind"


# Misses and damage.


def test_miss() -> None:
    honest = zip_file(Entry("a", TEXT))
    for data in (
        b"",
        b"PK",
        b"\x80\x04K\x01.",
        bytes(100) + b"PK\x05\x06" + bytes(200),
        bytes(100) + b"PK\x05\x06" + bytes(4) + b"\x01\x00\x01\x00" + b"\xff" * 8 + bytes(2),
        b"x" + honest[:-30],
    ):
        assert not FORMAT.claims(probe(data))


def test_a_tar_that_ends_in_a_zip_is_left_to_the_tar() -> None:
    inner = zip_file(Entry("a", TEXT))
    for items in ([Item("a.zip", inner)], [Item("b", TEXT * 99), pax(path="p"), Item("a.zip", inner)]):
        data = tar_file(*items)
        assert not FORMAT.claims(probe(data))
        assert kinds_of(tree(data, FORMAT, TAR)) == []


def test_a_tar_that_does_not_hold_the_whole_zip_is_one_as_well() -> None:
    inner = zip_file(Entry("a", TEXT))
    behind = tar_file(Item("b", TEXT)) + inner
    across = tar_file(Item("b", TEXT), Item("c", inner[-30:]), end=b"")[:-512] + inner
    no_tar = b"x" * 257 + b"ustar" + b"x" * 250 + inner + b"\0"
    for data in (behind, across, no_tar):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.namelist() == ["a"]
        assert FORMAT.claims(probe(data))


@pytest.mark.parametrize("name", sorted(ZIPS))
def test_an_archive_in_another_file_is_found_from_its_end(name: str) -> None:
    data = ZIPS[name][0]("true")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert "__main__.py" in archive.namelist()
    assert FORMAT.claims(probe(data))
    assert "__main__.py" in [member.name for member in read(FORMAT, data).members]


def test_a_directory_behind_its_end_record_is_followed() -> None:
    """torch's miniz goes where the record says, even into the record's own comment."""
    outer = zip_file(Entry("b", TEXT))
    for before, comment in ((b"", False), (outer, True)):
        whole = zip_file(Entry("a", TEXT), shift=len(before))
        end, start = whole.rfind(b"PK\x05\x06"), whole.find(b"PK\x01\x02")
        directory = whole[start:end]
        hidden = whole[:start] + end_record(1, len(directory), len(before) + start + 22, directory)
        data = zip_file(Entry("b", TEXT), comment=hidden) if comment else hidden
        assert ("a", len(TEXT)) in contents(data)
        assert ("zip-several-end-records" in kinds(data)) is comment


def test_end_records_in_plenty_cost_little() -> None:
    data = b"x" * 5000 + b"PK\x05\x06" * 20_000
    started = time.process_time()
    assert not FORMAT.claims(probe(data))
    assert time.process_time() - started < 1


def test_a_long_directory_behind_a_prefix_is_recognised() -> None:
    data = b"prefix" + zip_file(*[Entry(f"{'n' * 60}{n}") for n in range(1000)])
    assert FORMAT.claims(probe(data))


def test_damaged() -> None:
    entries = [Entry("a", TEXT), Entry("b", TEXT, DEFLATED), Entry("c/", b""), Entry("d", TEXT, DEFLATED)]
    cut_everywhere(zip_file(*entries, comment=b"a comment"), FORMAT)
    assert contents(zip_file(*entries)[:-80])[0] == ("a", len(TEXT))


def test_any_changed_byte_is_survived() -> None:
    left_out = {"crc": 0, "size": 0, "packed_size": 0}
    data = zip_file(
        Entry("a", b"text", DEFLATED, flags=DESCRIPTOR, local=left_out, trailer=descriptor(b"text")[:8] + bytes(8)),
        Entry("b", b"text", zip64=True),
        zip64=True,
    )
    change_everywhere(data, FORMAT)
