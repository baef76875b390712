"""load-reads-files: what a load tried in the jail, and what is for other rules."""

from modelairlock.records.finding import Severity
from modelairlock.rules.load_reads_files import RULE
from tests.rules.judging import ATTEMPTS, checked, finding_of


def test_hit() -> None:
    finding = finding_of(RULE, ATTEMPTS[RULE.name])
    assert finding.severity is Severity.MEDIUM
    assert finding.message == "loading it reads a file that no loader needs: openat /etc/passwd O_RDONLY 0 (denied)"


def test_miss() -> None:
    assert checked(RULE, *(attempt for name, attempt in ATTEMPTS.items() if name != RULE.name)) == []
    assert checked(RULE) == []
