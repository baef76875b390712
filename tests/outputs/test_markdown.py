"""The Markdown report: what came from a file stays in code spans, and the whole fits a comment."""

import re

import pytest

from modelairlock.outputs.markdown import code, prose
from modelairlock.records.coverage import Because
from tests.golden import same_as
from tests.outputs.canonical import ALL, FOLDER, HOSTILE_NAMES, gap_subject, pickle_flagged, record
from tests.outputs.hostile import hidden_in, rendered


def test_golden() -> None:
    same_as("folder.md", rendered("markdown", FOLDER))
    same_as("hostile_names.md", rendered("markdown", HOSTILE_NAMES))


@pytest.mark.parametrize("name", ALL)
def test_the_verdict_stands_first(name: str) -> None:
    assert rendered("markdown", ALL[name]).startswith(f"## airlock: {ALL[name].verdict.value.upper()}")


@pytest.mark.parametrize("text", ["`", "``", "a`b``c", "@me", "| x |", "<b>", "", " ", "`` x ` "])
def test_nothing_ends_a_code_span(text: str) -> None:
    span = code(text)
    fence = re.match("`+", span).group()
    inner = span[len(fence) : -len(fence)]
    assert span.endswith(fence)
    assert fence not in re.findall("`+", inner.strip("`") if not inner.strip(" `") else inner)
    assert not re.search(r"(?<!\\)\|", inner)


def test_prose_is_inert() -> None:
    assert prose("<b>*x*_[a](b)`|~@me#1") == r"\<b\>\*x\*\_\[a\](b)\`\|\~\@me\#1"


def test_hostile_names_stay_in_code_spans() -> None:
    text = rendered("markdown", HOSTILE_NAMES)
    assert not hidden_in(text)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "<b>" not in outside
    assert "**x**" not in outside


def test_what_is_left_out_is_said_and_where_it_stands() -> None:
    gaps = [gap_subject(f"{n}.bin", Because.UNRECOGNISED, "") for n in range(30)]
    text = rendered("markdown", record(*gaps, *(pickle_flagged(f"{n}.pkl") for n in range(30))))
    assert "and 22 gaps more (`--format json` has them all)" in text
    assert "and 21 more (`--format json` has them all)" in text
    for name, one in ALL.items():
        for line in rendered("markdown", one).splitlines():
            assert not re.search(r"\bmore(?! \(`--format json)", line), (name, line)


def test_equal_findings_are_one_with_all_their_places() -> None:
    text = rendered("markdown", FOLDER).partition("### FLAGGED `hub/optimizer-0.pkl`")[0]
    assert "where: `archive/data.pkl`, bytes 17..60; `archive/data.pkl`, bytes 90..133" in text
    assert text.count("do: Do not load it.") == 1


def test_it_fits_a_comment() -> None:
    many = record(*(gap_subject(f"{n}" * 50, Because.MALFORMED, "x" * 300) for n in range(50)),
                  *(pickle_flagged(f"{n}" * 60) for n in range(500)))  # fmt: skip
    assert len(rendered("markdown", many)) < 65_536


def test_too_much_is_cut_and_said() -> None:
    subjects = []
    for number in range(20):
        subject = pickle_flagged(f"{number}.pkl")
        finding = subject.findings[0]
        fields = {name: getattr(finding, name) for name in finding.__struct_fields__}
        findings = tuple(type(finding)(**fields | {"message": f"{number} {n} " + "m" * 900}) for n in range(9))
        of_subject = {name: getattr(subject, name) for name in subject.__struct_fields__}
        subjects.append(type(subject)(**of_subject | {"findings": findings}))
    text = rendered("markdown", record(*subjects))
    assert len(text) < 65_536
    assert "longer than a comment may be" in text
