"""Ways in which the world made us pay twice, mix two recordings up, or wait for ever: each was found by trying."""

import json
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.job import State
from world import Clock, World, changed, mp3, work_for

pytestmark = pytest.mark.route(scan_seconds=60.0)  # hours pass here in which nothing is dropped

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


def alike(world: World, first: Path, name: str, data: bytes) -> Path:
    """Another recording of the size and the time of the `first`, which is no longer in the inbox."""
    failed = world.folders["failed"] / first.name
    at, size = failed.stat().st_mtime_ns, failed.stat().st_size
    other = world.drop(name, data[:size].ljust(size, b"\0"))
    os.utime(other, ns=(at, at))
    return other


def test_another_recording_of_the_size_and_time_of_a_paid_one_that_failed_is_transcribed_for_itself(
    world: World, api: FakeAssemblyAI
) -> None:
    world.routes[0] = changed(world.route, silence="fail")
    api.results = {"text": "", "words": []}
    first = world.drop("A.mp3")
    assert world.run() == 1
    alike(world, first, "B.mp3", mp3("B.mp3"))

    assert world.run() == 1

    assert len(api.submits) == 2
    assert world.files("failed") == ["A.mp3", "A.mp3.error.txt", "B.mp3", "B.mp3.error.txt"]


def test_another_recording_of_the_size_and_time_of_one_in_doubt_does_not_take_its_submit(
    world: World, api: FakeAssemblyAI
) -> None:
    first = world.drop("A.mp3")
    api.script("POST /v2/transcript", [Fault.lost_answer()])
    world.run(lambda: [job.doubtful for job in world.jobs()] == [True] and len(api.submits) == 1)
    world.key = api.key = "another-key-whose-list-proves-nothing"
    submits, api.submits = [*api.submits], []
    assert world.run(lambda: world.states() == [State.FAILED] and not world.files("inbox")) == 0
    api.submits = submits
    alike(world, first, "B.mp3", mp3("B.mp3"))

    world.run(lambda: State.DELIVERED in world.states())

    assert len(api.submits) == 2
    assert world.jobs()[0].state is State.FAILED
    assert world.files("outbox") == ["B.srt", "B.txt"]


def test_a_paid_recording_that_failed_and_is_dragged_back_is_known_by_its_content(
    world: World, api: FakeAssemblyAI
) -> None:
    world.routes[0] = changed(world.route, silence="fail")
    api.results = {"text": "", "words": []}
    first = world.drop("A.mp3")
    assert world.run() == 1
    world.routes[0] = changed(world.route, silence="empty")
    (world.folders["failed"] / "A.mp3").rename(first)

    assert world.run() == 0

    assert len(api.submits) == 1
    assert world.states() == [State.DELIVERED]
    assert world.files("failed") == []


def test_an_item_of_another_program_in_the_list_stops_nobody(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: State.SUBMITTED in world.states())
    api.submits.append(replace(api.submits[0], id="3hg73t53o-fb8f-4a1b-8f5e-000000000000"))
    api.script("POST /v2/transcript", [Fault.lost_answer()])
    world.drop("Other.mp3")

    world.run(lambda: world.states() == [State.DELIVERED] * 2)

    assert len(api.submits) == 3


def test_a_transcript_that_its_account_no_longer_knows_is_a_question_and_blocks_nobody(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: State.SUBMITTED in world.states())
    api.submits.clear()
    world.drop("Other.mp3")

    logs = work_for(world, 7200)

    gone, other = world.jobs()
    assert gone.state is State.FAILED
    assert gone.transcript_id is not None
    assert "--pay-again" in gone.hint
    assert other.state is State.DELIVERED
    assert [line for line in logs if line["event"] == "lane.blocked"] == []


def test_a_transcript_that_is_unknown_to_another_account_fails_nobody(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: State.SUBMITTED in world.states())
    submits, api.submits = [*api.submits], [replace(api.submits[0], id=str(uuid.uuid4()))]
    key, world.key, api.key = world.key, "another-key", "another-key"
    world.drop("Other.mp3")

    logs = work_for(world, 7200)

    assert world.states() == [State.SUBMITTED, State.DELIVERED]
    assert [line for line in logs if line["event"] == "lane.blocked"] == []
    assert "belongs to another key" in world.jobs()[0].hint
    api.submits, world.key, api.key = submits, key, key
    assert world.run() == 0
    assert len(api.submits) == 1


def test_a_transcript_that_the_list_shows_is_not_given_up_where_it_is_not_found_once(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")
    api.script("GET /v2/transcript/{id}", [Fault.answer(400, "Transcript id not found")] * 3)

    world.run(lambda: State.DELIVERED in world.states())

    assert "failed" not in world.story(1)


def test_a_renamed_inbox_has_its_transcripts_fetched_and_its_recording_delivered_once(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: State.SUBMITTED in world.states())
    world.routes[0] = changed(world.route, name="renamed")

    world.run(lambda: State.DELIVERED in world.states())

    assert len(api.submits) == 1
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]


def test_a_submit_in_doubt_is_looked_for_though_its_inbox_was_renamed(world: World, api: FakeAssemblyAI) -> None:
    api.script("POST /v2/transcript", [Fault.lost_answer()])
    world.drop("Talk.mp3")
    world.run(lambda: [job.doubtful for job in world.jobs()] == [True] and len(api.submits) == 1)
    world.routes[0] = changed(world.route, name="renamed")

    world.run(lambda: State.DELIVERED in world.states())

    assert len(api.submits) == 1


def test_a_transcript_of_an_inbox_that_was_removed_is_fetched_while_assemblyai_has_it(
    world: World, api: FakeAssemblyAI
) -> None:
    world.second_inbox()
    world.drop("Talk.mp3")
    world.run(lambda: State.SUBMITTED in world.states())
    first = world.routes.pop(0)
    world.run(lambda: State.TRANSCRIBED in world.states())
    api.submits.clear()
    world.routes.insert(0, first)

    world.run(lambda: State.DELIVERED in world.states())

    assert api.submits == []


def moved(world: World, name: str) -> None:
    """Have the inbox be another folder of recordings from now on, under this name."""
    world.second_inbox()
    other = world.routes.pop()
    for number in range(5):
        world.drop(f"{number}.mp3", folder="second-inbox")
    world.routes[0] = changed(world.route, name=name, inbox=other.inbox)


@pytest.mark.parametrize("by", ["this version", "an older one"])
def test_an_inbox_that_is_another_folder_now_is_asked_about_until_a_person_accepts_it(
    world: World, api: FakeAssemblyAI, by: str
) -> None:
    world.plan_options["accept_backlog_hours"] = 0.0
    assert world.run() == 0
    if by == "an older one":
        with world.journal() as journal:
            journal.remember(dict.fromkeys(journal.facts("accepted:")))
    moved(world, world.route.name)

    for _ in range(2):
        assert world.run() == 75
        assert api.submits == []
    world.accept()
    world.run(lambda: world.states() == [State.DELIVERED] * 5)


def test_a_folder_that_was_accepted_stays_so_under_another_name(world: World, api: FakeAssemblyAI) -> None:
    world.plan_options["accept_backlog_hours"] = 0.0
    assert world.run() == 0
    world.routes[0] = changed(world.route, name="renamed")
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert len(api.submits) == 1


def test_a_transcript_that_takes_days_is_told_of_once_and_delivered_when_it_ends(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    api.processing_seconds = 4 * 86400
    world.drop("Talk.mp3")
    world.run(lambda: State.SUBMITTED in world.states())
    clock.moved += 2 * 86400

    logs = work_for(world, 7200)

    (job,) = world.published[-1]["open"]
    assert "more than a day" in job["reason"]
    assert "status page" in job["hint"]
    assert [line["event"] for line in logs].count("job.deferred") == 1
    clock.moved += 2 * 86400
    assert world.run() == 0
    assert len(api.submits) == 1
