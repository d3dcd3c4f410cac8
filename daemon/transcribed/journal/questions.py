"""Questions about transcripts that are paid for. Each is asked once: the same one of a transcript is one row for ever.
Each time that one is sent, and not refused, is a row for ever of `sent_questions`: what was paid, or may have been.

A question is `open`, then `sent` before its POST is, then `answered` once the answer is kept, then `delivered` once the
renderings have it. It is `failed` where it was refused, and `doubtful` where nobody knows if it was paid: both wait for
a person. Only a question with a `due_at` is worked at.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from transcribed.journal.tables import jobs, payments, questions, sent_questions
from transcribed.journal.transactions import Transactions

_FIELDS = ("id", "job", "transcript_id", "request", "state", "asked_at", "due_at", "sent_at", "reason")
_QUERY = sa.select(*(questions.c[name] for name in _FIELDS))
WAITING = ("doubtful", "failed")  #: for a person
_since = sa.func.coalesce(questions.c.sent_at, questions.c.asked_at)
_numbered = (
    sa.select(
        *(jobs.c.inbox, sa.func.count().over(partition_by=jobs.c.inbox).label("whole"), questions.c.job, jobs.c.path),
        *(questions.c.state, questions.c.reason, _since.label("since")),
        sa.func.row_number()
        .over(partition_by=jobs.c.inbox, order_by=[_since.desc(), questions.c.id.desc()])
        .label("number"),
    )
    .join(jobs, (jobs.c.id == questions.c.job) & (jobs.c.transcript_id == questions.c.transcript_id))
    .where(questions.c.state.in_(WAITING))
    .subquery()
)
_FOR_PERSON = (
    sa.select(*(each for each in _numbered.c if each.name != "number"))
    .where(_numbered.c.number <= sa.bindparam("most"))
    .order_by(_numbered.c.inbox, _numbered.c.number)
)
_inbox = sa.func.coalesce(jobs.c.inbox, payments.c.inbox)
_DUE = (
    sa.select(*(questions.c[name] for name in _FIELDS), _inbox.label("inbox"))
    .join(jobs, jobs.c.id == questions.c.job, isouter=True)
    .join(payments, payments.c.transcript_id == questions.c.transcript_id, isouter=True)
    .where(questions.c.due_at.is_not(None))
    .order_by(questions.c.due_at, questions.c.id)
    .limit(1)
)


class Question(NamedTuple):
    """A question; `request` is JSON, times are in seconds since the epoch, `reason` is why it waits.

    `inbox`: that of its job, where it was read to be worked at.
    """

    id: int
    job: int
    transcript_id: str
    request: str
    state: str
    asked_at: float
    due_at: float | None
    sent_at: float | None
    reason: str | None
    inbox: str | None = None


class ForPerson(NamedTuple):
    """One of the questions of an inbox that wait for a person, `whole` of them. It was sent, or else asked, `since`."""

    inbox: str
    whole: int
    job: int
    path: bytes
    state: str
    reason: str | None
    since: float


def _unsent(request: str) -> sa.ColumnElement[bool]:
    return (questions.c.request == request) & (questions.c.state == "open")


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

    def send(self, question: Question, seconds: float | None, base_url: str, now: float) -> float | None:
        """A question is sent from now on, and perhaps paid; the seconds of audio that it is about.

        They are those that were billed, or else `seconds`.
        """
        billed = sa.select(payments.c.billed_seconds).where(payments.c.transcript_id == question.transcript_id)
        facts = {"question": question.id, "transcript_id": question.transcript_id, "request": question.request}
        facts |= {"inbox": question.inbox or "", "sent_at": now}
        sent = questions.update().where(questions.c.id == question.id)
        paid = sent_questions.insert().values(**facts, seconds=sa.func.coalesce(billed.scalar_subquery(), seconds))
        with self._transactions.writing() as connection:
            connection.execute(sent.values(state="sent", sent_at=now, due_at=now, base_url=base_url))
            found: float | None = connection.execute(paid.returning(sent_questions.c.seconds)).scalar_one()
        return found

    def settle(self, number: int, paid_at: float | None, **facts: Any) -> None:
        """Write these columns of a question, and of its last sending when its answer came; None: nothing was paid."""
        last = sa.select(sa.func.max(sent_questions.c.id)).where(sent_questions.c.question == number)
        its = (sent_questions.c.id == last.scalar_subquery()) & sent_questions.c.answered_at.is_(None)
        free, paid = sent_questions.delete().where(its), sent_questions.update().where(its).values(answered_at=paid_at)
        with self._transactions.writing() as connection:
            connection.execute(questions.update().where(questions.c.id == number).values(**facts))
            connection.execute(free if paid_at is None else paid)

    def put_off(self, request: str, due_at: float, reason: str | None) -> None:
        """Let all that ask this, and are not sent, wait until then; the newest first."""
        with self._transactions.writing() as connection:
            connection.execute(questions.update().where(_unsent(request)).values(due_at=due_at, reason=reason))
        self.bring_forward(request, due_at - 1.0)

    def bring_forward(self, request: str, due_at: float) -> bool:
        """Let the newest question that asks this, and is not sent yet, be due then; False where no question does."""
        newest = sa.select(sa.func.max(questions.c.id)).where(_unsent(request)).scalar_subquery()
        with self._transactions.writing() as connection:
            brought = questions.update().where(questions.c.id == newest).values(due_at=due_at)
            return connection.execute(brought).rowcount > 0

    def next_due(self, inboxes: Iterable[str] | None = None) -> Question | None:
        """The question that is due first, if any is to be worked at; one that is not sent yet only of these inboxes."""
        may_go = (questions.c.state != "open") | _inbox.in_(list(inboxes or ()))
        with self._transactions.reading() as connection:
            row = connection.execute(_DUE if inboxes is None else _DUE.where(may_go)).first()
            return None if row is None else Question._make(row)

    def waiting(self) -> int:
        """The number of those that are to be sent."""
        query = sa.select(sa.func.count()).where(questions.c.due_at.is_not(None), questions.c.state == "open")
        with self._transactions.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def for_person(self, most: int) -> list[ForPerson]:
        """The newest of those that wait for a person, so many of each inbox. Each can be asked again by its job."""
        with self._transactions.reading() as connection:
            return [ForPerson(*row) for row in connection.execute(_FOR_PERSON, {"most": most})]

    def of(self, transcript_id: str) -> list[Question]:
        """The questions about a transcript, oldest first."""
        return self._found(_QUERY.where(questions.c.transcript_id == transcript_id).order_by(questions.c.id))

    def _found(self, query: sa.Select[Any]) -> list[Question]:
        with self._transactions.reading() as connection:
            return [Question(*row) for row in connection.execute(query)]
