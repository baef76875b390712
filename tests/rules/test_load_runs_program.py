"""load-runs-program: what a load tried in the jail, and what is for other rules."""

from modelairlock.records.finding import Severity
from modelairlock.rules.load_runs_program import RULE
from tests.rules.judging import ATTEMPTS, checked, finding_of, tried


def test_hit() -> None:
    finding = finding_of(RULE, ATTEMPTS[RULE.name])
    assert finding.severity is Severity.CRITICAL
    assert finding.message == "loading it starts a program: execve /bin/sh ['sh', '-c', 'id'] (denied)"


def test_several() -> None:
    finding = finding_of(RULE, ATTEMPTS[RULE.name], tried("execveat", "-1", "x", count=3))
    assert finding.message.endswith("(denied, the first of 4)")


def test_miss() -> None:
    assert checked(RULE, *(attempt for name, attempt in ATTEMPTS.items() if name != RULE.name)) == []
    assert checked(RULE) == []
