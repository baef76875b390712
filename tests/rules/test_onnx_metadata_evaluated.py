"""Metadata of ONNX that detectors evaluate."""

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.rules.onnx_metadata_evaluated import RULE
from tests.build import onnx_builder as o
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def test_hit() -> None:
    finding = finding_of(RULE, Irregularity(span=SPAN, kind="onnx-metadata-no-literal", detail="names is 'f()'"))
    assert finding.severity is Severity.HIGH
    assert finding.message == "its metadata names is 'f()', which YOLOv5 and ultralytics before 8.3.234 hand to eval()"
    [finding] = findings(judged(o.model(metadata=(("names", "__import__('os').system('id')"),))), RULE.name)
    assert "os" in finding.message


def test_miss() -> None:
    assert not checked(RULE, Irregularity(span=SPAN, kind="onnx-name-repeated", detail="x"))
    assert not findings(judged(o.model(metadata=(("names", "{0: 'person'}"), ("stride", "32")))), RULE.name)
