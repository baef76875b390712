"""load-attacks-machine: what a load tried in the jail, and what is for other rules."""

from modelairlock.records.finding import Severity
from modelairlock.rules.load_attacks_machine import RULE
from tests.rules.judging import ATTEMPTS, checked, finding_of, tried


def test_hit() -> None:
    finding = finding_of(RULE, ATTEMPTS[RULE.name])
    assert finding.severity is Severity.HIGH
    assert finding.message == "loading it goes for the machine or for other processes: ptrace 0x10 1 (denied)"


def test_any_call_of_no_known_sort() -> None:
    finding_of(RULE, tried("nr0x40000208"))
    finding_of(RULE, tried("io_uring_setup", "8"))


def test_what_libraries_ask_in_passing() -> None:
    assert checked(RULE, tried("sched_setaffinity", "0"), tried("mbind")) == []


def test_miss() -> None:
    assert checked(RULE, *(attempt for name, attempt in ATTEMPTS.items() if name != RULE.name)) == []
    assert checked(RULE) == []
