"""What may be a habit of a framework, what is idle, what is secret, and when it was."""

import pytest

from modelairlock.records.attempts import doing, idle, may_be_usual, secret
from tests.rules.judging import tried

READ, WRITE = "O_RDONLY", "O_WRONLY|O_CREAT"


@pytest.mark.parametrize(
    ("call", "usual"),
    [
        (("openat", "/etc/mime.types", READ, "0o0"), True),
        (("openat", "/proc/self/maps", READ, "0o0"), True),
        (("open", "/sys/devices/system/cpu/online", READ, "0o0"), True),
        (("openat", "/tmp/cache/x", WRITE, "0o600"), True),
        (("mkdir", "/tmp/cache", "0o700"), True),
        (("openat", "/dev/nvidiactl", "O_RDWR", "0o0"), True),
        (("openat", "/etc/mime.types", WRITE, "0o0"), False),
        (("openat", "/sys/devices/x", "O_RDWR", "0o0"), False),
        (("openat", "/etc/passwd", READ, "0o0"), False),
        (("openat", "/etc/mime.types/../passwd", READ, "0o0"), False),
        (("openat", "/sys/devices/../../etc/shadow", READ, "0o0"), False),
        (("openat", "/tmp/../etc/cron.d/x", WRITE, "0o600"), False),
        (("openat", "/proc/self/environ", READ, "0o0"), False),
        (("openat", "/proc/1/maps", READ, "0o0"), False),
        (("openat", "/srv/someone/.aws/credentials", READ, "0o0"), False),
        (("openat",), False),
        (("mkdir", "/etc/x", "0o700"), False),
        (("execve", "/bin/true", "['true']"), False),
        (("execve", "/tmp/true", "['true']"), False),
        (("connect", "3", "127.0.0.1:53"), False),
        (("socket", "AF_UNIX"), False),
        (("clone", "VM|VFORK"), False),
        (("ptrace", "0x10", "1"), False),
        (("unlink", "/tmp/x"), False),
        (("symlink", "/tmp/x", "/etc/y"), False),
    ],
)
def test_what_may_be_a_habit(call: tuple[str, ...], usual: bool) -> None:
    assert may_be_usual(call[0], call[1:]) is usual


def test_questions_to_the_processor_are_idle() -> None:
    assert idle("arch_prctl", ("0x1022", "0x7ffc"))
    assert idle("mbind", ())
    assert not idle("arch_prctl", ("0x1002", "0x7ffc"))
    assert not idle("arch_prctl", ())
    assert not idle("execve", ("0x1022",))


@pytest.mark.parametrize(
    ("path", "mode", "expected"),
    [
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "O_RDONLY", True),
        ("/sys/fs/cgroup/cpu.max", "O_RDONLY|O_CREAT", False),
        ("/sys/fs/cgroup/cpu.max", "O_RDONLY", True),
        ("/sys/fs/cgroup/cpu.max", "O_WRONLY", False),
        ("/sys/fs/cgroup/cpu.max", "O_RDWR|O_CREAT", False),
        ("/sys/fs/cgroup/../../etc/passwd", "O_RDONLY", False),
        ("/sys/fs/cgroup/cgroup.procs", "O_RDONLY", False),
    ],
)
def test_to_ask_how_much_processor_time_there_is_is_idle(path: str, mode: str, expected: bool) -> None:
    assert idle("openat", (path, mode, "0o0")) is expected


@pytest.mark.parametrize(
    ("path", "is_secret"),
    [
        ("/srv/someone/.aws/credentials", True),
        ("/srv/someone/.ssh/config", True),
        ("/proc/1/environ", True),
        ("/srv/someone/.cache/huggingface/token", True),
        ("/etc/passwd", False),
        ("/srv/someone/notes", False),
    ],
)
def test_what_is_secret(path: str, is_secret: bool) -> None:
    assert secret(tried("openat", path, READ, "0o0")) is is_secret
    assert not secret(tried("openat", path, WRITE, "0o0")), "that is written, not read"


def test_when_it_was() -> None:
    told = {phase: doing([tried("execve", phase=phase)]) for phase in ("load", "inference", "unload", "")}
    assert told == {"load": "loading it", "inference": "using it", "unload": "letting go of it", "": "loading it"}
