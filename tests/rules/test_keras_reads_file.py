"""Vocabularies from a path or address."""

import pytest

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.rules.keras_reads_file import RULE
from tests.rules.judging import SPAN, checked, finding_of


@pytest.mark.parametrize("path", ["/etc/passwd", "http://169.254.169.254/x", "../a", "C:\\x", "~/x", "gs://b/x"])
def test_far_away(path: str) -> None:
    found = finding_of(RULE, Reference(span=SPAN, kind="vocabulary", target=path))
    assert found.severity is Severity.HIGH
    assert path in found.message


def test_near_by() -> None:
    assert finding_of(RULE, Reference(span=SPAN, kind="vocabulary", target="vocab.txt")).severity is Severity.MEDIUM


def test_other_references() -> None:
    assert not checked(RULE, Reference(span=SPAN, kind="external-data", target="/etc/passwd"))
