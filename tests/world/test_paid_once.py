"""Ways in which the world made us pay twice, mix two recordings up, or wait for ever: each was found by trying."""

import json

import pytest

from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.job import State
from world import World, mp3

NOT_YOURS = Fault.answer(403, "Cannot access uploaded file")


@pytest.mark.parametrize("route", ["GET /v2/transcript/{id}", "POST /v2/upload"])
def test_a_refusal_that_speaks_of_an_upload_gives_up_no_paid_transcript(
    world: World, api: FakeAssemblyAI, route: str
) -> None:
    world.drop("Talk.mp3")
    api.script(route, [NOT_YOURS])

    world.run(lambda: State.DELIVERED in world.states())

    assert len(api.submits) == 1


def test_a_refusal_of_the_list_that_speaks_of_an_upload_gives_up_no_submit_in_doubt(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")
    api.script("POST /v2/transcript", [Fault.lost_answer()])
    api.script("GET /v2/transcript", [NOT_YOURS])

    world.run(lambda: State.DELIVERED in world.states())

    assert len(api.submits) == 1


def test_an_answer_of_413_to_a_look_at_a_transcript_does_not_fail_its_job(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.script("GET /v2/transcript/{id}", [Fault.answer(413, "too large")])

    world.run(lambda: State.DELIVERED in world.states())

    assert "failed" not in world.story(1)


@pytest.mark.parametrize("left", ["the description", "nothing"])
def test_a_transcript_that_a_duplicate_has_fetched_again_is_described_as_its_payer_knew_it(
    world: World, api: FakeAssemblyAI, left: str
) -> None:
    world.drop("Talk.mp3", mp3("same"))
    assert world.run() == 0
    kept = world.state / "transcripts" / f"{api.submits[0].id}.json"
    description = kept.with_suffix(".meta.json")
    before = json.loads(description.read_bytes())
    kept.unlink()
    if left == "nothing":
        description.unlink()
    world.drop("Again.mp3", mp3("same"))

    assert world.run() == 0

    assert kept.exists()
    assert json.loads(description.read_bytes()) == before
