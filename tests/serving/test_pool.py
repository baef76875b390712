"""What workers tried, counted: the numbers are those of a session, and no habit of a framework is a violation."""

from types import SimpleNamespace

import pytest

pytest.importorskip("uvicorn")
from modelairlock.records.attempts import IDLE
from modelairlock.records.jail import Certainty, Event
from modelairlock.serving.pool import Pool


def event(syscall: str, action: str = "EPERM", arguments: tuple[str, ...] = ("\x1b[31m",)) -> Event:
    return Event(
        seq=1, at_seconds=0.0, phase="serve", thread=1, syscall=syscall, arguments=arguments, action=action,
        certainty=Certainty.DENIED,
    )  # fmt: skip


class Model(SimpleNamespace):
    """Stands in for a session that has been told of these events: no honest model makes the kernel tell thousands."""

    def close(self) -> None:
        self.closed = True


def pool_of(stop: bool = True) -> tuple[Pool, Model, list]:
    model, lines = Model(events=(), dropped=0, closed=False, restarts=0), []
    return Pool([model], lambda name, fields: lines.append((name, fields)), stop=stop), model, lines


def test_habits_are_no_violations_however_many() -> None:
    pool, model, lines = pool_of()
    model.events = (*map(event, sorted(IDLE)), event("clone", "EAGAIN"))
    model.dropped = 5000
    pool.look()
    assert (pool.ready, lines, model.closed) == (True, [], False)
    assert dict(pool.violations) == {"(not kept)": 5000}


def test_questions_that_numerical_libraries_ask_are_no_violations() -> None:
    """xgboost asks how much processor time there is where it is confined, and oneDNN for tiles of matrices."""
    pool, model, lines = pool_of()
    model.events = (
        event("openat", arguments=("/sys/fs/cgroup/cpu.max", "O_RDONLY")),
        event("arch_prctl", arguments=("0x1022", "0x7ffc")),
    )
    pool.look()
    assert (pool.ready, lines, model.closed, dict(pool.violations)) == (True, [], False, {})
    model.events = (*model.events, event("openat", arguments=("/sys/fs/cgroup/cpu.max", "O_WRONLY")))
    pool.look()
    assert (pool.ready, dict(pool.violations)) == (False, {"openat": 1})


def test_an_attempt_is_told_once_and_ends_it() -> None:
    pool, model, lines = pool_of()
    model.events = (event("execve"),)
    pool.look()
    pool.look()
    assert [name for name, _ in lines] == ["violation", "down"]
    assert lines[0][1]["arguments"] == ["\\x1b[31m"]
    assert (pool.ready, model.closed, dict(pool.violations)) == (False, True, {"execve": 1})


def test_events_that_a_session_forgets_are_not_counted_twice() -> None:
    pool, model, lines = pool_of(stop=False)
    model.events = tuple(event("openat") for _ in range(3))
    pool.look()
    # A new life of the worker: the oldest go, and are counted as dropped; two are new.
    model.events, model.dropped = (*model.events[2:], event("socket"), event("kill")), 2
    pool.look()
    assert dict(pool.violations) == {"openat": 3, "socket": 1, "kill": 1}
    model.dropped = 9
    pool.look()
    assert pool.violations["(not kept)"] == 7
    assert len(lines) == 5
    assert pool.ready
