"""What each waiting call gets for an answer, and what is written down about it.

Nothing is answered "go on" unless another layer bounds it: reading inside the runtime (Landlock and the namespaces),
threads and, when it is watched what a load is after, processes (limits, and the parent's count). A pretended socket is
``/dev/null``: whoever connects it meets us, not the network.
"""

import errno
import os
import signal
import stat
from collections.abc import Sequence
from typing import NamedTuple

from modelairlock.isolation.jail import calls, decode
from modelairlock.isolation.jail.folder import Folder, FolderFile, opened
from modelairlock.isolation.jail.job import reopened
from modelairlock.isolation.jail.notify import Listener, Notification
from modelairlock.isolation.jail.runtime import ALWAYS, leads_inside
from modelairlock.isolation.jail.tree import count_descriptors, count_threads, looking, own_numbers
from modelairlock.records.jail import Certainty, JailLimits

_SIGNAL = 0xFF
_TIDS = 0x00100000 | 0x00200000 | 0x01000000 | 0x00080000
_VM, _VFORK, _THREAD = 0x100, 0x4000, 0x10000
_THREAD_FLAGS = _VM | 0x200 | 0x400 | 0x800 | _THREAD | 0x40000 | _TIDS | 0x400000
_FORK_FLAGS = _SIGNAL | _VM | _VFORK | _TIDS
#: any of these is more than reading; the last is O_TMPFILE without the bit of O_DIRECTORY that it holds too
_MORE_THAN_READING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND | 0o20000000
_DNS_PORT = 53
#: what an input is called in the jail, with its number behind; nothing of that name is there
INPUT = "/airlock/model-"
#: numerical libraries look there which of them are loaded (threadpoolctl, at the first use of a model)
_OWN_MAPS = "/proc/self/maps"
#: the null device (Documentation/admin-guide/devices.txt)
_NULL = os.makedev(1, 3)
#: with these flags an open of it fails outside of the jail as well; the last is O_TMPFILE
_NOT_A_DEVICE = os.O_DIRECTORY | os.O_EXCL | getattr(os, "O_PATH", 0) | 0o20000000
#: of a pretended socket, these succeed without having done anything
_PRETENDED = frozenset({"setsockopt", "bind", "listen", "shutdown"})
#: what is done with a socket, which in here is one that leads nowhere
_ON_SOCKETS = frozenset({"connect", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", *_PRETENDED})
#: wishes about the machine's memory and processors that numerical libraries have when they are loaded: refused as all
#: else, and no attempt at anything
_WISHES = frozenset({"mbind", "get_mempolicy", "set_mempolicy", "sched_setaffinity", "set_mempolicy_home_node"})


class Seen(NamedTuple):
    """A call that is an event: what it was, and what it was answered."""

    notification: Notification
    call: str
    arguments: tuple[str, ...]
    action: str
    certainty: Certainty


class Answers:
    """Answers one listener's calls. `forks` counts the processes that were let start."""

    def __init__(
        self,
        listener: Listener,
        readable: Sequence[str],
        inputs: Sequence[int],
        limits: JailLimits,
        *,
        detonate: bool,
        folder: Folder | None = None,
    ) -> None:
        self.forks = 0
        self.too_many_forks = self.too_many_files = self.too_much_memory = False
        self._shared = 0
        self._listener = listener
        self._readable = (*readable, *ALWAYS)
        self._inputs = {f"{INPUT}{at}": fd for at, fd in enumerate(inputs)}
        self._folder = folder
        self._limits = limits
        self._detonate = detonate
        self._null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC) if detonate else -1
        #: for a call, what happens to it and what that is called; everything else is refused
        self._special = {
            "open": self._open, "openat": self._open, "clone": self._clone, "fork": self._fork, "vfork": self._fork,
            "openat2": self._unknown, "clone3": self._clone3, "socket": self._socket, "connect": self._connect,
            "mmap": self._share, "tgkill": self._abort, "tkill": self._abort,
        }  # fmt: skip

    def close(self) -> None:
        """Give the descriptors back."""
        self._listener.close()
        if self._null >= 0:
            os.close(self._null)
            self._null = -1

    def answer(self, notification: Notification) -> Seen | None:
        """Answer a call; what is to be written down, if it is more than a load's everyday."""
        call = calls.name(notification.number)
        caller = decode.Caller(notification.thread)
        try:
            shown = decode.arguments(caller, call, notification.arguments)
            if not self._listener.stands(notification):
                shown = ("(its thread was gone before its arguments were read)",)
            special = self._special.get(call)
            if special is not None:
                action = special(notification, caller, shown)
            elif self._detonate and call in _PRETENDED:
                self._listener.pretend(notification)
                action = "decoy"
            else:
                action = self._refuse(notification, errno.EPERM)
        finally:
            caller.close()
        if not action or call in _WISHES:
            return None
        if self._detonate and call in _ON_SOCKETS:
            shown = tuple(one.replace("(/dev/null)", "(a decoy)") for one in shown[:1]) + shown[1:]
        certainty = Certainty.OBSERVED if action == "allowed" else Certainty.DENIED
        if self._folder is not None:
            # Where the stand-in lies is another place each time.
            shown = tuple(one.replace(self._folder.place, f"{INPUT}0") for one in shown)
        return Seen(notification, call, shown, action, certainty)

    def _refuse(self, notification: Notification, code: int) -> str:
        self._listener.refuse(notification, code)
        return errno.errorcode.get(code, str(code))

    def _open(self, notification: Notification, caller: decode.Caller, shown: tuple[str, ...]) -> str:
        directory, pointer, flags = (
            (0xFFFFFF9C, *notification.arguments[:2])
            if calls.name(notification.number) == "open"
            else notification.arguments[:3]
        )
        path = caller.path(directory, pointer)
        if path is not None and decode.escaped_path(path) != shown[0]:
            # It has changed between two looks: somebody wants something else to be seen than is opened.
            return self._refuse(notification, errno.EACCES)
        if path in self._inputs and not flags & _MORE_THAN_READING:
            # It has no name in there, so it is opened out here.
            return self._hand_over(notification, reopened(self._inputs[path]))
        if path == _OWN_MAPS and not flags & _MORE_THAN_READING:
            return self._give_maps(notification)
        if path == os.devnull and flags & _MORE_THAN_READING and not flags & _NOT_A_DEVICE:
            return self._give_nothing(notification)
        if self._folder is not None and path is not None and not flags & (_MORE_THAN_READING | os.O_DIRECTORY):
            file = self._folder.file(path)
            if file is not None:
                return self._show(notification, file)
        if path is not None and not flags & _MORE_THAN_READING and leads_inside(path, self._readable):
            if count_descriptors(notification.thread) >= self._limits.files:
                self.too_many_files = True
                return self._refuse(notification, errno.EMFILE)
            self._listener.go_on(notification)
            return ""
        return self._refuse(notification, errno.EACCES if path is not None else errno.EFAULT)

    def _hand_over(self, notification: Notification, own: int) -> str:
        """The caller gets what was opened out here, which is closed here then."""
        self._listener.hand_over(notification, own)
        os.close(own)
        return ""

    def _give_maps(self, notification: Notification) -> str:
        """What is mapped in the caller itself, which it knows anyway; Landlock would not let it look."""
        try:
            with looking():
                own = os.open(f"/proc/{notification.thread}/maps", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return self._refuse(notification, errno.EACCES)
        # Its number may have been another's by the time of the open; not if the call still waits.
        if self._listener.stands(notification):
            self._listener.hand_over(notification, own)
        os.close(own)
        return ""

    def _give_nothing(self, notification: Notification) -> str:
        """/dev/null for writing, which is no writing: opened out here, since it is the device that counts, not a name.

        `platform` and whoever throws output away ask for it; Landlock would not let them.
        """
        try:
            own = opened_null()
        except OSError:
            return self._refuse(notification, errno.EACCES)
        return self._hand_over(notification, own)

    def _show(self, notification: Notification, file: FolderFile) -> str:
        """A file of the model's folder. One that was replaced, or cannot be read, is no doing of the model's."""
        try:
            own = opened(file)
        except OSError as problem:
            self._refuse(notification, problem.errno or errno.EIO)
            return ""
        return self._hand_over(notification, own)

    def _unknown(self, notification: Notification, _caller: decode.Caller, _shown: tuple[str, ...]) -> str:
        return self._refuse(notification, errno.ENOSYS)

    def _clone3(self, notification: Notification, caller: decode.Caller, shown: tuple[str, ...]) -> str:
        """Its flags lie in memory, where they can be exchanged. C libraries ask for it first, and then for `clone`."""
        found = caller.numbers(notification.arguments[0], 1)
        action = self._refuse(notification, errno.ENOSYS)
        thread = found is not None and found[0] & _THREAD and not found[0] & ~_THREAD_FLAGS
        return "" if thread and shown == ("VM|THREAD",) else action

    def _clone(self, notification: Notification, caller: decode.Caller, shown: tuple[str, ...]) -> str:
        flags = notification.arguments[0]
        if flags & _THREAD and not flags & ~_THREAD_FLAGS:
            if count_threads(notification.thread) >= self._limits.threads:
                return self._refuse(notification, errno.EAGAIN)
            self._listener.go_on(notification)
            return ""
        if flags & ~_FORK_FLAGS:
            return self._refuse(notification, errno.EPERM)
        return self._fork(notification, caller, shown)

    def _fork(self, notification: Notification, _caller: decode.Caller, _shown: tuple[str, ...]) -> str:
        if not self._detonate:
            return self._refuse(notification, errno.EPERM)
        if self.forks >= self._limits.forks:
            self.too_many_forks = True
            return self._refuse(notification, errno.EAGAIN)
        self.forks += 1
        self._listener.go_on(notification)
        return "allowed"

    def _abort(self, notification: Notification, _caller: decode.Caller, _shown: tuple[str, ...]) -> str:
        """`abort` of a C library, such as after an error of C++ that nobody caught: a crash, and no attempt at another.

        What it says lies in registers, so that it cannot change any more.
        """
        numbers = own_numbers(notification.thread)
        named = numbers if calls.name(notification.number) == "tgkill" else numbers[1:]
        given = tuple(one & 0xFFFFFFFF for one in notification.arguments[: len(named) + 1])
        if all(numbers) and given == (*named, signal.SIGABRT):
            self._listener.go_on(notification)
            return ""
        return self._refuse(notification, errno.EPERM)

    def _share(self, notification: Notification, _caller: decode.Caller, _shown: tuple[str, ...]) -> str:
        """Memory that outlives its mappings: what was ever asked for counts, since nobody sees it being given back."""
        self._shared += notification.arguments[1]
        if self._shared > self._limits.memory_bytes:
            self.too_much_memory = True
            return self._refuse(notification, errno.ENOMEM)
        self._listener.go_on(notification)
        return ""

    def _socket(self, notification: Notification, _caller: decode.Caller, _shown: tuple[str, ...]) -> str:
        if not self._detonate:
            return self._refuse(notification, errno.EPERM)
        self._listener.hand_over(notification, self._null)
        return "decoy"

    def _connect(self, notification: Notification, caller: decode.Caller, _shown: tuple[str, ...]) -> str:
        if not self._detonate:
            return self._refuse(notification, errno.EPERM)
        # A name server seems to be there, so that the next call shows which name is asked for.
        if caller.address(*notification.arguments[1:3]).endswith(f":{_DNS_PORT}"):
            self._listener.pretend(notification)
            return "decoy"
        return self._refuse(notification, errno.ECONNREFUSED)


def opened_null() -> int:
    """A descriptor of the null device. Raises OSError, also where something else goes by its name."""
    fd = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY | os.O_NOFOLLOW)
    state = os.fstat(fd)
    if stat.S_ISCHR(state.st_mode) and state.st_rdev == _NULL:
        return fd
    os.close(fd)
    raise OSError(errno.ENODEV, "it is not the null device")
