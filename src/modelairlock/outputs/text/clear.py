"""The clear part of the report, and what CLEAR does not mean.

A hundred clear files are one line a format. What a CLEAR verdict assumes belongs to the format, not to the file, so
it is said once for each.
"""

from collections.abc import Iterator
from typing import NamedTuple

from modelairlock.outputs.text.flagged import remarks
from modelairlock.outputs.text.layout import Sheet, listing
from modelairlock.records.output import View
from modelairlock.records.scan import ScanRecord, Subject, Verdict
from modelairlock.records.text import shown
from modelairlock.records.wording import counted, formats_of, size

FEW = 5
_KINDS = 12
_MOST = 4


class _Kind(NamedTuple):
    """What subjects share that are clear for the same reasons."""

    formats: tuple[str, ...]
    assumes: tuple[str, ...]
    blind_spots: tuple[str, ...]


def clear(record: ScanRecord, sheet: Sheet, view: View) -> Iterator[str]:
    """Every clear subject, by name if they are few, else by format."""
    kinds: dict[_Kind, list[Subject]] = {}
    subjects = [subject for subject in record.subjects if subject.verdict is Verdict.CLEAR]
    for subject in subjects:
        kinds.setdefault(_kind(subject), []).append(subject)
    few = view.verbose or len(subjects) <= FEW
    if few and subjects:
        for kind, group in kinds.items():
            yield from _named(kind, group, sheet, view)
        yield ""
    elif subjects:
        total = sum(subject.size_bytes for subject in subjects)
        yield from sheet.title(Verdict.CLEAR, counted(len(subjects), "file"), size(total))
        yield from _counted(kinds, sheet, view)
        yield from _meaning(list(kinds), subjects, sheet, view)
        yield ""


def _kind(subject: Subject) -> _Kind:
    parts = list(subject.walk())
    # What opens a checkpoint opens its members too; only a container that no loader opens leaves that to its members.
    return _Kind(
        subject.formats,
        subject.assumes or tuple(dict.fromkeys(loader for part in parts for loader in part.assumes)),
        tuple(dict.fromkeys(spot for part in parts for spot in part.blind_spots)),
    )


def _named(kind: _Kind, group: list[Subject], sheet: Sheet, view: View) -> Iterator[str]:
    for subject in group:
        rest = f"{formats_of(subject)}, {size(subject.size_bytes)}"
        yield from sheet.title(Verdict.CLEAR, sheet.brief(subject.path, 200), rest)
        if view.verbose and subject.sha256:
            yield from sheet.entry("sha256", shown(subject.sha256))
        yield from remarks(subject, sheet, view)
    yield from _meaning([kind], group, sheet, view)


def _meaning(kinds: list[_Kind], group: list[Subject], sheet: Sheet, view: View) -> Iterator[str]:
    """What CLEAR rests on and what it leaves open."""
    loaders = list(dict.fromkeys(shown(loader, 120) for kind in kinds for loader in kind.assumes))
    passed = sum(subject.coverage.passed_over_bytes for subject in group)
    account = f"{size(passed)} passed over by design{_reasons(group, view)}" if passed else "every byte was read"
    yield from sheet.entry(
        *(("holds for", f"{listing(loaders, _MOST, view)}; {account}") if loaders else ("read", account))
    )
    spots = list(dict.fromkeys(shown(spot, 200) for kind in kinds for spot in kind.blind_spots))
    if spots:
        yield from sheet.entry(
            "not shown", listing([spot.removesuffix(".") for spot in spots], _MOST, view, comma="; "), text_style="dim"
        )


def _reasons(group: list[Subject], view: View) -> str:
    names = dict.fromkeys(name for each in group if each.coverage.passed_over_bytes for name in each.formats)
    reasons = [shown(view.passes_over[name], 160).removesuffix(".") for name in names if view.passes_over.get(name)]
    return f" ({listing(reasons, 2, view, comma='; ')})" if reasons else ""


def _counted(kinds: dict[_Kind, list[Subject]], sheet: Sheet, view: View) -> Iterator[str]:
    by_format: dict[str, list[Subject]] = {}
    for group in kinds.values():
        by_format.setdefault(formats_of(group[0]), []).extend(group)
    most = sorted(by_format.items(), key=lambda item: -len(item[1]))
    words = [f"{name} ×{len(group):,} ({size(sum(each.size_bytes for each in group))})" for name, group in most]
    yield from sheet.entry("formats", listing(words, _KINDS, view))
