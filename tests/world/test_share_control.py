"""Orders that people give by the folders only: a retry, a cancel, a new job."""

import os
from pathlib import Path

import pytest

from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.job import State
from world import World, mp3

pytestmark = pytest.mark.route(formats=("txt",))


def taken_in_while_the_line_is_down(world: World, api: FakeAssemblyAI) -> Path:
    """A recording that is a job, and not submitted."""
    path = world.drop("Talk.mp3", mp3("the first"))
    api.down()
    world.run(lambda: bool(world.published and world.published[-1]["blocked"]))
    assert world.states() == [State.RECEIVED]
    api.up()
    return path


def test_a_recording_deleted_before_it_is_submitted_is_cancelled_and_costs_nothing(world, api):
    taken_in_while_the_line_is_down(world, api).unlink()

    assert world.run() == 0

    assert world.states() == [State.CANCELLED]
    assert api.submits == []
    assert world.files("outbox") == world.files("failed") == []


def uploaded_and_not_submitted(world: World, api: FakeAssemblyAI) -> Path:
    """A recording that is at AssemblyAI, but for which nothing was ordered: the balance is negative."""
    path = world.drop("Talk.mp3", mp3("the first"))
    message = "Your current account balance is negative. Please top up to continue using the API."
    api.script("POST /v2/transcript", [Fault.answer(400, message)] * 9)
    return path


def test_a_recording_deleted_after_its_upload_while_nothing_can_be_submitted_is_cancelled(world, api):
    path = uploaded_and_not_submitted(world, api)

    def deleted() -> bool:
        if world.states() == [State.UPLOADED]:
            path.unlink(missing_ok=True)
        return world.states() == [State.CANCELLED]

    world.run(deleted)
    api.clear()
    assert world.run() == 0

    assert world.story(1)[-1] == "cancelled"
    assert api.paid() == {}
    assert world.files("outbox") == world.files("failed") == []


def test_a_recording_deleted_after_its_upload_while_no_daemon_runs_is_cancelled(world, api):
    path = uploaded_and_not_submitted(world, api)
    world.run(lambda: world.states() == [State.UPLOADED])
    path.unlink()
    api.clear()

    assert world.run() == 0

    assert world.states() == [State.CANCELLED]
    assert api.paid() == {}


def test_a_recording_replaced_before_it_is_submitted_is_a_new_job_and_the_old_one_costs_nothing(world, api):
    taken_in_while_the_line_is_down(world, api)
    world.drop("Talk.mp3", mp3("the second", frames=50))

    assert world.run() == 0

    assert world.states() == [State.CANCELLED, State.DELIVERED]
    assert len(api.submits) == 1
    assert (world.folders["archive"] / "Talk.mp3").read_bytes() == mp3("the second", frames=50)


def test_a_recording_replaced_after_it_was_submitted_is_a_second_job_and_neither_is_lost(world, api):
    world.drop("Talk.mp3", mp3("the first"))
    world.run(lambda: world.states() == [State.SUBMITTED])
    world.drop("Talk.mp3", mp3("the second", frames=50))

    assert world.run() == 0

    assert world.states() == [State.DELIVERED, State.DELIVERED]
    assert world.files("outbox") == ["Talk (2).txt", "Talk.note.txt", "Talk.txt"]
    assert [(world.folders["archive"] / name).read_bytes() for name in world.files("archive")] == [
        mp3("the second", frames=50)
    ]


def test_a_cancelled_recording_that_is_dropped_again_is_a_new_job(world, api):
    taken_in_while_the_line_is_down(world, api).unlink()
    world.run()

    world.drop("Talk.mp3", mp3("the first"))
    assert world.run() == 0

    assert world.states() == [State.CANCELLED, State.DELIVERED]
    assert len(api.submits) == 1


@pytest.mark.parametrize("name", ["Talk.mp3", "sub/Other name.mp3", os.fsdecode(b"caf\xe9\n.mp3")])
def test_a_failed_recording_dragged_back_under_any_name_is_the_same_job_and_its_note_goes(world, api, name):
    world.drop("Talk.mp3")
    api.end_with_error("Transcoding failed. File type is audio/mpeg")
    world.run()
    assert world.files("failed") == ["Talk.mp3", "Talk.mp3.error.txt"]

    target = world.folders["inbox"] / name
    target.parent.mkdir(exist_ok=True)
    (world.folders["failed"] / "Talk.mp3").rename(target)
    assert world.run() == 0

    assert [job.id for job in world.jobs()] == [1]
    assert world.files("archive") == [name]
    assert world.files("outbox") == [name.replace(".mp3", ".txt")]
    assert world.files("failed") == []


def write_over_in_place(path: Path, data: bytes) -> None:
    """As a program does that saves into the same file; the folder keeps an old time, which tells nothing of it."""
    path.write_bytes(data)
    os.utime(path.parent, (1e9, 1e9))


def test_a_recording_written_over_in_place_before_it_is_sent_is_taken_again_within_minutes(world, api, clock):
    path = world.drop("sub/Talk.mp3", mp3("the first"))
    api.down()
    second: list[bytes] = []

    def is_put_away() -> bool:
        if world.states() == [State.RECEIVED] and not second:
            second.append(mp3("the second", frames=50))
            write_over_in_place(path, second[0])
            api.up()
        return world.files("archive") == ["sub/Talk.mp3"]

    world.run(is_put_away, seconds=1200)

    assert world.states() == [State.CANCELLED, State.DELIVERED]
    assert list(api.paid().values()) == [1]


def test_a_recording_written_over_just_before_it_is_looked_into_is_taken_within_minutes(world, clock):
    path = world.drop("sub/Talk.mp3", mp3("the first"))
    os.utime(path.parent, (1e9, 1e9))
    inline = world.executor("inbox", 1)
    settled = []

    class Late:
        def submit(self, work):
            settled.extend([work] * (clock.moved >= 5.0))
            if len(settled) == 2:  # a look has shown that it has settled, and now it is looked into
                write_over_in_place(path, mp3("the second", frames=50))
            inline.submit(work)

    world.executor = lambda name, threads: Late() if name.startswith("inbox") else inline
    world.run(lambda: world.files("archive") == ["sub/Talk.mp3"], seconds=1200)

    assert world.states() == [State.DELIVERED]
    assert (world.folders["archive"] / "sub/Talk.mp3").read_bytes() == mp3("the second", frames=50)
