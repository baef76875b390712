"""Bombs: each is stopped by a limit of its own, in time, and nothing of it is left."""

import contextlib
import os
import platform
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from modelairlock.isolation.jail import tree
from modelairlock.records.errors import AirlockError
from modelairlock.records.jail import JailLimits, Outcome
from tests.isolation.jail.payloads import quiet
from tests.isolation.jail.world import LIMITS, MODES, WHO, calls, load, marked, survivors

pytestmark = [
    pytest.mark.jail,
    pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="numbers of Linux on x86_64"),
]
both = pytest.mark.parametrize("mode", MODES)
everybody = pytest.mark.parametrize("who", WHO)


def limits(**changes: object) -> JailLimits:
    return msgspec.structs.replace(LIMITS, **changes)


@both
@everybody
@pytest.mark.parametrize(
    "source",
    [
        "kept = []\nwhile True: kept.append(bytearray(1 << 20))",
        "x = bytearray(3 << 30)",
        "import mmap\nkept = []\nwhile True:\n"
        "    m = mmap.mmap(-1, 1 << 22); m.write(b'x' * (1 << 22)); kept.append(m)",
        "import ctypes\nc = ctypes.CDLL(None)\nc.malloc.restype = ctypes.c_void_p\nwhile True:\n"
        "    p = c.malloc(1 << 20)\n    if not p: raise MemoryError\n    ctypes.memset(p, 1, 1 << 20)",
    ],
    ids=["heap", "one_block", "shared", "malloc"],
)
def test_memory(source, mode, who) -> None:
    result = load(source, who=who, mode=mode)
    assert result.outcome is Outcome.LIMIT_MEMORY, result.detail
    assert all(phase.memory_bytes < (128 + 128) << 20 for phase in result.phases)


@both
def test_memory_that_is_in_use_and_not_in_sight(mode) -> None:
    """Shared pages stay when they are dropped from the process that made them."""
    source = """
import mmap
kept = []
while True:
    one = mmap.mmap(-1, 1 << 24)
    one.write(b"x" * (1 << 24))
    one.madvise(mmap.MADV_DONTNEED)
    kept.append(one)
"""
    assert load(source, mode=mode).outcome is Outcome.LIMIT_MEMORY


def test_memory_of_all_processes_is_counted_together() -> None:
    source = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        kept = bytearray(os.urandom(1 << 20) * 60)
        time.sleep(20)
time.sleep(20)
"""
    result = load(source, detonate=True)
    assert result.outcome is Outcome.LIMIT_MEMORY, result.detail


@both
@pytest.mark.parametrize("detonate", [False, True], ids=["refuse", "detonate"])
def test_forks(mode, detonate) -> None:
    source = "import os, time\nfor _ in range(200):\n" + "    try: os.fork()\n    except OSError: pass\n"
    result = load(source, mode=mode, detonate=detonate, limits=limits(forks=8, events=50))
    if detonate:
        assert result.outcome is Outcome.LIMIT_FORKS
        assert sum(one.action == "allowed" for one in result.events) == 8
    else:
        assert result.outcome is Outcome.COMPLETED_WITH_VIOLATIONS
        assert len(result.events) == 50
        assert result.dropped >= 150
    assert survivors() == []


@both
def test_threads(mode) -> None:
    source = "import threading, time\nstart = threading.Thread\n"
    source += "for _ in range(300): start(target=time.sleep, args=(0.5,), daemon=True).start()"
    most = []
    done = threading.Event()

    def count() -> None:
        while not done.wait(0.02):
            for entry in os.listdir("/proc"):
                if marked(entry):
                    most.append(tree.count_threads(int(entry)))

    counting = threading.Thread(target=count)
    counting.start()
    result = load(source, mode=mode, limits=limits(threads=20))
    done.set()
    counting.join()
    assert max(most, default=0) <= 20
    assert "clone" in calls(result)


@both
@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("while True: pass", Outcome.LIMIT_CPU),
        ("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", Outcome.LIMIT_CPU),
        ("import time\ntime.sleep(60)", Outcome.LIMIT_WALL),
        ("import ctypes\nctypes.CDLL(None).pause()\nimport time; time.sleep(60)", Outcome.LIMIT_WALL),
        ("import os\nwhile True: os.write(1, b'x' * 65536)", Outcome.LIMIT_OUTPUT),
        ("import os\nwhile True: os.write(2, b'x')", Outcome.LIMIT_OUTPUT),
    ],
    ids=["spin", "spin_masked", "sleep", "pause", "output", "output_in_bytes"],
)
def test_time_and_output(source, outcome, mode) -> None:
    # On a busy machine a second of processor time takes several.
    wall = 2 if outcome is Outcome.LIMIT_WALL else 15
    result = load(source, mode=mode, limits=limits(wall_seconds=wall, cpu_seconds=1))
    assert result.outcome is outcome, result.detail
    assert next(phase.seconds for phase in result.phases if phase.name == "load") < wall + 1
    assert len(result.output) < 20_000
    assert survivors() == []


def test_a_worker_stopped_from_outside_is_ended_in_time() -> None:
    """As it would be by a SIGSTOP that got through."""

    def stop() -> None:
        for _ in range(200):
            time.sleep(0.02)
            for entry in os.listdir("/proc"):
                with contextlib.suppress(OSError):
                    if marked(entry) and "Seccomp:\t2" in Path(f"/proc/{entry}/status").read_text():
                        time.sleep(0.5)
                        os.kill(int(entry), 19)
                        return

    stopping = threading.Thread(target=stop)
    stopping.start()
    result = load("import time\ntime.sleep(60)", limits=limits(wall_seconds=2))
    stopping.join()
    assert result.outcome is Outcome.LIMIT_WALL
    assert survivors() == []


@both
def test_descriptors(mode) -> None:
    files = load("import os\nkept = [os.open(os.__file__, 0) for _ in range(300)]", mode=mode)
    assert files.outcome is Outcome.LIMIT_FILES
    copies = load("import os\n" + quiet("[os.dup(0) for _ in range(300)]") + "\nprint(os.dup2(0, 5))", mode=mode)
    assert "Too many open files" in copies.output


def test_a_flood_of_calls_leaves_a_bounded_account() -> None:
    result = load(
        "import os\nwhile True:\n    try: os.kill(1, 0)\n    except OSError: pass", limits=limits(wall_seconds=2)
    )
    assert result.outcome is Outcome.LIMIT_WALL
    assert len(result.events) == LIMITS.events
    assert result.dropped > 1000


def test_a_flood_of_claims_leaves_a_bounded_account() -> None:
    result = load("import sys\nfor n in range(5000): sys.audit('pwned', str(n) * 1000)")
    assert result.outcome is Outcome.COMPLETED
    assert len(result.claims) == LIMITS.claims
    assert result.dropped_claims >= 4500
    assert result.dropped == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory_bytes", 1 << 62),
        ("memory_bytes", 1 << 70),
        ("memory_bytes", 0),
        ("memory_bytes", -1),
        ("cpu_seconds", 1 << 62),
        ("wall_seconds", float("nan")),
        ("import_seconds", 0),
        ("files", 1 << 40),
    ],
)
def test_a_limit_that_cannot_be_put_in_force_is_refused_by_its_name(name: str, value: float) -> None:
    with pytest.raises(AirlockError, match=f"the limit {name} is {value}"):
        load("1", limits=limits(**{name: value}))
    assert load("1", limits=limits(memory_bytes=1 << 46)).outcome is Outcome.COMPLETED
