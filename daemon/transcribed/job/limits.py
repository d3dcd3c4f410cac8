"""Limits of what may be paid for in a day or a month, as people wrote them down."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Period(StrEnum):
    """The times that a limit is about, of the local calendar."""

    DAY = "day"
    MONTH = "month"


class Spent(NamedTuple):
    """The hours and the money of some time, with what is on its way and not billed yet."""

    hours: float = 0.0
    money: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that may be paid for; None: no limit."""

    hours_per_day: float | None = None
    hours_per_month: float | None = None
    cost_per_day: float | None = None
    cost_per_month: float | None = None

    @property
    def any(self) -> bool:
        """True if there is one."""
        return self != Limits()

    def reached(self, period: Period, spent: Spent, currency: str) -> str:
        """The sentence on the limit of this period that is reached; empty where none is."""
        hours, cost = {
            Period.DAY: (self.hours_per_day, self.cost_per_day),
            Period.MONTH: (self.hours_per_month, self.cost_per_month),
        }[period]
        if hours is not None and spent.hours >= hours:
            return f"{spent.hours:.1f} hours were transcribed this {period}, and limit_hours_per_{period} = {hours:g}"
        if cost is not None and spent.money >= cost:
            return f"{spent.money:.2f} {currency} were spent this {period}, and limit_cost_per_{period} = {cost:g}"
        return ""
