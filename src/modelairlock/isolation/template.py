"""The template: a process that has imported everything, locked itself in, and forks a child for each run.

Started through ``spawn.BOOTSTRAP``, never imported by the caller. It sees the caller's requests but no hostile byte;
the children see hostile bytes but can do nothing to the template. It ends, and takes every child along, when the
caller's end of the control socket closes or the caller is no longer its parent. (`PR_SET_PDEATHSIG` would not do: it
fires when the *thread* that started the template ends.)
"""

import errno
import gc
import importlib
import os
import select
import signal
import socket
import sys
from collections.abc import Collection
from contextlib import suppress
from typing import NoReturn

from modelairlock.isolation import child
from modelairlock.isolation.framing import ENDED, EXIT, FDS_PER_MESSAGE, JOB, JOB_MAGIC, MORE_MAGIC, NO_FORK, plain
from modelairlock.isolation.lockdown import Locks, Report, escapes, lock

_LOOK_AT_PARENT_MS = 1000
#: life socket, task pipe, answer pipe: what every job brings besides its inputs
_OWN_FDS = 3


def main(arguments: list[str]) -> NoReturn:
    """Arguments: control descriptor, the caller's pid, ``module:function``."""
    control = socket.socket(fileno=int(arguments[0]))
    status = 1
    try:
        function = _find(arguments[2])
        memory_bytes, layers = _orders(control)
        template = _prepare(control, int(arguments[1]), memory_bytes, layers, function)
        _say(control, [("ready", "", ""), *template.locks.reports])
        template.serve()
        status = 0
    except BaseException as error:
        _complain(control, error)
    finally:
        _end(status)


def _orders(control: socket.socket) -> tuple[int, Collection[str]]:
    """How much memory, and which layers. Raises EOFError when the caller goes away instead."""
    text = b""
    while not text.endswith(b"\n"):
        data = os.read(control.fileno(), 4096)
        if not data:
            raise EOFError("the caller gave no orders")
        text += data
    memory_bytes, _, layers = text.decode().rstrip("\n").partition(" ")
    return int(memory_bytes), layers.split(",")


def _end(status: int) -> NoReturn:
    try:
        # The caller made this process the leader of its group: its children die with it.
        os.killpg(os.getpid(), signal.SIGKILL)
    finally:
        os._exit(status)


def _complain(control: socket.socket, error: BaseException) -> None:
    try:
        _say(control, [("error", "", plain(f"{type(error).__name__}: {error}"))])
    except OSError:
        # Nobody listens any more.
        return


def _say(control: socket.socket, lines: list[Report]) -> None:
    os.write(control.fileno(), "".join("\t".join(line) + "\n" for line in lines).encode("utf-8", "replace") + b"\n")


def _prepare(
    control: socket.socket, caller: int, memory_bytes: int, layers: Collection[str], function: child.Function
) -> "Template":
    # Frozen objects are never written to by the collector, so children share their pages.
    gc.freeze()
    # Nor do readers make cycles to speak of: a child that looks for them every 700 objects only writes to more pages.
    gc.set_threshold(50_000, 20, 20)
    gc.enable()
    _require_one_thread()
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    _silence()
    child.close_all_but((0, 1, 2, control.fileno(), wake, waker))
    _take_over_signals(waker)
    first = os.pipe()
    template = Template(control, wake, caller, function, lock(layers, memory_bytes))
    template.try_a_child(*first)
    return template


def _find(name: str) -> child.Function:
    # msgspec would import it for what `typing` has anyway, which takes as long as importing twenty readers.
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # how an import is told to fail at once
    module, _, attribute = name.partition(":")
    function: child.Function = getattr(importlib.import_module(module), attribute)
    return function


def _require_one_thread() -> None:
    """Landlock binds one thread only: a thread that an import started would stay outside. Raises RuntimeError."""
    if sys.platform == "linux" and (count := len(os.listdir("/proc/self/task"))) != 1:
        raise RuntimeError(f"importing the readers started {count - 1} threads, which no wall would hold")


def _silence() -> None:
    """Point the standard streams at nothing; during start-up stderr led to the caller."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _take_over_signals(waker: int) -> None:
    """Be woken when a child ends, and by nothing the caller's own signal set-up left behind."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, _wake_only)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)


def _wake_only(_number: int, _frame: object) -> None:
    """Python writes to the wake-up descriptor by itself; the signal only has to be caught."""


class Template:
    """The loop that takes jobs, kills on request and tells how children ended."""

    def __init__(self, control: socket.socket, wake: int, caller: int, function: child.Function, locks: Locks) -> None:
        self.locks = locks
        self._control = control
        self._wake = wake
        self._caller = caller
        self._function = function
        self._pid = os.getpid()
        self._lives: dict[int, int] = {}  # life socket of each child, by pid
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(wake, select.POLLIN)

    def try_a_child(self, reader: int, writer: int) -> None:
        """Fork a first child, locked like all others, and let it try to get out. Closes the pipe."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                child.tighten(self.locks, self._pid, 10, (0, 1, 2, writer))
                os.write(writer, "".join("\t".join(report) + "\n" for report in escapes(self.locks)).encode() + b".")
                status = 0
            finally:
                os._exit(status)
        os.close(writer)
        text = b""
        while data := os.read(reader, 4096):
            text += data
        os.close(reader)
        _, status = os.waitpid(pid, 0)
        if not text.endswith(b".") or status:
            raise RuntimeError(f"a first child could not be locked in (wait status {status})")
        failed = {name: (name, state, why) for name, state, why in _lines(text)}
        self.locks.reports = [failed.get(report[0], report) for report in self.locks.reports]

    def serve(self) -> None:
        """Until the caller is gone."""
        while True:
            for fd, _ in self._poll.poll(_LOOK_AT_PARENT_MS):
                if fd == self._control.fileno():
                    if not self._take_job():
                        return
                elif fd == self._wake:
                    os.read(fd, 4096)
                else:
                    self._kill(fd)
            self._reap()
            if os.getppid() != self._caller:
                return

    def _kill(self, life: int) -> None:
        """The caller wrote to a child's life socket, or closed it: either way it wants the child dead."""
        self._poll.unregister(life)
        for pid, own in self._lives.items():
            if own == life:
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        while self._lives:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            life = self._lives.pop(pid)
            _tell(life, EXIT, status)
            with suppress(KeyError):  # killed on request: it was taken off the list then
                self._poll.unregister(life)
            os.close(life)

    def _take_job(self) -> bool:
        data, fds = self._message()
        if not data:
            return False
        magic, inputs, _, seconds = JOB.unpack(data)
        if magic != JOB_MAGIC or len(fds) < _OWN_FDS:
            raise RuntimeError("the caller sent something that is not a job")
        complete = len(fds) == min(inputs + _OWN_FDS, FDS_PER_MESSAGE)
        while complete and len(fds) < inputs + _OWN_FDS:
            wanted = min(inputs + _OWN_FDS - len(fds), FDS_PER_MESSAGE)
            data, more = self._message()
            if data[:4] != MORE_MAGIC:
                raise RuntimeError("the caller broke off in the middle of a job")
            fds += more
            complete = len(more) == wanted
        if complete:
            self._fork(fds[0], fds[1], fds[2], fds[3:], seconds)
        else:
            _tell(fds[0], NO_FORK, errno.EMFILE)
            os.close(fds[0])
        for fd in fds[1:]:
            os.close(fd)
        return True

    def _message(self) -> tuple[bytes, list[int]]:
        data, fds, _, _ = socket.recv_fds(self._control, JOB.size, FDS_PER_MESSAGE)
        while 0 < len(data) < JOB.size:
            more = os.read(self._control.fileno(), JOB.size - len(data))
            if not more:
                return b"", fds
            data += more
        return data, fds

    def _fork(self, life: int, tasks: int, answers: int, inputs: list[int], seconds: int) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            _tell(life, NO_FORK, error.errno or 0)
            os.close(life)
            return
        if pid == 0:
            self._become_child(tasks, answers, inputs, seconds)
        self._lives[pid] = life
        self._poll.register(life, select.POLLIN)

    def _become_child(self, tasks: int, answers: int, inputs: list[int], seconds: int) -> NoReturn:
        keep = (0, 1, 2, tasks, answers, *inputs)
        child.live(
            self._function,
            tasks,
            answers,
            inputs,
            lambda: child.tighten(self.locks, self._pid, seconds, keep),
        )


def _tell(life: int, kind: bytes, value: int) -> None:
    try:
        os.write(life, ENDED.pack(kind, value))
    except OSError:
        # The caller has given this run up; nobody is left to be told.
        return


def _lines(text: bytes) -> list[Report]:
    found = []
    for line in text.decode("utf-8", "replace").splitlines():
        name, tab, rest = line.partition("\t")
        state, _, reason = rest.partition("\t")
        if tab:
            found.append((name, state, reason))
    return found
