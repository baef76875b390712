"""An adapter says which model it is put on; that is worth knowing, and flags nothing."""

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.rules.needs_another_model import RULE
from tests.rules.judging import SPAN, checked, finding_of


def test_hit() -> None:
    finding = finding_of(RULE, Reference(span=SPAN, kind="base-model", target="owner/model"))
    assert finding.severity is Severity.INFO
    assert "owner/model" in finding.message


def test_miss() -> None:
    assert checked(RULE, Reference(span=SPAN, kind="shard", target="a.safetensors")) == []
