"""Bytes that one loader takes for data and another for instructions."""

from modelairlock.records.coverage import Because
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import joblib_builder as j
from tests.build import pickle_builder as p
from tests.rules.judging import findings, gaps, judged

RULE = "hidden-instructions"


def crossing() -> bytes:
    """The frame ends inside a byte string: C reads its bytes after the frame, and opcodes where others see data."""
    hidden = p.call(p.global_("os", "system"), "id") + p.STOP
    body = p.binbytes(b"", 4 + len(hidden))
    return p.proto() + p.frame(body + b"AAAA", len(body) + 4) + b"B" * (4 + len(hidden) - 4) + hidden


def test_hit_a_crossed_frame() -> None:
    found = findings(judged(crossing()), RULE)
    assert any("a frame is broken" in finding.message for finding in found)
    assert any(finding.severity is Severity.CRITICAL for finding in found)


def test_hit_opcodes_in_a_raw_array() -> None:
    evil = p.call(p.global_("os", "system"), "id") + p.STOP
    data = j.stream(j.array(evil + bytes(-len(evil) % 8), pad=None, shape=((len(evil) + 7) // 8,), alignment=None))
    found = findings(judged(data, "model.joblib"), RULE)
    assert [finding.severity for finding in found] == [Severity.CRITICAL]
    assert "os.system" in found[0].message


def test_a_broken_download_is_no_trick() -> None:
    whole = p.proto() + p.frame(p.push({"a": "b" * 50}) + p.STOP)
    subject = judged(whole[:40])
    assert subject.verdict is Verdict.INCOMPLETE
    assert not findings(subject, RULE)
    assert {gap.because for gap in gaps(subject)} == {Because.TRUNCATED}


def test_miss() -> None:
    assert not findings(judged(p.proto() + p.frame(p.push({"a": 1}) + p.STOP)), RULE)
    assert not findings(judged(j.stream(j.array()), "model.joblib"), RULE)
