"""The looks at the transcripts that wait: as many as are worth it, whatever becomes of what they show."""

from pathlib import Path

import pytest

from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed import config
from transcribed.job import State
from world import Clock, World


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(tmp_path: Path, api: FakeAssemblyAI, clock: Clock) -> World:
    """A daemon that looks as often as one that is configured by its defaults."""
    world = World(tmp_path, api, clock)
    world.plan_options = {"poll_seconds": config.Api().poll_seconds}
    return world


def looks(api: FakeAssemblyAI) -> int:
    return [path.partition("?")[0] for method, path in api.requests if method == "GET"].count("/v2/transcript")


def test_a_transcript_that_has_ended_and_cannot_be_fetched_is_not_looked_at_all_the_time(
    world: World, api: FakeAssemblyAI
) -> None:
    api.script("GET /v2/transcript/{id}", [Fault.answer(500, "Internal server error")] * 10_000)
    world.drop("Talk.mp3")
    until = world.clock.moved + 3600.0

    world.run(lambda: world.clock.moved >= until, seconds=4000)

    assert world.states() == [State.SUBMITTED]
    assert looks(api) < 130


def test_a_recording_that_takes_ten_minutes_costs_few_looks(world: World, api: FakeAssemblyAI) -> None:
    api.processing_seconds = 600.0
    api.clock = world.clock.wall
    world.drop("Talk.mp3")

    world.run(lambda: world.states() == [State.DELIVERED])

    assert world.clock.moved < 600.0 + 65.0
    assert looks(api) < 50


def test_what_a_local_api_has_heard_of_a_recording_is_in_the_status_until_its_transcript_is_there(
    world: World, api: FakeAssemblyAI
) -> None:
    api.processing_seconds = 60.0
    api.clock = world.clock.wall
    api.under_way = {"progress": {"heard_seconds": 12.5, "of_seconds": 44.0}}
    world.drop("Talk.mp3")
    seen: list[tuple[object, object]] = []

    def is_delivered() -> bool:
        seen.extend((row.get("heard_seconds"), row.get("audio_seconds")) for row in world.published[-1]["open"])
        return world.states() == [State.DELIVERED]

    world.run(is_delivered)

    assert (12.5, 44.0) in seen
    assert all("heard_seconds" not in row for row in world.published[-1]["open"])
