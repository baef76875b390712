"""load-writes-files: what a load tried in the jail, and what is for other rules."""

from modelairlock.records.finding import Severity
from modelairlock.rules.load_writes_files import RULE
from tests.rules.judging import ATTEMPTS, checked, finding_of, tried


def test_hit() -> None:
    finding = finding_of(RULE, ATTEMPTS[RULE.name])
    assert finding.severity is Severity.HIGH
    assert (
        finding.message
        == "loading it writes or changes a file: openat /etc/ld.so.preload O_WRONLY|O_APPEND 0o600 (denied)"
    )


def test_changes_without_opening() -> None:
    for call in (tried("unlink", "/a"), tried("fchmod", "3 (/model)", "0o777"), tried("symlinkat", "a", "/b")):
        finding_of(RULE, call)


def test_miss() -> None:
    assert checked(RULE, *(attempt for name, attempt in ATTEMPTS.items() if name != RULE.name)) == []
    assert checked(RULE) == []
