"""Damage of the journal. A small one is read wholly before it is used; a large one once a day, beside the work.

What is found while the daemon works is marked beside the journal (`suspect`): nothing more is written into it, and the
daemon ends, to be started again. That start reads it wholly first, sets it aside and rebuilds it.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
import structlog

from transcribed import files
from transcribed.journal.engine import connected
from transcribed.journal.rows import Unreadable, job_of, readable
from transcribed.journal.sqlite import HINT, NAME, is_waited_for
from transcribed.journal.tables import UNFINISHED, jobs, query_of, tables_of

log = structlog.get_logger()

SMALL_BYTES = 32 << 20  # read wholly in a second
CHECKED_SECONDS = 86400.0
_PAGE = 500  # jobs read at once
_REST = 2.0  # beside the work: for each second of reading so many without
_LAST_WORD_SECONDS = 1.0
_SUSPECT, _CHECKED = f"{NAME}.suspect", f"{NAME}.checked"


def is_small(directory: str) -> bool:
    """True if all of the journal can be read in no time. Raises OSError."""
    paths = (os.path.join(directory, NAME + end) for end in ("", "-wal"))
    return sum(os.stat(path).st_size for path in paths if os.path.exists(path)) <= SMALL_BYTES


def is_suspect(directory: str) -> bool:
    """True if damage was found in this journal while the daemon worked."""
    return os.path.lexists(os.path.join(directory, _SUSPECT))


def suspect(directory: str, damage: str) -> None:
    """Let the next start read this journal wholly before it uses it."""
    log.error("journal.damaged", reason=damage, hint=HINT)
    with contextlib.suppress(OSError):  # a disk that takes nothing: then it is found again
        files.replace(os.fsencode(os.path.join(directory, _SUSPECT)), damage.encode() + b"\n")


def trust(directory: str) -> None:
    """This journal was read wholly, or is a new one. Raises OSError."""
    files.forget(os.fsencode(os.path.join(directory, _SUSPECT)))


def evident(engine: sa.Engine) -> str:
    """The damage that shows at once, in SQLite's words: of the tables, or of a job that has a step left."""
    return _said(engine, lambda connection: _of_tables(connection) or _of_unfinished(connection))


def whole(engine: sa.Engine, pause: Callable[[], object] = lambda: None) -> str:
    """The damage of a journal, in SQLite's words; empty if it is whole and each of its jobs can be read.

    `pause` is called often. SQLite has no checksums: a flipped bit inside a value is noticed only if the row no longer
    parses as a job.
    """
    return _said(engine, lambda connection: _of_file(connection) or _of_tables(connection)) or _of_jobs(engine, pause)


def _said(engine: sa.Engine, look: Callable[[sa.Connection], str]) -> str:
    """The damage that `look` finds, or meets. Raises what may end by itself."""
    try:
        with engine.connect() as connection:
            return look(connection)
    except sa.exc.DatabaseError as error:
        if is_waited_for(error.orig):
            raise
        return str(error.orig)
    except (Unreadable, UnicodeDecodeError) as error:  # SQLite's own words may quote what lies there
        return str(error)


def _of_file(connection: sa.Connection) -> str:
    said = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one())
    return "" if said == "ok" else said.replace("\n", "; ")


def _of_tables(connection: sa.Connection) -> str:
    version = _version(connection)
    if version < 1:
        return f"it says that it is of version {version}"
    with readable():
        for table in tables_of(version):
            connection.execute(sa.select(table).limit(1)).all()
    return ""


def _version(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _of_unfinished(connection: sa.Connection) -> str:
    with readable():
        for row in connection.execute(query_of(_version(connection)).where(UNFINISHED)).mappings():
            job_of(dict(row))
    return ""


def _of_jobs(engine: sa.Engine, pause: Callable[[], object]) -> str:
    """Each job, some at a time: what is read beside the work must not hold up what the work commits."""
    last: int | None = -1

    def page(connection: sa.Connection) -> str:
        nonlocal last
        query = query_of(_version(connection)).where(jobs.c.id > last).order_by(jobs.c.id).limit(_PAGE)
        with readable():
            found = [job_of(dict(row)).id for row in connection.execute(query).mappings()]
        last = found[-1] if found else None
        return ""

    while last is not None:
        if said := _said(engine, page):
            return said
        pause()
    return ""


class Beside:
    """A look at all of a large journal, on a thread and a connection of its own, which ends with the daemon.

    `found` hears of damage, on that thread.
    """

    def __init__(self, directory: str, found: Callable[[str], None]) -> None:
        self._checked = os.path.join(directory, _CHECKED)
        self._found = found
        self._engine = connected(directory, mode="ro")
        with self._engine.connect() as connection:
            self._connection = connection.connection.driver_connection
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._look, name="journal-check", daemon=True)
        self._thread.start()

    @staticmethod
    def is_due(directory: str) -> bool:
        """True if this journal is large, and was not read wholly for a day."""
        try:
            age = time.time() - os.stat(os.path.join(directory, _CHECKED)).st_mtime
        except OSError:
            age = CHECKED_SECONDS
        try:
            return not is_small(directory) and not 0 <= age < CHECKED_SECONDS
        except OSError:  # a folder that does not answer blocks the lane soon
            return False

    @property
    def is_at_work(self) -> bool:
        """True until it has ended."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Let it end soon."""
        self._stop.set()
        assert isinstance(self._connection, sqlite3.Connection)
        with contextlib.suppress(sqlite3.ProgrammingError):  # it has ended, and closed it
            self._connection.interrupt()
        self._thread.join(_LAST_WORD_SECONDS)

    def _look(self) -> None:
        with contextlib.suppress(OSError):  # the shipped unit refuses it; on Linux it is of this thread alone
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        try:
            damage = whole(self._engine, self._pause)
            if damage:
                self._found(damage)
            else:
                files.replace(os.fsencode(self._checked), b"read wholly, and found to be whole\n")
        except (_Stopped, sa.exc.DatabaseError, OSError) as error:
            if not self._stop.is_set():
                log.warning("journal.unchecked", reason=str(error), hint="the next start tries it again")
        finally:
            self._engine.dispose()

    def _pause(self) -> None:
        """Rest between two pages: Python's lock is wanted by the work."""
        if self._stop.wait(_REST * (time.monotonic() - self._began)):
            raise _Stopped
        self._began = time.monotonic()


class _Stopped(Exception):
    """The daemon ends before all is read."""
