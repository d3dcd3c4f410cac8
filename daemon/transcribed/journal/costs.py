"""The sums of all payments, added up in the database: a journal has a million payments, and some hundred sums."""

import itertools
import json
import math
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import sqlalchemy as sa

from transcribed.job import HERE, LOCAL, Account, Prices, Sum
from transcribed.journal.tables import erasures, jobs, payments, sent_questions
from transcribed.journal.transactions import Transactions


class Bill(NamedTuple):
    """Payments of one inbox, model, request and day (of the local calendar, YYYY-MM-DD; "" where it is not known).

    `recordings`: how many. `open`: those among them of which it is not known yet how long they are. `parameters`: JSON.
    `is_free`: this machine itself heard them.
    """

    inbox: str
    model: str | None
    parameters: str | None
    day: str
    is_free: bool
    recordings: int
    open: int
    seconds: float

    def add_to(self, sum_: Sum, prices: Prices) -> None:
        """Add these payments to a sum, at these prices."""
        price = prices.per_hour(self.model, self.parameters)
        sum_.add(self.recordings, self.open, self.seconds, price, is_free=self.is_free)


class QuestionBill(NamedTuple):
    """Questions of one inbox, request (JSON) and day (as of a Bill) about transcripts, each time that one was sent.

    `is_paid`: they were answered; else nobody knows. `unmeasured`: those among them about recordings of unknown length.
    """

    inbox: str
    request: str
    day: str
    is_paid: bool
    questions: int
    unmeasured: int
    seconds: float

    @property
    def model(self) -> str:
        """The words that stand for a model: nobody knows which one answers."""
        return f"questions: {', '.join(sorted(json.loads(self.request)))}"

    def add_to(self, sum_: Sum, prices: Prices) -> None:
        """Add these questions to a sum, at these prices."""
        price = prices.of_question(self.request)
        sum_.ask(self.questions, self.unmeasured, self.seconds, price, is_paid=self.is_paid)


def _day_of(moment: sa.ColumnElement[float]) -> sa.ColumnElement[str]:
    """The day of a moment, by the local calendar; "" where it is not known."""
    return sa.func.coalesce(sa.func.date(moment, "unixepoch", "localtime"), "")


_day = _day_of(sa.func.coalesce(payments.c.submitted_at, payments.c.transcribed_at))
_heard_here = (payments.c.upload_url.startswith(each, autoescape=True) for each in HERE)
_is_free = sa.func.coalesce(sa.or_(payments.c.base_url == LOCAL, *_heard_here), sa.false())  # as job.is_free has it
_WHAT = (payments.c.inbox, payments.c.model, payments.c.parameters, _day, _is_free)
_SUMS = (
    sa.func.count(),
    sa.func.sum(payments.c.billed_seconds.is_(None)),
    sa.func.coalesce(sa.func.sum(payments.c.billed_seconds), 0.0),
)
_paid_then = (payments.c.submitted_at >= sa.bindparam("at")) & (payments.c.submitted_at < sa.bindparam("end"))
_PAID_SINCE = sa.select(*_WHAT, *_SUMS).where(_paid_then).group_by(*_WHAT)
_QUERY = sa.select(*_WHAT, *_SUMS).where(_day >= sa.bindparam("since")).group_by(*_WHAT).order_by(_day)
_asked_day, _is_answered = _day_of(sent_questions.c.sent_at), sent_questions.c.answered_at.is_not(None)
_ASKED_WHAT = (sent_questions.c.inbox, sent_questions.c.request, _asked_day, _is_answered)
_ASKED = sa.select(
    *_ASKED_WHAT,
    sa.func.count(),
    sa.func.sum(sent_questions.c.seconds.is_(None)),
    sa.func.coalesce(sa.func.sum(sent_questions.c.seconds), 0.0),
).group_by(*_ASKED_WHAT)
_asked_then = (sent_questions.c.sent_at >= sa.bindparam("at")) & (sent_questions.c.sent_at < sa.bindparam("end"))
_ASKED_SINCE = _ASKED.where(_asked_then)
_ASKED_QUERY = _ASKED.where(_asked_day >= sa.bindparam("since")).order_by(_asked_day)


class Payment(NamedTuple):
    """One payment. `job` is the number of the job that made it; `content` and `parameters` are what was paid for."""

    transcript_id: str
    job: int
    inbox: str
    path: bytes
    content: str | None
    parameters: str | None
    seconds: float | None
    model: str | None


_PAYMENT = sa.select(
    *(payments.c[name] for name in ("transcript_id", "job", "inbox", "path")),
    *(payments.c[name] for name in ("content_hash", "parameters", "billed_seconds", "model")),
)
#: Those of one account whose transcript should still be there: nobody wished it to be deleted.
_SHOULD_BE_THERE = (
    _PAYMENT.join(erasures, erasures.c.transcript_id == payments.c.transcript_id, isouter=True)
    .where(payments.c.base_url == sa.bindparam("base_url"))
    .where(sa.func.coalesce(payments.c.key_fingerprint, sa.bindparam("key")) == sa.bindparam("key"))
    .where(payments.c.submitted_at.between(sa.bindparam("since"), sa.bindparam("until")))
    .where(erasures.c.wanted_at.is_(None), payments.c.erased_at.is_(None))
    .order_by(payments.c.submitted_at)
)
_SOME = 500


def day_begin(now: float, *, days: int = 0) -> float:
    """The beginning of today by the local calendar, or of a day so many days later, in seconds since the epoch."""
    local = time.localtime(now)
    return time.mktime((local.tm_year, local.tm_mon, local.tm_mday + days, 0, 0, 0, 0, 0, -1))


def month_begin(now: float, *, months: int = 0) -> float:
    """The beginning of this month by the local calendar, or of one so many months later, in seconds since the epoch."""
    local = time.localtime(now)
    return time.mktime((local.tm_year, local.tm_mon + months, 1, 0, 0, 0, 0, 0, -1))


class Costs:
    """The sums of one journal, and its single payments."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def since(self, day: str = "") -> Iterator[Bill]:
        """The sums from this day (YYYY-MM-DD) on, the oldest first; without a day, of all that was ever paid."""
        with self._transactions.reading() as connection:
            for row in connection.execute(_QUERY, {"since": day}):
                yield Bill(*row)

    def questions_since(self, day: str = "") -> Iterator[QuestionBill]:
        """The sums of the questions from this day on, as those of `since`."""
        with self._transactions.reading() as connection:
            for row in connection.execute(_ASKED_QUERY, {"since": day}):
                yield QuestionBill(*row)

    def paid_since(self, at: float, end: float = math.inf) -> Iterator[Bill]:
        """The sums of what was submitted since then, and before the end (s since the epoch). Only that is read."""
        with self._transactions.reading() as connection:
            for row in connection.execute(_PAID_SINCE, {"at": at, "end": end}):
                yield Bill(*row)

    def asked_since(self, at: float, end: float = math.inf) -> Iterator[QuestionBill]:
        """The sums of the questions that were sent since then, and before the end. Only they are read."""
        with self._transactions.reading() as connection:
            for row in connection.execute(_ASKED_SINCE, {"at": at, "end": end}):
                yield QuestionBill(*row)

    def of_month(self, now: float) -> Iterator[Bill | QuestionBill]:
        """The sums of what was submitted or asked in this month, by the local calendar.

        What was while a clock was ahead is of a month to come. Raises Blocked(state).
        """
        begin, end = month_begin(now), month_begin(now, months=1)
        yield from self.paid_since(begin, end)
        yield from self.asked_since(begin, end)

    def paid(self, transcript_ids: Iterable[str]) -> Iterator[Payment]:
        """The payments of those of these transcripts that are known."""
        left = iter(transcript_ids)
        with self._transactions.reading() as connection:
            while some := list(itertools.islice(left, _SOME)):
                for row in connection.execute(_PAYMENT.where(payments.c.transcript_id.in_(some))):
                    yield Payment(*row)

    def should_be_there(self, account: Account, since: float, until: float) -> Iterator[Payment]:
        """The payments of an account between these times (s since the epoch) whose transcripts should be there."""
        asked = {"base_url": account.base_url, "key": account.key_fingerprint, "since": since, "until": until}
        with self._transactions.reading() as connection:
            for row in connection.execute(_SHOULD_BE_THERE, asked):
                yield Payment(*row)

    def uploaded_by(self, upload_urls: Iterable[str]) -> dict[str, int]:
        """The numbers of the jobs that made these uploads, by upload_url."""
        left, found = iter(upload_urls), dict[str, int]()
        with self._transactions.reading() as connection:
            while some := list(itertools.islice(left, _SOME)):
                rows = connection.execute(sa.select(jobs.c.upload_url, jobs.c.id).where(jobs.c.upload_url.in_(some)))
                found |= {row.upload_url: row.id for row in rows}
        return found
