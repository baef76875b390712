"""Start the interpreter that becomes the worker: no environment, no descriptors but its own, and inside bubblewrap.

Root never enters: the launcher becomes nobody first. Where nobody could not reach the interpreter (``/root`` is closed
to others), an outer bubblewrap lays an open, empty folder over the closed one and binds only the interpreter into it.
Without namespaces that cannot be done, and such an interpreter is refused.
"""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from modelairlock.isolation.jail import bubblewrap
from modelairlock.isolation.jail.bubblewrap import Bubblewrap, Unavailable
from modelairlock.isolation.jail.channel import SO_PASSCRED
from modelairlock.isolation.jail.runtime import DEVICES, Runtime, inside
from modelairlock.isolation.privileges import NOBODY

SETPRIV_PLACES: tuple[str, ...] = ("/usr/bin/setpriv", "/bin/setpriv")
SCRATCH = "/tmp"  # noqa: S108 - inside the jail, where it is a small empty file system of its own
_SCRATCH_BYTES = 1 << 20
#: `spelt out`: ``--unshare-all`` quietly does without a user namespace where there is none
_NAMESPACES = (
    "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
)  # fmt: skip
#: what is the same under every name of a machine
VARIABLES = {
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
    "HOME": SCRATCH,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Each arena reserves 64 MiB of the address space that is limited.
    "MALLOC_ARENA_MAX": "2",
}
#: nobody's variables and folders, no site yet, no byte code, output as it comes
_FLAGS = ("-I", "-S", "-B", "-u", "-X", "utf8")
_BOOTSTRAP = (
    "import sys; sys.version_info >= (3, 8) or sys.exit('this Python is older than 3.8');"
    " exec(compile(open(int(sys.argv[2]), 'rb').read(), '<jail>', 'exec'))"
)
#: what is killed is gone within moments; on a machine that is short of everything it may take longer
_STOP_SECONDS = 15.0


class Launched:
    """A started worker: its process, our end of the channel, and the pipe of what it prints."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", control: socket.socket, output: int, described: str = ""
    ) -> None:
        self.process = process
        self.control = control
        self.output = output
        #: what made its namespaces, in words
        self.described = described

    def close(self) -> bool:
        """Kill all of its session, take back all descriptors; whether nothing is left."""
        gone = end(self.process)
        self.control.close()
        if self.output >= 0:
            os.close(self.output)
            self.output = -1
        return gone


def launch(
    runtime: Runtime, code: bytes, variables: Sequence[tuple[str, str]], *, namespaces: bool, drop_root: bool
) -> Launched:
    """Start the worker with `code`. Raises OSError, Unavailable."""
    root = drop_root and os.geteuid() == 0
    with contextlib.ExitStack() as stack:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stack.callback(theirs.close)
        ours.setsockopt(socket.SOL_SOCKET, SO_PASSCRED, 1)
        reader, writer = os.pipe()
        stack.callback(os.close, writer)
        text = os.memfd_create("jail")
        stack.callback(os.close, text)
        os.write(text, code)
        os.lseek(text, 0, os.SEEK_SET)
        command = [runtime.interpreter, *_FLAGS, "-c", _BOOTSTRAP, str(theirs.fileno()), str(text)]
        try:
            user: int | None = NOBODY if root else None
            program = bubblewrap.find() if namespaces else None
            if program is not None:
                command, user = _wrapped(program, runtime, command, user)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                cwd="/",
                env={**VARIABLES, **dict(variables)},
                pass_fds=(theirs.fileno(), text),
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )
        except BaseException:
            ours.close()
            os.close(reader)
            raise
    ours.setblocking(False)
    os.set_blocking(reader, False)
    return Launched(process, ours, reader, program.described if program else "")


def _wrapped(found: Bubblewrap, runtime: Runtime, command: list[str], user: int | None) -> tuple[list[str], int | None]:
    """The command behind bubblewrap, and whom to become first. Raises Unavailable."""
    program = found.program
    inner = [program, *jail_arguments(runtime), "--", *command]
    # That of a wheel may lie where nobody may not go either.
    needed = [*runtime.readable, *(path for path in found.files if not inside(path, runtime.readable))]
    closed = _closed_folders(needed) if user is not None else []
    if not closed:
        return inner, user
    setpriv = next((place for place in SETPRIV_PLACES if os.path.exists(place)), "")
    if not setpriv:
        raise Unavailable(
            f"{closed[0]} is closed to others, and there is no setpriv (util-linux) to become nobody with"
        )
    become = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all"]
    return [program, *_opened(closed, needed), "--", *become, *inner], None


def jail_arguments(runtime: Runtime) -> list[str]:
    """What bubblewrap is told, in order: later mounts lie on top of earlier ones."""
    arguments = [*_NAMESPACES, "--disable-userns", "--die-with-parent", "--cap-drop", "ALL"]
    arguments += ["--size", str(_SCRATCH_BYTES), "--tmpfs", SCRATCH, "--proc", "/proc"]
    for device in DEVICES:
        arguments += ["--dev-bind", device, device]
    for path in runtime.readable:
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        else:
            arguments += ["--ro-bind", path, path]
    return [*arguments, "--remount-ro", "/", "--chdir", SCRATCH]


def closed_to_nobody(runtime: Runtime) -> str:
    """For root: the folder that keeps nobody from running the interpreter, if one does."""
    closed = _closed_folders(runtime.readable) if os.geteuid() == 0 else []
    return closed[0] if closed else ""


def _closed_folders(paths: Sequence[str]) -> list[str]:
    """The outermost folders on the way to `paths` that nobody may not pass."""
    closed: list[str] = []
    for path in paths:
        for folder in reversed(Path(path).parents):
            if not os.stat(folder).st_mode & stat.S_IXOTH:
                closed.append(str(folder))
                break
    return list(dict.fromkeys(closed))


def _opened(closed: Sequence[str], paths: Sequence[str]) -> list[str]:
    """An outer bubblewrap's arguments: the host as it is, but for the closed folders, which show `paths` alone."""
    # With devices: a plain bind would close them to everything inside, the inner bubblewrap included.
    # In a PID namespace of its own, which ends with its first process: root without powers, as the outer bubblewrap
    # then is, may not send nobody the signal that its parent has died.
    arguments = ["--dev-bind", "/", "/", "--unshare-pid", "--die-with-parent"]
    for folder in closed:
        arguments += ["--perms", "0755", "--tmpfs", folder]
        made: set[Path] = set()
        for path in (path for path in paths if path.startswith(f"{folder}/")):
            for parent in reversed(Path(path).parents):
                if str(parent).startswith(f"{folder}/") and parent not in made:
                    made.add(parent)
                    arguments += ["--perms", "0755", "--dir", str(parent)]
            arguments += ["--symlink", os.readlink(path), path] if os.path.islink(path) else ["--ro-bind", path, path]
    return arguments


def ended(process: "subprocess.Popen[bytes]") -> int | None:
    """How `process` ended, as `subprocess` says it, or None. It is not reaped: its number stays its own."""
    if process.returncode is not None:
        return process.returncode
    found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def end(process: "subprocess.Popen[bytes]") -> bool:
    """Kill all processes of the session that `process` leads, for certain. Whether none is left."""
    deadline = time.monotonic() + _STOP_SECONDS
    if process.returncode is None:
        # Nothing in the jail may start a session or a group, so one signal reaches them all, forks under way too. Not
        # after the leader was reaped: the number could be another's.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # there is somebody
        # The dead that nobody collects still count as a group.
        if process.returncode is not None and not session(process.pid):
            return True
        time.sleep(0.01)
    return False


def session(leader: int) -> list[int]:
    """The processes of the session of `leader` that are not dead yet."""
    if sys.platform != "linux":
        return []
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError):
                fields = Path(f"/proc/{entry}/stat").read_bytes().rpartition(b")")[2].split()
                if int(fields[3]) == leader and fields[0] not in {b"Z", b"X"}:
                    found.append(int(entry))
    return found
