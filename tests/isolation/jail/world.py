"""A little world outside of the jail, and what was done to it: files, listeners, a victim, descriptors.

What a jailed process says or how it ends proves nothing; these do.
"""

import contextlib
import ctypes
import hashlib
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from modelairlock.isolation.jail import Job, loading, run
from modelairlock.records.isolation import Level
from modelairlock.records.jail import JAIL_LAYERS, JailLimits, JailResult

#: an interpreter that every user may run; the one of the tests may lie in a home that is closed to others
INTERPRETER = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
ORDINARY = 1001
SECRET = "secret-4711-of-the-host"
MODES = {"strict": JAIL_LAYERS, "confined": tuple(name for name in JAIL_LAYERS if name != "namespaces")}
WHO = ("root", "ordinary") if os.name == "posix" and os.geteuid() == 0 else ("ordinary",)
LIMITS = JailLimits(wall_seconds=10, cpu_seconds=10, memory_bytes=128 << 20)


class Payload:
    """Runs `source` when it is unpickled."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return exec, (self.source, {"__name__": "payload"})


class World:
    """What the host has, and what became of it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="world-"))
        self.folder.chmod(0o777)
        self.secret = self.folder / "id_rsa"
        self.secret.write_text(SECRET)
        self.secret.chmod(0o644)
        self.model = self.folder / "model.pkl"
        self.model.write_bytes(b"")
        self.model.chmod(0o666)
        self.hits: list[str] = []
        self.sockets: dict[str, socket.socket] = {}
        for name, family, kind, where in (
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("unix", socket.AF_UNIX, socket.SOCK_DGRAM, str(self.folder / "socket")),
            ("abstract", socket.AF_UNIX, socket.SOCK_DGRAM, f"\0world-{os.getpid()}-{id(self)}"),
        ):
            one = socket.socket(family, kind)
            one.bind(where)
            if kind == socket.SOCK_STREAM:
                one.listen()
            one.setblocking(False)
            self.sockets[name] = one
        (self.folder / "socket").chmod(0o777)
        self.victims: list[subprocess.Popen[bytes]] = []

    def victim(self, user: int | None) -> int:
        """A process that an attacker would like to reach, of the same user."""
        self.victims.append(subprocess.Popen(["sleep", "60"], env={"CANARY": SECRET}, user=user, group=user))
        return self.victims[-1].pid

    def filled(self, source: str) -> str:
        """A payload's source, with the places of this world in it."""
        for key, value in {
            "@DIR@": str(self.folder),
            "@TCP@": str(self.sockets["tcp"].getsockname()[1]),
            "@UDP@": str(self.sockets["udp"].getsockname()[1]),
            "@ABSTRACT@": self.sockets["abstract"].getsockname()[1:].decode(),
            "@VICTIM@": str(self.victims[-1].pid if self.victims else 0),
            "@PARENT@": str(os.getpid()),
        }.items():
            source = source.replace(key, value)
        return source

    def state(self) -> dict[str, object]:
        """Everything a payload could have changed."""
        return {
            "files": sorted(one.name for one in self.folder.iterdir()),
            "model": self._file(self.model),
            "secret": self._file(self.secret),
            "tmp": sorted(name for name in os.listdir("/tmp") if name.startswith("pwned")),
            "heard": [name for name, one in self.sockets.items() if self._heard(one)],
            "victims": [self._alive(one) for one in self.victims],
        }

    def _file(self, path: Path) -> object:
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            return hashlib.sha256(path.read_bytes()).hexdigest(), status.st_mode, status.st_mtime_ns
        return None

    def _heard(self, one: socket.socket) -> bool:
        with contextlib.suppress(BlockingIOError):
            if one.type == socket.SOCK_STREAM:
                one.accept()[0].close()
            else:
                one.recv(1000)
            return True
        return False

    def _alive(self, one: "subprocess.Popen[bytes]") -> str:
        if one.poll() is not None:
            return "dead"
        text = Path(f"/proc/{one.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        stopped = fields["State"].split()[0] in {"T", "t"}
        return "stopped" if stopped else f"traced by {fields['TracerPid'].strip()}"

    def close(self) -> None:
        for one in self.sockets.values():
            one.close()
        for victim in self.victims:
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def world() -> Iterator[World]:
    made = World()
    try:
        yield made
    finally:
        made.close()


def uid(who: str) -> int | None:
    """The user to become, or None to stay."""
    return ORDINARY if who == "ordinary" and os.geteuid() == 0 else None


def as_user(who: str, what: Callable[[], JailResult]) -> JailResult:
    """Do `what` as root or as an ordinary user, in a process of its own if that is another."""
    user = uid(who)
    if user is None:
        return what()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            # A process that was started as this user could be looked into by itself.
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
            os.environ.update(HOME="/", CANARY=SECRET)
            try:
                data = b"+" + msgspec.json.encode(what())
            except BaseException as error:
                data = b"-" + f"{type(error).__name__}: {error}".encode()
            while data:
                data = data[os.write(writer, data) :]
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    if not data.startswith(b"+"):
        raise RuntimeError(data.decode())
    return msgspec.json.decode(data[1:], type=JailResult)


def load(
    source: str | bytes,
    *,
    who: str = WHO[0],
    mode: str = "strict",
    model: Path | None = None,
    job: Callable[[int], Job] = lambda fd: loading("pickle.load", fd, INTERPRETER),
    **options: object,
) -> JailResult:
    """Load a pickle that runs `source`, or the bytes of a model, in the jail."""
    place = model or Path(tempfile.gettempdir()) / f"model-{uuid.uuid4().hex}"
    place.write_bytes(pickle.dumps(Payload(source)) if isinstance(source, str) else source)
    place.chmod(0o666)
    fd = os.open(place, os.O_RDONLY)
    options = {"limits": LIMITS, "enabled_layers": MODES[mode], "require": Level(mode), **options}
    made = msgspec.structs.replace(job(fd), variables=(*job(fd).variables, ("MARKER", MARKER)))
    try:
        return as_user(who, lambda: run(made, **options))  # type: ignore[arg-type]  # a table of options
    finally:
        os.close(fd)
        if model is None:
            place.unlink()


def calls(result: JailResult) -> set[str]:
    return {event.syscall for event in result.events}


def everything(result: JailResult) -> str:
    return msgspec.json.encode(result).decode()


#: in the environment of every jail of this test process, so that those of others are left alone
MARKER = uuid.uuid4().hex


def marked(entry: str) -> bool:
    """Whether this entry of /proc is a process of one of our jails."""
    with contextlib.suppress(OSError):
        return entry.isdigit() and MARKER.encode() in Path(f"/proc/{entry}/environ").read_bytes()
    return False


def survivors() -> list[int]:
    """The processes of our jails that are left, after a moment's grace."""
    for _ in range(20):
        found = [int(entry) for entry in os.listdir("/proc") if marked(entry)]
        if not found:
            return []
        time.sleep(0.05)
    return found


class Opened:
    """Whether a file was opened while this was in force (inotify)."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self.fd >= 0
        assert libc.inotify_add_watch(self.fd, os.fsencode(path), 0x20 | 0x1) >= 0

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.fd)

    def seen(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self.fd, 4096))
        return False


def in_thread(what: Callable[[], object]) -> threading.Thread:
    made = threading.Thread(target=what, daemon=True)
    made.start()
    return made
