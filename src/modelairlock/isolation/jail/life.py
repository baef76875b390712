"""One worker that serves, from its start to its end.

A thread of its own starts the jail, loads the model, and watches the worker while nobody asks it anything. Who calls
drives the loop in the thread that calls: handing every call over to another thread would cost more than the call.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

import msgspec

from modelairlock.isolation.jail import channel, talk
from modelairlock.isolation.jail.channel import BrokeProtocol
from modelairlock.isolation.jail.launcher import Launched
from modelairlock.isolation.jail.memory import Memory
from modelairlock.isolation.jail.serving_watch import ServingWatch, drained
from modelairlock.isolation.jail.values import Packed, Taking, numpy_here
from modelairlock.isolation.jail.watch import Stopped, Watch
from modelairlock.records.errors import AirlockError
from modelairlock.records.jail import Event, JailLayer, JailLimits, JailResult, Outcome

#: a call that follows another within this time finds the loop free
_QUIET_SECONDS = 0.02
_END_SECONDS = 15.0
#: of the memory that is allowed, what a model may say that it keeps of its arguments before they are copied to it
_KEPT_PART = 4


class Over(Exception):
    """The worker is no more, or must not be asked again; `finish` says why."""


class Refused(Exception):
    """The worker lives, and says that the call failed."""


class Life:
    """Starts when it is made; `ready` waits for the model to be loaded."""

    def __init__(
        self, run: Callable[["Life"], JailResult], limits: JailLimits, most_bytes: int, *, stop: bool, name: str = ""
    ) -> None:
        self.layers: tuple[JailLayer, ...] = ()
        self.result: JailResult | None = None
        self.problem: BaseException | None = None
        self._run = run
        self._limits = limits
        self._most_bytes = most_bytes
        self._stop = stop
        self._watch: ServingWatch | None = None
        self._numpy = numpy_here()
        self._given: Memory | None = None
        #: of its two pieces of memory, those that the worker has
        self._told: set[str] = set()
        self._results: Memory | None = None
        self._started = threading.Event()
        self._over = threading.Event()
        self._drive = threading.Lock()
        self._wanted = False
        #: whether it could not be told something: it is gone, though nobody has seen it go yet
        self._lost = False
        self._calls = self._kept = 0
        self._failure: Exception | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._waking = threading.Lock()
        self._thread = threading.Thread(target=self._live, name=f"airlock {name}", daemon=True)
        self._thread.start()

    def ready(self) -> bool:
        """Wait until the model is loaded, or could not be; whether it can be asked."""
        self._started.wait()
        return self._watch is not None and self.layers != () and not self._over.is_set()

    @property
    def events(self) -> tuple[tuple[Event, ...], int]:
        """What was tried so far, and how many more there were than are kept."""
        if self._watch is None:
            return (), 0
        return tuple(self._watch.events), self._watch.dropped

    @property
    def output(self) -> str:
        """The beginning of what it printed, escaped."""
        return self._watch.shown_output if self._watch is not None else ""

    def finish(self) -> JailResult:
        """End it, if it has not ended; how it did. Raises AirlockError for what the operator can mend."""
        self._over.set()
        self._poke()
        self._thread.join(_END_SECONDS)
        if self.problem is not None:
            raise self.problem
        if self.result is None:
            raise AirlockError("the jailed worker could not be ended", "Look for its processes, and end them.")
        return self.result

    def _poke(self) -> None:
        with self._waking:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    # --- the thread of its own ---------------------------------------------------------------------------------------

    def _live(self) -> None:
        try:
            self.result = self._run(self)
        except BaseException as problem:
            self.problem = problem
        finally:
            self._over.set()
            self._give_back()
            self._started.set()

    def _give_back(self) -> None:
        # Not while a caller still has them in hand.
        with self._drive, self._waking:
            for memory in (self._given, self._results):
                if memory is not None:
                    memory.close()
            os.close(self._wake)
            self._wake = -1

    def watch(self, launched: Launched) -> Watch:
        """The loop that `run` follows the worker with."""
        self._watch = ServingWatch(launched, self._limits, self._over, stop=self._stop)
        return self._watch

    def serve(self, watch: Watch, layers: tuple[JailLayer, ...]) -> tuple[Outcome, str] | None:
        """The last phase: watch while nobody calls. Raises Stopped, BrokeProtocol."""
        del watch
        assert self._watch is not None
        self._watch.serve(self._wake)
        self.layers = layers
        self._started.set()
        seen = -1
        while not self._over.wait(_QUIET_SECONDS):
            if self._wanted or seen != self._calls:
                seen = self._calls
                continue
            with self._drive:
                self._idle(self._watch)
        with self._drive:  # whoever still drives sees that it is over, and leaves
            pass
        if self._failure is not None:
            raise self._failure
        gone = self._lost or self._watch.ended or self._watch.closed
        return None if gone else (Outcome.COMPLETED, "it was closed by its caller")

    def _idle(self, watch: ServingWatch) -> None:
        """Watch until somebody calls, or the worker is gone."""
        try:
            while not self._wanted and not self._over.is_set():
                watch.idle()
                if watch.ended or watch.closed:
                    self._over.set()
        except BaseException:
            # Before the loop is free: nobody may drive it from here on.
            self._over.set()
            raise

    # --- the threads that call ---------------------------------------------------------------------------------------

    def call(self, method: str, packed: Packed, seconds: float) -> object:
        """Ask, and wait for the answer; one at a time. Raises Over, Refused, AirlockError."""
        with self._driving() as watch:
            self._calls += 1
            memory, fds = self._memory_for(packed.size)
            try:
                packed.write(self._given_memory)
                message = {
                    "call": self._calls, "method": method, "arguments": packed.arguments, "options": packed.options,
                    "memory": memory, "copy": self._copied,
                }  # fmt: skip
                data = msgspec.json.encode(message)
                if len(data) > talk.MESSAGE_BYTES:
                    hint = "Make numpy arrays of long lists and texts, and send those."
                    raise AirlockError("the arguments hold too much text and too many single values", hint)
                deadline = time.monotonic() + seconds
                watch.called()
                self._sent(watch, data, fds)
                self._told |= {*memory}
            finally:
                for fd in fds:
                    os.close(fd)
            answer = self._answer(watch, deadline)
            watch.answered()
            return self._value(answer)

    @contextlib.contextmanager
    def _driving(self) -> Iterator[ServingWatch]:
        """The loop, for the caller alone. What goes wrong in it is the end of this life."""
        self._wanted = True
        try:
            if not self._drive.acquire(blocking=False):
                self._poke()
                self._drive.acquire()
        finally:
            self._wanted = False
        try:
            if self._over.is_set() or self._watch is None:
                raise Over
            drained(self._wake)
            yield self._watch
        except (Stopped, BrokeProtocol) as failure:
            self._failure = failure
            self._over.set()
            raise Over from failure
        except (AirlockError, Refused):
            raise
        except BaseException:
            # Half of a call was said, or heard; the rest cannot be told from the next.
            self._over.set()
            raise
        finally:
            self._drive.release()

    @property
    def _given_memory(self) -> Memory:
        assert self._given is not None
        return self._given

    def _memory_for(self, size: int) -> tuple[list[str], tuple[int, ...]]:
        """What memory the worker must be given for a call of `size` bytes, and its descriptors, for the caller."""
        if size > self._most_bytes:
            hint = "Use smaller batches, or raise call_bytes."
            raise AirlockError(f"the arguments take {size} bytes, and at most {self._most_bytes} are sent", hint)
        if self._given is None or self._given.size < size:
            # Twice as large: what was replaced, and may still be held, is never more than what there is.
            larger = 2 * self._given.size if self._given is not None else 0
            self._forget_given()
            self._given = Memory(max(size, min(larger, self._most_bytes)))
        if self._results is None:
            self._results = Memory(1)
        names, fds = [], []
        if "given" not in self._told:
            names.append("given")
            fds.append(self._given.for_reading())
        if "results" not in self._told:
            names.append("results")
            fds.append(os.dup(self._results.fd))
        return names, tuple(fds)

    def _sent(self, watch: ServingWatch, data: bytes, fds: tuple[int, ...] = ()) -> None:
        try:
            channel.say(watch.launched.control, data, fds)
        except OSError as problem:
            self._lost = True
            raise Over from problem

    def _answer(self, watch: ServingWatch, deadline: float) -> talk.Answer | talk.Raised:
        while True:
            said = self._next(watch, deadline)
            if said.call != self._calls:
                raise BrokeProtocol("it answered a call that was not made")
            if not isinstance(said, talk.More):
                return said
            self._more(watch, said.bytes)

    def _next(self, watch: ServingWatch, deadline: float) -> talk.Said:
        while watch.said is None:
            if watch.ended or watch.closed or self._over.is_set():
                raise Over
            watch.step(deadline)
        said, watch.said = watch.said, None
        return said

    def _more(self, watch: ServingWatch, size: int) -> None:
        """Grant memory for a result, or tell the worker that it is too large (for us, or for this machine)."""
        if self._results is not None and size <= self._results.size:
            raise BrokeProtocol("it asked for memory that it has")
        watch.due = True
        try:
            larger = 2 * self._results.size if self._results is not None else 0
            allowed = size <= self._most_bytes
            memory = Memory(max(size, min(larger, self._most_bytes))) if allowed else None
        except AirlockError:
            memory = None
        if memory is None:
            self._sent(watch, b'{"memory":[]}')
            return
        if self._results is not None:
            self._results.close()
        self._results = memory
        self._sent(watch, b'{"memory":["results"]}', (memory.fd,))

    @property
    def _copied(self) -> bool:
        """Whether arguments are copied by the worker: it keeps so many already, as it says, that no more are lent."""
        return self._kept > self._limits.memory_bytes // _KEPT_PART

    def _forget_given(self) -> None:
        given, self._given = self._given, None
        self._told.discard("given")
        if given is not None:
            given.close()

    def _value(self, answer: talk.Answer | talk.Raised) -> object:
        if answer.kept:
            if self._copied:
                raise BrokeProtocol("it holds on to memory that it was not given")
            self._kept += self._given.size if self._given is not None else 0
            self._forget_given()
        if isinstance(answer, talk.Raised):
            raise Refused(answer.error)
        return Taking(self._numpy, self._results, self._most_bytes).value(answer.value)
