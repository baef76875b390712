"""Names that leave the folder are bad, digests that are none are worse than honest ones."""

import pytest

from modelairlock.records.facts import Irregularity, Reference
from modelairlock.records.finding import Severity
from modelairlock.rules.oci_name_escapes import RULE
from tests.rules.judging import SPAN, checked, finding_of


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        ("oci-digest-escapes", Severity.HIGH), ("oci-title-escapes", Severity.HIGH),
        ("oci-digest-odd", Severity.MEDIUM), ("oci-size-odd", Severity.LOW),
    ],
)  # fmt: skip
def test_hit(kind: str, severity: Severity) -> None:
    finding = finding_of(RULE, Irregularity(span=SPAN, kind=kind, detail="model has the digest '../x'"))
    assert finding.severity is severity
    assert finding.message.startswith("model has the digest '../x': ")


def test_addresses_are_low() -> None:
    finding = finding_of(RULE, Reference(span=SPAN, kind="layer-address", target="https://example.org/x"))
    assert finding.severity is Severity.LOW


def test_miss() -> None:
    assert not checked(RULE, Reference(span=SPAN, kind="layer", target="sha256:4d"))
    assert not checked(RULE, Irregularity(span=SPAN, kind="key-repeated", detail=""))
