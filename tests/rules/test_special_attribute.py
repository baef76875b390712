"""States that set special attributes."""

import pytest

from modelairlock.records.facts import Build, Value
from modelairlock.records.finding import Severity
from modelairlock.rules.special_attribute import RULE as CHECK
from tests.build import pickle_builder as p
from tests.rules.judging import SPAN, checked, finding_of, findings, judged, made, named, text

RULE = "special-attribute"
BAG = p.call_newobj(p.global_("argparse", "Namespace"))
CLASS = p.global_("sklearn.svm._classes", "SVC")

HOSTILE = {
    "dict": p.build(BAG, {"x": 1, "__class__": CLASS}),
    "slots": p.build(BAG, (None, {"__class__": CLASS})),
    "both": p.build(BAG, ({"x": 1}, {"__setstate__": CLASS})),
    "late": p.build(BAG, {"x": 1}) + p.build(BAG, {"__dict__": CLASS}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hit(case: str) -> None:
    found = findings(judged(p.whole(HOSTILE[case])), RULE)
    assert [finding.severity for finding in found] == [Severity.HIGH]


def test_miss() -> None:
    for state in ({"x": 1, "_private": 2, "_Class__mangled": 3}, (None, {"slot": 1}), ({"x": 1}, None)):
        assert not findings(judged(p.whole(p.build(BAG, state))), RULE)


def test_by_hand() -> None:
    target, state = made(named("a", "A")), Value(kind="dict")
    finding = finding_of(CHECK, Build(span=SPAN, target=target, state=state, odd=("__class__", "?")))
    assert finding.message == "loading it would set __class__ of a.A()"
    assert checked(CHECK, Build(span=SPAN, target=target, state=state, odd=("?",))) == []
    assert checked(CHECK, Build(span=SPAN, target=target, state=text("x"))) == []
