"""SQLite's connection to the journal's file, and what its errors mean. By the standard library alone: see `reading`."""

import os
import sqlite3

from transcribed import places
from transcribed.errors import STATE, Blocked, Exit

NAME = places.JOURNAL
HINT = (
    "start the daemon again, if no service manager does: its next start sets the journal aside, "
    "and makes it again from what is kept beside it"
)
#: A disk that is full or fails may be well again. What cannot be opened beside the journal makes it read-only.
_WAITED_FOR = frozenset(
    {
        *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN),
        *(sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT),
    }
)
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def connect(directory: str, *, mode: str, still: bool = False) -> sqlite3.Connection:
    """A connection to the journal of `directory`.

    `still`: nobody writes the journal now. Then it is read without a lock, and without a file beside it.
    """
    path = os.path.abspath(os.path.join(directory, NAME))
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    uri = f"file://{quoted}?mode={mode}{'&immutable=1' if still else ''}"
    return sqlite3.connect(uri, uri=True, timeout=10.0, isolation_level=None, check_same_thread=False)


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


def damaged(damage: str) -> Blocked:
    """The block of all that would be read from a damaged journal, or written into it."""
    return Blocked(f"the journal is damaged: {damage}", lane=STATE, hint=HINT, exit_status=Exit.AGAIN, by_person=True)


def unanswered(doing: str, error: BaseException | None) -> Blocked:
    """The block of a journal that cannot be read, or written, now."""
    return Blocked(f"the journal cannot be {doing}: {error}", lane=STATE, hint=hint_for(error))
