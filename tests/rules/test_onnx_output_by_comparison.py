"""Outputs of ONNX that a comparison chooses: told, and changing nothing."""

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.records.scan import Verdict
from modelairlock.rules.onnx_output_by_comparison import RULE
from tests.build import onnx_builder as o
from tests.formats.test_onnx import switch
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def test_hit() -> None:
    finding = finding_of(RULE, Irregularity(span=SPAN, kind="onnx-output-by-comparison", detail="d"))
    assert finding.severity is Severity.INFO
    subject = judged(switch())
    assert findings(subject, RULE.name)
    assert subject.verdict is Verdict.CLEAR


def test_miss() -> None:
    assert not checked(RULE, Irregularity(span=SPAN, kind="onnx-name-repeated", detail="x"))
    assert not findings(judged(o.everything()), RULE.name)
