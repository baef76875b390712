"""Which files share a child, what it may do with them, and how far it is believed."""

import os
from pathlib import Path

import pytest

from modelairlock.isolation import Wall
from modelairlock.pipeline import batch, scan
from modelairlock.pipeline.scan import Options, scan_sources
from modelairlock.records.scan import ScanRecord, Verdict
from tests.pipeline.stand_in import FUNCTION, Inline


def put(name: str, content: bytes) -> None:
    Path("m", name).write_bytes(content)


def scanned(*sources: str, wall: object, **options: object) -> ScanRecord:
    return scan_sources(sources or ("m",), Options(**{"jobs": 2, "started": "now", **options}), wall=wall)


def test_what_a_shared_child_hands_back_is_read_alone(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "FEW_FILES", 0)
    for name, content in {"a": b"good", "b": b"native", "c": b"good"}.items():
        put(name, content)
    wall = Inline()
    assert scanned(wall=wall).verdict is Verdict.CLEAR
    assert wall.runs == [3, 1]


def test_many_that_are_handed_back_are_read_in_small_groups_and_not_remembered(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "FEW_FILES", 0)
    monkeypatch.setattr(batch, "DECODING_FILES", 2)
    put("a", b"good")
    for number in range(5):
        put(f"b{number}", b"native")
    walls = [Inline(), Inline()]
    for wall in walls:
        assert scanned(wall=wall, cache_folder=here / "cache", jobs=1).verdict is Verdict.CLEAR
    assert [wall.runs for wall in walls] == [[6, 2, 2, 1], [4, 2, 2]]


def test_one_of_a_group_that_fails_has_each_read_alone(here: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "FEW_FILES", 0)
    monkeypatch.setattr(batch, "DECODING_FILES", 2)
    for number in range(4):
        put(f"{number}", b"native die" if number == 2 else b"native")
    subjects = scanned(wall=wall).subjects
    assert [subject.verdict is Verdict.CLEAR for subject in subjects] == [True, True, False, True]


@pytest.mark.parametrize("few", [0, 99])
def test_what_the_worker_lacks_a_library_for_is_read_by_the_full_one(
    few: int, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "FEW_FILES", few)
    for name, content in {"a": b"good", "b.txt": b"elsewhere\n", "c": b"native", "d": b"\0elsewhere"}.items():
        put(name, content)
    wall = Inline()
    subjects = scanned(wall=wall, jobs=1).subjects
    assert [subject.formats for subject in subjects] == [(), ("text",), (), ()]
    assert sum(wall.runs) == (4 if few else 5)


def test_what_the_full_worker_lacks_too_is_a_gap(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "READ_FULL", FUNCTION)
    put("a", b"elsewhere")
    [subject] = scanned(wall=Inline()).subjects
    assert subject.verdict is Verdict.INCOMPLETE
    assert "broke protocol" in subject.coverage.gaps[0].detail


def test_who_decodes_sees_nothing_of_the_other_files(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "FEW_FILES", 0)
    for name, content in {"a": b"good secret", "b": b"native", "c": b"good secret"}.items():
        put(name, content)
    seen: list[bytes] = []
    wall = Inline(lambda fd: seen.append(os.pread(fd, 99, 0)))
    assert scanned(wall=wall).verdict is Verdict.CLEAR
    assert seen == [b"good secretnativegood secret", b"native"]


def test_without_room_for_another_copy_files_are_read_where_they_are(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(copies: batch.Copies, data: bytes) -> int:
        if len(added) == 3:
            raise OSError(28, "No space left on device")
        added.append(data)
        return real(copies, data)

    added: list[bytes] = []
    real = batch.Copies.add
    monkeypatch.setattr(batch.Copies, "add", full)
    monkeypatch.setattr(scan, "FEW_FILES", 0)
    for name, content in {"a": b"good", "b": b"native", "c": b"good"}.items():
        put(name, content)
    wall = Inline()
    assert [subject.size_bytes for subject in scanned(wall=wall).subjects] == [4, 6, 4]
    assert wall.runs == [3, 1]


def test_a_few_small_files_share_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "FEW_FILES", 3)
    for name in "abc":
        put(name, b"good")
    wall = Inline()
    scanned(wall=wall)
    assert wall.runs == [1, 1, 1]
    put("d", b"good")
    wall = Inline()
    assert [subject.path for subject in scanned(wall=wall).subjects] == ["m/a", "m/b", "m/c", "m/d"]
    assert wall.runs == [4]


def test_a_decoder_that_was_taken_over_speaks_for_no_digest(
    here: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "FEW_FILES", 0)
    monkeypatch.setattr(batch, "DECODING_FILES", 2)
    put("a", b"native take over")
    put("b", b"native deep")
    put("c", b"native")
    folder = here / "cache"
    scanned(wall=wall, cache_folder=folder)
    os.rename("m/b", "b")
    assert scanned("b", wall=wall, cache_folder=folder).verdict is Verdict.INCOMPLETE
