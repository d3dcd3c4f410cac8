"""Every job and everything that happened to it, durably, in SQLite.

Two main tables: `jobs`, what is, and `events`, what happened; a third, `inboxes`, remembers when an inbox was first
seen and whether its backlog was accepted. A job and its event are written in one transaction, fenced by the state that
the writer believed in. WAL with synchronous=FULL: NORMAL loses acknowledged commits at a power cut, FULL does not
(reliability.md, 2.2). One process writes, by a lock on the state directory, through one connection; others only read.

What this module does not know: the rules by which a job changes, the folders, and the API.
"""

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from transcribed.errors import Blocked, ConfigError, TranscribedError, Transient, from_os_error
from transcribed.job import ENDED, Fingerprint, Job, State, Step
from transcribed.job.events import Event

VERSION = 1
LANE = "state"
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})  # what may end by itself


class _Whole(sa.TypeDecorator[int]):
    """A whole number of any size, as text: SQLite's end at 2**63 - 1, which as a file's time is the year 2262."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: sa.Dialect) -> str | None:
        """As it is stored."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> int | None:
        """As it is used."""
        return None if value is None else int(value)


metadata = sa.MetaData()
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("inbox", sa.String, nullable=False),
    sa.Column("path", sa.LargeBinary, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mtime_ns", _Whole, nullable=False),
    sa.Column("ctime_ns", _Whole),
    sa.Column("inode", _Whole),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("changed_at", sa.Float, nullable=False),
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("deaths", sa.Integer, nullable=False),
    sa.Column("in_flight", sa.String),
    sa.Column("waited_seconds", sa.Float, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("hint", sa.String, nullable=False),
    sa.Column("duration_seconds", sa.Float),
    sa.Column("content_hash", sa.String),
    sa.Column("parameters", sa.String),
    sa.Column("upload_url", sa.String),
    sa.Column("uploaded_at", sa.Float),
    sa.Column("base_url", sa.String),
    sa.Column("key_fingerprint", sa.String),
    sa.Column("submit_sent_at", sa.Float),
    sa.Column("lookups", sa.Integer, nullable=False),
    sa.Column("rounds", sa.Integer, nullable=False),
    sa.Column("pay_again", sa.Boolean, nullable=False),
    sa.Column("transcript_id", sa.String),
    sa.Column("reused_from", sa.Integer),
    sa.Column("stem", sa.LargeBinary),
    sa.Column("number", sa.Integer),
    sa.Column("formats", sa.JSON, nullable=False),
    sa.Column("place", sa.LargeBinary),
    sa.Column("retired_at", sa.Float),
)
sa.Index("jobs_by_path", jobs.c.inbox, jobs.c.path)
sa.Index("jobs_by_content", jobs.c.content_hash)
sa.Index("jobs_by_size", jobs.c.size)
sa.Index("jobs_by_transcript", jobs.c.transcript_id)
sa.Index("jobs_by_stem", jobs.c.stem)
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Integer, sa.ForeignKey("jobs.id"), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("data", sa.String, nullable=False),
)
inboxes = sa.Table(
    "inboxes",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("first_seen_at", sa.Float, nullable=False),
    sa.Column("accepted_at", sa.Float),
)

_FINGERPRINT = tuple(f.name for f in fields(Fingerprint))
_PLAIN = tuple(f.name for f in fields(Job) if f.name not in ("fingerprint", "state", "in_flight", "formats"))


class Journal:
    """The durable store of jobs and events. Its writing methods are for the one loop thread of the one daemon."""

    def __init__(self, engine: sa.Engine, release: Callable[[], None]) -> None:
        self._engine = engine
        self._release = release

    @classmethod
    def open(cls, directory: str) -> "Journal":
        """The journal in `directory`, for writing; made where it is not there.

        Raises Transient where another daemon holds the directory, Blocked(state) where the disk is full or fails,
        ConfigError where the journal is of a newer version or none, or the directory cannot be used.
        """
        release = _lock(directory)
        engine = _engine(directory, mode="rwc")
        try:
            _prepare(engine, directory)
        except BaseException:
            engine.dispose()
            release()
            raise
        return cls(engine, release)

    @classmethod
    def read(cls, directory: str) -> "Journal":
        """The journal in `directory` for reading alone, beside a daemon at work or without one.

        Raises ConfigError where there is none, or it is of a newer version; Blocked where it may not be read.
        """
        _find(directory)
        engine = _engine(directory, mode="ro")
        try:
            version = _version(engine, directory)
        except BaseException:
            engine.dispose()
            raise
        if version == 0:  # a daemon was killed between making the file and its tables
            engine.dispose()
            raise _none_yet(directory)
        return cls(engine, lambda: None)

    def close(self) -> None:
        """Let go of the file and of the lock."""
        self._engine.dispose()
        self._release()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """One transaction. Raises Blocked(state) where the disk does not take it; then nothing was written."""
        try:
            with self._engine.begin() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        except sa.exc.OperationalError as error:
            raise Blocked(f"the journal cannot be written: {error.orig}", lane=LANE, hint=_mend(error)) from error

    def add(self, job: Job, event: Event) -> Job:
        """A new job with the event that made it; its `id` is given here."""
        with self._writing() as connection:
            values = _row(job)
            del values["id"]
            result = connection.execute(jobs.insert().values(values))
            (number,) = result.inserted_primary_key or (0,)
            connection.execute(events.insert().values(_event_row(number, job.received_at, event, job.state)))
        return _job({**values, "id": number})

    def save(self, before: Job, *changes: tuple[Job, Event | None], now: float) -> None:
        """Write what `changes` say, all or nothing: each a job as it is now, and what happened to it.

        `before` fences its own: it must still be in that state, else AssertionError.
        """
        with self._writing() as connection:
            for job, event in changes:
                fence = (jobs.c.id == job.id) & (jobs.c.state == before.state if job.id == before.id else sa.true())
                result = connection.execute(jobs.update().where(fence).values(_row(job)))
                assert result.rowcount == 1, f"job {job.id} is not {before.state} in the journal"
                if event is not None:
                    connection.execute(events.insert().values(_event_row(job.id, now, event, job.state)))

    def job(self, number: int) -> Job | None:
        """The job with this number."""
        return next(self._jobs(jobs.c.id == number), None)

    def all(self, state: State | None = None) -> list[Job]:
        """Every job, or those in one state, oldest first."""
        return list(self._jobs(sa.true() if state is None else jobs.c.state == state))

    def open_jobs(self) -> list[Job]:
        """The jobs that have a step left."""
        unfinished = jobs.c.state.not_in([*ENDED])
        unretired = jobs.c.state.in_([State.DELIVERED, State.FAILED]) & jobs.c.retired_at.is_(None)
        return list(self._jobs(unfinished | unretired))

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state that has any."""
        query = sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def at(self, inbox: str, path: bytes) -> list[Job]:
        """The jobs whose recording lay at this path, newest first."""
        return list(self._jobs((jobs.c.inbox == inbox) & (jobs.c.path == path)))[::-1]

    def lying_in(self, inbox: str) -> list[Job]:
        """The newest job of each path of which the recording, as far as we know, still lies in the inbox."""
        newest = {job.path: job for job in self._jobs(jobs.c.inbox == inbox) if not job.withdrawn}
        return [job for job in newest.values() if job.place is None]

    def with_content(self, content_hash: str) -> list[Job]:
        """The jobs whose bytes have this hash, oldest first."""
        return list(self._jobs(jobs.c.content_hash == content_hash))

    def with_size(self, size: int) -> list[Job]:
        """The jobs whose recording has this size, oldest first."""
        return list(self._jobs(jobs.c.size == size))

    def with_transcripts(self, transcript_ids: list[str]) -> list[Job]:
        """The jobs that have one of these transcript_ids (a few hundred at most)."""
        return list(self._jobs(jobs.c.transcript_id.in_(transcript_ids)))

    def numbers_taken(self, stem: bytes, but: int) -> set[int]:
        """The numbers that jobs other than `but` have committed for the names of `stem`, retired or not."""
        query = sa.select(jobs.c.number).where((jobs.c.stem == stem) & (jobs.c.id != but) & jobs.c.number.is_not(None))
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def story(self, number: int) -> list[dict[str, Any]]:
        """What happened to a job, in order: `at`, `event`, `state` and the event's data."""
        query = sa.select(events).where(events.c.job == number).order_by(events.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [{"at": r["at"], "event": r["event"], "state": r["state"], **json.loads(r["data"])} for r in rows]

    def is_accepted(self, inbox: str) -> bool:
        """Whether what lies in this inbox may be paid for without asking."""
        query = sa.select(inboxes.c.accepted_at).where(inboxes.c.name == inbox)
        with self._engine.connect() as connection:
            return connection.execute(query).scalar() is not None

    def saw_inbox(self, inbox: str, now: float, *, accepted: bool) -> None:
        """Remember that this inbox was seen and, where `accepted`, that its backlog may be paid for."""
        with self._writing() as connection:
            known = connection.execute(sa.select(inboxes).where(inboxes.c.name == inbox)).first()
            if known is None:
                connection.execute(inboxes.insert().values(name=inbox, first_seen_at=now))
            if accepted:
                connection.execute(inboxes.update().where(inboxes.c.name == inbox).values(accepted_at=now))

    def touch(self) -> None:
        """A small durable write. Raises Blocked(state) where the disk does not take it."""
        with self._writing() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {os.getpid() & 0x7FFFFFFF}")

    def _jobs(self, condition: sa.ColumnElement[bool]) -> Iterator[Job]:
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(jobs).where(condition).order_by(jobs.c.id)).mappings().all()
        return (_job(dict(row)) for row in rows)


def _row(job: Job) -> dict[str, Any]:
    row = {name: _storable(getattr(job, name)) for name in _PLAIN}
    row |= {name: getattr(job.fingerprint, name) for name in _FINGERPRINT}
    in_flight = None if job.in_flight is None else str(job.in_flight)
    return {**row, "state": str(job.state), "in_flight": in_flight, "formats": list(job.formats)}


def _storable(value: object) -> object:
    """Half a character, as a text that the API has cut may end in, is none that SQLite takes: it is kept escaped."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _job(row: dict[str, Any]) -> Job:
    fingerprint = Fingerprint(**{name: row[name] for name in _FINGERPRINT})
    facts = {name: row[name] for name in _PLAIN}
    facts["in_flight"] = None if row["in_flight"] is None else Step(row["in_flight"])
    return Job(fingerprint=fingerprint, state=State(row["state"]), formats=tuple(row["formats"]), **facts)


def _event_row(job: int, at: float, event: Event, state: State) -> dict[str, Any]:
    data = json.dumps(event.data(), default=_text)
    return {"job": job, "at": at, "event": event.name(), "state": str(state), "data": data}


def _text(value: object) -> str:
    """Bytes are paths: as text they keep every byte, and JSON keeps the text."""
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)


def _lock(directory: str) -> Callable[[], None]:
    """Hold `directory` for this process alone; the kernel lets go of it when the process dies."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        descriptor = os.open(
            os.path.join(directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
    except OSError as error:
        if error.errno in _PASSING:
            raise from_os_error(error, lane=LANE, doing=f"opening {directory}") from error
        raise ConfigError([f"state.directory: {directory} cannot be used: {error.strerror}"]) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise ConfigError([f"state.directory: {directory} cannot be locked: {error.strerror}"]) from error
        raise Transient(
            f"another transcribed works with {directory}",
            hint="stop it first, or give this one a state directory of its own",
        ) from error
    return lambda: os.close(descriptor)


def _find(directory: str) -> None:
    """Raises ConfigError where no journal is in `directory`, Blocked where that cannot be known."""
    try:
        os.stat(os.path.join(directory, "journal.db"))
    except (FileNotFoundError, NotADirectoryError):
        raise _none_yet(directory) from None
    except PermissionError as error:
        hint = "ask as root, or as the user that the daemon runs as"
        raise Blocked(f"the journal in {directory} may not be read", lane=LANE, hint=hint, exit_status=77) from error
    except OSError as error:
        raise from_os_error(error, lane=LANE, doing=f"reading the journal in {directory}") from error


def _none_yet(directory: str) -> ConfigError:
    return ConfigError([f"there is no journal in {directory} yet: the daemon has not run with this configuration"])


def _engine(directory: str, *, mode: str) -> sa.Engine:
    """One connection for the whole process: SQLite's locks are per process, and one writer needs no second."""
    path = os.path.abspath(os.path.join(directory, "journal.db"))
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")

    def connect() -> sqlite3.Connection:
        uri = f"file://{quoted}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=10.0, isolation_level=None, check_same_thread=False)

    return sa.create_engine("sqlite://", creator=connect, poolclass=StaticPool)


def _prepare(engine: sa.Engine, directory: str) -> None:
    """The tables, where they are not there; nothing is done to a journal that a newer version wrote."""
    version = _version(engine, directory)
    with _understood(directory), engine.connect() as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.exec_driver_sql(f"PRAGMA {pragma}")
    if version == 0:
        with _understood(directory), engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")


def _version(engine: sa.Engine, directory: str) -> int:
    """The version that wrote the journal; 0 where nothing did yet. Raises ConfigError for a newer one."""
    with _understood(directory), engine.connect() as connection:
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if version > VERSION:
        what = f"the journal in {directory} is of version {version}, written by a newer transcribed"
        raise ConfigError([f"{what}; this one knows version {VERSION}: install the newer again, nothing was changed"])
    return version


@contextmanager
def _understood(directory: str) -> Iterator[None]:
    """What SQLite says of a journal that cannot be opened, as an error of ours."""
    try:
        yield
    except sa.exc.DatabaseError as error:
        raise _unusable(error, directory) from error


def _unusable(error: sa.exc.DatabaseError, directory: str) -> TranscribedError:
    """A disk that is full or fails is waited for; a file that is no journal waits for a person."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the primary code; the rest says where it was met
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN):
        return Blocked(f"the journal in {directory} cannot be opened: {error.orig}", lane=LANE, hint=_mend(error))
    mend = "put a backup in its place; with a new one, what lies in the inboxes would be paid for again"
    return ConfigError([f"the journal in {directory} cannot be read: {error.orig}: {mend}"])


def _mend(error: sa.exc.DatabaseError) -> str:
    return "free some space" if "full" in str(error.orig) else "look at the disk that holds state.directory"
