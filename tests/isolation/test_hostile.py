"""A reader that was taken over gets nowhere. What happened is looked at on the host, not asked of the reader."""

import contextlib
import ctypes
import json
import os
import platform
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from modelairlock.isolation import Outcome, Task, Wall
from modelairlock.records.isolation import Level
from tests.isolation import hostile
from tests.isolation.test_wall import one

pytestmark = [
    pytest.mark.jail,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these walls"),
]

MIB = 1 << 20
BUDGET = 96 * MIB
RESULT = 4 * MIB
SECRET = "a secret of the caller's"


@pytest.fixture(scope="module", params=["strict", "confined"])
def wall(request):
    """The full wall, and what is left of it in a container that has no user namespaces."""
    layers = ("privileges", "namespaces", "limits", "landlock", "seccomp")
    if request.param == "confined":
        layers = tuple(layer for layer in layers if layer != "namespaces")
    os.environ["AIRLOCK_TEST_SECRET"] = SECRET
    with Wall("tests.isolation.hostile:read", memory_bytes=BUDGET, result_bytes=RESULT, enabled_layers=layers) as wall:
        if wall.isolation.level != Level(request.param):
            pytest.skip(f"this machine reaches {wall.isolation}")
        yield wall
    del os.environ["AIRLOCK_TEST_SECRET"]


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    path.chmod(0o644)
    tmp_path.chmod(0o777)
    before = path.stat()
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)
    after = path.stat()
    assert path.read_bytes() == b"weights"
    assert (after.st_mode, after.st_mtime_ns, after.st_size) == (before.st_mode, before.st_mtime_ns, 7)


@pytest.fixture
def victim():
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        assert process.poll() is None, "the victim was killed"
        process.kill()


def refused(outcome: Outcome) -> bool:
    """Whether the trick was answered with an error of the system's."""
    assert outcome.result is None, f"it got through: {outcome.result!r}"
    kinds = ("PermissionError", "OSError", "FileNotFoundError", "BlockingIOError", "NotADirectoryError")
    return outcome.failure.startswith(tuple(f"the reader raised {kind}" for kind in kinds))


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/", "/proc/self/environ", "/proc/self/mem", "/proc/self/maps", "/dev/null", __file__]
)
def test_no_file_can_be_read(wall, path) -> None:
    assert refused(one(wall, f"read_file:{path}"))


def test_nobody_can_ask_which_files_there_are(wall) -> None:
    assert refused(one(wall, "stat_file:/etc/passwd"))


@pytest.mark.parametrize("trick", ["write_file", "make_link"])
def test_no_file_can_be_made(wall, tmp_path, trick) -> None:
    tmp_path.chmod(0o777)
    assert refused(one(wall, f"{trick}:{tmp_path / 'made'}"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "trick",
    ["reopen_writable", "change_mode", "change_time", "truncate", "write_input", "lock_input", "set_flags"],
)
def test_the_input_can_only_be_read(wall, model, trick) -> None:
    assert refused(one(wall, trick, model))


def test_a_child_holds_its_streams_its_pipes_and_its_input_and_nothing_else(wall, model) -> None:
    found = one(wall, "descriptors", model).result.split()
    assert sorted(found) == [b"file"] * 4 + [b"pipe"] * 2


@pytest.mark.parametrize("trick", ["duplicate", "raise_limit"])
def test_no_descriptor_can_be_made(wall, trick) -> None:
    assert one(wall, trick).result is None


# --- network -------------------------------------------------------------------------------------------------------


def test_no_connection_leaves(wall, tmp_path) -> None:
    with contextlib.ExitStack() as stack:
        kinds = [(socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM)]
        kinds += [(socket.AF_UNIX, socket.SOCK_DGRAM)] * 2
        tcp, udp, path, abstract = listeners = [stack.enter_context(socket.socket(*kind)) for kind in kinds]
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        udp.bind(("127.0.0.1", 0))
        path.bind(str(tmp_path / "socket"))
        abstract.bind(f"\0airlock-test-{os.getpid()}")
        (tmp_path / "socket").chmod(0o777)
        assert refused(one(wall, f"tcp:{tcp.getsockname()[1]}"))
        assert refused(one(wall, f"udp:{udp.getsockname()[1]}"))
        assert refused(one(wall, f"unix:{tmp_path / 'socket'}"))
        assert refused(one(wall, f"unix:airlock-test-{os.getpid()}"))
        for listener in listeners:
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.accept() if listener is tcp else listener.recv(10)


# --- processes -----------------------------------------------------------------------------------------------------


def test_nothing_is_started(wall, tmp_path) -> None:
    tmp_path.chmod(0o777)
    assert refused(one(wall, "fork:50"))
    assert refused(one(wall, "thread"))
    assert refused(one(wall, f"execute:{tmp_path / 'made'}"))
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_signalled_traced_or_read(wall, victim) -> None:
    template = wall._running.process.pid
    secret = ctypes.create_string_buffer(SECRET.encode())
    for trick in (
        f"kill:{victim} 9",
        f"kill:{os.getpid()} 9",
        "kill:template 9",
        "kill:template 19",
        "kill:self 19",
        f"trace:{victim}",
        "trace:template",
        f"read_memory:{os.getpid()} {ctypes.addressof(secret)}",
    ):
        assert refused(one(wall, trick)), trick
    assert wall._running.process.pid == template
    assert one(wall, "echo:alive").ok


def test_the_callers_environment_is_not_there(wall) -> None:
    shown = one(wall, "environment").result.decode()
    assert SECRET not in shown
    assert "PATH" not in shown
    for pid in (os.getpid(), wall._running.process.pid, "self"):
        assert refused(one(wall, f"read_file:/proc/{pid}/environ"))


# --- machine code and system calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize("trick", ["executable_mapping", "executable_protection"])
def test_no_memory_becomes_executable(wall, trick) -> None:
    assert refused(one(wall, trick))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="an ABI of x86_64")
@pytest.mark.parametrize("trick", ["int80", "x32"])
def test_a_foreign_abi_is_death(wall, trick) -> None:
    outcome = one(wall, trick)
    if outcome.result == b"no gadget":
        pytest.skip("no `int 0x80` lies in the libraries loaded here")
    assert outcome.failure == "the reader was killed by signal 31"


FORBIDDEN = {
    "socketpair": 53, "clone": 56, "vfork": 58, "execve": 59, "shmget": 29, "ptrace": 101, "personality": 135,
    "prctl": 157, "chroot": 161, "mount": 165, "setns": 308, "unshare": 272, "keyctl": 250, "pipe2": 293,
    "epoll_create1": 291, "inotify_init1": 294, "perf_event_open": 298, "open_by_handle_at": 304, "memfd_create": 319,
    "seccomp": 317, "bpf": 321, "execveat": 322, "userfaultfd": 323, "io_uring_setup": 425, "openat2": 437,
    "pidfd_open": 434, "pidfd_getfd": 438, "process_madvise": 440, "landlock_create_ruleset": 444, "ioctl": 16,
    "fcntl": 72, "recvmsg": 47, "sendmsg": 46, "setrlimit": 160, "prlimit64": 302, "setuid": 105, "capset": 126,
    "tgkill": 234, "pidfd_send_signal": 424, "sched_setaffinity": 203, "timer_create": 222, "quotactl": 179,
    "init_module": 175, "kexec_load": 246, "add_key": 248, "mq_open": 240, "chmod": 90, "fchmodat": 268, "statx": 332,
    "newfstatat": 262, "getdents64": 217, "pkey_mprotect": 329, "remap_file_pages": 216, "vmsplice": 278,
}  # fmt: skip


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86_64")
def test_what_no_reader_needs_is_refused(wall) -> None:
    answers = json.loads(one(wall, f"raw_calls:{json.dumps(FORBIDDEN)}").result)
    assert {name: code for name, code in answers.items() if code != 1} == {}
    assert json.loads(one(wall, 'raw_calls:{"clone3": 435}').result) == {"clone3": 38}


# --- resources -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trick", ["fill_memory", "fill_shared_memory"])
def test_memory_is_bounded(trick) -> None:
    # In a process of its own, so that its largest descendant is the reader: the kernel's figure, not the reader's.
    code = (
        "import resource\n"
        "from modelairlock.isolation import Task, Wall\n"
        f"with Wall('tests.isolation.hostile:read', memory_bytes={BUDGET}) as wall:\n"
        f"    [outcome] = wall.run([Task(-1, {trick.encode()!r})], seconds=20)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, outcome.failure)"
    )
    root = str(Path(__file__).resolve().parents[2])
    told = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    largest, failure = told.split(" ", 1)
    assert "MemoryError" in failure
    assert int(largest) < BUDGET + 128 * MIB


@pytest.mark.parametrize("trick", ["flood", f"flood_frames:{MIB}"])
def test_a_flood_is_cut_off(wall, trick) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = wall.run([Task(-1, trick.encode())] + [Task(-1, b"echo:")] * 50, seconds=20)
    assert "broke protocol" in outcomes[-1].failure
    assert "over the limit" in outcomes[-1].failure
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * RESULT / 1024


@pytest.mark.parametrize("trick", ["spin", "hang"])
def test_a_reader_that_does_not_answer_is_killed_in_time(wall, trick) -> None:
    template = wall._running.process.pid if wall.isolation else 0
    start = time.monotonic()
    outcomes = wall.run([Task(-1, b"echo:first"), Task(-1, trick.encode()), Task(-1, b"echo:last")], seconds=0.5)
    assert time.monotonic() - start < 2
    assert [outcome.result for outcome in outcomes] == [b"first", None, None]
    assert outcomes[1].failure == "the reader did not answer within 0.5 s"
    assert wall._running.process.pid == template, "killing one child must not cost the template"


def test_a_reader_that_stops_itself_is_killed_in_time() -> None:
    with Wall("tests.isolation.hostile:read", memory_bytes=BUDGET, enabled_layers=("privileges", "limits")) as wall:
        assert one(wall, "kill:self 19", seconds=0.5).failure == "the reader did not answer within 0.5 s"


def test_processor_time_is_limited_by_the_kernel_too() -> None:
    with Wall("tests.isolation.hostile:read", memory_bytes=BUDGET, enabled_layers=("limits",)) as wall:
        assert one(wall, "processor_seconds", seconds=20).result == b"(22, 22)"


# --- the protocol --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trick", "failure"),
    [
        ("leave:0", "the reader ended without an answer"),
        ("leave:7", "the reader ended with exit code 7"),
        ("crash", "the reader was killed by signal 11"),
        ("garbage", "the reader broke protocol: it answered task"),
        ("forge:1", "the reader broke protocol: it answered task 1 where task 0 was next"),
        ("extra", "the reader broke protocol: it went on after its last answer"),
        ("forge:0 1", "the reader broke protocol: it went on after its last answer"),
        ("half", "the reader ended without an answer"),
        ("close_everything", "the reader ended with exit code 70"),
    ],
)
def test_a_reader_that_does_not_answer_properly_has_failed(wall, trick, failure) -> None:
    outcome = one(wall, trick)
    assert outcome.result is None
    assert outcome.failure.startswith(failure)
    assert one(wall, "echo:next").ok


def test_answers_before_the_failure_are_kept_and_the_caller_is_told(wall) -> None:
    outcomes = wall.run([Task(-1, text) for text in (b"echo:a", b"leave:0", b"echo:b")], seconds=20)
    assert [outcome.result for outcome in outcomes] == [b"a", None, None]
    assert {outcome.failure for outcome in outcomes[1:]} == {"the reader ended without an answer"}


def test_forged_answers_of_a_whole_run_still_need_a_proper_end(wall) -> None:
    outcomes = wall.run([Task(-1, b"forge:0 1 1"), Task(-1, b"echo:b")], seconds=20)
    assert outcomes[-1].failure


def test_answering_and_staying_is_a_failure(wall, monkeypatch) -> None:
    monkeypatch.setattr("modelairlock.isolation.run._END_SECONDS", 0.3)
    start = time.monotonic()
    assert one(wall, "answer_and_hang", seconds=30).failure == "the reader did not end after its last answer"
    assert time.monotonic() - start < 4


# --- these tests bite ----------------------------------------------------------------------------------------------

ALONE = {
    "read_file:/etc/passwd": {"namespaces", "limits", "landlock", "seccomp"},
    "stat_file:/etc/passwd": {"namespaces", "seccomp"},
    "duplicate": {"limits", "seccomp"},
    "executable_mapping": {"seccomp"},
    "kill:template 0": {"landlock", "seccomp"},
    "udp:9": {"namespaces", "limits", "seccomp"},
}


@pytest.mark.parametrize("layer", ["", "namespaces", "limits", "landlock", "seccomp"])
def test_each_layer_stops_what_it_is_there_for_and_without_it_nothing_does(layer) -> None:
    layers = (layer,) if layer else ()
    with Wall("tests.isolation.hostile:read", memory_bytes=BUDGET, enabled_layers=layers) as wall:
        if layer and wall.isolation.layer(layer).state == "unavailable":
            pytest.skip(wall.isolation.layer(layer).reason)
        for trick, stopped_by in ALONE.items():
            if trick == "udp:9" and not layer:
                with socket.socket(type=socket.SOCK_DGRAM) as listener:
                    listener.bind(("127.0.0.1", 0))
                    assert one(wall, f"udp:{listener.getsockname()[1]}").result == b"sent"
                continue
            outcome = one(wall, trick)
            assert (outcome.result is None) == (layer in stopped_by), (trick, outcome)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to give up")
def test_root_becomes_nobody() -> None:
    for layers, uid in ((), b"0"), (("privileges",), b"65534"):
        with Wall("tests.isolation.hostile:read", memory_bytes=BUDGET, enabled_layers=layers) as wall:
            assert one(wall, "identity").result == uid


def test_the_kernel_confirms_from_outside(wall) -> None:
    pid = wall._running.process.pid
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    assert status["Seccomp"].strip() == "2"
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Threads"].strip() == "1"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    if os.geteuid() == 0:
        assert int(status["CapBnd"], 16) == 0
        assert set(status["Uid"].split()) == {"65534"}
        assert status["Groups"].strip() == ""


def test_these_tricks_work_without_a_wall(tmp_path) -> None:
    """If a trick did nothing anywhere, its refusal would prove nothing."""
    assert "root" in hostile.read_file(-1, "/etc/passwd")
    assert hostile.write_file(-1, str(tmp_path / "made")) == "7"
    assert hostile.executable_protection(-1, "") == "protected"
