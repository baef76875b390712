"""Each kind of disagreement is one finding; files that agree with themselves are quiet."""

import pytest

from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Severity
from modelairlock.rules.hdf5_misdescribed import _KINDS, RULE
from tests.build import hdf5_builder as h
from tests.build.hdf5_builder import File
from tests.rules.judging import SPAN, checked, finding_of, findings, judged


@pytest.mark.parametrize("kind", _KINDS)
def test_hit(kind: str) -> None:
    facts = [Irregularity(span=SPAN, kind=kind, detail="the detail") for _ in range(3)]
    finding = finding_of(RULE, *facts)
    assert finding.severity is _KINDS[kind][0]
    assert finding.message.endswith(": the detail (and 2 more)")


def test_miss() -> None:
    assert not checked(RULE, Irregularity(span=SPAN, kind="zip-names-differ", detail=""))


def test_from_a_file() -> None:
    file = File()
    two = file.folder(h.text_attribute("model_config", b"{}"), h.text_attribute("model_config", b"[]"))
    [finding] = findings(judged(file.whole(two), "model.h5"), RULE.name)
    assert finding.message.endswith(": / has two attributes called 'model_config'")
    assert finding.severity is Severity.MEDIUM
    assert not findings(judged(h.small(), "model.h5"), RULE.name)
