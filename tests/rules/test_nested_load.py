"""A tensor inside a plain pickle is loaded by torch.load without a guard: read in turn, and held."""

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Call, Value
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.nested_load import RULE as CHECK
from tests.build import pickle_builder as p
from tests.build import torch_builder as t
from tests.rules.judging import SPAN, called, checked, finding_of, findings, judged, made, named, text, unvouched

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


def loads(*arguments: Value, count: int = 1) -> Call:
    return called(named("torch.storage", "_load_from_bytes"), *arguments, count=count)


BYTES = Value(kind="bytes", text="x")


def test_hit_constant_bytes_by_hand() -> None:
    finding, gap = checked(CHECK, loads(BYTES, count=2), loads(BYTES))
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.where) == (Severity.LOW, "m@3..9")
    assert finding.message == (
        "loading it would call torch.load with weights_only=False on bytes packed inside (3 times)"
    )
    assert (finding.cwe, finding.atlas) == (("CWE-502",), ("AML.T0011.000",))
    assert isinstance(gap, Gap)
    assert (gap.start, gap.end, gap.because) == (*SPAN, Because.UNVOUCHED)
    assert gap.detail.startswith("torch.storage._load_from_bytes (called)")


def test_hit_anything_else_is_computed() -> None:
    for arguments in ((), (made(named("builtins", "bytes")),), (text("x"),), (BYTES, BYTES), (Value(kind="unknown"),)):
        finding = finding_of(CHECK, loads(*arguments))
        assert finding.severity is Severity.CRITICAL
        assert finding.message.endswith("on bytes that it computes")


def test_one_computed_among_constants_is_enough() -> None:
    assert finding_of(CHECK, loads(BYTES), loads(text("x"))).severity is Severity.CRITICAL


def test_miss_by_hand() -> None:
    assert not checked(CHECK, called(named("torch.storage", "other"), BYTES), called(named("x", "_load_from_bytes")))
