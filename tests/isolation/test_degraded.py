"""Machines that lack a layer: the level and the reasons are exact, and what remains still works.

A template is started with one piece of the system taken away, by code that runs before the template's own, or by a
launcher that takes away privileges. No layer is missing without a reason.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from modelairlock.isolation import Task, Wall, spawn
from modelairlock.records.errors import NoIsolation
from modelairlock.records.isolation import LAYERS, Isolation, Level

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="takes away what only Linux has")

FULL = spawn.BOOTSTRAP
REFUSE = """
from modelairlock.isolation import kernel
call = kernel.call
def without(name, *arguments):
    if name in {names!r}:
        raise OSError({code}, "taken away", name)
    return call(name, *arguments)
kernel.call = without
"""
#: what is taken away -> code that does it, and the layers that then are not enforced, with their reasons
TAKEN = {
    "landlock": (REFUSE.format(names={"landlock_create_ruleset"}, code=38), {"landlock": "taken away"}),
    "landlock_full": (REFUSE.format(names={"landlock_restrict_self"}, code=7), {"landlock": "taken away"}),
    "seccomp": (REFUSE.format(names={"seccomp"}, code=22), {"seccomp": "taken away"}),
    "namespaces": (REFUSE.format(names={"unshare"}, code=28), {"namespaces": "unshare: taken away"}),
    "capset": (REFUSE.format(names={"capset"}, code=1), {"privileges": "taken away"}),
    "proc": (
        "from modelairlock.isolation import rlimits\nrlimits.address_space = lambda: 0\n",
        {"limits": "AS: this system does not say how large a process is"},
    ),
    "linux": (
        "from modelairlock.isolation import kernel\nkernel.machine = lambda: -1\n",
        dict.fromkeys(("privileges", "namespaces", "landlock", "seccomp"), "needs Linux on x86_64 or aarch64"),
    ),
}


def start_without(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    path, rest = FULL.split("; from", 1)
    monkeypatch.setattr(spawn, "BOOTSTRAP", f"{path}\n{code}\nfrom{rest}")


def full() -> bool:
    with Wall("modelairlock.isolation.echo:echo", memory_bytes=1 << 26) as wall:
        return wall.isolation.level == Level.STRICT


@pytest.mark.parametrize("taken", TAKEN)
def test_a_missing_layer_is_named_and_the_rest_holds(monkeypatch, taken) -> None:
    if not full():
        pytest.skip("this machine lacks layers of its own")
    code, missing = TAKEN[taken]
    start_without(monkeypatch, code)
    with Wall("modelairlock.isolation.echo:echo", memory_bytes=1 << 26) as wall:
        layers = {layer.name: layer for layer in wall.isolation.layers}
        assert set(layers) == set(LAYERS)
        assert {name for name, layer in layers.items() if layer.state != "enforced"} == set(missing)
        for name, reason in missing.items():
            assert layers[name].state in {"unavailable", "failed"}
            assert reason in layers[name].reason
        expected = {"namespaces": Level.CONFINED, "linux": Level.NONE}.get(taken, Level.WEAK)
        assert wall.isolation.level == expected
        assert wall.run([Task(-1, b"still works")], seconds=20)[0].result == b"still works"
    wall = Wall("modelairlock.isolation.echo:echo", memory_bytes=1 << 26, require=Level.STRICT)
    with wall, pytest.raises(NoIsolation, match=f"isolation is {expected}, and strict is required"):
        wall.run([Task(-1, b"")], seconds=20)


@pytest.mark.parametrize(
    ("layer", "code", "reason"),
    [
        ("landlock", "landlock.restrict = lambda ruleset: None", "the root directory could still be opened"),
        (
            "seccomp",
            "lockdown.template_filter = lambda machine: b'\\6\\0\\0\\0\\0\\0\\xff\\x7f'",
            "a socket could still",
        ),
        ("seccomp", "lockdown.child_filter = lockdown.template_filter", "a child could signal"),
        ("limits", "rlimits.limit_child = lambda seconds: None", "a child could open a descriptor"),
        ("privileges", "privileges.shed = lambda: None", "no_new_privs is not set"),
    ],
)
def test_a_layer_that_does_nothing_is_found_out(monkeypatch, layer, code, reason) -> None:
    only = {layer} if layer != "limits" else {"limits", "privileges"}
    start_without(monkeypatch, f"from modelairlock.isolation import landlock, lockdown, privileges, rlimits\n{code}\n")
    with Wall("modelairlock.isolation.echo:echo", memory_bytes=1 << 26, enabled_layers=only) as wall:
        found = wall.isolation.layer(layer)
        if found.state == "unavailable":
            pytest.skip(found.reason)
        assert found.state == "failed"
        assert reason in found.reason


PROBE = (
    "import sys; sys.path[:0] = {path!r}\n"
    "from modelairlock.isolation import *; import msgspec\n"
    "wall = Wall('modelairlock.isolation.echo:echo', memory_bytes=1 << 26)\n"
    "assert wall.run([Task(-1, b'x')], seconds=20)[0].ok\n"
    "print(msgspec.json.encode(wall.isolation).decode()); wall.close()"
)


def isolation_under(*launcher: str) -> Isolation:
    import msgspec

    if shutil.which(launcher[0]) is None:
        pytest.skip(f"no {launcher[0]} here")
    code = PROBE.format(path=[entry for entry in sys.path if entry])
    done = subprocess.run([*launcher, sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    if not done.stdout.startswith("{") and done.stderr.startswith(launcher[0]):
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return msgspec.convert(json.loads(done.stdout), Isolation)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to start without")
@pytest.mark.parametrize(
    ("without", "remark"),
    [
        (("--bounding-set", "-all"), "stays uid 0, without capabilities"),
        (("--bounding-set", "-setuid,-setgid"), "stays uid 0, without capabilities"),
        (("--bounding-set", "-kill"), "runs as uid 65534"),
    ],
)
def test_root_with_fewer_capabilities(without, remark) -> None:
    isolation = isolation_under("setpriv", *without)
    assert isolation.level.rank >= Level.CONFINED.rank
    assert isolation.layer("privileges").reason.startswith(remark)


def test_a_host_that_allows_no_more_namespaces() -> None:
    isolation = isolation_under(
        "unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', "-"
    )
    assert isolation.level == Level.CONFINED
    assert isolation.layer("namespaces").state == "unavailable"
    assert isolation.layer("namespaces").reason.startswith("unshare: ")
