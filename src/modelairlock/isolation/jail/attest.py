"""Whether the layers hold, as the parent sees it, before the model is handed over.

The worker is still honest here: it has run nothing but ours and the environment's imports. All the same what the kernel
says from outside comes first, thread by thread: a filter binds only the threads that were given it.
"""

import errno
import os
from collections.abc import Callable, Iterator, Sequence

from modelairlock.isolation.jail import calls, decode, tree
from modelairlock.isolation.jail.answers import Seen
from modelairlock.isolation.jail.channel import Tried
from modelairlock.isolation.jail.filter import CONTROL_FD
from modelairlock.isolation.jail.notify import Listener, Notification
from modelairlock.records.isolation import State
from modelairlock.records.jail import JailLayer, JailLimits

_OPENS = frozenset({"openat", "open"})
#: what the worker tries, in this order, and the calls that the parent must see for it
_CANARIES = {
    "write": _OPENS,
    "secret": _OPENS,
    "create": _OPENS,
    "socket": frozenset({"socket"}),
    "fork": frozenset({"clone", "fork", "vfork"}),
    "kill": frozenset({"kill"}),
}
#: those that the listener refuses
_REFUSED = ("create", "socket", "fork", "kill")
#: devices that libraries keep open, and that do nothing
_IDLE_DEVICES = frozenset({"/dev/null", "/dev/random", "/dev/urandom"})
_VERIFIED = {
    "privileges": "parent: /proc of every thread",
    "namespaces": "parent: other namespaces than its own, and a file of the host that was not there",
    "limits": "parent: /proc/<pid>/limits",
    "landlock": "canary: a write and a read that the parent let through were refused by the kernel",
    "seccomp": "parent: /proc of every thread, and it saw and refused each forbidden call",
}
UNSEEN = "this process may not look into the worker: give it CAP_SYS_PTRACE, or run it as an ordinary user"
_CAPABILITIES = ("CapEff", "CapPrm", "CapInh", "CapAmb")


class Canaries:
    """Answers the calls of the canaries, and remembers which it saw.

    Calls in between are refused and count for nothing: a thread that a library started, a C library that asks for
    something else first. What counts is that each canary was seen, in its order, and from the thread that tries them.
    """

    def __init__(self, worker: int, listener: Listener | None, secret: str) -> None:
        self.seen: list[str] = []
        self._worker = worker
        self._paths = {"write": "/dev/null", "secret": secret, "create": f"{secret}/canary"}
        #: whether a caller's memory could not be read
        self.blind = False
        self._listener = listener
        self._secret = secret

    def answer(self, notification: Notification) -> Seen | None:
        """Refuse, except for two opens: those must be stopped by what is behind the filter."""
        if self._listener is None:
            return None
        call = calls.name(notification.number)
        caller = decode.Caller(notification.thread)
        at = 0 if call == "open" else 1
        path = caller.path(0xFFFFFF9C, notification.arguments[at]) if call in _OPENS else None
        caller.close()
        if notification.thread == self._worker:
            self.blind = self.blind or (path is None and call in _OPENS)
            self._note(call, path)
        if path in {"/dev/null", self._secret} and self._listener.stands(notification):
            self._listener.go_on(notification)
        else:
            self._listener.refuse(notification, errno.EPERM)
        return None

    def _note(self, call: str, path: str | None) -> None:
        due = next((name for name in _CANARIES if name not in self.seen), "")
        if due and call in _CANARIES[due] and path == self._paths.get(due):
            self.seen.append(due)


def attest(
    worker: int, layers: Sequence[JailLayer], canaries: Canaries, tried: Tried, limits: JailLimits
) -> tuple[JailLayer, ...]:
    """The layers as they are: enforced only where it was seen. Raises PermissionError where nothing can be seen."""
    results = dict(tried.results)
    if tuple(results) != tuple(_CANARIES):
        results = dict.fromkeys(_CANARIES, 0)
    try:
        facts = _Facts(worker)
    except FileNotFoundError:
        return tuple(_as(layer, "failed", "the worker is gone") for layer in layers)
    if canaries.blind:
        raise PermissionError
    wrong: dict[str, Callable[[], Iterator[str]]] = {
        "privileges": facts.privileges,
        "namespaces": lambda: facts.namespaces(results),
        "limits": lambda: facts.limits_held(limits),
        "landlock": lambda: _landlock(results),
        "seccomp": lambda: facts.seccomp(results, canaries.seen),
    }
    checked = []
    for layer in layers:
        if layer.state == "enforced":
            problem = next(wrong[layer.name](), "")
            held = _as(layer, "enforced", layer.reason, _VERIFIED[layer.name])
            layer = _as(layer, "failed", problem) if problem else held
        checked.append(layer)
    return tuple(checked)


def unseen(layers: Sequence[JailLayer]) -> tuple[JailLayer, ...]:
    """The layers where nothing can be seen of them."""
    return tuple(_as(layer, "unavailable", UNSEEN) if layer.state == "enforced" else layer for layer in layers)


def _as(layer: JailLayer, state: State, reason: str, verified: str = "") -> JailLayer:
    return JailLayer(name=layer.name, state=state, reason=reason, verified=verified)


def _landlock(results: dict[str, int]) -> Iterator[str]:
    if results["write"] != errno.EACCES:
        yield f"a file could be opened for writing ({_errno(results['write'])})"
    if results["secret"] not in {errno.EACCES, errno.ENOENT}:
        yield f"a file outside the runtime could be read ({_errno(results['secret'])})"


class _Facts:
    """What the kernel says of the worker. Raises OSError when it is made."""

    def __init__(self, worker: int) -> None:
        self._statuses = tree.statuses(worker)
        self._shared = tree.shared_namespaces(worker)
        self._limits = tree.limits(worker)
        self._descriptors = tree.descriptors(worker)

    def privileges(self) -> Iterator[str]:
        """What is held that should not be."""
        for status in self._statuses:
            if any(int(status.get(name, "1"), 16) for name in _CAPABILITIES):
                yield "a thread holds capabilities"
            if "0" in status.get("Uid", "0").split():
                yield "a thread is root"
            if os.geteuid() == 0 and status.get("Groups"):
                yield f"a thread is in groups: {status['Groups']}"
            if status.get("NoNewPrivs") != "1":
                yield "a thread could gain privileges"

    def namespaces(self, results: dict[str, int]) -> Iterator[str]:
        """Which are the host's."""
        if self._shared:
            yield f"it shares namespaces with the host: {', '.join(self._shared)}"
        if results["secret"] not in {errno.EACCES, errno.ENOENT}:
            yield f"a file of the host could be read ({_errno(results['secret'])})"

    def limits_held(self, limits: JailLimits) -> Iterator[str]:
        """Which limits are not in force."""
        # No core is also what many services and containers have for a hard limit.
        expected = {"Max core file size": {"0", "1"}, "Max file size": {"0"}}
        for name, values in expected.items():
            if self._limits.get(name) not in values:
                yield f"{name} is {self._limits.get(name)}"
        for name, most in (("Max open files", limits.files), ("Max address space", 1 << 62), ("Max cpu time", 1 << 62)):
            value = self._limits.get(name, "")
            if not value.isdigit() or int(value) > most:
                yield f"{name} is {value}"

    def seccomp(self, results: dict[str, int], seen: Sequence[str]) -> Iterator[str]:
        """What the filter lets through, or does not let us see."""
        for status in self._statuses:
            if status.get("Seccomp") != "2" or status.get("NoNewPrivs") != "1":
                yield f"thread {status.get('Pid')} is not under the filter"
        if unseen := [name for name in _CANARIES if name not in seen]:
            yield f"of the forbidden calls that were tried, these were not seen: {', '.join(unseen)}"
        for name in _REFUSED:
            if results[name] != errno.EPERM:
                yield f"{name} was not refused ({_errno(results[name])})"
        for fd, target in self._descriptors.items():
            reaching = target.startswith(("socket:", "anon_inode:seccomp", "/dev/")) and target not in _IDLE_DEVICES
            if fd > CONTROL_FD and reaching:
                yield f"descriptor {fd} was left open: {target}"


def _errno(code: int) -> str:
    return errno.errorcode.get(code, str(code)) if code else "it worked"
