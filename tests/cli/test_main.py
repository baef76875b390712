"""The door itself: help, version, what goes wrong."""

import subprocess
import sys

import pytest

from modelairlock.records.errors import AirlockError

#: what ``airlock --help`` may not pay for
HEAVY = ("rich", "msgspec", "modelairlock.pipeline", "modelairlock.formats", "modelairlock.rules", "sqlite3", "asyncio")


def imported(*arguments: str) -> set[str]:
    """The modules that ``airlock`` with `arguments` imports, in a process of its own."""
    code = (
        "import sys\n"
        "from modelairlock.cli.group import airlock\n"
        "try: airlock.main(sys.argv[1:], 'airlock')\n"
        "except SystemExit: pass\n"
        "sys.stderr.write('\\n'.join(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("explain", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not {
        name for name in imported(*arguments) for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")
    }


def test_a_report_on_a_pipe_needs_no_rich() -> None:
    assert not {name for name in imported("explain", "unvouched") if name.split(".")[0] == "rich"}


def test_help_names_every_command_and_the_exit_status(run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    for word in ("scan", "explain", "rejudge", "completion", "0 all CLEAR", "1 something FLAGGED"):
        assert word in result.stdout


def test_version(run) -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("airlock 0.")


@pytest.mark.parametrize(
    "arguments", [(), ("scan",), ("scan", "--no-such-option", "x"), ("nonsense",), ("scan", "--format", "xml", "x")]
)
def test_usage_errors_are_2(run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_path_in_place_of_a_command_is_understood(run, tmp_path) -> None:
    (tmp_path / "m.pt").touch()
    assert "airlock scan" in run(str(tmp_path / "m.pt")).stderr


def test_a_mistyped_command_is_suggested(run) -> None:
    assert "airlock explain" in run("explian").stderr


def test_version_and_help_are_options(run) -> None:
    assert "'airlock --version'" in run("version").stderr
    assert "'airlock --help'" in run("help").stderr


def test_an_operator_error_is_a_sentence_and_a_hint(run, scanned) -> None:
    scanned.error = AirlockError("there is \x1b[31mno room", "make some")
    result = run("scan", "x")
    assert result.exit_code == 2
    assert result.stderr == "airlock: there is \\x1b[31mno room\n  hint: make some\n"
    assert result.stdout == ""


def test_an_unexpected_error_is_no_traceback(run, scanned) -> None:
    scanned.error = RuntimeError("boo")
    result = run("scan", "x")
    assert result.exit_code == 2
    assert "RuntimeError: boo" in result.stderr
    assert "Please report it" in result.stderr
    assert "Traceback" not in result.output


def test_with_airlock_debug_it_is_one(run, scanned, monkeypatch) -> None:
    monkeypatch.setenv("AIRLOCK_DEBUG", "1")
    scanned.error = RuntimeError("boo")
    assert run("scan", "x").exception is scanned.error


def test_running_out_of_memory_is_no_traceback(run, scanned) -> None:
    scanned.error = MemoryError()
    assert run("scan", "x").exit_code == 2


def test_ctrl_c_is_not_1_and_leaves_no_file(run, scanned, tmp_path) -> None:
    scanned.error = KeyboardInterrupt()
    result = run("scan", "x", "--output", str(tmp_path / "report.txt"))
    assert result.exit_code == 130
    assert not list(tmp_path.glob("*report*"))
