"""A process of ours: start it, wait for it, kill it.

`subprocess` does this and far more, and to import it takes longer than to start an interpreter; the scan's first step
is to start one.
"""

import fcntl
import os
import signal
import time
from _thread import allocate_lock
from collections.abc import Mapping, Sequence

#: above the descriptors that a command is given
_FREE = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.05


class Process:
    """A child process. Safe to use from several threads."""

    __slots__ = ("_lock", "pid", "returncode")

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._lock = allocate_lock()

    def poll(self) -> int | None:
        """Its exit code (minus a signal's number if that killed it) once it has ended; it is reaped then."""
        with self._lock:
            if self.returncode is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:
                    pid, status = self.pid, 0  # somebody else has reaped it; how it ended is lost
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, seconds: float | None = None) -> int:
        """Its exit code, once it has ended. Raises TimeoutError."""
        deadline = None if seconds is None else time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} did not end within {seconds:g} s")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return code

    def kill(self) -> None:
        """Kill it, unless it was reaped: its number may be another's then."""
        with self._lock:
            if self.returncode is None:
                try:  # noqa: SIM105 - that would be an import
                    os.kill(self.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it has ended, and the kernel has reaped it: whoever started us ignores SIGCHLD


def start(command: Sequence[str], environment: Mapping[str, str], descriptors: Mapping[int, int]) -> Process:
    """Start `command`, whose first word is a path, as the leader of a session of its own. Raises OSError.

    `descriptors` says which of ours it gets under which numbers; 0, 1 and 2 lead nowhere unless they are among them.
    Descriptors that are not marked to be closed are inherited too: the command has to close what it does not know.
    """
    # Out of the way of the numbers that they shall get: one is not to take another's place before that has moved.
    moved: dict[int, int] = {}
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3) if number not in descriptors
    ]
    try:
        for theirs, ours in descriptors.items():
            moved[theirs] = fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, _FREE)
        actions += [(os.POSIX_SPAWN_DUP2, ours, theirs) for theirs, ours in moved.items()]
        return Process(_spawned(list(command), environment, actions))
    finally:
        for ours in moved.values():
            os.close(ours)


def _spawned(command: list[str], environment: Mapping[str, str], actions: Sequence[tuple[object, ...]]) -> int:
    # What Python ignores, and a program that is no Python would not expect to be ignored.
    restored = [getattr(signal, name) for name in ("SIGPIPE", "SIGXFZ", "SIGXFSZ") if hasattr(signal, name)]
    try:
        return os.posix_spawn(
            command[0], command, environment, file_actions=actions, setsigdef=restored, setsigmask=(), setsid=True
        )
    except NotImplementedError:  # older C libraries know no sessions here
        return os.posix_spawn(
            command[0], command, environment, file_actions=actions, setsigdef=restored, setsigmask=(), setpgroup=0
        )
