"""Writes the report for a tired person: the verdict first, then why, where, what loading would do, and what to do.

It goes to a terminal of any width, with colour if that is wanted, and plain to a pipe, where lines are left whole: what
a file is called may not choose where a line of a build's log begins. Nothing in it can be forged by a file's name or
content: every word from a file passes `records.text.shown`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from posixpath import commonprefix

from modelairlock.outputs.text.clear import FEW, clear
from modelairlock.outputs.text.flagged import flagged
from modelairlock.outputs.text.incomplete import incomplete
from modelairlock.outputs.text.layout import Sheet, listing
from modelairlock.records.isolation import Isolation, Level
from modelairlock.records.output import Output, View
from modelairlock.records.scan import Excluded, ScanRecord, Verdict
from modelairlock.records.text import shown, shown_path
from modelairlock.records.wording import counted, listed, repositories_in_words, settings_in_words, size

_LISTED = 5
_UNBROKEN = 1_000_000
#: longer lines are hard to read, however wide the window
_WIDEST = 120


def _render(record: ScanRecord, view: View) -> Iterator[str]:
    sheet = Sheet(min(view.width, _WIDEST) or _UNBROKEN, view.colour, breaks=view.width > 0, below=_below(record))
    for lines in (
        _headline(record, sheet, view),
        flagged(record, sheet, view),
        incomplete(record, sheet, view),
        clear(record, sheet, view),
        _left_out(record, sheet, view),
        _summary(record, sheet, view),
    ):
        for line in lines:
            yield line.rstrip() + "\n"


def _below(record: ScanRecord) -> str:
    """The longest folder that every subject lies in."""
    low = min((subject.path for subject in record.subjects), default="")
    high = max((subject.path for subject in record.subjects), default="")
    folder = commonprefix([low, high]).rpartition("/")[0]
    return f"{folder}/" if folder and len(record.subjects) > 1 else ""


def _headline(record: ScanRecord, sheet: Sheet, view: View) -> Iterator[str]:
    total = len(record.subjects)
    if total == 1 and not record.errors:
        return
    if record.verdict is Verdict.CLEAR and total > FEW and not view.verbose:
        # The part on clear files says the same.
        return
    count = sum(subject.verdict is record.verdict for subject in record.subjects)
    if not total:
        text = "nothing was scanned"
    elif not count:
        text = "no file is by itself, but files are that a loader opens together: read why before loading them"
    elif record.verdict is Verdict.FLAGGED:
        text = f"{count:,} of {counted(total, 'file')}: do not load {'it' if count == 1 else 'them'} before reading why"
    elif record.verdict is Verdict.INCOMPLETE:
        text = f"nothing flagged, but {count:,} of {counted(total, 'file')} cannot be vouched for"
    else:
        text = "the only file" if total == 1 else f"all {counted(total, 'file')}"
    where = f"in {shown_path(sheet.below, 200)}" if sheet.below else ""
    yield from sheet.title(record.verdict, text, where)
    yield ""


def _left_out(record: ScanRecord, sheet: Sheet, view: View) -> Iterator[str]:
    for error in record.errors:
        hint = f" ({shown(error.hint, 300)})" if error.hint else ""
        text = f"{sheet.brief(error.path, 200)}: {shown(error.message, 300)}{hint}"
        yield from sheet.entry("error", text, style="error")
    if record.excluded and view.verbose:
        for left in record.excluded:
            yield from sheet.entry("excluded", f"{sheet.brief(left.path, 200)}: {shown(left.reason, 200)}")
    elif record.excluded:
        yield from sheet.entry("excluded", _excluded(record.excluded, view))
    if view.verbose:
        for repository in record.repositories:
            says = f"{sheet.brief(repository.path, 200)}, as a repository: {repository.verdict.value}"
            files = f", {counted(repository.files, 'file')}" if repository.files else ""
            yield from sheet.entry("folder", says + files)
    for settings in record.settings:
        says = f"{shown_path(settings.path, 200)} {settings_in_words(settings)}"
        yield from sheet.entry("settings", says)
    if record.errors or record.excluded or record.settings or (view.verbose and record.repositories):
        yield ""


def _excluded(excluded: Sequence[Excluded], view: View) -> str:
    folders = sum(left.path.endswith("/") for left in excluded)
    kinds = [counted(count, noun) for count, noun in ((len(excluded) - folders, "file"), (folders, "folder")) if count]
    reasons = Counter(shown(left.reason, 80) for left in excluded)
    words = [reason + (f" ({count:,})" if len(reasons) > 1 else "") for reason, count in reasons.most_common()]
    return f"{' and '.join(kinds)}, not looked at: {listing(words, _LISTED, view)}"


def _summary(record: ScanRecord, sheet: Sheet, view: View) -> Iterator[str]:
    counts = Counter(subject.verdict for subject in record.subjects)
    total = size(sum(subject.size_bytes for subject in record.subjects))
    took = "" if view.seconds is None else f" in {view.seconds:.1f} s"
    verdicts = _by_verdict(counts)
    hashed = "" if record.hashed else " Digests were not computed."
    line = f"{counted(len(record.subjects), 'file')}, {total}{took}: {verdicts or 'no verdict'}."
    if record.repositories:
        found = Counter(repository.verdict for repository in record.repositories)
        line += f" {repositories_in_words(len(record.repositories))}: {_by_verdict(found)}."
    if not record.subjects:
        # Neither a count nor the wall says anything here, and the verdict stands at the top.
        yield from sheet.plain("Nothing was read, so nothing is vouched for.", "dim")
    elif record.rejudged:
        yield from sheet.plain(f"{line} {_then(record.tool.isolation)}", "dim")
    else:
        yield from sheet.plain(f"{line}{hashed} {_wall(record.tool.isolation)}", "dim")


def _by_verdict(counts: Counter[Verdict]) -> str:
    order = (Verdict.FLAGGED, Verdict.INCOMPLETE, Verdict.CLEAR)
    return ", ".join(f"{counts[verdict]:,} {verdict.value}" for verdict in order if counts[verdict])


def _then(isolation: Isolation) -> str:
    """Under which isolation facts were read that are judged again now. With none of them there is no level."""
    level = "" if isolation.level is Level.NONE else f" Isolation when it was read: {isolation.level.value} or better."
    return f"Judged again from the cache; no file was read.{level}"


def _wall(isolation: Isolation) -> str:
    if isolation.level in (Level.CONFINED, Level.STRICT):
        return f"Readers were {'strictly ' if isolation.level is Level.STRICT else ''}confined."
    missing = [
        shown(f"{layer.name} {layer.state}" + (f": {layer.reason}" if layer.reason else ""), 100)
        for layer in isolation.layers
        if layer.state != "enforced"
    ]
    which = f" ({listed(missing, 6)})" if missing else ""
    return f"Readers ran with {isolation.level.value} isolation{which}; --require confined refuses that."


OUTPUT = Output(
    name="text",
    summary="for a person: the verdict first, then why, where and what to do",
    media_type="text/plain; charset=utf-8",
    suffix=".txt",
    render=_render,
)
