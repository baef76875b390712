"""Templates are read to the last expression and never rendered; what cannot be read is a gap with its line."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelairlock.encodings.jinja_syntax import CHARACTERS, DEPTH
from modelairlock.formats.jinja_template import BYTES, FORMAT
from modelairlock.limits import Limits
from modelairlock.records.coverage import Because
from modelairlock.records.facts import NameMismatch, TemplateUse
from modelairlock.records.scan import Verdict
from tests.build import templates as t
from tests.formats.everyday_help import because, claims, complete
from tests.formats.everyday_help import read as everyday
from tests.reading_help import read, tree
from tests.rules.judging import judged

NAME = "chat_template.jinja"


def example() -> bytes:
    return t.HONEST["thinking"].encode()


def uses(template: str | bytes) -> list[tuple[str, str, str]]:
    data = template if isinstance(template, bytes) else template.encode()
    return [(use.kind, use.name, use.where) for use in read(FORMAT, data, NAME).facts if isinstance(use, TemplateUse)]


@pytest.mark.parametrize("style", t.HONEST)
def test_honest_templates_are_clear(style: str) -> None:
    subject = judged(t.HONEST[style].encode(), NAME)
    assert (subject.verdict, subject.findings) == (Verdict.CLEAR, ())


@pytest.mark.parametrize("name", ["a.tmpl", NAME])
def test_a_template_of_go_is_clear(name: str) -> None:
    subject = judged(t.GO.encode(), name)
    assert (subject.formats, subject.verdict) == (("jinja_template",), Verdict.CLEAR)


def test_go_is_told_by_its_functions_and_loops() -> None:
    facts = [fact for fact in read(FORMAT, t.GO.encode(), NAME).facts if isinstance(fact, TemplateUse)]
    assert {fact.engine for fact in facts} == {"go"}
    assert {fact.name for fact in facts if fact.kind == "global"} == {"or", "eq", "len", "slice", "json", "not"}
    assert [fact.name for fact in facts if fact.kind == "loop"] == [".Messages", ".ToolCalls"]


@pytest.mark.parametrize(
    "damage", ["{{ if .A }}{{ .B }}", "{{ end }}{{ .A", "{{ .A }}{{ end }}", "{{ .A ; }}", "{{ else }}.{{ .A }}"]
)
def test_a_broken_template_of_go_is_held(damage: str) -> None:
    assert read(FORMAT, damage.encode(), NAME).gaps


@pytest.mark.parametrize("escape", t.ESCAPES)
def test_every_way_to_code_is_stated(escape: str) -> None:
    stated = [name for kind, name, _ in uses(t.ESCAPES[escape]) if kind == "attribute"]
    assert stated
    assert not [name for name in stated if name.startswith("<")] or escape == "attr-default"


def test_what_is_stated_of_a_payload() -> None:
    assert uses("\n\n{{ lipsum.__globals__['os'].popen('id').read() }}") == [
        ("call", ".read", "line 3"),
        ("call", ".popen", "line 3"),
        ("attribute", "__globals__", "line 3"),
        ("global", "lipsum", "line 3"),
    ]


def test_pieces_are_put_together_where_they_are_known() -> None:
    for style in ("item-tilde", "item-plus", "set", "namespace-field", "namespace-alias", "loop", "dict-update"):
        assert "__class__" in [name for _, name, _ in uses(t.ESCAPES[style])], style
    [made] = [name for kind, name, _ in uses(t.ESCAPES["attr-join"]) if kind == "attribute"]
    assert made == "[['_' * 2, 'class', '_' * 2]|join]"


def test_a_fact_stands_where_its_name_does() -> None:
    data = "é\r\n{{ x }}{{ a.__class__ }}\n".encode()
    [fact] = read(FORMAT, data, NAME).facts
    assert isinstance(fact, TemplateUse)
    assert data[fact.span.start : fact.span.end] == b"__class__"
    assert fact.where == "line 2"


def test_uses_are_counted() -> None:
    [fact] = read(FORMAT, b"{{ a|trim }}" * 5, NAME).facts
    assert isinstance(fact, TemplateUse)
    assert (fact.kind, fact.name, fact.count) == ("filter", "trim", 5)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ x", "unexpected"),
        ("{% if x %}", "Unexpected end of template"),
        ("\n{% load x %}", "line 2: Encountered unknown tag"),
        ("{{ '\\N{NO SUCH THING}' }}", "line 1"),
        ("{{ 1 ", "unexpected"),
        ("{% raw %}x", "Missing end of raw directive"),
    ],
)
def test_what_does_not_parse_is_a_gap(template: str, told: str) -> None:
    facts, [gap], _ = read(FORMAT, template.encode(), NAME)
    assert (gap.because, facts) == (Because.MALFORMED, [])
    assert told in gap.detail


def test_what_does_not_parse_is_still_looked_through_for_names() -> None:
    assert uses("{% if ''.__class__ %}{% endfor %}") == [("attribute", "__class__", "line 1")]


@pytest.mark.slow
def test_what_is_too_much_is_still_looked_through_for_names() -> None:
    much = "{{ x }}" * 40_000
    assert uses("{{ ''.__class__ }}{{ ''['__base__'] }}" + much) == [
        ("attribute", "__class__", "line 1"),
        ("attribute", "__base__", "line 1"),
    ]
    chain = "".join(f"{{% set a{n} = a{n + 1} ~ a{n + 2} %}}" for n in range(1_900))
    assert ("attribute", "__class__", "line 1") in uses("{{ ''.__class__ }}" + chain)


def test_a_character_by_its_name_is_that_character() -> None:
    assert uses(r"{{ ''['\N{LOW LINE}\N{LOW LINE}class__'] }}") == [("attribute", "__class__", "line 1")]


def test_text_that_is_no_utf8_is_a_gap() -> None:
    _, [gap], _ = read(FORMAT, b"{{ x }}\xff", NAME)
    assert (gap.start, gap.because) == (7, Because.MALFORMED)


@pytest.mark.slow
@pytest.mark.parametrize(
    "template",
    [
        "{{" + "(" * 10_000 + "1" + ")" * 10_000 + "}}",
        "{{" + "[" * (DEPTH + 1) + "1" + "]" * (DEPTH + 1) + "}}",
        "{% if x %}" * 9_000 + "{% endif %}" * 9_000,
        "{{ 1" + "+1" * 9_000 + "}}",
        "{{ a" + ".b" * 9_000 + "}}",
        "{{ a" + "|trim" * 9_000 + "}}",
        "{{ " + "not " * 9_000 + "1 }}",
        "{{ " + "-" * 9_000 + "1 }}",
        "{{ " + "a if b else " * 9_000 + "1 }}",
        "{% for a in " * 3 + "x" + " %}" + "{% endfor %}",
        "{{ a }}" * 60_000,
        "{{ 1" + "0" * 5_000 + " }}",
        "{{ 1" + "0" * 200 + ".5 }}",
        "x" * (CHARACTERS + 1),
        "".join(f"{{% set a{n} = a{n + 1} %}}" for n in range(3_000)),
        "".join(f"{{{{ a|f{n} }}}}" for n in range(3_000)),
    ],
    ids=lambda template: template[:20],
)
def test_what_is_too_much_is_a_gap_and_takes_no_time(template: str) -> None:
    started = time.monotonic()
    gaps = read(FORMAT, template.encode(), NAME).gaps
    assert gaps
    assert gaps[-1].because in (Because.OVER_LIMIT, Because.MALFORMED)
    assert time.monotonic() - started < 10


def test_what_is_larger_than_any_template_is_not_even_read() -> None:
    result = read(FORMAT, b"{{ x }}" * (BYTES // 7 + 1), NAME)
    assert [gap.because for gap in result.gaps] == [Because.OVER_LIMIT]
    assert not result.cursor.reads


def test_many_variables_settle_in_time() -> None:
    chain = "".join(f"{{% set a{n} = a{n + 1} ~ 'x' %}}" for n in range(1_500))
    started = time.monotonic()
    read(FORMAT, (chain + "{{ ''[a0] }}").encode(), NAME)
    assert time.monotonic() - started < 10


def test_time_runs_out_as_a_gap() -> None:
    many = "".join(f"{{% set a{n} = a{n} ~ 'x' %}}" for n in range(1_500))
    gaps = read(FORMAT, many.encode(), NAME, limits=Limits(seconds=0.0)).gaps
    assert [gap.because for gap in gaps] == [Because.OVER_LIMIT]


def test_cut_anywhere_it_is_a_gap() -> None:
    data = b"{% if x %}{{ x.y|trim }}{% endif %}"
    assert read(FORMAT, data, NAME).gaps == []
    for length in range(2, len(data)):
        assert read(FORMAT, data[:length], NAME).gaps, data[:length]


def test_changed_anywhere_it_is_read_or_a_gap() -> None:
    data = t.HONEST["plain"].encode()
    for position in range(len(data)):
        for value in (0, 0xFF, data[position] ^ 1):
            read(FORMAT, data[:position] + bytes([value]) + data[position + 1 :], NAME)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["{%", "%}", "{{", "}}", " if ", "endif", "for a in ", "x", ".", "|", "(", ")", "'", "1"]))
)
def test_any_text_is_read_or_a_gap(pieces: list[str]) -> None:
    read(FORMAT, "".join(pieces).encode(), NAME)


@pytest.mark.parametrize("name", [NAME, "a.j2", "a.jinja2", "additional_chat_templates/rag.jinja", "A.JINJA", "a.tmpl"])
def test_claims_text_under_names_of_templates(name: str) -> None:
    assert claims(FORMAT, b"{{ x }}", name)
    assert complete(everyday(b"{{ x }}", FORMAT, name=name))


def test_claims_what_a_holder_says_is_one() -> None:
    assert claims(FORMAT, b"\0\xff", "tokenizer.chat_template", role="template")
    assert claims(FORMAT, b'{"a": 1}', "x.json", role="template")


@pytest.mark.parametrize(
    ("data", "name"), [(b"\x80\x04N.", NAME), (b"{{ x }}", "a.txt"), (b"{{ x }}", "jinja"), (b"", NAME)]
)
def test_does_not_claim(data: bytes, name: str) -> None:
    assert not claims(FORMAT, data, name)


def test_a_name_that_misleads_is_told() -> None:
    reading = tree(b"\x80\x04N.", FORMAT, name=NAME)
    assert [fact.extension for fact in reading.facts if isinstance(fact, NameMismatch)] == [".jinja"]


def test_a_script_under_the_name_of_a_template_is_held() -> None:
    subject = judged(b"#!/bin/sh\n{{ x }}", NAME)
    assert subject.formats == ("jinja_template", "script")
    assert subject.verdict is not Verdict.CLEAR


def test_utf16_is_held() -> None:
    assert Because.MALFORMED in because(everyday("{{ x }}".encode("utf-16"), FORMAT, name=NAME))
