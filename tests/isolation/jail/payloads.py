"""Hostile loads: what runs when the model is unpickled. All effects are inert, and stand in `world.World`.

Each has the calls of which at least one must be seen from outside. `EFFECT` are those that leave a trace in the world
when there is no jail: a test runs them plainly, so that the oracles are known to bite.
"""

_C = "import ctypes, os\nc = ctypes.CDLL(None, use_errno=True)\nc.syscall.restype = ctypes.c_long\n"


def quiet(*lines: str) -> str:
    """Each line on its own: what fails does not keep the next from being tried."""
    return "\n".join(f"try:\n    {line}\nexcept BaseException as e: print(type(e).__name__, e)" for line in lines)


FORK = {"clone", "fork", "vfork"}
OPEN = {"openat", "open"}

#: name -> (source, calls of which one must be seen)
EFFECT: dict[str, tuple[str, set[str]]] = {
    "os_system": ("import os\nos.system('touch @DIR@/pwned')", FORK),
    "subprocess": ("import subprocess\n" + quiet("subprocess.run(['touch', '@DIR@/pwned'])"), FORK),
    "posix_spawn": ("import os\n" + quiet("os.posix_spawn('/usr/bin/touch', ['touch', '@DIR@/pwned'], {})"), FORK),
    "raw_fork_execve": (
        _C
        + "if c.fork() == 0:\n    try: os.execv('/usr/bin/touch', ['touch', '@DIR@/pwned'])\n    finally: os._exit(1)\n"
        "import time; time.sleep(0.3)",
        FORK,
    ),
    "execve": ("import os\n" + quiet("os.execv('/usr/bin/touch', ['touch', '@DIR@/pwned'])"), {"execve"}),
    "tcp": ("import socket\n" + quiet("socket.create_connection(('127.0.0.1', @TCP@), 1)"), {"socket"}),
    "udp": (
        "import socket\n"
        + quiet("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP@))"),
        {"socket"},
    ),
    "unix": (
        "import socket\n" + quiet("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '@DIR@/socket')"),
        {"socket"},
    ),
    "abstract": (
        "import socket\n" + quiet("socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '\\0@ABSTRACT@')"),
        {"socket"},
    ),
    "write": (quiet("open('@DIR@/pwned', 'w')"), OPEN),
    "write_model": (quiet("open('@DIR@/model.pkl', 'r+b').write(b'x')"), OPEN),
    "truncate_model": ("import os\n" + quiet("os.truncate('@DIR@/model.pkl', 0)"), {"truncate"}),
    "chmod_model": ("import os\n" + quiet("os.chmod('@DIR@/model.pkl', 0o777)"), {"chmod", "fchmodat"}),
    "rename_model": (
        "import os\n" + quiet("os.rename('@DIR@/model.pkl', '@DIR@/x')"),
        {"rename", "renameat", "renameat2"},
    ),
    "touch_model": ("import os\n" + quiet("os.utime('@DIR@/model.pkl', (0, 0))"), {"utimensat"}),
    "symlink": ("import os\n" + quiet("os.symlink('/etc/passwd', '@DIR@/pwned')"), {"symlink", "symlinkat"}),
    "hardlink": ("import os\n" + quiet("os.link('@DIR@/model.pkl', '@DIR@/pwned')"), {"link", "linkat"}),
    "mkdir": ("import os\n" + quiet("os.mkdir('@DIR@/pwned')"), {"mkdir", "mkdirat"}),
    "mkfifo": ("import os\n" + quiet("os.mkfifo('@DIR@/pwned')"), {"mknod", "mknodat"}),
    "unlink": ("import os\n" + quiet("os.unlink('@DIR@/id_rsa')"), {"unlink", "unlinkat"}),
    "kill": ("import os\n" + quiet("os.kill(@VICTIM@, 9)"), {"kill"}),
    "stop": ("import os\n" + quiet("os.kill(@VICTIM@, 19)"), {"kill"}),
    "pidfd_kill": (
        "import os, signal\n" + quiet("signal.pidfd_send_signal(os.pidfd_open(@VICTIM@), 9)"),
        {"pidfd_open"},
    ),
    "ptrace": (_C + "print(c.ptrace(16, @VICTIM@, 0, 0))\nimport time; time.sleep(0.3)\n", {"ptrace"}),
}

#: without a jail these show nothing in the world, or too much
OTHER: dict[str, tuple[str, set[str]]] = {
    "fork_exec": (
        "import _posixsubprocess as p\n"
        + quiet(
            "p.fork_exec([b'touch', b'@DIR@/pwned'], [b'/usr/bin/touch'], True, (), None, None, -1, -1, -1, -1, -1, -1,"
            " *__import__('os').pipe(), True, False, 0, None, None, None, -1, None, False)"
        ),
        FORK,
    ),
    "openat2": (
        _C + "import struct\nhow = struct.pack('=QQQ', os.O_WRONLY | os.O_CREAT, 0o600, 0)\n"
        "print(c.syscall(437, ctypes.c_long(-100), b'@DIR@/pwned', how, ctypes.c_long(24)))",
        {"openat2"},
    ),
    "clone3_namespaces": (
        _C + "import struct\nargs = struct.pack('=11Q', 0x10000000 | 0x20000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)\n"
        "print(c.syscall(435, args, ctypes.c_long(88)))",
        {"clone3"},
    ),
    "memfd_execveat": (
        _C
        + "fd = c.memfd_create(b'x', 0)\nprint(fd)\n"
        + "f = os.open('/usr/bin/touch', os.O_RDONLY)\n"
        + "a = (ctypes.c_char_p * 3)(b'touch', b'@DIR@/pwned', None)\nc.syscall(322, f, b'', a, None, 0x1000)",
        {"execveat"},
    ),
    "x32": (_C + "print(c.syscall(0x40000208, b'/usr/bin/touch', None, None))", {"nr0x40000208"}),
    "netlink": ("import socket\n" + quiet("socket.socket(16, socket.SOCK_RAW, 0)"), {"socket"}),
    "ipv6": ("import socket\n" + quiet("socket.create_connection(('::1', 9), 1)"), {"socket"}),
    "socketpair": ("import socket\n" + quiet("socket.socketpair()"), {"socketpair"}),
    "passwd_by_a_long_way": (
        "import os\n" + quiet("print(os.read(os.open('/usr/lib/' + './' * 600 + '../../etc/passwd', 0), 99))"),
        OPEN,
    ),
    "passwd": (quiet("print(open('/etc/passwd').read())"), OPEN),
    "secret": (quiet("print(open('@DIR@/id_rsa').read())"), OPEN),
    "environment": (
        "import os\nprint(dict(os.environ))\n" + quiet(
            *(f"print(open('/proc/{one}/environ').read())" for one in ("self", "1", "@PARENT@", "@VICTIM@"))
        ),
        OPEN,
    ),
    "memory": (quiet("open('/proc/self/mem', 'r+b')", "open('/proc/@VICTIM@/mem', 'rb')"), OPEN),
    "reopen_model": (quiet("open('/proc/self/fd/4', 'r+b').write(b'x')"), OPEN),
    "fchmod_model": ("import os\n" + quiet("os.fchmod(4, 0o777)"), {"fchmod"}),
    "ftruncate_model": ("import os\n" + quiet("os.ftruncate(4, 0)"), {"ftruncate"}),
    "pth": ("import site\n" + quiet("open(site.__file__.rpartition('/')[0] + '/pwned.pth', 'w')"), OPEN),
    "tmp": (quiet("open('/tmp/pwned', 'w')"), OPEN),
    "shm": (quiet("open('/dev/shm/pwned', 'w')"), OPEN),
    "kill_all": ("import os\n" + quiet("os.kill(-1, 0)"), {"kill"}),
    "kill_parent": ("import os\n" + quiet("os.kill(os.getppid(), 0)", "os.kill(@PARENT@, 0)"), {"kill"}),
    "process_vm_readv": (_C + "print(c.process_vm_readv(@VICTIM@, None, 0, None, 0, 0))", {"process_vm_readv"}),
    "pidfd_getfd": (_C + "print(c.syscall(438, 3, 0, 0))", {"pidfd_getfd"}),
    "unshare": (_C + "print(c.unshare(0x10000000))", {"unshare"}),
    "setns": (_C + "print(c.setns(0, 0))", {"setns"}),
    "clone_newuser": (_C + "print(c.syscall(56, 0x10000000 | 17, 0, 0, 0, 0))", {"clone"}),
    "mount": (_C + "print(c.mount(b'none', b'/tmp', b'tmpfs', 0, None))", {"mount"}),
    "chroot": (_C + "print(c.chroot(b'/tmp'))", {"chroot"}),
    "io_uring": (_C + "p = ctypes.create_string_buffer(120)\nprint(c.syscall(425, 8, p))", {"io_uring_setup"}),
    "userfaultfd": (_C + "print(c.syscall(323, 0))", {"userfaultfd"}),
    "bpf": (_C + "print(c.syscall(321, 0, 0, 0))", {"bpf"}),
    "keyctl": (_C + "print(c.syscall(250, 0, -3, 0))", {"keyctl"}),
    "perf": (_C + "print(c.syscall(298, 0, 0, -1, -1, 0))", {"perf_event_open"}),
    "personality": (_C + "print(c.personality(0x0040000))", {"personality"}),
    "setsid": ("import os\n" + quiet("os.setsid()", "os.setpgid(0, 0)"), {"setsid"}),
    "setuid": ("import os\n" + quiet("os.setuid(0)"), {"setuid"}),
    "limits": (
        "import resource as r\n" + quiet("r.setrlimit(r.RLIMIT_NOFILE, (9, 9))"),
        {"prlimit64", "setrlimit"},
    ),
    "tiocsti": ("import fcntl\n" + quiet("fcntl.ioctl(0, 0x5412, b'x')"), {"ioctl"}),
    "dumpable": (_C + "print(c.prctl(4, 0, 0, 0, 0))", {"prctl"}),
    "second_filter": (_C + "print(c.syscall(317, 1, 8, 0))", {"seccomp"}),
    "stop_itself": ("import os\n" + quiet("os.kill(os.getpid(), 19)"), {"kill"}),
    "shared_memory": (_C + "print(c.shmget(0, 1 << 20, 0o1600))", {"shmget"}),
    "timer": ("import signal\n" + quiet("signal.setitimer(signal.ITIMER_REAL, 1)"), {"setitimer"}),
}  # fmt: skip
