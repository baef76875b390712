"""Settings files: what they may say, and that a model's folder has no say."""

import json

import pytest

from modelairlock.limits import Limits
from modelairlock.records.isolation import Level
from tests.test_guides import blocks

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


@pytest.mark.parametrize("text", ["[project]\nname = 'x'\n", "tool = 1", "not toml at all ===", "\xff"])
def test_a_pyproject_that_says_nothing_to_us_is_passed_over(run, scanned, tmp_path, text: str) -> None:
    place = tmp_path / "work" / "pyproject.toml"
    place.write_bytes(text.encode("latin-1"))
    (tmp_path / "airlock.toml").write_text("jobs = 5")
    result = run("scan", "x")
    assert result.exit_code == 0
    assert scanned.options.jobs == 5
    broken = text in ("not toml at all ===", "\xff")
    assert result.stderr.count("\n") == int(broken), "who may have meant a policy is told, in one line"
    assert (f"{place}: not valid TOML" in result.stderr) is broken


@pytest.mark.parametrize(
    "text", ["[tool.airlock]\nrequire = strict", "[tool . 'airlock']\n\xff", "[tool]\nairlock = {", "[tool.airlock\n"]
)
def test_a_broken_policy_does_not_fail_open(run, scanned, tmp_path, text: str) -> None:
    (tmp_path / "work" / "pyproject.toml").write_bytes(text.encode("latin-1"))
    result = run("scan", "x")
    assert result.exit_code == 2
    assert "not valid TOML" in result.stderr
    assert "--no-settings" in result.stderr
    assert not scanned.called
    assert run("scan", "x", "--no-settings").exit_code == 0
    assert run("scan", ".").exit_code == 0, "what is scanned does not choose whether"


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


@pytest.mark.parametrize("text", ["limits = { seconds = 'abc' }", "limits = ['seconds=abc']", "limits = ['seconds']"])
def test_a_limit_in_a_file_is_blamed_on_the_file(run, scanned, tmp_path, text: str) -> None:
    (tmp_path / "airlock.toml").write_text(text)
    stderr = run("scan", "x").stderr
    assert f"{tmp_path}/airlock.toml: limits seconds" in stderr
    assert "--limits" not in stderr


def test_a_source_that_is_a_loop_of_links_is_told_apart_from_a_bug(run, tmp_path) -> None:
    (tmp_path / "work" / "loop").symlink_to("loop")
    assert "loop of symbolic links" in run("scan", "loop").stdout


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


# --- a stranger's settings ---------------------------------------------------------------------------------------


def test_every_report_names_the_file_and_what_it_decided(run, scanned, tmp_path) -> None:
    path = tmp_path / "work" / "airlock.toml"
    path.write_text("exclude = ['*.pkl']\njobs = 3")
    words = run("scan", "weights", "-j", "2").stdout.split()
    assert words[words.index("settings") + 1 :][:4] == [str(path), "decided", "exclude", "1"], "-j stands on the line"
    said = json.loads(run("scan", "weights", "-f", "json").stdout)
    assert said["settings"] == [{"path": str(path), "keys": ["exclude", "jobs"]}]
    for format_ in ("sarif", "markdown", "junit"):
        assert str(path) in run("scan", "weights", "-f", format_).stdout, format_


def test_settings_cannot_hide_by_being_quiet(run, scanned, tmp_path) -> None:
    path = tmp_path / "work" / "airlock.toml"
    path.write_text("exclude = ['*.pkl']\nquiet = true")
    result = run("scan", "weights")
    assert result.stdout == ""
    assert result.stderr == f"airlock: {path} decided exclude, quiet\n"
    assert run("scan", "weights", "--quiet").stderr == "", "who asks for silence gets it"


def test_settings_that_decide_nothing_are_named_too(run, scanned, tmp_path) -> None:
    (tmp_path / "work" / "airlock.toml").write_text("")
    assert "airlock.toml decided nothing" in " ".join(run("scan", "weights").stdout.split())
    assert "settings" not in run("scan", "weights", "--no-settings").stdout


@pytest.mark.parametrize("kind", ["absolute", "above", "link", "link to a folder", "itself a folder"])
def test_settings_cannot_send_the_report_out_of_their_folder(run, scanned, tmp_path, kind: str) -> None:
    work = tmp_path / "work"
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (work / "link").symlink_to(precious)
    (work / "up").symlink_to(tmp_path)
    output = {"absolute": str(precious), "above": "../precious", "link": "link", "link to a folder": "up/precious"}
    (work / "airlock.toml").write_text(f"output = {output.get(kind, '.')!r}")
    result = run("scan", "weights")
    assert result.exit_code == 2
    assert "outside the folder of the settings file" in result.stderr
    assert "--output" in result.stderr
    assert not scanned.called
    assert precious.read_text() == "mine"
    assert run("scan", "weights", "--output", str(precious)).exit_code == 0, "the command line may"


@pytest.mark.parametrize("output", [".git/config", "weights/new.txt", "precious.txt"])
def test_settings_cannot_cost_a_file(run, scanned, tmp_path, output: str) -> None:
    work = tmp_path / "work"
    for name in (".git/config", "precious.txt"):
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text("mine")
    (work / "airlock.toml").write_text(f"output = {output!r}")
    result = run("scan", "weights")
    assert result.exit_code == 2
    assert "Use --output on the command line" in result.stderr
    assert (work / "precious.txt").read_text() == (work / ".git/config").read_text() == "mine"


def test_no_settings_are_none(run, scanned, tmp_path) -> None:
    (tmp_path / "work" / "airlock.toml").write_text("exclude = ['*']\nnonsense = 1")
    assert run("scan", "weights", "--no-settings").exit_code == 0
    assert scanned.options.exclude == ()


def test_settings_and_no_settings_are_too_much(run, scanned) -> None:
    assert run("scan", "x", "--no-settings", "--settings", "y.toml").exit_code == 2
    assert not scanned.called


def test_no_settings_is_no_setting(run, scanned, tmp_path) -> None:
    (tmp_path / "airlock.toml").write_text("no-settings = true")
    assert "unknown key" in run("scan", "x").stderr


def test_the_example_of_the_guide_is_taken(run, scanned, tmp_path) -> None:
    (tmp_path / "work" / "airlock.toml").write_text(blocks("settings.md", "toml")[0])
    result = run("scan", "x")
    assert result.exit_code == 0, result.stderr
    assert scanned.options.exclude == ("*.md", "docs/")
    assert (tmp_path / "work" / "report.json").exists()
