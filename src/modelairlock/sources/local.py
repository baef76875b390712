"""Files and folders of this machine: walks them, says what is there, and opens one file at a time.

Whoever can write to a folder can change it while it is walked. So a walk only *lists*, with device and inode, and
`open_file` refuses what is no longer the file that was listed.

Formats go by a file's own name, and a link gives a file one more. So a link to a file of the same source is that file
under the link's name, and is left out only where the same file is read under the same name already. A link out of the
source is a hole, since a loader would follow it; only inside a Hugging Face cache, where every file is a link into the
same repository's ``blobs/``, is it followed. A link to a folder of the source is left out: what lies in that folder is
walked at its own place, and is called the same whichever way a loader takes to it.
"""

import errno
import os
import re
import stat
from collections.abc import Generator, Iterator, Sequence
from fnmatch import translate
from pathlib import Path
from typing import NamedTuple

from modelairlock.reading import Unreadable
from modelairlock.records.regex import regex
from modelairlock.records.scan import Excluded, OperatorError
from modelairlock.records.text import shown

#: O_NONBLOCK: a file that became a fifo since it was listed must not hang the scan
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
FOLDER_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_DIRECTORY

_REPOSITORY = regex(r"(models|datasets|spaces)--.")
_HUBS_MARK = regex(
    r"(?P<cache>/.*|)/(?:(?P<absent>(?:models|datasets|spaces)--[^/]+)/\.no_exist/[0-9a-f]{40}/.+"
    r"|\.locks/(?P<locked>(?:models|datasets|spaces)--[^/]+)/[^/]+\.lock)",
    re.DOTALL,
)
_DIGEST = regex(r"[0-9a-f]{40}|[0-9a-f]{64}")
#: what the hub's client calls a blob when it goes by the server's etag: md5 too, of one piece or of several
_ETAG = regex(rf"{_DIGEST.pattern}|[0-9a-f]{{32}}(-[0-9]+)?")
#: one file is read under this many names, and under more if all that takes no more than so many bytes
NAMES = 64
NAMED_BYTES = 16 * 1024**3
_KINDS = (
    (stat.S_ISFIFO, "a fifo"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symbolic link"),
)
#: how the reason begins when the operator's own pattern left something out
_MATCHES = "matches --exclude "
_FEWER = "Take a pattern back, or make it narrower; patterns may also stand in a settings file, under exclude."
_STREAM = regex(r"/dev/stdin|/dev/fd/\d+|/proc/(self|\d+)/fd/\d+")
#: one slash, since a pathlib.Path has folded the second
_URL = regex(r"[a-z][a-z0-9+.-]+:/")
_KEPT_FROM_US = frozenset({errno.EACCES, errno.EPERM, errno.EIO})
_BROKEN = {
    errno.ELOOP: "loop of symbolic links, not followed",
    errno.EACCES: "symbolic link to where nobody is let in",
}
_OUTSIDE = "a link out of the source: not followed; a loader would follow it"


class File(NamedTuple):
    """A regular file, as it was listed. `place` is for the operating system; `path` and `name` are for people.

    `claimed` is the digest that the file's own name claims its content has: sha256 (64 digits) or git's sha1 (40).
    """

    path: str
    name: str
    place: str
    device: int
    inode: int
    size: int
    claimed: str = ""


class Hole(NamedTuple):
    """A place that cannot be read at all; nobody vouches for what is behind it."""

    path: str
    name: str
    detail: str


Entry = File | Hole | Excluded | OperatorError


def open_file(file: File) -> tuple[int, os.stat_result]:
    """A descriptor of `file` and its state; `Unreadable` if it cannot be had, or is not what was listed."""
    try:
        fd = os.open(file.place, FILE_FLAGS)
    except OSError as problem:
        raise Unreadable(0, f"the file cannot be opened: {problem.strerror}") from None
    state = os.fstat(fd)
    if stat.S_ISREG(state.st_mode) and (state.st_dev, state.st_ino) == (file.device, file.inode):
        return fd, state
    os.close(fd)
    raise Unreadable(0, "the file was replaced by another while the folder was walked")


def changed(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file was touched between two looks at one descriptor. `ctime` is in it because mtime can be set."""
    return _marks(before) != _marks(after)


def _marks(state: os.stat_result) -> tuple[int, int, int, int]:
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


class _Pattern(NamedTuple):
    given: str
    bare: str
    compiled: re.Pattern[str]
    folders_only: bool

    def matches(self, relative: str, path: str, folder: bool) -> bool:
        if self.folders_only and not folder:
            return False
        # What a report prints is taken letter by letter too, so that brackets in a name need no thought.
        if self.bare in (relative, path, shown(path)):
            return True
        return any(map(self.compiled.fullmatch, (_last(path), _last(relative), relative, path)))


class Patterns:
    """What the operator wants left out, and what of it has left something out."""

    def __init__(self, given: Sequence[str]) -> None:
        self.patterns = tuple(_pattern(pattern) for pattern in given)
        self.used: set[str] = set()

    def excluding(self, relative: str, path: str, folder: bool) -> str:
        """The first pattern that matches `relative`, below the source, or `path`, as reports print it; or ``""``."""
        matching = [pattern.given for pattern in self.patterns if pattern.matches(relative, path, folder)]
        self.used.update(matching)
        return matching[0] if matching else ""

    def unused(self) -> tuple[str, ...]:
        """The patterns that have matched nothing so far."""
        return tuple(pattern.given for pattern in self.patterns if pattern.given not in self.used)


def walk(source: str | Path, exclude: Sequence[str] | Patterns = ()) -> Iterator[Entry]:
    """Everything in `source`, a file or a folder, in name order. Never raises for what it finds there.

    `exclude` holds patterns as `fnmatch` has them, held against the last name, the path below the source, and the path
    as reports print it; one that matches a folder excludes all that is in it, and the folder alone is listed. With a
    ``/`` at its end a pattern means folders only. A source that is a link itself is resolved, because the operator
    named it.
    """
    given = os.fspath(source)
    path = _text(given.rstrip("/") or given)
    patterns = exclude if isinstance(exclude, Patterns) else Patterns(exclude)
    try:
        state = os.stat(given)
        real = os.path.realpath(given, strict=True)
    except (OSError, ValueError) as problem:
        yield _missing(given, path, problem)
        return
    if _STREAM.fullmatch(given) and not stat.S_ISREG(state.st_mode):
        yield _no_stream(path)
        return
    scanned, patterns_met = False, set[str]()
    if stat.S_ISDIR(state.st_mode):
        entries = _Walk(real, "" if path == "." else path, patterns).tree(state)
    else:
        entries = _alone(real, path, state, patterns)
    for entry in entries:
        scanned = scanned or isinstance(entry, File | Hole)
        if isinstance(entry, Excluded) and entry.reason.startswith(_MATCHES):
            patterns_met.add(entry.reason.removeprefix(_MATCHES))
        yield entry
    if not scanned and patterns_met:
        message = f"--exclude {' and '.join(sorted(patterns_met))} left nothing of it to scan"
        yield OperatorError(path=path, message=message, hint=_FEWER)
    elif not scanned:
        hint = "Name a file, or a folder with files in it."
        yield OperatorError(path=path, message="there is no file in it", hint=hint)


def _alone(real: str, path: str, state: os.stat_result, patterns: Patterns) -> Iterator[Entry]:
    name = _last(path)
    if pattern := patterns.excluding(name, path, False):
        yield Excluded(path=path, reason=f"{_MATCHES}{pattern!r}")
    else:
        yield _regular(real, path, name, state)


class _Walk:
    """One walk below `root`, a real path, which people see as `shown`."""

    def __init__(self, root: str, shown: str, patterns: Patterns) -> None:
        self.root = root
        self.shown = shown
        self.patterns = patterns
        #: files that links led to, and the path under which each of their names is listed
        self.named: dict[str, dict[str, str]] = {}
        #: blobs of Hugging Face caches that a snapshot led to
        self.blobs: set[str] = set()

    def tree(self, state: os.stat_result) -> Iterator[Entry]:
        """All entries, depth first. What waits is one list of names for each folder on the way down."""
        waiting: list[tuple[str, list[str]]] = [("", (yield from self._listing("", state)))]
        while waiting:
            folder, names = waiting[-1]
            if not names:
                waiting.pop()
                continue
            relative = folder + names.pop()
            below = yield from self._visit(relative)
            if below is not None:
                waiting.append((f"{relative}/", below))

    def _visit(self, relative: str) -> Generator[Entry, None, list[str] | None]:
        """Yield what `relative` is; for a folder, return the names in it."""
        place = f"{self.root.rstrip('/')}/{relative}"
        path = self._path(relative)
        try:
            state = os.lstat(place)
        except OSError as problem:
            yield Hole(path, _last(path), f"the file cannot be looked at: {problem.strerror}")
            return None
        folder = stat.S_ISDIR(state.st_mode)
        if pattern := self._excluding(relative, folder):
            yield Excluded(path=f"{path}/" if folder else path, reason=f"{_MATCHES}{pattern!r}")
        elif folder:
            return (yield from self._listing(relative, state))
        elif stat.S_ISLNK(state.st_mode):
            yield self._link(place, path)
        elif stat.S_ISREG(state.st_mode) and not state.st_size and _is_hubs_mark(place):
            yield Excluded(path=path, reason="empty mark of the Hugging Face hub's client, which no loader opens")
        elif not (place in self.blobs and _ETAG.fullmatch(_last(place))):
            yield _regular(place, path, _last(path), state)
        return None

    def _listing(self, relative: str, listed: os.stat_result) -> Generator[Entry, None, list[str]]:
        """The names in a folder, last one first. A folder that cannot be listed is a hole."""
        place = f"{self.root.rstrip('/')}/{relative}" if relative else self.root
        path = f"{self._path(relative)}/"
        try:
            fd = os.open(place, FOLDER_FLAGS)
            try:
                state = os.fstat(fd)
                names = os.listdir(fd)
            finally:
                os.close(fd)
        except OSError as problem:
            yield Hole(path, _last(path[:-1]), f"the folder cannot be listed: {problem.strerror}")
            return []
        if (state.st_dev, state.st_ino) != (listed.st_dev, listed.st_ino):
            yield Hole(path, _last(path[:-1]), "the folder was replaced by another while it was walked")
            return []
        names.sort(reverse=True)
        if _REPOSITORY.match(os.path.basename(place)) and "blobs" in names:
            # Last of all: what snapshots lead to is listed under the names that a loader would use.
            names.remove("blobs")
            names.insert(0, "blobs")
        return names

    def _link(self, place: str, path: str) -> Entry:
        target = _text(_target(place))
        try:
            # The system follows 40 links at most; realpath has no such limit, and recurses.
            state = os.stat(place)
            real = os.path.realpath(place, strict=True)
        except OSError as problem:
            return Hole(path, _last(path), _broken(problem.errno, target))
        regular = stat.S_ISREG(state.st_mode)
        if regular and _in_blobs(real) and place.startswith(f"{os.path.dirname(os.path.dirname(real))}/snapshots/"):
            self.blobs.add(real)
        elif not _is_below(real, self.root):
            return Hole(path, _last(path), f"{_OUTSIDE} ({target})")
        if regular:
            return self._renamed(real, path, state)
        relative = self._relative(real)
        if self._excluded(relative, stat.S_ISDIR(state.st_mode)):
            reason = f"a link to {self._path(relative)}, which is excluded: not followed; a loader would follow it"
            return Hole(path, _last(path), reason)
        target = self._path(relative)
        return Excluded(path=path, reason=f"link to {target}, which is itself scanned", same_as=f"{target}/")

    def _renamed(self, real: str, path: str, state: os.stat_result) -> Entry:
        """The file at `real` under the name of a link. Under one name it is read once, however many links have it.

        What excludes the file at its own place does not exclude it here: patterns go by the name, as loaders do.
        """
        name = _last(path)
        known = self.named.setdefault(real, {})
        passed_by = _in_blobs(real) or (not state.st_size and _is_hubs_mark(real))
        if name not in known and name == _text(_last(real)) and not passed_by:
            relative = self._relative(real)
            if not self._excluded(relative, False):
                known[name] = self._path(relative)
        if name in known:
            reason = f"link to the same file as {known[name]}, which is itself scanned"
            return Excluded(path=path, reason=reason, same_as=known[name])
        if len(known) >= NAMES and len(known) * state.st_size > NAMED_BYTES:
            return Hole(path, name, f"a link that gives a large file one more name: it was read under {NAMES} already")
        known[name] = path
        return _regular(real, path, name, state)

    def _relative(self, real: str) -> str:
        """A real path below the root, as patterns see it."""
        return real[len(self.root.rstrip("/")) + 1 :]

    def _excluding(self, relative: str, folder: bool) -> str:
        """The pattern that excludes `relative`, or ``""``."""
        return self.patterns.excluding(relative, self._path(relative), folder)

    def _excluded(self, relative: str, folder: bool) -> bool:
        """Whether what is at `relative` is excluded, or in a folder that is."""
        parts = relative.split("/")
        folders = ("/".join(parts[:count]) for count in range(1, len(parts)))
        return any(self._excluding(above, True) for above in folders) or bool(self._excluding(relative, folder))

    def _path(self, relative: str) -> str:
        """How people see `relative`: below the source as they named it."""
        if not self.shown or not relative:
            return _text(relative) or self.shown or "."
        return f"{self.shown.rstrip('/')}/{_text(relative)}"


def _regular(place: str, path: str, name: str, state: os.stat_result) -> File | Hole:
    if stat.S_ISREG(state.st_mode):
        own = _last(place)
        claimed = own if _DIGEST.fullmatch(own) and _in_blobs(place) else ""
        return File(path, name, place, state.st_dev, state.st_ino, state.st_size, claimed)
    kind = next((kind for test, kind in _KINDS if test(state.st_mode)), "something else")
    return Hole(path, name, f"is {kind}, not a regular file")


def _in_blobs(real: str) -> bool:
    """Whether a real path is that of a file in the ``blobs`` of a Hugging Face cache."""
    repository, _, blobs = os.path.dirname(real).rpartition("/")
    return blobs == "blobs" and bool(_REPOSITORY.match(_last(repository)))


def _is_hubs_mark(real: str) -> bool:
    """Whether an empty file is where the hub's client keeps its locks, and its notes of files that are not there.

    An empty file vouches for nothing, and none is CLEAR. These few need nobody to vouch for them: the client looks
    whether they exist. So they are listed as left out, and only where the cache around them is a real one.
    """
    match = _HUBS_MARK.fullmatch(real)
    if match is None:
        return False
    cache, repository = match["cache"], match["absent"] or match["locked"]
    folders = (f"{cache}/{repository}", f"{cache}/{repository}/blobs", f"{cache}/{repository}/snapshots")
    return all(os.path.isdir(folder) and not os.path.islink(folder) for folder in folders)


def _is_below(real: str, root: str) -> bool:
    return real == root or real.startswith(f"{root.rstrip('/')}/")


def _target(place: str) -> str:
    try:
        return os.readlink(place)
    except OSError:
        return "?"


def _pattern(given: str) -> _Pattern:
    bare = given.rstrip("/") or given
    # A star crosses folders here anyway, but `**/x` is also meant to match an `x` right at the top.
    compiled = re.compile(f"{translate(bare)}|{translate(bare.removeprefix('**/'))}")
    return _Pattern(given, bare, compiled, given.endswith("/"))


def _missing(given: str, path: str, problem: OSError | ValueError) -> Hole | OperatorError:
    """A source that could not be looked at: not there, which the operator can mend, or not ours to read."""
    code = problem.errno if isinstance(problem, OSError) else errno.ENOENT
    if code in _KEPT_FROM_US:
        # The same gap as where a walk comes across it: somebody may read it, so it is there to be vouched for.
        return Hole(path, _last(path), f"the file cannot be looked at: {os.strerror(code)}")
    if _STREAM.fullmatch(given) or given == "-":
        return _no_stream(path)
    if _URL.match(given):
        return OperatorError(path=path, message="nothing is fetched", hint="Download it first and scan the folder.")
    if os.path.islink(given):
        hint = "Mend the link, or name what it ought to lead to."
        return OperatorError(path=path, message=_broken(code, _text(_target(given))), hint=hint)
    if code in {errno.ENOENT, errno.ENOTDIR}:
        return OperatorError(path=path, message="there is no such file or folder", hint="Check the spelling.")
    return OperatorError(path=path, message=f"it cannot be opened: {os.strerror(code or errno.EIO)}")


def _no_stream(path: str) -> OperatorError:
    message = "no standard input and no pipe is read: a file is read more than once, and out of order"
    return OperatorError(path=path, message=message, hint="Write it to a file first and scan that.")


def _broken(code: int | None, target: str) -> str:
    """Why a link leads to nothing that could be looked at."""
    if code in {errno.ENOENT, errno.ENOTDIR}:
        return f"a link to nowhere: {target} does not exist"
    return f"{_BROKEN.get(code or 0) or os.strerror(code or errno.EIO)}: {target}"


def _last(path: str) -> str:
    return path.rpartition("/")[2] or path


def _text(name: str) -> str:
    """`name` with bytes that are no UTF-8 written as ``\\udcff``: reports must be able to hold every name."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()
