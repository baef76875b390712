"""The parent's side of a scan, with stand-ins for the reader behind the wall."""

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from modelairlock.isolation import Wall
from modelairlock.limits import Limits
from modelairlock.pipeline import batch, scan
from modelairlock.pipeline.scan import Options, Progress, scan_sources
from modelairlock.reading import Unreadable
from modelairlock.records.coverage import Because
from modelairlock.records.errors import AirlockError, NoIsolation
from modelairlock.records.isolation import Isolation, Level
from modelairlock.records.scan import ScanRecord, Subject, Verdict
from modelairlock.records.span import Extents
from tests.pipeline.stand_in import FUNCTION, Inline
from tests.sources.hub_cache import add, git_sha1, sha256


def put(name: str, content: bytes) -> None:
    path = Path("m", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def scanned(*sources: str, wall: object = None, **options: object) -> ScanRecord:
    options = {"jobs": 2, "started": "now", **options}
    return scan_sources(sources or ("m",), Options(**options), wall=wall or Inline())


def gaps(subject: Subject) -> list[tuple[Because, str]]:
    coverage = subject.coverage
    open_bytes = Extents((gap.start, gap.end) for gap in coverage.gaps).total()
    assert coverage.read_bytes + coverage.passed_over_bytes + open_bytes == coverage.size_bytes, "accounts add up"
    return [(gap.because, gap.detail) for gap in coverage.gaps]


# --- the whole -----------------------------------------------------------------------------------------------------


def test_results_stand_in_the_order_of_the_walk(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "SMALL_BYTES", 100)
    monkeypatch.setattr(scan, "BATCH_FILES", 3)
    monkeypatch.setattr(scan, "FEW_FILES", 0)
    for number in range(40):
        put(f"{number:02}", b"x" * (200 if number % 5 == 0 else 10))
    os.mkfifo("m/07a")
    wall = Inline()
    record = scanned(wall=wall, jobs=4)
    assert [subject.path for subject in record.subjects] == sorted(
        [f"m/{number:02}" for number in range(40)] + ["m/07a"]
    )
    assert sorted(wall.runs) == [1] * 8 + [2, 3] + [3] * 9
    assert record.verdict is Verdict.INCOMPLETE
    assert record.tool.isolation.level is Level.NONE
    assert msgspec.json.decode(msgspec.json.encode(record), type=ScanRecord) == record


def test_clear_files_make_a_clear_record(here: Path) -> None:
    put("a", b"a")
    put("sub/b", b"nested")
    record = scanned()
    assert record.verdict is Verdict.CLEAR
    assert record.errors == ()
    assert record.subjects[0].sha256 == sha256(b"a")
    assert [member.path for member in record.subjects[1].members] == ["m/sub/b!a", "m/sub/b!b"]
    assert record.hashed


def test_what_the_operator_can_mend_stands_beside_the_answers(here: Path) -> None:
    put("a", b"a")
    Path("empty").mkdir()
    record = scanned("gone", "m", "empty")
    assert [(error.path, error.message) for error in record.errors] == [
        ("gone", "there is no such file or folder"),
        ("empty", "there is no file in it"),
    ]
    assert [subject.path for subject in record.subjects] == ["m/a"]
    assert record.verdict is Verdict.CLEAR


def test_names_that_are_no_utf8_are_reported(here: Path) -> None:
    with open(b"m/\xff", "wb") as file:
        file.write(b"x")
    record = scanned("m", "gone\udcff", exclude=("\udcfe",))
    assert [subject.path for subject in record.subjects] == ["m/\\udcff"]
    assert [error.path for error in record.errors] == ["gone\\udcff"]
    assert msgspec.json.decode(msgspec.json.encode(record), type=ScanRecord) == record


def test_nothing_scanned_is_incomplete(here: Path) -> None:
    assert scanned("gone").verdict is Verdict.INCOMPLETE
    put("a", b"a")
    record = scanned(exclude=("a",))
    assert record.verdict is Verdict.INCOMPLETE
    assert [excluded.path for excluded in record.excluded] == ["m/a"]
    assert len(record.errors) == 1


def test_without_hashing_there_are_no_digests(here: Path) -> None:
    put("a", b"a")
    record = scanned(hash=False)
    assert (record.hashed, record.subjects[0].sha256, record.verdict) == (False, None, Verdict.CLEAR)


@pytest.mark.parametrize("jobs", [0, -1])
def test_senseless_options_are_refused(here: Path, jobs: int) -> None:
    with pytest.raises(AirlockError, match="too few"):
        scanned(jobs=jobs)


def test_an_isolation_level_out_of_reach_stops_everything(here: Path) -> None:
    class Weak(Inline):
        @property
        def isolation(self) -> Isolation:
            raise NoIsolation("not here")

        def run(self, tasks: object, *, seconds: float) -> list:
            raise NoIsolation("not here")

    put("a", b"a")
    with pytest.raises(NoIsolation):
        scanned(wall=Weak())


def test_a_wall_that_falls_costs_answers_and_not_the_report(here: Path) -> None:
    class Falling(Inline):
        def run(self, tasks: object, *, seconds: float) -> list:
            raise AirlockError("the worker died 6 times in a row")

    put("a", b"a")
    [subject] = scanned(wall=Falling()).subjects
    assert gaps(subject) == [(Because.READER_FAILED, "the worker died 6 times in a row")]


def test_progress_rises_to_the_end(here: Path) -> None:
    for number in range(10):
        put(str(number), b"x" * 100)
    told: list[Progress] = []
    scan_sources(["m"], Options(jobs=2), told.append, wall=Inline())
    assert told[-1] == Progress(files=10, bytes=1000, found_files=10, found_bytes=1000, walking=False)
    assert [one.files for one in told] == sorted(one.files for one in told)


def test_no_descriptor_is_left_open(here: Path) -> None:
    for number in range(30):
        put(str(number), b"x")
    gc.collect()  # databases that other tests left to it
    before = len(os.listdir("/proc/self/fd"))
    scanned()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("jobs", "descriptors", "wanted"),
    [(2, 1024, (2, 128)), (4, 1024, (4, 120)), (64, 1024, (32, 8)), (8, 256, (8, 8)), (8, 16, (1, 1))],
)
def test_batches_and_threads_fit_the_descriptors_there_are(
    monkeypatch: pytest.MonkeyPatch, jobs: int, descriptors: int, wanted: tuple[int, int]
) -> None:
    monkeypatch.setattr(scan.resource, "getrlimit", lambda _: (descriptors, descriptors))
    assert scan._sizes(jobs) == wanted


# --- children that misbehave ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "says"),
    [
        (b"die", "the reader"),
        (b"garbage", "the reader broke protocol: an answer that does not decode: DecodeError"),
        (b"lie", "the reader broke protocol: an answer about another artifact"),
        (b"boast", "the reader broke protocol: coverage of"),
        (b"raise", "the reader raised"),
    ],
)
def test_a_child_that_fails_costs_one_file_of_its_batch(here: Path, wall: Wall, word: bytes, says: str) -> None:
    for name in ("a", "c"):
        put(name, b"good")
    put("b", word + b"\nmore")
    a, b, c = scanned(wall=wall).subjects
    assert (a.verdict, b.verdict, c.verdict) == (Verdict.CLEAR, Verdict.INCOMPLETE, Verdict.CLEAR)
    [(because, detail)] = gaps(b)
    assert because is Because.READER_FAILED
    assert detail.startswith(says)
    assert b.sha256 == sha256(word + b"\nmore")


def test_a_child_that_hangs_is_killed(here: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "GRACE_SECONDS", 0.2)
    put("a", b"good")
    put("b", b"hang")
    a, b = scanned(wall=wall, limits=Limits(seconds=0.2)).subjects
    assert a.verdict is Verdict.CLEAR
    [(because, detail)] = gaps(b)
    assert because is Because.READER_FAILED
    assert "did not answer within" in detail


def test_ctrl_c_ends_it_at_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "READ", FUNCTION)
    put("a", b"hang")
    put("b", b"hang" + bytes(2 * scan.SMALL_BYTES))

    def interrupt(progress: Progress) -> None:
        if not progress.walking:
            raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        scan_sources(["m"], Options(jobs=2), interrupt)
    assert time.monotonic() - begun < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("airlock")]


def test_an_interrupt_leaves_no_process_behind(here: Path) -> None:
    put("a", b"hang")
    code = (
        "import sys; from modelairlock.pipeline import scan\n"
        f"scan.READ = {FUNCTION!r}\n"
        "print('ready', flush=True)\n"
        "scan.scan_sources(['m'], scan.Options(jobs=1))"
    )
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # a test run in the background hands an ignored SIGINT down
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=10)  # a child that lived on would hold these pipes open
    assert told.rstrip().endswith(b"KeyboardInterrupt")


def test_a_rule_that_fails_costs_one_verdict(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(reading: object, *, sha256: str | None) -> Subject:
        if reading.name == "b":
            raise ZeroDivisionError
        return real(reading, sha256=sha256)

    real = batch.judge
    monkeypatch.setattr(batch, "judge", judge)
    put("a", b"a")
    put("b", b"b")
    a, b = scanned().subjects
    assert a.verdict is Verdict.CLEAR
    assert b.verdict is Verdict.INCOMPLETE
    assert gaps(b) == [(Because.READER_FAILED, "judging failed: ZeroDivisionError")]


def test_a_worker_that_cannot_start_ends_the_scan_at_once(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not batch by batch and then file by file, and not after hashing all there is."""
    started: list[str] = []

    def spawn(function: str) -> None:
        started.append(function)
        raise OSError(8, "Exec format error")

    monkeypatch.setattr(scan, "FEW_FILES", 0)
    monkeypatch.setattr(scan, "BATCH_FILES", 2)
    monkeypatch.setattr("modelairlock.isolation.launch.spawn", spawn)
    for number in range(50):
        put(f"{number:02}", b"good")
    copied: list[int] = []
    real = batch.Copies.add
    monkeypatch.setattr(batch.Copies, "add", lambda self, data: copied.append(0) or real(self, data))
    with pytest.raises(AirlockError, match="could not be started"):
        scan_sources(["m"], Options(jobs=1))
    assert len(started) == 1
    assert len(copied) < 20


def test_a_worker_that_cannot_start_is_not_waited_for_behind_a_large_file(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_done(*_: object, spent: Callable[[int], None], **__: object) -> None:
        while True:
            spent(0)
            time.sleep(0.01)

    monkeypatch.setattr(batch, "SMALL_BYTES", -1)
    monkeypatch.setattr(batch, "COPIED_BYTES", -1)
    monkeypatch.setattr(batch, "digest", never_done)
    monkeypatch.setattr(scan, "READ", "tests.pipeline.stand_in:nothing")
    put("a", b"good")
    with pytest.raises(AirlockError, match="could not be started: AttributeError"):
        scan_sources(["m"], Options(jobs=2))


# --- files that misbehave ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hashing", [True, False])
def test_a_file_that_changes_while_it_is_read_is_vouched_for_by_nobody(here: Path, hashing: bool) -> None:
    put("a", b"abc")

    def touch(fd: int) -> None:
        with open("m/a", "r+b") as file:
            file.write(b"x")

    [subject] = scanned(wall=Inline(touch), hash=hashing).subjects
    assert gaps(subject) == [(Because.UNREADABLE, batch.CHANGED)]
    assert subject.sha256 is None
    assert subject.coverage.read_bytes == 0


def test_a_file_that_lies_about_its_size(here: Path) -> None:
    """Files below /proc say they hold nothing."""
    [subject] = scanned("/proc/version").subjects
    assert (Because.UNREADABLE, batch.CHANGED) in gaps(subject)
    assert subject.sha256 is None


@pytest.mark.parametrize("small", [True, False])
def test_a_disk_that_fails_while_hashing(small: bool, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Unreadable(7, "the operating system says: Input/output error")

    monkeypatch.setattr(batch.hold, "content", fail)
    monkeypatch.setattr(batch, "digest", fail)
    if not small:
        for bound in ("SMALL_BYTES", "COPIED_BYTES"):
            monkeypatch.setattr(batch, bound, 0)
    put("a", b"abc")
    [subject] = scanned().subjects
    assert gaps(subject) == [(Because.UNREADABLE, "at byte 7: the operating system says: Input/output error")]
    assert subject.sha256 is None


def test_a_file_that_went_away(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a", b"abc")
    put("b", b"abc")
    real = scan.walk

    def gone(*arguments: object) -> Iterator[object]:
        entries = list(real(*arguments))
        os.unlink("m/a")
        yield from entries

    monkeypatch.setattr(scan, "walk", gone)
    a, b = scanned().subjects
    assert gaps(a) == [(Because.UNREADABLE, "the file cannot be opened: No such file or directory")]
    assert a.size_bytes == 3
    assert b.verdict is Verdict.CLEAR


def test_an_empty_file_is_never_clear(here: Path) -> None:
    put("a", b"")
    [subject] = scanned().subjects
    assert subject.verdict is Verdict.INCOMPLETE
    assert subject.sha256 == sha256(b"")


def test_a_link_is_judged_under_its_own_name(here: Path) -> None:
    """What is text as config.txt names code to import as config.json, and a loader opens the link."""
    put("config.txt", b'{"auto_map": {"AutoModel": "evil.Evil"}}')
    os.symlink("config.txt", "m/config.json")
    link, text = scan_sources(["m"], Options(jobs=1)).subjects
    assert (text.path, text.verdict) == ("m/config.txt", Verdict.CLEAR)
    assert link.path == "m/config.json"
    assert link.verdict is not Verdict.CLEAR


def test_a_link_out_of_the_source_is_a_gap(here: Path) -> None:
    put("notes.txt", b"good")
    Path("evil.bin").write_bytes(b"x")
    os.symlink("../evil.bin", "m/pytorch_model.bin")
    record = scanned()
    assert record.verdict is Verdict.INCOMPLETE
    detail = "a link out of the source: not followed; a loader would follow it (../evil.bin)"
    assert gaps(record.subjects[1]) == [(Because.UNREADABLE, detail)]


def test_special_files_are_gaps(here: Path) -> None:
    os.mkfifo("m/pipe")
    [subject] = scanned().subjects
    assert gaps(subject) == [(Because.UNREADABLE, "is a fifo, not a regular file")]
    assert (subject.path, subject.verdict, subject.size_bytes) == ("m/pipe", Verdict.INCOMPLETE, 0)


# --- hugging face caches -------------------------------------------------------------------------------------------


def test_blobs_are_held_against_their_names(here: Path) -> None:
    repository = here / "models--a--b"
    add(repository, "r", "good.bin", b"good")
    add(repository, "r", "good.json", b"{}", git_sha1(b"{}"))
    add(repository, "r", "wrong.bin", b"other", sha256(b"what was published"))
    add(repository, "r", "wrong.json", b"[]", git_sha1(b"what was published"))
    add(repository, "r", "x", b"unnamed", "an-etag-that-is-no-digest")
    record = scanned("models--a--b/snapshots/r")
    found = {subject.path.rpartition("/")[2]: gaps(subject) for subject in record.subjects}
    wrong = [(Because.MALFORMED, batch.BLOB_MISMATCH)]
    assert found == {"good.bin": [], "good.json": [], "wrong.bin": wrong, "wrong.json": wrong, "x": []}
    assert record.verdict is Verdict.INCOMPLETE


# --- the real thing ------------------------------------------------------------------------------------------------


def test_a_scan_puts_up_its_own_wall(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "READ", FUNCTION)
    for number in range(3):
        put(str(number), b"good")
    record = scan_sources(["m"], Options(jobs=2))
    assert record.verdict is Verdict.CLEAR
    assert record.tool.isolation.layers
    assert record.started.endswith("+00:00")


def test_the_real_reader_reads_behind_the_wall(here: Path) -> None:
    put("model.pkl", pickle.dumps({"weights": [1.0, 2.0]}))
    [subject] = scan_sources(["m"], Options(jobs=1)).subjects
    assert (subject.formats, gaps(subject), subject.verdict) == (("pickle",), [], Verdict.CLEAR)
