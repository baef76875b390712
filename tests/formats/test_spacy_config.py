"""Templates in a configuration of spaCy are members; the rest is held."""

import pytest

from modelairlock.formats import jinja_template
from modelairlock.formats.spacy_config import BYTES, FORMAT
from modelairlock.records.coverage import Because
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import templates as t
from tests.formats.everyday_help import claims, cuts
from tests.reading_help import read, tree
from tests.rules.judging import findings, judged

NAME = "config.cfg"


def example() -> bytes:
    return t.spacy()


@pytest.mark.parametrize(
    ("template", "inside"),
    [
        ('"{{ text }}\\n"', b"{{ text }}\n"),
        ('"""\n  {{ text }}\n\n  {{ labels }}\n  """', b"\n  {{ text }}\n\n  {{ labels }}\n  "),
        ("{{ text }}", b"{{ text }}"),
        ("plain words", b"plain words"),
        ('"plain words"', b"plain words"),
    ],
)
def test_a_template_is_a_member(template: str, inside: bytes) -> None:
    data = t.spacy(template)
    [member] = read(FORMAT, data, NAME).members
    assert (member.name, member.role) == ("template", "template")
    [reading] = tree(data, FORMAT, jinja_template.FORMAT, name=NAME).members
    assert (reading.formats, reading.coverage.size_bytes) == (("jinja_template",), len(inside))


def test_other_values_with_braces_are_members_too() -> None:
    data = t.spacy('"x"') + b'prompts = ["a", "{{ b }}"]\nother = {{ c }}\nnumber = 3\n'
    assert [member.name for member in read(FORMAT, data, NAME).members] == ["template", "prompts", "prompts", "other"]


@pytest.mark.parametrize("template", ["", "null", "3", '{"@misc": "spacy.FileReader.v1"}'])
def test_no_template_is_no_member(template: str) -> None:
    assert read(FORMAT, t.spacy(template), NAME).members == []


@pytest.mark.parametrize("name", [NAME, "notes.txt"])
def test_a_payload_is_found_under_any_name(name: str) -> None:
    subject = judged(t.spacy('"{{ self.__init__.__globals__ }}"'), name)
    assert subject.verdict is Verdict.FLAGGED
    assert {finding.severity for finding in findings(subject, "template-escapes")} == {Severity.HIGH}


def test_an_honest_one_is_held_for_the_functions_it_names() -> None:
    subject = judged(example(), NAME)
    assert (subject.formats, subject.verdict) == (("spacy_config",), Verdict.INCOMPLETE)
    assert subject.findings == ()


@pytest.mark.parametrize(
    "data", [b"[metadata]\nname = x\n", b"[nlp]\nlang = en\n", b"[components]\0@x = 1", b"@a = 1\n"]
)
def test_does_not_claim(data: bytes) -> None:
    assert not claims(FORMAT, data, NAME)


def test_damaged_it_is_held() -> None:
    for cut in cuts(example()):
        if claims(FORMAT, cut, NAME):
            assert read(FORMAT, cut, NAME).gaps
    for position in range(len(example())):
        assert read(FORMAT, example()[:position] + b"\xff" + example()[position + 1 :], NAME).gaps


def test_limits() -> None:
    [gap] = read(FORMAT, example() + b"# \n" * (BYTES // 3), NAME).gaps
    assert gap.because is Because.OVER_LIMIT
    [gap] = read(FORMAT, example() + b"\xff", NAME).gaps
    assert gap.because is Because.MALFORMED
