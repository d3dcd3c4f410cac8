"""The hours of audio that came into each inbox on each day: small rows, of each inbox the last days that had any."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from transcribed.job.events import Received
from transcribed.journal.changes import Happening
from transcribed.journal.prepared import Prepared
from transcribed.journal.tables import days
from transcribed.journal.transactions import Transactions

DAY_SECONDS = 86400.0
MOST_DAYS = 400  # of each inbox; by their number, so that a clock that jumps ahead removes none

_NEW = insert(days).values(inbox=sa.bindparam("inbox"), day=sa.bindparam("day"))
_CAME = Prepared(
    _NEW.values(came_hours=sa.bindparam("hours"), accepted_hours=0.0).on_conflict_do_update(
        index_elements=["inbox", "day"], set_={"came_hours": days.c.came_hours + sa.bindparam("hours")}
    )
)
_ACCEPTED = _NEW.values(came_hours=0.0, accepted_hours=sa.bindparam("hours")).on_conflict_do_update(
    index_elements=["inbox", "day"],
    set_={"accepted_hours": sa.func.max(days.c.accepted_hours, sa.bindparam("hours"))},
)
_OLDEST = (
    sa.select(days.c.day).where(days.c.inbox == sa.bindparam("name")).order_by(days.c.day.desc()).offset(MOST_DAYS)
)
_FORGET = days.delete().where((days.c.inbox == sa.bindparam("name")) & days.c.day.in_(_OLDEST))


class Day(NamedTuple):
    """The hours that came into an inbox on one day.

    `accepted_hours`: those that a person accepted on it, with all that had come within a day by then.
    """

    came_hours: float
    accepted_hours: float


class Days:
    """The days of all inboxes, numbered since the epoch."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._noted: set[tuple[str, int]] = set()  # the days that have a row, as far as this process wrote it

    def of(self, inboxes: Collection[str]) -> dict[int, Day]:
        """The days of an inbox that had these names. Raises Blocked(state)."""
        sums = (sa.func.sum(days.c.came_hours), sa.func.max(days.c.accepted_hours))
        query = sa.select(days.c.day, *sums).where(days.c.inbox.in_(inboxes)).group_by(days.c.day)
        with self._transactions.reading() as connection:
            return {day: Day(came, accepted) for day, came, accepted in connection.execute(query)}

    def note(self, connection: sa.Connection, happened: Iterable[Happening]) -> None:
        """Write the hours of the recordings that were received, in the transaction that makes them jobs."""
        hours: Counter[tuple[str, int]] = Counter()
        for job, event, at in happened:
            if isinstance(event, Received) and event.seconds > 0:
                hours[job.inbox, int(at // DAY_SECONDS)] += event.seconds / 3600  # type: ignore[assignment]
        if not hours:
            return
        rows = [{"inbox": inbox, "day": day, "hours": each} for (inbox, day), each in hours.items()]
        _CAME.write(connection, rows)
        for inbox in {inbox for inbox, _ in hours.keys() - self._noted}:
            connection.execute(_FORGET, {"name": inbox})
        self._noted |= hours.keys()

    def accept(self, inbox: str, at: float, hours: float) -> None:
        """Remember that a person accepted so many hours within a day. Raises Blocked(state)."""
        with self._transactions.writing() as connection:
            connection.execute(_ACCEPTED, {"inbox": inbox, "day": int(at // DAY_SECONDS), "hours": hours})
