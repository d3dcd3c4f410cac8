"""An inbox that has another name in the configuration is the same inbox: its open jobs go on under the new name."""

import pytest

from fake_assemblyai import FakeAssemblyAI
from transcribed.folders import facts_of
from transcribed.job import State
from transcribed.worker import Reload, drop
from world import World, changed

COMMITS = [5, 6, 7, 8, 10, 11]  # of a recording's way, before which a crash leaves it at each step


def rename(world: World, name: str, **changes: object) -> None:
    world.routes[0] = changed(world.routes[0], name=name, **changes)


def assert_delivered_once(world: World, api: FakeAssemblyAI, name: str) -> None:
    assert [(job.inbox, job.state) for job in world.jobs()] == [(name, State.DELIVERED)]
    assert (world.files("inbox"), world.files("archive")) == ([], ["Talk.mp3"])
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]
    assert len(api.submits) == 1


@pytest.mark.parametrize("commit", COMMITS)
def test_a_job_goes_on_in_the_renamed_inbox_whatever_it_had_come_to(
    world: World, api: FakeAssemblyAI, commit: int
) -> None:
    assert world.run() == 0  # the folders are known
    world.drop("Talk.mp3")
    assert world.crash_at_commit(commit)
    assert world.jobs()[0].unfinished
    rename(world, "renamed")

    assert world.run() == 0

    assert_delivered_once(world, api, "renamed")


def test_a_reload_renames_an_inbox_while_a_transcript_is_under_way(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    world.next_plan = lambda: (rename(world, "renamed"), world.plan())[1]

    world.run(lambda: bool(world.files("archive")), messages=(Reload(),))

    assert_delivered_once(world, api, "renamed")
    assert "renamed" in world.story(1)


@pytest.mark.parametrize("duplicates", ["reuse", "skip"])
def test_a_name_that_returns_delivers_nothing_twice(world: World, api: FakeAssemblyAI, duplicates: str) -> None:
    rename(world, "talks", duplicates=duplicates)
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    for name in ("renamed", "talks", "another"):
        rename(world, name)
        world.run(lambda: world.published != [])
    assert world.run() == 0
    rename(world, "talks")

    assert world.run() == 0
    assert_delivered_once(world, api, "another")


def test_a_recording_that_waited_for_the_api_is_transcribed_in_the_renamed_inbox(
    world: World, api: FakeAssemblyAI
) -> None:
    api.down()
    world.drop("Talk.mp3")
    world.run(lambda: world.clock.moved > 100)
    rename(world, "renamed")
    world.run(lambda: world.clock.moved > 200)
    api.up()

    assert world.run() == 0

    assert_delivered_once(world, api, "renamed")


def test_a_recording_taken_away_before_its_inbox_was_renamed_leaves_no_job_open(
    world: World, api: FakeAssemblyAI
) -> None:
    api.down()
    world.drop("Talk.mp3")
    world.run(lambda: world.clock.moved > 100)
    (world.folders["inbox"] / "Talk.mp3").unlink()
    api.up()
    rename(world, "renamed")

    assert world.run() == 0

    assert world.states() == [State.CANCELLED]


def test_a_transcript_paid_for_is_delivered_though_its_recording_went_before_its_inbox_was_renamed(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    (world.folders["inbox"] / "Talk.mp3").unlink()
    rename(world, "renamed")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]


def test_a_renamed_inbox_whose_share_is_away_waits_for_it_and_gives_up_no_job(
    world: World, api: FakeAssemblyAI
) -> None:
    api.down()
    world.drop("Talk.mp3")
    world.run(lambda: world.clock.moved > 100)
    api.up()
    away = world.lose("inbox")
    world.folders["inbox"].mkdir()  # as the mount point lies there
    rename(world, "renamed")

    assert world.run() != 0
    assert world.states() == [State.RECEIVED]
    assert world.files("inbox") == []

    world.folders["inbox"].rmdir()
    away.rename(world.folders["inbox"])
    assert world.run() == 0
    assert_delivered_once(world, api, "renamed")


def test_a_renamed_inbox_that_keeps_its_recordings_takes_none_of_them_again(world: World, api: FakeAssemblyAI) -> None:
    rename(world, "talks", after="keep")
    world.drop("Talk.mp3")
    assert world.run() == 0
    rename(world, "renamed")

    for _ in range(2):
        assert world.run() == 0

    assert len(world.jobs()) == 1
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]


def test_inboxes_that_swap_their_names_lose_nothing_and_pay_for_nothing_twice(
    world: World, api: FakeAssemblyAI
) -> None:
    first, second = world.routes[0], world.second_inbox()
    world.drop("Talk.mp3")
    world.drop("Other.mp3", folder="second-inbox")
    world.run(lambda: world.states() == [State.SUBMITTED] * 2)
    world.routes[:] = [changed(first, name=second.name), changed(second, name=first.name)]

    assert world.run() == 0

    assert len(api.submits) == 2
    assert (world.files("archive"), world.files("second-archive")) == (["Talk.mp3"], ["Other.mp3"])
    assert {"Talk.txt"} <= set(world.files("outbox"))
    assert {"Other.txt"} <= set(world.files("second-outbox"))


def test_a_name_given_to_another_folder_loses_nothing_and_pays_for_nothing_twice(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    rename(world, "renamed")
    world.routes[1:] = [changed(world.second_inbox(), name="talks")]

    assert world.run() == 0

    assert len(api.submits) == 1
    assert world.files("archive") == ["Talk.mp3"]
    assert "Talk.txt" in world.files("outbox")


def test_the_jobs_of_an_inbox_that_was_removed_wait_though_another_inbox_is_new(world: World) -> None:
    world.second_inbox()
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    world.routes[:] = [changed(world.routes[1], name="new")]

    world.run(lambda: world.states() == [State.TRANSCRIBED])
    assert world.run() == 75

    assert [job.inbox for job in world.jobs()] == ["talks"]
    assert world.files("second-outbox") == []


def test_a_job_left_open_beside_that_of_the_new_name_ends_and_is_not_paid_again(
    world: World, api: FakeAssemblyAI
) -> None:
    """As an older version left it, which did not know the inbox again; one that was elsewhere too is not known now."""
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    elsewhere = f"{facts_of('talks')}inbox:/elsewhere"
    with world.journal() as journal:
        journal.remember({elsewhere: "mount"})
    rename(world, "renamed")
    assert world.run() == 75
    assert world.states() == [State.TRANSCRIBED, State.DELIVERED]
    with world.journal() as journal:
        journal.remember({elsewhere: None})

    assert world.run() == 0

    assert world.states() == [State.DELIVERED] * 2
    assert len(api.submits) == 1
    assert world.files("archive") == ["Talk.mp3"]


def test_folders_that_a_person_accepts_under_a_new_name_are_not_asked_about_under_the_next(
    world: World, api: FakeAssemblyAI
) -> None:
    assert world.run() == 0
    world.lose("inbox")
    world.folders["inbox"].mkdir()
    rename(world, "renamed")
    assert world.run() != 0
    drop(str(world.state), {"order": "accept", "folders": "renamed"})
    assert world.run() == 0

    for name in ("another", "talks"):
        rename(world, name)
        assert world.run() == 0
