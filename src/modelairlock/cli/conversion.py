"""A conversion in words, for a person at a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any

from modelairlock.records.text import counted, shown

#: of each list, unless all is asked for
_SOME = 10
_FLAGGED_HINT = (
    "To have its tensors all the same, without anything that it would run, use --strip;\n"
    "airlock scan says what loading it would do."
)


def in_words(told: Any, verbose: bool) -> str:
    """The report as text."""
    return "\n".join(_lines(told, verbose)) + "\n"


def _lines(told: Any, verbose: bool) -> Iterator[str]:
    path = shown(told.path)
    if told.output is None:
        word = "REFUSED" if told.outcome == "refused" else "NOT CONVERTED"
        yield f"{word}  {path}: {told.reason}"
        if told.outcome == "refused":
            rules = sorted({finding.rule for finding in told.findings})
            yield f"  {counted(len(told.findings), 'finding')}: {', '.join(rules)}"
            yield from (f"  {line}" for line in _FLAGGED_HINT.splitlines())
        yield "  Nothing was written."
        if told.hint:
            yield f"  {told.hint}"
        yield from _tried(told, verbose)
        yield from _left("Not carried over", told.lost, told.more_lost, verbose)
        return
    word = "CONVERTED" if told.outcome == "converted" else "CONVERTED IN PART"
    how = "without loading it" if told.how == "read" else f"by loading it in the jail ({told.jail.level})"
    yield f"{word}  {path} ({told.format}, {told.verdict.value.upper()}), {how}"
    what = f"{counted(len(told.tensors), 'tensor')}, " if told.tensors else ""
    yield f"  {shown(told.output.path)}: {what}{_size(told.output.size_bytes)}"
    if told.plain:
        yield f"  {shown(told.plain.path)}: what is plain data and no tensor, {_size(told.plain.size_bytes)}"
    if told.shared:
        count = sum(len(keys) for keys in told.shared)
        yield f"  {counted(count, 'tensor')} shared storage with others; each has its own now"
    yield from _left("Not carried over, and should have been", told.lost, told.more_lost, verbose)
    if told.hint:
        yield f"  {told.hint}"
    yield from _left("Left behind, neither tensors nor plain data", told.dropped, told.more_dropped, verbose)
    yield from _tried(told, verbose)


def _tried(told: Any, verbose: bool) -> Iterator[str]:
    """What was attempted while it was loaded."""
    if told.attempts:
        yield "Tried while it was loaded, and refused:"
        kept = told.attempts if verbose else told.attempts[:_SOME]
        yield from (f"  {shown(' '.join((one.syscall, *one.arguments)))}" for one in kept)
        if len(told.attempts) > len(kept):
            yield f"  and {len(told.attempts) - len(kept):,} more; --verbose or --format json names them"


def _left(title: str, notes: Sequence[Any], more: int, verbose: bool) -> Iterator[str]:
    if not notes:
        return
    yield f"{title}:"
    kept = notes if verbose else notes[:_SOME]
    for one in kept:
        yield f"  {one.where or '(the whole)'}: {one.what}: {one.why}"
    rest = len(notes) - len(kept) + more
    if rest:
        yield f"  and {rest:,} more" + ("" if verbose else "; --verbose or --format json names them")


def _size(count: int) -> str:
    from modelairlock.records.wording import size

    return size(count)
