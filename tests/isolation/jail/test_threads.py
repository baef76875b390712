"""A filter binds the threads it was given to: an import had started another, and a load once escaped on it.

numpy's BLAS starts threads when it is imported. A payload blocks a signal where it runs and installs a handler: the
kernel then runs the handler on such a thread. Were that thread not under the filter, it could do anything from there.
"""

import platform
import sys

import pytest

from modelairlock.isolation.jail import Job, attest, tree
from modelairlock.isolation.jail import filter as filters
from modelairlock.isolation.jail.job import text
from modelairlock.records.jail import JailResult, Outcome
from tests.isolation.jail.world import INTERPRETER, WHO, load, world

numpy = pytest.importorskip("numpy")

pytestmark = [
    pytest.mark.jail,
    pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="numbers of Linux on x86_64"),
]

#: the handler runs on whichever thread has not blocked the signal; a forked child's end sends it to the process
ESCAPE = """
import ctypes, os, signal, socket, threading, time
c = ctypes.CDLL(None)
where = []
def handler(number):
    where.append(threading.get_native_id())
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"escaped", ("127.0.0.1", @UDP@))
    except OSError as error:
        print("refused", error)
handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(handler)
c.signal(signal.SIGCHLD, handler)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
# not by libc, where BLAS ends its threads before a fork
if c.syscall(56, 17, 0, 0, 0, 0) == 0:
    os._exit(0)
time.sleep(0.5)
print("handled on another thread:", bool(where) and where[0] != os.getpid())
"""


def job(fd: int) -> Job:
    """A pickle in an interpreter that every user may run, after numpy was imported with two threads of BLAS."""
    packages = numpy.__path__[0].rpartition("/")[0]
    code = (
        text("loaders.py")
        + "\ndef _both(state):\n    _numpy(state)\n    return _pickle(state)\nLOADERS['both'] = _both\n"
    )
    threads = (("OPENBLAS_NUM_THREADS", "2"), ("OMP_NUM_THREADS", "2"))
    return Job(
        code=code, argument="both", inputs=(fd,), interpreter=INTERPRETER, import_from=(packages,), variables=threads
    )


def escape(who: str) -> tuple[JailResult, object]:
    with world() as outside:
        result = load(outside.filled(ESCAPE), who=who, mode="confined", detonate=True, job=job)
        return result, outside.state()["heard"]


@pytest.mark.parametrize("who", WHO)
def test_a_handler_on_a_thread_of_an_import_is_under_the_filter(who) -> None:
    result, heard = escape(who)
    assert heard == []
    assert "handled on another thread: True" in result.output, (result.outcome, result.detail, result.output)
    assert {"clone", "socket"} <= {event.syscall for event in result.events}


def test_without_tsync_the_model_is_not_opened(monkeypatch) -> None:
    monkeypatch.setattr(filters, "FLAGS", filters.NEW_LISTENER)
    result, heard = escape(WHO[0])
    assert heard == []
    assert result.outcome is Outcome.ISOLATION_LOST
    assert "is not under the filter" in result.detail


def test_without_tsync_and_without_a_look_at_the_threads_it_does_escape(monkeypatch) -> None:
    """The attack is real: what the two tests above rest on."""
    monkeypatch.setattr(filters, "FLAGS", filters.NEW_LISTENER)
    monkeypatch.setattr(attest, "attest", lambda _worker, layers, *_: tuple(layers))
    result, heard = escape(WHO[0])
    assert heard == ["udp"], (result.outcome, result.detail, result.output)


def test_every_thread_is_looked_at() -> None:
    assert len(tree.statuses(1)) >= 1
