"""The parent's loop: it answers calls, takes messages and output, counts what is used, and stops what goes too far.

One thread, one `poll`, and nothing waits without a deadline. What it keeps is bounded, whatever the jail does.
"""

import contextlib
import errno
import os
import select
import time
from collections import Counter, deque
from collections.abc import Callable

from modelairlock.isolation.jail import channel, tree
from modelairlock.isolation.jail.answers import Answers, Seen
from modelairlock.isolation.jail.cgroup import Cage
from modelairlock.isolation.jail.decode import escaped
from modelairlock.isolation.jail.launcher import Launched, session
from modelairlock.isolation.jail.notify import Listener, Notification
from modelairlock.records.attempts import idle, may_be_usual, sort_of
from modelairlock.records.jail import Claim, Event, JailLimits, JailPhase, Outcome
from modelairlock.records.text import counted

_SAMPLE_SECONDS = 0.02
#: all processes of the system are looked through to find those of the jail
_SEARCH_SECONDS = 0.1
_READ_BYTES = 1 << 16
#: calls and messages taken in one go before the limits are looked at again
_BATCH = 64
_CLAIM_ARGUMENTS = 4


class Stopped(Exception):
    """The run is over before its time; `outcome` and `detail` say why."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


def _ready(fd: int) -> int:
    """What `poll` says of `fd` now; 0 if nothing."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return next((mask for _, mask in poll.poll(0)), 0)


def _repeated(before: Event, seen: Seen) -> bool:
    """Whether a C library asks with `clone` for what it has just asked for with `clone3`, which is not there."""
    return (
        (before.syscall, before.action) == ("clone3", "ENOSYS")
        and seen.call in {"clone", "fork", "vfork"}
        and (before.thread, before.arguments) == (seen.notification.thread, seen.arguments)
    )


class Watch:
    """Follows one worker. `answer` is asked for every waiting call."""

    def __init__(self, launched: Launched, limits: JailLimits) -> None:
        self.launched = launched
        self.limits = limits
        self.worker = -1
        self.listener: Listener | None = None
        self.answer: Callable[[Notification], object] = self._refuse
        #: the answers of a run under way; before it, `answer` is all there is
        self.answers: Answers | None = None
        #: the control group that the worker is in, if it is in one of its own
        self.cage: Cage | None = None
        self._events = -1
        self.ended = False
        #: whether the worker has closed its end of the channel
        self.closed = False
        self.opened = False
        self.dropped = self.dropped_claims = 0
        self.events: list[Event] = []
        #: of what may count for nothing (True), and of the rest, how many are kept; and the sorts of the rest
        self._kept = Counter[bool]()
        self._sorts: set[tuple[str, bool, bool]] = set()
        self.claims: list[Claim] = []
        self.phases: list[JailPhase] = []
        self.output = bytearray()
        self.phase = ""
        self._printed = 0
        self._messages: deque[channel.Message | None] = deque()
        self._start = time.monotonic()
        self._sampled = self._searched = 0.0
        self._processes: list[int] = []
        self._base_cpu = self._base_memory = 0
        self._phase_start = (0.0, 0.0)
        self._cpu = 0.0
        self._memory = self._peak = 0
        self._end = os.pidfd_open(launched.process.pid)
        self._poll = select.poll()
        for fd in (launched.control.fileno(), launched.output, self._end):
            self._poll.register(fd, select.POLLIN)

    def completed(self) -> tuple[Outcome, str]:
        """What it means that the worker has done all it was asked for."""
        if not self.events:
            return Outcome.COMPLETED, "nothing forbidden was attempted on the way that was taken"
        count = len(self.events) + self.dropped
        told = f"{counted(count, 'attempt')} {'was' if count == 1 else 'were'} seen"
        return Outcome.COMPLETED_WITH_VIOLATIONS, told

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._end)

    def listen(self, fd: int) -> None:
        """Take calls from this listener from now on."""
        self.listener = Listener(fd)
        self._poll.register(fd, select.POLLIN)

    def heed(self, cage: Cage) -> None:
        """Be woken when the kernel ends something in the group, for a scope is gone soon after that."""
        if cage.wakes and cage.events >= 0:
            self._events = cage.events
            self._poll.register(cage.events, select.POLLPRI)

    def go(self) -> None:
        """The model is being handed over: time, memory and processor time count from now."""
        self.opened = True
        self._start = time.monotonic()
        self._sample(force=True)
        self._base_cpu, self._base_memory = int(self._cpu * 1000), self._memory

    def begin(self, phase: str) -> None:
        """Account for `phase` from now on."""
        self._sample(force=True)
        self.phase, self._peak = phase, self._memory
        self._phase_start = (time.monotonic(), self._cpu)

    def finish(self, note: str = "") -> None:
        """The phase is over, and the worker says `note` of it."""
        if not self.phase:
            return
        self._sample(force=True)
        started, cpu = self._phase_start
        self.phases.append(
            JailPhase(
                name=self.phase,
                seconds=round(time.monotonic() - started, 4),
                cpu_seconds=round(max(0.0, self._cpu - cpu), 2),
                memory_bytes=self._peak,
                note=escaped(note),
            )
        )
        self.phase = ""

    def message(self, deadline: float) -> channel.Message | None:
        """The next message that is no claim; None when there will be none. Raises Stopped, BrokeProtocol."""
        while True:
            if self._messages:
                return self._messages.popleft()
            if self.ended:
                return None
            self.step(deadline)

    def step(self, deadline: float) -> None:
        """Handle what has come, or wait a moment. Raises Stopped, BrokeProtocol."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise Stopped(Outcome.LIMIT_WALL, "it was not done when its time was up")
        for fd, mask in self._poll.poll(min(left, _SAMPLE_SECONDS) * 1000):
            if self.listener is not None and fd == self.listener.fd:
                self._answer_some(mask)
            elif fd == self.launched.output:
                self._print()
            elif fd == self._events:
                self._heard_of_group()
            elif fd == self._end:
                self._finished()
            else:
                self._hear()
        self._sample()
        if self.opened:
            self._judge()

    def _heard_of_group(self) -> None:
        if self.cage is not None and (how := self.cage.overflowed()) and self.opened:
            raise Stopped(Outcome.LIMIT_MEMORY, how)
        if self.cage is None or self.cage.events < 0:
            self._poll.unregister(self._events)
            self._events = -1

    def _finished(self) -> None:
        """The first process is gone; whatever it still said is there to be read."""
        self._poll.unregister(self._end)
        while not self.closed and self._hear():
            pass
        self._print()
        self.ended = True

    def _answer_some(self, mask: int) -> None:
        listener = self.listener
        for _ in range(_BATCH):
            if listener is None:
                return
            if not mask & select.POLLIN:
                # Nobody is left who could ask. Older kernels (6.1 was seen to) then wait for a call that never comes.
                self._poll.unregister(listener.fd)
                return
            try:
                notification = listener.receive()
            except OSError:
                self._poll.unregister(listener.fd)
                return
            if notification is not None:
                self._answer_one(notification)
            mask = _ready(listener.fd)
            if not mask:
                return

    def _answer_one(self, notification: Notification) -> None:
        if self.answers is None:
            self.answer(notification)
            return
        seen = self.answers.answer(notification)
        if seen is not None:
            self._keep(seen)
        if self.answers.too_many_forks:
            raise Stopped(Outcome.LIMIT_FORKS, f"it started more than {self.limits.forks} processes")
        if self.answers.too_much_memory:
            raise Stopped(Outcome.LIMIT_MEMORY, f"it shared more than {self.limits.memory_bytes >> 20} MiB of memory")
        if self.answers.too_many_files:
            raise Stopped(Outcome.LIMIT_FILES, f"it opened more than {self.limits.files} files")

    def _refuse(self, notification: Notification) -> None:
        """Before anybody knows better: a thread of a library that waited for ever would hold others up."""
        if self.listener is not None:
            self.listener.refuse(notification, errno.ENOSYS)

    def _keep(self, seen: Seen) -> None:
        before = self.events[-1] if self.events else None
        if before is not None and _repeated(before, seen):
            self.events.pop()
        if not self._has_room(seen):
            self.dropped += 1
            return
        self.events.append(
            Event(
                seq=len(self.events) + 1,
                at_seconds=round(time.monotonic() - self._start, 4),
                phase=self.phase,
                thread=seen.notification.thread,
                syscall=seen.call,
                arguments=seen.arguments,
                action=seen.action,
                certainty=seen.certainty,
            )
        )

    def _has_room(self, seen: Seen) -> bool:
        """Whether it is kept: a flood must not hide the one that matters.

        What may be idle or a habit takes no place from the rest, and the first of each sort has one in any case.
        """
        little = idle(seen.call, seen.arguments) or may_be_usual(seen.call, seen.arguments)
        sort = sort_of(seen.call, seen.arguments)
        if self._kept[little] >= self.limits.events and (little or sort in self._sorts):
            return False
        self._kept[little] += 1
        if not little:
            self._sorts.add(sort)
        return True

    def _hear(self) -> bool:
        """Take messages; whether there may be more."""
        for _ in range(_BATCH):
            try:
                message = self._receive()
            except BlockingIOError:
                return False
            except ConnectionResetError:
                message = None
            if isinstance(message, channel.Said):
                self._claimed(message)
                continue
            self._messages.append(message)
            if message is None:
                self.closed = True
                self._poll.unregister(self.launched.control.fileno())
                return False
            if len(self._messages) > _BATCH:
                raise channel.BrokeProtocol("it sent more than it was asked for")
        return True

    def _receive(self) -> channel.Message | None:
        if self.opened or self.listener is not None:
            return channel.receive(self.launched.control)
        message, fd, sender = channel.receive_listener(self.launched.control)
        if self.worker < 0:
            self.worker = sender
        if fd >= 0:
            if not isinstance(message, channel.ListenerHere):
                os.close(fd)
                raise channel.BrokeProtocol("it sent a descriptor that nobody asked for")
            self.listen(fd)
        return message

    def _claimed(self, said: channel.Said) -> None:
        if len(self.claims) >= self.limits.claims:
            self.dropped_claims += 1
            return
        shown = tuple(channel.plain(one) for one in said.arguments[:_CLAIM_ARGUMENTS])
        self.claims.append(Claim(phase=self.phase, event=channel.plain(said.event), arguments=shown))

    def _print(self) -> None:
        for _ in range(_BATCH):
            try:
                data = os.read(self.launched.output, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                with contextlib.suppress(KeyError):
                    self._poll.unregister(self.launched.output)
                return
            self._printed += len(data)
            self.output += data[: max(0, self.limits.kept_output_bytes - len(self.output))]
            if self._printed > self.limits.output_bytes:
                raise Stopped(Outcome.LIMIT_OUTPUT, f"it printed more than {self.limits.output_bytes} bytes")

    @property
    def cpu_is_spent(self) -> bool:
        """Whether it had about used up its processor time when it was last looked at."""
        return self._cpu - self._base_cpu / 1000 > self.limits.cpu_seconds * 0.9

    @property
    def shown_output(self) -> str:
        """What it printed, escaped line by line."""
        return "\n".join(escaped(line) for line in self.output.decode("utf-8", "replace").split("\n"))

    def _sample(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if self.worker < 0 or (now - self._sampled < _SAMPLE_SECONDS and not force):
            return
        self._sampled = now
        many = self.answers is not None and self.answers.forks > 0
        if many and now - self._searched > _SEARCH_SECONDS:
            self._searched = now
            self._processes = session(self.launched.process.pid)
        processes = self._processes if many and self._processes else [self.worker]
        self._memory = sum(map(tree.memory, processes))
        # One that has ended takes its time along, so the sum may only grow.
        self._cpu = max(self._cpu, sum(map(tree.cpu_seconds, processes)))
        self._peak = max(self._peak, self._memory)

    def _judge(self) -> None:
        if self.cage is not None and (how := self.cage.overflowed()):
            raise Stopped(Outcome.LIMIT_MEMORY, how)
        used = self._memory - self._base_memory
        if used > self.limits.memory_bytes:
            raise Stopped(Outcome.LIMIT_MEMORY, f"its processes used {used >> 20} MiB more than after the imports")
        if self._cpu - self._base_cpu / 1000 > self.limits.cpu_seconds:
            raise Stopped(Outcome.LIMIT_CPU, f"it used more than {self.limits.cpu_seconds} s of processor time")
