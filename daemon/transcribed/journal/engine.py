"""The connection to the journal's file, and what SQLite's errors about it mean."""

import os
import sqlite3

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from transcribed.journal.copies import NAME

#: A disk that is full or fails may be well again. What cannot be opened beside the journal makes it read-only.
_WAITED_FOR = frozenset(
    {
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN),
        *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT),
    }
)
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def connected(directory: str, *, mode: str, still: bool = False) -> sa.Engine:
    """One connection for the whole process: SQLite's locks are per process, and one writer needs only one.

    `still`: nobody writes the journal now. Then it is read without a lock, and without a file beside it.
    """
    path = os.path.abspath(os.path.join(directory, NAME))
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")

    def connect() -> sqlite3.Connection:
        uri = f"file://{quoted}?mode={mode}{'&immutable=1' if still else ''}"
        return sqlite3.connect(uri, uri=True, timeout=10.0, isolation_level=None, check_same_thread=False)

    return sa.create_engine("sqlite://", creator=connect, poolclass=StaticPool)


def is_waited_for(error: BaseException | None) -> bool:
    """True if this may end by itself, and says nothing of the journal."""
    return _code(error) in _WAITED_FOR


def is_damage(error: BaseException | None) -> bool:
    """True if this says that the file is not whole. Python's own error about a text has no code."""
    return _code(error) in _DAMAGED or str(error).startswith("Could not decode to UTF-8")


def _code(error: BaseException | None) -> int:
    """SQLite's primary code; the other bits are details."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def hint_for(error: BaseException | None) -> str:
    """The next step for a person where a disk does not take the journal."""
    return "free some space" if "full" in str(error) else "look at the disk that holds state.directory"
