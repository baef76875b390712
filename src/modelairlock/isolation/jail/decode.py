"""What a waiting call was about, in words: its arguments, read from the caller's memory and escaped.

All of it is hostile: pointers lead nowhere, strings have no end, lists are circles. Everything is bounded and nothing
raises. What is shown was there when it was read; only the registers cannot change before the kernel looks again.
"""

import contextlib
import os
import socket
import struct
from collections.abc import Callable

from modelairlock.isolation.jail import tree

_PAGE = 4096
_STRING = 1024
#: PATH_MAX, with its zero: a longer path is none to the kernel
_PATH = 4096
_SHOWN = 400
_VECTOR = 24
_VECTOR_SHOWN = 2000
_AT_FDCWD = 0xFFFFFF9C
_DNS_HEADER = 12

#: for each argument in turn: d(irectory of the path next to it) p(ath) s(tring) f(ile descriptor) o(pen flags)
#: m(ode) v(ector of strings) a(ddress, whose length is next) i(nteger) x (bits) F(amily) T(ype of socket)
#: c(lone flags) b(uffer, whose length is next) h (message header) H (two of them) C (struct clone_args)
#: O (struct open_how) - (not shown)
_FORMATS = {
    "mmap": "-xx", "open": "pom", "openat": "dpom", "openat2": "dpO", "creat": "pm", "execve": "pv",
    "execveat": "dpv-x",
    "socket": "FTi", "socketpair": "FTi", "connect": "fa-", "bind": "fa-", "sendto": "fb-xa-", "sendmsg": "fh",
    "sendmmsg": "fH", "listen": "fi", "setsockopt": "fii", "getsockopt": "fii", "kill": "is", "tkill": "is",
    "tgkill": "iis", "clone": "c", "unshare": "c", "setns": "fx", "mount": "ppsx", "umount2": "px", "chroot": "p",
    "pivot_root": "pp", "chmod": "pm", "fchmod": "fm", "fchmodat": "dpm", "fchmodat2": "dpm", "chown": "pii",
    "lchown": "pii", "fchown": "fii", "fchownat": "dpii", "truncate": "pi", "ftruncate": "fi", "fallocate": "fxii",
    "unlink": "p", "unlinkat": "dpx", "rmdir": "p", "mkdir": "pm", "mkdirat": "dpm", "mknod": "pm", "mknodat": "dpm",
    "rename": "pp", "renameat": "dpdp", "renameat2": "dpdpx", "link": "pp", "linkat": "dpdpx", "symlink": "sp",
    "symlinkat": "sdp", "utimensat": "dp", "utime": "p", "utimes": "p", "chdir": "p", "fchdir": "f",
    "setxattr": "ps", "memfd_create": "sx", "ptrace": "xi", "process_vm_readv": "i", "process_vm_writev": "i",
    "pidfd_open": "ix", "pidfd_getfd": "fix", "prctl": "ixx", "bpf": "i", "keyctl": "ixx", "add_key": "ss",
    "request_key": "ss", "io_uring_setup": "i", "userfaultfd": "x", "fcntl": "fix", "ioctl": "fx", "fork": "",
    "vfork": "", "setsid": "", "clone3": "C",
    "getxattr": "ps", "inotify_add_watch": "fp", "prlimit64": "ii", "setrlimit": "i",
    "fsync": "f", "flock": "fi", "sched_setaffinity": "i", "pwrite64": "f", "sendfile": "ff", "rt_sigqueueinfo": "is",
}  # fmt: skip
_SOCKET_TYPES = {1: "SOCK_STREAM", 2: "SOCK_DGRAM", 3: "SOCK_RAW", 5: "SOCK_SEQPACKET"}
_OPEN_FLAGS = {
    os.O_CREAT: "O_CREAT", os.O_EXCL: "O_EXCL", os.O_TRUNC: "O_TRUNC", os.O_APPEND: "O_APPEND",
    os.O_DIRECTORY: "O_DIRECTORY", os.O_PATH: "O_PATH",
} if hasattr(os, "O_PATH") else {}  # fmt: skip
#: of ``struct open_how`` (linux/openat2.h): how the way to the file is gone
_RESOLVE = {1: "NO_XDEV", 2: "NO_MAGICLINKS", 4: "NO_SYMLINKS", 8: "BENEATH", 16: "IN_ROOT", 32: "CACHED"}
_CLONE_FLAGS = {
    0x80: "NEWTIME", 0x100: "VM", 0x2000: "PTRACE", 0x4000: "VFORK", 0x8000: "PARENT",
    0x10000: "THREAD", 0x20000: "NEWNS", 0x2000000: "NEWCGROUP",
    0x4000000: "NEWUTS", 0x8000000: "NEWIPC", 0x10000000: "NEWUSER", 0x20000000: "NEWPID", 0x40000000: "NEWNET",
    1 << 33: "INTO_CGROUP",
}  # fmt: skip


def escaped(text: str) -> str:
    """`text` with everything but plain printing characters escaped, and cut."""
    cut = text[:_SHOWN]
    shown = "".join(one if one.isprintable() and one != "\\" else ascii(one)[1:-1] for one in cut)
    return shown + ("…" if len(text) > _SHOWN else "")


def escaped_path(path: str) -> str:
    """`path` escaped, and cut in its middle: its end says more than ``./`` a thousand times does."""
    if len(path) <= _SHOWN:
        return escaped(path)
    return f"{escaped(path[: _SHOWN // 2])}…{escaped(path[-_SHOWN // 2 :])}"


class Caller:
    """The memory and the descriptors of one waiting thread."""

    def __init__(self, thread: int) -> None:
        self.thread = thread
        self._memory = -1
        with tree.looking(), contextlib.suppress(OSError):
            self._memory = os.open(f"/proc/{thread}/mem", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Give the descriptor back."""
        if self._memory >= 0:
            os.close(self._memory)

    def read(self, address: int, size: int) -> bytes:
        """Up to `size` bytes; fewer where memory ends, none where there is none."""
        if self._memory < 0 or not 0 < address < 1 << 63:
            return b""
        try:
            return os.pread(self._memory, size, address)
        except (OSError, OverflowError):
            return b""

    def _upto_zero(self, address: int, most: int) -> tuple[bytes, bool]:
        """The bytes before the first zero, at most `most`, and whether there was a zero."""
        data = self.read(address, min(most, _PAGE - address % _PAGE))
        if data and b"\0" not in data and len(data) < most:
            data += self.read(address + len(data), most - len(data))
        before, zero, _ = data.partition(b"\0")
        return before, bool(zero)

    def text(self, address: int) -> str:
        """A string, escaped."""
        data, ended = self._upto_zero(address, _STRING)
        return escaped(os.fsdecode(data)) if data or ended else "(unreadable)"

    def path(self, directory: int, address: int) -> str | None:
        """The absolute path that a call names, as it is: neither normalised nor escaped.

        None where it cannot be read to its end: what was left off could lead anywhere.
        """
        data, ended = self._upto_zero(address, _PATH)
        if not ended:
            return None
        name = os.fsdecode(data)
        if name.startswith("/"):
            return name
        where = "cwd" if directory & 0xFFFFFFFF == _AT_FDCWD else f"fd/{directory & 0xFFFFFFFF}"
        try:
            with tree.looking():
                folder = os.readlink(f"/proc/{self.thread}/{where}")
        except OSError:
            return None
        return os.path.join(folder, name)

    def descriptor(self, number: int) -> str:
        """A descriptor and what is behind it."""
        fd = struct.unpack("=i", struct.pack("=I", number & 0xFFFFFFFF))[0]
        try:
            with tree.looking():
                return f"{fd} ({escaped(os.readlink(f'/proc/{self.thread}/fd/{fd}'))})"
        except OSError:
            return str(fd)

    def vector(self, address: int) -> str:
        """A list of strings, as argv is one."""
        data = self.read(address, 8 * _VECTOR)
        found = []
        for (pointer,) in struct.iter_unpack("=Q", data[: len(data) // 8 * 8]):
            if not pointer:
                break
            found.append(self.text(pointer))
        return str(found)[:_VECTOR_SHOWN]

    def address(self, pointer: int, length: int) -> str:
        """A socket address."""
        return _address(self.read(pointer, min(length & 0xFFFFFFFF, 128)))

    def data(self, pointer: int, length: int) -> str:
        """Bytes on their way out: the name asked for if it is a question to a name server."""
        content = self.read(pointer, min(length, 512))
        return dns_name(content) or f"{length} bytes: {escaped(content[:64].decode('latin-1'))}"

    def numbers(self, pointer: int, count: int) -> tuple[int, ...] | None:
        """So many numbers of 64 bits, as structures hold them that may grow; None where they cannot be read."""
        data = self.read(pointer, 8 * count)
        return struct.unpack(f"={count}Q", data) if len(data) == 8 * count else None

    def message(self, pointer: int) -> str:
        """One ``struct msghdr``: where to, and the first piece of what."""
        header = self.read(pointer, 56)
        if len(header) < 56:
            return "(unreadable)"
        name, length, vector, pieces = struct.unpack_from("=QIxxxxQQ", header)
        shown = [self.address(name, length)] if name else []
        piece = self.read(vector, 16)
        if pieces and len(piece) == 16:
            shown.append(self.data(*struct.unpack("=QQ", piece)))
        return " ".join(shown)


def _address(raw: bytes) -> str:
    if len(raw) < 2:
        return "(unreadable)"
    family = int.from_bytes(raw[:2], "little")
    if family == socket.AF_INET and len(raw) >= 8:
        return f"{socket.inet_ntoa(raw[4:8])}:{int.from_bytes(raw[2:4], 'big')}"
    if family == socket.AF_INET6 and len(raw) >= 24:
        return f"[{socket.inet_ntop(socket.AF_INET6, raw[8:24])}]:{int.from_bytes(raw[2:4], 'big')}"
    if family == socket.AF_UNIX:
        name = raw[2:]
        if name.startswith(b"\0"):
            return "unix:@" + escaped(os.fsdecode(name[1:]))
        return "unix:" + escaped(os.fsdecode(name.partition(b"\0")[0]))
    return f"{_family(family)} {raw[2:18].hex()}"


def dns_name(packet: bytes) -> str:
    """The name that a question to a name server asks for; empty if it is none."""
    if len(packet) <= _DNS_HEADER or packet[2] & 0x80 or packet[4:6] != b"\0\1":
        return ""
    labels, at = [], _DNS_HEADER
    while at < len(packet) and 0 < (length := packet[at]) < 64 and at + length < len(packet):
        labels.append(packet[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    return f"name {escaped('.'.join(labels))}" if labels else ""


def _family(number: int) -> str:
    try:
        return socket.AddressFamily(number & 0xFFFFFFFF).name
    except ValueError:
        return f"family {number & 0xFFFFFFFF}"


def _flags(value: int, names: dict[int, str], first: list[str]) -> str:
    found = first + [name for bit, name in names.items() if value & bit == bit]
    return "|".join(found) or "0"


def _open_flags(value: int) -> str:
    return _flags(value, _OPEN_FLAGS, [("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")[value & 3]])


def _clone_args(caller: Caller, pointer: int) -> str:
    """The flags of ``struct clone_args`` (linux/sched.h), as those of ``clone`` are shown."""
    found = caller.numbers(pointer, 1)
    return "(unreadable)" if found is None else _flags(found[0], _CLONE_FLAGS, [])


def _open_how(caller: Caller, pointer: int) -> list[str]:
    """``struct open_how``: flags, mode, and how the path is followed."""
    found = caller.numbers(pointer, 3)
    if found is None:
        return ["(unreadable)"]
    flags, mode, resolve = found
    return [_open_flags(flags), f"{mode & 0o7777:#o}", *([_flags(resolve, _RESOLVE, [])] if resolve else [])]


def _signed(value: int) -> str:
    return str(struct.unpack("=i", struct.pack("=I", value & 0xFFFFFFFF))[0])


_SIMPLE: dict[str, Callable[[int], str]] = {
    "i": _signed,
    "s": _signed,
    "x": lambda value: f"{value:#x}",
    "o": _open_flags,
    "m": lambda value: f"{value & 0o7777:#o}",
    "F": _family,
    "T": lambda value: _SOCKET_TYPES.get(value & 0xF, f"type {value & 0xF}"),
    "c": lambda value: _flags(value, _CLONE_FLAGS, []),
}


def arguments(caller: Caller, call: str, values: tuple[int, ...]) -> tuple[str, ...]:
    """The arguments of a call, decoded."""
    shown: list[str] = []
    directory = _AT_FDCWD
    for at, kind in enumerate(_FORMATS.get(call, "xxx")):
        value, following = values[at], values[at + 1] if at + 1 < len(values) else 0
        if kind == "d":
            directory = value
        elif kind == "O":
            shown += _open_how(caller, value)
        elif kind != "-":
            shown.append(_one(caller, call, kind, value, following, directory))
            directory = _AT_FDCWD
    return tuple(one for one in shown if one)


_STRINGS_AT_S = frozenset(
    {"mount", "symlink", "symlinkat", "setxattr", "getxattr", "memfd_create", "add_key", "request_key"}
)


def _one(caller: Caller, call: str, kind: str, value: int, following: int, directory: int) -> str:
    if kind == "s" and call in _STRINGS_AT_S:
        return caller.text(value)
    if kind in _SIMPLE:
        return _SIMPLE[kind](value)
    if kind == "p":
        path = caller.path(directory, value)
        return f"(no path) {caller.text(value)}" if path is None else escaped_path(path)
    if kind == "a":
        return caller.address(value, following) if value else ""
    if kind == "b":
        return caller.data(value, following)
    if kind == "C":
        return _clone_args(caller, value)
    if kind == "h":
        return caller.message(value)
    if kind == "H":
        return " ".join(
            dict.fromkeys((caller.message(value), caller.message(value + 64) if following > 1 else ""))
        ).strip()
    return caller.vector(value) if kind == "v" else caller.descriptor(value)
