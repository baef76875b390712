"""The wall as an honest caller meets it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

import modelairlock
from modelairlock.isolation import Outcome, Task, Wall, probe
from modelairlock.records.errors import AirlockError, NoIsolation
from modelairlock.records.isolation import LAYERS, Level

MIB = 1 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


@pytest.fixture(scope="module")
def wall():
    with Wall("tests.isolation.hostile:read", memory_bytes=256 * MIB) as wall:
        yield wall


@pytest.fixture
def model(tmp_path: Path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights" + bytes(1000))
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


def one(wall: Wall, payload: str, fd: int = -1, seconds: float = 20) -> Outcome:
    [outcome] = wall.run([Task(fd, payload.encode())], seconds=seconds)
    assert (outcome.result is None) == bool(outcome.failure)
    return outcome


def test_a_function_reads_its_input_and_answers(wall, model) -> None:
    assert one(wall, "first_bytes", model).result.startswith(b"weights\0")
    assert one(wall, "size", model).result == b"1007"


def test_a_task_needs_no_file(wall) -> None:
    assert one(wall, "echo:hello") == Outcome(result=b"hello")


def test_more_may_come_through_than_one_answer_may_hold_if_it_is_taken_at_once() -> None:
    taken: list[int] = []
    with Wall("modelairlock.isolation.echo:echo", memory_bytes=256 * MIB, result_bytes=2 * MIB) as small:
        tasks = [Task(-1, bytes([index]) * MIB) for index in range(20)]
        outcomes = small.run(tasks, seconds=60, take=lambda body: taken.append(body[0] * len(body)))
        assert taken == [index * MIB for index in range(20)], "each, in order"
        assert outcomes == [Outcome(result=b"")] * 20
        assert not small.run(tasks, seconds=60)[-1].ok, "together they are too much to keep"
        assert not small.run([Task(-1, bytes(3 * MIB))], seconds=60, take=lambda body: None)[0].ok, "nor is one"


@linux
def test_who_takes_may_end_the_run_and_no_child_is_left() -> None:
    def full(body: bytes) -> None:
        raise OSError("the disk is full")

    with Wall("modelairlock.isolation.echo:echo", memory_bytes=256 * MIB) as other:
        with pytest.raises(OSError, match="full"):
            other.run([Task(-1, b"x" * MIB)] * 50, seconds=60, take=full)
        template = other._running.process.pid
        assert other.run([Task(-1, b"x")], seconds=60) == [Outcome(result=b"x")]
        deadline = time.monotonic() + 10
        while children(template) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not children(template)


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()


@pytest.mark.parametrize("count", [200, 600])
def test_a_batch_keeps_each_file_with_its_task(wall, tmp_path, count) -> None:
    tasks = []
    for index in range(count):
        (tmp_path / str(index)).write_text(f"file {index}")
        tasks.append(Task(os.open(tmp_path / str(index), os.O_RDONLY), b"first_bytes"))
        if index % 3 == 0:
            tasks.append(Task(-1, b"echo:without"))
    outcomes = wall.run(tasks, seconds=30)
    for task in tasks:
        if task.fd >= 0:
            os.close(task.fd)
    read = [outcome.result for outcome in outcomes if outcome.result != b"without"]
    assert read == [f"file {index}".encode() for index in range(count)]


def test_a_large_payload_and_a_large_result(wall) -> None:
    text = "echo:" + "x" * (30 * MIB)
    assert wall.run([Task(-1, text.encode()), Task(-1, b"echo:next")], seconds=30) == [
        Outcome(result=text[5:].encode()),
        Outcome(result=b"next"),
    ]


def test_no_tasks_no_child() -> None:
    with Wall("no.such.module:read", memory_bytes=MIB) as wall:
        assert wall.run([], seconds=1) == []


def test_runs_from_two_threads_do_not_meet(wall) -> None:
    results: dict[str, list[bytes | None]] = {"a": [], "b": []}

    def work(name: str) -> None:
        for index in range(20):
            results[name].append(one(wall, f"echo:{name}{index}").result)

    threads = [threading.Thread(target=work, args=(name,)) for name in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {name: [f"{name}{index}".encode() for index in range(20)] for name in results}


def test_the_template_outlives_the_thread_that_started_it() -> None:
    with Wall("tests.isolation.hostile:read", memory_bytes=64 * MIB) as wall:
        starter = threading.Thread(target=lambda: wall.isolation)
        starter.start()
        starter.join()
        pid = wall._running.process.pid
        time.sleep(0.1)
        assert one(wall, "echo:still here").ok
        assert wall._running.process.pid == pid


def test_a_reader_that_raises_fails_alone_and_says_so_in_plain_text(wall) -> None:
    outcomes = wall.run(
        [Task(-1, text) for text in (b"echo:before", b"raise_text", b"raise_exit", b"recurse", b"echo:after")],
        seconds=20,
    )
    assert [outcome.result for outcome in outcomes] == [b"before", None, None, None, b"after"]
    assert outcomes[1].failure.startswith(r"the reader raised ValueError: at byte 41\n\x1b[31mverdict")
    assert len(outcomes[1].failure) < 500
    assert outcomes[2].failure == "the reader raised SystemExit: 0"
    assert "RecursionError" in outcomes[3].failure


def test_a_result_that_is_not_bytes_is_a_failure() -> None:
    with Wall("tests.isolation.hostile:text", memory_bytes=64 * MIB) as wall:
        assert "returned str where bytes were expected" in one(wall, "").failure


def test_a_descriptor_that_could_be_written_is_refused(wall, tmp_path) -> None:
    with open(tmp_path / "model", "w+b") as file, pytest.raises(ValueError, match="open for writing"):
        wall.run([Task(file.fileno(), b"size")], seconds=5)


def test_a_directory_is_refused(wall, tmp_path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(ValueError, match="not a regular file"):
        wall.run([Task(fd, b"size")], seconds=5)
    os.close(fd)


@linux
def test_a_sealed_memory_file_is_welcome(wall) -> None:
    import fcntl

    fd = os.memfd_create("member", os.MFD_ALLOW_SEALING)
    os.write(fd, b"member")
    with pytest.raises(ValueError, match="open for writing"):
        wall.run([Task(fd, b"size")], seconds=5)
    fcntl.fcntl(fd, 1033, 1 | 2 | 4 | 8)
    assert one(wall, "first_bytes", fd).result == b"member"
    os.close(fd)


def test_too_many_tasks_are_refused(wall) -> None:
    with pytest.raises(ValueError, match="at most 1000"):
        wall.run([Task(-1, b"echo:")] * 1001, seconds=5)


def test_a_function_that_cannot_be_found_is_the_operators_to_mend() -> None:
    wall = Wall("tests.isolation.hostile:nothing", memory_bytes=MIB)
    with wall, pytest.raises(AirlockError, match="could not be started: AttributeError"):
        wall.run([Task(-1, b"")], seconds=5)


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown layers: moat"):
        Wall("tests.isolation.hostile:read", memory_bytes=MIB, enabled_layers=["moat"])


def test_a_closed_wall_stays_closed() -> None:
    wall = Wall("tests.isolation.hostile:read", memory_bytes=MIB)
    wall.close()
    wall.close()
    with pytest.raises(AirlockError, match="closed"):
        wall.run([Task(-1, b"")], seconds=5)


# --- levels --------------------------------------------------------------------------------------------------------


def test_probe_names_every_layer_and_why_it_is_missing() -> None:
    isolation = probe()
    assert tuple(layer.name for layer in isolation.layers) == LAYERS
    assert all(layer.reason for layer in isolation.layers if layer.state != "enforced")
    assert msgspec.json.decode(msgspec.json.encode(isolation), type=type(isolation)) == isolation


def test_a_level_that_is_not_reached_is_refused() -> None:
    with Wall("tests.isolation.hostile:read", memory_bytes=MIB, enabled_layers=(), require=Level.WEAK) as wall:
        with pytest.raises(NoIsolation, match="isolation is none, and weak is required") as caught:
            wall.run([Task(-1, b"")], seconds=5)
        assert caught.value.hint


def test_without_any_layer_it_is_still_another_process() -> None:
    with Wall("tests.isolation.hostile:read", memory_bytes=64 * MIB, enabled_layers=()) as wall:
        assert wall.isolation.level == Level.NONE
        assert {layer.state for layer in wall.isolation.layers} == {"disabled"}
        assert one(wall, "echo:hello").result == b"hello"


# --- the template's life -------------------------------------------------------------------------------------------


def gone(pid: int, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True  # dead; whoever adopted it has not looked yet
        time.sleep(0.02)
    return False


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def test_a_template_that_died_is_started_again() -> None:
    with Wall("tests.isolation.hostile:read", memory_bytes=64 * MIB) as wall:
        assert one(wall, "echo:1").ok
        os.kill(wall._running.process.pid, signal.SIGKILL)
        wall._running.process.wait()
        assert one(wall, "echo:2").ok


def test_a_template_that_keeps_dying_is_the_operators_to_mend(monkeypatch) -> None:
    monkeypatch.setattr("modelairlock.isolation.wall._DEATHS", 1)
    with Wall("modelairlock.isolation.echo:echo", memory_bytes=64 * MIB) as wall:
        for _ in range(2):
            pid = wall.isolation and wall._running.process.pid
            os.kill(pid, signal.SIGKILL)
            wall._running.process.wait()
        with pytest.raises(AirlockError, match="died 2 times in a row"):
            wall.run([Task(-1, b"")], seconds=5)


def test_a_template_that_was_stopped_is_replaced(monkeypatch) -> None:
    monkeypatch.setattr("modelairlock.isolation.run._KILL_SECONDS", 0.2)
    with Wall("tests.isolation.hostile:read", memory_bytes=64 * MIB) as wall:
        assert one(wall, "echo:1").ok
        stopped = wall._running.process.pid
        os.kill(stopped, signal.SIGSTOP)
        assert one(wall, "echo:2", seconds=0.3).failure == "the reader did not answer within 0.3 s"
        assert one(wall, "echo:3").ok
        assert gone(stopped)


@linux
def test_nothing_survives_close() -> None:
    wall = Wall("tests.isolation.hostile:read", memory_bytes=64 * MIB)
    template = wall.isolation and wall._running.process.pid
    outcomes: list[Outcome] = []
    runner = threading.Thread(target=lambda: outcomes.append(one(wall, "spin", seconds=30)))
    runner.start()
    while not (children := children_of(template)):
        time.sleep(0.01)
    wall.close()
    runner.join(10)
    assert gone(template)
    assert all(gone(pid) for pid in children)
    assert "died" in outcomes[0].failure


CALLER = """
import sys, threading
sys.path[:0] = {path!r}
from modelairlock.isolation import Task, Wall
wall = Wall("tests.isolation.hostile:read", memory_bytes=1 << 26)
wall.isolation
threading.Thread(target=lambda: wall.run([Task(-1, b"spin")], seconds=60)).start()
print(wall._running.process.pid, flush=True)
"""


@linux
def test_nothing_survives_the_callers_death() -> None:
    code = CALLER.format(path=[entry for entry in sys.path if entry])
    caller = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    template = int(caller.stdout.readline())
    while not (children := children_of(template)):
        time.sleep(0.01)
    caller.kill()
    caller.wait()
    caller.stdout.close()
    assert all(gone(pid) for pid in [template, *children])


def test_it_works_as_installed_from_a_wheel(tmp_path) -> None:
    site = tmp_path / "site"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(modelairlock.__file__).parent, site / "modelairlock", ignore=ignored)
    shutil.copytree(Path(msgspec.__file__).parent, site / "msgspec", ignore=ignored)
    code = (
        f"import sys; sys.path.append({str(site)!r}); from modelairlock.isolation import *; import modelairlock\n"
        "wall = Wall('modelairlock.isolation.echo:echo', memory_bytes=1 << 26)\n"
        "print(wall.run([Task(-1, b'hello')], seconds=20)[0].result, modelairlock.__file__); wall.close()"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["b'hello'", str(site / "modelairlock" / "__init__.py")], done.stderr


def test_runs_leave_no_descriptor_behind(wall, model) -> None:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("no /proc to count descriptors in")
    one(wall, "first_bytes", model)
    before = len(list(folder.iterdir()))
    for payload in ("first_bytes", "raise_text", "first_bytes", "no_such_trick"):
        one(wall, payload, model)
    assert len(list(folder.iterdir())) == before


def test_a_job_cut_short_does_not_reach_the_next(wall, model, monkeypatch) -> None:
    sent = []
    send_some = type(wall._running)._send_some

    def break_off(self, header, fds) -> None:
        sent.append(header)
        if len(sent) == 2:
            raise OSError(5, "broken off")
        send_some(self, header, fds)

    monkeypatch.setattr(type(wall._running), "_send_some", break_off)
    outcomes = wall.run([Task(model, b"first_bytes")] * 300, seconds=20)
    assert {outcome.failure for outcome in outcomes} == {"the worker could not be given the job: broken off"}
    assert one(wall, "first_bytes", model).ok
