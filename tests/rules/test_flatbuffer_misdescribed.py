"""Each kind is one finding, as bad as what a loader does; honest files are quiet."""

import pytest

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Confidence, Severity
from modelairlock.rules.flatbuffer_misdescribed import _KINDS, _MAY_BE_CUT, RULE
from tests.build.flat_builder import add, graph, ort, tflite
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


def irregular(kind: str) -> Irregularity:
    return Irregularity(span=SPAN, kind=kind, detail="it is so")


@pytest.mark.parametrize("kind", _KINDS)
def test_hit(kind: str) -> None:
    finding = finding_of(RULE, irregular(kind))
    assert finding.severity is _KINDS[kind][0]
    assert finding.message == f"it is so: {_KINDS[kind][1]}"
    assert finding.confidence is (Confidence.MEDIUM if kind in _MAY_BE_CUT else Confidence.HIGH)


def test_many_are_one_finding() -> None:
    assert finding_of(RULE, *[irregular("flatbuffer-overlap")] * 3).message.startswith("it is so (and 2 more): ")


def test_from_bytes() -> None:
    subject = judged(tflite(subgraphs=[graph(add(inputs=[0, 99]))]), "a.tflite")
    [finding] = findings(subject, RULE.name)
    assert finding.severity is Severity.HIGH
    assert "name tensor 99, and there are 3" in finding.message


def test_miss() -> None:
    assert not checked(RULE, irregular("gguf-tensors-overlap"))
    assert not judged(tflite(), "a.tflite").findings
    assert not judged(ort(), "a.ort").findings
