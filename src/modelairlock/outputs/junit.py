"""Writes JUnit XML, which most CI systems show: a case a file or repository, FLAGGED fails, INCOMPLETE is an error.

There is no standard; this is the subset that Jenkins, GitLab and GitHub's report actions agree on. `shown` leaves no
character that XML 1.0 does not allow (section 2.2), so only markup has to be escaped here.
"""

from collections import Counter
from collections.abc import Iterator
from html import escape

from modelairlock.records.output import Output, View
from modelairlock.records.scan import Repository, ScanRecord, Subject, Verdict
from modelairlock.records.text import shown
from modelairlock.records.wording import counted, formats_of, settings_in_words

#: findings and gaps of one file; JSON has them all
_MOST = 50
_NAME_CHARACTERS = 500


def _render(record: ScanRecord, view: View) -> Iterator[str]:
    verdicts = Counter(subject.verdict for subject in record.subjects)
    verdicts.update(repository.verdict for repository in record.repositories)
    flagged, incomplete = verdicts[Verdict.FLAGGED], verdicts[Verdict.INCOMPLETE]
    tests = len(record.subjects) + len(record.repositories) + len(record.errors) + len(record.excluded)
    time = "" if view.seconds is None else f' time="{view.seconds:.3f}"'
    totals = (
        f'tests="{tests}" failures="{flagged}" errors="{incomplete + len(record.errors)}" '
        f'skipped="{len(record.excluded)}"{time}'
    )
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="airlock scan" {totals}>\n'
    yield f'  <testsuite name="airlock scan" {totals} timestamp="{_attribute(_local(record.started))}">\n'
    if record.settings:
        yield "    <properties>\n"
        for settings in record.settings:
            value = _attribute(f"{settings.path} {settings_in_words(settings)}")
            yield f'      <property name="settings" value="{value}"/>\n'
        yield "    </properties>\n"
    for subject in record.subjects:
        yield from _case(subject.path, formats_of(subject), _outcome(subject))
    for repository in record.repositories:
        yield from _case(repository.path, "repository", _together(repository))
    for error in record.errors:
        yield from _case(error.path, "source", _element("error", "operator", [error.message, error.hint]))
    for left in record.excluded:
        yield from _case(left.path, "excluded", f'<skipped message="{_attribute(left.reason)}"/>')
    yield "  </testsuite>\n</testsuites>\n"


def _case(path: str, kind: str, outcome: str) -> Iterator[str]:
    head = f'    <testcase classname="{_attribute(kind)}" name="{_attribute(path)}"'
    yield f"{head}>\n      {outcome}\n    </testcase>\n" if outcome else f"{head}/>\n"


def _outcome(subject: Subject) -> str:
    if subject.verdict is Verdict.FLAGGED:
        findings = ((f, part) for part in subject.walk() for f in part.findings)
        ordered = sorted(findings, key=lambda each: -each[0].severity.rank)
        lines = [f"{f.severity.value}: {f.message} [{f.rule} at {f.where}]" for f, _ in ordered]
        return _element("failure", "flagged", lines)
    if subject.verdict is Verdict.INCOMPLETE:
        gaps = [(gap, part.path) for part in subject.walk() for gap in part.coverage.gaps]
        lines = [
            f"{gap.because.value}: {gap.detail or gap.explanation[0]} [{path}@{gap.start}..{gap.end}]"
            for gap, path in gaps[:_MOST]
        ]
        return _element("error", "incomplete", lines, len(gaps))
    return ""


def _together(repository: Repository) -> str:
    """What the files of a repository amount to together; a case a file says what each has by itself."""
    if repository.verdict is Verdict.CLEAR:
        return ""
    lines = [f"{f.severity.value}: {f.message} [{f.rule} at {f.where}]" for f in repository.findings]
    lines += [f"{gap.because.value}: {gap.detail or gap.explanation[0]}" for gap in repository.gaps]
    verdict = repository.verdict.value
    lines = lines or [f"{verdict}, as the worst of its {counted(repository.files, 'file')}"]
    return _element("failure" if repository.verdict is Verdict.FLAGGED else "error", verdict, lines)


def _element(name: str, kind: str, lines: list[str], count: int = 0) -> str:
    kept = [escape(shown(line, 1000)) for line in lines[:_MOST] if line]
    if (more := max(count, len(lines)) - _MOST) > 0:
        kept.append(f"and {counted(more, 'line')} more; the JSON report has them all")
    first = _attribute(lines[0]) if lines else ""
    text = "\n".join(kept)
    return f'<{name} type="{kind}" message="{first}">{text}</{name}>'


def _attribute(text: str) -> str:
    return escape(shown(text, _NAME_CHARACTERS))


def _local(started: str) -> str:
    """The schema that most readers use knows no time zone here."""
    return started.removesuffix("Z").removesuffix("+00:00")


OUTPUT = Output(
    name="junit",
    summary="JUnit XML: a test case a file, for CI systems",
    media_type="application/xml",
    suffix=".xml",
    render=_render,
)
