"""The wall: run a function in a fresh, walled-in child of a warm template.

The template starts on first use and is shared by all runs; each run has a child of its own, so a reader that was
taken over by one run's bytes meets no other run's. Within a run the tasks share the child: put together only what
may see and answer for each other.
"""

import fcntl
import os
import stat
import threading
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Self

from modelairlock.isolation.framing import MAX_TASKS, RESULT, Answers, plain
from modelairlock.isolation.launch import Running, launch
from modelairlock.isolation.run import run
from modelairlock.isolation.spawn import Spawned
from modelairlock.isolation.task import Outcome, Task
from modelairlock.records.errors import AirlockError, NoIsolation
from modelairlock.records.isolation import LAYERS, Isolation, Level

#: templates in a row that may die before the wall gives up
_DEATHS = 5
_F_GET_SEALS, _SEAL_WRITE = 1034, 8


class Wall:
    """Runs ``module:function``, a ``def read(fd: int, payload: bytes) -> bytes``, behind every layer there is.

    `memory_bytes` is what a child may use beyond what the template has after its imports; `result_bytes` bounds one
    answer. `enabled_layers` (names from `LAYERS`; None for all) is there for tests. A level below `require` raises
    NoIsolation when the template starts. `spawned` is an interpreter that was started for this function beforehand.
    Safe to use from several threads; each run then has a child of its own.
    """

    def __init__(
        self,
        function: str,
        *,
        memory_bytes: int,
        result_bytes: int = 64 * 1024 * 1024,
        enabled_layers: Collection[str] | None = None,
        require: Level = Level.NONE,
        spawned: Spawned | None = None,
    ) -> None:
        unknown = set(enabled_layers or ()) - set(LAYERS)
        if unknown:
            raise ValueError(f"unknown layers: {', '.join(sorted(unknown))}; there are {', '.join(LAYERS)}")
        self._function = function
        self._memory_bytes = memory_bytes
        self._result_bytes = result_bytes
        self._layers = LAYERS if enabled_layers is None else tuple(name for name in LAYERS if name in enabled_layers)
        self._require = require
        self._spawned = spawned
        self._starting = threading.Lock()
        self._running: Running | None = None
        self._isolation: Isolation | None = None
        self._refused: AirlockError | None = None
        self._deaths = 0
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def isolation(self) -> Isolation:
        """The level in force and why; starts the template. Raises AirlockError, NoIsolation."""
        return self._ready()[1]

    def run(
        self, tasks: Sequence[Task], *, seconds: float, take: Callable[[bytes], None] | None = None
    ) -> list[Outcome]:
        """Run all tasks, one after another, in one fresh child; `seconds` of wall time for all of them.

        With `take`, each result is handed to it as it comes, in order, and the outcomes are without them: so more can
        come through than fits into memory. What `take` raises ends the run, and the child.

        One outcome per task, in order. What the child does wrong is a failure in the outcomes; if it goes wrong only
        after the last answer, that last answer becomes a failure. Raises AirlockError if no template can be started,
        ValueError for more than `MAX_TASKS` tasks or a descriptor that a child must not have.
        """
        if len(tasks) > MAX_TASKS:
            raise ValueError(f"{len(tasks)} tasks in one run; at most {MAX_TASKS}")
        for task in tasks:
            _refuse_writable(task.fd)
        if not tasks:
            return []
        running, _ = self._ready()
        # All answers of a run are in memory at once, so together they may be no longer than one.
        answers = Answers(len(tasks), self._result_bytes, self._result_bytes, take)
        failure = run(running, tasks, answers, seconds)
        if not failure:
            self._deaths = 0
        return _outcomes(len(tasks), answers, failure)

    def close(self) -> None:
        """End the template and every child. Runs under way in other threads get failures. May be called twice."""
        with self._starting:
            self._closed = True
            if self._running is not None:
                self._running.kill()
                self._running = None

    def _ready(self) -> tuple[Running, Isolation]:
        with self._starting:
            if self._closed:
                raise AirlockError("this wall is closed", "make a new one")
            if self._running is not None and self._isolation is not None:
                if self._running.alive():
                    return self._running, self._isolation
                self._running.kill()
                self._count_death()
            running, isolation = self._launched()
            if isolation.level.rank < self._require.rank:
                running.kill()
                raise NoIsolation(*_too_weak(isolation, self._require))
            self._running, self._isolation = running, isolation
            return running, isolation

    def _launched(self) -> tuple[Running, Isolation]:
        """A new template. One that never started is not tried again: what keeps it from starting stays."""
        if self._refused:
            raise self._refused
        try:
            return launch(self._function, self._memory_bytes, self._layers, self._spawned)
        except AirlockError as error:
            self._refused = None if self._running else error
            raise

    def _count_death(self) -> None:
        self._deaths += 1
        if self._deaths > _DEATHS:
            raise AirlockError(
                f"the worker that starts readers died {self._deaths} times in a row",
                "look for a killer outside: memory limits of the container, a watchdog, a kernel log",
            )


def _refuse_writable(fd: int) -> None:
    """A child must not get a directory, a socket or anything it could write to. Raises ValueError, OSError."""
    if fd < 0:
        return
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise ValueError(f"descriptor {fd} is not a regular file")
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        return
    try:
        sealed = fcntl.fcntl(fd, _F_GET_SEALS) & _SEAL_WRITE
    except OSError:
        sealed = 0
    if not sealed:
        raise ValueError(f"descriptor {fd} is open for writing")


def _outcomes(count: int, answers: Answers, failure: str) -> list[Outcome]:
    outcomes = [
        Outcome(result=body)
        if kind == RESULT
        else Outcome(result=None, failure=f"the reader raised {plain(body.decode('utf-8', 'replace'))}")
        for kind, body in answers.answers
    ]
    if failure:
        # Somebody has to tell the caller, and an answer nobody ended properly is the least trustworthy one.
        del outcomes[count - 1 :]
        outcomes += [Outcome(result=None, failure=failure)] * (count - len(outcomes))
    return outcomes


def _too_weak(isolation: Isolation, required: Level) -> tuple[str, str]:
    reasons = "; ".join(f"{layer.name}: {layer.reason}" for layer in isolation.layers if layer.state != "enforced")
    return (
        f"isolation is {isolation.level}, and {required} is required ({reasons})",
        "run on Linux with Landlock and seccomp, or require less",
    )


def probe() -> Isolation:
    """Start a wall, see which layers hold on this machine, end it. Raises AirlockError if nothing starts."""
    with Wall("modelairlock.isolation.echo:echo", memory_bytes=64 * 1024 * 1024) as wall:
        return wall.isolation
