"""The kernel's side of a listener: take a notification, see whether it still stands, answer it.

Numbers and layouts: include/uapi/linux/seccomp.h. They are the same on x86_64 and aarch64.
"""

import contextlib
import errno
import fcntl
import os
import struct
from typing import NamedTuple

_RECV, _SEND, _ID_VALID, _ADDFD = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103
_ID_VALID_BEFORE_5_17 = 0x80082102
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_CONTINUE = 1
_ADDFD_SEND = 2


class Notification(NamedTuple):
    """One call that waits for its answer."""

    id: int
    thread: int
    number: int
    arguments: tuple[int, ...]


class Listener:
    """Owns the descriptor."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        """Give the descriptor back: every call that waits, or comes yet, then fails with ENOSYS."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def receive(self) -> Notification | None:
        """The next one, or None if its thread died first. Raises OSError."""
        buffer = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(self.fd, _RECV, buffer)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.EINTR, errno.EAGAIN}:
                return None
            raise
        id_, thread, _, number, _, _, *arguments = _NOTIFICATION.unpack(buffer)
        return Notification(id_, thread, number & 0xFFFFFFFF, tuple(arguments))

    def stands(self, notification: Notification) -> bool:
        """Whether the call still waits: if not, its thread's number may be another's by now."""
        packed = struct.pack("=Q", notification.id)
        for request in (_ID_VALID, _ID_VALID_BEFORE_5_17):
            try:
                fcntl.ioctl(self.fd, request, packed)
            except OSError as error:
                if error.errno == errno.EINVAL:
                    continue
                return False
            return True
        return False

    def go_on(self, notification: Notification) -> None:
        """Let the kernel do the call; what it points to may have been changed since."""
        self._send(notification, 0, 0, _CONTINUE)

    def refuse(self, notification: Notification, code: int) -> None:
        """The call fails with `code`."""
        self._send(notification, 0, -code, 0)

    def pretend(self, notification: Notification, value: int = 0) -> None:
        """The call returns `value` and nothing has happened."""
        self._send(notification, value, 0, 0)

    def hand_over(self, notification: Notification, fd: int) -> None:
        """The call returns a copy of our `fd`."""
        try:
            fcntl.ioctl(self.fd, _ADDFD, struct.pack("=QIIII", notification.id, _ADDFD_SEND, fd, 0, os.O_CLOEXEC))
        except OSError as error:
            if error.errno == errno.EINVAL:
                self._hand_over_slowly(notification, fd)
            else:
                # No descriptor left over there, or nobody.
                self.refuse(notification, errno.EMFILE)

    def _hand_over_slowly(self, notification: Notification, fd: int) -> None:
        """As kernels before 5.14 do it, in two steps; those before 5.9 not at all."""
        packed = bytearray(struct.pack("=QIIII", notification.id, 0, fd, 0, os.O_CLOEXEC))
        try:
            number = fcntl.ioctl(self.fd, _ADDFD, packed)
        except OSError:
            self.refuse(notification, errno.EMFILE)
        else:
            self.pretend(notification, number)

    def _send(self, notification: Notification, value: int, error: int, flags: int) -> None:
        # It died meanwhile: nobody waits for an answer.
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.fd, _SEND, struct.pack("=QqiI", notification.id, value, error, flags))
