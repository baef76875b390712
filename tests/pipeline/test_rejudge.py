"""Judging again what was read before: from digests, from reports, and what is forgotten."""

import shutil
from pathlib import Path

import msgspec
import pytest

from modelairlock.pipeline import batch
from modelairlock.pipeline.batch import BLOB_MISMATCH
from modelairlock.pipeline.rejudge import rejudge
from modelairlock.pipeline.scan import Options, scan_sources
from modelairlock.records.coverage import NO_DIGEST, NOT_KEPT, Because, Gap
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.reading import Reading
from modelairlock.records.scan import ScanRecord, Settings, Subject, Verdict
from tests.pipeline.stand_in import Inline
from tests.sources.hub_cache import add, sha256


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("m").mkdir()
    Path("m/a").write_bytes(b"nested")
    Path("m/b").write_bytes(b"plain")
    Path("m/slow").write_bytes(b"slow")
    Path("m/sub").mkdir()
    Path("m/sub/a").symlink_to("../a")
    return tmp_path


CACHE = Path("cache")


def report(*sources: str, **options: object) -> ScanRecord:
    record = scan_sources(sources, Options(cache_folder=CACHE, started="then", **options), wall=Inline())
    Path("report.json").write_bytes(msgspec.json.encode(record))
    return record


def again(*targets: str) -> ScanRecord:
    return rejudge(targets, CACHE, started="then")


def reasons(subject: Subject) -> list[tuple[Because, str]]:
    return [(gap.because, gap.detail) for gap in subject.coverage.gaps]


def test_a_report_is_judged_again_without_its_files(here: Path) -> None:
    before = report("m", "gone")
    shutil.rmtree("m")
    record = again("report.json")
    known = [subject for subject in before.subjects if subject.path != "m/slow"]
    assert [subject for subject in record.subjects if subject.path != "m/slow"] == known
    assert record.excluded == before.excluded != ()
    assert record.errors == before.errors != ()
    assert record.tool.rules_digest == before.tool.rules_digest


def test_what_is_not_in_the_cache_is_a_gap(here: Path) -> None:
    report("m")
    record = again("report.json", "ab" * 32)
    found = {subject.path: subject for subject in record.subjects}
    for path in ("m/slow", "ab" * 32):
        assert reasons(found[path]) == [(Because.UNREADABLE, NOT_KEPT)]
        assert found[path].verdict is Verdict.INCOMPLETE
    assert found["m/slow"].size_bytes == 4
    assert found["m/slow"].sha256 == sha256(b"slow")


def test_the_settings_that_left_files_out_are_still_named(here: Path) -> None:
    settings = Settings(path="airlock.toml", keys=("exclude",))
    before = msgspec.structs.replace(report("m/b"), settings=(settings,))
    Path("report.json").write_text(before.to_json())
    record = again("report.json", "report.json")
    assert record.settings == (settings,)
    assert record.rejudged
    assert not before.rejudged


def test_a_digest_finds_every_name_it_went_by(here: Path) -> None:
    Path("m/other").write_bytes(b"nested")
    report("m")
    record = again(sha256(b"nested").upper())
    assert [subject.path for subject in record.subjects] == ["a", "other"]
    assert {subject.sha256 for subject in record.subjects} == {sha256(b"nested")}
    assert record.verdict is Verdict.CLEAR
    assert record.tool.isolation.level is Level.NONE


def test_todays_rules_have_the_say(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report("m/b")
    real = batch.judge

    def stricter(reading: Reading, *, sha256: str | None) -> Subject:
        gap = Gap(start=0, end=0, because=Because.UNVOUCHED, detail="a new rule")
        return msgspec.structs.replace(
            real(reading, sha256=sha256), verdict=Verdict.INCOMPLETE, coverage=batch.with_gap(reading, gap).coverage
        )

    monkeypatch.setattr(batch, "judge", stricter)
    [subject] = again("report.json").subjects
    assert reasons(subject) == [(Because.UNVOUCHED, "a new rule")]


def test_a_blob_under_a_false_name_stays_one(here: Path) -> None:
    add(here / "models--a", "r", "x", b"content", sha256(b"another"))
    report("models--a/snapshots/r")
    [subject] = again("report.json").subjects
    assert reasons(subject) == [(Because.MALFORMED, BLOB_MISMATCH)]
    assert subject.verdict is Verdict.INCOMPLETE


def test_a_report_without_digests(here: Path) -> None:
    report("m/b", hash=False)
    report_without = Path("report.json").read_bytes()
    report("m/b")
    Path("report.json").write_bytes(report_without)
    [subject] = again("report.json").subjects
    assert reasons(subject) == [(Because.UNREADABLE, NO_DIGEST)]


def test_a_report_with_a_false_size_finds_nothing(here: Path) -> None:
    before = report("m/b")
    lie = msgspec.structs.replace(before.subjects[0], size_bytes=-5)
    Path("report.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(before, subjects=(lie,))))
    [subject] = again("report.json").subjects
    assert reasons(subject) == [(Because.UNREADABLE, NOT_KEPT)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file"),
        (b"", "no scan report"),
        (b"{}", "no scan report"),
        (b'{"schema": "modelairlock/scan/2"}', "no scan report"),
        (b"\xff\xfe", "no scan report"),
        (b'{"schema": "modelairlock/scan/1", "subjects": ' + b"[" * 100_000, "no scan report"),
    ],
)
def test_what_is_no_report_is_the_operators_error(here: Path, content: bytes | None, says: str) -> None:
    report("m/b")
    if content is not None:
        Path("bad.json").write_bytes(content)
    record = again("bad.json", "report.json")
    assert says in record.errors[0].message
    assert [subject.path for subject in record.subjects] == ["m/b"]


def test_without_a_cache_there_is_nothing_to_judge(here: Path) -> None:
    with pytest.raises(AirlockError, match="no cache"):
        rejudge(["report.json"], None)
    Path("file").write_bytes(b"")
    with pytest.raises(AirlockError, match="not cached"):
        rejudge(["report.json"], Path("file/x"))
