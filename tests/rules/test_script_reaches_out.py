"""Operators of a TorchScript program that reach files."""

from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from tests.build import torch_builder as t
from tests.rules.judging import findings, judged

RULE = "script-reaches-out"


def test_hit() -> None:
    code = t.SCRIPT.replace("return x", 'ops.aten.save(x, "a")\n    return x')
    subject = judged(t.torchscript(code), "model.torchscript")
    [finding] = findings(subject, RULE)
    assert finding.severity is Severity.HIGH
    assert finding.message == "its program names ops.aten.save, which writes a file"
    assert subject.verdict is Verdict.FLAGGED


def test_miss() -> None:
    code = t.SCRIPT.replace("return x", "return torch.relu(x)")
    assert not findings(judged(t.torchscript(code), "model.torchscript"), RULE)
