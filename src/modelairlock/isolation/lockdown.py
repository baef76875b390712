"""Put up the layers around this process, in order, and try each one out.

A layer counts as enforced only when something it forbids was attempted and refused. The attempts are the harmless
kind: each would do nothing on the host if it went through.
Layers come back as ``(name, state, reason)``: the record type would cost the template its import.
"""

import mmap
import os
import socket
from collections.abc import Callable, Collection

from modelairlock.isolation import kernel, landlock, namespaces, privileges, rlimits
from modelairlock.isolation.seccomp import Program, child_filter, template_filter

#: (name, state, reason)
Report = tuple[str, str, str]


class Locks:
    """What was put up, and what each child still has to put on."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.ruleset = -1
        self.program: Program | None = None
        self.limits = False

    def put_up(self, name: str, wanted: Collection[str], layer: Callable[[], tuple[str, str]]) -> None:
        """Run `layer`, which returns state and reason, and note how it went."""
        if name not in wanted:
            self.reports.append((name, "disabled", "switched off by the caller"))
            return
        try:
            state, reason = layer()
        except OSError as error:
            state, reason = "unavailable", kernel.why(error)
        self.reports.append((name, state, reason))


def lock(wanted: Collection[str], memory_bytes: int) -> Locks:
    """Lock this process down for good, as far as `wanted` names layers and the system has them."""
    locks = Locks()
    size = rlimits.address_space()
    rlimits.volunteer_for_the_oom_killer()
    linux = [(_privileges, "privileges"), (_namespaces, "namespaces")]
    for layer, name in linux:
        locks.put_up(name, wanted, layer if kernel.machine() >= 0 else _not_here)
    # Namespaces hand out new capabilities, so the old promise is made again after them.
    if locks.reports[0][1] == "enforced":
        locks.reports[0] = ("privileges", *_shed_again(locks.reports[0][2]))
    locks.put_up("limits", wanted, lambda: _limits(locks, memory_bytes, size))
    locks.put_up("landlock", wanted, (lambda: _landlock(locks)) if kernel.machine() >= 0 else _not_here)
    locks.put_up("seccomp", wanted, (lambda: _seccomp(locks)) if kernel.machine() >= 0 else _not_here)
    return locks


def _not_here() -> tuple[str, str]:
    return "unavailable", "needs Linux on x86_64 or aarch64"


def _privileges() -> tuple[str, str]:
    remark = privileges.become_nobody()
    privileges.shed()
    left = privileges.held()
    return ("failed", left) if left else ("enforced", remark)


def _shed_again(reason: str) -> tuple[str, str]:
    try:
        privileges.shed()
        left = privileges.held()
    except OSError as error:
        left = kernel.why(error)
    return ("failed", left) if left else ("enforced", reason)


def _namespaces() -> tuple[str, str]:
    return "enforced", namespaces.enter()


def _limits(locks: Locks, memory_bytes: int, size: int) -> tuple[str, str]:
    refused = rlimits.limit_template(memory_bytes, size)
    locks.limits = True
    # Only memory is needed for "enforced": nothing else here stands in for it.
    lost = any(text.startswith("AS:") for text in refused)
    return "unavailable" if lost else "enforced", "; ".join(refused)


def _landlock(locks: Locks) -> tuple[str, str]:
    version = landlock.version()
    ruleset, rights = landlock.deny_all()
    _no_new_privileges()
    landlock.restrict(ruleset)
    # Kept open: each child goes one domain deeper, so that it cannot signal or trace the template either.
    locks.ruleset = ruleset
    if _succeeds(lambda: os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY))):
        return "failed", "the root directory could still be opened"
    if _succeeds(lambda: os.close(os.open("/dev/null", os.O_WRONLY))):
        return "failed", "a file could still be opened for writing"
    covered = ", ".join(
        f"{bits.bit_count()} {what}" for what, bits in zip(("file", "network", "scope"), rights, strict=True) if bits
    )
    return "enforced", f"ABI {version}: {covered} rights denied"


def _seccomp(locks: Locks) -> tuple[str, str]:
    machine = kernel.machine()
    _no_new_privileges()
    Program(template_filter(machine)).install()
    locks.program = Program(child_filter(machine))
    if _succeeds(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).close()):
        return "failed", "a socket could still be made"
    if executable_memory():
        return "failed", "memory could still be made executable"
    return "enforced", ""


def _no_new_privileges() -> None:
    # Both need it, and neither should depend on the privileges layer being switched on.
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)


def executable_memory() -> bool:
    """Whether this process can still map memory it may both write and run."""
    return _succeeds(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close())


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return False
    return True


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _execute() -> None:
    try:
        os.execv("/no-such-program", ["no-such-program"])  # noqa: S606
    except FileNotFoundError:
        # The call itself was let through; only the program was missing.
        return


def escapes(locks: Locks) -> list[Report]:
    """Run in a locked child: for each layer it put on, what still went through."""
    found: list[Report] = []
    if locks.limits and (left := rlimits.holds()):
        found.append(("limits", "failed", left))
    if locks.program is not None:
        attempts: dict[str, Callable[[], object]] = {
            "signal": lambda: os.kill(os.getpid(), 0),
            "open a file": lambda: os.open("/", os.O_RDONLY),
            "look for a file": lambda: os.stat("/"),
            "change a mode": lambda: os.fchmod(0, 0o666),
            "start a process": _fork,
            "start a program": _execute,
        }
        through = [what for what, attempt in attempts.items() if _succeeds(attempt)]
        if through:
            found.append(("seccomp", "failed", f"a child could {', '.join(through)}"))
    return found
