"""What was transcribed is what lies in the archive: recordings that change after they were sent."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fake_assemblyai import Fault
from jobs import a_job
from tags import id3v2
from transcribed.errors import Withdrawn
from transcribed.folders import Ground, identity
from transcribed.folders.mounts import mount_at
from transcribed.inbox import RecordingFolder
from transcribed.inbox import folder as inbox_folder
from transcribed.job import Fingerprint, State
from transcribed.job.events import Returned
from transcribed.worker import Reload
from transcribed.worker.steps.afterwards import look_closely
from transcribed.worker.steps.api import upload
from world import World, mp3

pytestmark = pytest.mark.route(formats=("txt",))


def run_and(world: World, then: Callable[[], object], *, at: State, jobs: int, seconds: float = 3600) -> None:
    """Run, do this once the first job is in that state, and run on until so many recordings are put away."""
    done: list[object] = []

    def until() -> bool:
        if not done and world.states() and world.jobs()[0].state is at:
            done.append(then())
        ended = [job for job in world.jobs() if job.retired_at is not None and job.state is not State.CANCELLED]
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


class LateServer(RecordingFolder):
    """As samba does it: while anybody has a file open, its time is that of the first open."""

    def refuse_changed(self, path: bytes, fingerprint: Fingerprint) -> None:
        os.utime(os.path.join(self.root, path), ns=(0, fingerprint.mtime_ns + 1))
        super().refuse_changed(path, fingerprint)


@pytest.mark.parametrize(("kind", "ends"), [(b"cifs", "Withdrawn"), (b"nfs4", "Uploaded")])
def test_a_time_that_cifs_tells_once_a_file_is_closed_is_heard_before_the_submit(world, monkeypatch, kind, ends):
    """nas D1: a mixture of old and new bytes was paid for."""
    monkeypatch.setattr(identity, "mount_at", lambda *at: mount_at(*at)._replace(kind=kind))
    monkeypatch.setattr(inbox_folder, "CLOSED_SECONDS", 0.0)
    data = world.drop("Talk.mp3").stat()
    fingerprint = Fingerprint(data.st_size, data.st_mtime_ns)
    folder = LateServer(world.route.inbox, lane="", ground=Ground(world.route.inbox, lane="", what="inbox"))
    source = (folder, b"Talk.mp3", fingerprint)

    try:
        end: object = upload(a_job(fingerprint=fingerprint), world.plan().client, source, lambda _sent: None)
    except Withdrawn as error:
        end = error

    assert type(end).__name__ == ends


# After the move


def archive(world: World, name: str = "Talk.mp3") -> Path:
    return world.folders["archive"] / name


def work(world: World, seconds: float) -> None:
    """Let the daemon work for so long."""
    end = world.clock.monotonic() + seconds
    world.run(lambda: world.clock.monotonic() >= end, seconds=seconds + 9000)


def go_on_writing(world: World, path: Path, *, after: float = 30) -> bytes:
    """A writer that paused goes on in the file that was moved from under its hands; all that it wrote.

    Meanwhile it has the file open for reading alone: the kernel knows of no writer, as on a share.
    """
    part, rest = mp3("Talk", 40), mp3("rest", 60)
    with world.drop("Talk.mp3", part).open("rb") as held:
        run_and(world, lambda: None, at=State.DELIVERED, jobs=1)
        world.clock.moved += after
        with open(f"/proc/self/fd/{held.fileno()}", "ab") as writer:
            writer.write(rest)
    assert path.read_bytes() == part + rest
    return part + rest


def test_a_recording_that_is_written_on_after_it_was_archived_is_told_of_and_transcribed_whole(world):
    """nas D3, clients 1: with no lease and no event, the look after the move is all there is."""
    whole = go_on_writing(world, archive(world))

    work(world, 300)

    assert world.files("inbox") == []
    assert world.files("archive") == ["Talk (2).mp3"]
    assert archive(world, "Talk (2).mp3").read_bytes() == whole
    assert sent(world, whole) == 1
    assert f"{len(whole):,} bytes now, {len(mp3('Talk')):,} transcribed" in note(world)
    assert world.story(1)[-2:] == ["retired", "returned"]


def test_a_recording_that_came_back_waits_for_another_such_pause_of_its_writer(world):
    """It comes back once in an hour: were it taken after the settle time, the rest would never be transcribed."""
    whole, path = go_on_writing(world, archive(world)), world.folders["inbox"] / "Talk.mp3"
    more, written_at = [mp3("more", 50), mp3("the end", 50)], list[float]()

    def write_on() -> bool:
        if path.exists() and not written_at:
            written_at.append(world.clock.monotonic())
        elif more and written_at and world.clock.monotonic() >= written_at[-1] + 40:
            with path.open("ab") as file:
                file.write(more.pop(0))
            written_at.append(world.clock.monotonic())
        return not more and world.files("inbox") == [] and not world.worker.book.unfinished

    world.run(write_on, seconds=3000)

    whole += mp3("more", 50) + mp3("the end", 50)
    assert sent(world, whole) == 1
    assert len(world.api.submits) == 2


def test_a_program_that_stamps_whatever_appears_in_the_archive_has_it_transcribed_once_more_and_not_for_ever(world):
    def stamp() -> bool:
        for path in world.folders["archive"].glob("*.mp3"):
            if path.stat().st_ino not in stamped or path.name not in stamped.values():
                with path.open("ab") as file:
                    file.write(mp3(f"{path.name} {world.clock.moved}"))
                stamped[path.stat().st_ino] = path.name
        return world.clock.monotonic() >= end

    stamped: dict[int, str] = {}
    world.drop("Talk.mp3")
    end = world.clock.monotonic() + 1800
    world.run(stamp, seconds=9000)

    assert len(world.api.submits) == 2
    assert "A recording of its name changed before" in note(world, "Talk (2).note.txt")


def test_what_goes_on_after_it_came_back_once_is_told_each_time_in_its_story_and_the_log_and_not_paid(world, capsys):
    """nas, pauses of 30 s: it comes back once in an hour, and none of its words may be lost unsaid."""
    path, sizes = archive(world, "Talk (2).mp3"), list[int]()
    go_on_writing(world, archive(world))

    def write_on() -> bool:
        told = world.story(2).count("altered") if path.exists() else -1
        if told == len(sizes) < 2:
            with path.open("ab") as file:
                file.write(mp3(f"more {told}"))
            sizes.append(path.stat().st_size)
        return told == 2

    world.run(write_on, seconds=900)

    assert all(f"it was written on since: {size:,} bytes now" in note(world, "Talk (2).note.txt") for size in sizes)
    assert world.story(2)[-3:] == ["retired", "altered", "altered"]
    assert len(world.api.submits) == 2
    said = capsys.readouterr()
    assert (said.out + said.err).count("job.altered") == 2


def test_a_change_that_stays_is_told_once_though_the_daemon_is_started_anew(world):
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    archive(world).write_bytes(mp3("louder"))

    work(world, 100)
    work(world, 100)

    assert world.story(1)[-2:] == ["retired", "altered"]


def test_a_change_whose_outbox_is_away_until_after_the_last_look_is_told_once_it_is_there_again(world):
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    archive(world).write_bytes(mp3("louder"))
    outbox, away = world.folders["outbox"], world.folders["outbox"].with_name("away")
    outbox.rename(away)
    back_at = world.clock.monotonic() + 800

    def is_told() -> bool:
        if away.exists() and world.clock.monotonic() > back_at:
            away.rename(outbox)
        return world.story(1)[-1] == "altered"

    world.run(is_told, seconds=3000)

    assert "other bytes lie there now" in note(world)


@pytest.mark.parametrize("edited", [mp3("louder"), mp3("a longer title before the sound, as in an MP4", 60)])
def test_an_edit_in_the_archive_is_told_and_not_paid_again_where_nobody_wrote_it_as_it_was_moved(world, edited):
    """mp3gain changes the frames themselves, and of an M4A nobody knows which bytes are tags."""
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    archive(world).write_bytes(edited)

    work(world, 900)

    assert world.files("archive") == ["Talk.mp3"]
    assert world.files("outbox") == ["Talk.note.txt", "Talk.txt"]
    assert len(world.api.submits) == 1
    assert "so this is an edit" in note(world)


def test_what_is_written_over_in_the_archive_comes_back_where_nobody_knows_who_had_it_open(world):
    """As on a share, where no lease answers, and in a journal of a version before."""
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    archive(world).write_bytes(mp3("the rest of it"))
    [job] = world.jobs()

    found = look_closely(job, world.route, world.worker.inboxes["talks"].anchors, returns=True, closed=False)

    assert isinstance(found, Returned)
    assert world.files("inbox") == ["Talk.mp3"]
    assert "transcribed as a recording of its own" in note(world)


def test_a_tag_that_is_set_in_the_archive_makes_it_no_other_recording(world):
    world.drop("Talk.mp3", mp3("Talk", 90))
    assert world.run() == 0
    archive(world).write_bytes(id3v2(b"a title") + mp3("Talk", 90))

    work(world, 900)

    assert world.files("archive") == ["Talk.mp3"]
    assert world.files("outbox") == ["Talk.txt"]


def test_it_is_told_of_where_recordings_are_kept_too(tmp_path: Path, api, clock):
    world = World(tmp_path, api, clock, formats=("txt",), after="keep")

    whole = go_on_writing(world, tmp_path / "inbox/Talk.mp3")
    work(world, 300)

    assert world.files("inbox") == ["Talk.mp3"]
    assert (sent(world, whole), len(api.submits)) == (1, 2)
    assert f"{len(whole):,} bytes now" in note(world)


def test_what_failed_and_is_filled_afterwards_is_tried_without_its_old_note(world):
    """clients 2: an encoder makes the file first, and fills it where it was set aside."""
    path = world.drop("Talk.mp3", b"no recording at all")
    run_and(world, lambda: None, at=State.FAILED, jobs=1)
    failed = world.folders["failed"] / "Talk.mp3"
    world.clock.moved += 30
    failed.write_bytes(mp3("Talk"))

    work(world, 300)

    assert not path.exists()
    assert world.files("failed") == []
    assert world.files("outbox") == ["Talk.txt"] or world.files("outbox") == ["Talk (2).txt"]
    assert sent(world, mp3("Talk")) == 1


def test_a_restart_within_those_minutes_forgets_no_look(world):
    whole = go_on_writing(world, archive(world), after=120)

    work(world, 900)

    assert sent(world, whole) == 1
    assert archive(world, "Talk (2).mp3").read_bytes() == whole


def test_after_those_minutes_nobody_looks_any_more(world):
    go_on_writing(world, archive(world), after=700)

    work(world, 900)

    assert world.files("archive") == ["Talk.mp3"]
    assert len(world.api.submits) == 1


def test_a_recording_that_is_only_touched_in_the_archive_stays_there(world):
    world.drop("Talk.mp3", mp3("Talk"))
    run_and(world, lambda: None, at=State.DELIVERED, jobs=1)
    os.utime(archive(world), (1e9, 1e9))

    work(world, 900)

    assert world.files("archive") == ["Talk.mp3"]
    assert world.files("outbox") == ["Talk.txt"]
    assert world.story(1)[-1] == "retired"


def test_it_comes_back_under_a_free_name_where_another_one_lies_at_its_path(world):
    whole = go_on_writing(world, archive(world))
    world.drop("Talk.mp3", mp3("another"))

    work(world, 600)

    assert world.files("inbox") == []
    assert {path.read_bytes() for path in world.folders["archive"].iterdir() if path.suffix == ".mp3"} == {
        whole,
        mp3("another"),
    }
    assert (sent(world, whole), sent(world, mp3("another"))) == (1, 1)


# A doubt about a result


def test_a_doubt_about_a_transcript_stands_beside_it_for_people_and_in_no_rendering(tmp_path: Path, api, clock):
    world = World(tmp_path, api, clock, formats=("txt", "srt", "json"))
    api.duration_of = lambda _upload: 3
    world.drop("Talk.mp3", mp3("a long one", frames=4000))

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.json", "Talk.note.txt", "Talk.srt", "Talk.txt"]
    assert "Perhaps it is not whole: AssemblyAI heard 3 s of a recording of about 104 s." in note(world)
    assert "104 s" not in (world.folders["outbox"] / "Talk.txt").read_text()


def test_the_same_doubt_stands_beside_a_transcript_that_is_delivered_again(world, api):
    api.duration_of = lambda _upload: 3
    world.drop("Talk.mp3", mp3("a long one", frames=4000))
    world.run()
    world.drop("Again.mp3", mp3("a long one", frames=4000))
    world.run()

    assert len(api.submits) == 1
    assert "heard 3 s" in note(world, "Again.note.txt")


def test_a_recording_without_a_doubt_has_no_note(world):
    world.drop("Talk.mp3")
    world.run()
    assert world.files("outbox") == ["Talk.txt"]


def test_a_note_says_all_that_there_is_to_say_and_nothing_twice(world, api):
    api.duration_of = lambda _upload: 3
    path = world.drop("Talk.mp3", mp3("a long one", frames=4000))

    run_and(world, lambda: path.write_bytes(mp3("new")), at=State.SUBMITTED, jobs=2)

    said = note(world).split("\n\n")
    assert said[0] == "About the transcript of Talk.mp3 in this folder. You can delete this note."
    assert "heard 3 s" in said[1]
    assert "it was written on since" in said[2]
    assert len(said) == 4, "the mark is last"


def test_a_recording_that_is_written_over_before_its_submit_is_not_submitted(world, api):
    """The account has run dry after the upload: by the time that it is filled up, another recording lies there."""
    api.script("POST /v2/transcript", [Fault.answer(402, "Please top up to continue.")] * 1000)
    path = world.drop("Talk.mp3", mp3("old"))
    world.run(lambda: bool(world.states()) and world.states()[0] is State.UPLOADED, seconds=600)
    path.write_bytes(mp3("another", 90))
    world.run(lambda: len(world.states()) == 2, seconds=7200)
    api.clear()
    world.run(lambda: world.files("archive") == ["Talk.mp3"], seconds=20000)

    assert world.states() == [State.CANCELLED, State.DELIVERED]
    assert (len(api.submits), sent(world, mp3("another", 90))) == (1, 1)


def test_an_inbox_that_has_left_the_configuration_is_waited_for_by_nobody(world):
    world.drop("Talk.mp3")
    world.run()
    end = world.clock.monotonic() + 300
    only_another = replace(world.plan(), routes=(world.second_inbox(),))
    world.routes.pop()
    world.next_plan = lambda: only_another

    world.run(lambda: world.clock.monotonic() >= end, messages=(Reload(),))

    assert set(world.worker.inboxes) == {"second"}
    assert world.mailbox.waits < 500
