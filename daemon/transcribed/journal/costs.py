"""The sums of all payments, added up in the database: a journal has a million payments, and some hundred sums."""

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from transcribed.journal.tables import payments
from transcribed.journal.transactions import Transactions


class Bill(NamedTuple):
    """Payments of one inbox, model, request and day (of the local calendar, YYYY-MM-DD; "" where it is not known).

    `recordings`: how many. `open`: those among them of which it is not known yet how long they are. `parameters`: JSON.
    """

    inbox: str
    model: str | None
    parameters: str | None
    day: str
    recordings: int
    open: int
    seconds: float


_day = sa.func.coalesce(
    sa.func.date(sa.func.coalesce(payments.c.submitted_at, payments.c.transcribed_at), "unixepoch", "localtime"), ""
)
_WHAT = (payments.c.inbox, payments.c.model, payments.c.parameters, _day)
_SUMS = (
    sa.func.count(),
    sa.func.sum(payments.c.billed_seconds.is_(None)),
    sa.func.coalesce(sa.func.sum(payments.c.billed_seconds), 0.0),
)
_QUERY = sa.select(*_WHAT, *_SUMS).where(_day >= sa.bindparam("since")).group_by(*_WHAT).order_by(_day)


class Costs:
    """The sums of one journal."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def since(self, day: str = "") -> Iterator[Bill]:
        """The sums from this day (YYYY-MM-DD) on, the oldest first; of all that was ever paid where there is none."""
        with self._transactions.reading() as connection:
            for row in connection.execute(_QUERY, {"since": day}):
                yield Bill(*row)
