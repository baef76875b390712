"""What a reader might do if hostile bytes took it over: run behind the wall only, by tests that say so.

Everything is imported here, before the wall goes up, as an attacker would find it. A trick returns text if it worked
("got through") and raises OSError if it was refused; what really happened is looked at on the host.
"""

import ctypes
import fcntl
import json
import mmap
import os
import re
import resource
import signal
import socket
import struct
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
LIBC.mmap.restype = ctypes.c_void_p
ANSWER = struct.Struct("<IIQ")


def find_int80() -> int:
    """The address of an `int 0x80` that happens to lie in the code of a mapped library, or 0."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/maps") as maps:
        for line in maps:
            area = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \S+ +/", line)
            if area:
                start, end = (int(text, 16) for text in area.groups())
                at = ctypes.string_at(start, end - start).find(b"\xcd\x80")
                if at >= 0:
                    return start + at
    return 0


INT80 = find_int80()


def raw(number: int, *arguments: int) -> int:
    result = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def echo(fd: int, argument: str) -> str:
    return argument


def first_bytes(fd: int, argument: str) -> str:
    return os.pread(fd, 100, 0).decode()


def size(fd: int, argument: str) -> str:
    return str(os.lseek(fd, 0, os.SEEK_END))


def read_file(fd: int, argument: str) -> str:
    with open(argument, "rb") as file:
        return repr(file.read(4000))


def stat_file(fd: int, argument: str) -> str:
    return str(os.stat(argument))


def write_file(fd: int, argument: str) -> str:
    with open(argument, "w") as file:
        return str(file.write("hostile"))


def make_link(fd: int, argument: str) -> str:
    os.symlink("/etc/passwd", argument)
    return "linked"


def reopen_writable(fd: int, argument: str) -> str:
    return str(os.open(f"/proc/self/fd/{fd}", os.O_RDWR))


def change_mode(fd: int, argument: str) -> str:
    os.fchmod(fd, 0o777)
    return "changed"


def change_time(fd: int, argument: str) -> str:
    os.utime(fd, (1, 1))
    return "changed"


def truncate(fd: int, argument: str) -> str:
    os.ftruncate(fd, 0)
    return "truncated"


def write_input(fd: int, argument: str) -> str:
    return str(os.pwrite(fd, b"hostile", 0))


def lock_input(fd: int, argument: str) -> str:
    fcntl.flock(fd, fcntl.LOCK_SH)
    return "locked"


def set_flags(fd: int, argument: str) -> str:
    os.set_blocking(fd, False)
    return "set"


def tcp(fd: int, argument: str) -> str:
    with socket.socket() as connection:
        connection.connect(("127.0.0.1", int(argument)))
        connection.sendall(b"hostile")
    return "sent"


def udp(fd: int, argument: str) -> str:
    with socket.socket(type=socket.SOCK_DGRAM) as connection:
        connection.sendto(b"hostile", ("127.0.0.1", int(argument)))
    return "sent"


def unix(fd: int, argument: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.sendto(b"hostile", argument if argument[0] == "/" else "\0" + argument)
    return "sent"


def fork(fd: int, argument: str) -> str:
    count = 0
    for _ in range(int(argument)):
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        count += 1
    return str(count)


def thread(fd: int, argument: str) -> str:
    try:
        threading.Thread(target=print).start()
    except RuntimeError as error:
        raise OSError(str(error)) from error
    return "started"


def execute(fd: int, argument: str) -> str:
    os.execv("/bin/sh", ["sh", "-c", f"touch {argument}"])
    return "never"


def kill(fd: int, argument: str) -> str:
    pid, number = argument.split()
    os.kill(os.getppid() if pid == "template" else os.getpid() if pid == "self" else int(pid), int(number))
    return "signalled"


def trace(fd: int, argument: str) -> str:
    pid = os.getppid() if argument == "template" else int(argument)
    if LIBC.ptrace(16, pid, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    return "traced"


def read_memory(fd: int, argument: str) -> str:
    pid, address = map(int, argument.split())
    into = ctypes.create_string_buffer(16)
    local = struct.pack("QQ", ctypes.addressof(into), 16)
    remote = struct.pack("QQ", address, 16)
    if LIBC.process_vm_readv(pid, local, 1, remote, 1, 0) < 0:
        raise OSError(ctypes.get_errno(), "process_vm_readv")
    return repr(into.raw)


def environment(fd: int, argument: str) -> str:
    return repr(dict(os.environ)) + repr(sys.argv) + repr(sorted(sys.modules))


def executable_mapping(fd: int, argument: str) -> str:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    return "mapped"


def executable_protection(fd: int, argument: str) -> str:
    address = LIBC.mmap(None, ctypes.c_size_t(4096), 3, 0x22, -1, ctypes.c_long(0))
    if LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 7) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")
    return "protected"


def int80(fd: int, argument: str) -> str:
    if not INT80:
        return "no gadget"
    return str(ctypes.CFUNCTYPE(ctypes.c_long)(INT80)())


def x32(fd: int, argument: str) -> str:
    return str(raw(0x40000000 | 39))


def raw_calls(fd: int, argument: str) -> str:
    refused = {}
    for name, number in json.loads(argument).items():
        try:
            raw(number, 0, 0, 0, 0, 0, 0)
            refused[name] = 0
        except OSError as error:
            refused[name] = error.errno
    return json.dumps(refused)


def descriptors(fd: int, argument: str) -> str:
    found = []
    for number in range(4096):
        try:
            os.lseek(number, 0, os.SEEK_CUR)
            found.append("file")
        except OSError as error:
            if error.errno == 29:  # a pipe or socket: it cannot seek, but it is there
                found.append("pipe")
    return " ".join(found)


def duplicate(fd: int, argument: str) -> str:
    return str(os.dup(0))


def raise_limit(fd: int, argument: str) -> str:
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 4096))
    return "raised"


def processor_seconds(fd: int, argument: str) -> str:
    return str(resource.getrlimit(resource.RLIMIT_CPU))


def identity(fd: int, argument: str) -> str:
    return str(os.getuid())


def fill_memory(fd: int, argument: str) -> str:
    kept = []
    for _ in range(1000):
        kept.append(bytearray(b"x") * (1 << 24))
    return str(len(kept))


def fill_shared_memory(fd: int, argument: str) -> str:
    kept = []
    try:
        for _ in range(1000):
            kept.append(mmap.mmap(-1, 1 << 24))
            kept[-1].write(b"x" * (1 << 24))
    except OSError as error:
        raise MemoryError(str(error)) from error
    return str(len(kept))


def out() -> int:
    """The pipe that answers go to: the one descriptor beyond the streams that takes an empty write and no read."""
    for number in range(3, 4096):
        try:
            os.write(number, b"")
            return number
        except OSError:
            continue
    raise OSError("no pipe")


def flood(fd: int, argument: str) -> str:
    pipe, block = out(), ANSWER.pack(0, 0, 1 << 40) + bytes(1 << 20)
    while True:
        os.write(pipe, block)


def flood_frames(fd: int, argument: str) -> str:
    pipe, index = out(), 0
    while True:
        os.writev(pipe, [ANSWER.pack(index, 0, int(argument)), bytes(int(argument))])
        index += 1


def garbage(fd: int, argument: str) -> str:
    os.write(out(), b"\x80\x04garbage" * 100)
    os._exit(0)


def forge(fd: int, argument: str) -> str:
    for index in map(int, argument.split()):
        os.write(out(), ANSWER.pack(index, 0, 6) + b"forged")
    os._exit(0)


def extra(fd: int, argument: str) -> str:
    os.write(out(), ANSWER.pack(0, 0, 2) + b"me" + ANSWER.pack(0, 0, 2) + b"me")
    os._exit(0)


def half(fd: int, argument: str) -> str:
    os.write(out(), ANSWER.pack(0, 0, 100) + b"only this")
    os._exit(0)


def answer_and_hang(fd: int, argument: str) -> str:
    os.write(out(), ANSWER.pack(0, 0, 2) + b"me")
    return hang(fd, argument)


def close_everything(fd: int, argument: str) -> str:
    for number in range(64):
        try:
            os.close(number)
        except OSError:
            continue
    return "closed"


def leave(fd: int, argument: str) -> str:
    os._exit(int(argument))


def spin(fd: int, argument: str) -> str:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        pass


def hang(fd: int, argument: str) -> str:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
    return "never"


def crash(fd: int, argument: str) -> str:
    return str(ctypes.string_at(0))


def raise_text(fd: int, argument: str) -> str:
    raise ValueError("at byte 41\n\x1b[31mverdict: CLEAR" + "x" * 1000)


def raise_exit(fd: int, argument: str) -> str:
    raise SystemExit(0)


def recurse(fd: int, argument: str) -> str:
    return recurse(fd, argument)


def read(fd: int, payload: bytes) -> bytes:
    """The function the tests name: the payload says which trick, and with what."""
    name, _, argument = payload.decode().partition(":")
    result = globals()[name](fd, argument)
    return result.encode()


def text(fd: int, payload: bytes) -> bytes:
    return "not bytes"  # type: ignore[return-value]  # on purpose
