"""No pickler computes what it imports or calls."""

import pytest

from modelairlock.records.finding import Severity
from tests.build import pickle_builder as p
from tests.rules.judging import findings, judged

RULE = "computed-code"
GETATTR = p.global_("builtins", "getattr")

HOSTILE = {
    "a computed name": p.Code(p.call(p.global_("builtins", "str"), b"os") + p.push("system") + p.STACK_GLOBAL),
    "a number for a name": p.Code(p.push("os") + p.push(7) + p.STACK_GLOBAL),
    "an extension": p.Code(p.ext1(7)),
    "what a call returned": p.call(p.call(GETATTR, p.call(p.global_("collections", "OrderedDict")), "keys")),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hit(case: str) -> None:
    found = findings(judged(p.whole(HOSTILE[case])), RULE)
    assert found
    assert found[0].severity is Severity.HIGH


def test_miss() -> None:
    assert not findings(judged(p.whole(p.call(p.global_("collections", "OrderedDict")))), RULE)


def test_what_cannot_be_called_stops_every_unpickler() -> None:
    assert not findings(judged(p.whole(p.call(p.push("text")))), RULE)
