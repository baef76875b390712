"""Scans files and folders: the order of things before the wall, for the command line and for the Python API.

The main thread walks and collects, `jobs` threads work on batches; results are put back into the order of the walk.
What the operator can mend (a missing file, an empty folder) stands in the record beside the answers on all the rest.
"""

import datetime
import resource
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import modelairlock
from modelairlock.isolation import Wall
from modelairlock.isolation.spawn import Spawned
from modelairlock.pipeline import READ, READ_FULL
from modelairlock.pipeline.answer import RESULT_BYTES
from modelairlock.pipeline.batch import SMALL_BYTES, Run, judged, read_batch, unread
from modelairlock.pipeline.data_files import with_data_files
from modelairlock.pipeline.judge import prepare, profiles_digest, rules_digest
from modelairlock.pipeline.options import Options
from modelairlock.pipeline.repository import repositories
from modelairlock.records.coverage import Because
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Isolation, Level
from modelairlock.records.reading import Reading
from modelairlock.records.scan import Excluded, OperatorError, Repository, ScanRecord, Subject, Tool, worst
from modelairlock.records.text import shown
from modelairlock.sources.local import File, Hole, Patterns, walk

if TYPE_CHECKING:
    from modelairlock.pipeline.cache import Cache

#: so many small files, and so many bytes of them, share a child
BATCH_FILES = 128
BATCH_BYTES = 16 * 1024 * 1024
#: unless there are no more of them than this: then each has a child of its own
FEW_FILES = 32
MOST_JOBS = 256
#: how often progress is told while one file takes long
TELL_SECONDS = 0.2


class Progress(NamedTuple):
    """How far a scan is. `found_files` and `found_bytes` still grow while `walking`."""

    files: int
    bytes: int
    found_files: int
    found_bytes: int
    walking: bool


Tell = Callable[[Progress], None]


def scan_sources(
    sources: Sequence[str | Path],
    options: Options,
    progress: Tell | None = None,
    *,
    wall: Wall | None = None,
    spawned: Spawned | None = None,
    warn: Callable[[str], None] | None = None,
    unmatched: Callable[[str], None] | None = None,
    meanwhile: Callable[[], object] | None = None,
    look: Callable[[Reading], object] | None = None,
) -> ScanRecord:
    """Scan `sources` and say what is known of every file in them.

    `progress` is called in this thread, at least five times a second. A `wall` that is given is used and left open;
    else one is put up for this scan, of `spawned` if there is one. `warn` gets a sentence about what does not change
    any answer, such as a cache that had to be made anew, and `unmatched` each pattern of `options.exclude` that left
    nothing out. `meanwhile` is called in a thread of its own, while the readers start: it may import what the caller
    needs afterwards. `look` is shown every reading, in any thread. Raises `AirlockError` for options that make no
    sense, and `NoIsolation` when the level that `options.require` names cannot be reached; nothing is read then.
    """
    if options.jobs < 1:
        raise AirlockError(f"{options.jobs} jobs are too few", "Use --jobs 1 or more.")
    started = options.started or datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    errors: list[OperatorError] = []
    cache = _cache(options, errors, warn)
    own = wall is None
    full_wall = _wall(READ_FULL, options, None)
    ahead = threading.Thread(target=_look_ahead, args=(meanwhile,), name="airlock-ahead")
    if wall is None:
        wall = _wall(READ, options, spawned)
    try:
        ahead.start()
        run = Run(wall, full_wall, options.limits, options.hash, cache, _sizes(options.jobs)[0], look)
        scan = _Scan(sources, options, run, progress, errors)
        isolation = scan.work((wall, full_wall) if own else ())
        if unmatched:
            for pattern in scan.patterns.unused():
                unmatched(pattern)
    finally:
        ahead.join()
        full_wall.close()
        if own:
            wall.close()
        if cache:
            cache.close()
    subjects, excluded = with_data_files(scan.in_order(), run.notes), tuple(scan.excluded)
    made = repositories(subjects, excluded, run.notes, scan.loose)
    return record(subjects, isolation, started, excluded, tuple(errors), made, hashed=options.hash)


def _look_ahead(meanwhile: Callable[[], object] | None) -> None:
    """Import what is needed once the first answers come. What fails here fails again where it matters, and is told."""
    for work in (prepare, meanwhile):
        with suppress(Exception):
            if work:
                work()


def _wall(function: str, options: Options, spawned: Spawned | None) -> Wall:
    """A wall that rises when it is first used."""
    return Wall(
        function,
        memory_bytes=options.limits.worker_bytes,
        result_bytes=RESULT_BYTES,
        require=options.require or Level.NONE,
        spawned=spawned,
    )


def record(
    subjects: tuple[Subject, ...],
    isolation: Isolation,
    started: str,
    excluded: tuple[Excluded, ...],
    errors: tuple[OperatorError, ...],
    repositories: tuple[Repository, ...] = (),
    *,
    hashed: bool = True,
) -> ScanRecord:
    """The record that says `subjects` and `repositories`, with what gave the answer."""
    tool = Tool(
        name="modelairlock",
        version=modelairlock.__version__,
        rules_digest=rules_digest(),
        profiles_digest=profiles_digest(),
        isolation=isolation,
    )
    return ScanRecord(
        verdict=worst([*(one.verdict for one in subjects), *(one.verdict for one in repositories)]),
        started=started,
        tool=tool,
        subjects=subjects,
        repositories=repositories,
        excluded=excluded,
        errors=errors,
        hashed=hashed,
    )


class _Scan:
    """The main thread's side of one scan."""

    def __init__(
        self,
        sources: Sequence[str | Path],
        options: Options,
        run: Run,
        progress: Tell | None,
        errors: list[OperatorError],
    ) -> None:
        self.sources = sources
        self.options = options
        self.run = run
        self.progress = progress
        self.errors = errors
        self.patterns = Patterns(options.exclude)
        self.excluded: list[Excluded] = []
        #: files that are sources themselves, and so no part of a folder
        self.loose: set[str] = set()
        self.subjects: list[tuple[int, Subject]] = []
        self.pending: dict[Future[list[Subject]], list[int]] = {}
        self.rising: Future[Isolation] | None = None
        self.found_files = 0
        self.found_bytes = 0
        self.walking = True

    def in_order(self) -> tuple[Subject, ...]:
        """The subjects in the order of the walk."""
        self.subjects.sort(key=lambda numbered: numbered[0])
        return tuple(subject for _, subject in self.subjects)

    def work(self, own: Sequence[Wall]) -> Isolation:
        """Walk, hand out batches, collect. However it ends, no thread and no child of `own` works on."""
        jobs, batch_files = _sizes(self.options.jobs)
        pool = ThreadPoolExecutor(2 * jobs, thread_name_prefix="airlock")
        try:
            # The wall takes as long to rise as some thousand files take to list.
            self.rising = rising = pool.submit(lambda: self.run.wall.isolation)
            for numbers, files in _batches(self._files(), batch_files):
                self.pending[pool.submit(read_batch, self.run, files)] = numbers
                self._collect(while_more_than=3 * jobs)
            self.walking = False
            self._collect(while_more_than=0)
            return rising.result()
        except BaseException:
            self.run.stop.set()
            for wall in own:
                wall.close()
            raise
        finally:
            pool.shutdown(wait=bool(own), cancel_futures=True)

    def _files(self) -> Iterator[tuple[int, File]]:
        """The files of all sources, numbered; everything else the walk finds goes straight into the record."""
        for source in self.sources:
            for entry in walk(source, self.patterns):
                if isinstance(entry, Excluded):
                    self.excluded.append(entry)
                elif isinstance(entry, OperatorError):
                    self.errors.append(entry)
                else:
                    self.found_files += 1
                    if entry.path == str(source):
                        self.loose.add(entry.path)
                    if isinstance(entry, Hole):
                        hole = unread(entry.path, entry.name, 0, Because.UNREADABLE, entry.detail)
                        self.subjects.append((self.found_files, judged(hole, None)))
                    else:
                        self.found_bytes += entry.size
                        yield self.found_files, entry

    def _collect(self, while_more_than: int) -> None:
        """Take in what is done; wait as long as more than so many batches are under way.

        Raises what keeps the wall from being put up, as soon as that is known: nothing can be read then.
        """
        while True:
            enough = len(self.pending) <= while_more_than
            timeout = 0 if enough else TELL_SECONDS
            done, _ = wait(self.pending, timeout=timeout, return_when=FIRST_COMPLETED)
            for future in done:
                self.subjects.extend(zip(self.pending.pop(future), future.result(), strict=True))
            if self.rising and self.rising.done():
                self.rising.result()
            self._tell()
            if enough:
                return

    def _tell(self) -> None:
        if self.progress:
            self.progress(
                Progress(len(self.subjects), self.run.spent_bytes, self.found_files, self.found_bytes, self.walking)
            )


def _cache(options: Options, errors: list[OperatorError], warn: Callable[[str], None] | None) -> "Cache | None":
    """The cache, if one is wanted and can be trusted; if not, who scans is told why."""
    if not (options.cache and options.hash and options.cache_folder):
        return None
    from modelairlock.pipeline.cache import open_cache  # and SQLite with it

    try:
        return open_cache(options.cache_folder, warn or (lambda _: None))
    except AirlockError as refused:
        errors.append(
            OperatorError(path=shown(str(options.cache_folder)), message=shown(str(refused)), hint=shown(refused.hint))
        )
        return None


def _sizes(jobs: int) -> tuple[int, int]:
    """How many threads, and how many files in a batch: open files are few on some systems (256 on macOS)."""
    jobs = min(jobs, MOST_JOBS)
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return jobs, BATCH_FILES
    jobs = max(1, min(jobs, descriptors // 32))
    return jobs, max(1, min(BATCH_FILES, descriptors // 2 // jobs - 8))


def _batches(files: Iterable[tuple[int, File]], batch_files: int) -> Iterator[tuple[list[int], list[File]]]:
    """Small files together, within bounds; others alone. A few small ones, as most repositories have, alone too."""
    few: list[tuple[int, File]] = []
    rest = iter(files)
    for number, file in rest:
        if file.size > SMALL_BYTES:
            yield [number], [file]
            continue
        few.append((number, file))
        if len(few) > FEW_FILES:
            yield from _together(chain(few, rest), batch_files)
            return
    for number, file in few:
        yield [number], [file]


def _together(files: Iterable[tuple[int, File]], batch_files: int) -> Iterator[tuple[list[int], list[File]]]:
    numbers: list[int] = []
    batch: list[File] = []
    size = 0
    for number, file in files:
        if file.size > SMALL_BYTES:
            yield [number], [file]
            continue
        if batch and (len(batch) >= batch_files or size + file.size > BATCH_BYTES):
            yield numbers, batch
            numbers, batch, size = [], [], 0
        numbers.append(number)
        batch.append(file)
        size += file.size
    if batch:
        yield numbers, batch
