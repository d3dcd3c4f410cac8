"""Far more at once than an inbox is used to waits for a person's word; a busy day does not."""

import functools
import os
import shutil

import pytest
import structlog

from arriving import at_times
from transcribed.job import State
from transcribed.journal import Journal
from transcribed.worker.intake import usual
from transcribed.worker.people.amounts import counted
from world import World, changed, work_for

pytestmark = pytest.mark.route(formats=("txt",))

DAY = 86400.0
A_FEW = 12 / 3600  # hours: a dozen of the recordings, of a second each


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """As if each second were some hours: what is asked for by hundreds of hours is by tens of seconds here."""
    monkeypatch.setattr(usual, "LEAST_HOURS", A_FEW)
    world.plan_options["accept_backlog_hours"] = A_FEW


def drop(world: World, count: int, what: str = "Song") -> None:
    for number in range(count):
        world.drop(f"{what} {number}.mp3")


def lives(world: World) -> None:
    """The first day of an inbox: one recording, and that is delivered."""
    world.drop("First.mp3")
    world.run(lambda: world.states() == [State.DELIVERED] and world.files("inbox") == [])


def waits(world: World) -> dict[str, object] | None:
    (inbox,) = world.published[-1]["inboxes"]
    shown: dict[str, object] | None = inbox["backlog"]
    return shown


def notice(world: World) -> str:
    path = world.folders["outbox"] / "_transcribed.txt"
    return path.read_text() if path.exists() else ""


def test_a_music_library_on_the_second_day_waits_for_a_word_before_any_of_it_is_paid(world, api) -> None:
    lives(world)
    world.clock.moved += DAY
    drop(world, 20)

    assert world.run() == 75

    assert len(api.submits) == 1
    assert waits(world)["count"] == 20
    [blocked] = world.published[-1]["blocked"]
    assert blocked["lane"] == "backlog:talks"
    assert blocked["reason"].startswith("20 recordings (less than a minute) came into the inbox, far more at once than")
    assert "the person who runs transcribed" in blocked["hint"]
    assert "`transcribed accept talks`" in blocked["hint"]


def test_it_waits_after_a_restart_too_until_it_is_accepted_and_is_usual_from_then_on(world, api) -> None:
    lives(world)
    drop(world, 20)
    world.run()
    world.clock.moved += 3 * DAY

    assert world.run() == 75
    assert len(api.submits) == 1
    work_for(world, 90.0)
    assert "20 recordings" in notice(world)
    assert "transcribed accept talks" in notice(world)

    world.accept()
    world.run(lambda: len(world.files("archive")) == 21)
    work_for(world, 20.0)
    assert waits(world) is None
    assert notice(world) == ""
    world.clock.moved += DAY
    drop(world, 30, "Another")
    assert world.run() == 0
    assert len(api.submits) == 51


def test_a_library_that_is_copied_slowly_is_asked_for_once_the_limit_is_reached(world, api) -> None:
    lives(world)
    begin = world.clock.moved
    copied = [(begin + 12.0 * number, functools.partial(world.drop, f"Song {number}.mp3")) for number in range(16)]
    world.run(at_times(world.clock, copied, lambda: waits(world) is not None and world.clock.moved > begin + 200))

    assert 8 <= len(api.submits) <= 12
    assert waits(world)["count"] == 17 - len(api.submits)


def test_what_was_taken_before_goes_on_while_the_rest_waits(world, api) -> None:
    lives(world)
    world.drop("Mine.mp3")
    world.run(lambda: len(api.submits) == 2)
    drop(world, 20)

    work_for(world, 200.0)

    assert waits(world)["count"] == 20
    assert "Mine.txt" in world.files("outbox")
    assert "Mine.mp3" in world.files("archive")


def test_who_takes_the_library_away_again_ends_it_at_the_share(world, api) -> None:
    lives(world)
    drop(world, 20)
    work_for(world, 60.0)
    for number in range(20):
        (world.folders["inbox"] / f"Song {number}.mp3").unlink()
    world.drop("Mine.mp3")

    world.run(lambda: "Mine.mp3" in world.files("archive"))

    work_for(world, 20.0)
    assert waits(world) is None
    assert world.published[-1]["blocked"] == []
    assert len(api.submits) == 2


def test_a_busy_office_on_a_busy_day_is_never_stopped(world, api) -> None:
    """Twice as much as on any day before, again and again, after days off too."""
    lives(world)
    counts = [8, 16, 0, 32]
    with structlog.testing.capture_logs() as logs:
        for day, count in enumerate(counts):
            world.clock.moved += DAY
            drop(world, count, f"Day {day}")
            assert world.run() == 0

    assert [line for line in logs if line["event"] == "lane.blocked"] == []
    assert len(api.submits) == 1 + sum(counts)


def test_a_mirror_that_sends_again_what_is_paid_for_is_not_asked_for(world, api) -> None:
    world.routes[0] = changed(world.route, duplicates="skip")
    lives(world)
    for day in range(2):
        world.clock.moved += DAY
        for path in [*(world.folders["archive"].glob("*.mp3"))]:
            shutil.move(path, world.folders["inbox"])
        drop(world, 10, f"Day {day}")
        assert world.run() == 0

    assert len(api.submits) == 21
    assert hours(world) == pytest.approx(21 * 1.0449 / 3600, rel=0.01)


def test_an_inbox_of_another_name_is_as_used_to_its_recordings_as_before(world, api) -> None:
    drop(world, 10, "First")
    assert world.run() == 0
    world.clock.moved += DAY
    world.routes[0] = changed(world.route, name="music")
    drop(world, 20)

    assert world.run() == 0
    assert len(api.submits) == 30


def test_accept_backlog_hours_may_ask_for_no_question_at_all(world, api) -> None:
    world.plan_options["accept_backlog_hours"] = 1e6
    lives(world)
    drop(world, 20)

    assert world.run() == 0
    assert len(api.submits) == 21


def test_recordings_that_settle_one_after_the_other_are_weighed_with_those_that_are_not_counted_yet(world, api) -> None:
    """Each look brings a few, and those of the look before are still being looked into."""
    lives(world)
    for number in range(14):
        path = world.drop(f"Song {number}.mp3")
        os.utime(path, ns=(0, int((world.clock.wall() + number) * 1e9)))
    world.run(lambda: world.clock.moved > 60)

    assert len(api.submits) == 1
    assert waits(world)["count"] == 14


def test_the_hours_of_a_day_are_written_with_its_jobs(world) -> None:
    world.drop("One.mp3")
    world.drop("Two.mp3")
    work_for(world, 3.0)
    for commit in range(1, 40):
        if not world.crash_at_commit(commit):
            break
        assert hours(world) == pytest.approx(len(world.jobs()) * 1.0449 / 3600, rel=0.1)
    assert len(world.jobs()) == 2


def hours(world: World) -> float:
    journal = Journal.read(str(world.state))
    try:
        return sum(day.came_hours for day in journal.days.of(["talks"]).values())
    finally:
        journal.close()


@pytest.mark.parametrize(
    ("count", "hours", "told"),
    [
        (1, 0.001, "1 recording (less than a minute)"),
        (2, 0.017, "2 recordings (1 minute)"),
        (2, 0.99, "2 recordings (59 minutes)"),
        (2, 0.999, "2 recordings (1.0 hours)"),
        (0, 40.04, "0 recordings (40.0 hours)"),
    ],
)
def test_a_backlog_shorter_than_an_hour_is_told_in_minutes(count, hours, told) -> None:
    assert counted(count, hours) == told
