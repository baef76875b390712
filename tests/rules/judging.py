"""Judgements to test: what all rules say of a file built in code, and what one rule says of facts made by hand.

`judged` goes the whole way from bytes; `checked`, `finding_of` and `gap_of` ask one rule about `Fact` records, which
the small functions below make. The profiles are the real ones in both cases.
"""

from collections.abc import Iterator
from typing import Any

from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.tree import read_tree
from modelairlock.profiles import Profiles
from modelairlock.reading import BytesSource
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.facts import Attempt, Call, CallHow, Fact, Import, Value
from modelairlock.records.finding import Finding
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.scan import Subject
from modelairlock.records.span import Span
from tests.reading_help import crossed


def judged(data: bytes, name: str = "model.pkl") -> Subject:
    """The subject that `data` amounts to; a bug in a reader, or what the parent would refuse, is raised."""
    return judge(crossed(read_tree(BytesSource(data), name, name, DEFAULT_LIMITS, strict=True)), sha256=None)


def findings(subject: Subject, rule: str) -> list[Finding]:
    """What `rule` found in the subject and its members."""
    return [finding for one in subject.walk() for finding in one.findings if finding.rule == rule]


def unvouched(subject: Subject) -> list[str]:
    """The details of all UNVOUCHED gaps."""
    return [gap.detail for gap in gaps(subject) if gap.because is Because.UNVOUCHED]


def gaps(subject: Subject) -> Iterator[Gap]:
    """Every gap of the subject and its members."""
    for one in subject.walk():
        yield from one.coverage.gaps


# --- one rule, facts by hand --------------------------------------------------------------------------------------

#: where every fact of these tests stands, in an artifact of a hundred bytes called ``m``
SPAN = Span(3, 9)
CONTEXT = Context(profiles=Profiles.bundled())


def checked(rule: Rule, *facts: Fact, name: str = "m", **fields: Any) -> list[Judgement]:
    """What one rule says of `facts` alone."""
    coverage = Coverage(size_bytes=100, read_bytes=100)
    return list(rule.check(Reading(path=name, name=name, coverage=coverage, facts=facts, **fields), CONTEXT))


def finding_of(rule: Rule, *facts: Fact, **fields: Any) -> Finding:
    """The one judgement on `facts`, a finding that stands where its evidence does, with the rule's own advice."""
    [judgement] = checked(rule, *facts, **fields)
    assert isinstance(judgement, Finding)
    assert judgement.rule == rule.name
    assert judgement.where == f"{fields.get('name', 'm')}@3..9"
    assert judgement.evidence
    assert set(judgement.evidence) <= set(facts)
    assert judgement.help == rule.help
    assert judgement.severity.rank <= rule.severity.rank
    return judgement


def gap_of(rule: Rule, *facts: Fact, **fields: Any) -> str:
    """The detail of the one judgement on `facts`, an UNVOUCHED gap where they stand."""
    [judgement] = checked(rule, *facts, **fields)
    assert isinstance(judgement, Gap)
    assert (judgement.start, judgement.end, judgement.because) == (*SPAN, Because.UNVOUCHED)
    return judgement.detail


def imported(module: str, qualname: str) -> Import:
    """A fact: the name is imported."""
    return Import(span=SPAN, module=module, qualname=qualname, opcode="GLOBAL")


def named(module: str, qualname: str) -> Value:
    """The value that an import leaves."""
    return Value(kind="global", module=module, text=qualname)


def text(characters: str) -> Value:
    """A constant string."""
    return Value(kind="str", text=characters)


def made(function: Value, *arguments: Value) -> Value:
    """The value that a call leaves."""
    return Value(kind="call", parts=(function, *arguments))


def called(function: Value, *arguments: Value, how: CallHow = "reduce", count: int = 1) -> Call:
    """A fact: the function is called."""
    return Call(span=SPAN, callable=function, how=how, arguments=arguments, count=count)


def tried(syscall: str, *arguments: str, certainty: str = "denied", count: int = 1, phase: str = "load") -> Attempt:
    """A fact: a load in the jail made this call."""
    return Attempt(
        span=SPAN, syscall=syscall, arguments=arguments, action="EPERM" if certainty == "denied" else "allowed",
        certainty=certainty, phase=phase, count=count,
    )  # fmt: skip


#: one attempt of each sort, by the rule that it is for
ATTEMPTS = {
    "load-runs-program": tried("execve", "/bin/sh", "['sh', '-c', 'id']"),
    "load-starts-process": tried("clone", "VM|VFORK", certainty="observed"),
    "load-reaches-network": tried("connect", "3 (socket:[1])", "10.0.0.1:443"),
    "load-writes-files": tried("openat", "/etc/ld.so.preload", "O_WRONLY|O_APPEND", "0o600"),
    "load-reads-files": tried("openat", "/etc/passwd", "O_RDONLY", "0"),
    "load-attacks-machine": tried("ptrace", "0x10", "1"),
}
