"""Attributes that lead to Python's own code, told with what they are for; honest templates have none."""

import pytest

from modelairlock.records.facts import TemplateUse
from modelairlock.records.finding import Confidence, Severity
from modelairlock.rules.template_escapes import RULE
from tests.build import templates as t
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def used(kind: str, name: str, engine: str = "jinja") -> TemplateUse:
    return TemplateUse(span=SPAN, engine=engine, kind=kind, name=name, where="line 1")


@pytest.mark.parametrize("escape", t.ESCAPES)
def test_every_way_to_code_is_found(escape: str) -> None:
    found = findings(judged(t.ESCAPES[escape].encode(), "chat_template.jinja"), "template-escapes")
    assert max(finding.severity.rank for finding in found) >= Severity.HIGH.rank


@pytest.mark.parametrize(
    "escape", ["cycler", "joiner", "namespace", "lipsum", "self", "self-context", "request", "config"]
)
def test_a_whole_payload_is_critical_and_is_one_finding(escape: str) -> None:
    [finding] = findings(judged(t.settings(t.ESCAPES[escape]), "tokenizer_config.json"), "template-escapes")
    assert (finding.severity, finding.confidence) == (Severity.CRITICAL, Confidence.HIGH)
    assert "popen" in finding.message
    assert "__globals__" in finding.message


def test_it_says_what_and_where_and_with_which_loader() -> None:
    finding = finding_of(RULE, used("attribute", "__class__"))
    assert finding.severity is Severity.HIGH
    assert "__class__ at line 1" in finding.message
    assert "llama-cpp-python before 0.2.72" in finding.message


def test_a_made_up_name_is_high() -> None:
    finding = finding_of(RULE, used("attribute", "['__cl' ~ x]"))
    assert (finding.severity, finding.confidence) == (Severity.HIGH, Confidence.MEDIUM)
    assert "'__cl' ~ x" in finding.message


def test_a_format_that_is_handed_on_names_the_version() -> None:
    assert "before 3.1.6" in finding_of(RULE, used("attribute", "format")).message


def test_a_private_name_is_medium() -> None:
    assert finding_of(RULE, used("attribute", "_secret")).severity is Severity.MEDIUM
    assert finding_of(RULE, used("assignment", "_secret")).severity is Severity.MEDIUM


@pytest.mark.parametrize(
    "fact",
    [
        used("attribute", "<bos_token>"),
        used("call", ".popen"),
        used("filter", "trim"),
        used("assignment", "a = a ~ a"),
        used("attribute", "__class__", engine="go"),
    ],
)
def test_miss(fact: TemplateUse) -> None:
    assert checked(RULE, fact) == []


def test_many_are_told_once_in_a_while() -> None:
    assert len(checked(RULE, *(used("attribute", f"__a{n}__") for n in range(100)))) == 20
