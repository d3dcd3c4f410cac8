"""A recording is never taken while somebody writes it: real files, real writers, virtual time."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from arriving import Act, at_times, is_delivered, unsettled
from fake_assemblyai import FakeAssemblyAI
from transcribed.errors import Exit
from transcribed.job import State
from world import World, mp3

pytestmark = pytest.mark.route(formats=("txt",))

TALK = mp3("Talk", frames=4000)  # 1.7 MB
PIECE = 50_000


class Writer:
    """A program that keeps the file open while it writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: Any = None
        self.at = 0

    def open(self) -> None:
        self.file = self.path.open("ab", buffering=0)

    def write(self, count: int = PIECE) -> None:
        self.file.write(TALK[self.at : self.at + count])
        self.at += count

    def finish(self) -> None:
        self.write(len(TALK))
        self.close()

    def close(self) -> None:
        if self.file is not None:
            self.file.close()


@pytest.fixture
def writer(world: World) -> Iterator[Writer]:
    writing = Writer(world.folders["inbox"] / "Talk.mp3")
    yield writing
    writing.close()


def assert_taken_once_and_whole(world: World, api: FakeAssemblyAI) -> None:
    assert world.states() == [State.DELIVERED]
    assert len(api.uploads) == len(api.submits) == 1
    assert (world.folders["archive"] / "Talk.mp3").read_bytes() == TALK
    assert world.files("outbox") == ["Talk.txt"]


def test_a_writer_that_stalls_for_longer_than_any_pause_before_is_waited_for(world, api, clock, writer):
    """Fifteen seconds of steady data, and then none for forty, with the file open: it was taken after 25."""
    seen: list[dict[str, str]] = []
    acts = [(0.0, writer.open), *((0.5 * n, writer.write) for n in range(30))]
    acts += [(54.0, lambda: seen.append(unsettled(world))), (55.0, writer.finish)]

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert seen == [{"Talk.mp3": "written"}]
    assert_taken_once_and_whole(world, api)


def test_a_writer_that_stalls_at_its_first_bytes_is_waited_for(world, api, clock, writer):
    acts = [(0.0, writer.open), (0.0, writer.write), (75.0, writer.finish)]

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert_taken_once_and_whole(world, api)


def test_a_writer_that_stalls_while_the_daemon_starts_again_is_waited_for(world, api, clock, writer):
    writer.open()
    acts = [(0.5 * n, writer.write) for n in range(20)]
    world.run(at_times(clock, acts, lambda: clock.moved >= 13.0))

    acts = [(27.0, writer.finish)]
    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert_taken_once_and_whole(world, api)


def test_a_slow_copy_is_taken_soon_after_its_writer_has_closed_it(world, api, clock, writer):
    """Pauses of eighteen seconds cost fifty-four, where nobody knows that the file was closed."""
    acts = [(0.0, writer.open), *((18.0 * n, writer.write) for n in range(5)), (80.0, writer.finish)]
    taken: list[float] = []

    def end() -> bool:
        if world.states() and not taken:
            taken.append(clock.moved)
        return is_delivered(world)

    world.run(at_times(clock, acts, end))

    assert taken[0] <= 80.0 + world.route.scan_seconds + world.route.settle_seconds + 1.0
    assert_taken_once_and_whole(world, api)


def test_a_copy_that_is_opened_anew_for_each_piece_is_still_judged_by_its_pauses(world, api, clock, writer):
    """No lease shows such a writer between two pieces."""

    def append() -> None:
        writer.open()
        writer.write(len(TALK) // 4)
        writer.close()

    acts = [(at, append) for at in (0.0, 4.0, 13.0, 40.0)]

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert_taken_once_and_whole(world, api)


def test_the_pauses_of_such_a_copy_are_known_to_the_next_process(world, api, clock, writer):
    """With fourteen seconds of stall, and the daemon started again within it, it was taken six seconds later."""

    def append() -> None:
        writer.open()
        writer.write(len(TALK) // 4)
        writer.close()

    world.run(at_times(clock, [(at, append) for at in (0.0, 4.0, 13.0)], lambda: clock.moved >= 20.0))
    assert world.jobs() == []

    world.run(at_times(clock, [(34.0, append)], lambda: is_delivered(world)))

    assert_taken_once_and_whole(world, api)


def test_a_recording_that_is_opened_for_writing_while_it_waits_for_its_upload_waits_on(world, api, clock):
    path = world.drop("Talk.mp3", TALK)
    api.down()
    held: list[Any] = []
    seen: list[str] = []

    def upload() -> None:
        held.append(path.open("r+b"))
        api.up()

    def look() -> None:
        seen.append(world.published[-1]["open"][0]["reason"])
        held[0].close()

    acts = [(30.0, upload), (400.0, look)]
    world.run(at_times(clock, acts, lambda: is_delivered(world)), seconds=20_000)

    assert "a program has it open for writing" in seen[0]
    assert_taken_once_and_whole(world, api)


@pytest.mark.parametrize("after", ["archive", "delete"])
def test_a_recording_that_is_opened_for_writing_before_it_leaves_the_inbox_stays_until_it_is_closed(
    tmp_path, api, clock, after
):
    world = World(tmp_path, api, clock, formats=("txt",), after=after)
    path = world.drop("Talk.mp3", TALK)
    held: list[Any] = []

    def until() -> bool:
        if not held and world.states() == [State.SUBMITTED]:
            held.append(path.open("r+b"))
        return world.states() == [State.DELIVERED] and clock.moved > 300

    world.run(until)
    assert world.files("outbox") == ["Talk.txt"]
    assert world.files("inbox") == ["Talk.mp3"]
    assert "a program has it open for writing" in world.published[-1]["open"][0]["reason"]

    held[0].close()
    world.run(lambda: is_delivered(world), seconds=9000)

    assert world.files("inbox") == []
    assert len(api.submits) == 1


# An empty file


def test_a_file_that_is_empty_while_its_writer_has_it_open_is_taken_whole_and_never_failed(world, api, clock, writer):
    seen: list[dict[str, str]] = []
    acts = [(0.0, writer.open), (74.0, lambda: seen.append(unsettled(world))), (75.0, writer.finish)]

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert seen == [{"Talk.mp3": "written"}]
    assert world.files("failed") == []
    assert_taken_once_and_whole(world, api)


@pytest.mark.route(formats=("txt",), scan_seconds=60.0)
def test_an_empty_file_waits_and_gets_the_name_that_it_would_have_had(world, api, clock):
    """A placeholder of a WebDAV client, while the upload takes hours."""
    path = world.drop("Talk.mp3", b"")
    seen: list[dict[str, str]] = []
    acts = [(4 * 3600.0, lambda: seen.append(unsettled(world))), (4 * 3600.0, lambda: path.write_bytes(TALK))]

    world.run(at_times(clock, acts, lambda: is_delivered(world)), seconds=20_000)

    assert seen == [{"Talk.mp3": "empty"}]
    assert world.files("failed") == []
    assert_taken_once_and_whole(world, api)


def test_people_at_the_share_are_told_of_an_empty_file_after_an_hour_and_no_longer_once_it_is_gone(world, api, clock):
    path = world.drop("Talk.mp3", b"")
    note, told = world.folders["outbox"] / "_transcribed.txt", []
    acts = [
        (3500.0, lambda: told.append(note.exists())),
        (3700.0, lambda: told.append(note.read_text())),
        (3700.0, path.unlink),
        (3800.0, lambda: told.append(note.exists())),
    ]

    world.run(at_times(clock, acts, lambda: True), seconds=9000)

    assert (told[0], told[2]) == (False, False)
    assert "Talk.mp3 is not transcribed yet: it is empty." in told[1]
    assert "Nothing waits" not in told[1]


def test_a_single_run_ends_soon_and_says_what_it_left_because_it_is_open_empty_unfinished_or_not_whole(world, writer):
    writer.open()
    writer.write()
    world.drop("empty.mp3", b"")
    world.drop("also empty.mp3", b"")
    world.drop("loading.mp3")
    world.drop("loading.mp3.part", b"more")
    world.drop("hollow.mp3", mp3("hollow") + bytes(8192))
    world.drop("whole.mp3")

    with structlog.testing.capture_logs() as logs:
        assert world.run(seconds=120) == Exit.AGAIN

    [said] = [line["reason"] for line in logs if line["event"] == "inbox.left"]
    assert said.startswith("5 left in the inbox: ")
    for part in ("1 (Talk.mp3): a program has it open", "2 (", "1 (loading.mp3): an unf", "1 (hollow.mp3): its bytes"):
        assert part in said
    assert world.files("archive") == ["whole.mp3"]


def test_single_runs_take_what_lacks_bytes_ten_minutes_after_the_first_of_them_found_it(world, clock):
    world.drop("Talk.mp3", TALK + bytes(8192))
    assert world.run(seconds=120) == Exit.AGAIN
    clock.moved += 601

    assert world.run(seconds=120) == 0


def test_an_empty_file_that_a_marker_releases_fails_with_a_note_that_speaks_of_the_marker(world):
    world.drop("Talk.mp3", b"")
    world.drop("Talk.mp3.ready", b"")

    assert world.run() == 1

    note = (world.folders["failed"] / "Talk.mp3.error.txt").read_text()
    assert "Talk.mp3.ready, which lay beside it, says that nothing more comes" in note


def test_an_empty_file_that_a_marker_releases_is_not_failed_while_something_near_becomes_it(world):
    world.drop("Talk.mp3", b"")
    world.drop("Talk.mp3.ready", b"")
    world.drop("Talk.mp3.part", TALK[:999])

    assert world.run() == Exit.AGAIN

    assert world.files("failed") == []


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ("", ["a program has it open for writing", "end the copy", "under another name"]),
        ("Talk.mp3.part", ["Talk.mp3.part lies beside it", "delete Talk.mp3.part", "Talk.mp3.ready beside it"]),
    ],
)
def test_people_at_the_share_read_which_file_waits_why_until_when_and_what_they_may_do(
    world, clock, writer, beside, told
):
    writer.open()
    writer.write()
    if beside:
        writer.close()
        world.drop(beside, b"more")
    note = world.folders["outbox"] / "_transcribed.txt"
    said: list[str] = []

    world.run(at_times(clock, [(3700.0, lambda: said.append(note.read_text()))], lambda: True), seconds=9000)

    for part in ("Talk.mp3 is not transcribed yet: ", "It is taken some seconds after", "What to do: ", *told):
        assert part in said[0]


# An unfinished file beside it


def test_the_placeholder_of_a_download_waits_for_it_and_gets_its_own_name(world, api, clock):
    """Firefox makes an empty Talk.mp3 beside Talk.mp3.part, and renames the one over the other."""
    world.drop("Talk.mp3", b"")
    part = world.drop("Talk.mp3.part", TALK[:PIECE])
    seen: list[dict[str, str]] = []
    acts = [
        (70.0, lambda: seen.append(unsettled(world))),
        (80.0, lambda: part.write_bytes(TALK)),
        (80.0, lambda: part.rename(world.folders["inbox"] / "Talk.mp3")),
    ]

    world.run(at_times(clock, acts, lambda: is_delivered(world)))

    assert seen == [{"Talk.mp3": "unfinished"}]
    assert world.files("failed") == []
    assert_taken_once_and_whole(world, api)


@pytest.mark.route(formats=("txt",), scan_seconds=60.0)
@pytest.mark.parametrize("ending", [".aria2", ".!qB", ".crdownload", ".ARIA2"])
def test_a_download_with_holes_is_not_taken_while_its_control_file_lies_beside_it(world, api, clock, ending):
    """Closed by everybody, its first and last quarter there: only the file beside it says that it is not whole."""
    quarter = len(TALK) // 4
    path = world.drop("a/Talk.mp3", TALK[:quarter] + bytes(2 * quarter) + TALK[3 * quarter :])
    control = world.drop(f"a/Talk.mp3{ending}", b"aria2")
    seen: list[dict[str, str]] = []
    acts = [
        (7200.0, lambda: seen.append(unsettled(world))),
        (7200.0, lambda: path.write_bytes(TALK)),
        (7200.0, control.unlink),
    ]

    world.run(at_times(clock, acts, lambda: is_delivered(world)), seconds=20_000)

    assert seen == [{"a/Talk.mp3": "unfinished"}]
    assert len(api.submits) == 1
    assert (world.folders["archive"] / "a/Talk.mp3").read_bytes() == TALK


# What is remembered, and what it costs


class Counting(World):
    """A host that counts how often it is asked what its events show to be written."""

    asked = 0

    def written(self, root: bytes) -> Mapping[bytes, bool]:
        self.asked += 1
        return {}


def test_where_the_kernel_answers_nobody_asks_for_an_event_of_each_write(tmp_path, api, clock):
    world = Counting(tmp_path, api, clock, formats=("txt",), watch="events")
    gone = world.drop("Gone.mp3")
    world.drop("a/Empty.mp3", b"")
    world.drop("Talk.mp3", TALK)

    world.run(at_times(clock, [(2.0, gone.unlink)], lambda: is_delivered(world)))

    assert world.asked == 0


def test_a_growing_file_is_remembered_by_its_pauses_and_forgotten_once_it_is_taken(world, api, clock, writer):
    def facts() -> dict[str, str]:
        return dict(world.worker.book.journal.facts("pauses:"))

    def append() -> None:
        writer.open()
        writer.write(len(TALK) // 4)
        writer.close()

    seen: list[dict[str, str]] = []
    acts: list[Act] = [(at, append) for at in (0.0, 4.0, 8.0, 12.0)]
    acts.append((16.0, lambda: seen.append(facts())))
    acts.append((3000.0, lambda: seen.append(facts())))

    world.run(at_times(clock, acts, lambda: True))

    assert seen == [{"pauses:talks": '{"Talk.mp3": 15.0}'}, {}]


def test_names_that_are_no_utf_8_are_remembered_too(world, clock):
    path = os.path.join(os.fsencode(world.folders["inbox"]), b"caf\xe9.mp3")

    def append() -> None:
        with open(path, "ab") as file:
            file.write(TALK[:PIECE])

    world.run(at_times(clock, [(0.0, append), (4.0, append), (8.0, append)], lambda: clock.moved > 10))
    world.run(lambda: clock.moved > 20)
    assert world.jobs() == []
    assert unsettled(world) == {"caf\\xe9.mp3": "growing"}
