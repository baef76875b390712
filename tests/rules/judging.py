"""Bytes in, judgement out: what all rules say of a file built in code."""

from collections.abc import Iterator

from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.finding import Finding
from modelairlock.records.scan import Subject


def judged(data: bytes, name: str = "model.pkl") -> Subject:
    """The subject that `data` amounts to; a bug in a reader is raised."""
    return judge(read_tree(BytesSource(data), name, name, DEFAULT_LIMITS, strict=True), sha256=None)


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
