"""The incomplete part of the report: gaps by reason, since one reason asks for one thing to do, however many files.

Names of code that nobody vouches for come first and compactly: they are what a reviewer has to look at. Whoever asks
for more gets every one of them, and the files it is in.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.outputs.text.flagged import remarks
from modelairlock.outputs.text.layout import Sheet, listing, more
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.output import View
from modelairlock.records.scan import ScanRecord, Subject, Verdict
from modelairlock.records.text import shown
from modelairlock.records.wording import counted, formats_of, inside, size

_DETAILS = 6
_DETAILS_VERBOSE = 10_000
_PATHS = 4
_FIRST = (Because.UNVOUCHED, Because.READER_FAILED)


class _Seen(NamedTuple):
    """One gap, the file it is in, and the file itself or the member of it that has the gap."""

    subject: Subject
    part: Subject
    gap: Gap


def incomplete(record: ScanRecord, sheet: Sheet, view: View) -> Iterator[str]:
    """What keeps each incomplete subject from being clear."""
    subjects = [subject for subject in record.subjects if subject.verdict is Verdict.INCOMPLETE]
    if not subjects:
        return
    if len(subjects) == 1:
        only = subjects[0]
        rest = f"{formats_of(only)}, {size(only.size_bytes)}"
        yield from sheet.title(Verdict.INCOMPLETE, sheet.brief(only.path, 200), rest)
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
                reasons.setdefault((gap.because, gap.explanation), []).append(_Seen(subject, part, gap))
    return list(reasons.values())


def _reason(seen: list[_Seen], sheet: Sheet, view: View, files: int) -> Iterator[str]:
    because = seen[0].gap.because
    why, what = seen[0].gap.explanation
    yield from sheet.entry("gap", f"{because.value}: {why}", style="incomplete")
    if because is Because.UNVOUCHED:
        # How a name is used stands in brackets behind it; who has many names to review looks at these first.
        yield from _names(seen, sheet, view, files)
    else:
        yield from _details(seen, why, sheet, view, files)
    yield from sheet.entry("do", what)


def _details(seen: list[_Seen], why: str, sheet: Sheet, view: View, files: int) -> Iterator[str]:
    """What exactly is wrong and where, what many files share first. Without a word on what, how much of the file."""
    details: dict[tuple[str, str], list[_Seen]] = {}
    for each in seen:
        detail = shown(each.gap.detail, 300)
        if detail.lower() == why.lower().removesuffix("."):
            detail = ""
        extent = "" if detail else "all of it" if _is_whole(each) else "a part of it"
        details.setdefault((detail, extent), []).append(each)
    most = _DETAILS_VERBOSE if view.verbose else _DETAILS
    ordered = sorted(details.items(), key=lambda item: -len(item[1]))
    for (detail, extent), group in ordered[:most]:
        yield from sheet.entry("", _detail(detail, extent, group, sheet, view, files))
    if len(details) > most:
        yield from sheet.entry("", more(len(details) - most, "gap", view))


def _names(seen: list[_Seen], sheet: Sheet, view: View, files: int) -> Iterator[str]:
    """What a reviewer has to look at: the names alone, or each with how it is used and with the files it is in."""
    details: dict[str, list[_Seen]] = {}
    for each in seen:
        details.setdefault(shown(each.gap.detail, 300), []).append(each)
    if not view.verbose:
        names = list(dict.fromkeys(map(_name, details)))
        yield from sheet.entry("names", listing(names, _DETAILS * 2, view), text_style="bold")
        if files > 1:
            yield from sheet.entry(
                "in", _in_files(seen, list(dict.fromkeys(_file(each, sheet) for each in seen)), view)
            )
        return
    for number, (detail, group) in enumerate(details.items()):
        where = f" → {_in_files(group, list(dict.fromkeys(_part(each, sheet) for each in group)), view)}"
        yield from sheet.entry("" if number else "names", detail + (where if files > 1 else ""))


def _name(detail: str) -> str:
    """The name alone, and what of it nobody vouches for where the name itself is known."""
    name, _, how = detail.partition(" (")
    return name + next((f" (its {what})" for what in ("arguments", "state") if f"{what} that nobody" in how), "")


def _detail(detail: str, extent: str, group: list[_Seen], sheet: Sheet, view: View, files: int) -> str:
    # With one file in this part of the report its name stands in the title; with several it is what one looks for.
    places = list(dict.fromkeys(_place(each, sheet) if files > 1 else _inside(each) for each in group))
    if files > 1 and len(places) > 1:
        return f"{detail or extent}, in {_in_files(group, places, view)}"
    where = listing(places, _PATHS, view)
    return f"{where}: {detail}" if detail else where


def _is_whole(seen: _Seen) -> bool:
    """Whether the gap is all of its file, or of its member."""
    return (seen.gap.start, seen.gap.end) == (0, seen.part.coverage.size_bytes)


def _file(seen: _Seen, sheet: Sheet) -> str:
    return sheet.brief(seen.subject.path)


def _part(seen: _Seen, sheet: Sheet) -> str:
    return sheet.brief(seen.part.path, 160)


def _place(seen: _Seen, sheet: Sheet) -> str:
    """The file, or the member, and which bytes of it unless it is all of them."""
    span = "" if _is_whole(seen) else f"@{seen.gap.start}..{seen.gap.end}"
    return sheet.brief(seen.part.path + span, 160)


def _inside(seen: _Seen) -> str:
    """Where in the file that stands in the title."""
    place, numbers = inside(f"{seen.part.path}@{seen.gap.start}..{seen.gap.end}", seen.subject.path)
    if _is_whole(seen):
        return place or "all of it"
    return f"{place}, bytes {numbers}" if place else f"bytes {numbers}"


def _in_files(seen: list[_Seen], places: list[str], view: View) -> str:
    """`places`, and how many files they are in if that is more than one."""
    names = listing(places, _PATHS, view)
    files = len({each.subject.path for each in seen})
    if len(places) == 1:
        return names
    count = counted(files, "file")
    return f"{count}: {names}" if files == len(places) else f"{len(places):,} places of {count}: {names}"
