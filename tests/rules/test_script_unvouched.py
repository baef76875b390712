"""Operators and classes that nobody vouches for."""

from modelairlock.records.facts import Operator
from modelairlock.records.scan import Verdict
from modelairlock.rules.script_unvouched import RULE
from tests.build import torch_builder as t
from tests.rules.judging import SPAN, checked, gap_of, judged, unvouched


def op(domain: str, name: str) -> Operator:
    return Operator(span=SPAN, name=name, domain=domain, where="__torch__.A.forward")


def test_hit() -> None:
    code = t.SCRIPT.replace("return x", "return ops.mylib.run(x)")
    subject = judged(t.torchscript(code), "m.torchscript")
    assert unvouched(subject) == ["mylib::run (an operator), used in __torch__.Canary.forward"]
    assert subject.verdict is Verdict.INCOMPLETE


def test_hit_by_hand() -> None:
    assert gap_of(RULE, op("aten", "no_such")) == "aten::no_such (an operator), used in __torch__.A.forward"
    assert gap_of(RULE, op("inductor", "_alloc_from_pool")).startswith("inductor::_alloc_from_pool")
    assert gap_of(RULE, op("classes", "__torch__.torch.classes.x.Y")).startswith("__torch__.torch.classes.x.Y (a class")


def test_miss() -> None:
    known = [op("aten", "relu"), op("quantized", "linear"), op("torchvision", "nms"), op("prim", "RaiseException")]
    packed = op("classes", "__torch__.torch.classes.quantized.LinearPackedParamsBase")
    assert not checked(RULE, *known, packed, op("method", "forward"), op("aten", "save"))
