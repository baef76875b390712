"""A model that is served: what it answers, what it costs, who waits, and what happens when its process ends."""

import contextlib
import ctypes
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest

from modelairlock.isolation.jail import life as lives
from modelairlock.records.errors import AirlockError, NoIsolation
from modelairlock.records.isolation import LAYERS, Level
from modelairlock.records.jail import JailLimits
from tests.isolation.jail.world import ORDINARY, in_thread

numpy = pytest.importorskip("numpy")
from tests.isolation.jail.serving_help import model, serving  # noqa: E402 - it needs numpy

pytestmark = [pytest.mark.jail, pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")]

ONES = numpy.ones(3)


def ask(session, *arguments, **options):
    return session.call("predict", arguments, options)


@pytest.mark.parametrize("mode", ["strict", "confined"])
def test_arrays_go_over_and_come_back(mode) -> None:
    with serving("return {'twice': x * 2, 'more': [sorted(more), None, 1.5]}", mode) as session:
        assert session.level is Level(mode)
        answer = ask(session, numpy.arange(5, dtype="i4"), b=1, a=2)
        assert answer["twice"].tolist() == [0, 2, 4, 6, 8]
        assert answer["twice"].dtype == numpy.dtype("i4")
        assert answer["more"] == [["a", "b"], None, 1.5]
        assert session.events == ()
    assert session.closed


@pytest.mark.skipif(os.geteuid() != 0, reason="others run it as an ordinary user anyway")
@pytest.mark.parametrize("mode", ["strict", "confined"])
def test_as_an_ordinary_user(mode) -> None:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(ORDINARY, ORDINARY, ORDINARY)
            os.setresuid(ORDINARY, ORDINARY, ORDINARY)
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
            with serving("return x * 2 if len(x) > 1 else open('/etc/passwd').read()", mode) as session:
                assert (ask(session, numpy.arange(100_000)) == numpy.arange(100_000) * 2).all()
                assert session.level is Level(mode)
                with pytest.raises(AirlockError, match="it tried openat /etc/passwd"):
                    ask(session, numpy.zeros(1))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_thousand_small_calls_leave_nothing_behind() -> None:
    with serving("return x + 1") as session:
        before = len(os.listdir("/proc/self/fd"))
        for number in range(1000):
            assert ask(session, numpy.full(16, number))[0] == number + 1
        assert len(os.listdir("/proc/self/fd")) <= before + 4  # its memory, mapped
        assert session.events == ()


def test_arrays_of_a_hundred_megabytes() -> None:
    big = numpy.arange(13_000_000, dtype="f8")
    with serving("x += 1; return x") as session:
        for _ in range(2):
            answer = ask(session, big)
            assert answer.nbytes > 100_000_000
            assert (answer == big + 1).all()
            assert big[0] == 0, "the model has its own copy"


def test_arguments_that_a_model_keeps_do_not_change_under_it() -> None:
    body = """
self.__dict__.setdefault('kept', []).append(x)
return [float(one.sum()) for one in self.kept]
"""
    with serving(body) as session:
        for size in (10, 100_000):
            for number in range(1, 4):
                answer = ask(session, numpy.full(size, float(number)))
                assert answer[-number:] == [size * float(one) for one in range(1, number + 1)]


def test_a_model_that_keeps_much_is_lent_no_more_memory() -> None:
    body = "self.__dict__.setdefault('kept', []).append(x); return float(sum(one[0] for one in self.kept))"
    with serving(body, limits=JailLimits(memory_bytes=64 << 20)) as session:
        sizes = []
        for number in range(1, 31):
            assert ask(session, numpy.full(130_000, float(number))) == sum(range(1, number + 1))
            sizes.append(session._life._kept)
        assert sizes[-1] == sizes[-5]
        assert sizes[-1] < 64 << 20


def test_what_a_model_raises_is_told_and_it_goes_on() -> None:
    with serving("raise ValueError('no \\x1b[31m' + str(x))") as session:
        for _ in range(5):
            with pytest.raises(AirlockError, match="the call failed: ValueError: no") as raised:
                ask(session, 1)
            assert "\x1b" not in str(raised.value)
            assert raised.value.hint
        with pytest.raises(AirlockError, match=r"payload\.Model, which has no transform"):
            session.call("transform", (1,), {})
        with pytest.raises(AirlockError, match="has no __init__"):
            session.call("__init__", (), {})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return object()", "builtins.object, which cannot be sent"),
        ("return np.array([object()])", "dtype object, which cannot be sent"),
        ("return {1: 2}", "keys that are not"),
        ("return np.ma.masked_array([1], [1])", "masked"),
        ("return 'x' * 200_000", "too much text"),
        ("return [0] * 5000", "too many single values"),
        ("a = []; a.append(a); return a", "nested too deep"),
        ("return np.zeros(3_000_000)", "more than is allowed"),
        ("sys.exit(0)", "SystemExit"),
    ],
)
def test_results_that_cannot_be_sent(body, said) -> None:
    with serving(body, call_bytes=1 << 20) as session:
        for _ in range(2):
            with pytest.raises(AirlockError, match=said):
                ask(session)


def test_arguments_that_are_too_large() -> None:
    with serving("return np.ones(1)", call_bytes=1 << 20) as session:
        worker = session._life._watch.worker
        with pytest.raises(AirlockError, match="at most 1048576 are sent"):
            ask(session, numpy.zeros(200_000))
        with pytest.raises(AirlockError, match="too much text"):
            ask(session, "x" * 200_000)
        assert ask(session).tolist() == [1]
        assert session._life._watch.worker == worker


def test_many_threads_each_get_their_own_answer() -> None:
    wrong, done = [], []

    def caller(number: int) -> None:
        for at in range(40):
            mine = numpy.full(100, number * 1000 + at)
            if not (ask(session, mine) == mine * 2).all():
                wrong.append((number, at))
            done.append(1)

    with serving("return x * 2") as session:
        threads = [threading.Thread(target=caller, args=(number,)) for number in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert not wrong
    assert len(done) == 320


def test_who_waits_too_long_or_is_one_too_many_is_told() -> None:
    with serving("time.sleep(x)", queue=1, seconds=1.5) as session:
        first = in_thread(lambda: ask(session, 1.2))
        time.sleep(0.1)
        second = in_thread(lambda: ask(session, 0))
        time.sleep(0.1)
        started = time.monotonic()
        with pytest.raises(AirlockError, match="too many calls wait"):
            ask(session, 0)
        assert time.monotonic() - started < 0.5
        first.join()
        second.join()
        assert ask(session, 0) is None


def test_a_call_that_takes_too_long_ends_its_worker_alone() -> None:
    with serving("time.sleep(x)", seconds=1) as session:
        started = time.monotonic()
        with pytest.raises(AirlockError, match="limit:wall") as raised:
            ask(session, 1000)
        assert time.monotonic() - started < 3
        assert "seconds=" in raised.value.hint
        assert ask(session, 0) is None


def test_a_worker_that_is_killed_is_replaced_and_asked_again() -> None:
    with serving("time.sleep(x); return os.getpid()") as session:
        worker = session._life._watch.worker
        in_thread(lambda: (time.sleep(0.3), os.kill(worker, signal.SIGKILL)))
        assert ask(session, 1.0) > 0
        assert session._life._watch.worker != worker
        # and between calls
        os.kill(session._life._watch.worker, signal.SIGKILL)
        time.sleep(0.2)
        assert ask(session, 0) > 0


def test_a_worker_that_died_before_anybody_saw_it_is_replaced_too() -> None:
    with serving("return x + 1") as session:
        life, answers = session._life, []
        with life._driving() as watch:  # so that nobody sees it
            os.kill(watch.worker, signal.SIGKILL)
            with contextlib.suppress(OSError):  # gone, which is as good as dead
                while Path(f"/proc/{watch.worker}/cmdline").read_bytes():
                    time.sleep(0.01)
            thread = in_thread(lambda: answers.append(ask(session, 1)))
            while not life._wanted:
                time.sleep(0.001)
        thread.join(60)
        assert answers == [2]


def test_a_model_that_always_crashes_is_not_started_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    class Counted(lives.Life):
        def __init__(self, *arguments, **options) -> None:
            started.append(1)
            super().__init__(*arguments, **options)

    monkeypatch.setattr("modelairlock.isolation.jail.served.Life", Counted)
    crash = "if x: import ctypes; ctypes.string_at(0)\nreturn 7"
    with serving(crash, restarts=3) as session:
        for _ in range(2):
            with pytest.raises(AirlockError, match="SIGSEGV"):
                ask(session, 1)
        with pytest.raises(AirlockError, match="4 times in a row"):
            ask(session, 0)
        assert len(started) == 4
        assert session.closed


def test_an_answer_forgives_earlier_crashes() -> None:
    with serving("if x: import ctypes; ctypes.string_at(0)\nreturn 7", restarts=2) as session:
        for _ in range(2):
            with pytest.raises(AirlockError, match="SIGSEGV"):
                ask(session, 1)
            assert ask(session, 0) == 7


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("a = []\nwhile True: a.append(bytearray(1 << 20)); a[-1][:] = b'x' * (1 << 20)", "limit:memory|MemoryError"),
        ("while True: os.write(1, b'x' * 60000)", "limit:output"),
        ("while True: pass", "limit:cpu|limit:wall"),
        ("os._exit(0)", "protocol_violation"),
        ("os.close(3); time.sleep(1000)", "protocol_violation"),
        ("while True: threading.Thread(target=time.sleep, args=(100,)).start()", "can't start new thread"),
    ],
)
def test_a_model_that_takes_too_much_or_leaves(body, outcome) -> None:
    with serving(body, seconds=6) as session, pytest.raises(AirlockError, match=outcome):
        ask(session)


def test_one_that_computes_for_itself_between_calls_is_ended() -> None:
    body = "threading.Thread(target=lambda: [0 for _ in iter(int, 1)], daemon=True).start(); return 1"
    with serving(body) as session:
        assert ask(session) == 1
        worker = session._life._watch.worker
        until = time.monotonic() + 15
        while os.path.exists(f"/proc/{worker}"):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert ask(session) == 1


def test_closing_ends_a_call_that_is_under_way() -> None:
    failed = []

    def caller() -> None:
        try:
            ask(session, 1000)
        except AirlockError as error:
            failed.append(str(error))

    with serving("time.sleep(x)") as session:
        thread = in_thread(caller)
        time.sleep(0.3)
        started = time.monotonic()
        session.close()
        session.close()
        thread.join(5)
        assert time.monotonic() - started < 3
    assert len(failed) == 1
    assert "closed" in failed[0]
    with pytest.raises(AirlockError, match="was closed"):
        ask(session, 0)


def test_closing_while_it_starts_anew() -> None:
    before = len(os.listdir("/proc/self/fd"))
    with serving(model("time.sleep(x); return 1", "time.sleep(1.5)")) as session:
        os.kill(session._life._watch.worker, signal.SIGKILL)
        failed = []

        def caller() -> None:
            try:
                ask(session, 0)
            except AirlockError as error:
                failed.append(str(error))

        thread = in_thread(caller)
        time.sleep(0.5)
        started = time.monotonic()
        session.close()
        thread.join(5)
        assert time.monotonic() - started < 1.5
        assert len(failed) == 1
    assert len(os.listdir("/proc/self/fd")) == before


def test_dying_between_calls_while_others_call() -> None:
    """The loop changes hands while the worker dies: every call is answered or told why not."""
    told, answered, killed = [], [], 0
    with serving("return x + 1", restarts=100) as session:

        def caller() -> None:
            for _ in range(15):
                try:
                    answered.append(ask(session, 1))
                except AirlockError as error:
                    told.append(str(error))
                time.sleep(0.03)

        threads = [in_thread(caller) for _ in range(3)]
        for _ in range(4):
            time.sleep(0.3)
            life = session._life
            # One that dies while it is locked in is not started anew, and on a busy machine it is long at that.
            if life is not None and life._watch is not None and life._watch.opened:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(life._watch.worker, signal.SIGKILL)
                    killed += 1
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
    assert killed
    assert set(answered) == {2}
    assert len(answered) + len(told) == 45
    assert len(answered) > 20, told  # on a busy machine a worker may be killed before it answers once


def test_a_child_of_the_caller_does_not_disturb_it() -> None:
    with serving("return x") as session:
        pid = os.fork()
        if pid == 0:
            try:
                ask(session, 1)
            except AirlockError as error:
                session.close()
                os._exit(0 if "another process" in str(error) else 1)
            os._exit(2)
        assert os.waitpid(pid, 0)[1] == 0
        assert ask(session, 1) == 1


ORPHAN = """
import os, threading, time
from tests.isolation.jail.serving_help import serving
if __name__ == "__main__":
    with serving("time.sleep(x)", "@MODE@", seconds=600) as session:
        print(session._life._watch.worker, flush=True)
        threading.Thread(target=session.call, args=("predict", (500,), {}), daemon=True).start()
        time.sleep(0.5)
        os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("mode", ["strict", "confined"])
def test_a_caller_that_is_killed_takes_a_busy_worker_along(mode) -> None:
    root = str(Path(__file__).resolve().parents[3])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((root, os.environ.get("PYTHONPATH", "")))}
    done = subprocess.run([sys.executable, "-c", ORPHAN.replace("@MODE@", mode)], capture_output=True, env=environment)
    worker = int(done.stdout)
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{worker}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{worker}")


def test_below_the_level_required_the_model_is_not_opened() -> None:
    for layers in (LAYERS[:-1], [one for one in LAYERS if one != "landlock"]):
        with pytest.raises(NoIsolation, match="not opened") as raised, serving("return 1", enabled_layers=layers):
            pass
        assert "doctor" in raised.value.hint
    with (
        pytest.raises(NoIsolation, match="strict is required"),
        serving("return 1", "confined", require=Level.STRICT),
    ):
        pass


def test_a_load_that_fails_is_told() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for data, said in ((b"no pickle", "loader_error"), (model("pass", "raise KeyError(5)"), "KeyError: 5")):
        with pytest.raises(AirlockError, match=said), serving(data):
            pass
    if importlib.util.find_spec("keras") is None:
        with pytest.raises(AirlockError, match="cannot be had in"), serving("return 1", loader="keras.load_model"):
            pass
    assert len(os.listdir("/proc/self/fd")) == before
