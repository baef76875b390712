"""Settings files: what they may say, and that a model's folder has no say."""

import pytest

from modelairlock.limits import Limits
from modelairlock.records.isolation import Level

EVERYTHING = """
format = "json"
output = "report.json"
exclude = ["*.md"]
jobs = 2
no-hash = true
no-cache = true
require = "confined"
quiet = true
verbose = false
limits = { facts = 5, expanded_bytes = "2G" }
"""


def test_every_option_may_stand_in_airlock_toml(run, scanned, tmp_path) -> None:
    (tmp_path / "work" / "airlock.toml").write_text(EVERYTHING)
    assert run("scan", "elsewhere").exit_code == 0
    options = scanned.options
    assert (options.exclude, options.jobs, options.hash, options.require) == (("*.md",), 2, False, Level.CONFINED)
    assert (options.limits.facts, options.limits.expanded_bytes) == (5, 2 * 10**9)
    assert (tmp_path / "work" / "report.json").read_text().startswith("{")


def test_limits_may_be_a_list_too(run, scanned, tmp_path) -> None:
    (tmp_path / "airlock.toml").write_text('limits = ["facts=7"]')
    run("scan", "x")
    assert scanned.options.limits.facts == 7


def test_the_command_line_wins(run, scanned, tmp_path) -> None:
    (tmp_path / "airlock.toml").write_text('jobs = 2\nrequire = "confined"\nlimits = { facts = 5 }')
    run("scan", "x", "--jobs", "7", "--limits", "entries=9")
    assert scanned.options.jobs == 7
    assert scanned.options.require is Level.CONFINED
    assert (scanned.options.limits.entries, scanned.options.limits.facts) == (9, Limits().facts)


def test_pyproject_has_a_table_for_it(run, scanned, tmp_path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.airlock]\njobs = 3\n")
    run("scan", "x")
    assert scanned.options.jobs == 3


@pytest.mark.parametrize("text", ["[project]\nname = 'x'\n", "not toml at all ===", "tool = 1", "\xff"])
def test_a_pyproject_that_says_nothing_to_us_is_passed_over(run, scanned, tmp_path, text: str) -> None:
    (tmp_path / "work" / "pyproject.toml").write_bytes(text.encode("latin-1"))
    (tmp_path / "airlock.toml").write_text("jobs = 5")
    assert run("scan", "x").exit_code == 0
    assert scanned.options.jobs == 5


def test_the_nearest_file_counts(run, scanned, tmp_path) -> None:
    (tmp_path / "airlock.toml").write_text("jobs = 2")
    (tmp_path / "work" / "airlock.toml").write_text("jobs = 4")
    run("scan", "x")
    assert scanned.options.jobs == 4


def test_the_search_ends_at_the_repository(run, scanned, tmp_path) -> None:
    (tmp_path / "airlock.toml").write_text("jobs = 63")
    (tmp_path / "work" / ".git").mkdir()
    run("scan", "x")
    assert scanned.options.jobs != 63


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("requier = 'strict'", "Did you mean 'require'?"),
        ("zzz = 1", "unknown key 'zzz'"),
        ("no_hash = true", "Did you mean 'no-hash'?"),
        ("sources = ['/']", "unknown key"),
        ("settings = 'x'", "unknown key"),
        ("jobs = '4'", "jobs must be a whole number"),
        ("jobs = true", "jobs must be a whole number"),
        ("jobs = 0", "jobs"),
        ("no-hash = 1", "no-hash must be true or false"),
        ("exclude = '*.md'", "exclude must be a list of strings"),
        ("exclude = [1]", "exclude must be a list of strings"),
        ("format = 'xml'", "format"),
        ("require = 'total'", "require"),
        ("limits = 3", "limits must be a table"),
        ("limits = { fact = 3 }", "there is no limit called 'fact'"),
        ("jobs = ", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(run, scanned, tmp_path, text: str, says: str) -> None:
    (tmp_path / "airlock.toml").write_text(text)
    result = run("scan", "x")
    assert result.exit_code == 2
    assert says in result.stderr
    assert not scanned.called


def test_the_file_is_named(run, scanned, tmp_path) -> None:
    (tmp_path / "airlock.toml").write_text("zzz = 1")
    assert str(tmp_path / "airlock.toml") in run("scan", "x").stderr


@pytest.mark.parametrize("source", [".", "..", "../work", "airlock.toml", "model"])
def test_what_is_scanned_does_not_choose_how(run, scanned, tmp_path, monkeypatch, source: str) -> None:
    work = tmp_path / "work"
    (work / "model").mkdir()
    place = work / "model" if source == "model" else work
    (place / "airlock.toml").write_text("exclude = ['*']")
    if source == "model":
        monkeypatch.chdir(place)
        source = str(place)
    result = run("scan", source)
    assert scanned.options.exclude == ()
    assert "what is scanned does not choose how" in result.stderr


def test_a_repository_inside_a_source_does_not_hide_the_operators_settings(run, scanned, tmp_path) -> None:
    (tmp_path / "airlock.toml").write_text("require = 'strict'")
    (tmp_path / "work" / ".git").mkdir()
    run("scan", ".")
    assert scanned.options.require is Level.STRICT


def test_a_link_out_of_a_source_is_inside_it_all_the_same(run, scanned, tmp_path) -> None:
    (tmp_path / "elsewhere.toml").write_text("exclude = ['*']")
    (tmp_path / "work" / "airlock.toml").symlink_to(tmp_path / "elsewhere.toml")
    run("scan", ".")
    assert scanned.options.exclude == ()


def test_a_file_that_is_named_is_used_wherever_it_is(run, scanned, tmp_path) -> None:
    (tmp_path / "work" / "mine.toml").write_text("jobs = 6")
    run("scan", ".", "--settings", "mine.toml")
    assert scanned.options.jobs == 6


def test_a_named_file_that_is_missing_is_an_error(run, scanned) -> None:
    assert run("scan", ".", "--settings", "gone.toml").exit_code == 2
    assert not scanned.called


def test_a_huge_file_is_not_read(run, scanned, tmp_path) -> None:
    (tmp_path / "airlock.toml").write_bytes(b"#" * 2_000_000)
    assert run("scan", "x").exit_code == 2


def test_deep_nesting_is_an_error_and_no_crash(run, scanned, tmp_path) -> None:
    (tmp_path / "airlock.toml").write_text("exclude = " + "[" * 50_000)
    assert run("scan", "x").exit_code == 2
