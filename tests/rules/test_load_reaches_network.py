"""load-reaches-network: what a load tried in the jail, and what is for other rules."""

from modelairlock.records.finding import Severity
from modelairlock.rules.load_reaches_network import RULE
from tests.rules.judging import ATTEMPTS, checked, finding_of


def test_hit() -> None:
    finding = finding_of(RULE, ATTEMPTS[RULE.name])
    assert finding.severity is Severity.HIGH
    assert finding.message == "loading it reaches for the network: connect 3 (socket:[1]) 10.0.0.1:443 (denied)"


def test_miss() -> None:
    assert checked(RULE, *(attempt for name, attempt in ATTEMPTS.items() if name != RULE.name)) == []
    assert checked(RULE) == []
