"""A program under a checkpoint's name (CVE-2025-32434)."""

import pytest

from modelairlock.records.facts import Member
from modelairlock.records.finding import Confidence, Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.torchscript_as_checkpoint import RULE as CHECK
from tests.build import torch_builder as t
from tests.rules.judging import SPAN, checked, finding_of, findings, judged

RULE = "torchscript-as-checkpoint"


def test_hit() -> None:
    subject = judged(t.torchscript(), "model.pt")
    assert [finding.severity for finding in findings(subject, RULE)] == [Severity.LOW]
    assert subject.verdict is Verdict.CLEAR


def test_miss() -> None:
    assert not findings(judged(t.torchscript(), "model.torchscript"), RULE)
    assert not findings(judged(t.checkpoint(), "model.pt"), RULE)


MEMBER = Member(span=SPAN, name="archive/constants.pkl")


@pytest.mark.parametrize("name", ["m.pt", "m.pth", "m.bin", "m.ckpt", "m.pkl", "m.pickle", "M.PT"])
def test_hit_by_hand(name: str) -> None:
    finding = finding_of(CHECK, MEMBER, name=name, formats=("torchscript",))
    assert (finding.severity, finding.confidence) == (Severity.LOW, Confidence.MEDIUM)
    message = "it is a TorchScript program: torch.load before 2.6 runs it even with weights_only=True"
    assert finding.message == message
    assert finding.cwe == ("CWE-502",)


def test_miss_by_hand() -> None:
    assert not checked(CHECK, MEMBER, name="m.pt", formats=("torch",))
    for name in ("m.torchscript", "m.ptl", "m"):
        assert not checked(CHECK, MEMBER, name=name, formats=("torchscript",))
