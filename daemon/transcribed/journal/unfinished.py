"""The jobs that have a step left: those on their way, and many that only wait."""

from collections.abc import Sequence

import sqlalchemy as sa

from transcribed.job import Job, State
from transcribed.journal.rows import job_of, readable
from transcribed.journal.tables import few, jobs
from transcribed.journal.transactions import Transactions

#: As `Job.only_waits` says it.
_ONLY_WAITS = (jobs.c.state == State.RECEIVED) & jobs.c.in_flight.is_(None) & jobs.c.stem.is_(None)
_MOVING = sa.select(jobs).where(few("jobs_unfinished"), ~_ONLY_WAITS).order_by(jobs.c.id)
_WAITING = sa.select(jobs.c.id, jobs.c.inbox).where(few("jobs_unfinished"), _ONLY_WAITS).order_by(jobs.c.id)
_NUMBERED = sa.select(jobs).where(jobs.c.id.in_(sa.bindparam("numbers", expanding=True))).order_by(jobs.c.id)


class UnfinishedJobs:
    """The unfinished jobs of a journal."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def moving(self) -> list[Job]:
        """Those that do more than wait."""
        return self._jobs(_MOVING)

    def waiting(self) -> dict[int, str]:
        """The inboxes of the others, by number."""
        with self._transactions.reading() as connection:
            return {row.id: row.inbox for row in connection.execute(_WAITING)}

    def numbered(self, numbers: Sequence[int]) -> list[Job]:
        """The jobs with these numbers, some hundred at most."""
        return self._jobs(_NUMBERED, numbers=numbers)

    def _jobs(self, query: sa.Select[tuple[object, ...]], **asked: object) -> list[Job]:
        with self._transactions.reading() as connection, readable():
            return [job_of(dict(row)) for row in connection.execute(query, asked).mappings()]
