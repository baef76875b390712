"""Findings outrank gaps, gaps outrank silence, and a rule that fails hides nothing."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from modelairlock.catalog import find, names
from modelairlock.pipeline import judge as judging
from modelairlock.reading import Format
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
    monkeypatch.setattr(judging, "rules_about", lambda _: rules)
    return judging.judge(one, sha256=None).verdict


GAP = Gap(start=9, end=9, because=Because.TRUNCATED)


def test_the_lattice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(monkeypatch, reading()) is Verdict.CLEAR
    assert verdict(monkeypatch, reading(gaps=(GAP,))) is Verdict.INCOMPLETE
    for severity in Severity:
        expected = Verdict.FLAGGED if severity.rank >= 2 else Verdict.INCOMPLETE
        assert verdict(monkeypatch, reading(gaps=(GAP,)), rule("r", severity)) is expected
    for severity in Severity:
        expected = Verdict.FLAGGED if severity.rank >= 2 else Verdict.CLEAR
        assert verdict(monkeypatch, reading(), rule("r", severity)) is expected


def test_many_small_findings_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    small = [rule(f"r{number}", Severity.LOW) for number in range(20)]
    assert verdict(monkeypatch, reading(), *small) is Verdict.CLEAR
    assert verdict(monkeypatch, reading(), *small, rule("r", Severity.MEDIUM)) is Verdict.FLAGGED


def test_a_gap_of_a_rule_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    unvouched = Gap(start=0, end=9, because=Because.UNVOUCHED)
    check = Rule(name="r", summary="", check=lambda *_: iter((unvouched,)), severity=Severity.LOW, help="")
    monkeypatch.setattr(judging, "rules_about", lambda _: (check,))
    subject = judging.judge(reading(), sha256=None)
    assert subject.verdict is Verdict.INCOMPLETE
    assert subject.coverage.gaps == (unvouched,)
    assert subject.coverage.read_bytes == 9  # the bytes were read; nobody vouches for what they say


def test_members_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(monkeypatch, reading(reading(gaps=(GAP,), path="f!m"))) is Verdict.INCOMPLETE
    assert verdict(monkeypatch, reading(reading(path="f!m")), rule("r", Severity.MEDIUM)) is Verdict.FLAGGED


def only_at(path: str) -> Rule:
    def check(one: Reading, _: object) -> Iterator[Finding]:
        if one.path == path:
            yield made.finding(one, "said", FACT)

    made = Rule(name="r", summary="", check=check, severity=Severity.HIGH, help="")
    return made


def test_a_finding_deep_inside_flags_all_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = reading(reading(path="f!m!x"), reading(path="f!m!y", gaps=(GAP,)), path="f!m")
    monkeypatch.setattr(judging, "rules_about", lambda _: (only_at("f!m!x"),))
    subject = judging.judge(reading(inner, reading(path="f!n"), gaps=(GAP,)), sha256="0" * 64)
    verdicts = {one.path: one.verdict for one in subject.walk()}
    assert verdicts == {
        "f": Verdict.FLAGGED,
        "f!m": Verdict.FLAGGED,
        "f!m!x": Verdict.FLAGGED,
        "f!m!y": Verdict.INCOMPLETE,
        "f!n": Verdict.CLEAR,
    }
    [finding] = [finding for one in subject.walk() for finding in one.findings]
    assert finding.where == "f!m!x@0..1"
    assert [one.sha256 for one in subject.walk()] == ["0" * 64, None, None, None, None]


def test_findings_stand_worst_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        judging,
        "rules_about",
        lambda _: tuple(rule(name, severity) for severity in reversed(tuple(Severity)) for name in ("b", "a")),
    )
    told = judging.judge(reading(), sha256=None).findings
    assert [(one.severity, one.rule) for one in told] == [(severity, name) for severity in Severity for name in "ab"]


def test_a_rule_that_fails_is_a_gap_and_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "rules_about", lambda _: (rule("broken", None), rule("r", Severity.HIGH)))
    subject = judging.judge(reading(), sha256="0" * 64)
    assert subject.verdict is Verdict.FLAGGED
    assert [gap.because for gap in subject.coverage.gaps] == [Because.READER_FAILED]
    assert subject.coverage.gaps[0].detail == "the rule broken failed: ZeroDivisionError"
    assert [finding.rule for finding in subject.findings] == ["r"]


def test_what_a_rule_said_before_it_failed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(one: Reading, _: object) -> Iterator[Finding | Gap]:
        yield made.finding(one, "said", FACT)
        yield GAP
        raise RecursionError

    made = Rule(name="half", summary="", check=check, severity=Severity.HIGH, help="")
    monkeypatch.setattr(judging, "rules_about", lambda _: (made,))
    subject = judging.judge(reading(), sha256=None)
    assert [finding.message for finding in subject.findings] == ["said"]
    assert [gap.because for gap in subject.coverage.gaps] == [Because.TRUNCATED, Because.READER_FAILED]


def test_a_rule_that_fails_alone_is_never_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdict(monkeypatch, reading(), rule("broken", None)) is Verdict.INCOMPLETE


def test_fuzzing_sees_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_strict", True)
    with pytest.raises(ZeroDivisionError):
        verdict(monkeypatch, reading(), rule("broken", None))


def test_digests_are_stable() -> None:
    assert judging.rules_digest() == judging.rules_digest()
    assert len(judging.profiles_digest()) == 64


@pytest.mark.parametrize(
    ("digest", "hashed"),
    [
        (judging.rules_digest, {"rules/polyglot.py", "rules/__init__.py", "records/uses.py"}),
        (judging.profiles_digest, {"profiles/numpy.toml", "profiles/arguments.py", "profiles/dtype_state.py"}),
    ],
)
def test_digests_are_of_all_that_judges(
    digest: Callable[[], str], hashed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(judging, "_digest", lambda *paths: seen.extend(paths) or "")
    digest.__wrapped__()
    missing = hashed - {f"{path.parent.name}/{path.name}" for path in seen}
    assert not missing, "two reports with one digest must have been judged by the same code"


def test_a_format_that_is_gone_does_not_cost_the_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    old = msgspec.structs.replace(reading(), formats=("gone", "npy"))
    monkeypatch.setattr(judging, "rules_about", lambda _: (rule("r", Severity.HIGH),))
    subject = judging.judge(old, sha256=None)
    assert (subject.verdict, len(subject.findings), subject.formats) == (Verdict.FLAGGED, 1, ("gone", "npy"))
    assert subject.assumes == find("modelairlock.formats", "npy", Format).loaders


# --- which rules are asked, and imported at all -------------------------------------------------------------------


def test_the_source_of_a_rule_says_what_it_looks_at() -> None:
    declared = judging._declared()
    assert list(declared) == list(names("modelairlock.rules"))
    for module, about in declared.items():
        wanted = {kind.__name__ for kind in find("modelairlock.rules", module, Rule).looks_at}
        assert about is None or about == wanted, (
            f"rules/{module}.py: write `looks_at=(Kind, Other),` with the names of facts as they are, and only once"
        )
    assert sum(about is not None for about in declared.values()) > 50


def test_every_rule_is_asked_about_its_facts() -> None:
    for rule in judging.rules():
        if rule.check:
            for kinds in [frozenset((kind,)) for kind in rule.looks_at] or [frozenset()]:
                assert rule in judging.rules_about(kinds)
        assert (rule in judging.folder_rules()) is (rule.check_folder is not None)


def test_only_rules_that_have_something_to_say_are_imported() -> None:
    script = (
        "import sys; from modelairlock.pipeline.judge import rules_about as about;"
        "from modelairlock.records.facts import Import;"
        "about(frozenset((Import,))); print(sum(name.startswith('modelairlock.rules.') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) < len(judging.rules()) / 3
