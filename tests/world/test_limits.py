"""What may be paid for in a day or a month has limits, and what reaches one waits."""

import shlex

import pytest
import structlog

from commands import ask
from fake_faults import Fault
from transcribed.job import Prices, State
from transcribed.job.limits import Limits
from transcribed.worker import drop
from transcribed.worker.people.status import to_json
from world import changed, mp3

pytestmark = pytest.mark.route(formats=("txt",), scan_seconds=300.0)
HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def hours(api):
    """Each recording bills one hour."""
    api.duration_of = lambda _: HOUR


def limit(world, **limits):
    world.plan_options["limits"] = Limits(**limits)


def drop_some(world, first, last):
    for number in range(first, last):
        world.drop(f"{number:02}.mp3", mp3(str(number)))


def work(world, seconds):
    """Let the daemon run so long; what it logged."""
    end = world.clock.moved + seconds
    with structlog.testing.capture_logs() as logs:
        world.run(until=lambda: world.clock.moved >= end, seconds=seconds + 600)
    return [(line["event"], line.get("lane")) for line in logs]


def lanes(world):
    return {lane.name: lane for lane in world.worker.lanes.all()}


def test_what_reaches_a_limit_waits_for_the_next_day_and_is_told_once(world, api, hours):
    limit(world, hours_per_day=3)
    for number in range(5):
        drop_some(world, number, number + 1)
        work(world, 900)
    told = work(world, 900)

    assert len(api.submits) == 3
    assert "3.0 hours were transcribed this day, and limit_hours_per_day = 3" in lanes(world)["limit"].reason
    assert "00:00" in lanes(world)["limit"].reason
    assert told.count(("lane.blocked", "limit")) == 1, "once in each process"
    assert world.states().count(State.DELIVERED) == 3

    told = work(world, DAY)
    assert len(api.submits) == 5
    assert told.count(("lane.resumed", "limit")) == 1


def test_a_limit_is_counted_from_the_journal_after_a_kill(world, api, hours):
    limit(world, hours_per_day=2)
    drop_some(world, 0, 1)
    work(world, 900)
    step = 1
    while world.crash(step):
        step += 7
    for number in range(1, 4):
        drop_some(world, number, number + 1)
        work(world, 900)
    assert len(api.submits) == 2


@pytest.mark.parametrize("least", [5.0, 4.5])
def test_many_that_come_at_once_pass_a_limit_by_one_recording_at_most(world, api, least):
    """Each recording lasts one second, which is known before it is billed."""
    limit(world, hours_per_day=least / 3600)
    api.processing_seconds = 12 * HOUR
    drop_some(world, 0, 30)
    work(world, 900)
    assert len(api.submits) == 5


def test_a_submit_whose_answer_was_lost_counts_and_one_that_was_refused_does_not(world, api):
    limit(world, hours_per_day=2.5 / 3600)
    api.processing_seconds = 12 * HOUR
    api.script("POST /v2/transcript", [Fault.lost_answer(), Fault.answer(429, "slower", Retry_After="2")])
    drop_some(world, 0, 10)
    work(world, 3600)
    assert len(api.submits) == 3


@pytest.mark.parametrize("named", [[], ["talks"]])
def test_a_person_lets_it_go_on_until_the_day_ends(world, api, hours, named):
    limits = {"hours_per_day": 1.0}
    if named:
        world.routes[0] = changed(world.routes[0], limits=Limits(**limits))
    else:
        limit(world, **limits)
    for number in range(2):
        drop_some(world, number, number + 1)
        work(world, 900)
    assert len(api.submits) == 1
    drop(str(world.state), {"order": "accept", "limits": True, "inbox": None if not named else named[0]})
    work(world, 900)
    assert len(api.submits) == 2
    drop_some(world, 2, 3)
    work(world, 900)
    assert len(api.submits) == 3, "also after a restart"

    world.clock.moved += DAY
    for number in range(3, 6):
        drop_some(world, number, number + 1)
        work(world, 900)
    assert len(api.submits) == 4


def test_a_month_that_was_let_go_keeps_the_limit_of_each_day_and_a_day_that_was_let_go_keeps_the_months_word(
    world, api, hours
):
    limit(world, hours_per_day=2, hours_per_month=1)
    let = {"order": "accept", "limits": True, "inbox": None}
    submitted = []
    for number, lets in enumerate([False, False, True, False, True]):
        drop_some(world, number, number + 1)
        if lets:
            drop(str(world.state), let)
        work(world, 900)
        submitted.append(len(api.submits))
    assert submitted == [1, 1, 3, 3, 5], "the month holds and is let go, then the day: two were under way together"

    world.clock.moved += DAY
    drop_some(world, 5, 6)
    work(world, 900)
    assert len(api.submits) == 6


def test_money_is_limited_by_the_prices_of_the_configuration(world, api, hours):
    world.plan_options.update(prices=Prices({"*": 0.5}), currency="EUR")
    limit(world, cost_per_month=1.0)
    for number in range(4):
        drop_some(world, number, number + 1)
        work(world, 900)
    assert len(api.submits) == 2
    assert "1.00 EUR were spent this month, and limit_cost_per_month = 1" in lanes(world)["limit"].reason
    world.clock.moved += DAY
    work(world, 900)
    assert len(api.submits) == 2


def test_the_limit_of_one_inbox_holds_up_no_other(world, api, hours):
    world.routes[0] = changed(world.routes[0], limits=Limits(hours_per_day=0.0))
    drop_some(world, 0, 1)
    work(world, 900)
    assert api.submits == []
    assert list(lanes(world)) == ["limit:talks"]


@pytest.mark.parametrize("name", ["talks", "my talks"])
def test_the_order_that_lets_an_inbox_go_on_can_be_typed_as_it_is_told(world, api, hours, name):
    world.routes[0] = changed(world.routes[0], name=name, limits=Limits(hours_per_day=0.0))
    drop_some(world, 0, 1)
    work(world, 900)
    told = lanes(world)[f"limit:{name}"].hint.split("`")[1]
    assert shlex.split(told) == ["transcribed", "accept", "--limits", name]


def test_what_was_known_is_delivered_though_a_limit_is_reached(world, api, hours):
    limit(world, hours_per_day=1)
    world.drop("One.mp3", mp3("the same"))
    work(world, 900)
    world.drop("Again.mp3", mp3("the same"))
    work(world, 900)
    assert world.files("outbox") == ["Again.txt", "One.txt"]
    assert len(api.submits) == 1


def test_where_nothing_waits_nobody_is_told_of_a_limit(world, api, hours):
    limit(world, hours_per_day=1)
    drop_some(world, 0, 1)
    work(world, 900)
    assert lanes(world) == {}


def test_accept_limits_shows_what_it_lets_go_and_sends_no_order_where_none_is_reached(world, api, hours):
    limit(world, hours_per_day=1)
    for number in range(2):
        drop_some(world, number, number + 1)
        work(world, 900)
    (world.state / "status.json").write_bytes(to_json(world.worker._snapshot()))
    answer = ask(world, "accept", "--limits")
    assert "limit_hours_per_day = 1" in answer.stdout
    work(world, 900)
    assert len(api.submits) == 2
