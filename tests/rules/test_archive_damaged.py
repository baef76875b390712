"""Checksums that do not fit and flags that lie are findings; plain damage is a small one."""

from modelairlock.records.coverage import Coverage
from modelairlock.records.facts import Fact, Irregularity, Member
from modelairlock.records.finding import Severity
from modelairlock.records.reading import Reading
from modelairlock.records.span import Span
from modelairlock.rules.archive_damaged import RULE

SPAN = Span(3, 9)


def reading(*facts: Fact) -> Reading:
    return Reading(path="m.zip", name="m.zip", coverage=Coverage(size_bytes=9), facts=facts)


def findings(*facts: Fact) -> list[tuple[Severity, str, str]]:
    found = RULE.check(reading(*facts), None)  # this rule asks no profile
    return [(one.severity, one.message, one.where) for one in found]


def test_hit() -> None:
    for kind in ("archive-checksum-differs", "zip-encryption-flag-lies"):
        assert findings(Irregularity(span=SPAN, kind=kind, detail="why")) == [(Severity.MEDIUM, "why", "m.zip@3..9")]


def test_plain_damage_does_not_flag() -> None:
    for kind in ("zip-member-past-end", "tar-header-damaged", "tar-pax-damaged"):
        assert findings(Irregularity(span=SPAN, kind=kind, detail="why")) == [(Severity.LOW, "why", "m.zip@3..9")]


def test_miss() -> None:
    assert findings(Irregularity(span=SPAN, kind="archive-prefix", detail=""), Member(span=SPAN, name="a")) == []
