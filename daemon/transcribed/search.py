"""The index of words over the kept transcripts: SQLite FTS5, in a file of its own that can be made again.

Rules: the index holds no text of its own (contentless), only which word is in which transcript. One process writes it,
on one thread, and others only read. A file that is damaged, or does not fit the kept transcripts, is removed and made
again. What is taken out needs its text once more (SQLite before 3.43 has no other way), so it is taken out before the
transcript is removed.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator
from urllib.parse import quote

from transcribed import errors, files, formats
from transcribed.formats import finding

NAME = "search.db"
_VERSION = 1  # of the tables, and of `finding.searched`: a text is taken out as it was put in
_PRIVATE = files.Access(file_mode=0o600, dir_mode=0o700)
_LARGEST_BYTES = 32 << 20  # of an answer: the words of a larger one are not searched
_TABLES = f"""
CREATE TABLE transcripts (number INTEGER PRIMARY KEY, transcript_id TEXT NOT NULL UNIQUE);
CREATE VIRTUAL TABLE words USING fts5 (text, content='', tokenize='unicode61 remove_diacritics 2');
PRAGMA user_version = {_VERSION};
"""
_RANKED = """SELECT transcript_id FROM words JOIN transcripts ON number = words.rowid
WHERE words MATCH ? ORDER BY words.rank LIMIT ?"""
_TAKE_OUT = "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)"

#: A kept answer by its transcript_id; None where there is none.
Read = Callable[[str], bytes | None]


class Index:
    """The index, for the one thread that writes it. Each call opens the file and closes it again."""

    def __init__(self, directory: str, read: Read) -> None:
        self._path = os.path.join(directory, NAME)
        self._read = read

    def missing(self, kept: Collection[str]) -> list[str]:
        """Those of the kept transcripts that are not in it. Raises TranscribedError, OSError."""
        with self._opened() as connection:
            known = {row[0] for row in connection.execute("SELECT transcript_id FROM transcripts")}
        if not known <= set(kept):  # one was removed by somebody else, and its text is needed to take it out
            self._remove()
            known = set()
        return sorted(set(kept) - known)

    def looks(self) -> tuple[int, int, int] | None:
        """The inode, size and time of its file: other ones after each change; None: no such file. Raises OSError."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def put(self, transcript_ids: Collection[str]) -> None:
        """Put the words of kept transcripts in, if they are not there. Raises TranscribedError, OSError."""
        with self._opened() as connection:
            for transcript_id in transcript_ids:
                text = self._text(transcript_id)
                query = "INSERT OR IGNORE INTO transcripts (transcript_id) VALUES (?)"
                if text is not None and (added := connection.execute(query, (transcript_id,))).rowcount:
                    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (added.lastrowid, text))

    def take_out(self, transcript_ids: Collection[str]) -> None:
        """Take these out, before they are removed. Raises TranscribedError, OSError."""
        for transcript_id in transcript_ids:
            text = self._text(transcript_id)
            with self._opened() as connection:
                query = "DELETE FROM transcripts WHERE transcript_id = ? RETURNING number"
                found = connection.execute(query, (transcript_id,)).fetchone()
                if found is not None and text is not None:
                    connection.execute(_TAKE_OUT, (found[0], text))
            if found is not None and text is None:
                self._remove()
                return

    def _text(self, transcript_id: str) -> str | None:
        answer = self._read(transcript_id)
        return None if answer is None else _searched(answer)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The index for one transaction. A damaged one is removed. Raises TranscribedError, OSError."""
        if not os.path.lexists(self._path):
            files.replace(os.fsencode(self._path), b"", access=_PRIVATE)
        try:
            with contextlib.closing(sqlite3.connect(self._path)) as connection, connection:
                _prepare(connection)
                yield connection
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError):  # these may end by themselves
                self._remove()
            why = f"the index for searches cannot be written: {error}"
            raise errors.TranscribedError(why, hint="it is made again by itself") from error

    def _remove(self) -> None:
        for path in (self._path, f"{self._path}-journal"):  # in this order: SQLite drops the journal of an empty file
            files.forget(os.fsencode(path))


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none. Raises sqlite3.DatabaseError, for tables of another version too."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        connection.executescript(f"BEGIN; {_TABLES} COMMIT;")
    elif version != _VERSION:
        raise sqlite3.DatabaseError(f"it is of version {version}")
    connection.execute("PRAGMA synchronous=NORMAL")


def _searched(answer: bytes) -> str:
    """The text of an answer for the index; empty where it is none, or is very large."""
    try:
        return finding.searched(formats.parse(answer)) if len(answer) <= _LARGEST_BYTES else ""
    except (ValueError, RecursionError):
        return ""


def ranked(directory: str, query: str, most: int) -> list[str]:
    """The transcript_ids that have all terms of a query, the best first. Raises TranscribedError."""
    expression = " AND ".join(term.expression for term in finding.terms(query))
    if not expression:
        raise errors.TranscribedError(
            "there is no word to search for", hint="give a word, or the beginning of one with *"
        )
    path = os.path.join(directory, NAME)
    if not os.path.lexists(path):
        raise errors.TranscribedError("there is no index for searches yet", hint="the daemon makes it while it runs")
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute(_RANKED, (expression, most))]
    except sqlite3.DatabaseError as error:
        hint = "ask as the user that the daemon runs as; a damaged index is made again by the daemon"
        raise errors.TranscribedError(f"the index for searches cannot be read: {error}", hint=hint) from error
