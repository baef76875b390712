"""``airlock explain``, ``completion`` and ``rejudge``."""

import pytest

from modelairlock.catalog import names
from modelairlock.records.coverage import EXPLANATIONS, Because
from modelairlock.records.errors import AirlockError
from tests.outputs.canonical import FLAGGED_ONE


@pytest.mark.parametrize("name", [*names("modelairlock.formats"), *names("modelairlock.rules"), *Because])
def test_everything_is_explained_by_its_name(run, name: str) -> None:
    for spelling in (name, name.replace("_", "-"), name.upper()):
        result = run("explain", spelling)
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith("# ")


def test_a_gap_goes_by_its_sarif_id_too(run) -> None:
    assert EXPLANATIONS[Because.OVER_LIMIT][0] in run("explain", "gap/over_limit").stdout


def test_an_unknown_name_is_suggested(run) -> None:
    result = run("explain", "unvouchd")
    assert result.exit_code == 2
    assert "Did you mean unvouched" in result.stderr
    assert run("explain", "\x1b[31m").exit_code == 2
    assert "\x1b" not in run("explain", "\x1b[31m").stderr


def test_without_a_name_all_are_listed(run) -> None:
    listing = run("explain").stdout
    assert all(f"`{because.value}`" in listing for because in Because)
    assert "`pickle`" in listing


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(run, shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_AIRLOCK_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("airlock sc", "scan"), ("airlock scan --for", "--format"), ("airlock scan --format sa", "sarif")],
)
def test_completion_completes(run, monkeypatch, typed: str, offered: str) -> None:
    monkeypatch.setenv("_AIRLOCK_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))
    assert f"plain,{offered}" in run().stdout.splitlines()


def test_completion_of_a_shell_nobody_knows(run) -> None:
    assert run("completion", "tcsh").exit_code == 2


def test_rejudge_reports_like_scan(run, monkeypatch) -> None:
    asked = []

    def rejudge(targets, folder):
        asked.append((targets, folder))
        return FLAGGED_ONE

    monkeypatch.setattr("modelairlock.pipeline.rejudge.rejudge", rejudge)
    result = run("rejudge", "a" * 64, "report.json")
    assert result.exit_code == 1
    assert result.stdout.startswith("FLAGGED")
    assert asked[0][0] == ("a" * 64, "report.json")
    assert asked[0][1].name == "modelairlock"


def test_rejudge_without_a_cache_is_an_operator_error(run, monkeypatch) -> None:
    def rejudge(targets, folder):
        raise AirlockError("there is no cache of facts", "Scan the files again.")

    monkeypatch.setattr("modelairlock.pipeline.rejudge.rejudge", rejudge)
    assert run("rejudge", "a" * 64).exit_code == 2
