"""Private namespaces: a network without a device, no other process's IPC, and a file tree that is empty.

All in one `unshare`, so that on hosts which let anyone make a user namespace but give it no power (Ubuntu's
`apparmor_restrict_unprivileged_userns`) either everything happens or nothing. The ids stay unmapped: nothing needs
to be anyone in there. A PID namespace is left out: Landlock's signal scope and seccomp already keep children from
reaching other processes, and without one the caller can name and kill them.
"""

import os

from modelairlock.isolation import kernel

_NEW_MOUNTS, _NEW_CGROUP, _NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_NET = (
    0x00020000,
    0x02000000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x40000000,
)
_READ_ONLY, _NO_SUID, _NO_DEV, _NO_EXEC, _REMOUNT, _RECURSIVE, _PRIVATE = 1, 2, 4, 8, 32, 0x4000, 0x40000


def enter() -> str:
    """Leave the host's namespaces. Returns a remark, such as what could not be had. Raises OSError."""
    before = os.readlink("/proc/self/ns/net")
    kernel.call("unshare", _NEW_USER | _NEW_MOUNTS | _NEW_NET | _NEW_IPC | _NEW_UTS | _NEW_CGROUP)
    if os.readlink("/proc/self/ns/net") == before:
        raise OSError(0, "the network namespace is still the host's")
    try:
        _empty_root()
    except OSError as error:
        return f"the file tree is still the host's: {kernel.why(error)}"
    return ""


def _empty_root() -> None:
    """Make an empty read-only tmpfs the root; what lies beneath cannot be named any more."""
    place = next(path for path in ("/tmp", "/proc", "/usr") if os.path.isdir(path))  # noqa: S108
    kernel.call("mount", None, b"/", None, _RECURSIVE | _PRIVATE, None)
    quiet = _NO_SUID | _NO_DEV | _NO_EXEC
    kernel.call("mount", b"none", place.encode(), b"tmpfs", quiet, b"size=4k,nr_inodes=1,mode=555")
    os.chdir(place)
    kernel.call("mount", None, b".", None, _REMOUNT | _READ_ONLY | quiet, None)
    kernel.call("chroot", b".")
    os.chdir("/")
