"""Turns a reading into a subject: every rule looks at every artifact of the tree, and the verdict follows.

Pure: no bytes, no disk, no clock. The same function judges a fresh reading and one out of the cache.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from modelairlock import profiles as profiles_room
from modelairlock import records as records_room
from modelairlock import rules as rules_room
from modelairlock.catalog import catalog, find, said
from modelairlock.catalog import names as offered
from modelairlock.reading import Format
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.facts import Build, Call, Fact, Import
from modelairlock.records.finding import Finding
from modelairlock.records.reading import Reading
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.scan import Subject, Verdict, worst

#: how a rule's source says which facts it looks at, and that it has a question for repositories;
#: tests/pipeline/test_judge.py holds the rules to it
_LOOKS_AT = " looks_at=("
_CHECKS_FOLDER = " check_folder="


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of the house."""
    return catalog("modelairlock.rules", Rule)


@lru_cache(maxsize=1024)
def rules_about(kinds: frozenset[type[Fact]]) -> tuple[Rule, ...]:
    """The rules that may have something to say of an artifact with facts of these `kinds`.

    To import all rules takes longer than to scan a hundred files, and most are about facts that few files have.
    """
    told = {kind.__name__ for kind in kinds}
    wanted = [module for module, about in _declared().items() if about is None or not about.isdisjoint(told)]
    found = [find("modelairlock.rules", module, Rule) for module in wanted]
    return tuple(rule for rule in found if rule.check and not (rule.looks_at and kinds.isdisjoint(rule.looks_at)))


@cache
def folder_rules() -> tuple[Rule, ...]:
    """The rules that are asked about repositories."""
    wanted = [module for module, source in _sources().items() if _CHECKS_FOLDER in source]
    return tuple(rule for module in wanted if (rule := find("modelairlock.rules", module, Rule)).check_folder)


@cache
def _declared() -> dict[str, frozenset[str] | None]:
    """For each rule the kinds of facts that its source says it looks at; None if that is for it to say."""
    return {module: _kinds(source) for module, source in _sources().items()}


def _kinds(source: str) -> frozenset[str] | None:
    # A rule ends in its `RULE`, so what is last is what counts; a regular expression would take ten times as long.
    _, found, rest = source.rpartition(_LOOKS_AT)
    words = rest.partition(")")[0].replace(",", " ").split() if found else ()
    return frozenset(words) if words and all(word.isidentifier() for word in words) else None


@cache
def _sources() -> dict[str, str]:
    folder = _folder(rules_room)
    return {module: (folder / f"{module}.py").read_text(encoding="utf-8") for module in offered("modelairlock.rules")}


@cache
def rules_digest() -> str:
    """sha256 over the source of every rule and of the records with the lists that they judge by."""
    return _digest(*_folder(rules_room).rglob("*.py"), *_folder(records_room).rglob("*.py"))


@cache
def profiles_digest() -> str:
    """sha256 over every profile and over the code that reads them and weighs arguments."""
    return _digest(*_folder(profiles_room).rglob("*.py"), *_folder(profiles_room).rglob("*.toml"))


def _folder(room: ModuleType) -> Path:
    return Path(room.__file__ or "").parent


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@cache
def context() -> Context:
    """What rules may look at beyond what they judge."""
    return Context(profiles=profiles_room.Profiles.bundled())


def prepare() -> None:
    """Import and parse what nearly every artifact is judged by, before the first one is there."""
    rules_about(frozenset((Import, Call, Build)))
    profiles = context().profiles
    for module, qualname in (("collections", "OrderedDict"), ("numpy", "ndarray")):
        profiles.vouches(module, qualname, "import")
    rules_digest()
    profiles_digest()


def judge(reading: Reading, *, sha256: str | None) -> Subject:
    """The subject that `reading` amounts to under today's rules and profiles."""
    return _judge(reading, sha256, context())


def _judge(reading: Reading, sha256: str | None, given: Context) -> Subject:
    findings: list[Finding] = []
    gaps = list(reading.coverage.gaps)
    for rule in rules_about(frozenset(map(type, reading.facts))):
        for judgement in judgements(rule.name, rule.check, reading, given) if rule.check else ():
            if isinstance(judgement, Gap):
                gaps.append(judgement)
            else:
                findings.append(judgement)
    members = tuple(_judge(member, None, given) for member in reading.members)
    findings.sort(key=lambda finding: (-finding.severity.rank, finding.rule))
    return Subject(
        path=reading.path,
        verdict=_verdict(findings, gaps, members),
        formats=reading.formats,
        sha256=sha256,
        size_bytes=reading.coverage.size_bytes,
        findings=tuple(findings),
        coverage=Coverage(
            size_bytes=reading.coverage.size_bytes,
            read_bytes=reading.coverage.read_bytes,
            passed_over_bytes=reading.coverage.passed_over_bytes,
            gaps=tuple(gaps),
        ),
        assumes=_described(reading.formats, "loaders"),
        blind_spots=_described(reading.formats, "blind_spots"),
        members=members,
    )


Judged = TypeVar("Judged")


def judgements(
    name: str, check: Callable[[Judged, Context], Iterator[Judgement]], judged: Judged, context: Context
) -> Iterator[Judgement]:
    """What a rule says; a bug in one rule is a gap, and hides nothing that another found."""
    try:
        yield from check(judged, context)
    except Exception as failure:
        if _strict:
            raise
        detail = f"the rule {name} failed: {type(failure).__name__}"
        yield Gap(start=0, end=0, because=Because.READER_FAILED, detail=detail)


#: tests and fuzzing want the traceback
_strict = False


def _verdict(findings: list[Finding], gaps: list[Gap], members: tuple[Subject, ...]) -> Verdict:
    if any(finding.severity.flags for finding in findings):
        return Verdict.FLAGGED
    own = Verdict.INCOMPLETE if gaps else Verdict.CLEAR
    return worst((own, *(member.verdict for member in members)))


@cache
def _described(names: tuple[str, ...], field: str) -> tuple[str, ...]:
    """What the formats say of themselves, each sentence once. A reading may be older than a format, or hostile."""
    sentences: dict[str, None] = {}
    known = offered("modelairlock.formats")
    for name in names:
        if name not in known:
            continue
        sentences.update(dict.fromkeys(said("modelairlock.formats", name, Format, field)))
    return tuple(sentences)
