"""Tar archives of every dialect, and what readers of them disagree on."""

import io
import tarfile
from collections.abc import Callable

import pytest

from modelairlock.encodings.tar import first_names
from modelairlock.formats.tar import FORMAT
from modelairlock.limits import Limits
from modelairlock.reading import BytesSource
from modelairlock.records.coverage import Because
from tests.build import carriers
from tests.build.tar_builder import (
    FIFO,
    GNU_LONGLINK,
    GNU_LONGNAME,
    GNU_SPARSE,
    HARDLINK,
    PAX_GLOBAL,
    SYMLINK,
    Item,
    base256,
    header,
    pax,
    tar_file,
)
from tests.reading_help import change_everywhere, cut_everywhere, gaps_of, kinds_of, probe, read, tree

TEXT = b"an ordinary text, " * 4


def kinds(data: bytes) -> list[str]:
    return read(FORMAT, data).kinds


def contents(data: bytes) -> list[tuple[str, int]]:
    return [(member.name, member.coverage.size_bytes) for member in tree(data, FORMAT).members]


@pytest.mark.parametrize("dialect", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_python_writes_is_read_whole(dialect: int) -> None:
    long = "folder/" + "n" * 90
    names = ["a", long, f"{long}/{'m' * 99}", *([] if dialect == tarfile.USTAR_FORMAT else ["é" * 120])]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=dialect) as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(TEXT)
            archive.addfile(info, io.BytesIO(TEXT))
        for kind, name in ((tarfile.DIRTYPE, "d"), (tarfile.SYMTYPE, "s"), (tarfile.LNKTYPE, "h")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "a"
            archive.addfile(info)
        archive.addfile(tarfile.TarInfo("empty"))
    data = buffer.getvalue()
    assert FORMAT.claims(probe(data))
    reading = tree(data, FORMAT)
    assert (kinds_of(reading), gaps_of(reading)) == ([], [])
    assert contents(data) == [(name, len(TEXT)) for name in names]
    assert [(member.name, member.role) for member in read(FORMAT, data).members][-1] == ("empty", "raw")
    assert [(link.name, link.target, link.kind) for link in read(FORMAT, data).links] == [
        ("s", "a", "symlink"),
        ("h", "a", "hardlink"),
    ]
    assert first_names(probe(data))[0] == "a"


def test_the_old_format_has_no_magic_but_a_checksum() -> None:
    old = {"magic": bytes(6), "version": bytes(2)}
    data = tar_file(Item("a", TEXT, fields=old))
    assert FORMAT.claims(probe(data))
    assert contents(data) == [("a", len(TEXT))]
    assert not FORMAT.claims(probe(tar_file(Item("a", TEXT, fields={**old, "checksum": b"0000001\0"}))))


@pytest.mark.parametrize("spelled", ["{:06o}", "0o{:o}", "+{:06o}", "0_{:o}", "{:07o}"])
def test_a_checksum_that_fits_is_all_that_python_asks_for(spelled: str) -> None:
    data = carriers.pickle_and_tar(carriers.storages(TEXT), spelled)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames()[1:] == ["storages"]
    assert FORMAT.claims(probe(data, "pytorch_model.bin"))
    assert ("storages", len(TEXT)) in contents(data)


@pytest.mark.parametrize("carrier", [carriers.safetensors_and_tar, carriers.npy_and_tar])
def test_an_archive_behind_the_head_of_another_format_is_found(carrier: Callable[[bytes], bytes]) -> None:
    data = carrier(carriers.storages(TEXT))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames()[1:] == ["storages"]
    assert FORMAT.claims(probe(data))
    assert ("storages", len(TEXT)) in contents(data)


def blank_checksum(name: bytes, size: int = 0) -> bytes:
    """A header that states no checksum, and whose signed bytes sum up to none."""
    block = bytearray(header(Item(name, fields={"magic": b"", "version": b"", "size": size, "checksum": b""})))
    need = -256 - sum(byte - 256 if byte > 127 else byte for byte in block)
    block[400:500] = bytes((need // 100 + (at < need % 100)) % 256 for at in range(100))
    return bytes(block)


def test_a_blank_checksum_counts_with_a_name_or_a_second_header() -> None:
    second = tar_file(Item("storages", TEXT))
    for data in (blank_checksum(b"a.pkl"), blank_checksum(b"\x01") + second, blank_checksum(b"") + second):
        tarfile.open(fileobj=io.BytesIO(data)).close()
        assert FORMAT.claims(probe(data))
        assert not FORMAT.claims(probe(data, role="raw"))
    far = blank_checksum(b"\x01", 100_000) + bytes(100_352) + second
    assert FORMAT.claims(probe(far)._replace(source=BytesSource(far)))
    for data in (
        blank_checksum(b"\x01"),
        blank_checksum(b"\x93NUMPY\x01") + TEXT * 20,
        blank_checksum(b"") + bytes(9000),
    ):
        assert not FORMAT.claims(probe(data)._replace(source=BytesSource(data)))


def test_numbers_may_be_binary() -> None:
    assert contents(tar_file(Item("a", TEXT, fields={"size": base256(len(TEXT))}))) == [("a", len(TEXT))]


def test_long_names_come_from_other_headers() -> None:
    gnu = tar_file(Item("././@LongLink", b"n" * 300 + b"\0", GNU_LONGNAME), Item("n", TEXT))
    assert contents(gnu) == [("n" * 300, len(TEXT))]
    link = tar_file(Item("././@LongLink", b"../x\0", GNU_LONGLINK), Item("l", kind=SYMLINK, link="y"))
    assert read(FORMAT, link).links[0].target == "../x"
    assert contents(tar_file(pax(path="p/q"), Item("n", TEXT), Item("m", TEXT)))[0][0] == "p/q"
    everywhere = pax(comment="all of them")
    assert contents(tar_file(Item("g", everywhere.data, PAX_GLOBAL), Item("n", TEXT))) == [("n", len(TEXT))]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (tar_file(Item("a", TEXT), Item("a", b"other")), "tar-duplicate-name"),
        (tar_file(Item("a", TEXT), Item("A", b"other")), "archive-names-collide"),
        (tar_file(Item("../a", TEXT)), "archive-name-traversal"),
        (tar_file(Item("/a", TEXT)), "archive-name-absolute"),
        (tar_file(pax(path="../x"), Item("a", TEXT)), "archive-name-traversal"),
        (tar_file(pax(size="72"), Item("a", TEXT, fields={"size": 5})), "tar-sizes-differ"),
        (tar_file(pax(path="x"), pax(path="y"), Item("a", TEXT)), "tar-headers-differ"),
        (tar_file(pax(path="x"), Item("l", b"y\0", GNU_LONGNAME), Item("a", TEXT)), "tar-headers-differ"),
        (tar_file(Item("a", TEXT)) + tar_file(Item("b", TEXT)), "tar-members-after-end"),
        (tar_file(Item("a", TEXT), Item("l", b"data", HARDLINK, "a")), "tar-link-with-data"),
        (tar_file(pax(a="b"), Item("a", TEXT)).replace(b" a=b\n", b"?a=b\n"), "tar-pax-damaged"),
        (
            tar_file(Item("a", TEXT), Item("b", TEXT, fields={"checksum": b"0000001\0"}), Item("c", TEXT)),
            "tar-header-damaged",
        ),
        (tar_file(Item("a", TEXT, fields={"prefix": "b", "magic": b"ustar ", "version": b" "})), "tar-headers-differ"),
        (tar_file(Item("a", TEXT, fields={"size": b"0_0110\0"})), "tar-sizes-differ"),
    ],
)
def test_each_lie_is_told(data: bytes, kind: str) -> None:
    assert kinds(data) == [kind]


def test_a_prefix_counts_whatever_the_magic_is() -> None:
    gnu: dict[str, int | str | bytes] = {"magic": b"ustar ", "version": b" \0"}
    for fields in (gnu, {"magic": b"", "version": b""}):
        assert kinds(tar_file(Item("a", TEXT, fields={**fields, "prefix": "../.."}))) == [
            "archive-name-traversal",
            "tar-headers-differ",
        ]
    # the times of an incremental dump by GNU tar
    times = tar_file(Item("a", TEXT, fields={**gnu, "prefix": b"14731526354\x0014731526354\0"}))
    assert kinds(times) == []


def test_names_are_taken_from_damaged_records_as_well() -> None:
    for records in (b"23 path=../../notes.txtX", b"11 mtime=0\n24 path=../../notes.txt\n"):
        size = 11 if b"mtime" in records else len(records)
        item = Item("pax", records.ljust(512, b"\0"), b"x", fields={"size": size}, pad=False)
        result = read(FORMAT, tar_file(item, Item("notes.txt", TEXT)))
        assert {"archive-name-traversal", "tar-pax-damaged"} <= set(result.kinds)
        assert Because.MALFORMED in [gap.because for gap in result.gaps]
    long = Item("long", b"../../notes.txt".ljust(512, b"\0"), GNU_LONGNAME, fields={"size": 1}, pad=False)
    assert "archive-name-traversal" in kinds(tar_file(long, Item("notes.txt", TEXT)))
    zeros = Item("pax", b"0000000000000038 path=../../notes.txt\n", b"x")
    assert kinds(tar_file(zeros, Item("notes.txt", TEXT))) == ["archive-name-traversal"]


def test_a_file_that_is_a_folder_to_python_is_read_for_both() -> None:
    inner = tar_file(Item("evil", TEXT), end=b"")
    data = tar_file(pax(path="w.pkl"), Item("d/", inner, b"\0"))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["w.pkl", "evil"]
    assert "tar-headers-differ" in kinds(data)
    assert {("w.pkl", len(inner)), ("evil", len(TEXT))} <= set(contents(data))


def test_what_two_readers_see_is_read_for_both() -> None:
    evil = tar_file(Item("evil", TEXT))
    data = tar_file(pax(size="1536"), Item("a", evil[:1536], fields={"size": 5}))
    assert sorted(contents(data)) == [("a", 5), ("a", 1536)]
    after = tar_file(Item("a", TEXT), end=bytes(512)) + tar_file(Item("b", TEXT))
    assert contents(after) == [("a", len(TEXT)), ("b", len(TEXT))]
    assert contents(tar_file(Item("a", TEXT), Item("l", b"data", HARDLINK, "a"))) == [("a", len(TEXT)), ("l", 4)]


def test_bytes_of_no_member_are_told_and_are_a_gap() -> None:
    for data, kind in (
        (tar_file(Item("a", TEXT)) + b"cos\nsystem\n", "archive-trailing"),
        (tar_file(Item("a", b"x" + b"hidden" * 50, fields={"size": 1})), "archive-hidden-bytes"),
    ):
        result = read(FORMAT, data)
        assert result.kinds == [kind]
        assert [gap.because for gap in result.gaps] == [Because.UNRECOGNISED]


def test_links_and_devices_are_facts() -> None:
    data = tar_file(Item("s", kind=SYMLINK, link="../../etc"), Item("d", kind=b"3"), Item("f", kind=FIFO))
    assert [(link.kind, link.target) for link in read(FORMAT, data).links] == [
        ("symlink", "../../etc"),
        ("device", ""),
        ("fifo", ""),
    ]


def test_an_archive_of_nothing_is_a_gap() -> None:
    data = tar_file(Item("folder/", kind=b"5"), Item("empty"))
    assert [gap.because for gap in read(FORMAT, data).gaps] == [Because.UNRECOGNISED]


def test_sparse_files_and_volumes_are_unsupported() -> None:
    for data in (
        tar_file(Item("a", TEXT, GNU_SPARSE)),
        tar_file(pax(**{"GNU.sparse.major": "1"}), Item("a", TEXT)),
        tar_file(Item("a", TEXT, b"M")),
    ):
        result = read(FORMAT, data)
        assert result.members == []
        assert [gap.because for gap in result.gaps] == [Because.UNSUPPORTED]


def test_hostile_numbers_end_in_a_gap() -> None:
    for data in (
        tar_file(Item("a", TEXT, fields={"size": base256(2**63 - 1)})),
        tar_file(Item("a", TEXT), Item("b", TEXT, fields={"size": b"99999999999\0"})),
        tar_file(Item("a", TEXT), Item("b", TEXT, fields={"size": b"\xff" * 12})),
        tar_file(pax(size="-1"), Item("a", TEXT)),
        tar_file(pax(size="9" * 19), Item("a", TEXT)),
        tar_file(Item("x", kind=b"x", fields={"size": base256(2**40)})),
    ):
        assert read(FORMAT, data).gaps


def test_members_are_counted() -> None:
    data = tar_file(*[Item(str(n)) for n in range(20)])
    gaps = read(FORMAT, data, limits=Limits(entries=10)).gaps
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]


def test_miss() -> None:
    for data in (b"", bytes(2048), b"ustar" * 200, bytes(257) + b"ustar\x0000" + bytes(300), TEXT * 20):
        assert not FORMAT.claims(probe(data))


def test_damaged() -> None:
    cut_everywhere(tar_file(Item("a", TEXT), pax(path="p"), Item("b", TEXT)), FORMAT)


def test_a_missing_end_is_a_gap() -> None:
    for end in (b"", bytes(512)):
        assert [gap.because for gap in read(FORMAT, tar_file(Item("a", TEXT), end=end)).gaps] == [Because.TRUNCATED]


@pytest.mark.slow
def test_any_changed_byte_is_survived() -> None:
    change_everywhere(tar_file(pax(path="p"), Item("b", b"t")), FORMAT)


def test_padding_that_hides_something_is_told_in_words_that_fit_the_rules_sentence() -> None:
    data = bytearray(tar_file(Item("a", b"x" * 509), Item("b", b"y")))
    data[512 + 509 : 1024] = b"abc"
    [gap] = gaps_of(tree(bytes(data), FORMAT))
    assert "3 bytes of padding that should be zero" in str(gap)
