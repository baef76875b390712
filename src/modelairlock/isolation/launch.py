"""Have a template put up its layers, hear how that went, and look at it from outside."""

import contextlib
import errno
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from modelairlock.isolation.framing import FDS_PER_MESSAGE, JOB, JOB_MAGIC, MORE_MAGIC, plain
from modelairlock.isolation.process import Process
from modelairlock.isolation.spawn import Spawned, spawn
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Isolation, Layer, State

_START_SECONDS = 60.0
_SEND_SECONDS = 5.0
_STOP_SECONDS = 5.0
_GREETING_BYTES = 64 * 1024
_STATES: dict[str, State] = {
    "enforced": "enforced",
    "unavailable": "unavailable",
    "disabled": "disabled",
    "failed": "failed",
}


class Running:
    """A started template. Jobs may be sent from any thread."""

    def __init__(self, process: Process, control: socket.socket) -> None:
        self.process = process
        self.owner = os.getpid()
        self._control = control
        self._sending = threading.Lock()

    def send(self, fds: Sequence[int], inputs: int, seconds: int) -> None:
        """Send one job; `fds` are its life socket, task pipe, answer pipe and inputs.

        Raises OSError; the template is then dead, because it might wait for the rest of the job.
        """
        with self._sending:
            try:
                for start in range(0, len(fds), FDS_PER_MESSAGE):
                    some = fds[start : start + FDS_PER_MESSAGE]
                    magic = MORE_MAGIC if start else JOB_MAGIC
                    self._send_some(JOB.pack(magic, inputs, len(some), seconds), some)
            except OSError:
                self._stop()
                raise

    def _send_some(self, header: bytes, fds: Sequence[int]) -> None:
        deadline = time.monotonic() + _SEND_SECONDS
        while True:
            try:
                sent = socket.send_fds(self._control, [header], list(fds))
                break
            except OSError as error:
                # Too many descriptors of this user's are on their way; those ahead arrive within moments.
                if error.errno != errno.ETOOMANYREFS or time.monotonic() > deadline:
                    raise
                time.sleep(0.002)
        if sent < len(header):
            self._control.sendall(header[sent:])

    def alive(self) -> bool:
        """Whether the template can still take jobs."""
        if self.owner != os.getpid() or self.process.returncode is not None:
            return False
        if sys.platform == "darwin":
            return self.process.poll() is None
        try:
            # Not reaped here: until `kill` has been, its number must not go to another process.
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    def kill(self) -> None:
        """End the template and every child it has, now."""
        self._stop()
        with self._sending:
            self._control.close()

    def _stop(self) -> None:
        if self.owner != os.getpid():
            return
        # Heard as the end of the caller, and enough where root lacks the capability to kill nobody's processes.
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                self.process.wait(_STOP_SECONDS)


def launch(
    function: str, memory_bytes: int, layers: Collection[str], spawned: Spawned | None = None
) -> tuple[Running, Isolation]:
    """Make a template for `function`, of `spawned` if that is one. Raises AirlockError if none can be started."""
    if not sys.executable:
        raise AirlockError("no Python interpreter to start the worker with", "set sys.executable")
    if spawned is None or spawned.taken or spawned.function != function:
        try:
            spawned = spawn(function)
        except OSError as error:
            raise AirlockError(f"the worker could not be started: {error}") from error
    spawned.taken = True  # whoever gives orders also ends it
    process, control = spawned.process, socket.socket(fileno=spawned.control)
    control.settimeout(_SEND_SECONDS)
    running = Running(process, control)
    try:
        lines = _answer(control, memory_bytes, layers)
        if not lines or lines[0][0] != "ready":
            reason = lines[0][2] if lines else _last_words(spawned.errors)
            raise AirlockError(
                f"the worker could not be started: {plain(reason) or 'it ended without a word'}",
                "look at how modelairlock and its dependencies are installed",
            )
    except BaseException:
        running.kill()
        raise
    finally:
        os.close(spawned.errors)
    stated = [Layer(name=name, state=_STATES.get(state, "failed"), reason=why) for name, state, why in lines[1:]]
    return running, Isolation.of(_confirmed(process.pid, stated))


def _answer(control: socket.socket, memory_bytes: int, layers: Collection[str]) -> list[tuple[str, str, str]]:
    """What the template says to its orders; nothing if it is gone."""
    with contextlib.suppress(OSError):  # it gave up before, and perhaps said why
        control.sendall(f"{memory_bytes} {','.join(layers) or '-'}\n".encode())
    try:
        return _greeting(control, time.monotonic() + _START_SECONDS)
    except OSError:
        return []


def _greeting(control: socket.socket, deadline: float) -> list[tuple[str, str, str]]:
    text = b""
    while not text.endswith(b"\n\n") and len(text) < _GREETING_BYTES:
        ready, _, _ = select.select([control], [], [], max(0.0, deadline - time.monotonic()))
        data = control.recv(4096) if ready else b""
        if not data:
            return []
        text += data
    found = []
    for line in text.decode("utf-8", "replace").splitlines():
        if line:
            name, state, reason = [*line.split("\t", 2), "", ""][:3]
            found.append((name, state, reason))
    return found


def _last_words(errors: int) -> str:
    """The end of what the interpreter wrote before it gave up."""
    os.set_blocking(errors, False)
    text = b""
    with contextlib.suppress(BlockingIOError):
        while len(text) < _GREETING_BYTES and (data := os.read(errors, _GREETING_BYTES)):
            text += data
    return text.decode("utf-8", "replace").strip().rpartition("\n")[2]


def _confirmed(pid: int, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers, with those failed that the kernel's own account of the process contradicts."""
    try:
        text = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        # No /proc, or one that hides other processes: what the template tried out itself has to do.
        return tuple(layers)
    fields = {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    wrong = {"privileges": _privileges_left(fields)}
    if fields.get("Seccomp") != "2" or fields.get("Threads") != "1":
        wrong["seccomp"] = "the kernel reports no filter over all of the process"
    return tuple(
        Layer(name=layer.name, state="failed", reason=wrong[layer.name])
        if layer.state == "enforced" and wrong.get(layer.name)
        else layer
        for layer in layers
    )


def _privileges_left(fields: dict[str, str]) -> str:
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        if int(fields.get(name, "0"), 16):
            return f"the kernel reports capabilities: {name} {fields[name]}"
    return "" if fields.get("NoNewPrivs") == "1" else "the kernel reports that privileges can be gained"
