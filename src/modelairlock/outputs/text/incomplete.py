"""The incomplete part of the report: gaps by reason, since one reason asks for one thing to do, however many files.

Names of code that nobody vouches for come first and compactly: they are what a reviewer has to look at. Whoever asks
for more gets every one of them, and the files it is in.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from modelairlock.outputs.text.flagged import remarks
from modelairlock.outputs.text.layout import Sheet
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.output import View
from modelairlock.records.scan import ScanRecord, Subject, Verdict
from modelairlock.records.text import shown, shown_path
from modelairlock.records.wording import counted, formats_of, inside, listed, size

_DETAILS = 6
_DETAILS_VERBOSE = 10_000
_PATHS = 4
_FIRST = (Because.UNVOUCHED, Because.READER_FAILED)


class _Seen(NamedTuple):
    """One gap, the file it is in and the member."""

    subject: Subject
    path: str
    gap: Gap


def incomplete(record: ScanRecord, sheet: Sheet, view: View) -> Iterator[str]:
    """What keeps each incomplete subject from being clear."""
    subjects = [subject for subject in record.subjects if subject.verdict is Verdict.INCOMPLETE]
    if not subjects:
        return
    if len(subjects) == 1:
        only = subjects[0]
        rest = f"{formats_of(only)}, {size(only.size_bytes)}"
        yield from sheet.title(Verdict.INCOMPLETE, shown_path(only.path, 200), rest)
        yield from remarks(only, sheet, view)
    else:
        yield from sheet.title(Verdict.INCOMPLETE, f"{len(subjects):,} files hold something nobody vouches for")
    reasons = _by_reason(subjects)
    for number, seen in enumerate(sorted(reasons, key=lambda alike: alike[0].gap.because not in _FIRST)):
        if number:
            yield ""
        yield from _reason(seen, sheet, view, len(subjects))
    yield ""


def _by_reason(subjects: list[Subject]) -> list[list[_Seen]]:
    """The gaps, those with one explanation together."""
    reasons: dict[tuple[Because, tuple[str, str]], list[_Seen]] = {}
    for subject in subjects:
        for part in subject.walk():
            for gap in part.coverage.gaps:
                reasons.setdefault((gap.because, gap.explanation), []).append(_Seen(subject, part.path, gap))
    return list(reasons.values())


def _reason(seen: list[_Seen], sheet: Sheet, view: View, files: int) -> Iterator[str]:
    because = seen[0].gap.because
    why, what = seen[0].gap.explanation
    yield from sheet.entry("gap", f"{because.value}: {why}", style="incomplete")
    most = _DETAILS_VERBOSE if view.verbose else _DETAILS
    details: dict[str, list[_Seen]] = {}
    for each in seen:
        detail = shown(each.gap.detail, 300)
        details.setdefault("" if detail.lower() == why.lower().removesuffix(".") else detail, []).append(each)
    if because is Because.UNVOUCHED:
        # How a name is used stands in brackets behind it; who has many names to review looks at these first.
        yield from _names(details, seen, sheet, view, files)
    else:
        ordered = sorted(details.items(), key=lambda item: -len(item[1]))
        for detail, group in islice(ordered, most):
            yield from sheet.entry("", _detail(detail, group, sheet, view, files))
        if len(details) > most:
            yield from sheet.entry("", f"and {counted(len(details) - most, 'gap')} more; --format json has them all")
    yield from sheet.entry("do", what)


def _names(details: dict[str, list[_Seen]], seen: list[_Seen], sheet: Sheet, view: View, files: int) -> Iterator[str]:
    """What a reviewer has to look at: the names alone, or each with how it is used and with the files it is in."""
    if not view.verbose:
        names = list(dict.fromkeys(detail.partition(" (")[0] for detail in details))
        most = _DETAILS * 2
        more = f"more (-v names {'them' if len(names) > most + 2 else 'it'})"
        yield from sheet.entry("names", listed(names, most, more), text_style="bold")
        if files > 1:
            yield from sheet.entry("in", _files(seen, sheet, view))
        return
    for number, (detail, group) in enumerate(details.items()):
        where = f" → {_files(group, sheet, view)}" if files > 1 else ""
        yield from sheet.entry("" if number else "names", detail + where)


def _detail(detail: str, group: list[_Seen], sheet: Sheet, view: View, files: int) -> str:
    if len(group) > 1 and files > 1:
        extent = "all of it" if all(map(_is_whole, group)) else "parts"
        return f"{detail or extent}, in {_files(group, sheet, view)}"
    where = _where(group[0], sheet, files)
    more = f" and {len(group) - 1:,} more" if len(group) > 1 else ""
    return f"{where}{more}: {detail}" if detail else where + more


def _is_whole(seen: _Seen) -> bool:
    """Whether the gap is all of its file."""
    return seen.path == seen.subject.path and (seen.gap.start, seen.gap.end) == (0, seen.subject.size_bytes)


def _where(seen: _Seen, sheet: Sheet, files: int) -> str:
    path, gap = seen.subject.path, seen.gap
    whole = _is_whole(seen)
    span = f"{seen.path}@{gap.start}..{gap.end}"
    # With one file in this part of the report its name stands in the title; with several it is what one looks for.
    if files > 1:
        return sheet.brief(path if whole else span, 160)
    place, numbers = inside(span, path)
    return "all of it" if whole else f"{place}, bytes {numbers}" if place else f"bytes {numbers}"


def _files(seen: list[_Seen], sheet: Sheet, view: View) -> str:
    paths = list(dict.fromkeys(each.subject.path for each in seen))
    names = listed([sheet.brief(path) for path in paths], len(paths) if view.verbose else _PATHS)
    return names if len(paths) == 1 else f"{counted(len(paths), 'file')}: {names}"
