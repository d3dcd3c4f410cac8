"""Questions about transcripts that are paid for. Each is asked once: the same one of a transcript is one row for ever.

A question is `open`, then `sent` before its POST is, then `answered` once the answer is kept, then `delivered` once the
renderings have it. It is `failed` where it was refused, and `doubtful` where nobody knows if it was paid: both wait for
a person. Only a question with a `due_at` is worked at.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from transcribed.journal.tables import questions
from transcribed.journal.transactions import Transactions

_FIELDS = ("id", "job", "transcript_id", "request", "state", "asked_at", "due_at", "sent_at", "reason")
_QUERY = sa.select(*(questions.c[name] for name in _FIELDS))
WAITING = ("doubtful", "failed")  #: for a person


class Question(NamedTuple):
    """A question; `request` is JSON, times are in seconds since the epoch, `reason` is why it waits."""

    id: int
    job: int
    transcript_id: str
    request: str
    state: str
    asked_at: float
    due_at: float | None
    sent_at: float | None
    reason: str | None


class Questions:
    """The questions of a journal. Each method raises Blocked(state)."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def ask(self, asked: Iterable[tuple[int, str]], request: str, now: float) -> None:
        """Ask this of each job with its transcript, unless that was asked before; one that was is delivered again."""
        rows = [
            {"job": job, "transcript_id": transcript_id, "request": request, "asked_at": now, "due_at": now}
            for job, transcript_id in asked
        ]
        if not rows:
            return
        new = insert(questions).values(state="open")
        with self._transactions.writing() as connection:
            connection.execute(new.on_conflict_do_nothing(), rows)
            for row in rows:
                its = (questions.c.transcript_id == row["transcript_id"]) & (questions.c.request == request)
                done = its & (questions.c.state == "delivered")
                connection.execute(questions.update().where(done).values(state="answered", due_at=now, job=row["job"]))

    def ask_again(self, sent: Iterable[tuple[int, float | None]], now: float) -> None:
        """A person has said that these may be sent, and perhaps paid, again: each by its number and when it was sent.

        So an order that is carried out twice pays no second time.
        """
        with self._transactions.writing() as connection:
            for number, sent_at in sent:
                its = (questions.c.id == number) & questions.c.state.in_(WAITING)
                same = questions.c.sent_at.is_not_distinct_from(sent_at)
                connection.execute(questions.update().where(its & same).values(state="open", due_at=now))

    def change(self, number: int, **facts: Any) -> None:
        """Write these columns of a question."""
        with self._transactions.writing() as connection:
            connection.execute(questions.update().where(questions.c.id == number).values(**facts))

    def next_due(self) -> Question | None:
        """The question that is due first, if any is to be worked at."""
        query = _QUERY.where(questions.c.due_at.is_not(None)).order_by(questions.c.due_at, questions.c.id).limit(1)
        return next(iter(self._found(query)), None)

    def of(self, transcript_id: str) -> list[Question]:
        """The questions about a transcript, oldest first."""
        return self._found(_QUERY.where(questions.c.transcript_id == transcript_id).order_by(questions.c.id))

    def _found(self, query: sa.Select[Any]) -> list[Question]:
        with self._transactions.reading() as connection:
            return [Question(*row) for row in connection.execute(query)]
