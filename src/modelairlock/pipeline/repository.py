"""Finds the repositories among the files of a scan, and has the rules judge each as a whole.

A repository is the outermost folder that directly holds a file which loaders begin with (`MARKS`); all below belongs to
it. In a Hugging Face cache it is one revision, whose files are links: what another entry stands for counts here too.

What a newcomer would get wrong: files are judged long before anybody knows where a repository begins. So of each file
the few facts that rules about repositories look at are noted as it passes (`Notes`), in bounded room, and what finds no
room is a gap of its repository. Loose files and folders without a mark make no repository.
"""

import re
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from posixpath import basename, dirname
from typing import NamedTuple

from modelairlock.pipeline.judge import context, folder_rules, judgements
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Fact, SourceUse
from modelairlock.records.finding import Finding
from modelairlock.records.reading import Reading
from modelairlock.records.repository import KEPT, Folder, FolderFile
from modelairlock.records.scan import Excluded, Repository, Subject, Verdict, worst
from modelairlock.records.source_uses import worth_telling

#: what loaders of whole folders open first
MARKS = frozenset(
    (
        "config.json", "model_index.json", "modular_model_index.json", "modules.json", "adapter_config.json",
        "tokenizer_config.json", "generation_config.json", "saved_model.pb",
    )
)  # fmt: skip
_INDEX = re.compile(r".+\.index(?:\.[\w-]+)?\.json")
_REVISION = re.compile(r"((?:.*/)?(?:models|datasets|spaces)--[^/]+/snapshots/[^/]+)/", re.DOTALL)
#: facts noted of one file, and of all files of a scan; each takes about as much room as one record of `pipeline.keep`
FILE_FACTS = 1_000
SCAN_FACTS = 200_000
_HERE = "."
#: files of one repository whose facts found no room, and links, that are told one by one
_TOLD = 5


class Notes:
    """The facts that rules about repositories look at, by the path of the file. Safe for threads."""

    def __init__(self, facts: int = SCAN_FACTS) -> None:
        self._left = facts
        self._lock = threading.Lock()
        self._facts: dict[str, tuple[Fact, ...]] = {}
        self._cut: set[str] = set()

    def add(self, reading: Reading) -> None:
        """Note what is of use of a file. Facts of its members stay where they are: loaders of folders see files."""
        facts = tuple(fact for fact in reading.facts if isinstance(fact, KEPT) and _of_use(fact))
        if not facts:
            return
        with self._lock:
            room = min(len(facts), FILE_FACTS, self._left)
            self._left -= room
            if room:
                self._facts[reading.path] = facts[:room]
            if room < len(facts):
                self._cut.add(reading.path)

    def of(self, path: str) -> tuple[Fact, ...]:
        """What was noted of the file at `path`."""
        return self._facts.get(path, ())

    def cut(self, path: str) -> bool:
        """Whether there was more to note of it than there is room for."""
        return path in self._cut


def _of_use(fact: Fact) -> bool:
    """Of source: which files of its own folder it imports, and what it calls that is worth telling."""
    return not isinstance(fact, SourceUse) or (fact.name.startswith(".") or worth_telling(fact))


class _Entry(NamedTuple):
    """A file under one of its names."""

    path: str
    subject: Subject


def repositories(
    subjects: Sequence[Subject], excluded: Iterable[Excluded], notes: Notes, loose: Collection[str] = ()
) -> tuple[Repository, ...]:
    """The repositories that the files of a scan make up. `loose` are files that the operator named one by one."""
    entries, links = _entries((one for one in subjects if one.path not in loose), excluded)
    return _judged(entries, links, _Roots({_root_of(one.path) for one in entries if _marks(one.path)}), notes)


def same_repositories(
    subjects: Sequence[Subject], excluded: Iterable[Excluded], notes: Notes, before: Iterable[Repository]
) -> tuple[Repository, ...]:
    """The repositories that an earlier report named, of its files as they are judged now."""
    entries, links = _entries(subjects, excluded)
    return _judged(entries, links, _Roots({"" if one.path == _HERE else one.path for one in before}), notes)


def _entries(subjects: Iterable[Subject], excluded: Iterable[Excluded]) -> tuple[list[_Entry], list[Excluded]]:
    """Every file under every name it goes by; and the links to folders."""
    entries = [_Entry(subject.path, subject) for subject in subjects]
    named = [left for left in excluded if left.same_as]
    if named:
        by_path = {entry.path: entry.subject for entry in entries}
        entries += [_Entry(left.path, by_path[left.same_as]) for left in named if left.same_as in by_path]
    return entries, [left for left in named if left.same_as.endswith("/")]


def _marks(path: str) -> bool:
    name = basename(path)
    return name in MARKS or (name.endswith(".json") and bool(_INDEX.fullmatch(name)))


def _root_of(path: str) -> str:
    """The folder that a file with the name of a mark makes a repository of."""
    revision = _REVISION.match(path)
    return revision[1] if revision else dirname(path)


class _Roots:
    """To which repository a folder belongs. Only folders with files are remembered, and not all that are above them."""

    def __init__(self, marked: set[str]) -> None:
        self.marked = marked
        self.known: dict[str, str | None] = {}

    def of(self, folder: str) -> str | None:
        """The outermost folder with a mark that `folder` is, or lies in."""
        if (revision := _REVISION.match(f"{folder}/")) and revision[1] in self.marked:
            return revision[1]
        if folder in self.known:
            return self.known[folder]
        found, step = None, folder
        while True:
            found = step if step in self.marked else found
            if step in ("", "/"):
                break
            step = dirname(step)
        self.known[folder] = found
        return found


def _judged(entries: list[_Entry], links: list[Excluded], roots: _Roots, notes: Notes) -> tuple[Repository, ...]:
    if not roots.marked:
        return ()
    together: dict[str, list[_Entry]] = {}
    for entry in entries:
        root = roots.of(dirname(entry.path))
        if root is not None:
            together.setdefault(root, []).append(entry)
    leading: dict[str, list[Excluded]] = {}
    for link in links:
        root = roots.of(dirname(link.path))
        if root is not None and roots.of(link.same_as.rstrip("/")) != root:
            leading.setdefault(root, []).append(link)
    return tuple(_repository(root, members, leading.get(root, []), notes) for root, members in sorted(together.items()))


def _repository(root: str, entries: list[_Entry], links: list[Excluded], notes: Notes) -> Repository:
    start = len(root) + (0 if root in ("", "/") else 1)
    files = tuple(
        FolderFile(
            path=entry.path[start:],
            place=entry.subject.path,
            size_bytes=entry.subject.size_bytes,
            formats=entry.subject.formats,
            verdict=entry.subject.verdict,
            facts=notes.of(entry.subject.path),
        )
        for entry in entries
    )
    folder = Folder(root or _HERE, files)
    findings: list[Finding] = []
    gaps = [*_gaps(entries, links, notes)]
    for rule in folder_rules():
        if rule.check_folder is not None:
            for judgement in judgements(rule.name, rule.check_folder, folder, context()):
                (findings if isinstance(judgement, Finding) else gaps).append(judgement)  # type: ignore[arg-type]  # the one list or the other
    findings.sort(key=lambda finding: (-finding.severity.rank, finding.rule))
    own = Verdict.INCOMPLETE if gaps else Verdict.CLEAR
    if any(finding.severity.flags for finding in findings):
        own = Verdict.FLAGGED
    return Repository(
        path=folder.path,
        verdict=worst((own, *(file.verdict for file in files))),
        files=len(files),
        findings=tuple(findings),
        gaps=tuple(gaps),
    )


def _gaps(entries: list[_Entry], links: list[Excluded], notes: Notes) -> Iterator[Gap]:
    cut = [entry.path for entry in entries if notes.cut(entry.subject.path)]
    for path in cut[:_TOLD]:
        detail = f"{path} states more than is kept of one file or of one scan"
        yield Gap(start=0, end=0, because=Because.OVER_LIMIT, detail=detail)
    for link in links[:_TOLD]:
        detail = f"{link.path} is a link to {link.same_as}, which is judged by itself and not as a part of this"
        yield Gap(start=0, end=0, because=Because.UNSUPPORTED, detail=detail)
