"""Digests of an open file in one streaming pass, by the parent, over the very descriptor that the worker reads.

That the worker then reads the same bytes is for `pipeline.hold` to see to.

The count of bytes that really came matters as much as the digest: a file may shrink or grow meanwhile, and some
(below ``/proc``) lie about their size.
"""

import hashlib
import os
from collections.abc import Callable
from threading import local
from typing import NamedTuple

from modelairlock.reading import Unreadable

#: fits into the second-level cache of most machines, where hashing is no slower than with anything larger
BUFFER_BYTES = 512 * 1024


class Digests(NamedTuple):
    """Lower-case hexadecimal digests of `length` bytes. `git` is the sha1 of git's blob, or ``""`` if not asked for."""

    sha256: str
    git: str
    length: int


class Stopped(Exception):
    """The scan is over before its time, because the operator said so."""


class _Buffers(local):
    def __init__(self) -> None:
        self.buffer = bytearray(BUFFER_BYTES)


_buffers = _Buffers()


def digest_of(data: bytes, *, git: bool = False) -> Digests:
    """The digests of `data`."""
    sha1 = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False) if git else None
    if sha1:
        sha1.update(data)
    return Digests(hashlib.sha256(data).hexdigest(), sha1.hexdigest() if sha1 else "", len(data))


def digest(fd: int, size: int, *, git: bool = False, spent: Callable[[int], None] | None = None) -> Digests:
    """The digests of what `fd` holds, whatever its offset; stops one byte past `size`. Raises `Unreadable`.

    `spent` is called with the length of each piece, and may raise what ends it all, such as `Stopped`.
    """
    sha256 = hashlib.sha256()
    sha1 = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False) if git else None
    view = memoryview(_buffers.buffer)
    at = 0
    while at <= size:
        # One byte more than there should be shows a file that grew, and keeps an endless one from being read on.
        try:
            count = os.preadv(fd, [view[: min(BUFFER_BYTES, size + 1 - at)]], at)
        except OSError as problem:
            raise Unreadable(at, f"the operating system says: {problem.strerror}") from None
        if not count:
            break
        sha256.update(view[:count])
        if sha1:
            sha1.update(view[:count])
        at += count
        if spent:
            spent(count)
    return Digests(sha256.hexdigest(), sha1.hexdigest() if sha1 else "", at)
