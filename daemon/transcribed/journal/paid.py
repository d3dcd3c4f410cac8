"""The payments as the journal keeps them: in its table and, durable before each commit, in the file beside it."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import sqlalchemy as sa

from transcribed.errors import STATE, Blocked, from_os_error
from transcribed.job import Job
from transcribed.job.events import Delivered, Event
from transcribed.journal import ledger, payments
from transcribed.journal import tables as t
from transcribed.journal.changes import Happening
from transcribed.journal.statements import TRANSCRIBED_AT
from transcribed.journal.transactions import Transactions

_SOME = 500


class Paid:
    """The payments of one journal. All of it belongs to the thread of `transactions`, which runs its `ending`."""

    def __init__(self) -> None:
        self._ledger: ledger.Ledger | None = None
        self._changed: set[str] = set()  # the transcripts whose payment the open transaction changes

    def agree(self, directory: str, transactions: Transactions, on_slow: Callable[[], None]) -> list[ledger.Adopted]:
        """Open the file of payments, and let both know the same; the jobs that it told of. Raises Blocked(state)."""
        with _blocking("reading the payments"):
            self._ledger = ledger.Ledger(directory)
            with transactions.writing() as connection:
                return ledger.agree(connection, self._ledger, on_slow)

    def close(self) -> None:
        """Close the file."""
        if self._ledger is not None:
            self._ledger.close()

    def note(self, connection: sa.Connection, happened: Sequence[Happening]) -> None:
        """Write what these say of payments, and of transcripts that are to be deleted at AssemblyAI."""
        self._changed.update(payments.note(connection, happened))
        for job, event, at in happened:
            if isinstance(event, Delivered) and event.delete_remote:
                self._changed.update(payments.wish(connection, job.transcript_id or "", at))

    def keep(self, jobs: Iterable[Job]) -> None:
        """Write the payments of these jobs into the file alone. Raises Blocked(state)."""
        lines = [payments.to_line(job.transcript_id or "", payments.row_of(job)) for job in jobs]
        if lines and self._ledger is not None:
            with _blocking("writing the payments"):
                self._ledger.append(b"".join(lines))

    def erased(self, connection: sa.Connection, transcript_id: str, at: float) -> None:
        """A transcript is no longer at AssemblyAI."""
        self._changed.update(payments.erased(connection, transcript_id, at))

    def rebuilt(self, connection: sa.Connection, recovered: Iterable[tuple[Job, Event]]) -> Counter[str]:
        """Write the jobs that the journal did not know; return the number of them in each state."""
        states: Counter[str] = Counter()
        left = iter(recovered)
        while some := list(itertools.islice(left, _SOME)):
            names = t.jobs.c.transcript_id.in_([job.transcript_id for job, _ in some])
            known = set(connection.execute(sa.select(t.jobs.c.transcript_id).where(names)).scalars())
            new = [(job, event) for job, event in some if job.transcript_id not in known]
            made = [replace(job, id=t.insert(connection, job, event, job.state)) for job, event in new]
            self._changed.update(payments.rebuilt(connection, made))
            states.update(job.state for job in made)
        return states

    def ending(self, connection: sa.Connection) -> None:
        """The transaction is about to be committed: the file has it first. Raises Blocked(state)."""
        if self._changed and self._ledger is not None:
            with _blocking("writing the payments"):
                self._ledger.append(payments.lines_of(connection, self._changed))
            ledger.remember(connection, self._ledger)

    def ended(self) -> None:
        """The transaction has ended."""
        self._changed.clear()


class Forgotten:
    """The jobs that are forgotten but for what they paid, as they are known still."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def all(self) -> Iterator[Job]:
        """All of them; they are many."""
        return self._found(payments.forgotten())

    def numbered(self, number: int) -> Job | None:
        """The one that had this number."""
        return next(self._found(payments.forgotten(t.payments.c.job == number)), None)

    def with_content(self, content_hash: str | None, audio_hash: str | None = None) -> Iterable[Job]:
        """Those whose transcript can serve another recording of this content, or of this audio."""
        return self._found(payments.OF_CONTENT, content_hash=content_hash, audio_hash=audio_hash)

    def payer(self, transcript_id: str | None) -> Job | None:
        """The one that paid for this transcript, forgotten or not."""
        return next(self._found(sa.select(t.payments).where(t.payments.c.transcript_id == transcript_id)), None)

    def was_transcribed(self, transcript_id: str | None) -> bool:
        """True if this transcript was here before."""
        with self._transactions.reading() as connection:
            return TRANSCRIBED_AT.asked(connection, transcript_id=transcript_id).scalar() is not None

    def _found(self, query: sa.Select[tuple[object, ...]], **asked: str | None) -> Iterator[Job]:
        with self._transactions.reading() as connection:
            for rows in connection.execute(query, asked).mappings().partitions(_SOME):
                yield from (payments.job_of(dict(row)) for row in rows)


@contextmanager
def _blocking(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        told = from_os_error(error, lane=STATE, doing=doing)
        raise Blocked(told.message, lane=STATE, hint=told.hint or "look at the disk of state.directory") from error
