"""load-contradicts-scan: what the scan said, beside what the load tried."""

from modelairlock.records.facts import Setting
from modelairlock.records.finding import Severity
from modelairlock.rules.load_contradicts_scan import RULE
from tests.rules.judging import ATTEMPTS, SPAN, checked, finding_of

RUNS = ATTEMPTS["load-runs-program"]


def said(verdict: str, outcome: str = "completed") -> Setting:
    return Setting(span=SPAN, scheme="airlock-scan", key=verdict, value=outcome)


def test_the_scan_missed_it() -> None:
    finding = finding_of(RULE, said("clear"), RUNS)
    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "the scan called the file CLEAR, and loading it tried execve /bin/sh ['sh', '-c', 'id'] (denied)"
    )


def test_the_load_was_quiet() -> None:
    finding = finding_of(RULE, said("flagged"))
    assert finding.severity is Severity.INFO
    assert "may wait for something" in finding.message


def test_miss() -> None:
    for facts in ((said("flagged"), RUNS), (said("clear"),), (said("incomplete"), RUNS), (RUNS,)):
        assert checked(RULE, *facts) == []
    assert checked(RULE, said("flagged", "loader_error")) == []
    assert checked(RULE, Setting(span=SPAN, scheme="gguf", key="clear", value="x"), RUNS) == []
