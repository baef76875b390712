"""Helpers of picklers, kept where other code may call them."""

import pytest
from msgspec.structs import replace

from modelairlock.records.finding import Severity
from modelairlock.rules.helper_as_value import RULE as CHECK
from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.rules.judging import called, checked, finding_of, findings, imported, judged, named, text

RULE = "helper-as-value"
HELPER = p.global_("numpy.core", "_ufunc_reconstruct")
ADD = p.call(HELPER, "numpy", "add")

HOSTILE = {
    "result": p.Code(HELPER),
    "item": p.push([HELPER]),
    "value": p.push({"x": HELPER}),
    "tuple": p.push((1, (HELPER,))),
    "state": p.build(p.call_newobj(p.global_("argparse", "Namespace")), {"x": HELPER}),
    "beside a call": p.push([ADD, HELPER]),
    "through the memo": p.Code(HELPER + p.put(5) + p.push("numpy") + p.push("add") + p.TUPLE2 + p.REDUCE + p.POP)
    + p.Code(p.EMPTY_LIST + p.get(5) + p.APPEND),
    "into an instance": p.Code(
        p.call(p.global_("collections", "OrderedDict"))
        + p.push("x")
        + ADD
        + p.SETITEM
        + p.push("y")
        + HELPER
        + p.SETITEM
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hit(case: str) -> None:
    found = findings(judged(p.whole(HOSTILE[case])), RULE)
    assert [finding.severity for finding in found] == [Severity.HIGH]


def test_miss() -> None:
    honest = p.push([ADD, ADD, j.array(bytes(16)), p.call(p.global_("_codecs", "encode"), "x", "latin1")])
    assert not findings(judged(p.whole(honest)), RULE)
    assert not findings(judged(p.whole(p.push([p.global_("numpy", "float64"), p.global_("builtins", "str")]))), RULE)


def test_by_hand() -> None:
    helper = imported("copyreg", "_reconstructor")
    assert finding_of(CHECK, helper).message.startswith("it keeps copyreg._reconstructor as a value")
    call = called(named("copyreg", "_reconstructor"), text("x"))
    assert checked(CHECK, helper, call) == []
    assert len(checked(CHECK, replace(helper, kept=True), call)) == 1
    assert checked(CHECK, imported("numpy", "ndarray")) == []
