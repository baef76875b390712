"""Models that turn on whoever asks them: each is contained, told, and the host is as it was.

The oracles are the host's: files, listeners, descriptors, and what the caller's arrays hold.
"""

import os
import sys
import time

import pytest

from modelairlock.isolation.jail import life as lives
from modelairlock.isolation.jail.served import ServedModel
from modelairlock.records.errors import AirlockError, NoIsolation
from modelairlock.records.jail import JailLimits
from tests.isolation.jail.world import MODES, Opened, world

numpy = pytest.importorskip("numpy")
from tests.isolation.jail.serving_help import TERMS, model, serving  # noqa: E402 - it needs numpy

pytestmark = [pytest.mark.jail, pytest.mark.skipif(sys.platform != "linux", reason="the jail is Linux's")]


def ask(session, *arguments, **options):
    return session.call("predict", arguments, options)


def again(what, allowed):
    for _ in range(40):
        assert what() in allowed


#: what predict does -> the call that must be seen
ATTEMPTS = {
    "write": ("open('@DIR@/pwned', 'w')", "openat"),
    "write_tmp": ("open('/tmp/pwned', 'w')", "openat"),
    "read": ("return open('@DIR@/id_rsa').read()", "openat"),
    "passwd": ("return open('/etc/passwd').read()", "openat"),
    "environ": ("return open('/proc/1/environ').read()", "openat"),
    "unlink": ("os.unlink('@DIR@/id_rsa')", "unlink"),
    "chmod": ("os.chmod('@DIR@/model.pkl', 0o777)", "chmod"),
    "connect": ("import socket; socket.create_connection(('127.0.0.1', @TCP@))", "socket"),
    "udp": ("import socket; socket.socket(2, 2).sendto(b'x', ('127.0.0.1', @UDP@))", "socket"),
    "abstract": ("import socket; socket.socket(1, 2).sendto(b'x', '\\0@ABSTRACT@')", "socket"),
    "fork": ("os.fork()", "clone"),
    "system": ("os.system('touch @DIR@/pwned')", "clone"),
    "execve": ("os.execv('/usr/bin/touch', ['touch', '@DIR@/pwned'])", "execve"),
    "kill": ("os.kill(os.getppid(), 9)", "kill"),
    "signal": ("import signal; signal.pthread_kill(threading.get_ident(), 15)", "tgkill"),
    "memfd": ("os.memfd_create('x')", "memfd_create"),
    "raw": ("import ctypes; ctypes.CDLL(None).syscall(101, 0, 0, 0, 0)", "ptrace"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_is_tried_while_serving_is_denied_and_ends_it(name, mode) -> None:
    body, call = ATTEMPTS[name]
    with world() as outside:
        before = outside.state()
        with serving(outside.filled(body), mode) as session:
            with pytest.raises(AirlockError, match=f"it tried {call}") as raised:
                ask(session)
            assert ".events" in raised.value.hint
            # C libraries ask for clone3 first.
            assert session.events[-1].syscall in {call, f"{call}3"}
            assert session.events[-1].phase == "serve"
            assert session.closed
            with pytest.raises(AirlockError, match=f"it tried {call}"):
                ask(session)
        assert outside.state() == before


@pytest.mark.parametrize("name", ATTEMPTS)
def test_when_it_is_only_recorded_it_is_denied_all_the_same(name) -> None:
    body, call = ATTEMPTS[name]
    body = f"def it():\n    {body}\nquiet(it)\nreturn x + 1"
    with world() as outside:
        before = outside.state()
        with serving(outside.filled(body), on_violation="record") as session:
            assert ask(session, 1) == 2
            assert ask(session, 2) == 3
            assert call in {event.syscall for event in session.events}
            assert all(event.certainty == "denied" for event in session.events)
        assert outside.state() == before


def test_what_is_tried_between_calls_ends_it_too() -> None:
    body = "threading.Timer(0.3, lambda: open('@DIR@/pwned', 'w')).start(); return 1"
    with world() as outside, serving(outside.filled(body)) as session:
        assert ask(session) == 1
        time.sleep(1)
        with pytest.raises(AirlockError, match=r"it tried openat .*pwned"):
            ask(session)
        assert "pwned" not in outside.state()["files"]


def test_what_is_tried_while_loading_ends_it() -> None:
    with (
        pytest.raises(AirlockError, match=r"while it was loaded .*it tried socket"),
        serving(model("return 1", "import socket; socket.socket()")),
    ):
        pass


#: what predict says instead of its answer
FORGED = {
    "not a message": "os.write(3, b'x')",
    "a pickle": "import pickle; os.write(3, pickle.dumps({'a': 1}))",
    "deep": "os.write(3, b'[' * 90_000)",
    "large": "os.write(3, b' ' * 98_305)",
    "done": "say(kind='done', phase='serve', error='')",
    "hello": "say(kind='hello', python='3', prefix='/')",
    "claim": "say(kind='claim', event='x', arguments=[])",
    "fields": "say(kind='answer', call=served().number, value=1, kept=False, more=1)",
    "other call": "answer(1, call=served().number + 1)",
    "earlier call": "answer(1, call=0)",
    "objects": "answer(array(dtype='|O'))",
    "behind": "answer(array(at=1 << 40))",
    "negative": "answer(array(shape=[-1]))",
    "overflow": "answer(array(shape=[2 ** 61, 8]))",
    "NaN shape": "os.write(3, json.dumps({'kind': 'answer', 'call': served().number, 'kept': False,"
    " 'value': array(shape=[float('nan')])}).encode())",
    "giant": "answer(array(shape=[1 << 50]))",
    "the same again": "answer({'is': 'list', 'items': [array(shape=[100_000])] * 256})",
    "key": "answer({'is': 'dict', 'keys': ['\\x1b[31m'], 'items': [1]})",
    "truths": "served().results[:2] = b'\\x02\\x03'; answer(array(dtype='|b1'))",
    "characters": "served().results[:8] = b'\\xff' * 8; answer(array(dtype='<U1'))",
    "memory it has": "say(kind='more', call=served().number, bytes=1)",
    "no memory": "say(kind='more', call=served().number, bytes=0)",
    "negative memory": "say(kind='more', call=served().number, bytes=-1)",
    "twice": "answer(1); answer(2)",
    "twice and its own": "answer(1)",
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_answers(name) -> None:
    before = len(os.listdir("/proc/self/fd"))
    body = f"if x == 'honest': return np.zeros(3)\n{FORGED[name]}\nreturn 1"
    with serving(body, call_bytes=1 << 24) as session:
        assert ask(session, "honest").tolist() == [0, 0, 0]
        # A forged answer that is well formed is an answer; the one that follows it is not.
        with pytest.raises(AirlockError, match="protocol_violation") as raised:
            again(lambda: ask(session, "forge"), {1, 2})
        assert "\x1b" not in str(raised.value)
        assert session.closed
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_answer_ahead_of_its_call() -> None:
    body = "threading.Timer(0.2, lambda: answer(5, call=served().number + 1)).start(); return 1"
    with serving(body) as session:
        assert ask(session) == 1
        time.sleep(0.8)
        with pytest.raises(AirlockError, match="spoke without being asked"):
            ask(session)


def test_memory_that_is_asked_for_again_and_again_is_bounded() -> None:
    body = "for n in range(30):\n    say(kind='more', call=served().number, bytes=1 << 60); served().told()\nreturn 1"
    with serving(body, call_bytes=1 << 21) as session:
        assert ask(session) == 1
        assert session._life._results.size <= 1 << 21


def test_memory_that_is_asked_for_bit_by_bit_is_bounded() -> None:
    body = """
for n in range(1, 200):
    if n << 20 > len(served().results):
        say(kind='more', call=served().number, bytes=n << 20); served().told()
return 1
"""
    granted = []
    with serving(body, call_bytes=64 << 20) as session:
        made = lives.Memory

        class Counted(made):
            def __init__(self, size: int) -> None:
                super().__init__(size)
                granted.append(self.size)

        lives.Memory = Counted
        try:
            assert ask(session, 1) == 1
        finally:
            lives.Memory = made
    assert sum(granted) <= 4 * (64 << 20)


def test_a_model_that_says_that_it_keeps_everything() -> None:
    body = "answer(1.5 and {'is': 'float', 'bits': '3ff8000000000000'}, kept=True)\nserved().one()"
    with (
        serving(body, limits=JailLimits(memory_bytes=64 << 20)) as session,
        pytest.raises(AirlockError, match="holds on to memory that it was not given"),
    ):
        again(lambda: ask(session, numpy.zeros(130_000)), {1.5})


def test_descriptors_that_are_sent_along_are_dropped() -> None:
    body = """
fds = [os.dup(1) for _ in range(30)]
import array as a
served().control.sendmsg([json.dumps(dict(kind='answer', call=served().number, value=1, kept=False)).encode()],
    [(1, 1, a.array('i', fds))])
time.sleep(0.5)
os._exit(0)
"""
    with serving(body) as session:
        before = len(os.listdir("/proc/self/fd"))
        assert ask(session) == 1
        assert len(os.listdir("/proc/self/fd")) <= before + 4


SHRINK = """
import fcntl, mmap
tried = []
for fd in range(4, 40):
    tried.append(quiet(lambda: os.ftruncate(fd, 0)))
    tried.append(quiet(lambda: fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 8)))
    tried.append(quiet(lambda: mmap.mmap(fd, 1 << 20)[:1]))
tried.append(quiet(lambda: served().results.resize(4096)))
if served().given >= 0:
    tried.append(quiet(lambda: os.write(served().given, b'x')))
    tried.append(quiet(lambda: open('/proc/self/fd/%d' % served().given, 'r+b')))
return np.arange(200_000.0)
"""


def test_shared_memory_cannot_be_shrunk_under_the_reader() -> None:
    expected = numpy.arange(200_000.0)
    with serving(SHRINK, on_violation="record") as session:
        for _ in range(3):
            assert (ask(session, numpy.ones(1000)) == expected).all()
        assert {"ftruncate", "fcntl"} <= {event.syscall for event in session.events}
    with serving(SHRINK) as session, pytest.raises(AirlockError, match="it tried ftruncate"):
        ask(session, numpy.ones(1000))


REWRITE = """
results = served().results
def rewrite():
    while True:
        results[:4096] = b'\\x01' * 4096
        results[:4096] = b'\\x02' * 4096
if x:
    threading.Thread(target=rewrite, daemon=True).start()
    time.sleep(0.05)
answer(array(dtype='|b1', shape=[4096]))
served().one()
"""


def test_memory_that_is_rewritten_while_it_is_read_is_looked_at_in_a_copy() -> None:
    seen, said = set(), ""
    with serving(REWRITE, on_violation="record", seconds=5) as session:
        try:
            for number in range(40):
                seen |= set(ask(session, number == 0).view("u1").tolist())
        except AirlockError as error:
            said = str(error)
    assert seen <= {0, 1}
    assert "truth values" in said or not said


def test_what_it_prints_is_escaped_and_bounded() -> None:
    body = "os.write(1, b'\\x1b[31mverdict: clean\\n' * 100); return 1"
    with serving(body) as session:
        for _ in range(30):
            assert ask(session) == 1
        assert "verdict" in session.output
        assert "\x1b" not in session.output
        assert len(session.output) < 100_000


def test_an_error_that_is_made_to_mislead() -> None:
    body = """
class Odd(Exception):
    def __str__(self):
        raise KeyboardInterrupt
class Large(Exception):
    def __str__(self):
        return '\\x1b' * 10_000_000
raise {1: Odd, 2: Large, 3: OSError(2, 'caf\\udce9')}[x]
"""
    with serving(body) as session:
        with pytest.raises(AirlockError, match="an error that cannot be told"):
            ask(session, 1)
        with pytest.raises(AirlockError, match="Large") as raised:
            ask(session, 2)
        assert "\x1b" not in str(raised.value)
        assert len(str(raised.value)) < 10_000
        with pytest.raises(AirlockError, match=r"caf.*udce9"):
            ask(session, 3)


def test_a_flood_of_attempts_is_counted_and_not_kept() -> None:
    body = "for _ in range(3000): quiet(lambda: open('/pwned', 'w'))\nreturn 1"
    with serving(body, on_violation="record", limits=JailLimits(events=50)) as session:
        for _ in range(2):
            assert ask(session) == 1
        assert len(session.events) == 50
        assert session.dropped == 2 * 3000 - 50


def test_a_model_is_not_opened_where_a_wall_is_missing(tmp_path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(model("return 1"))
    fds = [os.open(path, os.O_RDONLY) for _ in range(2)]
    with Opened(path) as opened:
        with pytest.raises(NoIsolation):
            ServedModel(fds[0], "model", "pickle.load", sys.executable, TERMS, enabled_layers=("privileges", "limits"))
        assert not opened.seen()
        ServedModel(fds[1], "model", "pickle.load", sys.executable, TERMS).close()
        assert opened.seen()
