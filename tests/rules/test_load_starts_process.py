"""load-starts-process: what a load tried in the jail, and what is for other rules."""

from modelairlock.records.finding import Severity
from modelairlock.rules.load_starts_process import RULE
from tests.rules.judging import ATTEMPTS, checked, finding_of


def test_hit() -> None:
    finding = finding_of(RULE, ATTEMPTS[RULE.name])
    assert finding.severity is Severity.HIGH
    assert finding.message == "loading it starts another process: clone VM|VFORK (seen, and not all of it denied)"


def test_miss() -> None:
    assert checked(RULE, *(attempt for name, attempt in ATTEMPTS.items() if name != RULE.name)) == []
    assert checked(RULE) == []
