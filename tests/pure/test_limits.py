"""Limits as they are reached, and the names of the files that let them go at the share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcribed.files import consents, is_consent
from transcribed.job.limits import Limits, Period, Spent


def test_each_limit_of_a_period_that_is_reached_is_named_by_itself() -> None:
    limits = Limits(hours_per_day=8, hours_per_month=8, cost_per_day=2.5)

    reached = list(limits.reached(Period.DAY, Spent(8.0, 2.5), "EUR"))

    assert [each.name for each in reached] == ["hours-8-per-day", "cost-2.5-per-day"]
    assert list(limits.reached(Period.DAY, Spent(7.9, 2.4), "EUR")) == []


@given(st.floats(min_value=0, max_value=1_000_000))
def test_the_file_for_any_limit_is_known_by_its_name_however_people_type_it(most: float) -> None:
    [reached] = Limits(cost_per_month=most).reached(Period.MONTH, Spent(0.0, most), "EUR")
    question = f"limit-{reached.name}-until-2026-12-01"

    name = consents.to_held(question)

    assert consents.held_of(name) == question
    assert consents.held_of(name.upper() + b".txt") == question
    assert consents.held_of(name.removesuffix(b".txt")) == question


@pytest.mark.parametrize(
    "name",
    [
        b"accept-limit-hours-8-per-day.txt",
        b"accept-limit-hours-8-per-week-until-2026-12-01.txt",
        b"accept-limit-hours--8-per-day-until-2026-12-01.txt",
        b"accept-limit-hours-8-per-day-until-2026-12-01.mp3",
        b"accept-limit-hours-8-per-day-until-2026-12-01\n",
        "accept-limit-hours-٨-per-day-until-2026-12-01.txt".encode(),
    ],
)
def test_a_name_that_is_only_like_it_is_nothing(name: bytes) -> None:
    assert not is_consent(name)
