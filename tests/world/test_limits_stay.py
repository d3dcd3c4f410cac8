"""A limit stays what it is, whatever becomes of the names, the prices and the clock around it."""

import pytest

from transcribed.job import Prices
from transcribed.job.limits import Limits, Period, Spent
from transcribed.worker import drop
from world import changed, mp3, parameters

pytestmark = pytest.mark.route(formats=("txt",), scan_seconds=300.0)
HOUR, DAY = 3600.0, 86400.0
YEARS = 3660 * DAY


@pytest.fixture(autouse=True)
def _hours(api):
    """Each recording bills one hour."""
    api.duration_of = lambda _: HOUR


def drop_some(world, first, last):
    for number in range(first, last):
        world.drop(f"{number:02}.mp3", mp3(str(number)))


def work(world, seconds):
    end = world.clock.moved + seconds
    world.run(until=lambda: world.clock.moved >= end, seconds=seconds + 600)


def lanes(world):
    return {lane.name: lane for lane in world.worker.lanes.all()}


def test_a_small_amount_is_told_so_that_it_is_seen_to_reach_the_limit():
    small = Limits(hours_per_day=0.01, cost_per_day=0.001)
    told = [each.told for each in small.reached(Period.DAY, Spent(0.0111, 0.0012), "EUR")]
    assert told == [
        "0.0111 hours were transcribed this day, and limit_hours_per_day = 0.01",
        "0.0012 EUR were spent this day, and limit_cost_per_day = 0.001",
    ]


def test_what_an_inbox_paid_under_another_name_counts_for_the_limit_of_all(world, api):
    world.plan_options["limits"] = Limits(hours_per_day=1.0)
    drop_some(world, 0, 1)
    work(world, 900)
    world.routes[0] = changed(world.routes[0], name="renamed")
    drop_some(world, 1, 3)
    work(world, 900)
    assert len(api.submits) == 1
    assert list(lanes(world)) == ["limit"]


def test_what_an_inbox_paid_under_another_name_counts_for_its_own_limit(world, api):
    """Also after a second restart, and after the name before is given back."""
    world.routes[0] = changed(world.routes[0], limits=Limits(hours_per_day=1.0))
    drop_some(world, 0, 1)
    work(world, 900)
    for number, name in enumerate(("renamed", "renamed", "another", "talks"), start=1):
        world.routes[0] = changed(world.routes[0], name=name)
        drop_some(world, number, number + 1)
        work(world, 900)
        assert (len(api.submits), list(lanes(world))) == (1, [f"limit:{name}"])


def test_a_word_about_a_limit_holds_under_another_name_until_its_day_ends(world, api):
    world.routes[0] = changed(world.routes[0], limits=Limits(hours_per_day=1.0))
    drop_some(world, 0, 1)
    work(world, 900)
    drop_some(world, 1, 2)
    work(world, 900)
    drop(str(world.state), {"order": "accept", "limits": True, "inbox": "talks"})
    work(world, 900)
    world.routes[0] = changed(world.routes[0], name="renamed")
    drop_some(world, 2, 3)
    work(world, 900)
    assert (len(api.submits), list(lanes(world))) == (3, [])
    world.clock.moved += DAY
    for number in (3, 4):
        drop_some(world, number, number + 1)
        work(world, 900)
    assert (len(api.submits), list(lanes(world))) == (4, ["limit:renamed"])


@pytest.mark.route(formats=("txt",), scan_seconds=300.0, parameters=parameters(speech_models=["universal-2"]))
def test_what_is_under_way_costs_as_the_model_that_it_asks_for(world, api):
    world.plan_options.update(prices=Prices({"universal-2": 3600.0}), limits=Limits(cost_per_day=1.0))
    api.processing_seconds = 600.0
    drop_some(world, 0, 1)
    work(world, 300)
    drop_some(world, 1, 3)
    work(world, 200)
    assert len(api.submits) == 1
    assert list(lanes(world)) == ["limit"]


def test_a_clock_that_was_years_ahead_and_is_right_again_ends_the_wait_at_the_next_midnight(world, api):
    world.plan_options["limits"] = Limits(hours_per_day=1.0)
    begin, right = world.clock.moved, world.clock.began_at
    world.clock.began_at += YEARS
    drop_some(world, 0, 1)

    def is_over():
        after = world.clock.moved - begin
        if after >= 1200 and world.clock.began_at != right:
            assert (list(lanes(world)), len(api.submits)) == (["limit"], 1)
            world.clock.began_at = right
        elif after >= 600 and not world.folders["inbox"].joinpath("01.mp3").exists() and len(api.submits) == 1:
            drop_some(world, 1, 2)
        return len(api.submits) == 2

    world.run(until=is_over, seconds=DAY + 3600)
    assert len(api.submits) == 2


def test_what_was_paid_while_the_clock_was_years_ahead_is_of_that_month_only(world, api):
    world.plan_options["limits"] = Limits(hours_per_month=1.0)
    right = world.clock.began_at
    world.clock.began_at += YEARS
    drop_some(world, 0, 1)
    work(world, 900)
    world.clock.began_at = right
    drop_some(world, 1, 2)
    work(world, 900)
    assert (len(api.submits), world.published[-1]["month"]["recordings"]) == (2, 1)


def test_a_word_that_was_given_while_the_clock_was_years_ahead_does_not_outlive_its_day(world, api):
    world.plan_options["limits"] = Limits(hours_per_day=1.0)
    right = world.clock.began_at
    world.clock.began_at += YEARS
    drop_some(world, 0, 1)
    work(world, 900)
    drop_some(world, 1, 2)
    work(world, 900)
    assert list(lanes(world)) == ["limit"]
    drop(str(world.state), {"order": "accept", "limits": True, "inbox": None})
    work(world, 900)
    world.clock.began_at = right
    for number in range(3):
        drop_some(world, 2 + number, 3 + number)
        work(world, 900)
    assert len(api.submits) == 3
    assert list(lanes(world)) == ["limit"]
