"""Findings outrank gaps, gaps outrank silence, and a rule that fails hides nothing."""

from collections.abc import Iterator

import pytest

from modelairlock.pipeline import judge as judging
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.facts import Irregularity
from modelairlock.records.finding import Finding, Severity
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Rule
from modelairlock.records.scan import Verdict
from modelairlock.records.span import Span

FACT = Irregularity(span=Span(0, 1), kind="odd", detail="")


def reading(*members: Reading, gaps: tuple[Gap, ...] = (), path: str = "f") -> Reading:
    coverage = Coverage(size_bytes=9, read_bytes=9, gaps=gaps)
    return Reading(path=path, name=path, coverage=coverage, facts=(FACT,), members=members)


def rule(name: str, severity: Severity | None) -> Rule:
    def check(one: Reading, _: object) -> Iterator[Finding]:
        if severity is None:
            raise ZeroDivisionError
        yield made.finding(one, "said", FACT)

    made = Rule(name=name, summary="", check=check, severity=severity or Severity.HIGH, help="")
    return made


def verdict(monkeypatch: pytest.MonkeyPatch, one: Reading, *rules: Rule) -> Verdict:
    monkeypatch.setattr(judging, "rules", lambda: rules)
    return judging.judge(one, sha256=None).verdict


GAP = Gap(start=9, end=9, because=Because.TRUNCATED)


def test_the_lattice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(monkeypatch, reading()) is Verdict.CLEAR
    assert verdict(monkeypatch, reading(gaps=(GAP,))) is Verdict.INCOMPLETE
    for severity in Severity:
        expected = Verdict.FLAGGED if severity.rank >= 2 else Verdict.INCOMPLETE
        assert verdict(monkeypatch, reading(gaps=(GAP,)), rule("r", severity)) is expected
    assert verdict(monkeypatch, reading(), rule("r", Severity.LOW)) is Verdict.CLEAR


def test_members_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(monkeypatch, reading(reading(gaps=(GAP,), path="f!m"))) is Verdict.INCOMPLETE
    assert verdict(monkeypatch, reading(reading(path="f!m")), rule("r", Severity.MEDIUM)) is Verdict.FLAGGED


def test_a_rule_that_fails_is_a_gap_and_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "rules", lambda: (rule("broken", None), rule("r", Severity.HIGH)))
    subject = judging.judge(reading(), sha256="0" * 64)
    assert subject.verdict is Verdict.FLAGGED
    assert [gap.because for gap in subject.coverage.gaps] == [Because.READER_FAILED]
    assert "broken" in subject.coverage.gaps[0].detail


def test_digests_are_stable() -> None:
    assert judging.rules_digest() == judging.rules_digest()
    assert len(judging.profiles_digest()) == 64
