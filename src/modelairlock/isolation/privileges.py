"""Give up root and every capability, and make that final.

Root first becomes nobody, because the identity outlives the capabilities: a process of uid 0 without any still owns
root's files. After `unshare` a process holds every capability in its new namespace, so `shed` comes once more then.
"""

import ctypes
import os
import struct

from modelairlock.isolation import kernel

NOBODY = 65534
_VERSION_3 = 0x20080522
_HIGHEST = 63


def become_nobody() -> str:
    """If this is root: no groups, uid and gid of nobody. Returns a remark, also when the identity had to stay.

    It stays where root may not change it: in a container started without capabilities, or in a user namespace that
    maps one id. `shed` then leaves a root that can do what any owner of root's files can, were there a file to open.
    """
    if os.geteuid() != 0:
        return ""
    _empty_bounding_set()
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError as error:
        return f"stays uid 0, without capabilities: {kernel.why(error)}"
    return f"runs as uid {NOBODY}"


def _empty_bounding_set() -> None:
    for capability in range(_HIGHEST):
        try:
            kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
        except OSError:
            # EINVAL past the last capability the kernel knows. EPERM for who may not; then there is nothing to gain
            # either, as no_new_privs comes with it.
            return


def shed() -> None:
    """Drop every capability, forbid gaining any, and hide this process's memory and /proc entries. Raises OSError."""
    _empty_bounding_set()
    kernel.call("capset", struct.pack("=Ii", _VERSION_3, 0), bytes(24))
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def held() -> str:
    """What is still held that should not be, as text; empty when nothing is. Raises OSError."""
    sets = ctypes.create_string_buffer(24)
    kernel.call("capget", struct.pack("=Ii", _VERSION_3, 0), sets)
    if any(sets.raw):
        return "capabilities are left"
    if kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) != 1:
        return "no_new_privs is not set"
    return ""
