"""Processes that are started without `subprocess`: what they get, and how they end."""

import ast
import os
import signal
import subprocess
import sys
import threading

import pytest

from modelairlock.isolation import process, spawn

#: what a process has open, what leads where, its environment, folder and session
_LOOK = """
import os, signal
fds = sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}"))
null = [os.readlink(f"/proc/self/fd/{fd}") for fd in (0, 1)]
os.write(2, repr((fds, null, dict(os.environ), os.getsid(0) == os.getpid(),
    sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))).encode())
"""


def _read(fd: int) -> bytes:
    text = b""
    while data := os.read(fd, 4096):
        text += data
    return text


def run(code: str, *more: int) -> str:
    ours, theirs = os.pipe()
    descriptors = {2: theirs, **dict(zip(range(3, 9), more, strict=False))}
    started = process.start([sys.executable, "-I", "-S", "-c", code], {"A": "b"}, descriptors)
    os.close(theirs)
    text = _read(ours)
    os.close(ours)
    assert started.wait(10) == 0
    return text.decode()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_it_gets_what_it_was_given() -> None:
    readable, writable = os.pipe()
    fds, null, environment, leads, masked = ast.literal_eval(run(_LOOK, readable))
    os.close(readable)
    os.close(writable)
    assert [fd for fd in fds if fd < 4] == [0, 1, 2, 3]
    assert (null, environment["A"], leads, masked) == ([os.devnull] * 2, "b", True, [])
    assert set(environment) <= {"A", "LC_CTYPE"}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_the_worker_closes_what_it_inherited() -> None:
    """A descriptor that somebody else left open, and marked for nobody to close."""
    secret = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(secret, True)
    started = spawn.spawn("modelairlock.isolation.echo:echo")
    try:
        look = f"/proc/{started.process.pid}/fd"
        for _ in range(2000):
            if {int(fd) for fd in os.listdir(look)} <= {0, 1, 2, spawn.CONTROL}:
                break
            threading.Event().wait(0.01)
        assert {int(fd) for fd in os.listdir(look)} <= {0, 1, 2, spawn.CONTROL}
        assert os.readlink(f"/proc/{started.process.pid}/cwd") == "/"
    finally:
        started.dismiss()
        os.close(secret)


def test_with_its_own_streams_closed() -> None:
    """Then the descriptors of a start take the numbers 0 to 2 themselves, and must not be taken for the streams."""
    code = (
        "import os; [os.close(fd) for fd in (0, 1)]\n"
        "from modelairlock.isolation import Task, Wall\n"
        "with Wall('modelairlock.isolation.echo:echo', memory_bytes=1 << 26) as wall:\n"
        "    assert wall.run([Task(-1, b'hello')], seconds=10)[0].ok\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, done.stderr


def test_what_it_is_given_is_not_lost_to_a_stream_that_was_closed() -> None:
    code = (
        "import os, sys\n"
        "from modelairlock.isolation.process import start\n"
        "reader, writer = os.pipe()\n"
        "os.close(2)\n"
        "start([sys.executable, '-I', '-S', '-c', 'import os; os.write(3, bytes(4))'], {}, {3: writer}).wait(10)\n"
        "os.close(writer)\n"
        "sys.exit(os.read(reader, 10) != bytes(4))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_signals_that_python_ignores_end_it_as_they_would_from_a_shell() -> None:
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
    assert process.start(["/bin/sh", "-c", "kill -PIPE $$"], {}, {}).wait(10) == -signal.SIGPIPE


def test_it_ends() -> None:
    started = process.start([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"], {}, {})
    assert started.poll() is None
    with pytest.raises(TimeoutError, match="did not end within"):
        started.wait(0.01)
    started.kill()
    assert started.wait(10) == started.returncode == -signal.SIGKILL
    started.kill()


def test_what_somebody_else_reaped_has_ended() -> None:
    started = process.start(["/bin/sh", "-c", "exit 3"], {}, {})
    os.waitpid(started.pid, 0)
    assert started.wait(10) == 0


def test_what_the_kernel_reaped_can_be_killed_as_well() -> None:
    """Who ignores SIGCHLD, or was started by somebody who did, has no children that wait to be reaped."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        started = process.start([sys.executable, "-I", "-S", "-c", ""], {}, {})
        with pytest.raises(ChildProcessError):
            os.waitpid(started.pid, 0)
        started.kill()
        assert started.wait(10) == 0
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_a_start_that_fails_half_way_leaves_nothing_open() -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="Bad file descriptor"):
        process.start([sys.executable], {}, {2: 1, 3: 1 << 20})
    assert os.listdir("/proc/self/fd") == before


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="No such file"):
        process.start(["/no/such/program"], {}, {})


def test_where_the_system_knows_no_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.posix_spawn

    def older(*given: object, **options: object) -> int:
        if "setsid" in options:
            raise NotImplementedError
        return real(*given, **options)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(os, "posix_spawn", older)
    assert run("import os; os.write(2, b'here')") == "here"
