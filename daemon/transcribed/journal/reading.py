"""The journal opened for reading, and its delivered jobs, by the standard library alone.

SQLAlchemy takes longer to load than a search takes. `Journal.read` opens the journal by this module too, so both refuse
the same with the same words.
"""

import grp
import os
import pwd
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from transcribed.errors import STATE, Blocked, ConfigError, Exit, TranscribedError, from_os_error
from transcribed.job.model import Job, State
from transcribed.journal import sqlite
from transcribed.journal.rows import Unreadable, as_used, job_of, readable
from transcribed.journal.sqlite import NAME

VERSION = 12
_SOME = 50  # transcripts asked about in one query: most searches show ten


def opened(directory: str) -> sqlite3.Connection:
    """Open the journal of `directory` for reading.

    Raises ConfigError where it is missing or of another version, Blocked where it cannot be read.
    """
    _find(directory)
    try:
        connection = sqlite.connect(directory, mode="ro", still=_is_still(directory))
        try:
            _require_version(int(connection.execute("PRAGMA user_version").fetchone()[0]), directory)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as error:
        raise unusable(error, directory) from error
    return connection


def delivered(connection: sqlite3.Connection, transcript_ids: Sequence[str]) -> Iterator[Job]:
    """The jobs that delivered these transcripts, in their order. Raises Blocked where the journal cannot be read."""
    connection.row_factory = sqlite3.Row
    for start in range(0, len(transcript_ids), _SOME):
        some = transcript_ids[start : start + _SOME]
        query = f"SELECT * FROM jobs WHERE transcript_id IN ({', '.join('?' * len(some))})"  # noqa: S608 - no value
        with _understood(), readable():
            jobs = [job_of(as_used(dict(row))) for row in connection.execute(query, some)]
        found = [job for job in jobs if job.state is State.DELIVERED and not job.skipped]
        yield from sorted(found, key=lambda job: (some.index(job.transcript_id or ""), job.id))


def has_inbox(connection: sqlite3.Connection, name: str) -> bool:
    """True if a job of an inbox of this name is known. Raises Blocked where the journal cannot be read."""
    with _understood():
        return connection.execute("SELECT 1 FROM jobs WHERE inbox = ? LIMIT 1", (name,)).fetchone() is not None


@contextmanager
def _understood() -> Iterator[None]:
    """Turn what is wrong with the journal into Blocked(state), as `Transactions` does."""
    try:
        yield
    except Unreadable as error:
        raise sqlite.damaged(str(error)) from error
    except sqlite3.DatabaseError as error:
        if sqlite.is_damage(error):
            raise sqlite.damaged(str(error)) from error
        raise sqlite.unanswered("read", error) from error


def _is_still(directory: str) -> bool:
    """True if nobody writes the journal, and we may not make the files beside it that SQLite reads a WAL by."""
    beside = os.path.lexists(os.path.join(directory, NAME + "-wal"))
    return not beside and not os.access(directory, os.W_OK)


def _find(directory: str) -> None:
    """Make sure that `directory` has a journal. Raises ConfigError if it has none, Blocked if that is not known."""
    path = os.path.join(directory, NAME)
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise _none_yet(directory) from None
    except PermissionError as error:
        raise _closed(directory) from error
    except OSError as error:
        raise from_os_error(error, lane=STATE, doing=f"reading the journal in {directory}") from error
    if not os.access(path, os.R_OK, effective_ids=True):  # to open and close it would end SQLite's own locks
        raise _closed(directory)


def _closed(directory: str) -> Blocked:
    what = f"the journal in {directory} may not be read"
    return Blocked(what, lane=STATE, hint=_who_may_read(directory), exit_status=Exit.PERMISSION)


def _who_may_read(directory: str) -> str:
    """The next step for somebody who may not look into the state directory."""
    try:
        status = os.stat(directory)
    except OSError:
        return "ask as root, or as the user that the daemon runs as"
    by_mode = f"StateDirectoryMode=0750 lets the members of {_group(status.st_gid)} read it (chmod 0750 {directory})"
    but = "not where webhook_auth_header_value is configured, for the journal has it"
    return f"ask as root, or as the user {_user(status.st_uid)}; {by_mode}, {but}"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _none_yet(directory: str) -> ConfigError:
    why = f"there is no journal in {directory} yet: the daemon has not run with this configuration"
    return ConfigError([why], hint="start the daemon; if it runs already, ask as its user and with its --config")


def known(version: int, directory: str) -> int:
    """The version of the journal; 0 if it has no tables yet. Raises ConfigError for a newer one."""
    if version > VERSION:
        what = f"the journal in {directory} is of version {version}, written by a newer transcribed"
        raise ConfigError([f"{what}; this one knows version {VERSION}: install the newer again, nothing was changed"])
    return version


def _require_version(version: int, directory: str) -> None:
    """Refuse a journal of another version. Raises ConfigError."""
    if known(version, directory) == 0:  # a daemon was killed between making the file and its tables
        raise _none_yet(directory)
    if version < VERSION:
        why = f"the journal in {directory} is of an older version: start the daemon once, which brings it up to date"
        raise ConfigError([why])


def unusable(error: BaseException, directory: str) -> TranscribedError:
    """A disk that is full or fails is waited for; a damaged journal is repaired by the daemon's next start."""
    if sqlite.is_waited_for(error):
        return Blocked(f"the journal in {directory} cannot be opened: {error}", lane=STATE, hint=sqlite.hint_for(error))
    what = f"the journal in {directory} is damaged: {error}"
    return ConfigError(
        [f"{what}: put a backup in its place, or let the daemon's next start set it aside and rebuild it"]
    )
