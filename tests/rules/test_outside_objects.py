"""Persistent ids in torch's shape, and in any other."""

from modelairlock.records.finding import Severity
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.rules.judging import findings, judged, unvouched

RULE = "outside-objects"


def test_hit() -> None:
    for pid in (("storage", "FloatStorage", "0", "cpu", 4), ("row", 7), "key", 3):
        [finding] = findings(judged(p.whole(p.Code(p.push(pid) + p.BINPERSID))), RULE)
        assert finding.severity is Severity.MEDIUM


def test_hit_text() -> None:
    assert findings(judged(p.whole(p.Code(p.NONE + p.POP + p.persid("key")), 2)), RULE)


def test_buffers_are_a_gap() -> None:
    [detail] = unvouched(judged(p.whole(p.Code(p.NEXT_BUFFER), 5)))
    assert "out-of-band" in detail


def test_miss() -> None:
    assert not findings(judged(p.whole(t.storage(), 2)), RULE)
    assert not findings(judged(p.whole(t.storage(view=True), 2)), RULE)
    module = ("module", p.global_("torch.nn.modules.linear", "Linear"), "/a.py", "class Linear: pass")
    assert not findings(judged(p.whole(p.Code(p.push(module) + p.BINPERSID), 2)), RULE)
