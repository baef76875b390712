"""No layer is decoration: each holds off something that the others let through, and is missed when it is switched off.

For each layer there is one attack. With all layers it fails; without that one layer, the rest in force, it succeeds.
"""

import os
import platform
import sys
import uuid
from collections.abc import Callable

import msgspec
import pytest

from modelairlock.isolation.jail import loading
from modelairlock.records.isolation import LAYERS, Level
from modelairlock.records.jail import JAIL_LAYERS, JailResult, Outcome
from tests.isolation.jail.world import INTERPRETER, LIMITS, SECRET, WHO, World, load, world

pytestmark = [
    pytest.mark.jail,
    pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="numbers of Linux on x86_64"),
]

#: two threads: one turns the path over while the other asks to open it, so what was looked at is not what is opened
RACE = """
import ctypes, os, threading, time
c = ctypes.CDLL(None, use_errno=True)
good, bad = b'/usr/lib/os-release', b'@DIR@/id_rsa'
path = ctypes.create_string_buffer(good, 200)
stop = []
def turn():
    while not stop:
        ctypes.memmove(path, bad + b'\\0', len(bad) + 1)
        ctypes.memmove(path, good + b'\\0', len(good) + 1)
threading.Thread(target=turn, daemon=True).start()
end = time.monotonic() + 4
while time.monotonic() < end:
    fd = c.open(path, os.O_RDONLY)
    if fd >= 0:
        data = os.read(fd, 30)
        os.close(fd)
        if data.startswith(b'secret'):
            print('got', data.decode())
            break
stop.append(1)
"""


def run(source: str, without: str, outside: World, *, namespaces: bool = False) -> JailResult:
    layers = [name for name in LAYERS if name != without and (namespaces or name != "namespaces")]
    folders = (str(outside.folder / "environment"),)
    return load(
        outside.filled(source),
        mode="confined",
        enabled_layers=layers,
        require=Level.WEAK,
        unsafe_allow_weak=True,
        job=lambda fd: msgspec.structs.replace(loading("pickle.load", fd, INTERPRETER), import_from=folders),
    )


def landlock(without: str, outside: World) -> bool:
    """A path that is exchanged between the look and the open."""
    return SECRET in run(RACE, without, outside).output


def namespaces(without: str, outside: World) -> bool:
    """Looking whether a file of the host is there."""
    result = run("import os\nprint(os.path.exists('@DIR@/id_rsa'))", without, outside, namespaces=True)
    return "True" in result.output


def seccomp(without: str, outside: World) -> bool:
    """A datagram to the host's network, which Landlock does not know up to its version 9."""
    source = "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP@))"
    run(source, without, outside)
    return "udp" in outside.state()["heard"]


def limits(without: str, outside: World) -> bool:
    """More descriptors than are granted, which nobody is asked for."""
    return "many" in run("import os\n[os.dup(0) for _ in range(300)]\nprint('many')", without, outside).output


def privileges(without: str, outside: World) -> bool:
    """A file in the environment that only root may read."""
    place = outside.folder / "environment"
    place.mkdir(exist_ok=True)
    (place / "key").write_text(SECRET)
    (place / "key").chmod(0o600)
    return SECRET in run("print(open('@DIR@/environment/key').read())", without, outside).output


@pytest.mark.parametrize("mode", ["strict", "confined"])
@pytest.mark.parametrize("path", ["link", "folder/../id_rsa", "../id_rsa", "./../environment/link"])
def test_a_link_of_the_environment_leads_nowhere_unseen(path, mode) -> None:
    """Whoever only looks at the name of the file thinks that it lies in the environment."""
    with world() as outside:
        place = outside.folder / "environment"
        place.mkdir()
        (place / "link").symlink_to(outside.folder / "id_rsa")
        (outside.folder / "elsewhere").mkdir()
        (place / "folder").symlink_to(outside.folder / "elsewhere")
        result = load(
            outside.filled(f"print(open('@DIR@/environment/{path}').read())"),
            mode=mode,
            job=lambda fd: msgspec.structs.replace(loading("pickle.load", fd, INTERPRETER), import_from=(str(place),)),
        )
    assert SECRET not in result.output
    assert [one.action for one in result.events] == ["EACCES"], result


ATTACKS: dict[str, Callable[[str, World], bool]] = {
    one.__name__: one for one in (landlock, namespaces, seccomp, limits, privileges)
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_missed_when_it_is_gone(name) -> None:
    if name == "privileges" and os.geteuid() != 0:
        pytest.skip("only root has some to give up")
    with world() as outside:
        (outside.folder / "environment").mkdir()
        assert not ATTACKS[name]("", outside)
        assert ATTACKS[name](name, outside)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("who", WHO)
def test_a_layer_that_is_switched_off_is_told_and_counts(name, who) -> None:
    layers = [one for one in LAYERS if one != name]
    marker = uuid.uuid4().hex
    result = load(f"print('{marker}')", who=who, enabled_layers=layers, require=Level.CONFINED)
    [layer] = [one for one in result.layers if one.name == name]
    assert (layer.state, layer.reason, layer.verified) == ("disabled", "switched off by the caller", "")
    if name == "namespaces":
        assert (result.level, result.outcome) == (Level.CONFINED, Outcome.COMPLETED)
        return
    assert (result.level, result.outcome) == (Level.WEAK, Outcome.ISOLATION_UNAVAILABLE)
    assert not result.outcome.opened
    assert marker not in result.output


def test_strict_is_asked_for_and_not_there() -> None:
    layers = [one for one in LAYERS if one != "namespaces"]
    result = load("print('opened')", enabled_layers=layers, require=Level.STRICT)
    assert result.outcome is Outcome.ISOLATION_UNAVAILABLE
    assert "strict is required" in result.detail
    assert result.output == ""


def test_weak_has_to_be_asked_for_by_its_unsafe_name() -> None:
    layers = ["privileges", "limits", "seccomp"]
    refused = load("print('opened')", enabled_layers=layers, require=Level.WEAK)
    assert refused.outcome is Outcome.ISOLATION_UNAVAILABLE
    allowed = load("print('opened')", enabled_layers=layers, require=Level.WEAK, unsafe_allow_weak=True)
    assert (allowed.level, allowed.outcome) == (Level.WEAK, Outcome.COMPLETED)


def test_nothing_at_all_is_never_enough() -> None:
    for layers in ((), ("limits", "privileges")):
        result = load("print('opened')", enabled_layers=layers, require=Level.NONE, unsafe_allow_weak=True)
        assert (result.level, result.outcome) == (Level.NONE, Outcome.ISOLATION_UNAVAILABLE)


def test_the_account_says_who_saw_each_layer_hold() -> None:
    result = load("1", limits=LIMITS)
    assert result.level is Level.STRICT
    assert [one.name for one in result.layers] == list(JAIL_LAYERS)
    assert all(one.state == "enforced" and one.verified for one in result.layers if one.name in LAYERS)
    assert [one.name for one in result.phases] == ["import", "load", "unload"]
