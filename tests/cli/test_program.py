"""The real program, in a process of its own, on real files."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelairlock.records.text import hidden
from tests.build.pickle_builder import STOP
from tests.outputs.test_json import VALIDATOR
from tests.outputs.test_sarif import validator

AIRLOCK = Path(sys.executable).with_name("airlock")
HONEST = b"\x80\x04}\x94\x8c\x01a\x94K\x01s."
#: never loaded by anything here
HOSTILE = b"cposix\nsystem\n(X\x02\x00\x00\x00idtR."
UNVOUCHED = b"cacme.models\nForest\n)\x81."


def airlock(*arguments: str | Path, **more) -> subprocess.CompletedProcess:
    return subprocess.run([AIRLOCK, *map(str, arguments)], capture_output=True, timeout=60, check=False, **more)


@pytest.fixture
def models(tmp_path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "honest.pkl").write_bytes(HONEST)
    return folder


@pytest.mark.parametrize(
    ("content", "status", "verdict"),
    [
        (HONEST, 0, "CLEAR"),
        (HOSTILE, 1, "FLAGGED"),
        (UNVOUCHED, 3, "INCOMPLETE"),
        (b"", 3, "INCOMPLETE"),
        (HONEST.removesuffix(STOP), 3, "INCOMPLETE"),
    ],
)
def test_verdict_and_status(models, content: bytes, status: int, verdict: str) -> None:
    (models / "honest.pkl").write_bytes(content)
    done = airlock("scan", models / "honest.pkl")
    assert done.returncode == status, done
    assert done.stdout.decode().startswith(verdict)
    assert done.stderr == b""


def test_a_finding_outranks_a_gap_and_an_error_both(models) -> None:
    (models / "empty.pkl").touch()
    assert airlock("scan", models).returncode == 3
    (models / "evil.pkl").write_bytes(HOSTILE)
    assert airlock("scan", models).returncode == 1
    done = airlock("scan", models, models / "gone.pt")
    assert done.returncode == 2
    assert b"FLAGGED" in done.stdout
    assert b"gone.pt" in done.stdout


def test_an_empty_folder_is_an_operator_error(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    assert airlock("scan", tmp_path / "empty").returncode == 2


def test_what_would_happen_is_said(models) -> None:
    (models / "evil.pkl").write_bytes(HOSTILE)
    text = airlock("scan", models / "evil.pkl").stdout.decode()
    assert "posix.system('id')" in text


def test_json_is_the_same_on_repeat_but_for_the_time(models) -> None:
    reports = [json.loads(airlock("scan", models, "-f", "json").stdout) for _ in range(2)]
    assert [report.pop("started") for report in reports]
    assert reports[0] == reports[1]


def test_rejudge_says_what_scan_said_without_the_files(models, tmp_path) -> None:
    (models / "evil.pkl").write_bytes(HOSTILE)
    report = tmp_path / "report.json"
    assert airlock("scan", models, "-f", "json", "-o", report).returncode == 1
    said = json.loads(report.read_bytes())
    for path in models.iterdir():
        path.unlink()
    done = airlock("rejudge", report, "-f", "json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["subjects"] == said["subjects"]
    assert airlock("rejudge", "0" * 64).returncode == 3


@pytest.mark.slow
def test_hostile_names_on_disk_and_the_schemas(models) -> None:
    for name in (b"\x1b[2Jx\nCLEAR all.pkl", b"\xff\xfe.pkl", "\u202egpj.pkl".encode(), b"-rf", b"a`b|c<d>&.pkl"):
        (Path(os.fsdecode(bytes(models))) / os.fsdecode(name)).write_bytes(HOSTILE)
    report = json.loads(airlock("scan", models, "-f", "json").stdout)
    assert not [error.message for error in VALIDATOR.iter_errors(report)]
    log = json.loads(airlock("scan", models, "-f", "sarif").stdout)
    assert not [error.message for error in validator().iter_errors(log)]
    for format_ in ("text", "json", "sarif", "markdown", "junit"):
        done = airlock("scan", models, "-f", format_, "-v")
        assert done.returncode == 1, done.stderr
        assert not {c for c in done.stdout.decode("utf-8") if hidden(c)} - {"\n"}


def test_a_reader_that_stops_reading_is_no_error(models) -> None:
    for number in range(300):
        (models / f"{number}{'x' * 150}.bin").write_bytes(b"\x01\x02")
    process = subprocess.Popen([AIRLOCK, "scan", models, "-f", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 3


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_an_operator_error(models) -> None:
    for arguments in ([], ["--output", "/dev/full"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [AIRLOCK, "scan", models, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
            )
        assert done.returncode == 2
        assert b"cannot write the report" in done.stderr
        assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "0<&-", "1>&- 2>&-"])
def test_closed_streams(models, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" scan "$1" {closed}', AIRLOCK, models], capture_output=True, timeout=60, check=False
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == (2 if "1>&-" in closed else 0), done


def test_ctrl_c_ends_at_once_and_leaves_nothing(models, tmp_path) -> None:
    with (models / "huge.bin").open("wb") as huge:
        huge.truncate(200 * 1024**3)
    process = subprocess.Popen(
        [AIRLOCK, "scan", models, "--output", tmp_path / "report.txt"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        # a test run in the background hands an ignored SIGINT down
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)
    started = time.monotonic()
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert time.monotonic() - started < 10
    assert stderr.strip() == b"airlock: interrupted"  # click ends the line that ^C stands in
    assert not [path.name for path in tmp_path.iterdir() if path.is_file()]


def on_a_terminal(*arguments: str | Path, **environment: str) -> str:
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [AIRLOCK, *map(str, arguments)], stdout=theirs, stderr=theirs, stdin=theirs, timeout=60, check=False,
            env={"TERM": "xterm", "COLUMNS": "70", "HOME": os.environ.get("HOME", "/"), **environment},
        )  # fmt: skip
        os.close(theirs)
        theirs = -1
        text = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # what Linux says when the last writer is gone
                break
            if not piece:
                break
            text += piece
        return text.decode()
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)


def test_a_terminal_gets_colour_and_its_own_width(models) -> None:
    text = on_a_terminal("scan", models)
    assert "\x1b[1;32mCLEAR\x1b[0m" in text
    plain = re.sub("\x1b\\[[0-9;]*m", "", text)
    assert max(len(line) for line in plain.splitlines()) <= 70


def test_no_color_is_honoured(models) -> None:
    assert "\x1b" not in on_a_terminal("scan", models, NO_COLOR="1")


def test_explain_is_rendered_on_a_terminal() -> None:
    text = on_a_terminal("explain", "unvouched")
    assert "**" not in text
    assert "Gap unvouched" in re.sub("\x1b\\[[0-9;]*m", "", text)
