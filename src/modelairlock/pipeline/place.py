"""Puts a new file in its place in one step: all of it or nothing, and never through a link.

The file is made beside its final name, under one that begins with a dot, and moved there once it is on disk. Without
`force` the move fails if anything is there by then, however recently it came; on a file system without hard links,
where that is looked at and done in two steps, a moment is left between them.
"""

import errno
import os
import secrets
import stat
from collections.abc import Sequence

from modelairlock.records.errors import AirlockError

_ANOTHER = "Name another OUT, or use --force to replace it."


def check_place(path: str, sources: Sequence[os.stat_result], *, force: bool) -> None:
    """Raise `AirlockError` if nothing may be put at `path`, before anything takes time."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise AirlockError(f"cannot write {path}: there is no folder {folder}", "Create it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise AirlockError(f"cannot write {path}: no permission to write to {folder}", "Name another OUT.")
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise AirlockError(f"cannot write {path}: {error.strerror}", "Name another OUT.") from error
    if stat.S_ISDIR(there.st_mode):
        raise AirlockError(f"cannot write {path}: it is a folder", "Name a file in it.")
    if stat.S_ISLNK(there.st_mode):
        raise AirlockError(f"cannot write {path}: it is a symbolic link", "Name the file it should be, or remove it.")
    if not stat.S_ISREG(there.st_mode):
        raise AirlockError(f"cannot write {path}: it is no regular file", "Name another OUT.")
    if any((there.st_dev, there.st_ino) == (source.st_dev, source.st_ino) for source in sources):
        raise AirlockError(f"cannot write {path}: it is the input, which would be lost", "Name another OUT.")
    if not force:
        raise AirlockError(f"cannot write {path}: it is there already", _ANOTHER)


class Draft:
    """A file on its way to `path`. `fd` is open for writing until `settle`."""

    def __init__(self, path: str) -> None:
        self.path = path
        folder, name = os.path.split(path)
        self.beside = os.path.join(folder, f".{name[:40]}.{secrets.token_hex(8)}.part")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self.fd = os.open(self.beside, flags, 0o666)

    def settle(self) -> None:
        """Have everything on disk. Raises OSError."""
        os.fsync(self.fd)
        os.close(self.fd)
        self.fd = -1

    def place(self, sources: Sequence[os.stat_result], *, force: bool) -> None:
        """Move it to its final name. Raises `AirlockError`, OSError."""
        check_place(self.path, sources, force=force)
        if force:
            os.replace(self.beside, self.path)
        else:
            self._link()
        self.beside = ""
        _sync_folder(os.path.dirname(self.path) or ".")

    def _link(self) -> None:
        """A link, unlike a move, never takes the place of anything; where there are none, a move has to do."""
        try:
            os.link(self.beside, self.path, follow_symlinks=False)
        except FileExistsError:
            raise AirlockError(f"cannot write {self.path}: it is there already", _ANOTHER) from None
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS):
                raise
            os.rename(self.beside, self.path)
            return
        os.unlink(self.beside)

    def discard(self) -> None:
        """Leave nothing behind, unless it is in its place."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self.beside:
            try:
                os.unlink(self.beside)
            except FileNotFoundError:
                return
            finally:
                self.beside = ""


def remove_stale(path: str, begins: bytes) -> None:
    """Remove what an earlier run left at `path`, a file that begins so: beside a new output it would mislead."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        ours = stat.S_ISREG(os.fstat(fd).st_mode) and os.pread(fd, len(begins), 0) == begins
    finally:
        os.close(fd)
    if ours:
        os.unlink(path)


def _sync_folder(folder: str) -> None:
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(fd)
    except OSError:
        return
    finally:
        os.close(fd)
