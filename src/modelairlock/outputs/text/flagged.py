"""The flagged part of the report: for each kind of trouble, what loading would do, where, why and what to do now.

Files with the very same findings are shown once, however many they are; what they are called is listed.
"""

from collections.abc import Iterable, Iterator

from modelairlock.outputs.text.layout import Sheet, listing, more
from modelairlock.records.facts import Call, Import, SourceUse
from modelairlock.records.finding import Confidence, Finding
from modelairlock.records.output import View
from modelairlock.records.regex import regex
from modelairlock.records.scan import Repository, ScanRecord, Subject, Verdict
from modelairlock.records.text import shown
from modelairlock.records.wording import counted, fact_in_words, formats_of, inside, repositories_in_words, size

_FINDINGS = 8
_FINDINGS_VERBOSE = 200
_GAPS_VERBOSE = 500
_ALIKE = 4
_PLACES = 3
_REPOSITORIES = 20
#: kinds of facts that count how often they were seen; of others, `count` is what a file asks for
_AGAIN = (Call, Import, SourceUse)
_TIMES = regex(r" \([\d,]+ times\)$")
#: what kind of fact it is
_KIND = regex(r"^(?:[\w-]+:|names the \S+|has a template with the \S+|[\w-]+link|[\w-]+ hides imports of) | as [\w-]+$")
_WORDS = regex(r"[^\s'\"(),…]+")
#: words of the clauses in `records.wording` which by themselves tell nothing
_PLAIN = frozenset(
    (
        "a", "and", "as", "at", "attribute", "bytecode", "call", "calls", "carries", "has", "hides", "holds",
        "imported", "imports", "into", "is", "it", "items", "named", "names", "of", "once", "operator", "over", "puts",
        "python", "refers", "sets", "state", "tensor", "that", "the", "to", "uses", "when", "with",
    )
)  # fmt: skip

#: what makes two findings the same to a person: all but where they are
_Key = tuple[str, str, str, str]


def flagged(record: ScanRecord, sheet: Sheet, view: View) -> Iterator[str]:
    """Every flagged subject, the ones that are alike together, the worst first."""
    alike: dict[tuple[_Key, ...], list[Subject]] = {}
    for subject in record.subjects:
        if subject.verdict is Verdict.FLAGGED:
            alike.setdefault(tuple(_grouped(_findings(subject))), []).append(subject)
    for subjects in sorted(alike.values(), key=lambda group: -_worst(group[0])):
        yield from _block(subjects, sheet, view)
        yield ""
    told = [one for one in record.repositories if one.findings or one.gaps]
    told.sort(key=lambda one: -one.findings[0].severity.rank if one.findings else 1)
    most = len(told) if view.verbose else _REPOSITORIES
    for repository in told[:most]:
        yield from _repository(repository, sheet, view)
        yield ""
    if len(told) > most:
        yield from sheet.entry("", f"and {repositories_in_words(len(told) - most)} more with -v")
        yield ""


def remarks(subject: Subject, sheet: Sheet, view: View) -> Iterator[str]:
    """The findings of a subject that is not flagged: too slight to flag it, yet worth saying."""
    yield from _several(_findings(subject), subject.path, sheet, view)


def _findings(subject: Subject) -> Iterator[Finding]:
    return (finding for part in subject.walk() for finding in part.findings)


def _key(finding: Finding) -> _Key:
    return finding.rule, finding.severity.value, finding.confidence.value, finding.message


def _grouped(findings: Iterable[Finding]) -> dict[_Key, list[Finding]]:
    groups: dict[_Key, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_key(finding), []).append(finding)
    return dict(sorted(groups.items(), key=lambda item: -item[1][0].severity.rank))


def _worst(subject: Subject) -> int:
    return max((finding.severity.rank for finding in _findings(subject)), default=0)


def _block(subjects: list[Subject], sheet: Sheet, view: View) -> Iterator[str]:
    first = subjects[0]
    rest = f"{formats_of(first)}, {size(first.size_bytes)}"
    yield from sheet.title(Verdict.FLAGGED, sheet.brief(first.path, 200), rest)
    if view.verbose and first.sha256:
        yield from sheet.entry("sha256", shown(first.sha256))
    if len(subjects) > 1:
        others = [sheet.brief(subject.path) for subject in subjects[1:]]
        alike = listing(others, _ALIKE, view)
        yield from sheet.entry("", f"and the same in {counted(len(others), 'other file')}: {alike}")
    yield from _several(_findings(first), first.path, sheet, view)
    yield from _gaps(first, sheet, view)


def _gaps(subject: Subject, sheet: Sheet, view: View) -> Iterator[str]:
    gaps = [(part, gap) for part in subject.walk() for gap in part.coverage.gaps]
    if not gaps:
        return
    hint = "" if view.verbose else " (-v says where)"
    yield from sheet.entry(
        "also", f"{counted(len(gaps), 'gap')}: not all of this file could be read or vouched for{hint}"
    )
    for part, gap in gaps[:_GAPS_VERBOSE] if view.verbose else ():
        place, span = inside(f"{part.path}@{gap.start}..{gap.end}", subject.path)
        where = f"{place}, bytes {span}" if place else f"bytes {span}"
        yield from sheet.entry("gap", f"{gap.because.value}: {shown(gap.detail, 300)}{' ' * bool(gap.detail)}({where})")
    if view.verbose and len(gaps) > _GAPS_VERBOSE:
        yield from sheet.entry("", more(len(gaps) - _GAPS_VERBOSE, "gap", view))


def _repository(repository: Repository, sheet: Sheet, view: View) -> Iterator[str]:
    yield from sheet.title(repository.verdict, sheet.brief(repository.path, 200), "these files together")
    yield from _several(repository.findings, repository.path, sheet, view)
    most = _GAPS_VERBOSE if view.verbose else _PLACES
    for gap in repository.gaps[:most]:
        why, what = gap.explanation
        yield from sheet.entry("gap", f"{gap.because.value}: {shown(gap.detail or why, 400)}", style="incomplete")
        yield from sheet.entry("do", what)
    if len(repository.gaps) > most:
        yield from sheet.entry("", more(len(repository.gaps) - most, "gap", view))


def _several(findings: Iterable[Finding], path: str, sheet: Sheet, view: View) -> Iterator[str]:
    groups = _grouped(findings)
    most = _FINDINGS_VERBOSE if view.verbose else _FINDINGS
    told: set[str] = set()
    for number, run in enumerate(_runs(list(groups.values())[:most], view)):
        if number:
            yield ""
        for group in run:
            yield from _finding(group, path, sheet, view)
        yield from _reason([group[0] for group in run], sheet, view, told)
    if len(groups) > most:
        yield from sheet.entry("", more(len(groups) - most, "finding", view))


def _runs(groups: list[list[Finding]], view: View) -> list[list[list[Finding]]]:
    """Findings of one rule and one severity, so that why it matters is said below all of them, and once.

    Whoever wants it all reads it below each: the weaknesses that are named differ.
    """
    runs: dict[tuple[str, str, str], list[list[Finding]]] = {}
    for group in groups:
        first = group[0]
        runs.setdefault((first.severity.value, first.rule, first.message if view.verbose else ""), []).append(group)
    return list(runs.values())


def _finding(group: list[Finding], path: str, sheet: Sheet, view: View) -> Iterator[str]:
    finding = group[0]
    doubt = "" if finding.confidence is Confidence.HIGH else f" ({finding.confidence.value} confidence)"
    yield from sheet.entry(
        finding.severity.value, shown(finding.message, 600) + doubt, style=finding.severity.value, text_style="bold"
    )
    yield from sheet.entry("where", _where(group, path, view))
    seen = _seen(finding, view)
    if seen:
        yield from sheet.entry("seen", seen)


def _reason(findings: list[Finding], sheet: Sheet, view: View, told: set[str]) -> Iterator[str]:
    """Why the findings of one rule matter, and what to do; neither is said twice of one file."""
    first = findings[0]
    ids = dict.fromkeys(each for finding in findings for each in finding.cwe)
    ids |= dict.fromkeys(each for finding in findings for each in finding.atlas)
    name = shown(first.rule) + (f" ({shown(', '.join(ids))})" if ids else "")
    summary = next((rule.summary for rule in view.rules if rule.name == first.rule), "")
    new = summary and summary not in told
    yield from sheet.entry("why", f"{name}: {summary}" if new else name)
    helps = dict.fromkeys(finding.help for finding in findings)
    for text in helps:
        if text and text not in told:
            yield from sheet.entry("do", shown(text, 400))
    told.update((summary, *helps))


def _seen(finding: Finding, view: View) -> str:
    """The evidence in words, as far as the message has not said as much."""
    message = shown(finding.message)
    if view.verbose:
        return "; ".join(each for each in map(fact_in_words, finding.evidence) if each.partition(" ")[2] not in message)
    words = fact_in_words(finding.evidence[0]) if finding.evidence else ""
    # How often stands with where.
    parts = _WORDS.findall(_KIND.sub("", _TIMES.sub("", words)))
    told = (part in message or part.lower() in _PLAIN for part in parts)
    return "" if all(told) else words


def _where(group: list[Finding], path: str, view: View) -> str:
    places: dict[str, list[str]] = {}
    for finding in group:
        place, span = inside(finding.where, path)
        # Of what is seen again and again, only the first place is known.
        times = max((fact.count for fact in finding.evidence[:1] if isinstance(fact, _AGAIN)), default=1)
        places.setdefault(place, []).append(span + (f" (the first of {times:,} times)" if times > 1 else ""))
    words = [
        (f"{place}, " if place else "") + f"bytes {listing(spans, _PLACES, view, 'other places')}"
        for place, spans in places.items()
    ]
    return listing(words, _PLACES, view, "other members", "; ")
