"""The caller's side of one run: feed the child, take its answers, hear how it ended, kill it if it must be.

The child is hostile until shown otherwise. Nothing here waits without a deadline, and the child's own pipe only
carries bytes: that it has ended is heard from the template.
"""

import contextlib
import os
import select
import socket
import time
from collections.abc import Iterator, Sequence

from modelairlock.isolation.framing import ENDED, EXIT, TASK, Answers, BrokeProtocol
from modelairlock.isolation.launch import Running
from modelairlock.isolation.task import Task

_READ_BYTES = 1 << 18
_WRITE_VIEWS = 64
#: how long a killed child may take to be gone, and a finished one to end
_KILL_SECONDS = 3.0
_END_SECONDS = 2.0


def run(running: Running, tasks: Sequence[Task], answers: Answers, seconds: float) -> str:
    """Run `tasks` in one child and fill `answers`. Returns what went wrong in one sentence, or nothing."""
    deadline = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        try:
            watch = _start(stack, running, tasks, answers, int(seconds) + 2)
        except OSError as error:
            return f"the worker could not be given the job: {error.strerror or error}"
        failure = watch.follow(deadline, seconds)
        if watch.status is None and not watch.settle(running):
            failure = failure or "the worker had to be killed"
        return failure


def _start(
    stack: contextlib.ExitStack, running: Running, tasks: Sequence[Task], answers: Answers, cpu_seconds: int
) -> "_Watch":
    """Hand the job over. Raises OSError."""
    life, life_far = socket.socketpair()
    stack.enter_context(life)
    with life_far:
        task_far, task_near = _pipe(stack)
        answer_near, answer_far = _pipe(stack)
        os.set_blocking(task_near.fd, False)
        feed = _Feed(task_near, tasks)
        feed.write()
        inputs = [task.fd for task in tasks if task.fd >= 0]
        running.send([life_far.fileno(), task_far.fd, answer_far.fd, *inputs], len(inputs), cpu_seconds)
    task_far.close()
    answer_far.close()
    return _Watch(life, answer_near, feed, answers)


class _End:
    """One end of a pipe, closed at most once."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _pipe(stack: contextlib.ExitStack) -> tuple[_End, _End]:
    reader, writer = map(_End, os.pipe())
    stack.callback(reader.close)
    stack.callback(writer.close)
    return reader, writer


def _views(tasks: Sequence[Task]) -> Iterator[memoryview]:
    for task in tasks:
        yield memoryview(TASK.pack(len(task.payload), task.fd >= 0) + task.payload[:1024])
        if len(task.payload) > 1024:
            yield memoryview(task.payload)[1024:]


class _Feed:
    """What is still to be written to the child; closing the pipe tells it that there is no more."""

    def __init__(self, end: _End, tasks: Sequence[Task]) -> None:
        self.end = end
        self._views = _views(tasks)
        self._pending: list[memoryview] = []

    def write(self) -> None:
        """Write what the pipe takes."""
        while self.end.fd >= 0:
            for view in self._views:
                self._pending.append(view)
                if len(self._pending) >= _WRITE_VIEWS:
                    break
            if not self._pending:
                self.end.close()
                return
            try:
                self._drop(os.writev(self.end.fd, self._pending))
            except BlockingIOError:
                return
            except OSError:
                # The child closed its end or is gone; how it ended says why.
                self.end.close()

    def _drop(self, count: int) -> None:
        while self._pending and count >= len(self._pending[0]):
            count -= len(self._pending.pop(0))
        if count:
            self._pending[0] = self._pending[0][count:]


class _Watch:
    """Follows one child until it has ended or has to be ended."""

    def __init__(self, life: socket.socket, answer: _End, feed: _Feed, answers: Answers) -> None:
        self.status: tuple[bytes, int] | None = None
        self._life = life
        self._answer = answer
        self._feed = feed
        self._answers = answers

    def follow(self, deadline: float, seconds: float) -> str:
        """Until the child has ended. Returns what went wrong in one sentence, or nothing."""
        ending = False
        while self.status is None or self._answer.fd >= 0:
            if self._answers.complete and not ending:
                ending, deadline = True, min(deadline, time.monotonic() + _END_SECONDS)
            left = deadline - time.monotonic()
            if left <= 0:
                return "the reader did not end after its last answer" if ending else _late(seconds)
            try:
                self._step(left)
            except BrokeProtocol as error:
                return f"the reader broke protocol: {error}"
            except MemoryError:
                return "the reader's answer did not fit into memory"
        return self._verdict()

    def _step(self, left: float) -> None:
        poll = select.poll()
        if self._answer.fd >= 0:
            poll.register(self._answer.fd, select.POLLIN)
        if self.status is not None:
            # The child is dead, so the pipe holds all it ever wrote, even if someone else kept the other end open.
            if poll.poll(0):
                self._take()
            else:
                self._answer.close()
            return
        poll.register(self._life, select.POLLIN)
        if self._feed.end.fd >= 0:
            poll.register(self._feed.end.fd, select.POLLOUT)
        for fd, _ in poll.poll(min(left, 3600.0) * 1000):
            if fd == self._answer.fd:
                self._take()
            elif fd == self._feed.end.fd:
                self._feed.write()
            else:
                self._hear()

    def _take(self) -> None:
        data = os.read(self._answer.fd, _READ_BYTES)
        if data:
            self._answers.feed(data)
        else:
            self._answer.close()

    def _hear(self) -> None:
        try:
            data = self._life.recv(ENDED.size)
        except ConnectionResetError:
            data = b""
        self.status = ENDED.unpack(data) if len(data) == ENDED.size else (b"", 0)

    def _verdict(self) -> str:
        kind, value = self.status or (b"", 0)
        if kind != EXIT:
            return f"no process for the reader: {os.strerror(value)}" if kind else "the worker that starts readers died"
        code = os.waitstatus_to_exitcode(value)
        if code < 0:
            return f"the reader was killed by signal {-code}"
        if code:
            return f"the reader ended with exit code {code}"
        return "" if self._answers.complete else "the reader ended without an answer"

    def settle(self, running: Running) -> bool:
        """Have the child killed, by the template if that obeys, together with it if not. Returns whether it obeyed."""
        with contextlib.suppress(OSError):
            self._life.shutdown(socket.SHUT_WR)
        ready, _, _ = select.select([self._life], [], [], _KILL_SECONDS)
        if ready:
            self._hear()
            if self.status and self.status[0]:
                return True
        running.kill()
        return False


def _late(seconds: float) -> str:
    return f"the reader did not answer within {seconds:g} s"
