"""How much may come into an inbox within a day without a question: the figures of docs/guard.md.

Each row is a past (hours, a day each, the last is yesterday) and what comes today.
"""

import random

import pytest

from transcribed.journal import Day
from transcribed.worker.intake.usual import came_hours, limit_hours, room_hours

TODAY = 20_000
WEEK = [22.0] * 5 + [0.0] * 2  # an inbox of an office: 67 recordings of 20 minutes on each working day
QUIET = [0.0] * 21
ROWS = {
    "a new office on its second day": ([24.0], 60.0, False),
    "a court with 8 rooms, all day": ([48.0] * 10, 64.0, False),
    "a court with 16 rooms on its second day": ([96.0], 110.0, False),
    "a busy office on a busy day": (WEEK * 20, 90.0, False),
    "the Monday after three weeks of holidays, with all that was recorded in them": (WEEK * 20 + QUIET, 330.0, False),
    "all of a week, after the share was away": (WEEK * 20 + [0.0] * 7, 132.0, False),
    "8 loggers that never stop, after a day without network": ([192.0] * 30 + [0.0], 384.0, False),
    "a researcher who comes once a month": (([0.0] * 29 + [40.0]) * 6, 80.0, False),
    "the week of the conference, as last year": ([0.0] * 30 + [90.0] + [1.0] * 364, 200.0, False),
    "a music library of 3,000 songs on the second day": ([5.0], 200.0, True),
    "the same, in an inbox that was used for one hour a year ago": ([1.0] + [0.0] * 364, 200.0, True),
    "a radio archive that moves in after a year": ([5.0] * 365, 2000.0, True),
    "a terabyte in a busy office": (WEEK * 20, 5000.0, True),
}


def days_of(past, **today):
    days = {TODAY - back: Day(hours, 0.0) for back, hours in enumerate(reversed(past), start=1)}
    return days | {TODAY: Day(today.get("came", 0.0), today.get("accepted", 0.0))}


@pytest.mark.parametrize("row", ROWS)
def test_far_more_than_usual_asks_and_a_busy_day_does_not(row):
    past, comes, asks = ROWS[row]

    for hour in range(24):
        assert (comes > room_hours(days_of(past), TODAY + hour / 24)) is asks, hour


@pytest.mark.parametrize("seed", range(20))
def test_a_day_that_is_twice_as_busy_as_any_before_never_asks_at_any_hour(seed):
    chance = random.Random(seed)
    past = [chance.lognormvariate(3.0, 1.0) for _ in range(chance.randrange(1, 60))]

    for hour in range(24):
        assert room_hours(days_of(past), TODAY + hour / 24) >= 2 * max(past)


def test_a_day_costs_no_more_unasked_than_the_dearest_month_or_three_of_the_dearest_day():
    assert limit_hours(days_of([30.0]), TODAY) == 100.0
    assert limit_hours(days_of([50.0]), TODAY) == 150.0
    assert limit_hours(days_of([20.0] * 90), TODAY) == 600.0
    assert limit_hours(days_of([30.0]), TODAY, least_hours=500.0) == 500.0


def test_what_came_today_is_usual_once_it_was_accepted_and_not_before():
    assert limit_hours(days_of([], came=90.0), TODAY) == 100.0
    assert limit_hours(days_of([], came=90.0, accepted=120.0), TODAY) == 360.0
    assert limit_hours(days_of([]) | {TODAY - 1: Day(90.0, 120.0)}, TODAY) == 360.0


def test_a_drop_on_both_sides_of_midnight_is_one():
    assert came_hours(days_of([90.0], came=90.0), TODAY + 1 / 24) == pytest.approx(176.25)


def test_what_came_more_than_400_days_ago_or_on_a_day_to_come_says_nothing():
    assert limit_hours({TODAY - 401: Day(900.0, 0.0), TODAY + 1: Day(900.0, 0.0)}, TODAY) == 100.0
