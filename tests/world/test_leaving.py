"""A recording that has to be copied to another device, or is deleted, stays for some minutes under a hidden name."""

import os
from pathlib import Path

import pytest
import structlog

from transcribed import files
from transcribed.folders import identity
from transcribed.folders.mounts import mount_at
from transcribed.job import State
from transcribed.job.events import Altered
from world import Crash, World, changed, mp3, work_for

pytestmark = pytest.mark.route(formats=("txt",))
PART, REST = mp3("Talk", 40), mp3("rest", 60)


@pytest.fixture
def on_a_share(monkeypatch):
    """To the daemon all folders lie on a file server, of which no kernel here knows the writers."""
    monkeypatch.setattr(identity, "mount_at", lambda *at: mount_at(*at)._replace(kind=b"nfs4"))


@pytest.fixture
def apart(world: World, elsewhere: Path, on_a_share) -> World:
    """A world on a share, whose archive and failed folder lie on another device."""
    for name in ("archive", "failed"):
        world.folders[name] = elsewhere / name
        world.folders[name].mkdir()
    world.routes[0] = changed(world.route, **{x: os.fsencode(world.folders[x]) for x in ("archive", "failed")})
    return world


def hidden(world: World) -> list[str]:
    return [name for name in world.files("inbox") if os.path.basename(name).startswith(".transcribed-leaving-")]


def put_away(world: World, name: str = "Talk.mp3", data: bytes = PART) -> "Writer":
    """A recording whose writer pauses until it was put away; the writer."""
    writer = Writer(world.drop(name, data))
    work_for(world, 100)
    assert [job.retired_at is not None for job in world.jobs()] == [True]
    return writer


class Writer:
    """A writer that goes on in its file, whatever name that has. The kernel here knows of it only then."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self._file)

    def go_on(self, data: bytes = REST) -> None:
        with open(f"/proc/self/fd/{self._file}", "ab") as file:
            file.write(data)


def see_off(world: World) -> None:
    """Run until nothing lies in the inbox any more, under whatever name; while something is leaving time flies."""

    def is_over() -> bool:
        world.clock.moved += 20 if hidden(world) else 0
        return world.files("inbox") == []

    world.run(is_over, seconds=9000)


def contents(world: World, folder: str) -> list[bytes]:
    return sorted((world.folders[folder] / name).read_bytes() for name in world.files(folder) if name.endswith("mp3"))


def note(world: World) -> str:
    return (world.folders["outbox"] / "Talk.note.txt").read_text()


def test_what_is_written_on_after_a_copy_to_another_device_is_transcribed_whole(apart):
    writer = put_away(apart)
    assert contents(apart, "archive") == [PART]
    writer.go_on()

    see_off(apart)

    assert contents(apart, "archive") == sorted([PART, PART + REST])
    assert len(apart.api.submits) == 2
    assert f"{len(PART + REST):,} bytes now, {len(PART):,} transcribed" in note(apart)
    assert apart.story(1)[-2:] == ["retired", "returned"]
    assert apart.jobs()[0].place == os.fsencode(apart.folders["archive"] / "Talk.mp3"), "the part lies there"


def test_it_leaves_for_good_after_the_last_look_and_is_no_new_recording_until_then(apart):
    put_away(apart, "sub/Talk.mp3")
    apart.clock.moved += 450
    work_for(apart, 40)
    assert (len(hidden(apart)), len(apart.jobs())) == (1, 1)

    see_off(apart)

    assert (apart.files("archive"), len(apart.jobs())) == (["sub/Talk.mp3"], 1)


@pytest.mark.parametrize("more", [b"", REST])
def test_what_a_process_left_lying_is_found_by_the_next_one_however_late(apart, more):
    put_away(apart).go_on(more)
    apart.clock.moved += 7200

    see_off(apart)

    assert contents(apart, "archive") == sorted({PART, PART + more})


@pytest.mark.parametrize("more", [b"", REST])
def test_a_crash_before_the_journal_knows_of_the_move_loses_nothing_and_leaves_nothing(apart, more):
    def dies() -> bool:
        if hidden(apart):
            raise Crash
        return False

    writer = Writer(apart.drop("Talk.mp3", PART))
    with pytest.raises(Crash):
        apart.run(dies)
    assert apart.jobs()[0].retired_at is None
    writer.go_on(more)

    see_off(apart)

    assert contents(apart, "archive") == sorted({PART, PART + more})
    assert len(apart.api.submits) == (2 if more else 1)


@pytest.mark.parametrize("more", [b"", REST])
def test_what_is_deleted_after_its_delivery_goes_after_the_last_look_too(tmp_path, api, clock, on_a_share, more):
    world = World(tmp_path, api, clock, formats=("txt",), after="delete")
    writer = put_away(world)
    assert len(hidden(world)) == 1
    writer.go_on(more)

    see_off(world)

    assert len(api.submits) == (2 if more else 1)


def test_where_the_kernel_says_that_nobody_writes_it_goes_at_once(world, elsewhere):
    (elsewhere / "archive").mkdir()
    world.folders["archive"] = elsewhere / "archive"
    world.routes[0] = changed(world.route, archive=os.fsencode(world.folders["archive"]))
    world.drop("Talk.mp3")
    assert world.run() == 0
    world.routes[0] = changed(world.route, after="delete")
    world.drop("Another.mp3")
    assert world.run() == 0

    assert world.files("inbox") == []
    assert world.files("archive") == ["Talk.mp3"]


def test_what_failed_and_is_filled_after_its_copy_to_another_device_is_tried_whole(apart):
    """An encoder makes the file first, and fills it where it was set aside."""
    writer = put_away(apart, data=b"no recording at all, and long enough to be none")
    assert apart.states() == [State.FAILED]
    writer.go_on(mp3("Talk"))

    see_off(apart)

    assert len(apart.jobs()) == 2


def test_one_that_a_person_deletes_is_gone(apart):
    put_away(apart)
    for name in hidden(apart):
        (apart.folders["inbox"] / name).unlink()
    apart.clock.moved += 600

    work_for(apart, 30)

    assert (apart.files("archive"), len(apart.jobs())) == (["Talk.mp3"], 1)


def test_one_that_is_only_touched_comes_not_back(apart):
    put_away(apart)
    for name in hidden(apart):
        os.utime(apart.folders["inbox"] / name, (1e9, 1e9))

    see_off(apart)

    assert (apart.files("archive"), len(apart.jobs())) == (["Talk.mp3"], 1)


def test_one_of_a_job_that_nobody_knows_is_left_alone_and_told_of_once(apart):
    name = os.fsdecode(files.leaving_name(77))
    apart.drop(name, PART)

    with structlog.testing.capture_logs() as logs:
        apart.run(lambda: apart.clock.moved > 180, seconds=900)

    assert apart.files("inbox") == [name]
    assert apart.jobs() == []
    assert [line["event"] for line in logs if name in str(line)] == ["inbox.problem"]


def test_what_changes_again_after_it_came_back_is_kept_and_not_paid_for_without_end(apart):
    """A program that writes to whatever appears, under hidden names too."""
    stamped: set[str] = set()

    def stamp() -> bool:
        for name in {*hidden(apart)} - stamped:
            stamped.add(name)
            with (apart.folders["inbox"] / name).open("ab") as file:
                file.write(REST)
        apart.clock.moved += 20 if hidden(apart) else 0
        return bool(apart.jobs()) and apart.files("inbox") == []

    apart.drop("Talk.mp3", PART)
    apart.run(stamp, seconds=9000)

    assert contents(apart, "archive") == sorted([PART, PART + REST, PART + REST + REST])
    with apart.journal() as journal:
        then = journal.search.last_told(2, Altered)["then"]
    assert f"lies now as {apart.folders['archive'] / 'Talk (3).mp3'}" in then
    assert len(apart.api.submits) == 2


def test_a_folder_that_it_left_is_removed_once_it_is_empty(apart):
    apart.routes[0] = changed(apart.routes[0], remove_empty_folders=True)
    apart.drop("sub/Talk.mp3", PART)
    folder = apart.folders["inbox"] / "sub"

    def is_removed() -> bool:
        apart.clock.moved += 20 if apart.jobs() and apart.jobs()[0].retired_at else 0
        return not folder.exists()

    apart.run(is_removed, seconds=9000)

    assert apart.files("archive") == ["sub/Talk.mp3"]


def test_a_file_system_that_gives_no_hidden_name_loses_the_old_one_as_it_always_did(root, elsewhere):
    os.mkdir(root + b"/in")
    Path(os.fsdecode(root + b"/in/Talk.mp3")).write_bytes(PART)
    folder = os.open(root + b"/in", os.O_RDONLY | os.O_DIRECTORY)
    try:
        target = os.fsencode(elsewhere / "Talk.mp3")
        files.move(folder, b"Talk.mp3", target, root=os.fsencode(elsewhere), leaving=b".transcribed-" + b"n" * 300)
    finally:
        os.close(folder)
    assert os.listdir(root + b"/in") == []
    assert (elsewhere / "Talk.mp3").read_bytes() == PART
