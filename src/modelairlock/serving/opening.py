"""From a file to workers that can be asked: scanned, judged, and opened in the jail so many times.

The file is looked at before the scan and after all workers have it: what is served is what was scanned. Files that it
names as its numbers (onnx) are only known once it is opened, and must stay as they were then.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

import modelairlock
from modelairlock.pipeline.load_isolated import IsolatedModel
from modelairlock.pipeline.options import Options
from modelairlock.pipeline.scan import scan_sources
from modelairlock.records.errors import AirlockError, Flagged
from modelairlock.records.scan import ScanRecord, Verdict, worst
from modelairlock.records.text import shown, shown_path

#: what is called where a request names no method: the one that everybody would call
_USUAL = {"torch.load": "__call__", "transformers": "__call__"}
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9_])?")
_NO_VERDICT = "Look at it with `airlock scan`; --unsafe-serve-flagged serves it all the same, in the jail."
Mark = tuple[tuple[int, ...], ...]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to serve. `given` is what `modelairlock.load_isolated` takes beside."""

    path: str
    name: str = ""
    loader: str = "auto"
    method: str = ""
    workers: int = 1
    serve_flagged: bool = False
    given: dict[str, Any] = {}


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The workers, and what was found out on the way."""

    name: str
    method: str
    models: tuple[IsolatedModel, ...]
    verdict: Verdict
    sha256: str
    reopen: Callable[[], IsolatedModel]
    #: raises AirlockError if the file is not what was scanned any more
    still: Callable[[], None]


def opened(wanted: Wanted, tell: Callable[[str], None]) -> Opened:
    """Scan it and open it. Raises AirlockError. `tell` gets a line for a person at each step."""
    name = _name(wanted)
    before = mark(wanted.path)
    verdict, sha256 = _judged(wanted, tell)
    models: list[IsolatedModel] = []
    places: tuple[str, ...] = ()
    try:
        loader = wanted.loader
        for number in range(wanted.workers):
            models.append(modelairlock.load_isolated(wanted.path, loader, **wanted.given))
            loader = models[0].loader
            if number == 0:
                _still(wanted.path, before)
                places = models[0].places
                before = mark(wanted.path, places)
                tell(f"opened by {loader} in the jail: level {models[0].level}")
        _still(wanted.path, before, places)
    except BaseException:
        for model in models:
            model.close()
        raise

    def reopen() -> IsolatedModel:
        _still(wanted.path, before, places)
        model = modelairlock.load_isolated(wanted.path, loader, **wanted.given)
        try:
            _still(wanted.path, before, places)
        except AirlockError:
            model.close()
            raise
        return model

    method = wanted.method or _USUAL.get(loader, "predict")
    return Opened(
        name=name, method=method, models=tuple(models), verdict=verdict, sha256=sha256, reopen=reopen,
        still=lambda: _still(wanted.path, before, places),
    )  # fmt: skip


def _name(wanted: Wanted) -> str:
    if not wanted.name:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(wanted.path).name.split(".")[0]).strip("-._")
        return stem[:100] or "model"
    if not _NAME.fullmatch(wanted.name):
        hint = "Use letters, digits, dot, dash and underscore, at most 128 of them: it is part of an address."
        raise AirlockError(f"--name {shown(wanted.name, 80)!r} cannot be a model's name", hint)
    return wanted.name


def _judged(wanted: Wanted, tell: Callable[[str], None]) -> tuple[Verdict, str]:
    record = scan_sources([Path(wanted.path)], Options())
    if record.errors:
        error = record.errors[0]
        raise AirlockError(f"{shown_path(error.path, 200)}: {error.message}", error.hint)
    verdict = worst([record.verdict, *(one.verdict for one in record.repositories)])
    sha256 = _digest(record)
    tell(f"{verdict.upper()} by its scan{f' (sha256 {sha256})' if sha256 else ''}")
    for rule in sorted(_rules(record))[:20]:
        tell(f"  {rule}")
    if verdict is Verdict.FLAGGED and not wanted.serve_flagged:
        raise Flagged(f"{shown_path(wanted.path, 200)} is FLAGGED, and is not served", _NO_VERDICT)
    return verdict, sha256


def _digest(record: ScanRecord) -> str:
    subjects = record.subjects
    return (subjects[0].sha256 or "") if len(subjects) == 1 else ""


def _rules(record: ScanRecord) -> Iterator[str]:
    found = [finding for subject in record.walk() for finding in subject.findings]
    found += [finding for one in record.repositories for finding in one.findings]
    yield from {f"{finding.severity} {finding.rule}" for finding in found}


def mark(path: str, more: tuple[str, ...] = ()) -> Mark:
    """What changes when the file does, or one of a folder's, or one of `more`. Raises AirlockError."""
    try:
        places = [path] if not os.path.isdir(path) else sorted(_files(path))
        found = [os.stat(place) for place in (*places, *more)]
    except OSError as problem:
        raise AirlockError(f"{shown_path(path, 200)}: {problem.strerror}", "Give the path of a model.") from None
    return tuple((one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in found)


def _files(folder: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        yield from (os.path.join(place, name) for name in names)


def _still(path: str, before: Mark, more: tuple[str, ...] = ()) -> None:
    if mark(path, more) != before:
        message = f"{shown_path(path, 200)} has changed since it was scanned"
        raise AirlockError(message, "Start the server anew when nobody writes to it any more.")
