"""Files as they really arrive, on real folders and in virtual time: nothing is taken before it is whole."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from arriving import at_times, is_delivered, unsettled
from fake_assemblyai import FakeAssemblyAI
from recordings import FRAME, noise, wave, xing
from transcribed.assemblyai import refusal
from transcribed.job import State
from transcribed.journal import Journal
from world import World, changed, mp3

pytestmark = pytest.mark.route(formats=("txt",))

TALK = mp3("Talk", frames=200)


def assert_taken_once_and_whole(world: World, api: FakeAssemblyAI) -> None:
    assert world.states() == [State.DELIVERED]
    assert len(api.uploads) == len(api.submits) == 1
    assert (world.folders["archive"] / "Talk.mp3").read_bytes() == TALK


def piece(path: Path, start: int, end: int) -> Callable[[], object]:
    """Writes a part of the recording where it belongs."""

    def write() -> None:
        with path.open("r+b" if path.exists() else "wb") as file:
            file.seek(start)
            file.write(TALK[start:end])

    return write


def test_a_copy_with_pauses_longer_than_settle_seconds_is_taken_once_it_is_whole(world, api, clock):
    path = world.folders["inbox"] / "Talk.mp3"
    quarter = len(TALK) // 4
    times = (0.0, 4.0, 13.0, 40.0)  # the pauses grow: 4, 9 and 27 s, where settle_seconds is 5
    acts = [(at, piece(path, i * quarter, (i + 1) * quarter)) for i, at in enumerate(times)]
    seen: list[str] = []
    acts.insert(3, (30.0, lambda: seen.append(unsettled(world)["Talk.mp3"])))
    acts.append((41.0, piece(path, 4 * quarter, len(TALK))))

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert seen == ["growing"]
    assert_taken_once_and_whole(world, api)


def test_a_slow_copy_with_its_full_size_set_in_advance_is_taken_once_its_bytes_are_there(world, api, clock):
    """Explorer does so (SnowFS PR #176); while it copies nothing more, not even the time of the file changes."""
    path = world.folders["inbox"] / "Talk.mp3"
    path.write_bytes(bytes(len(TALK)))
    half = len(TALK) // 2
    seen: list[str] = []
    acts = [
        (60.0, lambda: seen.append(unsettled(world)["Talk.mp3"])),
        (300.0, piece(path, 0, half)),
        (400.0, lambda: seen.append(unsettled(world)["Talk.mp3"])),
        (700.0, piece(path, half, len(TALK))),
    ]

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert seen == ["it is not complete: it begins in zeros", "it is not complete: it ends in zeros"]
    assert_taken_once_and_whole(world, api)


def test_a_recording_that_truly_ends_in_zeros_is_taken_after_ten_minutes_with_a_warning(world, api, clock):
    world.drop("Talk.mp3", TALK + bytes(8192))

    world.run(lambda: is_delivered(world))

    assert 600 <= clock.moved < 700
    assert len(api.submits) == 1


def test_a_copy_that_was_cut_says_how_many_bytes_are_missing_and_is_taken_whole_once_they_come(world, api, clock):
    """A transfer that is cut and resumed: its first frame tells how many bytes the whole has (rsync --partial, scp)."""
    whole = xing(400, 417 * 401) + FRAME * 400
    path = world.drop("Talk.mp3", whole[:50_000])
    seen: list[str] = []
    acts = [(300.0, lambda: seen.append(unsettled(world)["Talk.mp3"])), (400.0, lambda: path.write_bytes(whole))]

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert seen == ["it is not complete: its header says 167,217 bytes, 50,000 are there"]
    assert len(api.uploads) == len(api.submits) == 1
    assert (world.folders["archive"] / "Talk.mp3").read_bytes() == whole


def test_a_part_of_a_recording_that_stays_one_is_taken_after_ten_minutes_and_its_job_is_warned_of(world, api, clock):
    world.drop("Talk.mp3", (xing(400, 417 * 401) + FRAME * 400)[:50_000])

    world.run(lambda: is_delivered(world))

    assert 600 <= clock.moved < 700
    journal = Journal.read(str(world.state))
    [received, *_] = journal.story(1)
    journal.close()
    assert received["warnings"] == ["its header says 167,217 bytes, 50,000 are there: perhaps it was not copied whole"]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wave_whose_recorder_has_not_written_its_size_waits_for_it_and_is_taken_whole(tmp_path, api, clock, size):
    world = World(tmp_path, api, clock, formats=("txt",), extensions=(b".wav",))
    whole = wave(20.0)
    path, part = world.folders["inbox"] / "Talk.wav", wave(8.0, data=size)
    acts = [(0.0, lambda: path.write_bytes(part)), (25.0, lambda: path.write_bytes(whole))]

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert (world.folders["archive"] / "Talk.wav").read_bytes() == whole
    assert len(api.submits) == 1


def test_the_first_backlog_is_not_counted_by_what_a_strangers_header_says(world, api):
    """A killed recorder, an encoder in a pipe, and a count of frames that nobody believes: days, as it seems."""
    world.plan_options["accept_backlog_hours"] = 0.5
    world.route = changed(world.route, extensions=(b".mp3", b".wav"))
    world.routes = [world.route]
    world.drop("pipe.wav", wave(riff=0xFFFFFFFF, data=0xFFFFFFFF))
    world.drop("killed.wav", wave(riff=36, data=0))
    world.drop("wrong.mp3", xing(0x7FFFFFFF, 417 * 401) + FRAME * 400)

    world.run(lambda: len(api.submits) == 3)


def test_joined_recordings_are_too_many_hours_for_the_first_backlog(world, api):
    world.plan_options["accept_backlog_hours"] = 0.01
    world.drop("joined.mp3", (xing(2, 417 * 3) + FRAME * 2) * 600)  # 47 s, of which its first header tells 0.05

    assert world.run() == 75

    assert api.uploads == []


def test_a_time_that_is_set_after_the_copy_is_the_same_recording_still(world, api, clock):
    """Syncthing and rsync -t set it last."""
    path = world.folders["inbox"] / "Talk.mp3"
    acts = [(0.0, lambda: path.write_bytes(TALK)), (4.0, lambda: os.utime(path, (1.0, 1.0)))]

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert_taken_once_and_whole(world, api)


def test_a_recording_renamed_into_place_and_a_folder_moved_in_are_taken(world, api, clock, tmp_path):
    partial = world.folders["inbox"] / "Talk.mp3.part"
    beside = tmp_path / "beside" / "a" / "b"
    beside.mkdir(parents=True)
    (beside / "Other.mp3").write_bytes(mp3("Other"))
    acts = [
        (0.0, lambda: partial.write_bytes(TALK)),
        (20.0, lambda: partial.rename(partial.with_suffix(""))),
        (30.0, lambda: (tmp_path / "beside").rename(world.folders["inbox"] / "moved in")),
    ]

    world.run(
        at_times(clock, acts, lambda: world.states() == [State.DELIVERED] * 2 and not world.worker.book.unfinished)
    )

    assert world.files("archive") == ["Talk.mp3", "moved in/a/b/Other.mp3"]
    assert len(api.submits) == 2


def test_a_marker_holds_a_recording_until_it_is_gone(world, api, clock):
    world.drop("Talk.mp3", TALK)
    marker = world.drop("Talk.mp3.hold", b"")
    seen: list[str] = []
    acts = [(3600.0, lambda: seen.append(unsettled(world)["Talk.mp3"])), (3601.0, marker.unlink)]

    world.run(at_times(clock, acts, lambda: is_delivered(world)), seconds=7200)

    assert seen == ["held"]
    assert clock.moved < 3700
    assert_taken_once_and_whole(world, api)


def test_a_held_recording_does_not_keep_a_single_run_from_its_end(world, api):
    world.drop("Talk.mp3", TALK)
    world.drop("Talk.mp3.hold", b"")

    assert world.run() == 0

    assert (world.states(), world.files("inbox")) == ([], ["Talk.mp3", "Talk.mp3.hold"])


@pytest.mark.parametrize("marker", ["Talk.mp3.ready", "Talk.mp3.READY", "Talk.mp3.Ready"])
def test_a_marker_releases_a_recording_at_once_and_goes_where_it_goes(tmp_path, api, clock, marker):
    world = World(tmp_path, api, clock, formats=("txt",), settle_seconds=7200.0)
    world.drop("Talk.mp3", TALK)
    world.drop("Other.mp3")
    world.drop(marker, b"")

    world.run(lambda: is_delivered(world) and not world.worker.book.unfinished)

    assert clock.moved < 120
    assert world.files("inbox") == ["Other.mp3"]
    assert world.files("archive") == ["Talk.mp3", marker]


def test_a_marker_that_was_left_without_its_recording_releases_no_later_one(tmp_path, api, clock):
    world = World(tmp_path, api, clock, formats=("txt",), settle_seconds=7200.0)
    world.drop("Talk.mp3.ready", b"")
    world.run(at_times(clock, [(60, lambda: world.drop("Talk.mp3", TALK))], lambda: clock.moved > 600))

    assert world.jobs() == []


@pytest.mark.parametrize("after", ["archive", "delete"])
@pytest.mark.parametrize("beside", ["Talk.mp3.ready", "Talk.mp3.READY", "Talk.mp3.toml"])
def test_what_lies_beside_a_recording_never_stays_behind_for_the_next_of_its_name(tmp_path, api, clock, after, beside):
    world = World(tmp_path, api, clock, formats=("txt",), after=after)
    world.drop("Talk.mp3", TALK)
    world.drop(beside, b"formats = ['txt']\n" if beside.endswith("toml") else b"")
    strange = ["Talk.mp3.ready.mp3.txt", "Talk2.mp3.ready", "Talk.ready"]
    for name in strange:
        world.drop(name, b"")

    world.run()

    assert world.files("inbox") == sorted(strange)
    assert world.files("archive") == (["Talk.mp3", beside] if after == "archive" else [])


def test_a_hold_that_comes_too_late_goes_with_its_recording_and_holds_no_other(tmp_path, api, clock):
    world = World(tmp_path, api, clock, formats=("txt",))
    world.drop("Talk.mp3", TALK)
    world.run(lambda: bool(api.submits))
    world.drop("Talk.mp3.hold", b"")

    world.run()

    assert world.files("inbox") == []
    assert world.files("archive") == ["Talk.mp3", "Talk.mp3.hold"]


def test_other_endings_are_taken_where_they_are_named(tmp_path, api, clock):
    world = World(tmp_path, api, clock, formats=("txt",), extensions=(b".wav", b".webm"))
    world.drop("Sound.WAV", wave())
    world.drop("Film.webm", b"\x1a\x45\xdf\xa3" + b"film" * 2000)
    world.drop("Talk.mp3", TALK)

    assert world.run() == 0

    assert world.files("archive") == ["Film.webm", "Sound.WAV"]
    assert world.files("outbox") == ["Film.txt", "Sound.txt"]
    assert world.files("inbox") == ["Talk.mp3"]


def test_a_recording_that_is_larger_than_an_upload_may_be_fails_with_its_fix_before_a_byte_is_sent(world, api):
    world.plan_options["accept_backlog_hours"] = 1e6
    path = world.drop("Talk.mp3", TALK)
    with path.open("r+b") as file:
        file.truncate(2_400_000_000)
        file.seek(-10, os.SEEK_END)
        file.write(b"the end...")

    world.run(lambda: "Talk.mp3.error.txt" in world.files("failed"))

    note = (world.folders["failed"] / "Talk.mp3.error.txt").read_text()
    assert "it has 2.4 GB, and AssemblyAI takes no more than 2.2 GB" in note
    assert "64 kbit/s" in note
    assert api.uploads == []


def test_a_file_that_is_too_large_is_told_so_whatever_it_holds(world, api):
    world.plan_options["accept_backlog_hours"] = 1e6
    path = world.drop("Talk.mp3", noise(5000))
    with path.open("r+b") as file:
        file.seek(5_000_000_000 - 5000)
        file.write(noise(5000))

    assert world.run() == 1

    assert "it has 5.0 GB" in (world.folders["failed"] / "Talk.mp3.error.txt").read_text()
    assert api.uploads == []


def test_a_recording_whose_header_says_too_little_is_sent_and_not_turned_away(world, api):
    """A Xing header of three frames before five seconds of sound: what says how long it is, is a stranger's word."""
    header = bytearray(mp3("header", frames=1))
    header[36:52] = b"Xing" + b"".join(number.to_bytes(4, "big") for number in (3, 2, 834))
    world.drop("Talk.mp3", bytes(header) + mp3("sound", frames=190))

    assert world.run() == 0

    assert len(api.submits) == 1


def test_a_recording_that_cannot_hold_a_tenth_of_a_second_fails_before_a_byte_is_sent(world, api):
    world.drop("Talk.mp3", bytes.fromhex("fff31000") * 2 + b"sound" * 10)  # MPEG 2 at 8 kbit/s and 22.05 kHz

    assert world.run() == 1

    assert (
        "cannot hold the 160 ms that AssemblyAI needs" in (world.folders["failed"] / "Talk.mp3.error.txt").read_text()
    )
    assert api.uploads == []


@pytest.mark.parametrize("size", [120, 10**6, 2_300_000_000])
def test_what_may_be_taken_is_left_to_the_api(size):
    assert refusal(size) is None


def test_two_endings_with_one_stem_get_a_number(tmp_path, api, clock):
    world = World(tmp_path, api, clock, formats=("txt",), extensions=(b".mp3", b".webm"))
    world.drop("Talk.mp3", TALK)
    world.drop("Talk.webm", b"\x1a\x45\xdf\xa3" + b"film" * 2000)

    assert world.run() == 0

    assert world.files("outbox") == ["Talk (2).txt", "Talk.txt"]
    assert world.files("archive") in (["Talk (2).webm", "Talk.mp3"], ["Talk (2).mp3", "Talk.webm"])
