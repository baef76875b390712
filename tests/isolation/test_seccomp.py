"""The filters, run by a small interpreter: so the one for aarch64 is tried on x86_64 too."""

import struct

import pytest

from modelairlock.isolation import kernel
from modelairlock.isolation.seccomp import child_filter, template_filter

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
ARCH = (0xC000003E, 0xC00000B7)


def decide(program: bytes, arch: int, number: int, *arguments: int) -> int:
    """What the kernel would answer: the subset of classic BPF that the assembler uses."""
    data = struct.pack("<iIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments)))
    steps = list(struct.iter_unpack("=HBBI", program))
    at = value = 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == 0x06:
            return operand
        if code == 0x20:
            [value] = struct.unpack_from("<I", data, operand)
        elif code == 0x54:
            value &= operand
        else:
            assert code in {0x15, 0x35}
            at += if_true if (value == operand if code == 0x15 else value >= operand) else if_false


@pytest.mark.parametrize("machine", [0, 1])
class TestBothMachines:
    def call(self, machine: int, name: str, *arguments: int, template: bool = False) -> int:
        program = (template_filter if template else child_filter)(machine)
        return decide(program, ARCH[machine], kernel.NUMBERS[name][machine], *arguments)

    def test_a_child_computes_and_reads(self, machine) -> None:
        for name in ("read", "pread64", "lseek", "brk", "futex", "exit_group", "madvise", "getrandom"):
            assert self.call(machine, name) == ALLOW

    @pytest.mark.parametrize(
        "name", ["clone", "recvmsg", "kill", "prctl", "seccomp", "prlimit64", "wait4", "ppoll", "unshare", "mount"]
    )
    def test_a_child_may_not_do_what_the_template_may(self, machine, name) -> None:
        assert self.call(machine, name) == EPERM

    @pytest.mark.parametrize("name", ["unshare", "mount", "chroot", "capset"])
    def test_the_template_itself_is_bound(self, machine, name) -> None:
        assert self.call(machine, name, template=True) == EPERM

    @pytest.mark.parametrize(("name", "argument"), [("mmap", 2), ("mprotect", 2)])
    def test_nothing_becomes_executable(self, machine, name, argument) -> None:
        for template in (False, True):
            for protection in range(8):
                arguments = [0] * 6
                arguments[argument] = protection
                expected = EPERM if protection & 4 else ALLOW
                assert self.call(machine, name, *arguments, template=template) == expected

    def test_the_template_may_fork_but_not_make_threads_or_namespaces(self, machine) -> None:
        assert self.call(machine, "clone", 0x01200011, template=True) == ALLOW
        for flag in (0x100, 0x10000, 0x10000000, 0x40000000, 0x20000, 0x80):
            expected = ALLOW if flag == 0x80 else EPERM
            assert self.call(machine, "clone", 0x01200011 | flag, template=True) == expected
        assert self.call(machine, "clone3", template=True) == ENOSYS

    def test_the_template_may_only_set_the_parent_death_signal_and_its_own_limits(self, machine) -> None:
        assert self.call(machine, "prctl", 1, template=True) == ALLOW
        assert self.call(machine, "prctl", 4, template=True) == EPERM
        assert self.call(machine, "prlimit64", 0, template=True) == ALLOW
        assert self.call(machine, "prlimit64", 1, template=True) == EPERM

    def test_a_foreign_abi_is_death(self, machine) -> None:
        for program in (child_filter(machine), template_filter(machine)):
            for arch in (0x40000003, ARCH[1 - machine], 0):
                assert decide(program, arch, 0) == KILL
            if machine == 0:
                assert decide(program, ARCH[0], 0x40000000) == KILL
                assert decide(program, ARCH[0], -1) == KILL


def test_every_number_is_its_own() -> None:
    for machine in (0, 1):
        numbers = [both[machine] for both in kernel.NUMBERS.values() if both[machine] >= 0]
        assert len(numbers) == len(set(numbers))
