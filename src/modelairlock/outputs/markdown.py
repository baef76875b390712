"""Writes Markdown for a pull-request comment or a job summary.

Whatever came from a file stands in a code span: there, GitHub makes no link, no mention and no markup of it. The
report stops short of the 65,536 characters that a comment may have, and says so.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

from modelairlock.records.coverage import Because, Gap
from modelairlock.records.finding import Confidence, Finding
from modelairlock.records.output import Output, View
from modelairlock.records.scan import ScanRecord, Subject, Verdict
from modelairlock.records.text import shown, shown_path
from modelairlock.records.wording import (
    counted,
    formats_of,
    inside,
    listed,
    repositories_in_words,
    settings_in_words,
    size,
)

_MOST_CHARACTERS = 60_000
#: a comment has no -v
_NAMES = "`--format json` names them"
_ALL = "`--format json` has them all"
_MOST_FILES = 20
_MOST_FINDINGS = 5
_MOST_DETAILS = 8


def code(text: str, limit: int = 300) -> str:
    """`text` as a code span that nothing in it can end (CommonMark section 6.1), also in a table (GFM section 4.10)."""
    plain = shown(text, limit).replace("|", "\\|")
    fence = "`"
    while fence in plain:
        fence += "`"
    pad = " " if plain[:1] in ("`", " ", "") or plain[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def prose(text: str) -> str:
    """Our own words, with what Markdown would obey escaped all the same."""
    return "".join("\\" + character if character in "\\`*_{}[]<>#|~@" else character for character in shown(text, 600))


def _render(record: ScanRecord, view: View) -> Iterator[str]:
    left = _MOST_CHARACTERS
    for block in _blocks(record, view):
        left -= len(block)
        if left < 0:
            yield "\n_The report is longer than a comment may be; the rest is left out. `--format json` has it all._\n"
            return
        yield block


def _blocks(record: ScanRecord, view: View) -> Iterator[str]:
    yield from _head(record, view)
    yield from _flagged(record)
    yield from _incomplete(record)
    yield from _repositories(record)
    yield from _clear(record)
    if record.errors:
        yield "\n### Not scanned\n\n"
        for error in record.errors:
            hint = f" ({prose(error.hint)})" if error.hint else ""
            yield f"- {code(error.path)}: {prose(error.message)}{hint}\n"
    if record.excluded:
        yield f"\n{counted(len(record.excluded), 'file')} excluded and not looked at ({_NAMES}).\n"
    for settings in record.settings:
        yield f"\nSettings: {code(shown_path(settings.path, 200))} {prose(settings_in_words(settings))}.\n"
    yield from _foot(record)


def _foot(record: ScanRecord) -> Iterator[str]:
    isolation = record.tool.isolation
    if record.rejudged:
        tool = f"{prose(record.tool.name)} {prose(record.tool.version)}"
        yield f"\n<sub>{tool}, judged again from the cache; no file was read</sub>\n"
        return
    missing = ", ".join(layer.name for layer in isolation.layers if layer.state != "enforced")
    yield f"\n<sub>{prose(record.tool.name)} {prose(record.tool.version)}, isolation: {isolation.level.value}"
    yield f" (without {prose(missing)})</sub>\n" if missing else "</sub>\n"


def _head(record: ScanRecord, view: View) -> Iterator[str]:
    counts = Counter(subject.verdict for subject in record.subjects)
    sizes = Counter[Verdict]()
    for subject in record.subjects:
        sizes[subject.verdict] += subject.size_bytes
    took = "" if view.seconds is None else f" in {view.seconds:.1f} s"
    yield f"## airlock: {record.verdict.value.upper()}\n\n"
    yield f"{counted(len(record.subjects), 'file')} scanned{took}.\n\n"
    yield "| verdict | files | bytes |\n| --- | ---: | ---: |\n"
    for verdict in (Verdict.FLAGGED, Verdict.INCOMPLETE, Verdict.CLEAR):
        if counts[verdict]:
            yield f"| {verdict.value.upper()} | {counts[verdict]:,} | {size(sizes[verdict])} |\n"


def _flagged(record: ScanRecord) -> Iterator[str]:
    alike: dict[tuple[tuple[str, str], ...], list[Subject]] = {}
    for subject in record.subjects:
        if subject.verdict is Verdict.FLAGGED:
            alike.setdefault(tuple((f.rule, f.message) for f in _of(subject)), []).append(subject)
    groups = sorted(alike.values(), key=lambda group: -_of(group[0])[0].severity.rank if _of(group[0]) else 0)
    for first, *others in groups[:_MOST_FILES]:
        yield f"\n### FLAGGED {code(shown_path(first.path, 200))}\n\n{prose(formats_of(first))}, "
        yield f"{size(first.size_bytes)}\n\n"
        if others:
            names = listed([code(shown_path(each.path, 100)) for each in others], _MOST_DETAILS, f"more ({_ALL})")
            yield f"And the same in {counted(len(others), 'other file')}: {names}\n\n"
        yield from _findings(_of(first), first.path)
    if len(groups) > _MOST_FILES:
        left = sum(len(group) for group in groups[_MOST_FILES:])
        yield f"\n… and {counted(left, 'flagged file')} more ({_ALL}).\n"
    told = [repository for repository in record.repositories if repository.findings]
    for repository in sorted(told, key=lambda one: -one.findings[0].severity.rank)[:_MOST_FILES]:
        yield f"\n### {repository.verdict.value.upper()} {code(repository.path)}\n\nThese files together:\n\n"
        yield from _findings(list(repository.findings), repository.path)
    if len(told) > _MOST_FILES:
        yield f"\n… and {repositories_in_words(len(told) - _MOST_FILES)} more with findings ({_ALL}).\n"


def _repositories(record: ScanRecord) -> Iterator[str]:
    """Every repository by its verdict: what each of its files has by itself stands with the file."""
    worst_first = sorted(record.repositories, key=lambda one: ("flagged", "incomplete", "clear").index(one.verdict))
    if worst_first:
        yield f"\n{repositories_in_words(len(worst_first))}, never better than the worst file:\n\n"
    for repository in worst_first[:_MOST_FILES]:
        yield f"- {repository.verdict.value.upper()} {code(shown_path(repository.path, 200))}"
        yield f", {counted(repository.files, 'file')}\n" if repository.files else "\n"
        for gap in repository.gaps[:_MOST_DETAILS]:
            yield f"  - **{gap.because.value}**: {code(gap.detail)}\n"
        if len(repository.gaps) > _MOST_DETAILS:
            yield f"  - and {counted(len(repository.gaps) - _MOST_DETAILS, 'gap')} more ({_ALL})\n"
    if len(worst_first) > _MOST_FILES:
        yield f"- and {repositories_in_words(len(worst_first) - _MOST_FILES)} more ({_ALL})\n"


def _of(subject: Subject) -> list[Finding]:
    findings = (finding for part in subject.walk() for finding in part.findings)
    return sorted(findings, key=lambda finding: -finding.severity.rank)


def _findings(findings: list[Finding], path: str) -> Iterator[str]:
    """What is found, each once with all its places, and what to do about it, once for as long as it is the same."""
    alike: dict[tuple[str, str, str, str], list[Finding]] = {}
    for finding in findings:
        key = (finding.rule, finding.severity.value, finding.confidence.value, finding.message)
        alike.setdefault(key, []).append(finding)
    helped: set[str] = set()
    for first, *others in islice(alike.values(), _MOST_FINDINGS):
        doubt = "" if first.confidence is Confidence.HIGH else f" ({first.confidence.value} confidence)"
        ids = ", ".join(prose(each) for each in (*first.cwe, *first.atlas))
        places = [_place(finding.where, path) for finding in (first, *others)]
        yield f"- **{first.severity.value}**{doubt}: {code(first.message, 600)}\n"
        yield f"  - where: {listed(places, _MOST_DETAILS, f'more ({_ALL})', '; ')}\n"
        yield f"  - why: {code(first.rule)}{f' ({ids})' if ids else ''}\n"
        if first.help and first.help not in helped:
            helped.add(first.help)
            yield f"  - do: {prose(first.help)}\n"
    if len(alike) > _MOST_FINDINGS:
        yield f"- and {counted(len(alike) - _MOST_FINDINGS, 'finding')} more ({_ALL})\n"


def _place(where: str, path: str) -> str:
    place, span = inside(where, path)
    return f"{code(place) + ', ' if place else ''}bytes {prose(span)}"


def _incomplete(record: ScanRecord) -> Iterator[str]:
    reasons: dict[tuple[Because, tuple[str, str]], list[tuple[str, Gap]]] = {}
    for subject in record.subjects:
        if subject.verdict is Verdict.INCOMPLETE:
            for part in subject.walk():
                for gap in part.coverage.gaps:
                    reasons.setdefault((gap.because, gap.explanation), []).append((part.path, gap))
    if reasons:
        yield "\n### INCOMPLETE\n\n"
    for (because, (why, what)), gaps in reasons.items():
        yield f"- **{because.value}**: {prose(why)} {prose(what)}\n"
        for path, gap in islice(gaps, _MOST_DETAILS):
            detail = f": {code(gap.detail)}" if gap.detail else ""
            yield f"  - {code(shown_path(path, 160))}, bytes {gap.start}..{gap.end}{detail}\n"
        if len(gaps) > _MOST_DETAILS:
            yield f"  - and {counted(len(gaps) - _MOST_DETAILS, 'gap')} more ({_ALL})\n"


def _clear(record: ScanRecord) -> Iterator[str]:
    subjects = [subject for subject in record.subjects if subject.verdict is Verdict.CLEAR]
    if not subjects:
        return
    yield f"\n<details><summary>CLEAR: {counted(len(subjects), 'file')}, and what that does not mean</summary>\n\n"
    yield from _assumed("Holds when opened by", [loader for subject in subjects for loader in subject.assumes])
    yield from _assumed("Reading does not show", [spot for subject in subjects for spot in subject.blind_spots])
    passed = sum(subject.coverage.passed_over_bytes for subject in subjects)
    yield f"- Passed over by design: {size(passed)}\n\n"
    for subject in subjects[:_MOST_FILES]:
        yield f"- {code(shown_path(subject.path, 200))}: {prose(formats_of(subject))}, {size(subject.size_bytes)}\n"
    if len(subjects) > _MOST_FILES:
        yield f"- and {counted(len(subjects) - _MOST_FILES, 'file')} more ({_ALL})\n"
    yield "\n</details>\n"


def _assumed(title: str, items: list[str]) -> Iterator[str]:
    unique = list(dict.fromkeys(items))
    if unique:
        yield f"- {title}: {listed([code(each) for each in unique], _MOST_DETAILS, f'more ({_ALL})', '; ')}\n"


OUTPUT = Output(
    name="markdown",
    summary="for a pull-request comment or a job summary",
    media_type="text/markdown; charset=utf-8",
    suffix=".md",
    render=_render,
)
