"""Limits of what may be paid for in a day or a month, as people wrote them down."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Period(StrEnum):
    """The times that a limit is about, of the local calendar."""

    DAY = "day"
    MONTH = "month"


class Reached(NamedTuple):
    """A limit that is reached: its name, as in `hours-8-per-day`, its period, and the sentence on it for people."""

    name: str
    period: Period
    told: str


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

    def reached(self, period: Period, spent: Spent, currency: str) -> Iterator[Reached]:
        """The limits of this period that are reached."""
        hours, cost = {
            Period.DAY: (self.hours_per_day, self.cost_per_day),
            Period.MONTH: (self.hours_per_month, self.cost_per_month),
        }[period]
        if hours is not None and spent.hours >= hours:
            seen = _seen(spent.hours, hours, 1)
            told = f"{seen} hours were transcribed this {period}, and limit_hours_per_{period} = {hours:g}"
            yield Reached(f"hours-{_plain(hours)}-per-{period}", period, told)
        if cost is not None and spent.money >= cost:
            seen = _seen(spent.money, cost, 2)
            told = f"{seen} {currency} were spent this {period}, and limit_cost_per_{period} = {cost:g}"
            yield Reached(f"cost-{_plain(cost)}-per-{period}", period, told)


def _seen(spent: float, limit: float, decimals: int) -> str:
    """The amount with so many decimals, with more where it would seem to be below the limit."""
    told = f"{spent:.{decimals}f}"
    return told if float(told) >= limit else f"{spent:.4g}"


def _plain(number: float) -> str:
    """The number in digits, as it may stand in the name of a file."""
    return f"{number:.9f}".rstrip("0").rstrip(".")
