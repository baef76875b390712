"""What Ollama has is quiet, what it does not have is nobody's, and what does not end is told."""

import pytest

from modelairlock.records.facts import Irregularity, TemplateUse
from modelairlock.rules.go_template_odd import RULE
from tests.rules.judging import SPAN, checked, finding_of, gap_of, judged


def use(kind: str, name: str, count: int = 1) -> TemplateUse:
    return TemplateUse(span=SPAN, engine="go", kind=kind, name=name, where="line 1", count=count)


def test_hit() -> None:
    assert "calls call" in gap_of(RULE, use("global", "call"))
    assert "calls env" in gap_of(RULE, use("global", "env"))
    recursive = Irregularity(span=SPAN, kind="go-template-recursive", detail="templates include one another")
    assert finding_of(RULE, recursive).message.startswith("templates include one another: ")
    assert "1,000,000,000" in finding_of(RULE, use("loop", "$n", 10**9)).message
    assert "it doubles" in finding_of(RULE, use("assignment", "$x = print $x $x")).message


@pytest.mark.parametrize(
    "one",
    [
        use("global", "json"),
        use("loop", ".Messages"),
        use("loop", "10", 10),
        TemplateUse(span=SPAN, engine="jinja", kind="global", name="env"),
    ],
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
