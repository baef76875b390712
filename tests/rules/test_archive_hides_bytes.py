"""Bytes of no member are a finding that says where they stand."""

from modelairlock.records.coverage import Coverage
from modelairlock.records.facts import Fact, Irregularity, Member
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.span import Span
from modelairlock.rules.archive_hides_bytes import RULE

SPAN = Span(3, 9)


def reading(*facts: Fact) -> Reading:
    return Reading(path="m.zip", name="m.zip", coverage=Coverage(size_bytes=9), facts=facts)


def findings(*facts: Fact) -> list[tuple[Severity, str, str]]:
    found = RULE.check(reading(*facts), None)  # this rule asks no profile
    return [(one.severity, one.message, one.where) for one in found]


def test_hit() -> None:
    for kind, where in (
        ("archive-prefix", "before the archive"),
        ("archive-trailing", "after the archive"),
        ("archive-hidden-bytes", "between the members of the archive"),
    ):
        fact = Irregularity(span=SPAN, kind=kind, detail="6 bytes that belong to no member")
        message = f"{where} stand 6 bytes that belong to no member"
        assert findings(fact) == [(Severity.MEDIUM, message, "m.zip@3..9")]


def test_miss() -> None:
    assert findings(Irregularity(span=SPAN, kind="zip-names-differ", detail=""), Member(span=SPAN, name="a")) == []
