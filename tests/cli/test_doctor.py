"""``airlock doctor``: each layer, what it stops, and what this machine can do with what it has."""

import pytest

from modelairlock.records.isolation import LAYERS, Isolation, Layer, Level


def having(*missing: str) -> Isolation:
    layers = tuple(
        Layer(name=name, state="unavailable" if name in missing else "enforced", reason="not here" * (name in missing))
        for name in LAYERS
    )
    return Isolation.of(layers)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    def made(wall: Isolation, jailed: Isolation) -> None:
        monkeypatch.setattr("modelairlock.isolation.wall.probe", lambda: wall)
        monkeypatch.setattr("modelairlock.isolation.jail.probe", lambda: jailed)

    return made


def test_a_machine_with_everything(run, machine) -> None:
    machine(having(), having())
    done = run("doctor")
    assert done.exit_code == 0
    assert "the jail: strict" in done.output
    assert "seccomp  enforced: against every other system call" in done.output
    assert "can  airlock detonate" in done.output
    assert "CANNOT" not in done.output
    assert "hint" not in done.output


def test_a_machine_without(run, machine) -> None:
    machine(having("namespaces"), having("namespaces", "landlock", "seccomp"))
    done = run("doctor")
    assert "namespaces  unavailable (not here)" in done.output
    assert "can  airlock scan" in done.output
    assert "CANNOT  airlock detonate" in done.output
    assert "apt install bubblewrap" in done.output


@pytest.mark.parametrize(
    ("missing", "level", "status"),
    [((), "strict", 0), (("namespaces",), "strict", 2), (("namespaces",), "confined", 0), (LAYERS, "none", 0)],
)
def test_required(run, machine, missing: tuple[str, ...], level: str, status: int) -> None:
    machine(having(), having(*missing))
    assert run("doctor", "--require", level).exit_code == status


@pytest.mark.jail
def test_this_machine(run) -> None:
    done = run("doctor")
    assert done.exit_code == 0
    assert any(f"the jail: {level.value}" in done.output for level in Level)
