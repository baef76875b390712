"""A tensor inside a plain pickle is loaded by torch.load without a guard: read in turn, and held."""

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.rules.judging import findings, judged, unvouched

RULE = "nested-load"
LOAD = p.global_("torch.storage", "_load_from_bytes")


def test_hit_bytes_that_are_read_in_turn() -> None:
    subject = judged(p.whole(p.call(LOAD, t.legacy())))
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.LOW
    assert subject.verdict is Verdict.INCOMPLETE
    assert any("_load_from_bytes" in detail for detail in unvouched(subject))
    assert [member.formats for member in subject.members] == [("torch_legacy",)]


def test_hit_what_is_inside_counts() -> None:
    subject = judged(p.whole(p.call(LOAD, p.whole(p.call(p.global_("os", "system"), "id"), 2))))
    assert subject.verdict is Verdict.FLAGGED
    assert findings(subject, "runs-harmful-code")


def test_hit_computed_bytes() -> None:
    computed = p.call(p.global_("builtins", "bytes"), [1, 2, 3])
    [finding] = findings(judged(p.whole(p.call(LOAD, computed))), RULE)
    assert finding.severity is Severity.CRITICAL


def test_miss() -> None:
    assert not findings(judged(p.whole(p.push(b"bytes"))), RULE)
