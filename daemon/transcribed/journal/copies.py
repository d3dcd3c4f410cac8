"""Copies of the journal: one that a person asks for, and one that is kept before its tables change.

A copy says of itself that it is one: put back later, it does not know what was paid since.
"""

import os
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress

import sqlalchemy as sa

from transcribed.errors import STATE, Blocked
from transcribed.journal.sqlite import NAME

LOSS = "loss"  #: the fact that says why a journal may not know of everything that was paid for
_UNFINISHED = f"{NAME}.backup"
_BACKUP = re.compile(rf"{re.escape(NAME)}\.v\d+\.\d{{4}}-\d\d-\d\dT\d\d-\d\d-\d\d")
_PAGES = 1024  # copied at once: 4 MB
_ROOM = 2  # times the size of the journal: its backup, and what SQLite writes before a transaction is committed


def copy(engine: sa.Engine, path: str, *, is_last: bool) -> None:
    """Make a consistent, durable copy at `path`, which must not exist; a daemon may be writing. Raises Blocked.

    `is_last`: nothing is written here any more, so the copy knows of all that was paid for.
    """
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (path,))
        if not is_last:
            with closing(sqlite3.connect(path, isolation_level=None)) as copied:
                _mark(copied)
        fsync(path)
    except (sa.exc.DatabaseError, sqlite3.DatabaseError) as error:
        why = getattr(error, "orig", None) or error
        raise Blocked(f"the copy {path} cannot be written: {why}", lane=STATE, hint="look at its disk") from error


def require_room(directory: str) -> None:
    """Make sure that a backup and a migration fit on the disk. Raises Blocked(state), OSError."""
    paths = (os.path.join(directory, NAME + end) for end in ("", "-wal"))
    needed = _ROOM * sum(os.stat(path).st_size for path in paths if os.path.exists(path))
    disk = os.statvfs(directory)
    free = disk.f_bavail * disk.f_frsize
    if disk.f_blocks and free < needed:  # some network file systems do not say how large they are
        what = f"the journal in {directory} is of an older version, and there is no room to bring it up to date"
        hint = f"free {(needed - free) / 1e6:.1f} MB there; nothing was changed, and the older version can still use it"
        raise Blocked(what, lane=STATE, hint=hint)


def back_up(journal: sqlite3.Connection, directory: str, version: int, on_slow: Callable[[], None]) -> str:
    """Keep a copy of the journal beside it, whole or not at all, in place of any older one; return its name.

    Raises sqlite3.DatabaseError, OSError.
    """
    unfinished = os.path.join(directory, _UNFINISHED)
    _remove(unfinished)  # of a process that was killed
    try:
        _write(journal, unfinished, version, on_slow)
    except BaseException:
        _remove(unfinished)
        raise
    name = f"{NAME}.v{version}.{time.strftime('%Y-%m-%dT%H-%M-%S')}"
    os.rename(unfinished, os.path.join(directory, name))
    fsync(directory)
    for older in os.listdir(directory):
        if _BACKUP.fullmatch(older) and older != name:
            os.unlink(os.path.join(directory, older))
    return name


def _remove(unfinished: str) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(unfinished + end)


def _write(journal: sqlite3.Connection, path: str, version: int, on_slow: Callable[[], None]) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(path, isolation_level=None)) as copied:
        copied.execute("PRAGMA synchronous = OFF")  # all of it is synced at the end, before it gets its name
        journal.backup(copied, pages=_PAGES, progress=lambda *_: on_slow())
        copied.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        if version > 1:  # the first knew no facts
            _mark(copied)
    fsync(path)


def _mark(copied: sqlite3.Connection) -> None:
    made = f"the journal was put back from a backup of {time.strftime('%Y-%m-%d %H:%M')}"
    copied.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (LOSS, made))


def fsync(path: str) -> None:
    """Let a file or a folder survive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
