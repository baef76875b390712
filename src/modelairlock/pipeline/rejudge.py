"""Judges what was read before under today's rules and profiles, from the cache, without opening any model.

A target is a sha256 digest or a scan report in JSON. What the cache does not know stays unknown: it becomes a gap, so
that a forgotten file is never taken for a clear one.
"""

import datetime
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from modelairlock.pipeline.batch import BLOB_MISMATCH, judged, unread
from modelairlock.pipeline.cache import Cache, open_cache
from modelairlock.pipeline.data_files import with_data_files
from modelairlock.pipeline.repository import Notes, same_repositories
from modelairlock.pipeline.reroot import reroot, with_gap
from modelairlock.pipeline.scan import record
from modelairlock.records.coverage import NO_DIGEST, NOT_KEPT, Because
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Isolation, Level
from modelairlock.records.scan import Excluded, OperatorError, Repository, ScanRecord, Settings, Subject
from modelairlock.records.text import shown

REPORT_BYTES = 512 * 1024 * 1024

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


def rejudge(targets: Sequence[str], folder: Path | None, *, started: str = "") -> ScanRecord:
    """The record that today's rules make of what `targets` name.

    The level of isolation it states is the lowest under which any of the facts was read; the layers are not kept.
    Raises `AirlockError` when there is no cache in `folder`, or it is not to be trusted.
    """
    cache = _cache(folder)
    work = _Rejudging(cache)
    try:
        for target in targets:
            work.target(target)
    finally:
        cache.close()
    now = started or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    isolation = Isolation(level=min(work.levels, key=lambda level: level.rank, default=Level.NONE), layers=())
    made = record(
        tuple(work.subjects), isolation, now, tuple(work.excluded), tuple(work.errors), tuple(work.repositories)
    )
    # What was left out then is left out now, so who decided that is still named.
    return replace(made, settings=tuple(dict.fromkeys(work.settings)), rejudged=True)


def _cache(folder: Path | None) -> Cache:
    told: list[str] = []
    cache = open_cache(folder, told.append) if folder else None
    if cache is None:
        raise AirlockError(" ".join(told) or "there is no cache of facts", "Scan the files again.")
    return cache


class _Rejudging:
    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.subjects: list[Subject] = []
        self.repositories: list[Repository] = []
        self.excluded: list[Excluded] = []
        self.errors: list[OperatorError] = []
        self.settings: list[Settings] = []
        self.levels: set[Level] = set()

    def target(self, target: str) -> None:
        """Judge one digest, or all that one report names."""
        if _DIGEST.fullmatch(target):
            self.subjects.extend(self._by_digest(target.lower()))
            return
        try:
            report = _report(Path(target))
        except AirlockError as problem:
            self.errors.append(OperatorError(path=shown(target), message=shown(str(problem)), hint=problem.hint))
            return
        self.excluded.extend(report.excluded)
        self.errors.extend(report.errors)
        self.settings.extend(report.settings)
        notes = Notes()
        subjects = with_data_files([self._again(subject, notes) for subject in report.subjects], notes)
        self.subjects.extend(subjects)
        self.repositories.extend(same_repositories(subjects, report.excluded, notes, report.repositories))

    def _by_digest(self, sha256: str) -> Iterator[Subject]:
        found = self.cache.find(sha256)
        for reading, level in found:
            self.levels.add(level)
            yield judged(reading, sha256)
        if not found:
            yield judged(unread(sha256, sha256, 0, Because.UNREADABLE, NOT_KEPT), sha256)

    def _again(self, old: Subject, notes: Notes) -> Subject:
        """A subject of a report, judged anew; what its scan said of the file's name and not of its content stays."""
        name = os.path.basename(old.path)
        sha256 = old.sha256 if old.sha256 and _DIGEST.fullmatch(old.sha256) else None
        for reading, level in self.cache.find(sha256.lower()) if sha256 else ():
            if reading.name == name and reading.coverage.size_bytes == old.size_bytes:
                self.levels.add(level)
                moved = reroot(reading, old.path)
                for gap in old.coverage.gaps:
                    moved = with_gap(moved, gap) if gap.detail == BLOB_MISMATCH else moved
                notes.add(moved)
                return judged(moved, sha256)
        detail = NOT_KEPT if sha256 else NO_DIGEST
        return judged(unread(old.path, name, max(0, old.size_bytes), Because.UNREADABLE, detail), sha256)


def _report(path: Path) -> ScanRecord:
    """The report in a file. Raises `AirlockError` if it is not one."""
    hint = "Name a sha256 digest, or a report that `airlock scan --format json` wrote."
    try:
        with path.open("rb") as file:
            data = file.read(REPORT_BYTES + 1)
        if len(data) > REPORT_BYTES:
            raise AirlockError(f"a report of more than {REPORT_BYTES} bytes is not read", hint)
    except OSError as problem:
        raise AirlockError(f"it cannot be read: {problem.strerror}", hint) from None
    return ScanRecord.from_json(data)
