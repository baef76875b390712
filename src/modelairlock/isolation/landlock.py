"""Landlock: forbid every right over files, TCP, signals and abstract sockets that the running kernel knows.

The ruleset has no rules, so nothing is allowed. Which rights there are is asked of the kernel bit by bit instead of
being kept in a table: a newer kernel with more rights is covered on the day it boots.
What no version covers (chmod, stat, xattr through a path) is left to seccomp.
"""

import os
import struct

from modelairlock.isolation import kernel

_VERSION = 1


def version() -> int:
    """The Landlock ABI of the running kernel. Raises OSError where there is none."""
    return kernel.call("landlock_create_ruleset", None, 0, _VERSION)


def _known(field: int) -> int:
    """The bits the kernel accepts in one of the three fields of ``struct landlock_ruleset_attr``."""
    bits = 0
    for bit in range(64):
        fields = [0, 0, 0]
        fields[field] = 1 << bit
        try:
            os.close(kernel.call("landlock_create_ruleset", struct.pack("=QQQ", *fields), 24, 0))
        except OSError:
            break
        bits |= 1 << bit
    return bits


def deny_all() -> tuple[int, tuple[int, int, int]]:
    """A ruleset descriptor that denies everything, and the rights over (files, TCP and UDP, scopes) it covers.

    Raises OSError.
    """
    version()
    rights = (_known(0), _known(1), _known(2))
    return kernel.call("landlock_create_ruleset", struct.pack("=QQQ", *rights), 24, 0), rights


def restrict(ruleset: int) -> None:
    """Put this thread, and what it starts from now on, under `ruleset`. Needs no_new_privs. Raises OSError."""
    kernel.call("landlock_restrict_self", ruleset, 0)
