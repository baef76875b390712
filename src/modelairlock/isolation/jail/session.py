"""One run: start, lock in, see that the walls hold, hand over, watch, end.

The model is handed over in one place only, `_go`, after the level was compared with the one required.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
import time
from typing import Protocol

from modelairlock.isolation import kernel
from modelairlock.isolation.jail import attest, cgroup, channel
from modelairlock.isolation.jail import filter as filters
from modelairlock.isolation.jail.answers import INPUT, Answers
from modelairlock.isolation.jail.bubblewrap import Unavailable
from modelairlock.isolation.jail.calls import NUMBERS
from modelairlock.isolation.jail.cgroup_places import NoGroup
from modelairlock.isolation.jail.channel import BrokeProtocol
from modelairlock.isolation.jail.decode import escaped
from modelairlock.isolation.jail.job import Job, reopened, text
from modelairlock.isolation.jail.launcher import Launched, closed_to_nobody, ended, launch
from modelairlock.isolation.jail.runtime import ALWAYS, runtime
from modelairlock.isolation.jail.watch import Stopped, Watch
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import LAYERS, Isolation, Level
from modelairlock.records.jail import CGROUP, JAIL_LAYERS, JailLayer, JailLimits, JailResult, Outcome

_END_SECONDS = 2.0
#: what allocators and interpreters reserve without using it
_SLACK = 256 * 1024**2
_OUT_OF_MEMORY = ("MemoryError", "can't allocate memory", "Cannot allocate memory")
_CALLS = ("capset", "clone", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp")
_INSTALL = "install bubblewrap and allow user namespaces, on Linux 5.13 or newer with Landlock; see `airlock doctor`"


def unavailable(layers: tuple[JailLayer, ...], least: Level) -> JailResult:
    """The result of a run in which the model was not opened, because `layers` are not enough for `least`."""
    level = Isolation.of(layers).level
    reasons = "; ".join(
        f"{layer.name}: {layer.reason}" for layer in layers if layer.name in LAYERS and layer.state != "enforced"
    )
    detail = f"isolation is {level}, and {least} is required, so the model was not opened ({reasons}); {_INSTALL}"
    return JailResult(level=level, layers=layers, outcome=Outcome.ISOLATION_UNAVAILABLE, detail=detail)


class Serving(Protocol):
    """What makes the last phase of a job last: whoever asks the loaded model something (`life.py`, `fetching.py`)."""

    def watch(self, launched: Launched) -> Watch:
        """The loop that follows the worker, in place of the usual one."""

    def serve(self, watch: Watch, layers: tuple[JailLayer, ...]) -> tuple[Outcome, str] | None:
        """Ask until there is nothing more to ask; None if the worker is gone. Raises Stopped, BrokeProtocol."""


class Session:
    """One run, once with and perhaps once without namespaces."""

    def __init__(
        self,
        job: Job,
        limits: JailLimits,
        least: Level,
        detonate: bool,
        enabled_layers: tuple[str, ...],
        serving: Serving | None = None,
    ) -> None:
        self._job = job
        self._serving = serving
        self._limits = limits
        self._least = least
        self._detonate = detonate
        self._enabled = enabled_layers
        self._runtime = runtime(job.interpreter, (*job.import_from, *([job.folder.place] if job.folder else [])))
        self._layers: list[JailLayer] = []
        self._answers: Answers | None = None
        self._error = ""
        self._no_group = _switched_off(CGROUP)

    def run(self, no_namespaces: JailLayer | None) -> JailResult:
        """Without namespaces if there is a layer that says why. Raises Unavailable if they are not to be had."""
        self._layers = [no_namespaces or JailLayer(name="namespaces", state="enforced")]
        if no_namespaces is not None and "privileges" in self._enabled and (closed := closed_to_nobody(self._runtime)):
            what = "the folder for temporary files" if self._only_the_folder() else "the interpreter"
            reason = f"{what} lies in {closed}, which nobody may pass, and root does not enter the jail"
            lacking = JailLayer(name="privileges", state="unavailable", reason=reason)
            rest = [JailLayer(name=name, state="unavailable", reason="not tried") for name in JAIL_LAYERS[2:]]
            return unavailable((lacking, no_namespaces, *rest), self._least)
        launched = self._launched(namespaces=no_namespaces is None)
        if no_namespaces is None:
            self._layers = [JailLayer(name="namespaces", state="enforced", reason=launched.described)]
        watch = self._serving.watch(launched) if self._serving else Watch(launched, self._limits)
        try:
            outcome, detail = self._followed(watch)
        finally:
            # A call that still waits would hold its thread up, but not against SIGKILL.
            gone = launched.close()
            if watch.cage is not None:
                gone = watch.cage.close() and gone
            watch.finish()
            watch.close()
            if self._answers is not None:
                self._answers.close()
            elif watch.listener is not None:
                watch.listener.close()
        if not gone:
            outcome, detail = Outcome.ISOLATION_LOST, "processes of the jail are left and could not be killed"
        layers = tuple(self._layers)
        return JailResult(
            level=Isolation.of(layers).level,
            layers=layers,
            outcome=outcome,
            events=tuple(watch.events),
            dropped=watch.dropped,
            claims=tuple(watch.claims),
            dropped_claims=watch.dropped_claims,
            phases=tuple(watch.phases),
            output=self._named(watch.shown_output),
            detail=self._named(detail),
        )

    def _only_the_folder(self) -> bool:
        """Whether it is not for the interpreter that root cannot become nobody."""
        return not closed_to_nobody(runtime(self._job.interpreter, self._job.import_from))

    def _named(self, text: str) -> str:
        """Where the stand-in of a folder lies is another place each time: it is called as a single model is."""
        folder = self._job.folder
        return text.replace(folder.place, f"{INPUT}0") if folder is not None else text

    def _launched(self, *, namespaces: bool) -> Launched:
        try:
            return launch(
                self._runtime,
                text("worker.py").encode(),
                self._job.variables,
                namespaces=namespaces,
                drop_root="privileges" in self._enabled,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise AirlockError(
                f"the jail could not be started: {error}",
                "as root, it must be allowed to become nobody (CAP_SETUID, CAP_SETGID); or run as an ordinary user",
            ) from error

    def _followed(self, watch: Watch) -> tuple[Outcome, str]:
        try:
            return self._follow(watch)
        except Stopped as stopped:
            if not watch.opened:
                raise AirlockError(
                    f"the environment's imports were stopped: {stopped.detail}",
                    "raise the limits, or look at what the environment does on import",
                ) from stopped
            return stopped.outcome, stopped.detail
        except BrokeProtocol as broke:
            return Outcome.PROTOCOL_VIOLATION if watch.opened else Outcome.ISOLATION_LOST, f"it broke protocol: {broke}"

    def _follow(self, watch: Watch) -> tuple[Outcome, str]:
        deadline = time.monotonic() + self._limits.import_seconds
        if not self._locked_in(watch, deadline):
            return Outcome.ISOLATION_LOST, f"the worker ended while it was locking itself in: {_last_line(watch)}"
        self._layers = list(self._attested(watch, deadline))
        failed = [layer for layer in self._layers if layer.state == "failed"]
        if failed:
            reasons = "; ".join(f"{layer.name}: {layer.reason}" for layer in failed)
            return Outcome.ISOLATION_LOST, f"a layer did not hold, so the model was not opened ({reasons})"
        lacking = unavailable(tuple(self._layers), self._least)
        if lacking.level.rank < self._least.rank:
            return lacking.outcome, lacking.detail
        return self._go(watch)

    def _locked_in(self, watch: Watch, deadline: float) -> bool:
        """Have the worker put up its layers and import; whether it got that far. Raises Unavailable, AirlockError."""
        if not isinstance(watch.message(deadline), channel.Hello):
            said = _last_line(watch)
            ours = not said or said.startswith(("bwrap:", "setpriv:"))
            if self._layers[0].state == "enforced" and (ours or not closed_to_nobody(self._runtime)):
                raise Unavailable(said or "bubblewrap ended without a word")
            raise AirlockError(
                f"the interpreter {self._job.interpreter} could not be started: {said}",
                "it must be a Python from 3.8 on with ctypes, which an ordinary user can run",
            )
        watch.begin(self._job.phases[0])
        channel.send(watch.launched.control, self._orders())
        # Moving it takes some milliseconds, in which it imports.
        self._enter_group(watch)
        while (message := watch.message(deadline)) is not None:
            if isinstance(message, channel.LayerUp):
                reason = escaped(message.reason)
                self._layers.append(JailLayer(name=message.name, state=message.state, reason=reason))
            elif isinstance(message, channel.Done):
                watch.finish()
                self._refuse_environment(message)
            elif isinstance(message, channel.Locked):
                return True
            elif not isinstance(message, channel.ListenerHere):
                raise BrokeProtocol("a message that was not due")
        return False

    def _enter_group(self, watch: Watch) -> None:
        if CGROUP in self._enabled:
            try:
                watch.cage = cgroup.enter(watch.worker)
            except NoGroup as error:
                self._no_group = JailLayer(name=CGROUP, state="unavailable", reason=escaped(str(error)))

    def _group(self, watch: Watch) -> JailLayer:
        if watch.cage is None:
            return self._no_group
        layer = watch.cage.limit(watch.worker, self._limits, self._limits.forks if self._detonate else 0)
        watch.heed(watch.cage)
        return layer

    def _refuse_environment(self, done: channel.Done) -> None:
        if done.error:
            raise AirlockError(
                f"{self._job.argument.partition(' ')[0] or 'the job'} cannot be had in {self._job.interpreter}:"
                f" {escaped(done.error)}",
                "Name the environment in which it is installed (--env; interpreter= from Python).",
            )

    def _orders(self) -> dict[str, object]:
        machine = kernel.machine()
        return {
            "code": self._job.code,
            "argument": self._job.argument,
            "phases": self._job.phases,
            "inputs": len(self._job.inputs),
            "layers": self._enabled,
            "import_from": self._job.import_from,
            "readable": (*self._runtime.readable, *ALWAYS),
            "calls": {name: NUMBERS[name][machine] for name in _CALLS},
            "filter": filters.program(machine).hex(),
            "flags": filters.FLAGS,
            # Beyond what is counted: the count should be what stops it, for that is seen.
            "memory": self._limits.memory_bytes + self._limits.memory_bytes // 8 + _SLACK,
            "cpu": self._limits.cpu_seconds,
            "files": self._limits.files,
        }

    def _attested(self, watch: Watch, deadline: float) -> tuple[JailLayer, ...]:
        with tempfile.NamedTemporaryFile(prefix="canary-") as secret:
            secret.write(secrets.token_bytes(16))
            secret.flush()
            os.fchmod(secret.fileno(), 0o644)
            canaries = attest.Canaries(watch.worker, watch.listener, secret.name)
            watch.answer = canaries.answer
            channel.send(watch.launched.control, {"secret": secret.name})
            tried = watch.message(deadline)
        if not isinstance(tried, channel.Tried):
            raise BrokeProtocol("it did not try the canaries")
        there = {layer.name: layer for layer in self._layers}
        layers = tuple(there.get(name) or _switched_off(name) for name in LAYERS)
        try:
            attested = attest.attest(watch.worker, layers, canaries, tried, self._limits)
        except PermissionError as error:
            if self._layers[0].state == "enforced":
                raise Unavailable(attest.UNSEEN) from error
            attested = attest.unseen(layers)
        return (*attested, self._group(watch))

    def _go(self, watch: Watch) -> tuple[Outcome, str]:
        if watch.listener is not None:
            answers = Answers(
                watch.listener, self._runtime.readable, self._job.inputs, self._limits,
                detonate=self._detonate, folder=self._job.folder,
            )  # fmt: skip
            self._answers = answers
            watch.answers = answers
        with contextlib.ExitStack() as stack:
            fds = tuple(reopened(fd) for fd in self._job.inputs)
            for fd in fds:
                stack.callback(os.close, fd)
            watch.go()
            channel.send(watch.launched.control, {"go": True}, fds)
        deadline = time.monotonic() + self._limits.wall_seconds
        for name in self._job.phases[1:]:
            watch.begin(name)
            if self._serving is not None and name == self._job.phases[-1]:
                return self._served(watch, self._serving)
            message = watch.message(deadline)
            if message is None:
                return self._ended(watch, deadline)
            if not isinstance(message, channel.Done) or message.phase != name:
                raise BrokeProtocol("a message that was not due")
            watch.finish(message.note)
            self._error = self._error or escaped(message.error)
            with contextlib.suppress(OSError):
                channel.send(watch.launched.control, {"next": True})
        return self._completed(watch)

    def _served(self, watch: Watch, serving: Serving) -> tuple[Outcome, str]:
        return (
            self._raised()
            or serving.serve(watch, tuple(self._layers))
            or self._ended(watch, time.monotonic() + 2 * _END_SECONDS)
        )

    def _ended(self, watch: Watch, deadline: float) -> tuple[Outcome, str]:
        return _ended(watch, deadline, namespaces=self._layers[LAYERS.index("namespaces")].state == "enforced")

    def _raised(self) -> tuple[Outcome, str] | None:
        if any(word in self._error for word in _OUT_OF_MEMORY):
            return (
                Outcome.LIMIT_MEMORY,
                f"the worker says that it could get no more memory ({self._error.rstrip(': ')})",
            )
        if self._error:
            return Outcome.LOADER_ERROR, f"the worker says that the loader raised {self._error}"
        return None

    def _completed(self, watch: Watch) -> tuple[Outcome, str]:
        try:
            while not watch.ended:
                if watch.message(time.monotonic() + _END_SECONDS) is not None:
                    raise BrokeProtocol("it went on after its last phase")
                if not watch.ended:
                    watch.step(time.monotonic() + _END_SECONDS)
        except Stopped as stopped:
            if stopped.outcome is Outcome.LIMIT_WALL:
                raise BrokeProtocol("it went on after its last phase") from stopped
            raise
        return self._raised() or watch.completed()


def _switched_off(name: str) -> JailLayer:
    return JailLayer(name=name, state="disabled", reason="switched off by the caller")


def _last_line(watch: Watch) -> str:
    return watch.shown_output.strip().rpartition("\n")[2]


def _ended(watch: Watch, deadline: float, *, namespaces: bool) -> tuple[Outcome, str]:
    """What it means that the worker is gone, or has closed its channel, before it was done."""
    closed = time.monotonic() + _END_SECONDS
    while not watch.ended:
        # One that dies closes its channel a moment before it is known to be dead.
        if time.monotonic() > closed:
            raise BrokeProtocol("it closed its channel and went on")
        watch.step(deadline)
    code = ended(watch.launched.process) or 0
    number = -code if code < 0 else code - 128 if namespaces and code > 128 else 0
    if not number:
        return Outcome.PROTOCOL_VIOLATION, f"it ended with exit code {code} before it was done"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if name == "SIGXCPU" or (name == "SIGKILL" and watch.cpu_is_spent):
        return Outcome.LIMIT_CPU, "the kernel stopped it for its processor time"
    starved = ", perhaps by the kernel, because the machine had no memory left" if name == "SIGKILL" else ""
    return Outcome.BLOCKED_CRASH, f"it was ended by {name}{starved}"
