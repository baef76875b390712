"""The docs pages say everything their files say."""

from inspect import getsource

import pytest

from modelairlock.catalog import catalog
from modelairlock.limits import MEANINGS, Limits
from modelairlock.outputs._pages import BY_HARM, format_page, gap_page, rule_page
from modelairlock.reading import Format
from modelairlock.records.coverage import EXPLANATIONS, Because
from modelairlock.records.rule import Rule
from tests.outputs.canonical import RULES


@pytest.mark.parametrize("because", Because)
def test_gap(because: Because) -> None:
    page = gap_page(because)
    assert page.startswith(f"# Gap `{because.value}`\n")
    assert all(sentence in page for sentence in EXPLANATIONS[because])


def test_rule() -> None:
    page = rule_page(RULES[0], "Some reason.\n\n    More ``code``.\n")
    for part in ("# Rule `harmful-call`", RULES[0].summary, "critical", "More `code`.", RULES[0].help, "CWE-502"):
        assert part in page


def test_a_rule_whose_findings_carry_other_ids_says_so() -> None:
    known = [(rule.name, check) for rule in catalog("modelairlock.rules", Rule) if (check := rule.check)]
    by_harm = {name for name, check in known if "cwe=harm.cwe" in getsource(check)}
    assert by_harm == BY_HARM, "outputs/_pages.py names the rules whose findings carry the ids of a harm"
    rule = next(rule for rule in catalog("modelairlock.rules", Rule) if rule.name in BY_HARM)
    assert "such as CWE-78" in rule_page(rule, "")


def test_what_a_docstring_says_is_not_said_twice() -> None:
    page = rule_page(RULES[0], "It calls harm\n\n## Why it matters\n\nReasons.\n\n## What to do\n\nThis and that.\n")
    assert "It calls harm" not in page
    assert RULES[0].help not in page
    assert page.count("What to do") == 1


def test_every_limit_means_something() -> None:
    assert set(MEANINGS) == set(Limits.__struct_fields__), "say in limits.py what each limit bounds"
    assert len(set(MEANINGS.values())) == len(MEANINGS), "each limit bounds something of its own"


@pytest.mark.parametrize("format_", catalog("modelairlock.formats", Format), ids=lambda each: each.name)
def test_format(format_: Format) -> None:
    page = format_page(format_)
    assert page.startswith(f"# Format `{format_.name}`\n")
    for part in (*format_.loaders, *format_.blind_spots, *format_.references, *format_.extensions, format_.passes_over):
        assert part in page


@pytest.mark.parametrize("rule", catalog("modelairlock.rules", Rule), ids=lambda each: each.name)
def test_pages_end_in_one_newline(rule: Rule) -> None:
    page = rule_page(rule, "x")
    assert page.endswith("\n")
    assert not page.endswith("\n\n")
