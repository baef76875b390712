"""The cache of facts: what it remembers, what it refuses, and that nothing in it can break a scan."""

import multiprocessing
import os
import sqlite3
import stat
from pathlib import Path

import msgspec
import pytest

from modelairlock.limits import DEFAULT_LIMITS, Limits
from modelairlock.pipeline import cache as module
from modelairlock.pipeline.cache import FILE_NAME, Cache, default_folder, open_cache
from modelairlock.pipeline.scan import Options, scan_sources
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.reading import Reading
from modelairlock.records.scan import ScanRecord, Verdict
from tests.pipeline.stand_in import Inline

SHA = "ab" * 32


def reading(name: str = "a.pt", size: int = 3, *gaps: Gap) -> Reading:
    left = 0 if gaps else size
    return Reading(path=name, name=name, coverage=Coverage(size_bytes=size, read_bytes=left, gaps=gaps))


def gap(because: Because, detail: str = "") -> Gap:
    return Gap(start=0, end=3, because=because, detail=detail)


def opened(folder: Path, told: list[str] | None = None, **options: int) -> Cache:
    cache = open_cache(folder, (told if told is not None else []).append, **options)
    assert cache is not None
    return cache


def put(cache: Cache, one: Reading, sha256: str = SHA, limits: Limits = DEFAULT_LIMITS) -> None:
    cache.put(sha256, one, msgspec.msgpack.encode(one), limits, Level.STRICT)


def get(cache: Cache, name: str = "a.pt", size: int = 3, **other: object) -> Reading | None:
    return cache.get(
        other.get("sha256", SHA), name, size, other.get("limits", DEFAULT_LIMITS), other.get("level", Level.STRICT)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "x" / "modelairlock"


# --- what is remembered --------------------------------------------------------------------------------------------


def test_what_was_put_comes_back_another_day(folder: Path) -> None:
    cache = opened(folder)
    put(cache, reading())
    cache.close()
    cache = opened(folder)
    assert get(cache) == reading()
    cache.close()
    assert get(cache) is None


@pytest.mark.parametrize(
    "other",
    [
        {"sha256": "cd" * 32},
        {"name": "a.txt"},
        {"limits": Limits(depth=2)},
        {"level": Level.NONE},
        {"size": 4},
    ],
)
def test_everything_that_facts_depend_on_is_in_the_key(folder: Path, other: dict) -> None:
    cache = opened(folder)
    put(cache, reading())
    cache.close()
    assert get(opened(folder), **other) is None


def test_another_reader_starts_afresh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = opened(folder)
    put(cache, reading())
    cache.close()
    monkeypatch.setattr(module, "reader_version", lambda: "another")
    cache = opened(folder)
    assert get(cache) is None
    assert cache.find(SHA) == []


def test_only_what_another_look_would_say_again_is_kept(folder: Path) -> None:
    passing = [
        gap(Because.READER_FAILED),
        gap(Because.UNREADABLE),
        gap(Because.OVER_LIMIT, "reading took longer than 300 s (limit: seconds)"),
    ]
    lasting = [gap(Because.MALFORMED), gap(Because.OVER_LIMIT, "too deep (limit: depth)")]
    cache = opened(folder)
    for number, one in enumerate([*passing, *lasting]):
        put(cache, reading(f"{number}", 3, one))
    inner = reading("m!x", 3, passing[0])
    put(cache, msgspec.structs.replace(reading("m"), members=(inner,)))
    cache.close()
    assert [found.name for found, _ in opened(folder).find(SHA)] == ["3", "4"]


def test_one_content_under_several_names(folder: Path) -> None:
    cache = opened(folder)
    put(cache, reading("b"))
    put(cache, reading("a"))
    put(cache, reading("b"), limits=Limits(depth=2))
    cache.close()
    assert opened(folder).find(SHA) == [(reading("a"), Level.STRICT), (reading("b"), Level.STRICT)]


def test_the_oldest_make_room(folder: Path) -> None:
    cache = opened(folder, cap_bytes=200_000)
    for number in range(40):
        one = msgspec.structs.replace(reading(f"{number:02}"), formats=("x" * 20_000,))
        put(cache, one)
        cache._flush()
    cache.close()
    kept = [found.name for found, _ in opened(folder).find(SHA)]
    assert 2 <= len(kept) <= 10
    assert kept == [f"{number:02}" for number in range(40 - len(kept), 40)]
    assert (folder / FILE_NAME).stat().st_size < 600_000


# --- whom it trusts ------------------------------------------------------------------------------------------------


def test_it_is_private(folder: Path) -> None:
    cache = opened(folder)
    put(cache, reading())
    cache._flush()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    cache.close()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_others_can_write_to_is_refused(folder: Path, mode: int) -> None:
    opened(folder).close()
    folder.chmod(mode)
    with pytest.raises(AirlockError, match="others can write") as refused:
        open_cache(folder, lambda _: None)
    assert "chmod 700" in refused.value.hint


def test_a_database_others_can_write_to_is_refused(folder: Path) -> None:
    opened(folder).close()
    (folder / FILE_NAME).chmod(0o620)
    with pytest.raises(AirlockError, match="others can write"):
        open_cache(folder, lambda _: None)


def test_a_folder_above_that_anybody_can_write_to_is_refused(folder: Path, tmp_path: Path) -> None:
    """The folder itself may be ours alone and still be exchanged between one look and the next."""
    opened(folder).close()
    folder.parent.chmod(0o757)
    for given in (folder, tmp_path / "link"):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(folder)
        with pytest.raises(AirlockError, match="anybody can write to") as refused:
            open_cache(given, lambda _: None)
        assert f"chmod o-w {folder.parent}" in refused.value.hint
    folder.parent.chmod(0o1777)
    opened(folder).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("which", ["", FILE_NAME])
def test_what_belongs_to_somebody_else_is_refused(folder: Path, which: str) -> None:
    opened(folder).close()
    os.chown(folder / which, 65534, 65534)
    with pytest.raises(AirlockError, match="belongs to another user"):
        open_cache(folder, lambda _: None)


def test_a_link_in_its_place_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    (tmp_path / "target").write_bytes(b"")
    (folder / FILE_NAME).symlink_to(tmp_path / "target")
    told: list[str] = []
    assert open_cache(folder, told.append) is None
    assert "facts are not cached" in told[0]


def test_what_it_says_goes_through_the_strict_decoder(folder: Path) -> None:
    cache = opened(folder)
    put(cache, reading())
    cache.close()
    boast = msgspec.structs.replace(reading(), coverage=Coverage(size_bytes=3, read_bytes=9))
    for lie in (msgspec.msgpack.encode(boast), b"\xc1", "text", 7):
        with sqlite3.connect(folder / FILE_NAME) as database:
            database.execute("UPDATE facts SET reading = ?", (lie,))
        database.close()
        cache = opened(folder)
        assert get(cache) is None
        assert cache.find(SHA) == []
        cache.close()


# --- what can go wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [b"no database at all", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_database_is_made_anew_and_said_so(folder: Path, damage: bytes) -> None:
    opened(folder).close()
    (folder / FILE_NAME).write_bytes(damage)
    told: list[str] = []
    cache = opened(folder, told)
    assert "damaged" in told[0]
    put(cache, reading())
    cache.close()
    assert get(opened(folder)) == reading()


def test_a_database_damaged_further_in_is_given_up_and_taken_away(folder: Path) -> None:
    cache = opened(folder)
    for number in range(2000):
        put(cache, reading(f"{number}"))
    cache.close()
    path = folder / FILE_NAME
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * (size - 3 * 4096))
    told: list[str] = []
    cache = opened(folder, told)
    cache.find(SHA)
    put(cache, reading())
    cache.close()
    assert any("damaged" in text for text in told)
    cache = opened(folder)
    put(cache, reading())
    cache.close()
    assert get(opened(folder)) == reading()


def test_another_layout_is_made_anew(folder: Path) -> None:
    opened(folder).close()
    with sqlite3.connect(folder / FILE_NAME) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    told: list[str] = []
    opened(folder, told).close()
    assert "layout 99" in told[0]


def test_a_place_that_cannot_be_made_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    told: list[str] = []
    assert open_cache(tmp_path / "file" / "x", told.append) is None
    assert "facts are not cached" in told[0]


def test_a_locked_database_costs_nothing_but_the_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    cache = opened(folder)
    holder = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    put(cache, reading())
    cache.close()
    holder.execute("COMMIT")
    holder.close()
    assert get(opened(folder)) is None


def fill(folder: Path, first: int) -> None:
    cache = opened(folder)
    for number in range(first, first + 600):
        put(cache, reading(f"{number}"))
    cache.close()


def test_several_processes_at_once(folder: Path) -> None:
    processes = [multiprocessing.get_context("spawn").Process(target=fill, args=(folder, 1000 * n)) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert len(opened(folder).find(SHA)) == 1200


# --- in a scan -----------------------------------------------------------------------------------------------------


def scan(folder: Path, wall: Inline, **options: object) -> ScanRecord:
    return scan_sources([folder.parent.parent / "m"], Options(cache_folder=folder, started="now", **options), wall=wall)


def test_a_second_scan_reads_nothing_and_says_the_same(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m" / "sub").mkdir(parents=True)
    (tmp_path / "m" / "a").write_bytes(b"nested")
    (tmp_path / "m" / "sub" / "b").write_bytes(b"deep")
    (tmp_path / "m" / "slow").write_bytes(b"slow")
    walls = [Inline() for _ in range(4)]
    first = scan(folder, walls[0])
    assert scan(folder, walls[1]) == first
    scan(folder, walls[2], cache=False)
    scan(folder, walls[3], hash=False)
    assert [sum(wall.runs) for wall in walls] == [3, 1, 3, 3]
    (tmp_path / "m" / "a").rename(tmp_path / "m" / "sub" / "a")
    wall = Inline()
    moved = scan(folder, wall)
    assert sum(wall.runs) == 1, "a file is known wherever it lies"
    [subject] = [subject for subject in moved.subjects if subject.path.endswith("/sub/a")]
    assert [member.path for member in subject.members] == [f"{subject.path}!a", f"{subject.path}!b"]


def test_a_refused_cache_is_told_and_not_used(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a").write_bytes(b"a")
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    record = scan(folder, Inline())
    assert record.verdict is Verdict.CLEAR
    assert [error.path for error in record.errors] == [str(folder)]


# --- where it is ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "platform", "wanted"),
    [
        ({"HOME": "/home/alice"}, "linux", "/home/alice/.cache/modelairlock"),
        ({"HOME": "/home/alice", "XDG_CACHE_HOME": "/c"}, "linux", "/c/modelairlock"),
        ({"HOME": "/home/alice", "XDG_CACHE_HOME": "c"}, "linux", "/home/alice/.cache/modelairlock"),
        ({"HOME": "/home/alice"}, "darwin", "/home/alice/Library/Caches/modelairlock"),
        ({}, "linux", None),
        ({"HOME": ""}, "linux", None),
    ],
)
def test_the_usual_place(environment: dict[str, str], platform: str, wanted: str | None) -> None:
    assert default_folder(environment, platform) == (wanted and Path(wanted))
