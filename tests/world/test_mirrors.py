"""A mirror that sends the same recordings each night: with duplicates = "skip" nothing comes twice (clients 6)."""

import os
import shutil
from pathlib import Path

import pytest

from fake_assemblyai import FakeAssemblyAI
from tags import id3v2
from transcribed.job import State
from world import World, changed, mp3

pytestmark = pytest.mark.route(formats=("txt", "srt"), duplicates="skip")

TALK = mp3("what the phone recorded")


@pytest.fixture
def source(world: World) -> Path:
    """The folder that is mirrored."""
    path = world.directory / "phone" / "sub" / "Talk.mp3"
    path.parent.mkdir(parents=True)
    path.write_bytes(TALK)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path.parents[1]


def mirror(source: Path, world: World, *, times: bool = True) -> int:
    """As `rsync -a` does: each file that the inbox lacks, or has with another size or time; how many were sent."""
    sent = 0
    for path in (each for each in source.rglob("*") if each.is_file()):
        target = world.folders["inbox"] / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or (times and target.stat().st_mtime != path.stat().st_mtime):
            shutil.copy2(path, target) if times else shutil.copy(path, target)
            sent += 1
    return sent


def night(world: World) -> None:
    world.clock.moved += 86_400
    assert world.run() == 0


def test_a_mirror_that_runs_each_night_delivers_and_pays_once_and_from_the_third_night_on_sends_nothing(
    world: World, api: FakeAssemblyAI, source: Path
) -> None:
    sent = []
    for _ in range(5):
        sent.append(mirror(source, world))
        night(world)

    assert sent == [1, 1, 0, 0, 0]
    assert len(api.submits) == len(api.uploads) == 1
    assert world.files("outbox") == ["sub/Talk.srt", "sub/Talk.txt"]
    assert world.files("archive") == world.files("inbox") == ["sub/Talk.mp3"]
    assert world.story(2)[-3:] == ["known", "skipped", "retired"]
    assert world.jobs()[1].reason == "not delivered again: the files of job 1 are still in the outbox"
    assert world.jobs()[1].number is None  # no number is taken away from what people drop


def test_a_duplicate_that_stays_in_the_inbox_is_left_alone_at_each_start(world: World, source: Path) -> None:
    for _ in range(2):
        mirror(source, world)
        night(world)
    before = len(world.story(2))

    for _ in range(3):
        night(world)

    assert len(world.jobs()) == 2
    assert len(world.story(2)) == before


def test_a_mirror_that_gives_each_copy_a_new_time_delivers_nothing_twice_either(
    world: World, api: FakeAssemblyAI, source: Path
) -> None:
    for _ in range(4):
        (world.folders["inbox"] / "sub" / "Talk.mp3").unlink(missing_ok=True)
        mirror(source, world, times=False)
        night(world)

    assert len(api.submits) == 1
    assert world.files("outbox") == ["sub/Talk.srt", "sub/Talk.txt"]
    assert world.files("archive") == ["sub/Talk.mp3"]


@pytest.mark.parametrize("gone", ["sub/Talk.txt", "sub/Talk.srt"])
def test_where_a_file_of_the_first_delivery_has_gone_it_is_delivered_again_and_not_paid_again(
    world: World, api: FakeAssemblyAI, source: Path, gone: str
) -> None:
    mirror(source, world)
    night(world)
    (world.folders["outbox"] / gone).unlink()
    mirror(source, world)
    night(world)

    assert len(api.submits) == 1
    assert {"sub/Talk (2).srt", "sub/Talk (2).txt"} <= set(world.files("outbox"))
    assert world.files("archive") == world.files("inbox") == ["sub/Talk.mp3"]

    assert mirror(source, world) == 0
    night(world)
    assert "sub/Talk (3).txt" not in world.files("outbox")


def test_a_text_that_a_person_put_in_the_place_of_ours_is_no_delivery(world: World, source: Path) -> None:
    mirror(source, world)
    night(world)
    (world.folders["outbox"] / "sub" / "Talk.txt").write_text("something else")
    mirror(source, world)
    night(world)

    assert "sub/Talk (2).txt" in world.files("outbox")


def test_a_format_that_was_asked_for_since_is_delivered(world: World, api: FakeAssemblyAI, source: Path) -> None:
    mirror(source, world)
    night(world)
    world.routes[0] = changed(world.route, formats=("txt", "md"))
    mirror(source, world)
    night(world)

    assert len(api.submits) == 1
    assert "sub/Talk (2).md" in world.files("outbox")


def test_a_file_of_the_first_delivery_that_nobody_asks_for_any_more_may_have_gone(world: World, source: Path) -> None:
    mirror(source, world)
    night(world)
    (world.folders["outbox"] / "sub" / "Talk.srt").unlink()
    world.routes[0] = changed(world.route, formats=("txt",))
    mirror(source, world)
    night(world)

    assert world.files("outbox") == ["sub/Talk.txt"]


def test_a_duplicate_whose_first_copy_has_left_the_archive_goes_there(world: World, source: Path) -> None:
    mirror(source, world)
    night(world)
    (world.folders["archive"] / "sub" / "Talk.mp3").unlink()
    mirror(source, world)
    night(world)

    assert world.files("archive") == ["sub/Talk (2).mp3"]  # the number of job 1 stays its own
    assert world.files("inbox") == []
    assert world.files("outbox") == ["sub/Talk.srt", "sub/Talk.txt"]
    assert world.jobs()[1].formats == ()


def test_the_same_recording_under_another_name_is_not_delivered_again(world: World, api: FakeAssemblyAI) -> None:
    for name in ("One.mp3", "Two.mp3", "Three.mp3"):
        world.drop(name, TALK)
        night(world)

    assert len(api.submits) == 1
    assert world.files("outbox") == ["One.srt", "One.txt"]
    assert world.files("archive") == ["One.mp3"]
    assert world.files("inbox") == ["Three.mp3", "Two.mp3"]


def test_the_same_audio_with_other_tags_is_archived_too_and_not_delivered_again(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Episode.mp3", TALK)
    night(world)
    world.drop("Episode.mp3", id3v2(b"with a cover") + TALK)
    night(world)

    assert len(api.submits) == 1
    assert world.files("outbox") == ["Episode.srt", "Episode.txt"]
    assert world.files("archive") == ["Episode (2).mp3", "Episode.mp3"]
    assert world.files("inbox") == []


def test_two_copies_that_come_together_are_delivered_once(world: World, api: FakeAssemblyAI) -> None:
    world.drop("One.mp3", TALK)
    world.drop("Two.mp3", TALK)
    night(world)

    assert len(api.submits) == 1
    assert len(world.files("outbox")) == 2
    assert sorted(world.states()) == [State.DELIVERED, State.DELIVERED]


def test_what_was_delivered_to_another_outbox_is_delivered_to_this_one_too(world: World, api: FakeAssemblyAI) -> None:
    world.second_inbox(duplicates="skip")
    world.drop("Talk.mp3", TALK)
    night(world)
    world.drop("Talk.mp3", TALK, folder="second-inbox")
    night(world)

    assert len(api.submits) == 1
    assert world.files("second-outbox") == ["Talk.srt", "Talk.txt"]
    assert world.files("second-archive") == ["Talk.mp3"]


@pytest.mark.parametrize(("after", "inbox"), [("keep", ["One.mp3", "Two.mp3"]), ("delete", [])])
def test_a_duplicate_is_put_away_as_after_says_without_a_second_text(
    world: World, after: str, inbox: list[str]
) -> None:
    world.routes[0] = changed(world.route, after=after)
    world.drop("One.mp3", TALK)
    night(world)
    world.drop("Two.mp3", TALK)
    night(world)

    assert world.files("outbox") == ["One.srt", "One.txt"]
    assert world.files("inbox") == inbox
    assert world.files("archive") == []
    assert not any(job.unfinished for job in world.jobs())


@pytest.mark.parametrize("copies", [1, 2])
def test_a_copy_that_was_delivered_because_the_first_text_had_gone_is_the_last_one(world: World, copies: int) -> None:
    """With after = "delete" a mirror sends again what it sent: each of its copies was delivered from then on."""
    world.routes[0] = changed(world.route, after="delete", formats=("txt",))
    world.drop("Talk.mp3", TALK)
    night(world)
    (world.folders["outbox"] / "Talk.txt").unlink()

    for name in ("Second", "Third"):
        for number in range(copies):
            world.drop(f"{name} {number}.mp3", TALK)
        night(world)

    assert len(world.files("outbox")) == 1
    assert world.files("inbox") == []


def test_two_inboxes_with_one_outbox_deliver_copies_that_come_together_once(world: World) -> None:
    other = world.second_inbox(outbox=world.route.outbox)
    for route in (world.route, other):
        world.drop(f"{route.name}.mp3", TALK, folder="inbox" if route is world.route else "second-inbox")
    world.drop("another.mp3", TALK)

    night(world)

    assert len(world.files("outbox")) == 2, "one text in two formats"


@pytest.mark.parametrize("number", range(1, 8))
def test_a_crash_at_any_step_of_a_duplicate_delivers_nothing_twice(
    world: World, api: FakeAssemblyAI, number: int
) -> None:
    world.drop("One.mp3", TALK)
    night(world)
    world.drop("Two.mp3", TALK)
    world.crash(number, after=bool(number % 2))
    night(world)

    assert len(api.submits) == 1
    assert world.files("outbox") == ["One.srt", "One.txt"]
    assert world.files("inbox") == ["Two.mp3"]


def test_with_reuse_again_what_was_left_in_the_inbox_is_archived(world: World, source: Path) -> None:
    for _ in range(2):
        mirror(source, world)
        night(world)
    world.routes[0] = changed(world.route, duplicates="reuse")
    night(world)

    assert world.files("inbox") == []
    assert world.files("archive") == ["sub/Talk (2).mp3", "sub/Talk.mp3"]
    assert world.files("outbox") == ["sub/Talk.srt", "sub/Talk.txt"]
