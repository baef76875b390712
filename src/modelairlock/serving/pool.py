"""The jailed workers of one model: who is asked, what an end means, and what they tried.

A worker that crashes too often is opened anew after a pause that doubles, so that one request that crashes it cannot
end the service. A model that tried something, or spoke out of turn, is asked no more in any worker: that is no
accident. All of it may be called from several threads.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from modelairlock.pipeline.load_isolated import IsolatedModel
from modelairlock.records.attempts import idle
from modelairlock.records.errors import AirlockError, BadArguments, Busy, CallFailed, WorkerEnded
from modelairlock.records.jail import Event, Outcome
from modelairlock.records.text import shown
from modelairlock.serving.problems import Refusal

Tell = Callable[[str, dict[str, Any]], None]
#: after these the model is asked no more
_HOSTILE = frozenset((Outcome.COMPLETED_WITH_VIOLATIONS, Outcome.PROTOCOL_VIOLATION))
#: status, and the reason that metrics count
_STATUS = {
    Outcome.LIMIT_WALL: (504, "time"),
    Outcome.LIMIT_CPU: (504, "time"),
    Outcome.LIMIT_MEMORY: (500, "memory"),
    Outcome.LIMIT_OUTPUT: (500, "output"),
    Outcome.LIMIT_FILES: (500, "files"),
    Outcome.BLOCKED_CRASH: (500, "crash"),
}
_TAKEN_OUT = "the model was taken out of service ({}): it did what no honest model does"
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 2.0, 60.0


class _Slot:
    """The place of one worker."""

    def __init__(self, model: IsolatedModel) -> None:
        self.model = model
        self.busy = False
        self.pause = _FIRST_PAUSE_SECONDS
        #: when a closed one may be opened anew
        self.due = 0.0
        self.last: Event | None = None
        self.tried = 0
        self.restarts = 0


class Pool:
    """Owns the models. `reopen` opens another one like them; `still` looks whether the file is what was scanned.

    Both raise AirlockError. `tell` writes a line of log. With `stop` an attempt is the end, as it is for the worker.
    """

    def __init__(
        self,
        models: Sequence[IsolatedModel],
        tell: Tell,
        reopen: Callable[[], IsolatedModel] | None = None,
        still: Callable[[], None] | None = None,
        *,
        stop: bool = True,
    ) -> None:
        self._slots = [_Slot(model) for model in models]
        self._tell = tell
        self._reopen = reopen
        self._still = still
        self._stop = stop
        self._lock = threading.Lock()
        self._reopened = 0
        self._over = False
        #: why the model is asked no more; empty while it is
        self.down = ""
        #: system calls that were denied, by name
        self.violations: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def ready(self) -> bool:
        """Whether a call has a chance."""
        now = time.monotonic()
        return not self.down and any(not slot.model.closed or slot.due <= now for slot in self._slots)

    @property
    def restarts(self) -> int:
        """How many workers were started in the place of another."""
        return self._reopened + sum(slot.restarts + slot.model.restarts for slot in self._slots)

    def call(self, method: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> object:
        """Ask a worker that is free; there must be one. Raises Refusal."""
        slot = self._taken()
        try:
            self._mended(slot)
            before = slot.model.restarts
            value = self._asked(slot.model, method, arguments, options)
            if slot.model.restarts != before:
                self._check()
            return value
        except WorkerEnded as problem:
            raise self._ended(slot, problem) from None
        finally:
            self.look()
            with self._lock:
                slot.busy = False

    def _asked(self, model: IsolatedModel, method: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> object:
        try:
            return model.ask(method, arguments, options)
        except Busy:
            raise Refusal(503, "too many requests wait for their turn", kind="busy", retry=True) from None
        except CallFailed as problem:
            message = f"the model did not answer, and says (its own words): {shown(problem.said, 900)}"
            raise Refusal(422, message, kind="raised") from None
        except BadArguments as problem:
            raise Refusal(400, f"{problem}. {problem.hint}") from None
        except WorkerEnded:
            raise
        except AirlockError as problem:
            # It may name files and folders of this machine, which are for its operator alone.
            self._tell("not-asked", {"detail": str(problem), "hint": problem.hint})
            raise Refusal(503, "the jailed worker could not be asked", kind="down", retry=True) from None

    def look(self) -> None:
        """Log and count what was tried since the last look."""
        with self._lock:
            tried = [self._look_at(number, slot) for number, slot in enumerate(self._slots)]
        if self._stop and any(tried):
            self.take_down(_TAKEN_OUT.format(Outcome.COMPLETED_WITH_VIOLATIONS))

    def take_down(self, reason: str) -> None:
        """Ask it no more. `reason` is ours, not the model's."""
        with self._lock:
            if self.down:
                return
            self.down = reason
        self._tell("down", {"reason": reason})
        # None of them is asked any more; what runs in them is not left to itself.
        self._end_all()

    def close(self) -> None:
        """End all workers."""
        self._over = True
        self._end_all()

    def _end_all(self) -> None:
        with self._lock:
            models = [slot.model for slot in self._slots]
        for model in models:
            model.close()

    def _check(self) -> None:
        """A worker that was started anew has read the file anew. Raises Refusal if that is not what was scanned."""
        try:
            if self._still is not None:
                self._still()
        except AirlockError as problem:
            self._tell("changed", {"detail": str(problem), "hint": problem.hint})
            self.take_down("the model's file has changed since it was scanned")
            raise Refusal(503, self.down, kind="down") from None

    def _taken(self) -> _Slot:
        """A free place; one whose worker lives, if there is any."""
        with self._lock:
            free = [slot for slot in self._slots if not slot.busy]
            if self.down or self._over or not free:
                raise Refusal(503, self.down or "the server is ending", kind="down")
            slot = next((one for one in free if not one.model.closed), None) or min(free, key=lambda one: one.due)
            slot.busy = True
            return slot

    def _mended(self, slot: _Slot) -> None:
        """Its worker is opened anew if it ended for good. Raises Refusal."""
        if not slot.model.closed:
            return
        if self._reopen is None or time.monotonic() < slot.due:
            raise Refusal(503, "the jailed worker ended too often; it is started anew soon", kind="down", retry=True)
        try:
            model = self._reopen()
        except AirlockError as problem:
            self._put_off(slot)
            self._tell("not-opened", {"detail": str(problem), "hint": problem.hint})
            raise Refusal(503, "the jailed worker could not be started anew", kind="down", retry=True) from None
        with self._lock:
            slot.restarts += slot.model.restarts
            self._reopened += 1
            slot.model, slot.last, slot.tried = model, None, 0
            over = self._over or self.down
        if over:
            model.close()

    def _put_off(self, slot: _Slot) -> None:
        slot.due = time.monotonic() + slot.pause
        slot.pause = min(2 * slot.pause, _LONGEST_PAUSE_SECONDS)

    def _ended(self, slot: _Slot, problem: WorkerEnded) -> Refusal:
        self._tell("worker-ended", {"outcome": problem.outcome, "detail": str(problem), "hint": problem.hint})
        outcome = problem.outcome
        if outcome in _HOSTILE:
            self.take_down(_TAKEN_OUT.format(outcome))
            return Refusal(503, self.down, kind="down")
        if slot.model.closed:
            self._put_off(slot)
        status, kind = _STATUS.get(Outcome(outcome), (503, "down")) if outcome else (503, "down")
        what = f"the jailed worker ended while it computed this ({outcome or 'closed'})"
        advice = {"time": "ask for less at a time", "memory": "ask for less at a time"}.get(kind, "")
        return Refusal(status, f"{what}; {advice}" if advice else what, kind=kind, retry=status == 503)

    def _look_at(self, number: int, slot: _Slot) -> bool:
        """Whether it tried something. What is not kept may be a framework's habit, repeated: that is counted alone."""
        found = False
        events = slot.model.events
        tried = len(events) + slot.model.dropped
        fresh: list[Event] = []
        for event in reversed(events):
            if event is slot.last:
                break
            fresh.append(event)
        slot.last = events[-1] if events else None
        if tried - slot.tried > len(fresh):
            self.violations["(not kept)"] += tried - slot.tried - len(fresh)
        slot.tried = max(tried, slot.tried)
        for event in reversed(fresh):
            # What frameworks ask for and go on without is no violation.
            if not idle(event.syscall, event.arguments) and event.action != "EAGAIN":
                found = True
                self.violations[event.syscall] += 1
                self._tell("violation", {"worker": number, **_plain(event)})
        return found


def _plain(event: Event) -> dict[str, Any]:
    return {
        "phase": event.phase,
        "syscall": event.syscall,
        "arguments": [shown(one, 400) for one in event.arguments],
        "action": event.action,
        "certainty": str(event.certainty),
    }
