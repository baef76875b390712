"""A program under a checkpoint's name (CVE-2025-32434)."""

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import torch_builder as t
from tests.rules.judging import findings, judged

RULE = "torchscript-as-checkpoint"


def test_hit() -> None:
    subject = judged(t.torchscript(), "model.pt")
    assert [finding.severity for finding in findings(subject, RULE)] == [Severity.LOW]
    assert subject.verdict is Verdict.INCOMPLETE


def test_miss() -> None:
    assert not findings(judged(t.torchscript(), "model.torchscript"), RULE)
    assert not findings(judged(t.checkpoint(), "model.pt"), RULE)
