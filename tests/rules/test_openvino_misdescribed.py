"""Numbers of OpenVINO that cannot be."""

import pytest

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.rules.openvino_misdescribed import _KINDS, RULE
from tests.build import openvino_builder as v
from tests.formats.test_openvino import BOMB
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


@pytest.mark.parametrize("kind", _KINDS)
def test_hit(kind: str) -> None:
    finding = finding_of(RULE, Irregularity(span=SPAN, kind=kind, detail="here"))
    assert finding.message.endswith(": here")
    assert finding.severity is Severity.MEDIUM


def test_miss() -> None:
    assert not checked(RULE, Irregularity(span=SPAN, kind="onnx-name-repeated", detail="x"))
    assert not findings(judged(v.everything(), "m.xml"), RULE.name)


def test_from_bytes() -> None:
    assert findings(judged(v.net(before=BOMB), "m.xml"), RULE.name)
    assert findings(judged(v.net(v.constant(offset=2**63)), "m.xml"), RULE.name)
