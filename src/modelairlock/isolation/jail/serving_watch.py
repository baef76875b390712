"""The parent's loop of a worker that serves: time and memory count call by call, and it speaks only when it is due."""

import os
import threading
import time

from modelairlock.isolation.jail import talk
from modelairlock.isolation.jail.answers import Seen
from modelairlock.isolation.jail.channel import BrokeProtocol
from modelairlock.isolation.jail.launcher import Launched
from modelairlock.isolation.jail.watch import Stopped, Watch
from modelairlock.records.attempts import idle
from modelairlock.records.jail import JailLimits, Outcome

_IDLE_MILLISECONDS = 500
#: threads that libraries leave running turn for a moment after a call
_IDLE_CPU_SECONDS = 2.0


class ServingWatch(Watch):
    """Follows a worker that loads as any other, and then answers calls."""

    def __init__(self, launched: Launched, limits: JailLimits, over: threading.Event, *, stop: bool) -> None:
        super().__init__(launched, limits)
        self._over = over
        self.said: talk.Said | None = None
        #: whether the worker may say something now
        self.due = False
        self._stop = stop
        self._serving = False

    def serve(self, wake: int) -> None:
        """The model is loaded; `wake` ends an idle wait."""
        self._serving = True
        self._poll.register(wake, 1)
        if self._messages:
            raise BrokeProtocol("it spoke before it was asked")

    def step(self, deadline: float) -> None:
        """As any watch; and a load that nobody waits for any more is stopped."""
        if self._over.is_set() and not self._serving:
            raise Stopped(Outcome.LIMIT_WALL, "it was closed while it was loaded")
        super().step(deadline)

    def called(self) -> None:
        """A call begins: what is printed and computed counts from here."""
        self._printed = 0
        self._base_cpu = int(self._cpu * 1000)
        self.said = None
        self.due = True

    def answered(self) -> None:
        """A call is over: from here on the worker has nothing to do."""
        self.due = False
        self._base_cpu = int(self._cpu * 1000)

    def idle(self) -> None:
        """Wait until something happens; handle it. Raises Stopped, BrokeProtocol."""
        if self._poll.poll(_IDLE_MILLISECONDS):
            self.step(time.monotonic() + 1)
        else:
            self._sample()
        if self._cpu - self._base_cpu / 1000 > _IDLE_CPU_SECONDS:
            detail = f"it computed for more than {_IDLE_CPU_SECONDS} s while it was asked for nothing"
            raise Stopped(Outcome.LIMIT_CPU, detail)
        self._judge()

    def _hear(self) -> bool:
        if not self._serving:
            return super()._hear()
        if self.closed:
            return False
        while True:
            try:
                said = talk.hear(self.launched.control)
            except BlockingIOError:
                return False
            if said is None:
                self.closed = True
                self._poll.unregister(self.launched.control.fileno())
                return False
            if not self.due:
                raise BrokeProtocol("it spoke without being asked")
            self.said, self.due = said, False

    def _keep(self, seen: Seen) -> None:
        super()._keep(seen)
        # One thread more than are allowed is no attack: who cannot have it does without, or says so.
        if self._stop and self.opened and not idle(seen.call, seen.arguments) and seen.action != "EAGAIN":
            shown = " ".join((seen.call, *seen.arguments))
            raise Stopped(Outcome.COMPLETED_WITH_VIOLATIONS, f"it tried {shown} (answered {seen.action})")


def drained(wake: int) -> None:
    """Forget that it was woken."""
    try:
        os.eventfd_read(wake)
    except BlockingIOError:
        return
