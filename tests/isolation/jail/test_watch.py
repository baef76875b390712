"""The parent's loop: when nobody can ask any more, what a C library asks twice, and calls that nobody waited for."""

import errno
import os
import select
import sys
from collections import Counter

import pytest

from modelairlock.isolation.jail import attest, calls, session
from modelairlock.isolation.jail.answers import Seen
from modelairlock.isolation.jail.notify import Listener, Notification
from modelairlock.isolation.jail.watch import Watch
from modelairlock.records.jail import Certainty, JailLimits
from tests.isolation.jail.world import load

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")


@pytest.fixture
def bare() -> Watch:
    """A watch that watches nothing yet."""
    made = Watch.__new__(Watch)
    made.limits = JailLimits()
    made.events = []
    made._kept = Counter()
    made._sorts = set()
    made.dropped = 0
    made.phase = "load"
    made._start = 0.0
    made._poll = select.poll()
    made.answers = None
    return made


def test_a_listener_that_nobody_is_behind_is_not_read(bare, monkeypatch) -> None:
    """Linux 6.1 tells of it as of a call that waits, and whoever then takes the call waits for ever."""
    reader, writer = os.pipe()
    monkeypatch.setattr(Listener, "receive", lambda _self: pytest.fail("took a call that nobody made"))
    bare.listener = Listener(reader)
    bare._poll.register(reader, select.POLLIN)
    os.close(writer)
    [(_, mask)] = bare._poll.poll(0)
    assert mask == select.POLLHUP
    bare._answer_some(mask)
    assert bare._poll.poll(0) == []
    os.close(reader)


def test_a_listener_that_is_left_while_calls_are_taken(bare, monkeypatch) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"x")
    os.close(writer)
    taken = []
    monkeypatch.setattr(Listener, "receive", lambda self: taken.append(os.read(self.fd, 1)))
    bare.listener = Listener(reader)
    bare._poll.register(reader, select.POLLIN)
    bare._answer_some(select.POLLIN | select.POLLHUP)
    assert taken == [b"x"]
    assert bare._poll.poll(0) == []
    os.close(reader)


def seen(call: str, thread: int = 7, arguments: tuple[str, ...] = ("VM|VFORK",), action: str = "EPERM") -> Seen:
    number = calls.NUMBERS[call][0]
    return Seen(Notification(1, thread, number, (0,) * 6), call, arguments, action, Certainty.DENIED)


def test_clone3_and_the_clone_that_stands_in_for_it_are_one_event(bare) -> None:
    bare._keep(seen("clone3", action="ENOSYS"))
    bare._keep(seen("clone"))
    assert [one.syscall for one in bare.events] == ["clone"]


@pytest.mark.parametrize(
    "other", [seen("clone", thread=8), seen("clone", arguments=("VM",)), seen("kill"), seen("clone3", action="ENOSYS")]
)
def test_what_only_looks_like_it_is_another_event(bare, other) -> None:
    bare._keep(seen("clone3", action="ENOSYS"))
    bare._keep(other)
    assert [one.syscall for one in bare.events] == ["clone3", other.call]
    assert [one.seq for one in bare.events] == [1, 2]


def test_a_flood_hides_no_other_sort_of_attempt(bare) -> None:
    idle = seen("setpriority", arguments=("0", "0", "1"))
    for _ in range(600):
        bare._keep(idle)
    for at in range(600):
        bare._keep(seen("openat", arguments=(f"/etc/x{at}", "O_RDONLY", "0o0")))
    writing = seen("openat", arguments=("/etc/x", "O_WRONLY|O_CREAT", "0o600"))
    for one in (writing, seen("execve", arguments=("/bin/sh", "['sh']")), writing):
        bare._keep(one)
    assert bare.dropped == 100 + 100 + 1
    assert [one.seq for one in bare.events] == list(range(1, 1003))
    assert [one.syscall for one in bare.events[-2:]] == ["openat", "execve"]


def test_numbers_that_are_no_call_are_of_one_sort(bare) -> None:
    for number in range(700):
        bare._keep(seen("kill")._replace(call=f"nr{number + 5000:#x}"))
    assert (len(bare.events), bare.dropped) == (500, 200)


def test_a_call_before_anybody_knows_what_to_answer(bare, monkeypatch) -> None:
    """A thread of a library in the moment between the filter and the canaries: it must not wait for ever."""
    answered = []
    monkeypatch.setattr(Listener, "refuse", lambda _self, one, code: answered.append((one.id, code)))
    bare.listener = Listener(0)
    bare.answer = bare._refuse
    bare._answer_one(Notification(5, 7, 0, (0,) * 6))
    assert answered == [(5, errno.ENOSYS)]


@pytest.mark.jail
def test_calls_between_the_canaries_are_no_reason_for_doubt(monkeypatch) -> None:
    """Another C library may ask for more on the way, and a thread that an import started may ask for anything."""
    real = session.text("worker.py")
    more = real.replace("    results = []\n    attempt: Any\n", MORE)
    assert more != real
    monkeypatch.setattr(session, "text", lambda _name: more)
    result = load("1")
    assert {one.name: one.state for one in result.layers}["seccomp"] == "enforced", result.detail
    assert [one.syscall for one in result.events] == []


MORE = """
    results = []
    attempt: Any
    def more():
        for number in (0xdead, 0xbeef):
            try:
                call(number)
            except OSError:
                pass
    for _, (name, what) in enumerate(list(attempts)):
        attempts[_] = (name, (lambda what=what: (more(), what())[1]))
"""


def test_the_canaries_count_in_their_order_and_from_the_thread_that_tries_them() -> None:
    canaries = attest.Canaries(7, None, "/secret")
    canaries._note("kill", None)
    canaries._note("openat", "/secret")
    assert canaries.seen == []
    for call, path in (
        ("openat", "/dev/null"), ("open", "/secret"), ("openat", "/secret/canary"),
        ("socket", None), ("clone", None), ("kill", None), ("kill", None),
    ):  # fmt: skip
        canaries._note(call, path)
    assert canaries.seen == ["write", "secret", "create", "socket", "fork", "kill"]


@pytest.mark.jail
def test_whom_a_socket_with_a_time_out_would_have_connected_to() -> None:
    """Setting one asks for FIONBIO first; refused, it would hide the address."""
    result = load("import socket; socket.create_connection(('192.0.2.7', 443), 1)", detonate=True)
    connects = [one.arguments[1] for one in result.events if one.syscall == "connect"]
    assert connects == ["192.0.2.7:443"]
