"""Shared memory stays as large as it is, whoever has it."""

import errno
import mmap
import os
import sys

import pytest

from modelairlock.isolation.jail import memory as home
from modelairlock.isolation.jail.memory import Memory
from modelairlock.records.errors import AirlockError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sealed memory is Linux's")


def test_it_can_neither_shrink_nor_grow_nor_be_unsealed() -> None:
    import fcntl

    memory = Memory(5000)
    try:
        assert memory.size == len(memory.map) == 1 << 20
        for size in (0, memory.size - 1, memory.size + 1):
            with pytest.raises(PermissionError):
                os.ftruncate(memory.fd, size)
        with pytest.raises(PermissionError):
            fcntl.fcntl(memory.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
        # All of its pages are there: none can be missing when it is read.
        assert os.fstat(memory.fd).st_blocks * 512 == memory.size
    finally:
        memory.close()
        memory.close()


def test_what_is_for_reading_cannot_be_written_by_it() -> None:
    memory = Memory(1)
    memory.map[:3] = b"abc"
    fd = memory.for_reading()
    try:
        assert os.pread(fd, 3, 0) == b"abc"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(fd, b"x")
        with pytest.raises(PermissionError):
            mmap.mmap(fd, memory.size)
        private = mmap.mmap(fd, memory.size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
        private[:3] = b"xyz"
        assert memory.map[:3] == b"abc"
    finally:
        os.close(fd)
        memory.close()


def test_memory_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOMEM, "no")

    monkeypatch.setattr(home.os, "posix_fallocate", none)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(AirlockError, match="no memory of") as raised:
        Memory(1 << 20)
    assert raised.value.hint
    assert len(os.listdir("/proc/self/fd")) == before
