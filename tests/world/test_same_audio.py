"""The same audio is the same recording, whatever stands in its tags (field F4)."""

import json

import pytest

from fake_assemblyai import FakeAssemblyAI
from tags import ID3V1, ape, id3v2
from transcribed.worker import drop
from world import World, changed, mp3, parameters

pytestmark = pytest.mark.route(formats=("txt",))

AUDIO = mp3("what is said")
TAGGED = id3v2(b"Episode 12, with a cover" + bytes(5000)) + AUDIO + ape() + ID3V1


def text(world: World, name: str) -> bytes:
    return (world.folders["outbox"] / name).read_bytes()


@pytest.mark.parametrize(("first", "second"), [(AUDIO, TAGGED), (TAGGED, AUDIO), (TAGGED, id3v2() + AUDIO)])
def test_a_recording_with_other_tags_is_delivered_again_and_not_paid_again(
    world: World, api: FakeAssemblyAI, first: bytes, second: bytes
) -> None:
    world.drop("Episode 12.mp3", first)
    assert world.run() == 0
    world.drop("Episode 12.mp3", second)
    assert world.run() == 0

    assert len(api.submits) == 1
    assert world.files("outbox") == ["Episode 12 (2).txt", "Episode 12.txt"]
    assert text(world, "Episode 12 (2).txt") == text(world, "Episode 12.txt")
    assert [path.read_bytes() for path in sorted(world.folders["archive"].glob("*.mp3"))] == [second, first]


def test_a_recording_that_is_kept_in_the_inbox_and_tagged_there_is_not_paid_again(
    world: World, api: FakeAssemblyAI
) -> None:
    world.routes[0] = changed(world.route, after="keep")
    world.drop("Episode 12.mp3", AUDIO)
    assert world.run() == 0
    world.clock.moved += 3600
    world.drop("Episode 12.mp3", TAGGED)
    assert world.run() == 0

    assert len(api.submits) == 1
    assert world.files("inbox") == ["Episode 12.mp3"]


def test_a_recording_that_is_tagged_while_the_other_is_transcribed_waits_for_its_transcript(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Edited.mp3", AUDIO)
    world.drop("Tagged.mp3", TAGGED)

    assert world.run() == 0

    assert len(api.submits) == 1
    assert world.files("outbox") == ["Edited.txt", "Tagged.txt"]


def test_other_audio_with_the_same_tags_is_another_recording(world: World, api: FakeAssemblyAI) -> None:
    world.drop("One.mp3", id3v2() + mp3("one") + ID3V1)
    world.drop("Two.mp3", id3v2() + mp3("two") + ID3V1)

    assert world.run() == 0

    assert len(api.submits) == 2


def test_two_files_of_tags_and_almost_no_audio_are_two_recordings(world: World, api: FakeAssemblyAI) -> None:
    world.drop("One.mp3", id3v2(b"one") + mp3("", frames=3))
    world.drop("Two.mp3", id3v2(b"two") + mp3("", frames=3))

    assert world.run() == 0

    assert len(api.submits) == 2


def test_the_same_audio_with_another_request_is_paid_for(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Plain.mp3", AUDIO)
    assert world.run() == 0
    world.routes[0] = changed(world.route, parameters=parameters(speaker_labels=True))
    world.drop("Tagged.mp3", TAGGED)
    assert world.run() == 0

    assert len(api.submits) == 2


def test_of_a_job_from_before_audio_was_hashed_the_same_bytes_are_known_and_other_tags_are_not(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Old.mp3", TAGGED)
    assert world.run() == 0
    forget_audio_hashes(world)
    world.drop("Same.mp3", TAGGED)
    world.drop("Other tags.mp3", AUDIO)
    assert world.run() == 0

    assert len(api.submits) == 2  # and from now on the audio is known


def forget_audio_hashes(world: World) -> None:
    """The journal and the file of payments as if no audio had been hashed so far."""
    with world.journal() as journal, journal._engine.begin() as connection:
        for table in ("jobs", "payments"):
            connection.exec_driver_sql(f"UPDATE {table} SET audio_hash = NULL")


def test_a_job_that_is_forgotten_but_for_its_payment_is_known_by_its_audio(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Plain.mp3", AUDIO)
    assert world.run() == 0
    with world.journal() as journal:
        journal.forget(world.clock.wall() + 1, 100)
        world.clock.moved += 10
    world.drop("Tagged.mp3", TAGGED)
    assert world.run() == 0

    assert len(api.submits) == 1


@pytest.mark.parametrize("lost", ["payments.jsonl", "transcripts"])
def test_a_journal_that_was_lost_learns_of_the_audio_from_what_was_written_beside_it(
    world: World, api: FakeAssemblyAI, lost: str
) -> None:
    world.drop("Plain.mp3", AUDIO)
    assert world.run() == 0
    (meta,) = (world.state / "transcripts").glob("*.meta.json")
    assert json.loads(meta.read_text())["audio_hash"] == world.jobs()[0].audio_hash
    for path in world.state.glob("journal.db*"):
        path.unlink()
    if lost == "payments.jsonl":
        (world.state / lost).unlink()
    else:
        meta.unlink()
    world.run()
    drop(str(world.state), {"order": "accept", "loss": True})
    world.drop("Tagged.mp3", TAGGED)
    world.run(lambda: "Tagged.txt" in world.files("outbox"))

    assert len(api.submits) == 1
