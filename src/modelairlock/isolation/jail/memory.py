"""Memory that is shared with the jail, of one size for ever.

It cannot be shrunk, so that reading it never meets a page that is gone (SIGBUS), nor grown, so that it never takes more
than was granted. All of its pages are there from the start, for the same reason. What lies in it may change at any
moment while the worker lives: it is copied first and looked at afterwards.
"""

import contextlib
import errno
import fcntl
import mmap
import os

from modelairlock.records.errors import AirlockError

_UNIT = 1 << 20


class Memory:
    """A sealed piece of at least `size` bytes, mapped here. Raises AirlockError if the machine has no more."""

    def __init__(self, size: int) -> None:
        self.size = max(_UNIT, -(-size // _UNIT) * _UNIT)
        self.fd = os.memfd_create("airlock", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.posix_fallocate(self.fd, 0, self.size)
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            # All at once: page by page takes ten times as long.
            self.map = mmap.mmap(self.fd, self.size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        except OSError as problem:
            os.close(self.fd)
            if problem.errno not in {errno.ENOMEM, errno.ENOSPC, errno.EFBIG}:
                raise
            hint = "Use smaller batches, or a machine with more memory."
            raise AirlockError(f"there is no memory of {self.size} bytes for the arrays of a call", hint) from problem

    def for_reading(self) -> int:
        """A descriptor that nothing can be written by; the caller closes it."""
        return os.open(f"/proc/self/fd/{self.fd}", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Give it back. The worker's own mapping keeps what it still uses."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            # An array that still looks into it gives it back when it goes.
            with contextlib.suppress(BufferError):
                self.map.close()
