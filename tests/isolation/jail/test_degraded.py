"""Machines that lack a layer: the level and the reason are exact, and the model is not opened below the level required.

"Not opened" is seen by the kernel's own account of opens (inotify), not by what came back.
"""

import ctypes
import errno
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from modelairlock.isolation.jail import attest, bubblewrap, calls, loading, probe, run, tree
from modelairlock.isolation.jail import filter as filters
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import LAYERS, Level
from modelairlock.records.jail import Outcome
from tests.isolation.jail.world import INTERPRETER, LIMITS, WHO, Opened, as_user, in_thread, load

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.jail, pytest.mark.skipif(sys.platform != "linux", reason="takes away what only Linux has")]


def layer(result, name: str):
    return next(one for one in result.layers if one.name == name)


def refused(require: Level, who: str = WHO[0], **options):
    """Run with `require`; the result, after it was seen that the model was not opened."""
    path = Path(tempfile.gettempdir()) / f"model-{os.getpid()}"
    path.write_bytes(b"N.")
    path.chmod(0o644)
    fd = os.open(path, os.O_RDONLY)
    try:
        with Opened(path) as opened:
            job = loading("pickle.load", fd, INTERPRETER)
            result = as_user(who, lambda: run(job, require=require, limits=LIMITS, **options))
            assert not opened.seen()
    finally:
        os.close(fd)
        path.unlink()
    assert result.outcome in {Outcome.ISOLATION_UNAVAILABLE, Outcome.ISOLATION_LOST}
    assert not result.outcome.opened
    return result


def test_the_oracle_sees_a_model_being_opened() -> None:
    path = Path(tempfile.gettempdir()) / f"model-{os.getpid()}"
    path.write_bytes(b"N.")
    fd = os.open(path, os.O_RDONLY)
    with Opened(path) as opened:
        assert run(loading("pickle.load", fd, INTERPRETER)).outcome is Outcome.COMPLETED
        assert opened.seen()
    os.close(fd)
    path.unlink()


@pytest.mark.parametrize("who", WHO)
def test_without_bubblewrap(monkeypatch, who) -> None:
    monkeypatch.setattr(bubblewrap, "PLACES", ())
    monkeypatch.setattr(bubblewrap, "site_folders", tuple)
    result = refused(Level.STRICT, who)
    assert result.level is Level.CONFINED
    assert layer(result, "namespaces").state == "unavailable"
    assert "bubblewrap is not installed (apt install bubblewrap" in layer(result, "namespaces").reason
    assert "bubblewrap is not installed" in result.detail
    assert load("1", who=who, enabled_layers=LAYERS, require=Level.CONFINED).outcome is Outcome.COMPLETED


def test_without_landlock(monkeypatch) -> None:
    monkeypatch.setitem(calls.NUMBERS, "landlock_create_ruleset", (9999, 9999))
    result = refused(Level.CONFINED)
    assert result.level is Level.WEAK
    assert layer(result, "landlock").reason == "[Errno 38] Function not implemented"


def test_without_a_listener(monkeypatch) -> None:
    monkeypatch.setattr(filters, "FLAGS", 1 << 20)
    result = refused(Level.CONFINED)
    assert result.level is Level.WEAK
    assert layer(result, "seccomp").reason == "[Errno 22] Invalid argument"


def test_under_a_sandbox_that_has_the_listener_already() -> None:
    """There can be one in a line of processes; ours is then refused as busy."""
    program = struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)

    def inside():
        libc = ctypes.CDLL(None, use_errno=True)
        steps = ctypes.create_string_buffer(program)
        header = struct.pack("=HxxxxxxQ", 1, ctypes.addressof(steps))
        libc.prctl(38, 1, 0, 0, 0)
        assert libc.syscall(calls.NUMBERS["seccomp"][filters_machine()], 1, filters.NEW_LISTENER, header) >= 0
        return run(job, limits=LIMITS)

    with tempfile.NamedTemporaryFile() as file:
        file.write(b"N.")
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        fd = os.open(file.name, os.O_RDONLY)
        job = loading("pickle.load", fd, INTERPRETER)
        with Opened(Path(file.name)) as opened:
            result = as_user("ordinary", inside) if "root" in WHO else pytest.skip("would bind this process")
            assert not opened.seen()
        os.close(fd)
    assert result.outcome is Outcome.ISOLATION_UNAVAILABLE
    assert layer(result, "seccomp").reason == "[Errno 16] Device or resource busy"


def filters_machine() -> int:
    return {"x86_64": 0, "aarch64": 1}[os.uname().machine]


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare of util-linux")
@pytest.mark.skipif("root" not in WHO, reason="becomes an ordinary user")
def test_where_nobody_may_make_user_namespaces(tmp_path) -> None:
    """An ordinary user in a namespace of its own in which no more may be made: what many hosts and containers are."""
    script = (
        "import json, sys\n"
        "from modelairlock.isolation.jail import probe\n"
        f"result = probe({INTERPRETER!r})\n"
        "print(json.dumps([result.level, [[one.name, one.state, one.reason] for one in result.layers]]))\n"
    )
    packages = os.path.dirname(os.path.dirname(sys.modules["msgspec"].__file__ or ""))
    inner = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --ambient-caps=-all --inh-caps=-all "$@"'
    command = [
        "unshare",
        "--user",
        "--map-current-user",
        "--keep-caps",
        "sh",
        "-c",
        inner,
        "sh",
        INTERPRETER,
        "-c",
        script,
    ]
    done = subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}/src:{packages}"},
        capture_output=True,
        text=True,
        user=1001,
        group=1001,
        extra_groups=[],
    )
    assert done.returncode == 0, done.stderr
    level, layers = json.loads(done.stdout)
    assert level == "confined", layers
    reasons = {name: (state, reason) for name, state, reason in layers}
    assert reasons["namespaces"][0] == "unavailable"
    assert "ENOSPC" in reasons["namespaces"][1]


@pytest.mark.skipif("root" not in WHO or not shutil.which("setpriv"), reason="takes powers away from root")
def test_as_root_with_the_powers_that_containers_leave_it() -> None:
    """Without CAP_SYS_PTRACE, root may not look into nobody's processes; nobody may."""
    kept = (
        "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod setfcap"
    )
    bounds = ",".join(["-all", *(f"+{one}" for one in kept.split())])
    script = (
        "import json, os, pickle, tempfile\n"
        "from modelairlock.isolation.jail import loading, run\n"
        "class Evil:\n"
        "    def __reduce__(self): return os.system, ('touch /tmp/pwned',)\n"
        "file = tempfile.NamedTemporaryFile()\n"
        "file.write(pickle.dumps(Evil())); file.flush()\n"
        f"job = loading('pickle.load', os.open(file.name, os.O_RDONLY), {INTERPRETER!r})\n"
        "result = run(job, detonate=True)\n"
        "print(json.dumps([os.getuid(), result.level, [[one.syscall, one.arguments] for one in result.events]]))\n"
    )
    packages = os.path.dirname(os.path.dirname(sys.modules["msgspec"].__file__ or ""))
    done = subprocess.run(
        ["setpriv", "--inh-caps=-all", f"--bounding-set={bounds}", INTERPRETER, "-c", script],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}/src:{packages}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    user, level, events = json.loads(done.stdout)
    assert (user, level) == (0, "confined")
    assert [name for name, _ in events] == ["clone", "execve"]
    assert events[1][1] == ["/bin/sh", "['sh', '-c', 'touch /tmp/pwned']"]


def test_where_the_parent_may_not_look_into_the_worker(monkeypatch) -> None:
    """As root in a container without CAP_SYS_PTRACE."""

    def closed(_process: int) -> dict[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tree, "descriptors", closed)
    result = refused(Level.CONFINED)
    assert "CAP_SYS_PTRACE" in result.detail


@pytest.mark.skipif("root" not in WHO, reason="would bind this process")
def test_where_limits_are_lower_already() -> None:
    """As in services and containers; less than what would be set is as good."""

    def inside():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
        return run(job)

    with tempfile.NamedTemporaryFile() as file:
        file.write(b"N.")
        file.flush()
        job = loading("pickle.load", os.open(file.name, os.O_RDONLY), INTERPRETER)
        result = as_user("ordinary", inside)
        os.close(job.inputs[0])
    assert (result.level, result.outcome) == (Level.STRICT, Outcome.COMPLETED), result.detail


def test_who_ignores_its_children(monkeypatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)
    with pytest.raises(AirlockError, match="ignores SIGCHLD"):
        probe(INTERPRETER)


def test_several_at_once() -> None:
    results = []
    threads = [in_thread(lambda: results.append(load("import os; os.system('true')", detonate=True))) for _ in range(6)]
    for thread in threads:
        thread.join()
    assert [one.outcome for one in results] == [Outcome.COMPLETED_WITH_VIOLATIONS] * 6
    assert all([event.syscall for event in one.events] == ["clone", "execve"] for one in results)


def test_a_canary_that_was_not_seen(monkeypatch) -> None:
    real = attest.Canaries.answer

    def blind(self, notification):
        seen = real(self, notification)
        if len(self.seen) == 4:
            self.seen.pop()
        return seen

    monkeypatch.setattr(attest.Canaries, "answer", blind)
    result = refused(Level.CONFINED)
    assert result.outcome is Outcome.ISOLATION_LOST
    assert "these were not seen: socket, fork, kill" in result.detail


def test_the_canaries_leave_nothing_where_nothing_is_confined(monkeypatch, tmp_path) -> None:
    """Where nothing stops them, all but one work; that one must not, for it would create a file."""
    tried: dict[str, int] = {}
    real = attest.attest

    def noting(worker, layers, canaries, said, limits):
        tried.update(said.results)
        return real(worker, layers, canaries, said, limits)

    monkeypatch.setattr(attest, "attest", noting)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert load("1", enabled_layers=(), require=Level.NONE).outcome is Outcome.ISOLATION_UNAVAILABLE
    assert tried.pop("create") == errno.ENOTDIR
    assert set(tried.values()) == {0}
    assert os.listdir(tmp_path) == []


def test_a_layer_that_lets_a_canary_through(monkeypatch) -> None:
    """A filter that allows sockets, which is the kind of mistake that canaries are for."""
    monkeypatch.setattr(filters, "ALLOWED", (*filters.ALLOWED, "socket"))
    result = refused(Level.CONFINED)
    assert result.outcome is Outcome.ISOLATION_LOST
    assert layer(result, "seccomp").state == "failed"


@pytest.mark.skipif("root" not in WHO, reason="only root has a home that is closed to others")
def test_root_with_an_interpreter_that_only_root_may_run(tmp_path, monkeypatch) -> None:
    closed = Path("/root/closed-for-test")
    closed.mkdir()
    try:
        subprocess.run([INTERPRETER, "-m", "venv", "--without-pip", closed / "venv"], check=True)
        python = str(closed / "venv" / "bin" / "python")
        with_namespaces = probe(python)
        assert with_namespaces.level is Level.STRICT, with_namespaces
        monkeypatch.setattr(bubblewrap, "PLACES", ())
        monkeypatch.setattr(bubblewrap, "site_folders", tuple)
        without = probe(python)
        assert without.level is Level.NONE
        assert "/root" in next(one.reason for one in without.layers if one.name == "privileges")
    finally:
        shutil.rmtree(closed)


def test_an_interpreter_that_does_not_start() -> None:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "bin").mkdir()
    python = folder / "bin" / "python"
    python.write_text("#!/bin/sh\necho this is no Python\n")
    python.chmod(0o755)
    with pytest.raises(AirlockError, match="could not be started"):
        probe(str(python))
    shutil.rmtree(folder)


def test_an_environment_without_the_loader() -> None:
    with tempfile.NamedTemporaryFile() as file:
        fd = os.open(file.name, os.O_RDONLY)
        with pytest.raises(AirlockError, match=r"torch\.load cannot be had in .*No module named 'torch'"):
            run(loading("torch.load", fd, INTERPRETER))
        os.close(fd)


def test_only_regular_files_for_reading(tmp_path) -> None:
    (tmp_path / "x").write_bytes(b"")
    for fd in (os.open(tmp_path / "x", os.O_RDWR), os.open(tmp_path, os.O_RDONLY)):
        with pytest.raises(ValueError, match="descriptor"):
            run(loading("pickle.load", fd))
        os.close(fd)


def test_the_account_of_answers_is_closed() -> None:
    load("1", detonate=True)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        load("import os; os.system('true')", detonate=True)
    assert len(os.listdir("/proc/self/fd")) == before
