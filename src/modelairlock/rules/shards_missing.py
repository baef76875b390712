"""An index and the files beside it do not name the same shards

## Why it matters

The index of a large model says in which file each tensor lies. If one of those files is not here, the model that will
be loaded is not the model that was scanned: somebody will fetch the rest, and nobody has looked at that. If there are
more files of the same series than the index names, loaders pass them by, and whoever lists the folder may not.

Neither says that anything is wrong, and neither flags.

## What to do

Fetch the whole model, run ``git lfs pull`` where a file is only a pointer, and scan it again.
"""

from collections.abc import Iterator

from modelairlock.records.facts import Reference
from modelairlock.records.finding import Severity
from modelairlock.records.regex import regex
from modelairlock.records.repository import Folder, FolderFile
from modelairlock.records.rule import Context, Judgement, Rule
from modelairlock.records.span import Span
from modelairlock.records.text import shown
from modelairlock.records.wording import counted, listed

_SERIES = regex(r"(.+)-\d{5}-of-(\d{5}(?:\.[\w.-]+)?)")
_MOST = 20


def _check_folder(folder: Folder, context: Context) -> Iterator[Judgement]:
    del context
    told = 0
    for file in folder.files:
        shards = [fact for fact in file.facts if isinstance(fact, Reference) and fact.kind == "shard"]
        if shards and told < _MOST:
            told += 1
            yield from _of_index(folder, file, shards)


def _of_index(folder: Folder, index: FolderFile, shards: list[Reference]) -> Iterator[Judgement]:
    found = {fact.target: folder.file(index.folder, fact.target) for fact in shards}
    gone = [fact for fact in shards if found[fact.target] is None]
    pointers = [fact for fact in shards if (one := found[fact.target]) and "lfs_pointer" in one.formats]
    for facts, what in ((gone, "are not among the files that were scanned"), (pointers, "are pointers of git-lfs")):
        if facts:
            names = listed([shown(fact.target, 80) for fact in facts], 3)
            message = (
                f"of {counted(len(shards), 'shard')} that {shown(index.path, 80)} names, {len(facts)} {what}: {names}"
            )
            yield RULE.finding(index, message, *facts)
    series = {match.groups() for fact in shards if (match := _SERIES.fullmatch(fact.target))}
    extra = [one for one in folder.beside(index.folder) if _belongs(one, series) and one.name not in found]
    if extra:
        names = listed([shown(one.name, 80) for one in extra], 3)
        message = f"{shown(index.path, 80)} does not name {names}, of the same series: loaders pass by what is in it"
        fact = Reference(span=Span(0, 0), kind="shard-unnamed", target=extra[0].name, count=len(extra))
        yield RULE.finding(index, message, fact, severity=Severity.INFO)


def _belongs(file: FolderFile, series: set[tuple[str, ...]]) -> bool:
    match = _SERIES.fullmatch(file.name)
    return bool(match) and match.groups() in series  # type: ignore[union-attr]  # looked at just now


RULE = Rule(
    name="shards-missing",
    summary="An index and the files beside it do not name the same shards.",
    check_folder=_check_folder,
    severity=Severity.LOW,
    help="Fetch the whole model (git lfs pull, where a file is only a pointer) and scan it again.",
    cwe=("CWE-353",),
)
