"""What the caller believes about a template, and what it does not."""

import os
from pathlib import Path

import pytest

from modelairlock.isolation import Task, Wall, launch, spawn
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import LAYERS, Isolation, Layer, Level

HELD = tuple(Layer(name=name, state="enforced") for name in LAYERS)
STATUS = "Threads:\t1\nCapEff:\t0000000000000000\nCapPrm:\t0\nCapInh:\t0\nCapAmb:\t0\nNoNewPrivs:\t1\nSeccomp:\t2\n"


def without(name: str) -> tuple[Layer, ...]:
    return tuple(layer for layer in HELD if layer.name != name)


@pytest.mark.parametrize(
    ("layers", "level"),
    [
        (HELD, Level.STRICT),
        (without("namespaces"), Level.CONFINED),
        (without("landlock"), Level.WEAK),
        (without("seccomp"), Level.WEAK),
        (without("limits"), Level.WEAK),
        (without("privileges"), Level.WEAK),
        (tuple(layer for layer in HELD if layer.name in {"privileges", "limits"}), Level.NONE),
        ((), Level.NONE),
    ],
)
def test_the_level_is_what_the_layers_amount_to(layers, level) -> None:
    assert Isolation.of(layers).level == level


def test_levels_are_ordered() -> None:
    assert [level.rank for level in (Level.NONE, Level.WEAK, Level.CONFINED, Level.STRICT)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("line", "instead", "layer", "reason"),
    [
        ("Seccomp:\t2", "Seccomp:\t0", "seccomp", "no filter"),
        ("Threads:\t1", "Threads:\t2", "seccomp", "no filter over all"),
        ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "privileges", "privileges can be gained"),
        ("CapEff:\t0000000000000000", "CapEff:\t0000000000000400", "privileges", "CapEff 0000000000000400"),
    ],
)
def test_what_the_kernel_contradicts_has_failed(monkeypatch, line, instead, layer, reason) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_: STATUS.replace(line, instead))
    layers = {layer.name: layer for layer in launch._confirmed(1, HELD)}
    assert layers.pop(layer).state == "failed"
    assert {layer.state for layer in layers.values()} == {"enforced"}
    assert reason in {layer.name: layer for layer in launch._confirmed(1, HELD)}[layer].reason


def test_what_the_kernel_confirms_stands(monkeypatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_: STATUS)
    assert launch._confirmed(1, HELD) == HELD


def test_a_module_that_starts_threads_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "threaded.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "def read(fd, payload): return payload\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(AirlockError, match="started 1 threads"):
        launch.launch("threaded:read", 1 << 26, LAYERS)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("import os; os._exit(3)", "it ended without a word"),
        ("import os; os.write(2, b'Fatal: so it is\\n'); os.abort()", "Fatal: so it is"),
    ],
)
def test_a_worker_that_cannot_start_says_why(tmp_path, monkeypatch, code, message) -> None:
    (tmp_path / "broken_worker.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(AirlockError, match=message) as caught:
        launch.launch("broken_worker:read", 1 << 26, ())
    assert caught.value.hint


def test_the_current_directory_is_not_where_the_worker_looks(monkeypatch) -> None:
    monkeypatch.syspath_prepend("")
    assert "" not in spawn._import_path()
    assert all(os.path.isabs(entry) for entry in spawn._import_path())


def test_what_was_started_beforehand_becomes_the_template() -> None:
    spawned = spawn.spawn("modelairlock.isolation.echo:echo")
    with Wall("modelairlock.isolation.echo:echo", memory_bytes=1 << 26, spawned=spawned) as wall:
        assert wall.run([Task(-1, b"hello")], seconds=10)[0].result is not None
        assert wall._running is not None
        assert wall._running.process is spawned.process
    assert spawned.process.returncode is not None


def test_what_was_started_for_another_function_is_not_used() -> None:
    spawned = spawn.spawn("no.such.module:read")
    with Wall("modelairlock.isolation.echo:echo", memory_bytes=1 << 26, spawned=spawned) as wall:
        assert wall.run([Task(-1, b"hello")], seconds=10)[0].ok
    spawned.dismiss()
    assert spawned.process.returncode is not None


def test_what_nobody_wants_ends() -> None:
    spawned = spawn.spawn("modelairlock.isolation.echo:echo")
    spawned.dismiss()
    assert spawned.process.returncode is not None
    spawned.dismiss()


def test_it_ends_by_itself_when_the_caller_is_gone() -> None:
    spawned = spawn.spawn("modelairlock.isolation.echo:echo")
    os.close(spawned.control)
    assert spawned.process.wait(10) == -9
    os.close(spawned.errors)


def test_a_worker_that_cannot_start_is_not_tried_again(monkeypatch) -> None:
    wall = Wall("no.such.module:read", memory_bytes=1 << 26)
    with pytest.raises(AirlockError):
        wall.run([Task(-1, b"")], seconds=10)
    monkeypatch.setattr(launch, "spawn", lambda _: pytest.fail("tried again"))
    with pytest.raises(AirlockError, match="No module named"):
        wall.run([Task(-1, b"")], seconds=10)
