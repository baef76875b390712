"""The payload owns the worker, and says what it likes: nothing of it decides, and nothing of it is more than data."""

import os
import platform
import sys

import pytest

from modelairlock.isolation.jail import notify
from modelairlock.records.jail import Outcome
from tests.isolation.jail.payloads import quiet
from tests.isolation.jail.world import MODES, calls, everything, load

pytestmark = [
    pytest.mark.jail,
    pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="numbers of Linux on x86_64"),
]
both = pytest.mark.parametrize("mode", MODES)
_DONE = '{"kind": "done", "phase": "%s", "error": ""}'


@both
def test_a_forged_end_hides_nothing(mode) -> None:
    source = f"import os\nfor fd in range(40):\n    {quiet('X').splitlines()[0]}\n" + (
        f"        os.write(fd, {(_DONE % 'load')!r}.encode())\n    except OSError: pass\nos.system('true')"
    )
    result = load(source, mode=mode)
    assert "clone" in calls(result)
    assert result.outcome in {Outcome.PROTOCOL_VIOLATION, Outcome.COMPLETED_WITH_VIOLATIONS}


@both
def test_a_forged_end_of_everything_is_no_end(mode) -> None:
    source = f"""
import os, time
for phase in ('load', 'unload'):
    os.write(3, {_DONE!r}.replace('%s', phase).encode())
    os.read(3, 100)
time.sleep(0.5)
os.system('true')
time.sleep(60)
"""
    result = load(source, mode=mode)
    assert result.outcome is Outcome.PROTOCOL_VIOLATION
    assert "clone" in calls(result)


@pytest.mark.parametrize(
    "message",
    [
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0btouch /pwned\x85R.",
        b"[" * 30_000,
        b"x" * 100_000,
        b'{"kind":"hello"}',
        b'{"kind":"tried","results":[]}',
        b'{"kind":"layer","name":"seccomp","state":"enforced","reason":""}',
        b'{"kind":"listener"}',
        b'{"kind":"done","phase":"unload","error":""}',
    ],
    ids=["pickle", "deep", "large", "hello", "tried", "layer", "listener", "other_phase"],
)
def test_what_is_not_due_breaks_protocol(message) -> None:
    result = load(f"import os, time\nos.write(3, {message!r})\ntime.sleep(20)")
    assert result.outcome is Outcome.PROTOCOL_VIOLATION, result.detail
    assert all(one.isprintable() for one in result.detail)


@both
def test_a_closed_channel_is_no_way_out(mode) -> None:
    result = load("import os, time\nos.close(3)\ntime.sleep(20)", mode=mode)
    assert result.outcome is Outcome.PROTOCOL_VIOLATION


def test_descriptors_sent_are_dropped() -> None:
    load("1")
    before = len(os.listdir("/proc/self/fd"))
    source = """
import socket, os
s = socket.socket(fileno=3)
try:
    for _ in range(50):
        socket.send_fds(s, [b'{"kind":"claim","event":"x","arguments":[]}'], [0] * 200)
finally: s.detach()
"""
    result = load(source)
    assert result.outcome in {Outcome.COMPLETED, Outcome.LOADER_ERROR, Outcome.COMPLETED_WITH_VIOLATIONS}
    assert len(os.listdir("/proc/self/fd")) == before


@both
def test_what_it_holds(mode) -> None:
    """Nothing of the parent's got in, but for what it was given."""
    held = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(held, True)
    source = """
import os
for fd in range(64):
    try: print(fd, oct(os.fstat(fd).st_mode >> 12))
    except OSError: pass
"""
    result = load(source, mode=mode)
    os.close(held)
    # nothing to read; what it prints, twice; the channel; the model
    assert result.output.split("\n") == ["0 0o2", "1 0o1", "2 0o1", "3 0o14", "4 0o10", ""]


def test_claims_can_be_forged_and_are_only_claims() -> None:
    result = load("import sys\nsys.audit('os.system', 'rm -rf \\x1b[31m')")
    assert [one.arguments for one in result.claims if one.event == "os.system"] == [("rm -rf \\x1b[31m",)]
    assert result.events == ()
    assert result.outcome is Outcome.COMPLETED


@both
def test_control_characters_stay_inside(mode) -> None:
    source = "\n".join(
        [
            r"path = '/\x1b[31mFAKE\nverdict: clear\u202e'",
            quiet("open(path)"),
            "import os, sys",
            quiet("os.execv(path, [path])"),
            "sys.audit(path, path)",
            "print(path)",
            "raise ValueError(path)",
        ]
    )
    result = load(source, mode=mode)
    assert result.outcome is Outcome.LOADER_ERROR
    texts = [result.detail, *result.output.split("\n")]
    texts += [text for one in result.events for text in (*one.arguments, one.syscall, one.action)]
    texts += [text for one in result.claims for text in (*one.arguments, one.event)]
    assert all(text.isprintable() for text in texts)
    assert "FAKE" in everything(result)


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("import os\nos._exit(0)", Outcome.PROTOCOL_VIOLATION),
        ("import os\nos._exit(7)", Outcome.PROTOCOL_VIOLATION),
        ("import ctypes\nctypes.string_at(0)", Outcome.BLOCKED_CRASH),
        ("raise SystemExit(0)", Outcome.LOADER_ERROR),
        ("raise KeyboardInterrupt", Outcome.LOADER_ERROR),
        (
            "import mmap, ctypes\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex('b814000000cd80c3'))\n"
            "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()",
            Outcome.BLOCKED_CRASH,
        ),
    ],
    ids=["exit_0", "exit_7", "null", "system_exit", "interrupt", "int_0x80"],
)
@both
def test_how_it_ends(source, outcome, mode) -> None:
    result = load(source, mode=mode)
    assert result.outcome is outcome, result.detail
    if "cd80" in source:
        assert "SIGSYS" in result.detail


@both
def test_an_abort_is_a_crash_and_no_attempt(mode) -> None:
    """As after an error of C++ that nobody caught, which a damaged file may bring about."""
    result = load("import os\nos.abort()", mode=mode)
    assert (result.outcome, result.events) == (Outcome.BLOCKED_CRASH, ()), result.detail
    assert "SIGABRT" in result.detail
    others = "import ctypes, os, threading\nown, c = threading.get_native_id(), ctypes.CDLL(None)\n"
    others += "print([c.syscall(234, *one) for one in ((os.getpid(), own, 9), (os.getpid(), 1, 6), (1, own, 6))])"
    result = load(others, mode=mode)
    assert result.output.strip() == "[-1, -1, -1]"
    assert [(one.syscall, one.action) for one in result.events] == [("tgkill", "EPERM")] * 3


def test_an_error_that_runs_code_when_it_is_shown() -> None:
    source = """
class Error(Exception):
    def __str__(self): raise SystemExit
raise Error
"""
    assert load(source).outcome is Outcome.LOADER_ERROR


@both
def test_the_model_by_its_name_is_for_reading_alone(mode) -> None:
    """Loaders that take a path get the model from the parent, each time anew."""
    source = "import os\n" + quiet(
        "print(open('/airlock/model-0', 'rb').read(2))",
        "print(open('/airlock/model-0', 'rb').tell())",
        "open('/airlock/model-0', 'r+b')",
        "open('/airlock/model-0', 'wb')",
        "open('/airlock/model-1', 'rb')",
        "open('/airlock/../airlock/model-0', 'rb')",
        "os.chmod('/airlock/model-0', 0o777)",
        "[open('/airlock/model-0', 'rb').fileno() for _ in range(300)]",
    )
    result = load(source, mode=mode)
    lines = result.output.split("\n")
    assert lines[:2] == ["b'\\\\x80\\\\x04'", "0"]
    assert [one.syscall for one in result.events] == ["openat"] * 4 + ["chmod"]
    assert {one.action for one in result.events} == {"EACCES", "EPERM"}


@both
@pytest.mark.parametrize("number", ["two_steps", "one_step"])
def test_a_descriptor_is_handed_over_by_old_kernels_too(mode, number, monkeypatch) -> None:
    if number == "two_steps":
        monkeypatch.setattr(notify, "_ADDFD_SEND", 1 << 7)
    result = load("print(open('/airlock/model-0', 'rb').read(2))", mode=mode)
    assert result.output.startswith("b'"), result.output
    assert result.outcome is Outcome.COMPLETED
