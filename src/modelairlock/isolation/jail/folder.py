"""A folder as an input of the jail: a stand-in that holds names and sizes alone, and files that are asked for.

The folder itself is neither bound nor allowed: who may look into it could find links in it, and see it change. What
the jail sees is a tree of our own making, with an empty (sparse) file of the right size for each, and no link at all.
Whoever opens one for reading gets a descriptor of the real file from the parent, if it still is the file that was
listed. So it is the same with and without namespaces, and no mount point is ever made in a folder that is not ours
(GHSA-pxhw-h44j-8pfx).
"""

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterable
from types import TracebackType

import msgspec

from modelairlock.records.errors import AirlockError

#: the environment variable that tells the loader where the model is; without it, it is at the place of a single file
VARIABLE = "AIRLOCK_MODEL"
#: the last two folders of the place: what transformers calls the package of the code that comes with a model
_PACKAGE = ("transformers_modules", "model")
#: a file may lie so many folders deep
_DEEPEST = 64
#: O_NONBLOCK: what became a fifo since it was listed must not hang us
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class FolderFile(msgspec.Struct, frozen=True, kw_only=True):
    """A regular file: `name` is its path below the folder, as the jail shall see it; `place` is where it really is."""

    name: str
    place: str
    device: int
    inode: int
    size: int


class Folder:
    """Makes the stand-in for `files`; `close`, or leaving it as a context, removes it.

    `entry` is the file in it that a loader is given; empty for the folder. Raises AirlockError where the temporary
    folder of this machine cannot hold it.
    """

    def __init__(self, files: Iterable[FolderFile], entry: str = "") -> None:
        self.entry = entry
        self._files = {one.name: one for one in files}
        if any(name.count("/") > _DEEPEST for name in self._files):
            raise AirlockError(
                f"a file lies more than {_DEEPEST} folders deep in the folder of the model",
                "no honest model does that; move what you need into a folder of its own",
            )
        try:
            self._made()
        except OSError as problem:
            raise AirlockError(
                f"a stand-in for the folder of the model cannot be made: {problem}",
                "make room for temporary files, or name another folder for them (TMPDIR)",
            ) from problem

    def _made(self) -> None:
        outer = os.path.realpath(tempfile.mkdtemp(prefix="airlock-"))
        self._remove = weakref.finalize(self, shutil.rmtree, outer, ignore_errors=True)
        # Others of this machine may pass, as the jail's user must, and see no names: they cannot guess this one.
        os.chmod(outer, 0o711)  # noqa: S103
        self.place = os.path.join(outer, secrets.token_hex(16), *_PACKAGE)
        try:
            self._make()
        except OSError:
            self.close()
            raise

    def _make(self) -> None:
        _folder(self.place)
        for name, one in self._files.items():
            path = os.path.join(self.place, name)
            _folder(os.path.dirname(path))
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
            try:
                os.fchmod(fd, 0o444)
                os.ftruncate(fd, one.size)
            finally:
                os.close(fd)

    @property
    def path(self) -> str:
        """What the loader is given."""
        return os.path.join(self.place, self.entry) if self.entry else self.place

    @property
    def places(self) -> tuple[str, ...]:
        """Where each file really is."""
        return tuple(one.place for one in self._files.values())

    def file(self, path: str) -> FolderFile | None:
        """The file that the absolute `path` names, if it is one of ours. There are no links in the stand-in."""
        if not path.startswith("/"):
            return None
        plain = os.path.normpath(path)
        return self._files.get(plain[len(self.place) + 1 :]) if plain.startswith(f"{self.place}/") else None

    def close(self) -> None:
        """Remove the stand-in. Closing twice does nothing."""
        self._remove()

    def __enter__(self) -> "Folder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def opened(file: FolderFile) -> int:
    """A descriptor of the real file. Raises OSError: ESTALE if it is no longer the one that was listed."""
    fd = os.open(file.place, _FLAGS)
    state = os.fstat(fd)
    if stat.S_ISREG(state.st_mode) and (state.st_dev, state.st_ino) == (file.device, file.inode):
        return fd
    os.close(fd)
    raise OSError(errno.ESTALE, "it was replaced since it was listed")


def _folder(path: str) -> None:
    """Make a folder that all may read, and those above it, whatever the umask is."""
    with contextlib.suppress(FileExistsError):
        try:
            os.mkdir(path)
        except FileNotFoundError:
            _folder(os.path.dirname(path))
            os.mkdir(path)
        os.chmod(path, 0o755)  # noqa: S103
