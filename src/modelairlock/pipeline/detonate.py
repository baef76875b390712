"""Detonates files: loads each in the jail with the loader that would open it, and judges what it tried.

What a newcomer would get wrong: a load that comes back says nothing about what it would do elsewhere, so a quiet one is
CLEAR in the narrow sense of `records.detonate` and no more. And a framework has habits of its own. What an honest file
makes the same loader try in the same environment is tried here, once, before it is held against a file.
"""

import datetime
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import modelairlock
from modelairlock.isolation import jail
from modelairlock.pipeline.attempted import attempted
from modelairlock.pipeline.digest import Stopped, digest
from modelairlock.pipeline.judge import judge
from modelairlock.pipeline.load_limits import limits_for, machine_memory, reached
from modelairlock.pipeline.model_folder import beside, folder_of, is_settings, may_be_settings, refuse_no_text, whole
from modelairlock.pipeline.openers import FOLDERS, ONNX, Needed, loaders_of
from modelairlock.pipeline.options import Options
from modelairlock.pipeline.scan import record as scan_record
from modelairlock.pipeline.scan import scan_sources
from modelairlock.pipeline.usual import Usual
from modelairlock.reading import Unreadable
from modelairlock.records.attempts import SCANNED, one_thread_more
from modelairlock.records.coverage import Because, Coverage, Gap
from modelairlock.records.detonate import DetonateRecord, Detonation, verdict_of
from modelairlock.records.errors import AirlockError
from modelairlock.records.facts import Fact, Setting
from modelairlock.records.isolation import Isolation, Level
from modelairlock.records.jail import Claim, JailLimits, JailResult, Outcome
from modelairlock.records.reading import Reading
from modelairlock.records.scan import Excluded, OperatorError, ScanRecord, Subject, Verdict, worst
from modelairlock.records.span import Span
from modelairlock.records.text import shown
from modelairlock.sources.local import File, Hole, changed, open_file, walk

_IN_FOLDER = "no loader of the jail opens what it is by itself; it was there when its folder was loaded"
_NO_LOADER = "no loader of the jail opens what it is"
#: packages, and variables, named in one result
_NAMES = 100


def detonate(
    sources: Sequence[str | Path],
    *,
    loader: str = "auto",
    interpreter: str = "",
    require: Level = Level.CONFINED,
    limits: JailLimits | None = None,
    seconds: float | None = None,
    memory_bytes: int | None = None,
    tell: Callable[[str], None] | None = None,
    cache_folder: Path | None = None,
) -> DetonateRecord:
    """Load every file of `sources`, and every folder that is a model of transformers, in the jail; say what it tried.

    `loader` is one of `jail.LOADERS`, or ``auto`` for the one that suits what the file turns out to be; `interpreter`
    is the Python of the environment to load with. `limits` are for every file the same; without them they grow with the
    file (`load_limits.limits_for`, which gets `seconds` and `memory_bytes`). `tell` is called with each path before it
    is loaded. What is usual in the environment is remembered in `cache_folder`. Raises `AirlockError` for a loader that
    is not known.
    """
    if loader != "auto" and loader not in jail.LOADERS:
        raise AirlockError(f"no loader is called {loader!r}", _meant(loader))
    if seconds is not None and not 0 < seconds < math.inf:
        raise AirlockError(f"{seconds} is no number of seconds", "Give a number above 0, such as 600.")
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    needed = Needed()
    scanned = scan_sources(sources, Options(cache=False), look=needed.note)
    subjects = {one.path: one for one in scanned.subjects}
    allowed = _Allowed(limits, machine_memory(), seconds, memory_bytes)
    run = _Run(subjects, needed, loader, interpreter, require, allowed, tell, Usual(interpreter, require, cache_folder))
    detonations = tuple(one for file in _files(sources, run) for one in run.file(file))
    detonations += tuple(one for folder in run.folders() for one in run.folder(folder))
    errors = (*scanned.errors, *run.errors)
    return DetonateRecord(
        verdict=verdict_of(detonations),
        started=started,
        version=modelairlock.__version__,
        detonations=detonations,
        excluded=tuple(run.excluded),
        errors=errors,
    )


def _meant(name: str) -> str:
    """Which loaders there are; first those whose library or file that may have meant."""
    word = name.lower().removesuffix(".load").lstrip(".")
    close = [one for one in jail.LOADERS if len(word) > 1 and word in one.lower()]
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    return f"{meant}There are auto, {', '.join(jail.LOADERS)}."


def as_scan(record: DetonateRecord) -> ScanRecord:
    """The findings of a detonation as a scan's record, for outputs that know those."""
    subjects = tuple(
        Subject(
            path=one.path, verdict=one.verdict, sha256=one.sha256, findings=one.findings,
            coverage=Coverage(size_bytes=_size(one), gaps=_gap(one)),
        )
        for one in record.detonations
    )  # fmt: skip
    weakest = min((one for one in record.detonations), key=lambda one: one.level.rank, default=None)
    isolation = Isolation(level=weakest.level, layers=weakest.layers) if weakest else Isolation.of(())
    return scan_record(subjects, isolation, record.started, record.excluded, record.errors)


def _size(one: Detonation) -> int:
    """The bytes of the file, as far as findings tell: each is about the whole of it."""
    return max((fact.span.end for finding in one.findings for fact in finding.evidence), default=0)


def _gap(one: Detonation) -> tuple[Gap, ...]:
    if one.verdict is not Verdict.INCOMPLETE:
        return ()
    return (Gap(start=0, end=0, because=Because.UNREADABLE, detail=f"{one.outcome.value}: {one.detail}"),)


def _files(sources: Sequence[str | Path], run: "_Run") -> Iterator[File]:
    for source in sources:
        run.in_folder = os.path.isdir(source)
        run.named.append(str(source))
        for entry in walk(source):
            if isinstance(entry, File):
                yield entry
            elif isinstance(entry, Hole):
                run.errors.append(OperatorError(path=shown(entry.path), message=entry.detail, hint=""))
            elif isinstance(entry, Excluded):
                run.excluded.append(entry)


class _Loaded(NamedTuple):
    """A file that was loaded, and by what."""

    file: File
    loader: str
    size: int
    sha256: str | None
    #: what the scan said of the same bytes
    subject: Subject | None
    limits: JailLimits


class _Allowed(NamedTuple):
    """What loads may use up: the same for all, or by the size of each."""

    fixed: JailLimits | None
    machine: int
    seconds: float | None
    memory_bytes: int | None

    def limits(self, size: int) -> JailLimits:
        """For a file of `size` bytes."""
        return self.fixed or limits_for(size, self.machine, seconds=self.seconds, memory_bytes=self.memory_bytes)


class _Run:
    """One detonation of many files: what the scan said of them, and what is usual in this environment."""

    def __init__(
        self,
        subjects: dict[str, Subject],
        needed: Needed,
        loader: str,
        interpreter: str,
        require: Level,
        allowed: _Allowed,
        tell: Callable[[str], None] | None,
        usual: Usual,
    ) -> None:
        self.subjects = subjects
        self.needed = needed
        self.loader = loader
        self.interpreter = interpreter
        self.require = require
        self.allowed = allowed
        self.tell = tell
        self.errors: list[OperatorError] = []
        self.excluded: list[Excluded] = []
        self._usual = usual
        #: whether what is met now was named by its folder: who names a file does not mean what is beside it
        self.in_folder = True
        self._folders: dict[str, None] = {}
        #: the sources so far
        self.named: list[str] = []
        #: the configurations that were met, and those that are links to one of them
        self._settings: set[str] = set()

    def file(self, file: File) -> Iterator[Detonation]:
        """One file by each loader that opens it: none if no loader does, or if the operator has to mend something."""
        with self._mending(file.path):
            refuse_no_text(file.path)
            yield from self._file(file)

    def _file(self, file: File) -> Iterator[Detonation]:
        subject = self.subjects.get(file.path)
        if self.in_folder and may_be_settings(file.name) and self._makes_a_model(file):
            self._settings.add(file.path)
            self._folders[folder_of(file.path)] = None
        if self.loader == FOLDERS:
            return
        loaders = (self.loader,) if self.loader != "auto" else loaders_of(file.name, subject)
        if not loaders:
            self._left_out(file.path, subject)
            return
        if self.tell:
            self.tell(file.path)
        for loader in loaders:
            with self._mending(file.path):
                yield self._detonated(file, loader, subject)

    def _left_out(self, path: str, subject: Subject | None) -> None:
        """No loader opens it. Where only the scan failed nobody knows that, and it must not pass for looked at."""
        if subject is None or subject.formats or not _failed(subject):
            self.excluded.append(Excluded(path=path, reason=_NO_LOADER))
            return
        message = f"it was not loaded: the scan could not tell what it is ({_failed(subject)})"
        hint = "Name the loader that opens it, with --loader."
        self.errors.append(OperatorError(path=shown(path), message=message, hint=hint))

    def _makes_a_model(self, file: File) -> bool:
        """Whether its folder is to be loaded; one that was named for it is taken by the operator's word."""
        found = self.loader == FOLDERS
        if found or self.loader != "auto":
            return found
        with self._mending(file.path):
            found |= is_settings(file)
        return found

    def folders(self) -> Iterator[str]:
        """The folders that are models, after all files were seen.

        A walk lists a configuration once, also where several snapshots of a cache have it.
        """
        for link in self.excluded:
            if link.same_as in self._settings:
                self._folders[folder_of(link.path)] = None
        if self.loader == FOLDERS and not self._folders:
            hint = "Name a folder with a config.json in it; single files have loaders of their own."
            self.errors.append(
                OperatorError(
                    path=shown(", ".join(self.named)), message="there is no model of transformers in it", hint=hint
                )
            )
        yield from self._folders

    def folder(self, path: str) -> Iterator[Detonation]:
        """All of a folder by transformers, with the code that comes with it."""
        if self.tell:
            self.tell(path)
        below = [one for name, one in self.subjects.items() if path == "." or name.startswith(f"{path}/")]
        needs = sorted({name for one in below for name in self.needed.of(one.path)})
        with self._mending(path):
            files = whole(path)
            size = sum(one.size for one in files)
            with jail.Folder(files) as folder:
                limits = self.allowed.limits(size)
                asked, result = self._load(FOLDERS, folder, tuple(needs), limits)
            scanned = worst([one.verdict for one in below]) if below else Verdict.INCOMPLETE
            subject = Subject(path=path, verdict=scanned, coverage=Coverage(size_bytes=size))
            file = File(path, os.path.basename(path), path, 0, 0, size)
            shown_too = {one.path for one in below}
            self.excluded = [
                Excluded(
                    path=one.path,
                    reason=_IN_FOLDER if one.reason == _NO_LOADER and one.path in shown_too else one.reason,
                )
                for one in self.excluded
            ]
            yield self._judged(_Loaded(file, FOLDERS, size, None, subject, limits), asked, result)

    @contextmanager
    def _mending(self, path: str) -> Iterator[None]:
        """What the operator has to mend is kept, and the rest goes on."""
        try:
            yield
        except Unreadable as problem:
            self.errors.append(OperatorError(path=shown(path), message=problem.detail, hint=""))
        except AirlockError as problem:
            told = OperatorError(path=shown(path), message=shown(str(problem)), hint=shown(problem.hint))
            self.errors.append(told)

    def _detonated(self, file: File, loader: str, subject: Subject | None) -> Detonation:
        fd, state = open_file(file)
        named = self.needed.files(file.path) if loader == ONNX else ()
        try:
            limits = self.allowed.limits(state.st_size)
            if named:
                with jail.Folder(beside(file, named), file.name) as folder:
                    asked, result = self._load(loader, folder, self.needed.of(file.path), limits)
            else:
                asked, result = self._load(loader, fd, self.needed.of(file.path), limits)
            sha256 = _hashed(fd, state.st_size, limits.wall_seconds)
            after = os.fstat(fd)
        finally:
            os.close(fd)
        same = subject is not None and subject.sha256 == sha256 and not changed(state, after)
        loaded = _Loaded(file, loader, state.st_size, sha256, subject if same else None, limits)
        return self._judged(loaded, asked, result)

    def _load(
        self, loader: str, model: int | jail.Folder, libraries: tuple[str, ...], limits: JailLimits
    ) -> tuple[str, JailResult]:
        """What was asked of the jail, as `Usual` wants it, and what came of it."""
        job = jail.used(jail.loading(loader, model, self.interpreter, libraries))
        return job.argument, jail.run(job, require=self.require, limits=limits, detonate=True)

    def _judged(self, loaded: _Loaded, asked_for: str, result: JailResult) -> Detonation:
        file, size, subject = loaded.file, loaded.size, loaded.subject
        events = self._usual.beyond(result, asked_for)
        outcome, detail = result.outcome, result.detail + reached(result, loaded.limits, size)
        if outcome is Outcome.COMPLETED_WITH_VIOLATIONS and not events and not result.dropped:
            outcome, detail = Outcome.COMPLETED, "nothing was attempted that an honest file does not"
        scanned = subject.verdict if subject else None
        tried = [event for event in events if not one_thread_more(event.syscall, event.arguments, event.action)]
        if len(tried) < len(events):
            detail += (
                f"; it was refused more than {loaded.limits.threads} threads, and what those would do was not seen"
            )
        facts = (*attempted(tried, size, result), *_said(scanned, outcome, size))
        read = Coverage(size_bytes=size, read_bytes=size)
        judged = judge(Reading(path=file.path, name=file.name, facts=facts, coverage=read), sha256=loaded.sha256)
        verdict = judged.verdict
        if subject is None:
            detail += "; the file was changed while it was scanned or loaded, so that nobody knows what was loaded"
        if verdict is Verdict.CLEAR and (outcome is not Outcome.COMPLETED or scanned in {None, Verdict.FLAGGED}):
            verdict = Verdict.INCOMPLETE  # one quiet load is no answer to what was read in the file
        return Detonation(
            path=file.path,
            verdict=verdict,
            loader=loaded.loader,
            interpreter=self.interpreter,
            outcome=outcome,
            level=result.level,
            layers=result.layers,
            sha256=loaded.sha256,
            scanned=scanned,
            phases=result.phases,
            limits=loaded.limits,
            events=events,
            usual=len(result.events) - len(events),
            dropped=result.dropped,
            claims=result.claims,
            dropped_claims=result.dropped_claims,
            imported=_named(result.claims, "import"),
            variables=_named(result.claims, "os.environ.read"),
            findings=judged.findings,
            output=result.output,
            detail=detail,
        )


def _hashed(fd: int, size: int, seconds: float) -> str | None:
    """The sha256 of what was loaded; None if it takes longer than the load may: most of such a file is a hole."""
    deadline = time.monotonic() + seconds

    def spent(_: int) -> None:
        if time.monotonic() > deadline:
            raise Stopped

    try:
        return digest(fd, size, spent=spent).sha256
    except Stopped:
        return None


def _failed(subject: Subject) -> str:
    """Why the scan did not come to know what it is; empty if it looked, and found nothing that it knows."""
    gaps = (gap for gap in subject.coverage.gaps if gap.because is not Because.UNRECOGNISED)
    return next((f"{gap.because.value}: {shown(gap.detail, 200)}" for gap in gaps), "")


def _named(claims: Sequence[Claim], event: str) -> tuple[str, ...]:
    """The distinct first arguments of one kind of claim; of modules, their packages."""
    found = (claim.arguments[0] for claim in claims if claim.event == event and claim.arguments)
    names = (name.partition(".")[0] if event == "import" else name for name in found)
    return tuple(dict.fromkeys(names))[:_NAMES]


def _said(scanned: Verdict | None, outcome: Outcome, size: int) -> Iterator[Fact]:
    if scanned is not None:
        yield Setting(span=Span(0, size), scheme=SCANNED, key=scanned.value, value=outcome.value)
