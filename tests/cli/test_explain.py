"""``airlock explain``, ``completion`` and ``rejudge``."""

import pytest
from tools.docs import NOT_READ_YET

from modelairlock.catalog import catalog, names
from modelairlock.limits import Limits
from modelairlock.outputs._words import EXTENSIONS, KINDS
from modelairlock.reading import Format
from modelairlock.records.coverage import EXPLANATIONS, Because
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import LAYERS, Level
from modelairlock.records.jail import Certainty, Outcome
from modelairlock.records.scan import Verdict
from tests.outputs.canonical import ALL, FLAGGED_ONE
from tests.outputs.hostile import rendered


@pytest.mark.parametrize("name", [*names("modelairlock.formats"), *names("modelairlock.rules"), *Because])
def test_everything_is_explained_by_its_name(run, name: str) -> None:
    for spelling in (name, name.replace("_", "-"), name.upper()):
        result = run("explain", spelling)
        assert result.exit_code == 0, result.stderr
        assert result.stdout.startswith("# ")


def test_a_gap_goes_by_its_sarif_id_too(run) -> None:
    assert EXPLANATIONS[Because.OVER_LIMIT][0] in run("explain", "gap/over_limit").stdout


@pytest.mark.parametrize("word", [*Outcome, *LAYERS, "cgroup", *Certainty, "detonate", "phase", "level", "layer"])
def test_what_a_report_of_the_jail_says_is_explained(run, word: str) -> None:
    assert run("explain", word).stdout.startswith("# ")


def test_an_unknown_name_is_suggested(run) -> None:
    result = run("explain", "unvouchd")
    assert result.exit_code == 2
    assert "Did you mean unvouched" in result.stderr
    assert run("explain", "\x1b[31m").exit_code == 2
    assert "\x1b" not in run("explain", "\x1b[31m").stderr


@pytest.mark.parametrize("word", ["banana", "qqq", "safe", "x", "a.b c", "."])
def test_nothing_is_guessed_when_nothing_is_near(run, word: str) -> None:
    result = run("explain", word)
    assert result.exit_code == 2
    assert "Did you mean" not in result.stderr
    assert "without a name" in result.stderr


@pytest.mark.parametrize(
    ("word", "titles"),
    [
        ("pt", ["Extension `.pt`"]), (".PKL", ["Extension `.pkl`"]), ("zip", ["Format `zip`"]),
        ("CLEAR", ["Verdict CLEAR"]),
        ("incomplete", ["Verdict INCOMPLETE"]), ("none", ["Isolation `none`"]), ("strict", ["Isolation `strict`"]),
        ("seconds", ["Limit `seconds`"]), ("expanded-bytes", ["Limit `expanded_bytes`"]),
        ("pickle", ["Format `pickle`"]), ("excluded", ["`excluded` in a report"]), ("gap", ["`gap` in a report"]),
        ("Passed Over", ["`passed over` in a report"]), ("passed_over", ["`passed over` in a report"]),
        ("CRITICAL", ["`severity` in a report"]), ("tensorrt", ["Not read yet: tensorrt"]),
        ("yaml", ["Not read yet: yaml"]), (".yaml", ["Extension `.yaml`"]), ("engine", ["Extension `.engine`"]),
        ("pytorch_model.bin", ["Extension `.bin`"]), ("Model.GGUF", ["Extension `.gguf`"]),
        (".xyz", ["Extension `.xyz`"]),
    ],
)  # fmt: skip
def test_the_other_words_of_a_report_are_explained(run, word: str, titles: list[str]) -> None:
    result = run("explain", word)
    assert result.exit_code == 0, result.stderr
    assert [line.removeprefix("# ") for line in result.stdout.splitlines() if line.startswith("# ")] == titles


def test_every_verdict_level_limit_and_extension_is_explained(run) -> None:
    extensions = [extension for each in catalog("modelairlock.formats", Format) for extension in each.extensions]
    for word in (*Verdict, *Level, *Limits.__struct_fields__, *extensions):
        assert run("explain", word).exit_code == 0, word


def test_names_that_promise_no_format_are_explained_too(run) -> None:
    promised = {extension for each in catalog("modelairlock.formats", Format) for extension in each.extensions}
    assert {".bin", ".model", ".mlmodel", ".engine", ".ubj", ".pklz"} <= set(EXTENSIONS)
    for extension, usual in EXTENSIONS.items():
        assert extension not in promised, f"a format goes by {extension}: take it out of outputs/_words.py"
        assert usual in run("explain", extension).stdout


def test_what_is_read_by_now_is_not_called_unread() -> None:
    for kind in KINDS:
        assert kind not in names("modelairlock.formats"), f"take {kind} out of outputs/_words.py"
        assert kind in NOT_READ_YET.lower(), f"{kind} stands in outputs/_words.py and not in tools/docs.py"


def test_of_an_unknown_extension_it_says_what_to_do(run) -> None:
    page = run("explain", "notes.xyz").stdout
    assert "nothing is known of it" in page
    assert "scan a file of it" in page


def test_every_label_of_the_text_report_is_explained(run) -> None:
    labels = {
        line[:10].strip() for one in ALL.values() for line in rendered("text", one).splitlines() if line[:1] == " "
    }
    for label in labels - {"", "sha256"}:
        assert run("explain", label).exit_code == 0, label


@pytest.mark.parametrize("name", [*names("modelairlock.rules"), *Because])
def test_what_to_do_is_said_once(run, name: str) -> None:
    for page in run("explain", name).stdout.split("\n---\n"):
        assert page.count("What to do") == (0 if page.startswith("# Format") else 1)


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
