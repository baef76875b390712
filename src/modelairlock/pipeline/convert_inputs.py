"""What is to be converted: one file, or the index of a checkpoint of TensorFlow and the files of numbers beside it.

What a newcomer would get wrong: files that the operator did not name are opened by names made of a name that he gave
and of numbers, never by what a file says; and none of them is followed out of the folder that the index is in.
"""

import os
import re
import stat
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from modelairlock.pipeline import hold
from modelairlock.records.conversion import Left
from modelairlock.records.disarm import MOST_FILES
from modelairlock.records.errors import AirlockError
from modelairlock.records.text import shown
from modelairlock.sources.local import changed

_INDEX = ".index"
_NUMBERS = re.compile(r"\.data-(\d{5})-of-(\d{5})")
#: where a SavedModel has its checkpoint
_VARIABLES = os.path.join("variables", "variables.index")
_PROGRAMS = ("saved_model.pb", "saved_model.pbtxt")
#: of a folder that is looked through
_MOST_NAMES = 100_000


class Opened(NamedTuple):
    """A file that is open for reading, as it was then; `watched` if the kernel tells when somebody writes to it."""

    path: str
    fd: int
    state: os.stat_result
    watched: bool


class Inputs(NamedTuple):
    """All files of one conversion. The first is planned, the rest hold its numbers."""

    files: tuple[Opened, ...]
    #: what is scanned: the files, or the folder that they are in
    scanned: tuple[Path, ...]
    #: what stays behind because it is another file
    left: tuple[Left, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bytes of each file."""
        return tuple(one.state.st_size for one in self.files)

    @property
    def states(self) -> tuple[os.stat_result, ...]:
        """Each file as it was when it was opened."""
        return tuple(one.state for one in self.files)

    def same(self) -> bool:
        """Whether the names, by which the files were scanned, are still those of the files that were opened before."""
        return all(_leads_to(one) for one in self.files)

    def unchanged(self) -> bool:
        """Whether what was scanned, planned and copied were the same bytes."""
        for one in self.files:
            try:
                if changed(one.state, os.fstat(one.fd)) or (one.watched and not hold.unbroken(one.fd)):
                    return False
            except OSError:
                return False
        return True


def open_inputs(source: str, stack: ExitStack) -> Inputs:
    """The files that `source` stands for; `stack` closes them. Raises `AirlockError`."""
    index, program = _index_of(source)
    if not index:
        return Inputs((_opened(source, stack),), (Path(source),))
    beside = _beside(index)
    home = os.path.dirname(os.path.realpath(index))
    for path in beside:
        if os.path.dirname(os.path.realpath(path)) != home:
            raise AirlockError(f"cannot convert {source}: {shown(path)} is a link out of its folder", "Copy the files.")
    files = tuple(_opened(path, stack) for path in (index, *beside))
    if not program:
        return Inputs(files, tuple(map(Path, (index, *beside))))
    why = "the tensors come without what computes with them"
    return Inputs(files, (Path(source),), (Left(shown(program), "the program of the model", why),))


def _index_of(source: str) -> tuple[str, str]:
    """The index that `source` stands for, and the program beside it; nothing for a file that is none."""
    if os.path.isdir(source):
        return _index_in(source)
    if source.endswith(_INDEX) and os.path.isfile(source) and _has_numbers(source):
        return source, ""
    if not os.path.lexists(source) and os.path.isfile(source + _INDEX):
        return source + _INDEX, ""
    numbers = _NUMBERS.search(source)
    if numbers and numbers.end() == len(source) and os.path.isfile(source[: numbers.start()] + _INDEX):
        hint = f"Name {source[: numbers.start()]}{_INDEX}."
        raise AirlockError(f"cannot convert {source}: it holds the numbers of a checkpoint, and no names", hint)
    return "", ""


def _index_in(folder: str) -> tuple[str, str]:
    """Of a SavedModel, or of a folder with one checkpoint in it."""
    for program in _PROGRAMS:
        if os.path.lexists(os.path.join(folder, program)):
            index = os.path.join(folder, _VARIABLES)
            if not os.path.isfile(index):
                hint = "There are no weights in it, unless they are constants of the program."
                raise AirlockError(f"cannot convert {folder}: a SavedModel without {_VARIABLES}", hint)
            return index, program
    found = [name for name in _names(folder) if name.endswith(_INDEX)]
    if len(found) == 1:
        return os.path.join(folder, found[0]), ""
    if found:
        hint = f"Name one of them, such as {shown(os.path.join(folder, max(found)))}."
        raise AirlockError(f"cannot convert {folder}: it holds {len(found)} checkpoints", hint)
    raise AirlockError(f"cannot convert {folder}: it is a folder", "Convert its files one by one.")


def _has_numbers(index: str) -> bool:
    prefix = os.path.basename(index).removesuffix(_INDEX)
    folder = os.path.dirname(index) or "."
    return any(name.startswith(prefix) and _NUMBERS.fullmatch(name[len(prefix) :]) for name in _names(folder))


def _beside(index: str) -> list[str]:
    """The files of numbers, in order. Raises `AirlockError` if one is missing, or they are of two checkpoints."""
    prefix, folder = os.path.basename(index).removesuffix(_INDEX), os.path.dirname(index)
    found: dict[int, set[int]] = {}
    for name in _names(folder or "."):
        match = _NUMBERS.fullmatch(name[len(prefix) :]) if name.startswith(prefix) else None
        if match:
            found.setdefault(int(match[2]), set()).add(int(match[1]))
    if not found:
        hint = f"It is called {shown(prefix)}.data-00000-of-00001 or so; get it as well."
        raise AirlockError(f"cannot convert {index}: the files of numbers are not beside it", hint)
    if len(found) > 1:
        hint = "They are of two checkpoints, one of which was written over the other: keep those that belong together."
        raise AirlockError(f"cannot convert {index}: there are files of numbers for {sorted(found)} parts", hint)
    [total] = found
    if total > MOST_FILES:
        raise AirlockError(f"cannot convert {index}: {total} files of numbers, and at most {MOST_FILES} are read", "")
    missing = [number for number in range(total) if number not in found[total]]
    if missing or len(found[total]) != total:
        first = missing[0] if missing else total
        hint = f"{shown(prefix)}.data-{first:05}-of-{total:05} is missing; get it as well."
        raise AirlockError(f"cannot convert {index}: {len(missing)} of {total} files of numbers are missing", hint)
    return [os.path.join(folder, f"{prefix}.data-{number:05}-of-{total:05}") for number in range(total)]


def _names(folder: str) -> list[str]:
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                found.append(entry.name)
                if len(found) > _MOST_NAMES:
                    raise AirlockError(f"{folder} holds more than {_MOST_NAMES} files", "Name the file to convert.")
    except OSError as error:
        raise AirlockError(f"cannot read {folder}: {error.strerror}", "Name the file to convert.") from error
    return found


def _opened(path: str, stack: ExitStack) -> Opened:
    fd = _open(path)
    stack.callback(os.close, fd)
    lease = hold.lease(fd)
    stack.callback(hold.release, fd)
    return Opened(path, fd, os.fstat(fd), lease is hold.Lease.HELD)


def _open(source: str) -> int:
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise AirlockError(f"cannot read {source}: {error.strerror}", "Name the file to convert.") from error
    kind = os.fstat(fd).st_mode
    if stat.S_ISREG(kind):
        return fd
    os.close(fd)
    what = "a folder" if stat.S_ISDIR(kind) else "no regular file"
    raise AirlockError(f"cannot convert {source}: it is {what}", "Convert its files one by one.")


def _leads_to(one: Opened) -> bool:
    with suppress(OSError):
        return not changed(one.state, os.stat(one.path))
    return False
