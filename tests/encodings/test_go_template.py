"""Templates of Go: what they call, what they do too often, and what is none."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelairlock.encodings.go_template import ACTIONS, USES, looks_like_go, template_facts
from modelairlock.limits import Limits
from modelairlock.reading import Budget, Malformed, OverLimit
from modelairlock.records.facts import Fact, Irregularity, TemplateUse
from tests.build import templates as t

MANY = 2_000_000


def facts(text: str, start: int = 0, within: str = "") -> list[Fact]:
    return list(template_facts(text, start, Budget(Limits()), within))


def most(text: str) -> int:
    return max((one.count for one in facts(text) if isinstance(one, TemplateUse) and one.kind == "loop"), default=0)


def test_functions_are_told_where_they_stand() -> None:
    text = "\u00e9\n{{ range .M }}{{ exec .X }}{{ exec 1 }}{{ end }}"
    [function, loop] = facts(text, start=10, within="TEMPLATE")
    assert isinstance(function, TemplateUse)
    assert (function.kind, function.name, function.count) == ("global", "exec", 2)
    assert (function.where, function.span.start) == ("TEMPLATE, line 2", 10 + len("\u00e9\n{{ range .M }}{{ ".encode()))
    assert isinstance(loop, TemplateUse)
    assert (loop.kind, loop.name, loop.count) == ("loop", ".M", 1)


BOMBS = {
    "number": "{{range 0x7fffffff}}{{end}}",
    "float": "{{range 1e9}}{{end}}",
    "nested": "{{range 1000}}{{range 1000}}{{range 1000}}x{{end}}{{end}}{{end}}",
    "variable": "{{range $n}}{{end}}{{$n := 1000000000}}",
    "pipeline": "{{range (or $n .X)}}{{end}}{{$n := 1000000000}}",
    "dot": "{{with 9000000000}}{{range .}}{{end}}{{end}}",
    "own number": "{{range $i := 1000000}}{{range $i}}{{end}}{{end}}",
    "argument": '{{define "a"}}{{range .}}{{end}}{{end}}{{template "a" 1000000000}}',
    "width": '{{range 9999}}{{printf "%999999d" 1}}{{end}}',
    "width as a number": '{{range 9999}}{{printf "%*d" 999999 1}}{{end}}',
    "character": "{{range '\\U0010ffff'}}{{range '\\U0010ffff'}}{{end}}{{end}}",
    "length": '{{$s := printf "%999999d" 1}}{{range len $s}}{{range len $s}}{{end}}{{end}}',
    "text": "{{range 999}}" + "x" * 9999 + "{{end}}",
}
BOMBS["chain"] = '{{$a0 := "xx"}}' + "".join(f"{{{{$a{n + 1} := print $a{n} $a{n}}}}}" for n in range(40))
BOMBS["laughs"] = '{{template "0"}}' + "".join(
    f'{{{{define "{n}"}}}}' + f'{{{{template "{n + 1}"}}}}' * 9 + "x{{end}}" for n in range(20)
)


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_runs_or_grows_by_itself_is_counted(bomb: str) -> None:
    assert most(BOMBS[bomb]) > MANY


@pytest.mark.parametrize(
    "text",
    [
        t.GO, "{{range 10}}{{range slice .M 4096}}{{end}}{{end}}", "{{$x := 0.7}}{{range $x}}{{end}}", "x" * 3_000_000,
        "{{if gt .M 99999999}}{{else if gt .M 99999999}}{{range $x}}{{end}}{{end}}",
        "{{range $i, $m := .M}}{{slice $.M $i}}{{end}}",
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_the_conversation_asks_for_is_not(text: str) -> None:
    assert most(text) < 100_000


@pytest.mark.parametrize(
    ("text", "doubles"),
    [
        ("{{$x = print $x $x}}", True),
        ("{{$y := $x}}{{$x = print $y $x}}", True),
        ("{{$x = print $x .Content}}", False),
        ("{{$x = print $x $other}}", False),
        ("{{$x := print $y $y}}", False),
    ],
)
def test_a_text_made_of_itself_is_told(text: str, doubles: bool) -> None:
    assert ("assignment" in [one.kind for one in facts(text) if isinstance(one, TemplateUse)]) is doubles


@pytest.mark.parametrize(
    ("text", "goes"),
    [
        ('{{define "a"}}{{template "b"}}{{end}}{{define "b"}}{{template "a"}}{{end}}', True),
        ('{{template ""}}', True),
        ('{{block "a" .}}{{template "a"}}{{end}}', True),
        ('{{define "a"}}{{end}}{{template "a"}}{{template "a"}}', False),
    ],
)
def test_templates_that_go_round_are_told(text: str, goes: bool) -> None:
    assert [one.kind for one in facts(text) if isinstance(one, Irregularity)] == ["go-template-recursive"] * goes


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("{{ if .A }}", 11), ("{{ end }}", 3), ("{{ .A ; }}", 6), ("{{ else }}", 3), ("{{ .A", 5), ('{{ "a }}', 3),
        ("{{ define .X }}{{ end }}", 3), ('{{ template "\\x61" }}', 3), ("{{ template }}", 3), ("{{/* a", 2),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_where_it_stops(text: str, position: int) -> None:
    with pytest.raises(Malformed) as problem:
        facts(text, start=100)
    assert problem.value.position == 100 + position


@pytest.mark.parametrize(
    "text",
    [
        "{{.A}}" * (ACTIONS + 1), "".join(f"{{{{f{n}}}}}" for n in range(USES + 1)),
        "".join(f"{{{{$a{n} = $b}}}}" for n in range(USES + 1)), "{{.A}}" * 10 + "{{ range 1 }}" * ACTIONS,
    ],
    ids=["actions", "functions", "variables", "depth"],
)  # fmt: skip
def test_limits(text: str) -> None:
    with pytest.raises(OverLimit):
        facts(text)


@pytest.mark.slow
@pytest.mark.parametrize("piece", ["{{", '{{ "', "{{ /*", "{{ 1", "{{$a = $a $a}}", "{{range $a}}", '{{template "a"}}'])
def test_long_hostile_texts_end_soon(piece: str) -> None:
    started = time.process_time()
    with contextlib.suppress(Malformed, OverLimit):
        facts(piece * (1_000_000 // len(piece)))
    assert time.process_time() - started < 5


@given(st.text(alphabet='{}$.=:"`ra1 /*-\n'))
def test_any_text_ends_well(text: str) -> None:
    with contextlib.suppress(Malformed, OverLimit):
        facts("{{" + text)


@pytest.mark.parametrize(
    ("text", "does"),
    [("{{ .X }}", True), ("{{- range", True), ("{{/*", True), ("{{ x }}", False), ("{{ ended }}", False)],
)
def test_looks_like_go(text: str, does: bool) -> None:
    assert looks_like_go(text) is does
