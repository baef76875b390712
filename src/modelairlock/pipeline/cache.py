"""Remembers facts by digest, so that a file that was read once is not read again.

Who can write to the cache can vouch for files. So its folder must belong to the user and to nobody else, and what
comes out of it goes through the same strict decoder as what comes from the worker. Facts also depend on the file's
own name (formats look at it), on the reader's code, on the limits and on how well the reader was walled in; all
are part of the key. No failure in here costs more than time.
"""

import hashlib
import os
import sqlite3
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from modelairlock.limits import Limits
from modelairlock.pipeline.answer import ProtocolBroken, decode
from modelairlock.pipeline.reader_version import reader_version
from modelairlock.records.coverage import Because
from modelairlock.records.errors import AirlockError
from modelairlock.records.isolation import Level
from modelairlock.records.reading import Reading

FILE_NAME = "facts.sqlite"
CAP_BYTES = 1024**3
#: raised when the table changes; a database with another number is made anew
LAYOUT = 1
BUSY_SECONDS = 2.0
FLUSH_ROWS = 256
FLUSH_BYTES = 4 * 1024 * 1024
#: what another look, with more time or permissions, might tell otherwise
_PASSING = frozenset({Because.READER_FAILED, Because.UNREADABLE})
_LEVELS = frozenset(level.value for level in Level)

_TABLE = """
CREATE TABLE IF NOT EXISTS facts (
  id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, name TEXT NOT NULL, reader TEXT NOT NULL, limits BLOB NOT NULL,
  level TEXT NOT NULL, size INTEGER NOT NULL, reading BLOB NOT NULL, UNIQUE (sha256, name, reader, limits, level)
)
"""
_GET = "SELECT reading FROM facts WHERE sha256 = ? AND name = ? AND reader = ? AND limits = ? AND level = ?"
_PUT = "INSERT OR REPLACE INTO facts (sha256, name, reader, limits, level, size, reading) VALUES (?, ?, ?, ?, ?, ?, ?)"
_FIND = "SELECT name, size, level, reading FROM facts WHERE sha256 = ? AND reader = ? ORDER BY id DESC"
_EVICT = (
    "DELETE FROM facts WHERE id <= (SELECT id FROM facts ORDER BY id LIMIT 1 OFFSET (SELECT count(*) / 4 FROM facts))"
)

Row = tuple[bytes, str, str, bytes, str, int, bytes]


def default_folder(environment: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """Where facts are kept unless someone says otherwise; None where there is no home."""
    home = environment.get("HOME", "")
    given = environment.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):  # the XDG base directory specification has relative ones ignored
        return Path(given) / "modelairlock"
    if not os.path.isabs(home):
        return None
    return Path(home) / ("Library/Caches" if platform == "darwin" else ".cache") / "modelairlock"


def open_cache(folder: Path, warn: Callable[[str], None], *, cap_bytes: int = CAP_BYTES) -> "Cache | None":
    """The cache in `folder`, made if need be; None, after a warning, if that cannot be done.

    Raises `AirlockError` if somebody else could write to it.
    """
    try:
        path = private_folder(folder) / FILE_NAME
        return Cache(path, cap_bytes, warn)
    except OSError as problem:
        warn(f"facts are not cached: {folder}: {problem.strerror}")
        return None
    except sqlite3.Error as problem:
        if not _damaged(problem):
            warn(f"facts are not cached: {problem}")
            return None
        warn(f"the cache of facts was damaged and is made anew: {problem}")
    try:
        _remove(path)
        return Cache(path, cap_bytes, warn)
    except (OSError, sqlite3.Error) as problem:
        warn(f"facts are not cached: {problem}")
        return None


def private_folder(folder: Path) -> Path:
    """`folder`, made if need be. Raises OSError; AirlockError if somebody else could write to it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_foreign(folder, os.stat(folder))
    _refuse_open_ways(folder)
    return folder


def _refuse_foreign(path: Path, state: os.stat_result) -> None:
    hint = f"Make it yours alone (chmod 700 {path}), name another folder, or do without the cache."
    if state.st_uid != os.geteuid():
        raise AirlockError(f"the cache is not used: {path} belongs to another user, who could vouch for files", hint)
    if state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise AirlockError(f"the cache is not used: others can write to {path}, and could vouch for files", hint)


def _refuse_open_ways(folder: Path) -> None:
    """Who can write to a folder above can put another in this one's place, unless that has the sticky bit."""
    for above in folder.resolve(strict=True).parents:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            hint = f"Take that right away (chmod o-w {above}), name another folder, or do without the cache."
            raise AirlockError(f"the cache is not used: anybody can write to {above}, and replace what is in it", hint)


def _damaged(problem: sqlite3.Error) -> bool:
    """Whether the database itself is broken; locks, full disks and the like are subclasses of this error."""
    return type(problem) is sqlite3.DatabaseError


def _remove(path: Path) -> None:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


def _connected(path: Path) -> sqlite3.Connection:
    # sqlite would make the file with the umask's permissions; O_NOFOLLOW: a link could lead to a foreign file.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    _refuse_foreign(path, os.lstat(path))
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
    try:
        # Any of these may be refused on a file system without locks or shared memory; then the cache is not used.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA trusted_schema = OFF")
        (layout,) = database.execute("PRAGMA user_version").fetchone()
        if layout not in {0, LAYOUT}:
            raise sqlite3.DatabaseError(f"layout {layout}, not {LAYOUT}")
        database.execute(_TABLE)
        database.execute(f"PRAGMA user_version = {LAYOUT}")
        database.execute(_GET, (b"", "", "", b"", "")).fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


class Cache:
    """Facts by digest. Safe for threads, and for several processes at once; after an error it just stays silent."""

    def __init__(self, path: Path, cap_bytes: int, warn: Callable[[str], None]) -> None:
        self._reader = reader_version()
        self._database: sqlite3.Connection | None = _connected(path)
        self._path = path
        self._warn = warn
        self._cap_bytes = cap_bytes
        self._lock = threading.Lock()
        self._waiting: list[Row] = []
        self._waiting_bytes = 0

    def get(self, sha256: str, name: str, size: int, limits: Limits, level: Level) -> Reading | None:
        """The reading of content with this digest under this name, with ``path == name``; None if not known."""
        key = (bytes.fromhex(sha256), name, self._reader, _digest(limits), level.value)
        for (data,) in self._rows(_GET, key):
            return _decoded(data, size, name, limits)
        return None

    def find(self, sha256: str) -> list[tuple[Reading, Level]]:
        """The newest readings of this content, one for each name it had, whatever the limits were."""
        found: dict[str, tuple[Reading, Level]] = {}
        for name, size, level, data in self._rows(_FIND, (bytes.fromhex(sha256), self._reader)):
            reading = _decoded(data, size, name) if name not in found else None
            if reading and level in _LEVELS:
                found[name] = (reading, Level(level))
        return [found[name] for name in sorted(found)]

    def put(self, sha256: str, reading: Reading, data: bytes, limits: Limits, level: Level) -> None:
        """Remember `data`, the worker's own words for `reading`, unless another look might say otherwise."""
        if not lasting(reading):
            return
        row = (bytes.fromhex(sha256), reading.name, self._reader, _digest(limits), level.value)
        with self._lock:
            self._waiting.append((*row, reading.coverage.size_bytes, data))
            self._waiting_bytes += len(data)
            if len(self._waiting) >= FLUSH_ROWS or self._waiting_bytes >= FLUSH_BYTES:
                self._flush()

    def close(self) -> None:
        """Write what waits, and make room."""
        with self._lock:
            self._flush()
            self._forget()

    def _rows(self, query: str, key: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            if self._database:
                try:
                    return self._database.execute(query, key).fetchall()
                except sqlite3.Error as problem:
                    self._forget(problem)
        return []

    def _flush(self) -> None:
        rows, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not (rows and self._database):
            return
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(_PUT, rows)
            self._database.execute("COMMIT")
            while self._used_bytes(self._database) > self._cap_bytes:
                if not self._database.execute(_EVICT).rowcount:
                    break
        except sqlite3.Error as problem:
            self._forget(problem)

    def _used_bytes(self, database: sqlite3.Connection) -> int:
        pages, free, size = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int(pages - free) * int(size)

    def _forget(self, problem: sqlite3.Error | None = None) -> None:
        """Use the database no more; if it is damaged, take it away, so that the next scan makes it anew."""
        if self._database:
            with suppress(sqlite3.Error):
                self._database.close()
        self._database = None
        if problem and _damaged(problem):
            self._warn(f"the cache of facts was damaged and is made anew next time: {problem}")
            with suppress(OSError):
                _remove(self._path)


def _decoded(data: object, size: object, name: object, limits: Limits | None = None) -> Reading | None:
    """What a row says, if it says it in the worker's words. A database may hold anything in any column."""
    if not (isinstance(data, bytes) and isinstance(size, int) and isinstance(name, str)):
        return None
    try:
        return decode(data, size, name, limits)
    except ProtocolBroken:
        return None


def lasting(reading: Reading) -> bool:
    """Whether reading the same bytes again would say the same, here and on a faster machine."""
    for gap in reading.coverage.gaps:
        if gap.because in _PASSING or (gap.because is Because.OVER_LIMIT and "(limit: seconds)" in gap.detail):
            return False
    return all(lasting(member) for member in reading.members)


def _digest(limits: Limits) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(limits)).digest()
