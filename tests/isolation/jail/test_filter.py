"""The jail's filter, run by the small interpreter of BPF, for both machines."""

import pytest

from modelairlock.isolation import kernel
from modelairlock.isolation.jail.calls import NUMBERS, name
from modelairlock.isolation.jail.filter import ALLOWED, CONTROL_FD, FLAGS, program
from tests.isolation.test_seccomp import ALLOW, ARCH, KILL, decide

ASK = 0x7FC00000


def answer(machine: int, call: str, *arguments: int) -> int:
    return decide(program(machine), ARCH[machine], NUMBERS[call][machine], *arguments)


@pytest.mark.parametrize("machine", [0, 1])
class TestBothMachines:
    def test_computing_needs_nobody(self, machine) -> None:
        for call in ("read", "munmap", "futex", "rt_sigreturn", "newfstatat", "exit_group", "write"):
            assert answer(machine, call) == ALLOW

    def test_every_call_that_is_not_listed_is_put_before_the_parent(self, machine) -> None:
        checked = {"sendmsg", "recvmsg", "ioctl", "fcntl", "prctl", "prlimit64", "mmap"}
        for call, numbers in NUMBERS.items():
            if numbers[machine] >= 0 and call not in checked:
                assert answer(machine, call, 9, 9, 9, 9, 9, 9) == (ALLOW if call in ALLOWED else ASK), call
        assert decide(program(machine), ARCH[machine], 9999) == ASK

    @pytest.mark.parametrize(
        "call",
        [
            "execve", "execveat", "openat", "clone", "socket", "connect", "kill", "tgkill", "ptrace",
            "unshare", "mount",            "setns", "chroot", "bpf", "userfaultfd",
            "io_uring_setup", "keyctl", "memfd_create", "setsid", "fchmod",
            "fchmodat", "truncate", "unlinkat", "linkat", "symlinkat", "process_vm_readv", "pidfd_getfd", "seccomp",
            "sendto", "rt_tgsigqueueinfo", "setrlimit", "sched_setaffinity", "shmget", "personality", "timer_create",
        ],
    )  # fmt: skip
    def test_what_reaches_out_is_asked(self, machine, call) -> None:
        assert answer(machine, call) == ASK

    def test_clone3_is_put_before_the_parent_who_sees_its_flags(self, machine) -> None:
        assert answer(machine, "clone3") == ASK

    def test_messages_go_over_the_channel_alone(self, machine) -> None:
        for call in ("sendmsg", "recvmsg"):
            assert answer(machine, call, CONTROL_FD) == ALLOW
            assert answer(machine, call, CONTROL_FD + 1) == ASK

    def test_terminals_and_descriptors_of_others_are_asked(self, machine) -> None:
        assert answer(machine, "ioctl", 0, 0x5401) == ALLOW
        assert answer(machine, "ioctl", 0, 0x5413) == ALLOW  # TIOCGWINSZ
        assert answer(machine, "ioctl", 0, 0x5421) == ALLOW  # FIONBIO
        assert answer(machine, "ioctl", 0, 0x5412) == ASK  # TIOCSTI
        assert answer(machine, "ioctl", 0, 0x5420) == ASK  # TIOCPKT
        assert answer(machine, "fcntl", 0, 1030) == ALLOW
        assert answer(machine, "fcntl", 0, 8) == ASK  # F_SETOWN
        # F_SETFL: whether to wait, and what it does not set; no appending, no signals, no way around the cache
        for flags, expected in ((0, ALLOW), (0x800, ALLOW), (0x8000, ALLOW), (0x20000, ALLOW), (0x400, ASK)):
            assert answer(machine, "fcntl", 0, 4, flags) == expected
        assert answer(machine, "fcntl", 0, 4, 0x2000) == answer(machine, "fcntl", 0, 4, 0x10000) == ASK
        assert answer(machine, "prctl", 15) == ALLOW
        assert answer(machine, "prctl", 4) == ASK  # PR_SET_DUMPABLE

    def test_limits_may_be_asked_and_not_set(self, machine) -> None:
        assert answer(machine, "prlimit64", 0, 7, 0) == ALLOW
        assert answer(machine, "prlimit64", 0, 7, 1) == ASK
        assert answer(machine, "prlimit64", 0, 7, 1 << 32) == ASK

    def test_shared_memory_without_a_file_is_asked(self, machine) -> None:
        for flags, expected in ((0x22, ALLOW), (0x02, ALLOW), (0x01, ALLOW), (0x21, ASK), (0x23, ASK), (0x4021, ASK)):
            assert answer(machine, "mmap", 0, 4096, 3, flags, 0xFFFFFFFF) == expected

    def test_another_abi_kills(self, machine) -> None:
        assert decide(program(machine), 0x40000003, 20) == KILL
        assert decide(program(machine), ARCH[1 - machine], 0) == KILL


def test_numbers_of_x32_are_asked() -> None:
    assert decide(program(0), ARCH[0], 0x40000208) == ASK
    assert decide(program(0), ARCH[0], 0x40000000) == ASK


def test_names(monkeypatch) -> None:
    monkeypatch.setattr(kernel, "machine", lambda: 0)
    assert name(NUMBERS["getrandom"][0]) == "getrandom"
    assert name(0x40000208) == "nr0x40000208"
    assert name(9999) == "nr0x270f"


def test_all_threads_or_none_and_a_listener() -> None:
    assert FLAGS == 1 | 8 | 16
