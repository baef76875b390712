"""What nobody vouches for is a gap, by name; what jinja2 and transformers bring along is not."""

import jinja2
import jinja2.filters
import jinja2.tests
import pytest

from modelairlock.records.facts import TemplateUse
from modelairlock.rules.template_unknown import FILTERS, GLOBALS, METHODS, RULE, TESTS
from tests.build import templates as t
from tests.rules.judging import SPAN, checked, findings, gap_of, judged, unvouched


def used(kind: str, name: str, engine: str = "jinja") -> TemplateUse:
    return TemplateUse(span=SPAN, engine=engine, kind=kind, name=name, where="line 1")


@pytest.mark.parametrize("unknown", t.UNKNOWN)
def test_what_nobody_knows_is_held(unknown: str) -> None:
    subject = judged(t.UNKNOWN[unknown].encode(), "chat_template.jinja")
    assert unvouched(subject)
    assert findings(subject, "template-escapes") == []


def test_it_says_what() -> None:
    assert gap_of(RULE, used("filter", "load")) == "the filter load (in a template, line 1)"
    assert "a call of .popen" in gap_of(RULE, used("call", ".popen"))
    assert "another template, x" in gap_of(RULE, used("include", "x"))
    assert "an attribute by the name that bos_token says" in gap_of(RULE, used("attribute", "<bos_token>"))


@pytest.mark.parametrize(
    ("kind", "names"), [("filter", FILTERS), ("test", TESTS), ("global", GLOBALS), ("call", METHODS)]
)
def test_what_is_known_is_not_told(kind: str, names: dict[str, str]) -> None:
    assert checked(RULE, *(used(kind, name) for name in names)) == []
    assert all(names.values())


def test_the_lists_hold_what_jinja2_has_and_one_filter_less() -> None:
    assert set(jinja2.filters.FILTERS) - set(FILTERS) == {"attr"}
    assert set(FILTERS) - set(jinja2.filters.FILTERS) == {"from_json"}
    assert set(jinja2.tests.TESTS) == set(TESTS)
    assert set(jinja2.Environment().globals) - set(GLOBALS) == set()


def test_methods_are_those_of_texts_lists_and_dicts() -> None:
    plain = {f".{name}" for kind in (str, list, dict) for name in dir(kind)}
    assert set(METHODS) - plain == {".changed", ".cycle", ".next", ".to_str", ".model_dump_json"}


@pytest.mark.parametrize("kind", ["loop", "assignment", "text"])
def test_what_other_rules_judge_is_left_to_them(kind: str) -> None:
    assert checked(RULE, used(kind, "x"), used("attribute", "__class__"), used("attribute", "[x]")) == []
    assert checked(RULE, used("global", "exec", "go")) == []


def test_there_is_an_end() -> None:
    assert len(checked(RULE, *(used("filter", f"f{n}") for n in range(200)))) == 50
