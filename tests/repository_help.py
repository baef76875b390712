"""Judges repositories built in code, the whole way from bytes, without a wall and without a disk."""

from collections.abc import Iterable, Mapping

from modelairlock.limits import DEFAULT_LIMITS
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.repository import Notes, repositories
from modelairlock.pipeline.reroot import reroot
from modelairlock.pipeline.tree import read_tree
from modelairlock.reading import BytesSource
from modelairlock.records.finding import Finding
from modelairlock.records.scan import Excluded, Repository, Subject
from tests.reading_help import crossed


def judged_together(
    files: Mapping[str, bytes], excluded: Iterable[Excluded] = (), loose: tuple[str, ...] = ()
) -> tuple[dict[str, Subject], tuple[Repository, ...]]:
    """The subjects that `files` are, by path, and the repositories that they make up."""
    notes = Notes()
    subjects = {}
    for path, content in sorted(files.items()):
        name = path.rpartition("/")[2]
        reading = reroot(crossed(read_tree(BytesSource(content), name, name, DEFAULT_LIMITS, strict=True)), path)
        notes.add(reading)
        subjects[path] = judge(reading, sha256=None)
    return subjects, repositories(tuple(subjects.values()), excluded, notes, loose)


def in_folder(files: Mapping[str, bytes], folder: str = "m") -> dict[str, bytes]:
    """`files` below `folder`."""
    return {f"{folder}/{path}": content for path, content in files.items()}


def repository(files: Mapping[str, bytes]) -> Repository:
    """The one repository that `files` make up in a folder called ``m``."""
    _, [found] = judged_together(in_folder(files))
    return found


def every_finding(files: Mapping[str, bytes]) -> list[Finding]:
    """All findings on the files of a repository, each by itself and all together, the worst first."""
    subjects, [found] = judged_together(in_folder(files))
    own = [finding for subject in subjects.values() for part in subject.walk() for finding in part.findings]
    return sorted([*own, *found.findings], key=lambda finding: -finding.severity.rank)


def said(findings: Iterable[Finding], rule: str = "") -> list[tuple[str, str]]:
    """Rule and severity of each."""
    return [(one.rule, one.severity.value) for one in findings if rule in ("", one.rule)]
