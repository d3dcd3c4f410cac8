"""The index of words over the kept transcripts: SQLite FTS5, in a file of its own that can be made again.

Rules: the index holds no text of its own (contentless), only which word is in which transcript. Words come from
`finding`, without case and accents, and are only parted at white space (the tokenizer `ascii`). One process writes it,
on one thread, and others only read. A file that is damaged, or does not fit the kept transcripts, is removed and made
again. What is taken out needs its text once more (SQLite before 3.43 has no other way), so it is taken out before the
transcript is removed. Where that very text is gone, as after a second correction, the index itself is asked for its
words: it reads all that it has for that.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from urllib.parse import quote

from transcribed import errors, files, formats
from transcribed.formats import finding

NAME = "search.db"
_VERSION = 3  # of the tables, and of `finding.searched`: a text is taken out as it was put in
_PRIVATE = files.Access(file_mode=0o600, dir_mode=0o700)
_LARGEST_BYTES = 32 << 20  # of an answer: the words of a larger one are not searched
_TABLES = f"""
CREATE TABLE transcripts (number INTEGER PRIMARY KEY, transcript_id TEXT NOT NULL UNIQUE, mark TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (text, content='', tokenize='ascii');
PRAGMA user_version = {_VERSION};
"""
_RANKED = """SELECT transcript_id FROM words JOIN transcripts ON number = words.rowid
WHERE words MATCH ? ORDER BY words.rank LIMIT ?"""
_TAKE_OUT = "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)"
_ITS_WORDS = "CREATE VIRTUAL TABLE temp.its_words USING fts5vocab (main, words, instance)"

#: The texts of a transcript by their marks, the one that is searched last; none where it is not kept. A mark stands for
#: one text: an answer as it came, or the words of one correction.
Read = Callable[[str], Mapping[str, bytes]]


class Damaged(errors.TranscribedError):
    """The index was damaged, and is removed: it is to be made again."""


class Index:
    """The index, for the one thread that writes it. Each call opens the file and closes it again."""

    def __init__(self, directory: str, read: Read) -> None:
        self._path = os.path.join(directory, NAME)
        self._read = read
        self._left: object = None  # the looks of its file as it was closed last

    def missing(self, kept: Mapping[str, str]) -> list[str]:
        """Those of the kept transcripts, with their marks, that are not in it so. Raises TranscribedError, OSError."""
        with self._opened() as connection:
            known = dict(connection.execute("SELECT transcript_id, mark FROM transcripts"))
        if not known.keys() <= kept.keys():  # some were removed by somebody else, and nobody knows how many
            self._remove()
            known = {}
        return sorted(each for each, mark in kept.items() if known.get(each) != mark)

    def looks(self) -> tuple[int, int, int] | None:
        """The inode, size and time of its file: other ones after each change; None: no such file. Raises OSError."""
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns

    def put(self, transcript_ids: Collection[str]) -> None:
        """Put the words of kept transcripts in, in place of others of theirs. Raises TranscribedError, OSError."""
        with self._opened() as connection:
            for transcript_id in transcript_ids:
                if texts := self._read(transcript_id):
                    _put(connection, transcript_id, texts)

    def take_out(self, transcript_ids: Collection[str]) -> None:
        """Take these out, before they are removed. Raises TranscribedError, OSError."""
        for transcript_id in transcript_ids:
            with self._opened() as connection:
                _take_out(connection, transcript_id, self._read(transcript_id))

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The index for one transaction. A damaged one is removed. Raises TranscribedError, OSError.

        One that somebody else has changed meanwhile is read whole, for damage.
        """
        is_anothers = self._left not in (None, self.looks())
        if not os.path.lexists(self._path):
            files.replace(os.fsencode(self._path), b"", access=_PRIVATE)
        try:
            with contextlib.closing(sqlite3.connect(self._path)) as connection, connection:
                _prepare(connection)
                if is_anothers:
                    _check(connection)
                yield connection
            self._left = self.looks()
        except sqlite3.DatabaseError as error:
            why = f"the index for searches cannot be written: {error}"
            if isinstance(error, sqlite3.OperationalError):  # these may end by themselves
                raise errors.TranscribedError(why, hint="it is tried again by itself") from error
            self._remove()
            raise Damaged(why, hint="it is made again by itself") from error

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


def _check(connection: sqlite3.Connection) -> None:
    """Raises sqlite3.DatabaseError for an index that is damaged. All of it is read."""
    connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        raise sqlite3.DatabaseError("database disk image is malformed")


def _put(connection: sqlite3.Connection, transcript_id: str, texts: Mapping[str, bytes]) -> None:
    """Put the last of these texts in, in place of another one of the same transcript."""
    mark, answer = list(texts.items())[-1]
    known = connection.execute("SELECT mark FROM transcripts WHERE transcript_id = ?", (transcript_id,)).fetchone()
    if known == (mark,):
        return
    _take_out(connection, transcript_id, texts)
    query = "INSERT INTO transcripts (transcript_id, mark) VALUES (?, ?)"
    number = connection.execute(query, (transcript_id, mark)).lastrowid
    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, _searched(answer)))


def _take_out(connection: sqlite3.Connection, transcript_id: str, texts: Mapping[str, bytes]) -> None:
    query = "DELETE FROM transcripts WHERE transcript_id = ? RETURNING number, mark"
    for number, mark in connection.execute(query, (transcript_id,)).fetchall():
        text = _searched(texts[mark]) if mark in texts else _its_words(connection, number)
        connection.execute(_TAKE_OUT, (number, text))


def _its_words(connection: sqlite3.Connection, number: int) -> str:
    """The words that are in the index for this number, each as often as it was said; the index is read whole."""
    connection.execute(_ITS_WORDS)
    words = connection.execute("SELECT term FROM temp.its_words WHERE doc = ?", (number,)).fetchall()
    connection.execute("DROP TABLE temp.its_words")
    return " ".join(word for (word,) in words)


def _searched(answer: bytes) -> str:
    """The text of an answer for the index; empty where it is none, or is very large."""
    try:
        return finding.searched(formats.parse(answer)) if len(answer) <= _LARGEST_BYTES else ""
    except (ValueError, RecursionError):
        return ""


_WHO_MAY_READ = "ask as the user that the daemon runs as; a damaged index is made again by the daemon"


def ranked(directory: str, query: str, most: int) -> list[str]:
    """The transcript_ids that have all terms of a query, the best first. Raises TranscribedError."""
    expression = " AND ".join(term.expression for term in finding.terms(query))
    if not expression:
        raise errors.TranscribedError(
            "there is no word to search for", hint="give a word, or the beginning of one with *"
        )
    path = os.path.join(directory, NAME)
    try:
        os.lstat(path)
    except FileNotFoundError:
        hint = "the daemon makes it while it runs"
        raise errors.TranscribedError("there is no index for searches yet", hint=hint) from None
    except OSError as error:
        why = f"the index for searches cannot be read: {error.strerror}"
        raise errors.TranscribedError(why, hint=_WHO_MAY_READ) from error
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute(_RANKED, (expression, most))]
    except sqlite3.DatabaseError as error:
        why = f"the index for searches cannot be read: {error}"
        raise errors.TranscribedError(why, hint=_WHO_MAY_READ) from error
