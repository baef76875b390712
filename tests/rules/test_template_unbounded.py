"""Templates that never end are found; loops over what the user says are not."""

import time

import pytest

from modelairlock.records.facts import TemplateUse
from modelairlock.records.finding import Confidence, Severity
from modelairlock.rules.template_unbounded import RULE
from tests.build import templates as t
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def used(kind: str, name: str, count: int = 1, engine: str = "jinja") -> TemplateUse:
    return TemplateUse(span=SPAN, engine=engine, kind=kind, name=name, where="line 1", count=count)


@pytest.mark.parametrize("bomb", t.BOMBS)
def test_every_bomb_is_found(bomb: str) -> None:
    found = findings(judged(t.BOMBS[bomb].encode(), "chat_template.jinja"), "template-unbounded")
    assert {finding.severity for finding in found} == {Severity.MEDIUM}


def test_it_says_how_often() -> None:
    assert (
        "range(10 ** 9) at line 1: 1,000,000,000 times"
        in finding_of(RULE, used("loop", "range(10 ** 9)", 10**9)).message
    )
    assert "without end" in finding_of(RULE, used("loop", "f, which calls itself", 1 << 53)).message
    assert "n = n ~ n" in finding_of(RULE, used("assignment", "n = n ~ n")).message


def test_loops_over_a_conversation_may_nest_a_while() -> None:
    assert checked(RULE, used("loop", " × ".join(["messages"] * 6))) == []
    assert finding_of(RULE, used("loop", " × ".join(["messages"] * 7))).confidence is Confidence.MEDIUM


@pytest.mark.parametrize(
    "fact",
    [
        used("loop", "messages", 100),
        used("loop", "range(1000)", 1_000_000),
        used("assignment", "__class__"),
        used("loop", "x", 10**9, engine="go"),
        used("text", "a = b"),
    ],
)
def test_miss(fact: TemplateUse) -> None:
    assert checked(RULE, fact) == []


def test_there_is_an_end() -> None:
    assert len(checked(RULE, *(used("loop", f"{n}", 10**9) for n in range(50)))) == 10


@pytest.mark.parametrize(
    "template",
    [
        "{{ '%s: %d' % (x, 12) }}{{ '{:>9}'.format(x) }}{{ loop.index % 2 }}{{ strftime_now('%d')|int % 7 }}",
        "{{ messages|tojson(indent=4)|indent(8) }}{{ 'a' * (n|int) }}{{ '  ' * (depth|default(0) + 1) }}{{ x ** 2 }}",
        "{% macro show(m) %}{% if m %}{{ m }}{% else %}{{ m }}{% endif %}{% endmacro %}"
        "{% set ns = namespace(s='') %}{% for m in messages %}{% set ns.s = ns.s ~ show(m) ~ show(m) %}{% endfor %}",
        "{% set x %}{% if a %}{{ x }}1{% else %}{{ x }}2{% endif %}{% endset %}",
        "{% for i in range(messages|length) %}{{ messages[i].content }}{% endfor %}",
        "{% set ns = namespace(s='') %}{% for m in messages %}{% set ns.s = ns.s ~ m.content ~ '\\n' %}{% endfor %}",
        "{% set ns = namespace(s='', l=[]) %}{% for m in messages %}{% set ns.l = ns.l + [m] %}"
        "{% set ns.s = ns.s.replace('', '').replace(m.a, 'b').replace('a', m.b) ~ ', '.join(ns.l) %}{% endfor %}"
        "{% set nl = '\\n' %}{% for m in messages %}{% set ns.s = ns.s.replace(nl, nl ~ '  ').replace('aa', 'a') %}"
        "{% endfor %}",
        "{% set x = x.split('a')[0] if 'a' in x else x ~ '' %}{% set x = (x or '')|trim %}",
        "{% macro walk(spec) %}{% for one in spec['items'] %}{{ walk(one) }}{% else %}{{ walk(spec.x) }}{% endfor %}"
        "{% endmacro %}"
        "{% for tool in tools %}{{ walk(tool) }}{{ walk(tool.parameters) }}{% endfor %}",
        "{% for item in tools recursive %}{{ loop(item.children) }}{% endfor %}",
        "{% set l = [] %}{% for m in messages %}{{ l.append(m) or '' }}{% endfor %}{% for m in l %}{{ m }}{% endfor %}",
        "{% set ns = namespace(s='') %}{% for m in messages %}"
        "{% set ns.s = '%s\\n%s' % (ns.s, m.content) %}{% endfor %}"
        "{% for m in messages %}{% set ns.s = '{}{}'.format(ns.s, m)|replace('\\n', '\\n  ') %}{% endfor %}",
        "{% for m in messages %}{% set m = m|tojson|string %}{% set text = m.replace('a', 'aa')|tojson %}{{ text|e }}"
        "{% endfor %}{% for role, name in [['user', 'User'], ['tool', 'Tool']] %}{{ role ~ ': ' ~ name }}{% endfor %}",
        "{% set ns = namespace(m=[], t='') %}{% for m in messages %}{% set ns.m = ns.m + [m] %}{% endfor %}"
        "{% for m in ns.m %}{{ m.content }}{{ m|tojson }}{% set ns.t = ns.t ~ m ~ m %}{% endfor %}"
        "{% set ns.m = ns.m|join('\\n') %}{% set ns.d = dict(a=ns.t) %}{{ ns.m }}",
        "{% macro walk(spec) %}{% set spec = spec['items'] or spec.x %}{{ walk(spec) }}{{ walk(spec) }}{% endmacro %}"
        "{{ walk(tools) }}",
        "{% macro show() %}<b>{{ caller() }}</b>{{ varargs }}{% endmacro %}{% call show() %}{{ messages }}{% endcall %}"
        "{{ show('a', messages) }}",
        "{% macro walk(spec, all) %}{{ walk(spec.a, all) }}{{ walk(spec.b, all) }}{% endmacro %}"
        "{{ walk(tools, tools) }}",
        "{{ '-' * 80 }}{{ 'x'|center(120) }}{{ 2 ** 10 }}{% for i in range(0, 100, 2) %}{% for j in range(9) %}"
        "{% endfor %}{% endfor %}",
    ],
)  # fmt: skip
def test_honest_loops_are_let_be(template: str) -> None:
    assert findings(judged(template.encode(), "chat_template.jinja"), "template-unbounded") == []


def test_many_loops_in_one_another_cost_little() -> None:
    loops = "".join(f"{{% for a{at + 1} in a{at} %}}{{{{ a{at + 1} }}}}" for at in range(40))
    template = f"{{% set a0 %}}{{{{ a0 }}}}{loops}{'{% endfor %}' * 40}{{% endset %}}"
    started = time.process_time()
    judged(template.encode(), "chat_template.jinja")
    assert time.process_time() - started < 5
