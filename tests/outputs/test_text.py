"""The text report, as the person at the terminal sees it. Read the golden files: they are the specification."""

import msgspec
import pytest

from modelairlock.records.coverage import EXPLANATIONS, NOT_KEPT, Because, Coverage
from modelairlock.records.text import columns
from tests.golden import same_as
from tests.outputs.canonical import (
    ALL,
    CLEAR_ONE,
    FLAGGED_ONE,
    FOLDER,
    HOSTILE_NAMES,
    HUNDRED_CLEAR,
    NOTHING,
    TOOL,
    VIEW,
    WEAK,
    clear_subject,
    gap_subject,
    pickle_flagged,
    record,
)
from tests.outputs.hostile import hidden_in, rendered, without_colour


@pytest.mark.parametrize("name", ALL)
def test_golden(name: str) -> None:
    same_as(f"{name}.txt", rendered("text", ALL[name]))


@pytest.mark.parametrize("width", [60, 100, 160])
def test_golden_on_terminals(width: int) -> None:
    same_as(f"folder_{width}.txt", rendered("text", FOLDER, VIEW._replace(width=width, seconds=1.26)))


def test_golden_verbose() -> None:
    same_as("folder_verbose.txt", rendered("text", FOLDER, VIEW._replace(verbose=True)))


def test_golden_weak_isolation_names_what_is_missing() -> None:
    tool = {"tool": type(TOOL)(name="m", version="1", rules_digest="", profiles_digest="", isolation=WEAK)}
    same_as("weak.txt", rendered("text", record(clear_subject("a.safetensors"), **tool)))


def test_no_name_chooses_where_a_line_of_a_log_begins() -> None:
    for text in (f"{'y' * length} ::error title=x::hello.bin" for length in range(60, 100)):
        lines = rendered("text", record(pickle_flagged(text), pickle_flagged("b.pkl"))).splitlines()
        assert not [line for line in lines if line.lstrip().startswith(("::", "\\x3a:"))]
        assert sum("error title" in line for line in lines) == 1


@pytest.mark.parametrize("width", [1, 20, 40, 60, 80, 200])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    for name in ("folder", "hostile_names"):
        lines = rendered("text", ALL[name], VIEW._replace(width=width)).splitlines()
        longest = max(lines, key=columns)
        assert columns(longest) <= max(width, 40), longest


@pytest.mark.parametrize("view", [VIEW, VIEW._replace(width=80, colour=True), VIEW._replace(verbose=True)])
def test_hostile_names_neither_steer_the_terminal_nor_forge_a_line(view) -> None:
    text = without_colour(rendered("text", HOSTILE_NAMES, view))
    assert not hidden_in(text)
    at_the_edge = [line.split()[0] for line in text.splitlines() if line and not line.startswith(" ")]
    assert at_the_edge == ["FLAGGED", "FLAGGED", "INCOMPLETE", "CLEAR", "4"], at_the_edge


def test_colour_changes_nothing_but_colour() -> None:
    coloured = rendered("text", FOLDER, VIEW._replace(width=90, colour=True))
    assert "\x1b[1;31mFLAGGED\x1b[0m" in coloured
    assert without_colour(coloured) == rendered("text", FOLDER, VIEW._replace(width=90))


def test_the_verdict_stands_first() -> None:
    for one in ALL.values():
        assert rendered("text", one).startswith(one.verdict.value.upper())


def test_flagged_before_incomplete_before_clear() -> None:
    text = rendered("text", FOLDER)
    assert text.index("\nFLAGGED") < text.index("\nINCOMPLETE") < text.index("\nCLEAR")


def test_a_hundred_clear_files_are_a_few_lines() -> None:
    assert len(rendered("text", HUNDRED_CLEAR).splitlines()) < 10


def test_verbose_names_every_file() -> None:
    text = rendered("text", HUNDRED_CLEAR, VIEW._replace(verbose=True))
    assert all(subject.path in text for subject in HUNDRED_CLEAR.subjects)


def test_clear_says_what_it_does_not_mean() -> None:
    text = rendered("text", CLEAR_ONE)
    assert "safetensors.safe_open" in text
    assert "1.1 GB passed over by design" in text
    assert "weights that were trained to misbehave" in text


def test_the_same_finding_in_many_files_is_told_once() -> None:
    text = rendered("text", record(*(pickle_flagged(f"{n}.pkl") for n in range(1000))))
    assert text.count("loading it would call") == 1
    assert "999 other files" in text
    assert len(text.splitlines()) < 15


@pytest.mark.parametrize("because", Because)
def test_every_reason_for_a_gap_says_what_to_do(because: Because) -> None:
    text = " ".join(rendered("text", record(gap_subject("a", because, "here"))).split())
    assert all(sentence in text for sentence in EXPLANATIONS[because])


def test_many_different_gaps_stay_readable() -> None:
    text = rendered("text", record(*(gap_subject(f"{n}.pkl", Because.MALFORMED, f"byte {n}") for n in range(5000))))
    assert len(text.splitlines()) < 25
    assert "4,994 gaps more" in text


def test_a_gap_in_a_member_is_not_all_of_its_file() -> None:
    whole = [gap_subject(f"{n}.bin", Because.UNRECOGNISED, "") for n in range(2)]
    assert "all of it, in 2 files: 0.bin, 1.bin" in rendered("text", record(*whole))
    member = msgspec.structs.replace(whole[1], path="1.bin!inside")
    box = msgspec.structs.replace(whole[1], coverage=Coverage(size_bytes=5_000), members=(member,))
    assert "parts, in 2 files: 0.bin, 1.bin" in rendered("text", record(whole[0], box))


def test_verbose_names_every_name_and_the_files_it_is_in() -> None:
    subjects = [gap_subject(f"{n}.pkl", Because.UNVOUCHED, f"lib.Name{n % 60} (imported)") for n in range(120)]
    brief = " ".join(rendered("text", record(*subjects)).split())
    assert "lib.Name11 and 48 more (-v names them)" in brief
    text = rendered("text", record(*subjects), VIEW._replace(verbose=True))
    assert all(f"lib.Name{n} (imported) → 2 files: {n}.pkl, {n + 60}.pkl\n" in text for n in range(60))
    alone = rendered("text", record(subjects[0]), VIEW._replace(verbose=True))
    assert "names  lib.Name0 (imported)\n" in alone


def test_verbose_names_the_gaps_of_a_flagged_file_too() -> None:
    text = rendered("text", FLAGGED_ONE, VIEW._replace(verbose=True))
    assert "gap  malformed: expected an opcode, got 0xff (archive/data.pkl, bytes 3900..4000)" in text


def test_what_is_judged_again_needs_no_wall_and_no_permissions() -> None:
    subjects = [gap_subject("a", Because.UNREADABLE, NOT_KEPT), gap_subject("b", Because.UNREADABLE, "is a fifo")]
    text = " ".join(rendered("text", record(*subjects, rejudged=True)).split())
    assert "Judged again from the cache; no file was read. Isolation when it was read: confined or better." in text
    assert "--require" not in text
    assert "Scan the file again, by itself" in text
    assert text.count("gap unreadable") == 2, "one may be mended by scanning, the other by permissions"
    assert "permissions" not in rendered("text", record(subjects[0], rejudged=True))
    for output in ("markdown", "sarif", "junit"):
        assert "ermissions" not in rendered(output, record(subjects[0], rejudged=True)).partition("results")[2], output


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (("a/b/x.pkl", "a/b/y.pkl"), ("in a/b/", "files: x.pkl, y.pkl")),
        (("a/bx.pkl", "a/by.pkl"), ("in a/", "files: bx.pkl, by.pkl")),
        (("/x.pkl", "/y.pkl"), ("files: /x.pkl, /y.pkl",)),
        (("/x.pkl", "a/y.pkl"), ("files: /x.pkl, a/y.pkl",)),
    ],
)
def test_lists_leave_out_the_folder_that_all_files_are_in(paths: tuple[str, ...], said: tuple[str, ...]) -> None:
    text = rendered("text", record(*(gap_subject(path, Because.UNVOUCHED, "x.Y") for path in paths)))
    assert all(each in text for each in said), text


def test_nothing_scanned_is_said() -> None:
    assert "nothing was scanned" in rendered("text", NOTHING)
    assert "gone.pt" in rendered("text", NOTHING)


def test_a_finding_says_why_where_and_what_to_do() -> None:
    text = rendered("text", FLAGGED_ONE)
    for part in ("critical", "archive/data.pkl, bytes 17..60, 90..133", "harmful-call", "CWE-502", "Do not load it"):
        assert part in text
