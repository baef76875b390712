"""What Ollama has is quiet, what it does not have is nobody's, and what does not end is told."""

import pytest

from modelairlock.records.facts import Irregularity, TemplateUse
from modelairlock.rules.go_template_odd import RULE
from tests.rules.judging import SPAN, checked, finding_of, gap_of, judged


def use(kind: str, name: str) -> TemplateUse:
    return TemplateUse(span=SPAN, engine="go", kind=kind, name=name)


def test_hit() -> None:
    assert "'call'" in gap_of(RULE, use("call", "call"))
    assert "'env'" in gap_of(RULE, use("call", "env"))
    assert gap_of(RULE, Irregularity(span=SPAN, kind="go-template-broken", detail="an action is not closed"))
    recursive = Irregularity(span=SPAN, kind="go-template-recursive", detail="the template 'a' includes itself")
    assert finding_of(RULE, recursive).message.startswith("the template 'a' includes itself: ")
    assert "1000000000" in finding_of(RULE, use("loop", "1000000000")).message


@pytest.mark.parametrize(
    "one", [use("call", "json"), use("loop", ".Messages"), use("loop", "10"), use("attribute", ".A")]
)
def test_miss(one: TemplateUse) -> None:
    assert not checked(RULE, one)


def test_the_templates_of_ollama_are_clear() -> None:
    text = (
        b"{{- if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}"
        b'{{ if and .Prompt (not (eq .X "}}")) }}{{ end }}'
        b"{{- range $i, $_ := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}{{ .Role }}{{ end }}"
    )
    subject = judged(text, "sha256-" + "4d" * 32)
    assert subject.verdict.value == "clear"
