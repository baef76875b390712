"""``airlock scan``: what its options ask for, what it exits with, what it leaves behind."""

import json
import os
import stat

import pytest

from modelairlock.cli.budgets import limits_of
from modelairlock.cli.levels import JAIL_LEVELS, LEVELS
from modelairlock.limits import Limits
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from tests.outputs.canonical import (
    CLEAR_ONE,
    FLAGGED_ONE,
    FOLDER,
    HOSTILE_NAMES,
    INCOMPLETE_ONE,
    NOTHING,
    clear_subject,
    record,
)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (CLEAR_ONE, 0),
        (FLAGGED_ONE, 1),
        (INCOMPLETE_ONE, 3),
        (record(), 3),
        (record(*FLAGGED_ONE.subjects, *INCOMPLETE_ONE.subjects), 1),
        (record(*INCOMPLETE_ONE.subjects, *CLEAR_ONE.subjects), 3),
        (record(*CLEAR_ONE.subjects, repositories=FOLDER.repositories), 1),
        (NOTHING, 2),
        (FOLDER, 2),
        (record(*CLEAR_ONE.subjects, errors=FOLDER.errors), 2),
    ],
)
@pytest.mark.parametrize("format_", ["text", "json", "sarif", "markdown", "junit"])
def test_exit_status(run, scanned, answer, status: int, format_: str) -> None:
    scanned.record = answer
    result = run("scan", "x", "--format", format_)
    assert result.exit_code == status
    assert result.stdout, "the report on the rest is still written"


def test_nothing_but_the_report_is_on_stdout(run, scanned) -> None:
    result = run("scan", "x", "--format", "json")
    assert json.loads(result.stdout)["verdict"] == "clear"
    assert result.stderr == ""


def test_errors_stand_on_stderr_when_the_report_is_for_machines(run, scanned) -> None:
    scanned.record = NOTHING
    assert "gone.pt: there is no such file" in run("scan", "x", "--format", "json").stderr
    assert run("scan", "x").stderr == ""


def test_no_colour_on_a_pipe(run, scanned) -> None:
    scanned.record = FOLDER
    assert "\x1b" not in run("scan", "x").stdout


def test_options_reach_the_scan(run, scanned) -> None:
    run("scan", "a", "b", "-x", "*.md", "-x", ".git", "--jobs", "3", "--require", "confined", "--limits", "seconds=5",
        "--limits", "window-bytes=2Ki")  # fmt: skip
    assert scanned.sources == ("a", "b")
    assert scanned.options.exclude == ("*.md", ".git")
    assert scanned.options.jobs == 3
    assert scanned.options.require is Level.CONFINED
    assert (scanned.options.limits.seconds, scanned.options.limits.window_bytes) == (5.0, 2048)
    assert scanned.options.hash
    assert scanned.options.cache
    assert scanned.options.cache_folder is not None


def test_without_options_the_defaults_hold(run, scanned) -> None:
    run("scan", "a")
    assert scanned.options.limits == Limits()
    assert scanned.options.jobs == (os.cpu_count() or 1)
    assert scanned.options.require is None


@pytest.mark.parametrize("option", ["--no-hash", "--no-cache"])
def test_no_cache_and_no_hash(run, scanned, option: str) -> None:
    run("scan", "a", option)
    assert scanned.options.cache_folder is None
    assert scanned.options.hash is (option != "--no-hash")


def test_a_pattern_that_left_nothing_out_is_said(run, scanned, tmp_path) -> None:
    scanned.unmatched = ("*.foo",)
    result = run("scan", "x", "-x", "*.foo")
    assert result.exit_code == 0
    assert "--exclude *.foo left nothing out" in result.stderr
    (tmp_path / "work" / "airlock.toml").write_text("exclude = ['*.foo']")
    assert run("scan", "x").stderr == "", "a policy need not match each time"


def test_the_levels_are_those_there_are() -> None:
    assert tuple(Level) == LEVELS
    assert tuple(one for one in Level if one.rank >= Level.CONFINED.rank) == JAIL_LEVELS


def test_quiet_writes_nothing(run, scanned) -> None:
    scanned.record = FLAGGED_ONE
    result = run("scan", "x", "--quiet")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 1)


def test_quiet_still_writes_what_is_asked_for_by_name(run, scanned, tmp_path) -> None:
    assert run("scan", "x", "--quiet", "--format", "json").stdout.startswith("{")
    run("scan", "x", "--quiet", "--output", str(tmp_path / "r.txt"))
    assert (tmp_path / "r.txt").read_text().startswith("CLEAR")


def test_verbose_names_every_file(run, scanned) -> None:
    scanned.record = record(*(clear_subject(f"{n}.safetensors") for n in range(50)))
    assert "37.safetensors" not in run("scan", "x").stdout
    assert "37.safetensors" in run("scan", "x", "-v").stdout


# --- the output file --------------------------------------------------------------------------------------------


def test_the_report_goes_into_the_file_and_nowhere_else(run, scanned, tmp_path) -> None:
    result = run("scan", "x", "--format", "json", "--output", str(tmp_path / "r.json"))
    assert result.stdout == ""
    assert json.loads((tmp_path / "r.json").read_text())["verdict"] == "clear"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["r.json"]


def test_a_file_obeys_the_umask(run, scanned, tmp_path) -> None:
    old = os.umask(0o027)
    try:
        run("scan", "x", "--output", str(tmp_path / "r.txt"))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "r.txt").stat().st_mode) == 0o640


def test_what_was_there_stays_when_writing_fails(run, scanned, tmp_path, monkeypatch) -> None:
    target = tmp_path / "r.txt"
    target.write_text("before")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = run("scan", "x", "--output", str(target))
    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert result.stdout.startswith("CLEAR"), "the report is not lost"
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["r.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("boo")])
def test_half_a_report_is_none(run, scanned, tmp_path, monkeypatch, error: BaseException) -> None:
    def broken(record, view):
        yield "half of it"
        raise error

    from modelairlock.outputs import text

    monkeypatch.setattr("modelairlock.catalog.find", lambda *names: type("O", (), {"render": staticmethod(broken)})())
    assert text
    assert run("scan", "x", "--output", str(tmp_path / "r.txt")).exit_code in (2, 130)
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_a_link_to_the_report_stays_a_link(run, scanned, tmp_path) -> None:
    (tmp_path / "real.txt").write_text("before")
    (tmp_path / "link.txt").symlink_to("real.txt")
    run("scan", "x", "--output", str(tmp_path / "link.txt"))
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text().startswith("CLEAR")


@pytest.mark.parametrize("place", ["gone/r.txt", "."])
def test_an_impossible_output_is_said_before_the_work(run, scanned, tmp_path, place: str) -> None:
    result = run("scan", "x", "--output", str(tmp_path / place))
    assert result.exit_code == 2
    assert "cannot write the report" in result.stderr
    assert not scanned.called


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_an_operator_error(run, scanned, tmp_path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert run("scan", "x", "--output", str(tmp_path / "locked" / "r.txt")).exit_code == 2


def test_a_device_is_written_and_not_replaced(run, scanned) -> None:
    assert run("scan", "x", "--output", "/dev/null").exit_code == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "markdown", "junit"])
def test_hostile_names_can_be_written(run, scanned, tmp_path, format_: str) -> None:
    scanned.record = HOSTILE_NAMES
    assert run("scan", "x", "-f", format_, "-o", str(tmp_path / "r")).exit_code == 2
    (tmp_path / "r").read_bytes().decode("utf-8")


# --- limits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("facts=10", "facts", 10),
        ("facts=1M", "facts", 10**6),
        ("expanded-bytes=2GiB", "expanded_bytes", 2**31),
        ("expanded_bytes=1.5G", "expanded_bytes", 1_500_000_000),
        ("seconds=0.5", "seconds", 0.5),
        ("worker_bytes=9007199254740993", "worker_bytes", 2**53 + 1),
    ],
)
def test_limits(text: str, name: str, value: float) -> None:
    assert getattr(limits_of([text]), name) == value


@pytest.mark.parametrize(
    "text",
    ["", "facts", "fcats=1", "facts=", "facts=-1", "facts=0", "facts=1e9", "facts=nan", "facts=inf", "facts=0.1",
     "seconds=0", "facts=999999999999999999T", "facts=1 000", "facts=١", "__class__=1"],
)  # fmt: skip
def test_what_is_no_limit(run, scanned, text: str) -> None:
    with pytest.raises(AirlockError):
        limits_of([text])
    result = run("scan", "x", "--limits", text)
    assert result.exit_code == 2
    assert not scanned.called


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("fact=1", "Did you mean facts"),
        ("zzz=1", "There are window_bytes,"),
        ("seconds", "Write seconds=VALUE, such as seconds=60"),
        ("seconds=", "Write seconds=VALUE"),
        ("", "Write NAME=VALUE"),
        ("seconds=abc", "Write seconds=60."),
        ("depth=abc", "Write depth=8."),
        ("expanded-bytes=abc", "Write expanded_bytes=2G."),
    ],
)
def test_what_is_no_limit_says_what_to_write(run, text: str, hint: str) -> None:
    stderr = run("scan", "x", "--limits", text).stderr
    assert f"--limits {text}" in stderr
    assert hint in stderr


@pytest.mark.parametrize("jobs", ["0", "-1", "x", "100000"])
def test_jobs_have_bounds(run, jobs: str) -> None:
    assert run("scan", "x", "--jobs", jobs).exit_code == 2


def test_a_report_may_go_into_a_pipe_by_its_name(run, scanned) -> None:
    reader, writer = os.pipe()
    assert run("scan", "x", "--output", f"/dev/fd/{writer}").exit_code == 0
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read().startswith(b"CLEAR")


@pytest.mark.parametrize("output", ["weights/model.json", "model.json"])
def test_a_report_does_not_take_the_place_of_what_is_scanned(run, scanned, tmp_path, output: str) -> None:
    path = tmp_path / "work" / output
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"a": 1}')
    result = run("scan", "weights", "model.json", "--output", output)
    assert result.exit_code == 2
    assert "is what is to be scanned" in result.stderr
    assert not scanned.called
    assert path.read_text() == '{"a": 1}'


@pytest.mark.parametrize("format_", ["text", "json", "sarif", "markdown", "junit"])
def test_a_report_takes_the_place_of_an_earlier_one_and_keeps_its_mode(run, scanned, tmp_path, format_: str) -> None:
    path = tmp_path / "work" / "weights" / "report"
    path.parent.mkdir(exist_ok=True)
    for _ in range(2):
        assert run("scan", "weights", "-f", format_, "--output", "weights/report").exit_code == 0
        path.chmod(0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
