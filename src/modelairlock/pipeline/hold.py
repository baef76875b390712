"""Holds a file still between its two readers: the parent, who hashes it, and the child, who reads it.

Whoever has mapped a file for writing can change it without moving its times, and so show one content to the first and
another to the second. Small files are read once, into a sealed copy. Large ones are read in place under a read lease,
which the kernel grants when nobody has the file open for writing and takes back when somebody wants to. See
docs/adr/0006-one-content-for-digest-and-reading.md.
"""

import errno
import fcntl
import os
import sys
from contextlib import suppress
from enum import Enum, auto
from signal import SIGURG

from modelairlock.reading import Unreadable

_LINUX = sys.platform == "linux"
_F_ADD_SEALS = 1033
#: F_SEAL_SEAL, _SHRINK, _GROW and _WRITE
_ALL_SEALS = 1 | 2 | 4 | 8
#: where a lease means what it says: a server, or a program behind FUSE, may hand out other bytes at each read
_LOCAL = frozenset(
    "bcachefs btrfs erofs ext2 ext3 ext4 f2fs iso9660 overlay ramfs squashfs tmpfs vfat xfs zfs".split()  # noqa: SIM905
)


class Lease(Enum):
    """What the kernel said when it was asked to watch over a file."""

    HELD = auto()
    #: the file cannot change at all: its file system is read-only, whoever looks
    FIXED = auto()
    #: somebody has it open for writing
    WRITTEN = auto()
    #: not the owner, not a local file system, not Linux
    REFUSED = auto()


def content(fd: int, size: int) -> bytes:
    """What `fd` holds, up to one byte past `size`, which shows a file that grew. Raises `Unreadable`."""
    pieces: list[bytes] = []
    at = 0
    while at <= size:
        try:
            piece = os.pread(fd, size + 1 - at, at)
        except OSError as problem:
            raise Unreadable(at, f"the operating system says: {problem.strerror}") from None
        if not piece:
            break
        pieces.append(piece)
        at += len(piece)
        if len(piece) == size:
            break  # one more was asked for and was not there
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Copies:
    """A file without a name that holds contents one after another, and that nobody can write to once it is sealed.

    `fd` is -1 until something is added, and is to be handed on only after `seal`.
    """

    __slots__ = ("_writer", "fd", "size")

    def __init__(self) -> None:
        self.fd = self._writer = -1
        self.size = 0

    def add(self, data: bytes) -> int:
        """Where `data` begins from now on. Raises OSError; what was added before stands."""
        if self.fd < 0:
            self._begin()
        done = 0
        while done < len(data):
            done += os.pwrite(self._writer, memoryview(data)[done:], self.size + done)
        self.size += len(data)
        return self.size - len(data)

    def _begin(self) -> None:
        if _LINUX:
            self.fd = self._writer = os.memfd_create("airlock", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            return
        import tempfile  # costs as much as a hundred small files

        self._writer, path = tempfile.mkstemp(prefix="airlock-")
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.unlink(path)

    def seal(self) -> None:
        """Let nobody write any more. Raises OSError."""
        if _LINUX and self.fd >= 0:
            fcntl.fcntl(self.fd, _F_ADD_SEALS, _ALL_SEALS)
        elif self._writer >= 0:
            os.close(self._writer)
        self._writer = -1

    def close(self) -> None:
        """Give the descriptors back."""
        for fd in {self.fd, self._writer} - {-1}:
            os.close(fd)
        self.fd = self._writer = -1


def lease(fd: int) -> Lease:
    """Ask for a read lease on `fd`, which must be open for reading only. It ends with `release` or the descriptor."""
    if not _LINUX:
        return Lease.REFUSED
    local, fixed = _mount(fd)
    if not local:
        return Lease.REFUSED
    if fixed:
        return Lease.FIXED
    try:
        # The kernel tells the holder by a signal that the lease is wanted back; SIGIO, the usual one, would end us.
        # SIGURG is ignored unless somebody asked for it, and without an owner not even that is sent.
        fcntl.fcntl(fd, fcntl.F_SETSIG, SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETOWN, 0)
    except OSError as problem:
        return Lease.WRITTEN if problem.errno == errno.EAGAIN else Lease.REFUSED
    return Lease.HELD


def unbroken(fd: int) -> bool:
    """Whether nobody has asked to write to `fd` since its lease was granted."""
    return fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_RDLCK


def release(fd: int) -> None:
    """Let whoever waits for the lease write at once, though a dying child may still hold the descriptor."""
    with suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def _mount(fd: int) -> tuple[bool, bool]:
    """Whether `fd` lies on a local file system, and whether that is read-only as a whole; proc(5) has the formats.

    A mount that is read-only does not count: the same file system may be mounted elsewhere for writing.
    """
    try:
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
            number = next(line.split()[1] for line in file if line.startswith("mnt_id:"))
        with open("/proc/self/mountinfo", "rb") as file:
            line = next(line for line in file if line.startswith(number.encode() + b" "))
    except (OSError, StopIteration):
        return False, False
    kind, _, options = line.partition(b" - ")[2].decode("utf-8", "replace").strip().split(" ", 2)
    return kind in _LOCAL, "ro" in options.split(",")
