"""The flagged part of the report: for each kind of trouble, what loading would do, where, why and what to do now.

Files with the very same findings are shown once, however many they are; what they are called is listed.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from modelairlock.outputs.text.layout import Sheet
from modelairlock.records.finding import Confidence, Finding
from modelairlock.records.output import View
from modelairlock.records.scan import Repository, ScanRecord, Subject, Verdict
from modelairlock.records.text import shown, shown_path
from modelairlock.records.wording import counted, fact_in_words, formats_of, inside, listed, repositories_in_words, size

_FINDINGS = 8
_FINDINGS_VERBOSE = 200
_GAPS_VERBOSE = 500
_ALIKE = 4
_PLACES = 3
_REPOSITORIES = 20

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
        yield from sheet.entry("", f"and {repositories_in_words(len(told) - most)} more; -v has them all")
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
    yield from sheet.title(Verdict.FLAGGED, shown_path(first.path, 200), rest)
    if view.verbose and first.sha256:
        yield from sheet.entry("sha256", shown(first.sha256))
    if len(subjects) > 1:
        others = [sheet.brief(subject.path) for subject in subjects[1:]]
        most = len(others) if view.verbose else _ALIKE
        yield from sheet.entry("", f"and the same in {counted(len(others), 'other file')}: {listed(others, most)}")
    yield from _several(_findings(first), first.path, sheet, view)
    yield from _gaps(first, sheet, view)


def _gaps(subject: Subject, sheet: Sheet, view: View) -> Iterator[str]:
    gaps = [(part, gap) for part in subject.walk() for gap in part.coverage.gaps]
    if not gaps:
        return
    yield from sheet.entry("also", f"{counted(len(gaps), 'gap')}: not all of this file could be read or vouched for")
    for part, gap in gaps[:_GAPS_VERBOSE] if view.verbose else ():
        place, span = inside(f"{part.path}@{gap.start}..{gap.end}", subject.path)
        where = f"{place}, bytes {span}" if place else f"bytes {span}"
        yield from sheet.entry("gap", f"{gap.because.value}: {shown(gap.detail, 300)}{' ' * bool(gap.detail)}({where})")
    if view.verbose and len(gaps) > _GAPS_VERBOSE:
        yield from sheet.entry("", f"and {counted(len(gaps) - _GAPS_VERBOSE, 'gap')} more; --format json has them all")


def _repository(repository: Repository, sheet: Sheet, view: View) -> Iterator[str]:
    yield from sheet.title(repository.verdict, shown_path(repository.path, 200), "these files together")
    yield from _several(repository.findings, repository.path, sheet, view)
    for gap in repository.gaps[: _GAPS_VERBOSE if view.verbose else _PLACES]:
        why, what = gap.explanation
        yield from sheet.entry("gap", f"{gap.because.value}: {shown(gap.detail or why, 400)}", style="incomplete")
        yield from sheet.entry("do", what)


def _several(findings: Iterable[Finding], path: str, sheet: Sheet, view: View) -> Iterator[str]:
    groups = _grouped(findings)
    most = _FINDINGS_VERBOSE if view.verbose else _FINDINGS
    helped: set[str] = set()
    for number, group in enumerate(islice(groups.values(), most)):
        if number:
            yield ""
        yield from _finding(group, path, sheet, view, helped)
    if len(groups) > most:
        yield from sheet.entry("", f"and {counted(len(groups) - most, 'finding')} more; --format json has them all")


def _finding(group: list[Finding], path: str, sheet: Sheet, view: View, helped: set[str]) -> Iterator[str]:
    finding = group[0]
    doubt = "" if finding.confidence is Confidence.HIGH else f" ({finding.confidence.value} confidence)"
    yield from sheet.entry(
        finding.severity.value, shown(finding.message, 600) + doubt, style=finding.severity.value, text_style="bold"
    )
    yield from sheet.entry("where", _where(group, path))
    seen = _seen(finding, view)
    if seen:
        yield from sheet.entry("seen", seen)
    yield from sheet.entry("why", _why(finding, view))
    if finding.help and finding.help not in helped:
        helped.add(finding.help)
        yield from sheet.entry("do", shown(finding.help, 400))


def _seen(finding: Finding, view: View) -> str:
    """The evidence in words, unless the message has said as much."""
    if view.verbose:
        return "; ".join(fact_in_words(fact) for fact in finding.evidence)
    words = fact_in_words(finding.evidence[0]) if finding.evidence else ""
    return "" if words.partition(" ")[2] in shown(finding.message) else words


def _where(group: list[Finding], path: str) -> str:
    places: dict[str, list[str]] = {}
    for finding in group:
        place, span = inside(finding.where, path)
        places.setdefault(place, []).append(span)
    words = [
        (f"{place}, " if place else "") + f"bytes {listed(spans, _PLACES, 'other places')}"
        for place, spans in places.items()
    ]
    return listed(words, _PLACES, "other members", "; ")


def _why(finding: Finding, view: View) -> str:
    summary = next((rule.summary for rule in view.rules if rule.name == finding.rule), "")
    ids = ", ".join((*finding.cwe, *finding.atlas))
    name = shown(finding.rule) + (f" ({shown(ids)})" if ids else "")
    return f"{name}: {summary}" if summary else name
