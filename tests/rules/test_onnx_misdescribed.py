"""ONNX files that disagree with themselves."""

import pytest

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.rules.onnx_misdescribed import _KINDS, RULE
from tests.build import onnx_builder as o
from tests.formats.test_onnx import ODD
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


@pytest.mark.parametrize("kind", _KINDS)
def test_hit(kind: str) -> None:
    facts = [Irregularity(span=SPAN, kind=kind, detail=f"here {at}") for at in range(3)]
    finding = finding_of(RULE, *facts)
    assert finding.message.endswith("here 0 (and 2 more)")
    assert finding.severity is Severity.MEDIUM


def test_miss() -> None:
    assert not checked(RULE, Irregularity(span=SPAN, kind="tensors-overlap", detail="x"))
    assert not findings(judged(o.everything()), RULE.name)


@pytest.mark.parametrize("data", [data for data, _ in ODD.values()], ids=ODD)
def test_from_bytes(data: bytes) -> None:
    assert findings(judged(data), RULE.name)
