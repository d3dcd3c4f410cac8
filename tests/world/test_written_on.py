"""What was transcribed is what lies in the archive: recordings that change after they were sent."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from transcribed.job import State
from world import World, mp3

pytestmark = pytest.mark.route(formats=("txt",))


def run_and(world: World, then: Callable[[], object], *, at: State, jobs: int, seconds: float = 3600) -> None:
    """Run, do this once the first job is in that state, and run on until so many recordings are put away."""
    done: list[object] = []

    def until() -> bool:
        if not done and world.states() and world.jobs()[0].state is at:
            done.append(then())
        ended = [job for job in world.jobs() if job.retired_at is not None]
        return bool(done) and len(ended) >= jobs

    world.run(until, seconds=seconds)


def sent(world: World, data: bytes) -> int:
    """How often these bytes were paid."""
    return world.api.paid()[hashlib.sha256(data).hexdigest()]


def note(world: World, name: str = "Talk.note.txt") -> str:
    return (world.folders["outbox"] / name).read_text()


def test_a_recording_that_is_overwritten_after_its_submit_is_not_archived_with_the_words_of_the_old_one(world):
    """nas D2, on a local disk: the size is the same, only the time tells."""
    path = world.drop("Talk.mp3", mp3("old"))

    run_and(world, lambda: path.write_bytes(mp3("new")), at=State.SUBMITTED, jobs=2)

    assert world.files("archive") == ["Talk (2).mp3"]
    assert (world.folders["archive"] / "Talk (2).mp3").read_bytes() == mp3("new")
    assert world.files("outbox") == ["Talk (2).txt", "Talk.note.txt", "Talk.txt"]
    assert (sent(world, mp3("old")), sent(world, mp3("new"))) == (1, 1)
    assert "it was written over since: other bytes lie there now than were transcribed" in note(world)


def test_what_is_written_on_after_its_submit_is_told_beside_its_transcript_and_transcribed_whole(world):
    """nas D3 and clients 1, where the writer goes on before the move."""
    part, whole = mp3("Talk", 40), mp3("Talk", 90)
    path = world.drop("Talk.mp3", part)

    run_and(world, lambda: path.write_bytes(whole), at=State.SUBMITTED, jobs=2)

    assert (world.folders["archive"] / "Talk (2).mp3").read_bytes() == whole
    assert f"it was written on since: {len(whole):,} bytes now, {len(part):,} transcribed" in note(world)
    assert "Talk.mp3" in note(world)


@pytest.mark.parametrize("after", ["archive", "keep", "delete"])
@pytest.mark.parametrize("touch", [lambda path: os.chmod(path, 0o777), lambda path: os.utime(path, (1e9, 1e9))])
def test_a_recording_whose_attributes_change_while_it_is_transcribed_is_put_away_all_the_same(
    tmp_path: Path, api, clock, after, touch
):
    """clients 5: what smbd and the Finder write beside a file changes its ctime, and nothing of the recording."""
    world = World(tmp_path, api, clock, formats=("txt",), after=after)
    path = world.drop("Talk.mp3")

    run_and(world, lambda: touch(path), at=State.SUBMITTED, jobs=1, seconds=60)

    assert world.files("inbox") == (["Talk.mp3"] if after == "keep" else [])
    assert world.files("archive") == (["Talk.mp3"] if after == "archive" else [])
    assert world.files("outbox") == ["Talk.txt"]
    assert sent(world, mp3("Talk.mp3")) == 1


def test_what_lies_in_the_place_of_a_deleted_recording_is_not_deleted(tmp_path: Path, api, clock):
    world = World(tmp_path, api, clock, formats=("txt",), after="delete")
    path = world.drop("Talk.mp3", mp3("old"))

    run_and(world, lambda: path.write_bytes(mp3("new")), at=State.SUBMITTED, jobs=2)

    assert (sent(world, mp3("old")), sent(world, mp3("new"))) == (1, 1)


def test_a_note_that_a_person_wrote_is_left_as_it_is(world):
    path = world.drop("Talk.mp3", mp3("old"))
    (world.folders["outbox"] / "Talk.note.txt").write_text("call Ana")

    run_and(world, lambda: path.write_bytes(mp3("new")), at=State.SUBMITTED, jobs=2)

    assert note(world) == "call Ana"
    assert "other bytes lie there now" in note(world, "Talk.note (2).txt")
