"""A file is one content for who hashes it and for who reads it, though others can write to it meanwhile."""

import fcntl
import mmap
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelairlock.pipeline import batch, hold
from modelairlock.pipeline.hold import Copies, Lease
from modelairlock.pipeline.scan import Options, scan_sources
from modelairlock.records.coverage import Because
from modelairlock.records.scan import ScanRecord, Verdict
from tests.pipeline.stand_in import Inline

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="leases and sealed files are Linux's")


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "x").write_bytes(b"0123456789")
    fd = os.open(tmp_path / "x", os.O_RDONLY)
    if hold.lease(fd) is not Lease.HELD:
        pytest.skip("no leases on this file system")
    hold.release(fd)
    yield fd
    os.close(fd)


@pytest.mark.parametrize("linux", [True, False])
def test_copies_hold_the_data_and_nobody_can_write_to_them(
    linux: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(hold, "_LINUX", linux)
    before = len(os.listdir("/proc/self/fd"))
    copies = Copies()
    contents = [b"", b"some content", bytes(100_000), b"", b"more"]
    starts = [copies.add(data) for data in contents]
    copies.seal()
    assert [os.pread(copies.fd, len(data), at) for data, at in zip(contents, starts, strict=True)] == contents
    assert os.fstat(copies.fd).st_size == copies.size == sum(map(len, contents))
    assert list(tmp_path.iterdir()) == []
    for attempt in (lambda: os.pwrite(copies.fd, b"x", 0), lambda: os.ftruncate(copies.fd, 3)):
        with pytest.raises(OSError, match=r"not permitted|Bad file descriptor|Invalid argument"):
            attempt()
    copies.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_copies_of_nothing_are_no_file() -> None:
    copies = Copies()
    copies.seal()
    assert copies.fd == -1
    copies.close()


def test_content_shows_a_file_that_is_longer_or_shorter_than_it_was(fd: int) -> None:
    assert hold.content(fd, 10) == b"0123456789"
    assert hold.content(fd, 4) == b"01234"
    assert hold.content(fd, 20) == b"0123456789"


def test_a_lease_is_broken_by_who_wants_to_write_and_kills_nobody(fd: int, tmp_path: Path) -> None:
    assert hold.lease(fd) is Lease.HELD
    os.close(os.open(tmp_path / "x", os.O_RDONLY))
    assert hold.unbroken(fd)
    with pytest.raises(BlockingIOError):
        os.open(tmp_path / "x", os.O_WRONLY | os.O_NONBLOCK)
    assert not hold.unbroken(fd)
    assert fcntl.fcntl(fd, fcntl.F_GETSIG) == signal.SIGURG
    hold.release(fd)
    os.close(os.open(tmp_path / "x", os.O_WRONLY | os.O_NONBLOCK))


@pytest.mark.parametrize("mapped", [True, False])
def test_no_lease_on_what_somebody_can_write_to(fd: int, tmp_path: Path, mapped: bool) -> None:
    with open(tmp_path / "x", "r+b") as file:
        writable = mmap.mmap(file.fileno(), 10) if mapped else os.dup(file.fileno())
    assert hold.lease(fd) is Lease.WRITTEN
    writable.close() if mapped else os.close(writable)
    assert hold.lease(fd) is Lease.HELD


def test_no_lease_where_it_would_mean_nothing(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/proc/version", "rb") as file:
        assert hold.lease(file.fileno()) is Lease.REFUSED
    monkeypatch.setattr(hold, "_LINUX", False)
    assert hold.lease(fd) is Lease.REFUSED


def test_a_read_only_file_system_needs_no_lease(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "_mount", lambda _: (True, True))
    assert hold.lease(fd) is Lease.FIXED


# --- in a scan -----------------------------------------------------------------------------------------------------


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, fd: int) -> None:
    """Every file is too large to be copied."""
    monkeypatch.setattr(batch, "SMALL_BYTES", -1)
    monkeypatch.setattr(batch, "COPIED_BYTES", -1)


def scan(folder: Path, wall: Inline) -> ScanRecord:
    return scan_sources([folder / "m"], Options(cache_folder=folder / "cache", started="now", jobs=1), wall=wall)


def put(folder: Path, content: bytes) -> Path:
    (folder / "m").mkdir(exist_ok=True)
    (folder / "m" / "a").write_bytes(content)
    return folder / "m" / "a"


def flipped(folder: Path) -> tuple[ScanRecord, mmap.mmap]:
    """The scan of a file that says "deep" when it is hashed and "good" when it is read, though its times stand."""
    with put(folder, b"deep\n...").open("r+b") as file:
        writable = mmap.mmap(file.fileno(), 8)
    writable[:] = b"deep\n..."
    return scan(folder, Inline(lambda _: writable.__setitem__(slice(0, 8), b"good\n..."))), writable


def test_the_verdict_is_on_what_was_hashed(tmp_path: Path) -> None:
    record, writable = flipped(tmp_path)
    assert record.verdict is Verdict.INCOMPLETE
    writable[:] = b"deep\n..."
    assert scan(tmp_path, Inline()).verdict is Verdict.INCOMPLETE, "nor does the cache vouch for it"


def test_a_file_that_somebody_writes_to_is_copied_where_it_is_not_too_large(
    tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "SMALL_BYTES", -1)
    record, _ = flipped(tmp_path)
    details = [gap.detail for gap in record.subjects[0].coverage.gaps]
    assert "too deep (limit: depth)" in details
    assert batch.WRITTEN not in details


@pytest.mark.usefixtures("large")
def test_a_large_file_that_somebody_has_open_for_writing_is_a_gap(tmp_path: Path) -> None:
    record, writable = flipped(tmp_path)
    [subject] = record.subjects
    assert [(gap.because, gap.detail) for gap in subject.coverage.gaps] == [(Because.UNREADABLE, batch.WRITTEN)]
    assert subject.sha256 is None
    writable.close()
    put(tmp_path, b"deep\n...")
    assert scan(tmp_path, Inline()).verdict is Verdict.INCOMPLETE


@pytest.mark.usefixtures("large")
def test_a_large_file_is_hashed_once_and_remembered_under_a_lease(tmp_path: Path) -> None:
    put(tmp_path, b"good")
    walls = [Inline(), Inline()]
    records = [scan(tmp_path, wall) for wall in walls]
    assert records[0] == records[1]
    assert records[0].verdict is Verdict.CLEAR
    assert [wall.runs for wall in walls] == [[1], []]
    with (tmp_path / "m" / "a").open("r+b"):
        pass  # would block if the lease outlived the scan


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("how", ["broken", "refused"])
def test_a_large_file_without_a_whole_lease_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = put(tmp_path, b"good")

    def want_to_write(_: int) -> None:
        with pytest.raises(BlockingIOError):
            os.open(path, os.O_WRONLY | os.O_NONBLOCK)

    if how == "refused":
        monkeypatch.setattr(hold, "lease", lambda _: Lease.REFUSED)
    walls = [Inline(want_to_write if how == "broken" else lambda _: None), Inline()]
    records = [scan(tmp_path, wall) for wall in walls]
    assert [record.verdict for record in records] == [Verdict.CLEAR] * 2
    assert records[0].subjects[0].sha256
    assert [wall.runs for wall in walls] == [[1], [1]]


def test_without_room_for_a_copy_the_file_itself_is_read_and_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Copies, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    put(tmp_path, b"good")
    monkeypatch.setattr(Copies, "add", full)
    walls = [Inline(), Inline()]
    assert [scan(tmp_path, wall).verdict for wall in walls] == [Verdict.CLEAR] * 2
    assert [wall.runs for wall in walls] == [[1], [1]]


@pytest.mark.usefixtures("large")
def test_hashing_takes_no_longer_than_reading_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, b"good")
    ticks = iter([0.0, 301.0])
    monkeypatch.setattr(batch.time, "monotonic", lambda: next(ticks, 301.0))
    wall = Inline()
    [subject] = scan(tmp_path, wall).subjects
    [gap] = subject.coverage.gaps
    assert (gap.because, gap.start, gap.end) == (Because.OVER_LIMIT, 0, 4)
    assert gap.detail == "hashing took longer than 300 s: no digest (limit: seconds)"
    assert subject.sha256 is None
    assert wall.runs == [1], "what it does is still looked for"
