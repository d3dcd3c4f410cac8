"""The sums of this month, of the local calendar, as the status and the pages tell it.

The sums are read again only after something has happened to a job, at most once a minute, and for the last status: an
idle hour reads nothing.
"""

import contextlib
import math
import time

from transcribed import errors
from transcribed.job import Sum
from transcribed.journal import Bill, Journal, QuestionBill
from transcribed.worker.people.amounts import MonthStatus
from transcribed.worker.plan import Clock, Plan

OLDEST_SECONDS = 60.0  # the sums are as old as that at most


class Month:
    """The sums of this month. All of it belongs to the loop's thread."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._bills: list[Bill | QuestionBill] = []
        self._name = ""
        self._read_at = 0.0
        self._is_old = True

    def changed(self) -> None:
        """Something has happened to a job, or a question was paid: the sums may be others now."""
        self._is_old = True

    def hurry(self) -> None:
        """The sums that are asked for next are those of now: nobody asks again for the last status."""
        self._read_at = -math.inf

    def bills(self) -> list[Bill | QuestionBill]:
        """The payments of this month, added up. Where the journal cannot be read, those that were read last."""
        now, monotonic = self._clock.wall(), self._clock.monotonic()
        name = time.strftime("%Y-%m", time.localtime(now))
        if name == self._name and not (self._is_old and monotonic - self._read_at >= OLDEST_SECONDS):
            return self._bills
        self._bills = self._bills if name == self._name else []
        self._name, self._read_at = name, monotonic
        with contextlib.suppress(errors.Blocked):
            self._bills = list(self._journal.costs.of_month(now))
            self._is_old = False
        return self._bills

    def status(self, plan: Plan) -> MonthStatus:
        """The sums of all inboxes, for the status."""
        sum_ = Sum()
        for bill in self.bills():
            bill.add_to(sum_, plan.prices)
        has_prices = plan.prices.any
        return MonthStatus(
            month=self._name,
            recordings=sum_.recordings,
            open=sum_.open,
            seconds=round(sum_.seconds, 3),
            money=round(sum_.money, 4) if has_prices else None,
            currency=plan.currency if has_prices else "",
            questions=sum_.questions,
            question_seconds=round(sum_.question_seconds, 3),
            question_money=round(sum_.question_money, 4) if has_prices else None,
            perhaps_questions=sum_.perhaps,
            perhaps_money=round(sum_.perhaps_money, 4) if has_prices else None,
        )
