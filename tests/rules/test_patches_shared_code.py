"""BUILD and SETITEM aimed at what the pickle did not make."""

import pytest

from modelairlock.records.finding import Severity
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.rules.judging import findings, judged

RULE = "patches-shared-code"
CLASS = p.global_("collections", "OrderedDict")

HOSTILE = {
    "build": p.build(CLASS, {"x": 1}),
    "slots": p.build(CLASS, (None, {"__reduce__": CLASS})),
    "setitem": p.Code(CLASS + p.push("a") + p.push(1) + p.SETITEM),
    "append": p.Code(CLASS + p.push("a") + p.APPEND),
    "storage": p.build(t.storage(), {"x": 1}),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hit(case: str) -> None:
    found = findings(judged(p.whole(HOSTILE[case])), RULE)
    assert [finding.severity for finding in found] == [Severity.HIGH]


def test_miss() -> None:
    assert not findings(judged(p.whole(p.build(p.call(p.global_("argparse", "Namespace")), {"x": 1}))), RULE)
