"""Hosts that are not like this one, made for real where that can be: a container's filter, an old Landlock, AppArmor.

A process takes something away from itself and runs the jail; what it says is compared word for word. "Not opened" is
seen by the kernel's own account of opens.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from modelairlock.isolation import landlock
from modelairlock.isolation.jail import bubblewrap, calls, loading, run, session
from modelairlock.records.isolation import Level
from modelairlock.records.jail import Outcome
from tests.isolation.jail.world import INTERPRETER, LIMITS, ORDINARY, WHO, Opened, load

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [pytest.mark.jail, pytest.mark.skipif(sys.platform != "linux", reason="takes away what only Linux has")]

#: What Docker's default profile refuses a container without further capabilities, in our words; the rest of our table
#: of calls goes through. From profiles/seccomp/default.json of moby (00f3d189), "syscalls" less those for capabilities.
REFUSED_BY_DOCKER = (
    "acct add_key bpf chroot clock_settime delete_module fanotify_init finit_module fsconfig fsmount "
    "fsopen fspick get_mempolicy init_module io_uring_setup io_uring_enter io_uring_register ioperm iopl "
    "kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind migrate_pages mount mount_setattr "
    "move_mount move_pages nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root "
    "process_madvise quotactl quotactl_fd reboot request_key set_mempolicy set_mempolicy_home_node "
    "setdomainname sethostname setns settimeofday swapoff swapon sysfs syslog umount2 unshare userfaultfd "
    "ustat uselib vhangup _sysctl create_module get_kernel_syms query_module vserver afs_syscall getpmsg "
    "putpmsg security tuxcall"
)
NO_NAMESPACES = "bwrap: No permissions to create new namespace"
#: namespaces that clone may not make: NEWNS NEWCGROUP NEWUTS NEWIPC NEWUSER NEWPID NEWNET
_CLONE_NAMESPACES = 2114060288
_CONTAINER = """
import ctypes, json, os, struct, sys, tempfile, pickle
given = json.loads(sys.argv[1])
if given["user"]:
    os.setgroups([]); os.setresgid(given["user"], given["user"], given["user"])
    os.setresuid(given["user"], given["user"], given["user"])
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(4, 1, 0, 0, 0)
steps = b"".join(struct.pack("=HBBI", *one) for one in given["steps"])
if steps:
    kept = ctypes.create_string_buffer(steps)
    header = struct.pack("=HxxxxxxQ", len(steps) // 8, ctypes.addressof(kept))
    if libc.prctl(38, 1, 0, 0, 0) or libc.syscall(ctypes.c_long(given["seccomp"]), 1, 0, header):
        sys.exit("no filter: " + os.strerror(ctypes.get_errno()))
    assert libc.unshare(0x10000000) == -1 and ctypes.get_errno() == 1
exec(given["before"])
from modelairlock.isolation.jail import loading, run
from modelairlock.records.isolation import Level
class Evil:
    def __reduce__(self): return os.system, ("touch /tmp/pwned",)
with tempfile.NamedTemporaryFile() as file:
    file.write(pickle.dumps(Evil())); file.flush()
    fd = os.open(file.name, os.O_RDONLY)
    result = run(loading("pickle.load", fd, given["python"]), detonate=True, require=Level(given["require"]))
print(json.dumps({
    "level": result.level, "outcome": result.outcome, "detail": result.detail, "user": os.getuid(),
    "layers": {one.name: [one.state, one.reason] for one in result.layers},
    "events": [[one.syscall, *one.arguments, one.action] for one in result.events],
}))
"""


def container_filter() -> list[tuple[int, int, int, int]]:
    """The profile as BPF: (code, if true, if false, operand); see linux/filter.h and linux/seccomp.h."""
    machine = {"x86_64": 0, "aarch64": 1}[os.uname().machine]
    allow, refuse, absent, load, equal, back = 0x7FFF0000, 0x00050001, 0x00050026, 0x20, 0x15, 0x06
    steps = [(load, 0, 0, 0)]
    for name, numbers in calls.NUMBERS.items():
        if numbers[machine] >= 0 and name not in {
            *REFUSED_BY_DOCKER.split(),
            "clone",
            "clone3",
            "socket",
            "personality",
        }:
            steps += [(equal, 0, 1, numbers[machine]), (back, 0, 0, allow)]
    steps += [(equal, 0, 1, calls.NUMBERS["clone3"][machine]), (back, 0, 0, absent)]
    # An ordinary clone, and any socket but AF_VSOCK.
    block = [
        (load, 0, 0, 16),
        (0x54, 0, 0, _CLONE_NAMESPACES),
        (equal, 0, 1, 0),
        (back, 0, 0, allow),
        (back, 0, 0, refuse),
    ]
    steps += [(equal, 0, len(block), calls.NUMBERS["clone"][machine]), *block]
    block = [(load, 0, 0, 16), (equal, 1, 0, 40), (back, 0, 0, allow), (back, 0, 0, refuse)]
    return [*steps, (equal, 0, len(block), calls.NUMBERS["socket"][machine]), *block, (back, 0, 0, refuse)]


def on_such_a_host(
    who: str, *, steps: object = (), before: str = "", require: str = "confined", prefix: tuple[str, ...] = ()
) -> dict:
    given = {
        "user": ORDINARY if who == "ordinary" and os.geteuid() == 0 else 0,
        "steps": steps,
        "seccomp": calls.NUMBERS["seccomp"][{"x86_64": 0, "aarch64": 1}[os.uname().machine]],
        "before": before,
        "python": INTERPRETER,
        "require": require,
    }
    packages = os.path.dirname(os.path.dirname(sys.modules["msgspec"].__file__ or ""))
    done = subprocess.run(
        [*prefix, INTERPRETER, "-c", _CONTAINER, json.dumps(given)],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}/src:{packages}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("who", WHO)
def test_in_a_container_with_dockers_profile(who) -> None:
    """No namespaces, and all the rest: the listener works, and what is tried is seen."""
    prefix: tuple[str, ...] = ()
    if who == "root":
        kept = "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod"
        bounds = ",".join(["-all", *(f"+{one}" for one in kept.split())])
        prefix = ("setpriv", "--inh-caps=-all", f"--bounding-set={bounds}")
    found = on_such_a_host(who, steps=container_filter(), prefix=prefix)
    assert found["level"] == "confined", found
    state, reason = found["layers"]["namespaces"]
    assert (state, reason.startswith(NO_NAMESPACES)) == ("unavailable", True), found
    states = {name: state for name, (state, _) in found["layers"].items() if name not in {"namespaces", "cgroup"}}
    assert set(states.values()) == {"enforced"}
    assert found["outcome"] == "completed_with_violations"
    assert [(one[0], one[-1]) for one in found["events"]] == [("clone", "allowed"), ("execve", "EPERM")]
    assert found["events"][1][2] == "['sh', '-c', 'touch /tmp/pwned']"
    strict = on_such_a_host(who, steps=container_filter(), prefix=prefix, require="strict")
    assert strict["outcome"] == "isolation_unavailable"
    assert f"namespaces: {NO_NAMESPACES}" in strict["detail"]
    assert strict["events"] == []


#: As AppArmor does it on Ubuntu from 23.10 on: a user namespace may be made, and what makes it may not map its ids.
#: Here by a Landlock domain that keeps it from writing anywhere but where the jail's parent must.
_NO_MAPPING = """
def landlock(number, *arguments):
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = libc.syscall(ctypes.c_long(number), *given)
    assert result >= 0, ctypes.get_errno()
    return result
ruleset = landlock(444, struct.pack("=Q", 2), 8, 0)
for path in ("/tmp", "/dev", "/sys"):
    landlock(445, ruleset, 1, struct.pack("=QI", 2, os.open(path, os.O_PATH)), 0)
libc.prctl(38, 1, 0, 0, 0)
landlock(446, ruleset, 0)
"""


def test_where_a_user_namespace_gives_no_power() -> None:
    found = on_such_a_host("ordinary", before=_NO_MAPPING)
    assert found["layers"]["namespaces"] == ["unavailable", "bwrap: setting up uid map: Permission denied"]
    assert (found["level"], found["outcome"]) == ("confined", "completed_with_violations")
    strict = on_such_a_host("ordinary", before=_NO_MAPPING, require="strict")
    assert (strict["outcome"], strict["events"]) == ("isolation_unavailable", [])
    assert "(namespaces: bwrap: setting up uid map: Permission denied)" in strict["detail"]


@pytest.mark.parametrize(
    "said", ["setting up uid map: Permission denied", "loopback: Failed RTM_NEWADDR: Operation not permitted"]
)
def test_the_model_is_not_opened_where_bubblewrap_gives_up(tmp_path, monkeypatch, said) -> None:
    """By the words of two releases of it; what they come from differs from host to host."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    place = folder / "bwrap"
    place.write_text(
        f"#!/bin/sh\n[ $1 = --version ] && echo bubblewrap 0.9.0 && exit\necho 'bwrap: {said}' >&2; exit 1\n"
    )
    place.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "PLACES", (str(place),))
    model = tmp_path / "model"
    model.write_bytes(b"N.")
    fd = os.open(model, os.O_RDONLY)
    with Opened(model) as opened:
        result = run(loading("pickle.load", fd, INTERPRETER), require=Level.STRICT, limits=LIMITS)
        assert not opened.seen()
    os.close(fd)
    shutil.rmtree(folder)
    assert (result.level, result.outcome) == (Level.CONFINED, Outcome.ISOLATION_UNAVAILABLE)
    assert (
        f"isolation is confined, and strict is required, so the model was not opened (namespaces: bwrap: {said})"
        in result.detail
    )


#: ABI -> how many rights over files, the network and scopes it knows (security/landlock/limits.h)
_ABIS = {1: (13, 0, 0), 2: (14, 0, 0), 3: (15, 0, 0), 4: (15, 2, 0), 5: (16, 2, 0), 6: (16, 2, 2)}


@pytest.mark.parametrize("abi", [1, 3, 6])
def test_an_older_landlock(monkeypatch, abi) -> None:
    """The worker takes what there is: all of the rights that the kernel knows, which here are made fewer."""
    if landlock.version() < abi:
        pytest.skip(f"this kernel's Landlock is older: ABI {landlock.version()}")
    real = session.text("worker.py")
    asked = "    version = call(create, None, 0, 1)\n"
    bits = "    for bit in range(64):\n"
    assert real.count(asked) == real.count(bits) == 1
    older = real.replace(asked, f"{asked}    version = min(version, {abi})\n")
    older = older.replace(bits, f"    for bit in range({_ABIS[abi]!r}[field]):\n")
    monkeypatch.setattr(session, "text", lambda name: older)
    for mode in ("strict", "confined"):
        result = load("import os\ntry: open('/etc/passwd')\nexcept OSError: pass\nos.kill(1, 9)", mode=mode)
        found = {one.name: (one.state, one.reason) for one in result.layers}
        assert found["landlock"] == ("enforced", f"ABI {abi}")
        assert result.level == Level(mode)
        assert [one.syscall for one in result.events] == ["openat", "kill"]


def test_no_landlock_and_nothing_is_opened(monkeypatch, tmp_path) -> None:
    """ABI 0: the call is not there, or (95) Landlock was left out when the machine was booted."""
    real = session.text("worker.py")
    asked = "    version = call(create, None, 0, 1)\n"
    model = tmp_path / "model"
    model.write_bytes(b"N.")
    for code, words in ((38, "Function not implemented"), (95, "Operation not supported")):
        older = real.replace(asked, f"    raise OSError({code}, os.strerror({code}))\n")
        monkeypatch.setattr(session, "text", lambda name, older=older: older)
        fd = os.open(model, os.O_RDONLY)
        with Opened(model) as opened:
            result = run(loading("pickle.load", fd, INTERPRETER), limits=LIMITS)
            assert not opened.seen()
        os.close(fd)
        assert (result.level, result.outcome) == (Level.WEAK, Outcome.ISOLATION_UNAVAILABLE)
        assert f"(landlock: [Errno {code}] {words})" in result.detail
