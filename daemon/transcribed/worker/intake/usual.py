"""The hours of audio that may come into an inbox within a day without a question, by what came there before.

docs/guard.md tells how these numbers were chosen. Pure: days are numbered since the epoch, and `at` is in days too.
"""

from collections.abc import Mapping

from transcribed.journal import Day

LEAST_HOURS = 100.0  #: so much may come into any inbox
TIMES = 3.0  #: the busiest day of the past, so many times
MONTH_DAYS = 30  #: and as much as came in the busiest days in a row, so many
PAST_DAYS = 400  #: so far back the past counts: the same weeks of the last year are in it

_NOTHING = Day(0.0, 0.0)


def room_hours(days: Mapping[int, Day], at: float, least_hours: float = 0.0) -> float:
    """The hours that may still come without a question."""
    return max(limit_hours(days, int(at), least_hours) - came_hours(days, at), 0.0)


def limit_hours(days: Mapping[int, Day], today: int, least_hours: float = 0.0) -> float:
    """The hours that may come within a day without a question; `least_hours` of them, whatever came before.

    What was accepted today is usual already; what only came today is not.
    """
    past = {day: max(hours) for day, hours in days.items() if today - PAST_DAYS < day < today}
    busiest = max(days.get(today, _NOTHING).accepted_hours, *past.values(), 0.0)
    months = (sum(past.get(day - back, 0.0) for back in range(MONTH_DAYS)) for day in past)
    return max(LEAST_HOURS, least_hours, TIMES * busiest, max(months, default=0.0))


def came_hours(days: Mapping[int, Day], at: float) -> float:
    """The hours that came within the last 24: those of yesterday as if they had come evenly."""
    today, part = divmod(at, 1.0)
    before = days.get(int(today) - 1, _NOTHING).came_hours
    return days.get(int(today), _NOTHING).came_hours + before * (1.0 - part)
