"""A model that is kept loaded in the jail and asked from outside: turns, restarts, and what an end means.

A worker that crashes is replaced and the call made once more, because frameworks do crash. One that tried something,
or spoke out of turn, is not: the session is over, and every later call says why.
"""

import contextlib
import os
import threading
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Literal

import msgspec

from modelairlock.isolation.jail.decode import escaped
from modelairlock.isolation.jail.folder import Folder
from modelairlock.isolation.jail.job import LOADERS, Job, loading, text
from modelairlock.isolation.jail.life import Life, Over, Refused
from modelairlock.isolation.jail.run import run
from modelairlock.isolation.jail.values import Packed, numpy_here
from modelairlock.records.errors import AirlockError, BadArguments, Busy, CallFailed, NoIsolation, WorkerEnded
from modelairlock.records.isolation import Isolation, Level
from modelairlock.records.jail import JAIL_LAYERS, Event, JailLayer, JailLimits, JailResult, Outcome

METHODS = (
    "predict", "predict_proba", "transform", "decision_function", "__call__", "run", "generate", "tokenizer", "decode",
)  # fmt: skip
#: of the fixed table, those that make nothing to ask
_NOT_ASKED = frozenset(("numpy.load",))
SERVED = tuple(one for one in LOADERS if one not in _NOT_ASKED)
OnViolation = Literal["stop", "record"]
#: processor time is watched call by call; the kernel's own limit is for the whole life
_FOR_EVER = 10 * 365 * 24 * 3600
_HOSTILE = "No honest model does that: keep the file, and do not load it anywhere else."
_HINTS = {
    Outcome.LIMIT_WALL: "Use smaller batches, or give a call more time (seconds=); the next call starts it anew.",
    Outcome.LIMIT_CPU: "Use smaller batches, or raise limits.cpu_seconds; the next call starts it anew.",
    Outcome.LIMIT_MEMORY: "Use smaller batches, or raise limits.memory_bytes; the next call starts it anew.",
    Outcome.LIMIT_OUTPUT: "It must print less in one call, or raise limits.output_bytes.",
    Outcome.LIMIT_FILES: "Raise limits.files if it is an honest model.",
    Outcome.BLOCKED_CRASH: "Load the model with the versions it was made with; the next call starts it anew.",
    Outcome.LOADER_ERROR: (
        "Name another loader, or the interpreter of the environment that the model was made in; for skops, also the"
        " types to trust (trusted=)."
    ),
    Outcome.COMPLETED_WITH_VIOLATIONS: f"{_HOSTILE} What it tried is in .events.",
    Outcome.PROTOCOL_VIOLATION: _HOSTILE,
    Outcome.ISOLATION_UNAVAILABLE: "See `airlock doctor` for what is missing, and how to get it.",
    Outcome.ISOLATION_LOST: "See `airlock doctor`; the model must not be used on this machine.",
}
_LOADING = "while it was loaded"
#: where it was no call that went wrong: nothing was sent yet, and perhaps there is no model to call again
_HINTS_LOADING = {
    Outcome.LIMIT_WALL: "Raise limits.wall_seconds if it is a large model; `airlock detonate` shows what it does.",
    Outcome.LIMIT_CPU: "Raise limits.cpu_seconds if you trust it to end; `airlock detonate` shows what it does.",
    Outcome.LIMIT_MEMORY: "Raise limits.memory_bytes if it is a large model.",
    Outcome.LIMIT_OUTPUT: "Raise limits.output_bytes if it is an honest model.",
    Outcome.BLOCKED_CRASH: (
        "Use the environment with the versions it was made with; `airlock detonate` shows what it did before."
    ),
}
#: after these nothing is started anew
_FATAL = frozenset(
    (
        Outcome.COMPLETED_WITH_VIOLATIONS, Outcome.PROTOCOL_VIOLATION, Outcome.ISOLATION_UNAVAILABLE,
        Outcome.ISOLATION_LOST, Outcome.LOADER_ERROR,
    )
)  # fmt: skip


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is kept under; `modelairlock.load_isolated` documents each, and has the defaults."""

    require: Level
    limits: JailLimits
    seconds: float
    on_violation: OnViolation
    call_bytes: int
    restarts: int
    queue: int
    threads: int


class ServedModel:
    """Opens the model when it is made. Raises AirlockError; NoIsolation if the level required is not there."""

    def __init__(
        self,
        model: int | Folder,
        name: str,
        loader: str,
        interpreter: str,
        terms: Terms,
        *,
        libraries: tuple[str, ...] = (),
        import_from: tuple[str, ...] = (),
        trusted: tuple[str, ...] = (),
        enabled_layers: Collection[str] = JAIL_LAYERS,
    ) -> None:
        self._model = model
        self._name = name
        self._terms = terms
        self._enabled = enabled_layers
        self._numpy = numpy_here()
        variables = tuple((f"{one}_NUM_THREADS", str(terms.threads)) for one in ("OMP", "OPENBLAS", "MKL"))
        job = loading(loader, model, interpreter, libraries, trusted)
        self._job = msgspec.structs.replace(
            job, code="\n".join((job.code, text("serving.py"), text("asked.py"))), phases=("import", "load", "serve"),
            import_from=import_from, variables=(*job.variables, *variables),
        )  # fmt: skip
        self._owner = os.getpid()
        self._turn = threading.Lock()
        self._changing = threading.Lock()
        self._places = threading.BoundedSemaphore(terms.queue + 1)
        self._life: Life | None = None
        self._closed = False
        self._end: tuple[str, str] | None = None
        self._without_answer = 0
        self._past: tuple[Event, ...] = ()
        self._past_dropped = 0
        #: workers that were started, the first among them
        self.started = 0
        self.layers: tuple[JailLayer, ...] = ()
        try:
            self._alive()
        except BaseException:
            self.close()
            raise

    @property
    def level(self) -> Level:
        """The level that the model was opened at."""
        return Isolation.of(self.layers).level

    @property
    def places(self) -> tuple[str, ...]:
        """Where the files really are that the worker reads by their names."""
        return self._model.places if isinstance(self._model, Folder) else ()

    @property
    def events(self) -> tuple[Event, ...]:
        """What was tried so far: by this worker, and by those before it."""
        life = self._life
        return self._past + (life.events[0] if life is not None else ())

    @property
    def dropped(self) -> int:
        """How many more attempts there were than `events` keeps."""
        life = self._life
        return self._past_dropped + (life.events[1] if life is not None else 0)

    @property
    def output(self) -> str:
        """The beginning of what the worker printed, escaped."""
        life = self._life
        return life.output if life is not None else ""

    @property
    def closed(self) -> bool:
        """Whether it can be asked no more."""
        return self._closed or self._end is not None

    def close(self) -> None:
        """End the worker, at once; a call that is under way fails."""
        if self._owner != os.getpid():
            return
        with self._changing:
            if self._closed:
                return
            self._closed = True
            life = self._life
            if isinstance(self._model, int):
                os.close(self._model)
        if life is not None:
            with contextlib.suppress(AirlockError):
                life.finish()
            self._bury(life)
        if isinstance(self._model, Folder):
            self._model.close()

    def call(self, method: str, arguments: tuple[object, ...], options: Mapping[str, object]) -> object:
        """Have the model do `method`. Raises AirlockError."""
        if self._owner != os.getpid():
            raise AirlockError(
                f"{self._name}: this model was opened in another process", "Open it in each process that asks it."
            )
        try:
            packed = Packed(self._numpy, arguments, options)
        except AirlockError as problem:
            raise BadArguments(str(problem), problem.hint) from None
        with self._my_turn():
            value = self._asked(method, packed)
            self._without_answer = 0
            return value

    @contextlib.contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise self._busy()
        try:
            if not self._turn.acquire(timeout=self._terms.seconds):
                raise self._busy()
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()

    def _busy(self) -> AirlockError:
        hint = "Ask again later, ask in fewer threads, or open the model more than once."
        return Busy(f"{self._name}: too many calls wait for their turn", hint)

    def _asked(self, method: str, packed: Packed) -> object:
        for attempt in (1, 2):
            life = self._alive()
            try:
                return life.call(method, packed, self._terms.seconds)
            except Refused as refused:
                self._without_answer = 0
                hint = "This is what the jailed process says: look at the arguments, and at the model."
                said = escaped(str(refused))
                raise CallFailed(f"{self._name}: the call failed: {said}", hint, said) from None
            except Over:
                result = self._buried(life)
                self._without_answer += 1
                again = attempt == 1 and result.outcome is Outcome.BLOCKED_CRASH and not _of_another_abi(result)
                if not again or self._closed or self._without_answer > self._terms.restarts:
                    raise self._ended(result, f"while it did {method}") from None
            except AirlockError as problem:
                raise BadArguments(str(problem), problem.hint) from None
            except BaseException:
                with contextlib.suppress(AirlockError):
                    self._buried(life)
                raise
        raise AssertionError("unreachable")

    def _alive(self) -> Life:
        """A worker that can be asked, started if there is none. Raises AirlockError."""
        if self._end is not None:
            raise WorkerEnded(*self._end)
        if self._closed:
            raise self._was_closed()
        if self._life is not None and self._life.ready():
            return self._life
        if self._life is not None:
            self._raise_for_end(self._life)
        if self._without_answer > self._terms.restarts:
            message = f"{self._name}: its worker ended {self._without_answer} times in a row without an answer"
            self._end = message, "Look at the errors of those calls; open it again to try once more."
            raise WorkerEnded(*self._end)
        life = self._started()
        if not life.ready():
            result = self._buried(life)
            self._without_answer += 1
            raise self._ended(result, _LOADING)
        self.layers = life.layers
        return life

    def _raise_for_end(self, life: Life) -> None:
        """It ended while nobody asked it: a reason to start anew, or not."""
        result = self._buried(life)
        self._without_answer += 1
        if result.outcome in _FATAL or _of_another_abi(result):
            raise self._ended(result, "while it was asked for nothing")

    def _started(self) -> Life:
        with self._changing:
            if self._closed:
                raise self._was_closed()
            # Of its own, for it may need it after the session was closed, when the number may be another file's.
            inputs = (os.dup(self._model),) if isinstance(self._model, int) else ()
            job = msgspec.structs.replace(self._job, inputs=inputs)
            run_it = partial(self._run, job)
            stop = self._terms.on_violation == "stop"
            self.started += 1
            self._life = Life(run_it, self._terms.limits, self._terms.call_bytes, stop=stop, name=self._name)
            return self._life

    def _run(self, job: Job, life: Life) -> JailResult:
        try:
            limits = msgspec.structs.replace(self._terms.limits, cpu_seconds=_FOR_EVER)
            return run(job, require=self._terms.require, limits=limits, enabled_layers=self._enabled, serving=life)
        finally:
            for fd in job.inputs:
                os.close(fd)

    def _was_closed(self, when: str = "") -> AirlockError:
        return WorkerEnded(f"{self._name}: the model was closed{when}", "Open it again with load_isolated.")

    def _bury(self, life: Life) -> None:
        with self._changing:
            if self._life is life:
                events, dropped = life.events
                # The newest of all lives: a session may go on for months.
                kept = (self._past + events)[-self._terms.limits.events :]
                self._past_dropped += dropped + len(self._past) + len(events) - len(kept)
                self._past = kept
                self._life = None

    def _buried(self, life: Life) -> JailResult:
        try:
            result = life.finish()
        finally:
            self._bury(life)
        if not self.layers:
            self.layers = result.layers
        return result

    def _ended(self, result: JailResult, when: str) -> AirlockError:
        if self._closed:
            return self._was_closed(f" {when}")
        outcome = result.outcome
        hints = _HINTS | _HINTS_LOADING if when == _LOADING else _HINTS
        hint = hints.get(outcome, "The next call starts it anew.")
        message = f"{self._name}: the jailed worker ended {when} ({outcome}): {result.detail}"
        if outcome in _FATAL or _of_another_abi(result):
            self._end = message, hint
        if outcome is Outcome.ISOLATION_UNAVAILABLE:
            return NoIsolation(message, hint)
        return WorkerEnded(message, hint, outcome)


def _of_another_abi(result: JailResult) -> bool:
    """A call by the numbers of another ABI is not seen as a call: the kernel ends the process for it."""
    return result.outcome is Outcome.BLOCKED_CRASH and "SIGSYS" in result.detail
