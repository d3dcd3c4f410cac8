"""The journal's file: locked, opened, made, verified, brought up to date, set aside when it is damaged.

Rules: a disk that is full or fails is waited for, because the journal on it may be whole. A journal that can be read
but is not whole, or that is gone although one was begun here, is never written to and never deleted: it is set aside
under a dated name, and the new one says so (the fact `loss`) until a person accepts it. WAL with synchronous=FULL: with
NORMAL a power cut loses acknowledged commits, with FULL it does not (reliability.md, 2.2). One connection for the whole
process.
"""

import contextlib
import errno
import fcntl
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import sqlalchemy as sa

from transcribed import files
from transcribed.errors import STATE, Blocked, ConfigError, Exit, Transient, from_os_error
from transcribed.journal import damage, ledger, reading, starts
from transcribed.journal.copies import LOSS, back_up, fsync, require_room
from transcribed.journal.engine import connected, engine_of
from transcribed.journal.reading import VERSION
from transcribed.journal.sqlite import NAME, is_waited_for
from transcribed.journal.tables import facts, metadata
from transcribed.places import LOCK

_KEPT = (starts.FILE_NAME, ledger.NAME)  # these are made after a journal
_BESIDE = ("", "-wal", "-shm")  # set aside in this order: a journal without its WAL would seem whole and be old
_GROUP_READS = 0o050
_BEGUN = b"a journal was begun here: where journal.db is missing, it was lost\n"
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})  # these may end by themselves


class Migrated(NamedTuple):
    """A journal was brought up to date: from which version to which, and the name of its backup beside it."""

    was: int
    now: int
    backup: str


class Lock:
    """The lock on the state directory, for this process only. The kernel releases it when the process dies.

    The lock's file also remembers that a journal was begun here.
    """

    def __init__(self, directory: str) -> None:
        """Raises Transient if another process holds it, Blocked(state) or ConfigError if it cannot be locked."""
        self._directory = directory
        self._descriptor = _opened_lock(directory)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise ConfigError([f"state.directory: {directory} cannot be locked: {error.strerror}"]) from error
            raise Transient(
                f"another transcribed works with {directory}",
                hint="stop it first: one state directory, and one inbox, has one daemon",
            ) from error
        files.touch(self._descriptor)  # `transcribed health` takes it for the time of the start

    def require_place(self) -> None:
        """Make sure that the state directory still is the one that is locked. Raises Blocked(state).

        One that was moved, or whose disk was unmounted, is never made again: the next start would know of nothing.
        """
        held = os.fstat(self._descriptor)
        try:
            there = os.stat(os.path.join(self._directory, LOCK))
        except OSError as error:
            why = f"cannot be reached any more ({error.strerror})"
        else:
            if os.path.samestat(held, there):
                return
            why = "is another folder than at the start"
        raise Blocked(
            f"the state directory {self._directory} {why}",
            lane=STATE,
            hint="put it back where it was, or mount its disk; to move it, stop the daemon first",
            exit_status=Exit.AGAIN,
        )

    def close(self) -> None:
        """Release it."""
        os.close(self._descriptor)

    @property
    def is_marked(self) -> bool:
        """True if the lock's file remembers that a journal was begun here."""
        return os.fstat(self._descriptor).st_size > 0

    @property
    def begun(self) -> bool:
        """True if a journal was begun in this directory, by the lock or by what is kept beside it.

        A copy may lack the lock, or what is in it; then the rest still tells.
        """
        return (
            self.is_marked
            or any(os.path.lexists(os.path.join(self._directory, each)) for each in _KEPT)
            or self._has_kept()
        )

    def _has_kept(self) -> bool:
        """True if transcripts were kept here. Raises OSError."""
        try:
            return any(name.endswith(".meta.json") for name in os.listdir(os.path.join(self._directory, "transcripts")))
        except FileNotFoundError:
            return False

    def begin(self) -> None:
        """Remember that there is a journal, which is durable already. Raises OSError."""
        os.pwrite(self._descriptor, _BEGUN, 0)
        os.fsync(self._descriptor)


def _opened_lock(directory: str) -> int:
    path = os.path.join(directory, LOCK)
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        _make_private(directory)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno in _PASSING:
            raise from_os_error(error, lane=STATE, doing=f"opening {directory}") from error
        raise ConfigError([f"state.directory: {directory} cannot be used: {error.strerror}"]) from error


def _make_private(directory: str) -> None:
    """Close the state directory to others: whatever the umask, nothing in it can be reached. It may be another's.

    0750 is no umask's usual work: somebody lets the group read the journal. What else is secret there has modes of its
    own.
    """
    with contextlib.suppress(PermissionError):
        mode = stat.S_IMODE(os.stat(directory).st_mode)
        if mode & 0o077 not in (0, _GROUP_READS):
            os.chmod(directory, mode & ~0o077)


def _make_journal_private(directory: str, *, is_secret: bool) -> None:
    """Let those read the journal who may read its folder, whatever the umask, but only its user if it `is_secret`.

    The files that come beside it take its mode; one that a crash left has its own.
    """
    with contextlib.suppress(PermissionError):
        is_the_groups = os.stat(directory).st_mode & 0o077 == _GROUP_READS and not is_secret
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.chmod(os.path.join(directory, NAME + end), 0o640 if is_the_groups else 0o600)


def opened(
    directory: str, lock: Lock, on_slow: Callable[[], None], *, is_secret: bool
) -> tuple[sa.Engine, Migrated | None]:
    """The journal of a locked directory, whole and of this version, for writing; a new one if it is gone or damaged.

    `is_secret`: what is in it is for nobody but its user. `on_slow` is called often while an older one is brought up to
    date. Raises Blocked(state) if the disk is full or fails, ConfigError if a newer version wrote it.
    """
    try:
        loss = _loss(directory, lock, on_slow)
        if loss:
            loss += _set_aside(directory)
        engine, migrated = _made(directory, loss, on_slow, is_secret=is_secret)
        damage.trust(directory)
        if not lock.is_marked:
            fsync(directory)
            lock.begin()
    except OSError as error:
        raise from_os_error(error, lane=STATE, doing=f"opening the journal in {directory}") from error
    return engine, migrated


def for_reading(directory: str) -> sa.Engine:
    """The journal of `directory`, only for reading. Raises ConfigError if there is none; Blocked."""
    connection = reading.opened(directory)
    engine = engine_of(lambda: connection)
    engine.connect().close()  # from here on the engine closes it
    return engine


def _loss(directory: str, lock: Lock, on_slow: Callable[[], None]) -> str:
    """The reason why the journal of `directory` cannot be used; empty if it can be used, or none was begun."""
    try:
        empty = os.stat(os.path.join(directory, NAME)).st_size == 0
    except FileNotFoundError:
        return "the journal was missing" if lock.begun else ""
    if empty:
        return "the journal was empty" if lock.begun else ""
    engine = connected(directory, mode="rw")
    try:
        with _understood(directory):
            try:
                if version_of(engine, directory) == 0 and not lock.begun:
                    return ""
            except sa.exc.DatabaseError as error:
                if is_waited_for(error.orig):
                    raise
                return f"the journal was damaged ({error.orig})"
            closely = damage.is_small(directory) or damage.is_suspect(directory)
            wrong = damage.whole(engine, on_slow) if closely else damage.evident(engine)
    finally:
        engine.dispose()
    return f"the journal was damaged ({wrong})" if wrong else ""


def _set_aside(directory: str) -> str:
    """Give the rest of the journal a dated name that is free; return the words that say which."""
    path = os.path.join(directory, NAME)
    dated = f"{path}.damaged-{time.strftime('%Y-%m-%dT%H-%M-%S')}"
    aside, number = dated, 1
    while any(os.path.lexists(aside + end) for end in _BESIDE):
        number += 1
        aside = f"{dated}-{number}"
    there = [end for end in _BESIDE if os.path.lexists(path + end)]
    for end in there:
        os.rename(path + end, aside + end)
        fsync(directory)
    return f" and set aside as {os.path.basename(aside)}" if "" in there else ""


def _made(
    directory: str, loss: str, on_slow: Callable[[], None], *, is_secret: bool
) -> tuple[sa.Engine, Migrated | None]:
    """The journal, opened for writing, with the tables of this version."""
    engine = connected(directory, mode="rwc")
    migrated = None
    try:
        with _understood(directory):
            version = version_of(engine, directory)
            _make_journal_private(directory, is_secret=is_secret)  # before there is any beside it
            with engine.connect() as connection:
                for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
                    connection.exec_driver_sql(f"PRAGMA {pragma}")
            if version == 0:
                _create(engine, loss)
            elif version < VERSION:
                migrated = _migrate(engine, directory, version, on_slow)
    except BaseException:
        engine.dispose()
        raise
    return engine, migrated


def _create(engine: sa.Engine, loss: str) -> None:
    """All of a new journal, `loss` included, in one transaction."""
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        metadata.create_all(connection)
        if loss:
            connection.execute(facts.insert().values(name=LOSS, value=loss))
        connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")


def _migrate(engine: sa.Engine, directory: str, version: int, on_slow: Callable[[], None]) -> Migrated:
    """Bring an older journal up to date in one transaction, after a backup. Until the commit it is the old one."""
    from transcribed.journal import migrations  # noqa: PLC0415  needed once in a year, and costs a quarter of a second

    on_slow()
    require_room(directory)
    with engine.connect() as connection:
        journal = connection.connection.driver_connection
        assert isinstance(journal, sqlite3.Connection)
        backup = back_up(journal, directory, version, on_slow)
        on_slow()
        with connection.begin():
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            migrations.upgrade(connection, was=version, to=VERSION)
    return Migrated(version, VERSION, backup)


def version_of(engine: sa.Engine, directory: str) -> int:
    """The version of the journal; 0 if it has no tables yet. Raises ConfigError for a newer one."""
    with engine.connect() as connection:
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    return reading.known(version, directory)


@contextmanager
def _understood(directory: str) -> Iterator[None]:
    """Turn SQLite's errors about a journal that cannot be opened into ours."""
    try:
        yield
    except sa.exc.DatabaseError as error:
        raise reading.unusable(error.orig or error, directory) from error
    except sqlite3.DatabaseError as error:
        raise reading.unusable(error, directory) from error
