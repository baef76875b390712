"""load-reaches-network: what a load tried in the jail, and what is for other rules."""

from modelairlock.records.finding import Severity
from modelairlock.rules.load_reaches_network import RULE
from tests.rules.judging import ATTEMPTS, checked, finding_of, tried


def test_hit() -> None:
    finding = finding_of(RULE, ATTEMPTS[RULE.name])
    assert finding.severity is Severity.HIGH
    assert finding.message == "loading it reaches for the network: connect 3 (socket:[1]) 10.0.0.1:443 (denied)"


def test_the_address_is_told_and_not_the_socket() -> None:
    finding = finding_of(RULE, tried("socket", "AF_INET", "SOCK_STREAM", "6"), ATTEMPTS[RULE.name])
    assert finding.message.endswith("connect 3 (socket:[1]) 10.0.0.1:443 (denied, one of 2)")


def test_miss() -> None:
    assert checked(RULE, *(attempt for name, attempt in ATTEMPTS.items() if name != RULE.name)) == []
    assert checked(RULE) == []
