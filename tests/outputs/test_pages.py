"""The docs pages say everything their files say."""

import pytest

from modelairlock.catalog import catalog
from modelairlock.outputs.pages import format_page, gap_page, rule_page
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
