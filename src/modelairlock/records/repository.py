"""A repository: files that a loader opens as one, seen by the rules that judge them together.

What a newcomer would get wrong: this is no second copy of what was read. A file brings the few facts that say what it
has to do with other files, so that a hundred thousand files stay small; what its bytes amount to stands in its verdict.
"""

from functools import cached_property
from posixpath import dirname, normpath
from typing import NamedTuple

from modelairlock.records.facts import (
    Configured,
    Fact,
    Irregularity,
    NameMismatch,
    Reference,
    Setting,
    SourceUse,
)
from modelairlock.records.scan import Verdict

#: kinds of facts that rules about whole repositories may look at; of uses in source only those that reach other files
#: or are known to do harm are kept (`pipeline.repository`)
KEPT: tuple[type[Fact], ...] = (Setting, Configured, Reference, SourceUse, Irregularity, NameMismatch)


class FolderFile(NamedTuple):
    """One file of a repository. `path` is seen from its root, `place` is the path that the report knows it by."""

    path: str
    place: str
    size_bytes: int
    formats: tuple[str, ...]
    verdict: Verdict
    facts: tuple[Fact, ...] = ()

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The folder it lies in, seen from the root; ``""`` for the root itself."""
        return dirname(self.path)


class Folder:
    """A repository and all files in it, in the order of the scan. Nothing about it changes."""

    def __init__(self, path: str, files: tuple[FolderFile, ...]) -> None:
        self.path = path
        self.files = files

    @cached_property
    def _by_path(self) -> dict[str, FolderFile]:
        return {file.path: file for file in self.files}

    @cached_property
    def _by_folder(self) -> dict[str, list[FolderFile]]:
        found: dict[str, list[FolderFile]] = {}
        for file in self.files:
            found.setdefault(file.folder, []).append(file)
        return found

    def file(self, folder: str, name: str) -> FolderFile | None:
        """The file that `name`, seen from `folder`, leads to, if it is one of this repository."""
        path = normpath(f"{folder}/{name}" if folder else name)
        return self._by_path.get(path)

    def beside(self, folder: str) -> tuple[FolderFile, ...]:
        """The files that lie in `folder` itself."""
        return tuple(self._by_folder.get(folder, ()))
