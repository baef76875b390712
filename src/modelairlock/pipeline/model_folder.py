"""Which folders are models of transformers, and which files of a folder a loader in the jail is shown.

What a newcomer would get wrong: nothing of the folder is parsed here, since a parent does not parse what is hostile. A
folder is held for a model as soon as the bytes of its configuration look like it; the loader says what it is.
"""

import os
import stat
from collections.abc import Iterable, Iterator

from modelairlock.isolation.jail.folder import FolderFile
from modelairlock.reading import Unreadable
from modelairlock.records.scan import Excluded
from modelairlock.sources.local import File, open_file, walk

#: how reports write a byte of a name that is no UTF-8 (`sources.local`); a name may also hold these very characters
_NO_TEXT = "\\ud"
#: a folder of more files is not shown at all
MOST_FILES = 10_000
_SETTINGS_BYTES = 4 << 20
_MARKS = (b'"model_type"', b'"architectures"', b'"auto_map"')
#: files that transformers looks into, and what of them makes a folder a model. A key may be written with escapes
_SETTINGS = {
    "config.json": (*_MARKS, b"\\u"),
    "tokenizer_config.json": (b'"auto_map"', b"\\u00"),
    "preprocessor_config.json": (b'"auto_map"', b"\\u00"),
    "processor_config.json": (b'"auto_map"', b"\\u00"),
    "video_preprocessor_config.json": (b'"auto_map"', b"\\u00"),
}  # fmt: skip
#: byte code that Python would take for the source beside it, which transformers does not copy along
_UNSEEN = frozenset(("__pycache__",))


def is_settings(file: File) -> bool:
    """Whether `file` is a configuration of transformers; so is one that is too large to say. Raises Unreadable."""
    marks = _SETTINGS.get(file.name)
    if marks is None:
        return False
    fd, state = open_file(file)
    try:
        data = os.pread(fd, _SETTINGS_BYTES, 0)
    except OSError as problem:
        raise Unreadable(0, f"the file cannot be read: {problem.strerror}") from None
    finally:
        os.close(fd)
    return state.st_size > len(data) or any(mark in data for mark in marks)


def may_be_settings(name: str) -> bool:
    """Whether transformers looks for a file of this name."""
    return name in _SETTINGS


def folder_of(path: str) -> str:
    """The folder that people see the file at `path` in."""
    return os.path.dirname(path) or "."


def refuse_no_text(path: str) -> None:
    """Raise Unreadable where `path`, as reports write it, may be that of two files: one would pass for the other."""
    if _NO_TEXT in path:
        raise Unreadable(
            0, "its name is no UTF-8, or looks so in a report, and could be taken for another's; rename it"
        )


def whole(folder: str) -> tuple[FolderFile, ...]:
    """Every file of `folder`, links to files inside it (or inside its cache of the hub) among them.

    Links that lead elsewhere are not shown, nor links to folders. Raises Unreadable where there are too many files, and
    where a name cannot be told.
    """
    root = os.path.abspath(folder)
    found: dict[str, FolderFile] = {}
    for name, one in _entries(root):
        if len(found) >= MOST_FILES:
            raise Unreadable(0, f"it holds more than {MOST_FILES:,} files, which is more than a loader is shown")
        found[name] = one
    return tuple(found.values())


def _entries(root: str) -> Iterator[tuple[str, FolderFile]]:
    # As reports write it: bytes that are no UTF-8 take more room there.
    begin = len(root.rstrip("/").encode("utf-8", "backslashreplace").decode()) + 1
    listed: dict[str, File] = {}
    links: list[Excluded] = []
    for entry in walk(root):
        if isinstance(entry, File) and not _UNSEEN & set(entry.path[begin:].split("/")):
            listed[entry.path] = entry
            name = _real_name(entry, entry.path[begin:], root)
            yield name, _shown(entry, name)
        elif isinstance(entry, Excluded) and entry.same_as and not entry.same_as.endswith("/"):
            links.append(entry)
    for link in links:
        if (target := listed.get(link.same_as)) is not None:
            refuse_no_text(link.path[begin:])
            yield link.path[begin:], _shown(target, link.path[begin:])


def _real_name(file: File, written: str, root: str) -> str:
    """What a file that reports write as `written` is called in `root`. Raises Unreadable where that cannot be told."""
    if _NO_TEXT not in written:
        return written
    real = f"{os.path.realpath(root).rstrip('/')}/"
    name = file.place.removeprefix(real)
    if not file.place.startswith(real) or name.encode("utf-8", "backslashreplace").decode() != written:
        refuse_no_text(written)  # a link: its own name is known from the report alone
    return name


def _shown(file: File, name: str) -> FolderFile:
    return FolderFile(name=name, place=file.place, device=file.device, inode=file.inode, size=file.size)


def beside(file: File, names: Iterable[str]) -> tuple[FolderFile, ...]:
    """`file` under its own name and, of what it names in its folder, the regular files that are there.

    Names that lead out of the folder, by dots or by a link, are left out: the load then shows that it asks for them.
    Raises Unreadable where it cannot be told which folder that is.
    """
    refuse_no_text(file.path)
    folder = os.path.abspath(folder_of(file.path))
    found = {file.name: _shown(file, file.name)}
    for name in names:
        plain = os.path.normpath(name)
        if len(found) < MOST_FILES and not plain.startswith(("/", "..")) and plain not in found:
            one = _inside(folder, plain)
            if one is not None:
                found[plain] = one
    return tuple(found.values())


def _inside(folder: str, name: str) -> FolderFile | None:
    place = os.path.join(folder, name)
    try:
        real = os.path.realpath(place, strict=True)
        state = os.lstat(real)
    except (OSError, ValueError):
        return None
    root = os.path.realpath(folder)
    kept = real.startswith((f"{root.rstrip('/')}/", _blobs(root)))
    if not kept or not stat.S_ISREG(state.st_mode):
        return None
    return FolderFile(name=name, place=real, device=state.st_dev, inode=state.st_ino, size=state.st_size)


def _blobs(root: str) -> str:
    """Where links of a snapshot in a cache of the hub lead to; of another folder, nowhere."""
    repository, snapshots, _ = root.partition("/snapshots/")
    known = snapshots and os.path.basename(repository).startswith(("models--", "datasets--", "spaces--"))
    return f"{repository}/blobs/" if known else "\0"
