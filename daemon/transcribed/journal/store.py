"""Every job and everything that happened to it, durably, in SQLite.

A job and its event are written in one transaction, and only if the job is still in the state that the writer expects.
Each question that is asked often is one query by an index.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from transcribed.errors import Blocked
from transcribed.job import Fingerprint, Job, State
from transcribed.job.events import Event
from transcribed.journal import copies, costs, damage, file, forgetting, questions, statements
from transcribed.journal.changes import Change, Happening
from transcribed.journal.days import Days
from transcribed.journal.paid import Forgotten, Paid
from transcribed.journal.rows import event_row_of, job_of, readable, row_of
from transcribed.journal.search import Search
from transcribed.journal.starts import Count
from transcribed.journal.tables import PAID, erasures, facts, few, inboxes, jobs
from transcribed.journal.transactions import Transactions
from transcribed.journal.unfinished import UnfinishedJobs

PAGE = 500  # jobs that are read at once where all are
NEWEST = 1000  # jobs whose upload_url is always known to a look-up: more than AssemblyAI's list shows on five pages


class Journal:
    """The durable store of jobs and events. Only the loop's thread of the one daemon calls the methods that write."""

    def __init__(
        self,
        engine: sa.Engine,
        directory: str,
        lock: file.Lock | None = None,
        migrated: file.Migrated | None = None,
    ) -> None:
        self.migrated = migrated  #: set if it was of an older version when it was opened
        self.directory = directory
        self._engine = engine
        self._beside: damage.Beside | None = None
        self._tell_of_damage: Callable[[], object] = lambda: None
        self._paid = Paid()
        place = (lambda: None) if lock is None else lock.require_place
        self._transactions = Transactions(engine, place, self._paid.ending, self._ended, self._damaged)
        self.forgotten = Forgotten(self._transactions)
        self.search = Search(self._transactions)
        self.days = Days(self._transactions)
        self.costs = costs.Costs(self._transactions)
        self.questions = questions.Questions(self._transactions)
        self.unfinished = UnfinishedJobs(self._transactions)
        self.starts = Count(self._transactions, directory)
        self._lock = lock
        self._next_number: int | None = None
        self._states: Counter[str] | None = None  # the number of jobs in each, once it was asked for
        self._moved: Counter[str] = Counter()  # how the transaction that is open changes it

    @classmethod
    def open(cls, directory: str, on_slow: Callable[[], None] = lambda: None, *, is_secret: bool = False) -> "Journal":
        """The journal in `directory`, for writing; a new one if there is none, or if it is damaged (see `loss`).

        `is_secret`: only its user may read it, whatever its folder. `on_slow` is called often while an older one is
        brought up to date. Raises Transient if another daemon holds the directory, Blocked(state) if the disk is full
        or fails, ConfigError if the journal is of a newer version or the directory cannot be used.
        """
        lock = file.Lock(directory)
        try:
            engine, migrated = file.opened(directory, lock, on_slow, is_secret=is_secret)
            journal = cls(engine, directory, lock, migrated)
        except BaseException:
            lock.close()
            raise
        try:
            adopted = journal._paid.agree(directory, journal._transactions, on_slow)
            journal.write(
                [Change(now, old.state, (Happening(now, event, now.changed_at),)) for old, now, event in adopted]
            )
            journal.starts.begin()
        except BaseException:
            journal.close()
            raise
        journal.check_beside()
        return journal

    @classmethod
    def read(cls, directory: str) -> "Journal":
        """The journal in `directory`, only for reading, beside a daemon at work or without one.

        Raises ConfigError if there is none or it is of another version, Blocked if it may not be read.
        """
        return cls(file.for_reading(directory), directory)

    def close(self) -> None:
        """Close the file, and release the lock."""
        if self._beside is not None:
            self._beside.stop()
        self._transactions.close()
        self._engine.dispose()
        self._paid.close()
        if self._lock is not None:
            self._lock.close()

    def _ended(self, *, written: bool) -> None:
        """A transaction has ended: the counts in memory are those of the rows again."""
        if written and self._states is not None:
            self._states.update(self._moved)
        self._moved.clear()
        self._paid.ended()

    def next_number(self) -> int:
        """The number of the next new job: the writer gives it away, and writes the job soon."""
        if self._next_number is None:
            with self._transactions.reading() as connection:
                self._next_number = (connection.execute(sa.select(sa.func.max(jobs.c.id))).scalar() or 0) + 1
        self._next_number += 1
        return self._next_number - 1

    def write(self, changes: Sequence[Change]) -> None:
        """Write these changes, each of another job, all or nothing, in one transaction. Raises Blocked(state).

        Each job must still be in the state that its change says, else AssertionError. Where nothing is written, the
        numbers of the new jobs are given away again.
        """
        try:
            self._write(changes)
        except Blocked:
            self._next_number = None
            raise

    def _write(self, changes: Sequence[Change]) -> None:
        new = [change for change in changes if change.was is None]
        old = [change for change in changes if change.was is not None]
        told = [happening for change in changes for happening in change.happened]
        with self._transactions.writing() as connection:
            if new:
                statements.NEW_JOBS.write(connection, [row_of(change.job) for change in new])
            if old:
                rows = [{**row_of(job), "b_id": job.id, "b_was": str(was)} for job, was, _ in old]
                written = statements.UPDATE.write(connection, rows)
                assert written == len(old), f"{len(old) - written} of {len(old)} jobs are not as was believed"
            if told:
                rows = [event_row_of(each.job.id, each.at, each.event, each.job.state) for each in told]
                statements.NEW_EVENTS.write(connection, rows)
            self._paid.note(connection, told)
            self.days.note(connection, told)
            self._moved.update(change.job.state for change in changes)
            self._moved.subtract(change.was for change in changes if change.was is not None)

    def job(self, number: int) -> Job | None:
        """The job with this number."""
        return next(iter(self._found(statements.JOB, number=number)), None)

    def all(self, state: State | None = None) -> list[Job]:
        """Every job, or those in one state, oldest first."""
        return self._jobs(sa.true() if state is None else jobs.c.state == state)

    def each(self, state: State | None = None) -> Iterator[Job]:
        """The same, some at a time: as many as there are take no more memory than a few."""
        wanted, last = sa.true() if state is None else jobs.c.state == state, 0
        while page := self._jobs(wanted & (jobs.c.id > last), most=PAGE):
            yield from page
            last = page[-1].id

    def counts(self) -> dict[str, int]:
        """The number of jobs in each state that has any. The one process that writes counts them only once."""
        if self._states is None or self._lock is None:
            query = sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)
            with self._transactions.reading() as connection:
                self._states = Counter({row[0]: row[1] for row in connection.execute(query)})
        return dict(+self._states)

    def lying_in(self, *names: str) -> dict[bytes, tuple[int, Fingerprint]]:
        """The recordings that, as far as we know, lie in an inbox of these names: by path, its last job and file."""
        newer = jobs.alias()
        later = newer.c.inbox.in_(names) & (newer.c.path == jobs.c.path) & (newer.c.id > jobs.c.id)
        replaced = sa.exists().where(later, ~_withdrawn(newer))
        columns = (jobs.c.path, jobs.c.id, *(jobs.c[f.name] for f in fields(Fingerprint)))
        there = few("jobs_lying", sa.column("inbox").in_(names))
        query = sa.select(*columns).where(there, ~_withdrawn(jobs), ~replaced)
        with self._transactions.reading() as connection:
            rows = connection.execute(query).all()
        return {path: (number, Fingerprint(*fingerprint)) for path, number, *fingerprint in rows}

    def with_content(self, content_hash: str) -> list[Job]:
        """The jobs whose bytes have this hash, oldest first; those that are forgotten but for the payment come last."""
        return [*self._jobs(jobs.c.content_hash == content_hash), *self.forgotten.with_content(content_hash)]

    def payer(self, job: Job) -> Job | None:
        """The job that paid for the transcript of `job`, as far as it is known still."""
        if job.reused_from is None:
            return job
        return self.forgotten.payer(job.transcript_id)  # its job may have been paid for again since

    def forget(self, before: float, most: int) -> int:
        """Forget at most so many jobs that ended, and were put away, before then; return their number.

        What they paid, and the numbers of their names, stay. Raises Blocked(state).
        """
        with self._transactions.writing() as connection:
            states = forgetting.forget(connection, before, most)
            self._moved.subtract(states)
        return len(states)

    def twins(self, job: Job, parameters: str) -> list[Job]:
        """The jobs of the content of `job`, or of its audio, that can matter to it, oldest first: none if it is alone.

        They are the last of the same path, those that may be paid or are being delivered, and two that have a
        transcript for these parameters: with ten thousand copies of one recording, the others would say the same.
        """
        hashes = {"content_hash": job.content_hash, "audio_hash": job.audio_hash}
        with self._transactions.reading() as connection:
            if not statements.HAS_TWIN.asked(connection, **hashes, but=job.id).scalar():
                return []
        found = self._found(statements.TWINS, **hashes, parameters=parameters, inbox=job.inbox, path=job.path)
        return [*found, *self.forgotten.with_content(**hashes)]

    def has_another_of_size(self, size: int, *, but: int) -> bool:
        """True if the recording of any other job has this size."""
        with self._transactions.reading() as connection:
            return bool(statements.OF_SIZE.asked(connection, size=size, but=but).scalar())

    def failed_like(self, inbox: str, fingerprint: Fingerprint) -> list[Job]:
        """The failed jobs of an inbox whose recording has this size and time, oldest first."""
        if not (failed := self.counts().get(State.FAILED, 0)):
            return []
        query = statements.FAILED_LIKE_OF_FEW if failed <= statements.FEW_FAILED else statements.FAILED_LIKE
        return self._found(query, inbox=inbox, size=fingerprint.size, mtime_ns=fingerprint.mtime_ns)

    def to_erase(self, base_url: str, after: tuple[float, str], most: int) -> list[tuple[float, str]]:
        """The orders to delete a transcript at this address that are open: the time of each, and the transcript.

        They are of transcripts of any key, oldest first: at most so many, and `after` this one.
        """
        asked = {"wanted_at": after[0], "transcript_id": after[1], "most": most, "base_url": base_url}
        with self._transactions.reading() as connection:
            rows = connection.execute(statements.TO_ERASE, asked).all()
        return [(row.wanted_at, row.transcript_id) for row in rows]

    def key_to_erase(self, transcript_id: str, base_url: str) -> str | None:
        """The fingerprint of the key that paid for a transcript still to be deleted there (empty: nobody knows)."""
        with self._transactions.reading() as connection:
            row = connection.execute(statements.IS_TO_ERASE, {"transcript_id": transcript_id, "base_url": base_url})
            return next((found.key_fingerprint or "" for found in row), None)

    def upload_urls(self, since: float) -> dict[str, str]:
        """The upload_url that was sent for each transcript_id, of jobs that paid for it since then.

        The newest jobs are always among them: our clock may have been wrong when they were submitted.
        """
        paid = few("jobs_paid", sa.column("submit_sent_at") >= since)
        newest = jobs.c.id > sa.select(sa.func.max(jobs.c.id)).scalar_subquery() - NEWEST
        query = sa.select(jobs.c.transcript_id, jobs.c.upload_url)
        with self._transactions.reading() as connection:
            rows = [*connection.execute(query.where(paid)), *connection.execute(query.where(newest, PAID))]
        return {row.transcript_id: row.upload_url for row in rows}

    def erased(self, transcript_id: str, now: float) -> None:
        """Remember that this transcript is no longer at AssemblyAI. Raises Blocked(state)."""
        with self._transactions.writing() as connection:
            done = erasures.update().where(erasures.c.transcript_id == transcript_id)
            connection.execute(done.values(erased_at=now))
            self._paid.erased(connection, transcript_id, now)

    def erasure(self, transcript_id: str) -> tuple[float, float | None] | None:
        """The times of the order to delete this transcript at AssemblyAI and of its deletion; None without an order."""
        with self._transactions.reading() as connection:
            row = statements.ERASURE.asked(connection, transcript_id=transcript_id).first()
        return None if row is None else (row[0], row[1])

    def with_transcripts(self, transcript_ids: Sequence[str]) -> list[Job]:
        """The jobs that have one of these transcript_ids (a few hundred at most)."""
        return self._jobs(jobs.c.transcript_id.in_(transcript_ids))

    def numbers_taken(self, stem: bytes, but: int) -> set[int]:
        """The numbers that jobs other than `but` have committed for `stem`, retired or not; of very many the newest."""
        with self._transactions.reading() as connection:
            return set(statements.NUMBERS.asked(connection, stem=stem, but=but).scalars())

    def story(self, number: int) -> list[dict[str, Any]]:
        """The events of a job, in order: `at`, `event`, `state` and the event's data."""
        with self._transactions.reading() as connection:
            rows = statements.STORY.asked(connection, number=number).all()
        return [{"at": at, "event": event, "state": state, **json.loads(data)} for at, event, state, data in rows]

    def is_accepted(self, inbox: str) -> bool:
        """True if the recordings in this inbox may be paid for without asking."""
        with self._transactions.reading() as connection:
            return connection.scalar(sa.select(inboxes.c.accepted_at).where(inboxes.c.name == inbox)) is not None

    def saw_inbox(self, inbox: str, now: float, *, accepted: bool) -> None:
        """Remember that this inbox was seen and, if `accepted`, that its backlog may be paid for."""
        with self._transactions.writing() as connection:
            known = connection.execute(sa.select(inboxes).where(inboxes.c.name == inbox)).first()
            if known is None:
                connection.execute(inboxes.insert().values(name=inbox, first_seen_at=now))
            if accepted:
                connection.execute(inboxes.update().where(inboxes.c.name == inbox).values(accepted_at=now))

    def loss(self) -> str:
        """The reason why this journal may not know all that was paid for; empty if it does, or a person accepted."""
        return self.facts(copies.LOSS).get(copies.LOSS, "")

    def facts(self, *prefixes: str) -> dict[str, str]:
        """The facts whose names begin with one of these."""
        with self._transactions.reading() as connection:
            rows = connection.execute(sa.select(facts.c.name, facts.c.value)).all()
        return {name: value for name, value in rows if name.startswith(prefixes)}  # LIKE ignores case

    def remember(self, changed: Mapping[str, str | None]) -> None:
        """Remember these facts by their names, and forget those that are None, all or nothing."""
        with self._transactions.writing() as connection:
            connection.execute(facts.delete().where(facts.c.name.in_(list(changed))))
            new = [{"name": name, "value": value} for name, value in changed.items() if value is not None]
            if new:
                connection.execute(facts.insert(), new)

    def rebuild(self, recovered: Iterable[tuple[Job, Event]]) -> int:
        """Take in the jobs that the journal did not know, all or nothing; return their number."""
        with self._transactions.writing() as connection:
            states = self._paid.rebuilt(connection, recovered)
            self._moved.update(states)
        return states.total()

    def accept_loss(self) -> None:
        """Remember that a person accepts the loss: what the journal may not know may be paid for again."""
        self.remember({copies.LOSS: None})

    def check_beside(self) -> None:
        """Begin to read all of a large journal, beside the work, if that was not done for a day. Raises Blocked."""
        at_work = self._beside is not None and self._beside.is_at_work
        with self._transactions.understood("read"):
            if not at_work and damage.Beside.is_due(self.directory):
                self._beside = damage.Beside(self.directory, self._damaged)

    @property
    def is_damaged(self) -> bool:
        """True once damage was found at work: nothing more is written, and the next start repairs it."""
        return bool(self._transactions.damage)

    def keep_payments(self, jobs: Iterable[Job]) -> None:
        """Keep what these jobs paid though a damaged journal takes nothing: the next start reads it. Raises Blocked."""
        self._paid.keep(jobs)

    def on_damage(self, tell: Callable[[], object]) -> None:
        """Have `tell` called when damage is found at work, on any thread; at once if it was found already."""
        self._tell_of_damage = tell
        if self.is_damaged:
            tell()

    def _damaged(self, what: str) -> None:
        """Write nothing more; the next start looks closely. On any thread."""
        self._transactions.damage = what
        if self._lock is not None:
            damage.suspect(self.directory, what)
        self._tell_of_damage()

    def damage(self, *, whole: bool = False) -> str:
        """The damage of the file, in SQLite's words; empty if none is found. `whole`: read all of a large file too."""
        if whole or damage.is_small(self.directory):
            return damage.whole(self._engine)
        return damage.evident(self._engine)

    def copy(self, path: str, *, is_last: bool = False) -> None:
        """Make a durable copy at `path`, a new file; the last one goes on elsewhere. Raises Blocked."""
        copies.copy(self._engine, path, is_last=is_last)

    def touch(self) -> None:
        """Write something small, durably. Raises Blocked(state) if the disk does not take it."""
        with self._transactions.writing() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {os.getpid() & 0x7FFFFFFF}")

    def _jobs(self, condition: sa.ColumnElement[bool], *, most: int | None = None) -> list[Job]:
        return self._found(sa.select(jobs).where(condition).order_by(jobs.c.id).limit(most))

    def _found(self, query: sa.Select[Any], **asked: object) -> list[Job]:
        with self._transactions.reading() as connection, readable():
            return [job_of(dict(row)) for row in connection.execute(query, asked).mappings()]


def _withdrawn(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """As `Job.withdrawn` says it."""
    return (table.c.state == State.CANCELLED) & table.c.retired_at.is_not(None)
