"""Settings that people at the share write beside their recordings, for a folder or for one; and their mistakes."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from abilities import NOBODY, without_privileges
from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.job import State
from world import World, mp3, parameters, work_for

pytestmark = pytest.mark.route(formats=("txt",), parameters=parameters(punctuate=True, language_code="en"))


def say(world: World, name: str, text: str) -> Path:
    return world.drop(name, text.encode())


def sent(api: FakeAssemblyAI) -> list[dict[str, object]]:
    """The requests, without what differs from run to run."""
    return [{key: value for key, value in submit.request.items() if key != "audio_url"} for submit in api.submits]


@pytest.fixture
def world_of_nobody(api, clock):
    """A world whose files belong to the user of `without_privileges`, whom pytest lets into no folder of its own."""
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory), api, clock, formats=("txt",))
        if os.geteuid() == 0:
            for path in (world.directory, *world.directory.rglob("*")):
                os.chown(path, NOBODY, -1)
        yield world


def note_of(world: World, name: str) -> str:
    return (world.folders["failed"] / f"{name}.error.txt").read_text()


def test_a_folders_file_speaks_of_all_below_it_and_a_recordings_own_goes_over_it(world, api):
    say(world, "a/transcribed.toml", 'formats = ["srt"]\n[transcript]\nspeaker_labels = true\nlanguage_code = "fr"\n')
    say(world, "a/b/Talk.mp3.toml", 'speakers = { A = "Ana" }\n[transcript]\nlanguage_code = "de"\n')
    for name in ("plain.mp3", "a/one.mp3", "a/b/Talk.mp3"):
        world.drop(name)

    assert world.run() == 0

    by_language = {request["language_code"]: request for request in sent(api)}
    assert by_language == {
        "en": {"punctuate": True, "language_code": "en"},
        "fr": {"punctuate": True, "language_code": "fr", "speaker_labels": True},
        "de": {"punctuate": True, "language_code": "de", "speaker_labels": True},
    }
    assert world.files("outbox") == ["a/b/Talk.srt", "a/one.srt", "plain.txt"]
    assert "Ana: " in (world.folders["outbox"] / "a/b/Talk.srt").read_text()
    assert world.files("archive") == ["a/b/Talk.mp3", "a/b/Talk.mp3.toml", "a/one.mp3", "plain.mp3"]
    assert world.files("inbox") == ["a/transcribed.toml"], "a folder's file stays for what comes next"


def test_a_recordings_own_file_that_comes_just_after_it_is_honoured(world, api, clock):
    world.drop("Talk.mp3")

    def is_done() -> bool:
        if clock.moved < 5 and world.published and not api.uploads:
            say(world, "Talk.mp3.toml", '[transcript]\nlanguage_code = "de"\n')
        return world.files("archive") == ["Talk.mp3", "Talk.mp3.toml"]

    world.run(is_done)

    assert [request["language_code"] for request in sent(api)] == ["de"]


MISTAKES = {
    "unknown key": (b"format = ['srt']\n", "did you mean formats?"),
    "broken": (b"formats = [\n", "Talk.mp3.toml: "),
    "not UTF-8": (b"\xff\xfe", "is not UTF-8 text"),
    "too large": (b"#" * 70_000, "larger than"),
    "a path": (b"outbox = '/etc'\n", "is set only in the daemon's configuration"),
    "a command": (b"on_delivered = ['/bin/sh']\n", "is set only in the daemon's configuration"),
    "a webhook": (b"[transcript]\nwebhook_url = 'https://example.org'\n", "sends no results elsewhere"),
    "excluded": (b"[transcript]\nlanguage_detection = true\nlanguage_code = 'en'\n", "exclude each other"),
    "a name": (b"output_name = '../{stem}.{ext}'\n", "it should have no /"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_beside_a_recording_fails_that_one_before_a_byte_is_sent_and_goes_with_it(world, api, mistake):
    content, why = MISTAKES[mistake]
    world.drop("Talk.mp3")
    world.drop("Other.mp3")
    world.drop("Talk.mp3.toml", content)

    assert world.run() == 1

    assert why in note_of(world, "Talk.mp3")
    assert "fix or remove Talk.mp3.toml" in note_of(world, "Talk.mp3")
    assert len(api.uploads) == len(api.submits) == 1
    assert world.files("outbox") == ["Other.txt"]
    assert world.files("failed") == ["Talk.mp3", "Talk.mp3.error.txt", "Talk.mp3.toml"]


def test_a_fixed_file_that_is_dragged_back_with_its_recording_is_read_again(world, api):
    world.drop("Talk.mp3")
    say(world, "Talk.mp3.toml", "format = 'srt'\n")
    assert world.run() == 1

    (world.folders["failed"] / "Talk.mp3.toml").unlink()
    say(world, "Talk.mp3.toml", "formats = ['srt']\n")
    (world.folders["failed"] / "Talk.mp3").rename(world.folders["inbox"] / "Talk.mp3")
    assert world.run() == 0

    assert world.files("outbox") == ["Talk.srt"]
    assert world.files("failed") == []
    assert [job.id for job in world.jobs()] == [1]


def test_a_file_that_may_not_be_read_holds_its_recording_until_it_may(world_of_nobody, api):
    world = world_of_nobody
    note = world.folders["inbox"] / "Talk.mp3.toml.error.txt"

    with without_privileges():
        world.drop("Talk.mp3")
        beside = say(world, "Talk.mp3.toml", "formats = ['srt']\n")
        beside.chmod(0)
        world.run(note.exists)
        assert "permission is denied: let the daemon's user read it" in note.read_text()
        beside.chmod(0o600)
        world.run(lambda: world.files("archive") == ["Talk.mp3", "Talk.mp3.toml"])

        assert world.files("outbox") == ["Talk.srt"]
        assert world.files("inbox") == world.files("failed") == []
    assert len(api.submits) == 1


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_beside_a_recording_is_not_opened_and_said(world, api, kind):
    world.drop("Talk.mp3")
    beside = world.folders["inbox"] / "Talk.mp3.toml"
    if kind == "link":
        beside.symlink_to("/etc/hostname")
    elif kind == "pipe":
        os.mkfifo(beside)
    else:
        beside.mkdir()

    assert world.run() == 1

    assert ("symbolic link" if kind == "link" else "not a regular file") in note_of(world, "Talk.mp3")
    assert api.uploads == []


def test_a_mistake_of_a_folder_holds_what_is_below_it_and_a_note_beside_it_says_why(world, api, clock):
    wrong = say(world, "a/transcribed.toml", "formats = ['srt', 'doc']\n")
    world.drop("a/b/Talk.mp3")
    world.drop("Other.mp3")
    note = world.folders["inbox"] / "a/transcribed.toml.error.txt"

    def is_held() -> bool:
        return clock.moved > 600 and world.files("archive") == ["Other.mp3"]

    world.run(is_held)
    assert "doc" in note.read_text()
    assert "The recordings that it is for wait" in note.read_text()
    before = note.stat()
    [row] = world.published[-1]["inboxes"][0]["unsettled"]
    assert row["file"] == "a/b/Talk.mp3"
    assert "a/transcribed.toml" in row["why"]
    assert len(api.uploads) == 1

    world.run(lambda: clock.moved > 1200)
    assert (note.stat().st_ino, note.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns), "written once"

    wrong.write_text("formats = ['srt']\n")
    world.run(lambda: len(world.files("archive")) == 2)
    assert world.files("outbox") == ["Other.txt", "a/b/Talk.srt"]
    assert not note.exists()


def test_the_note_on_a_folders_file_goes_away_when_the_file_is_removed_too(world, clock):
    wrong = say(world, "a/transcribed.toml", "formats = 7\n")
    world.drop("a/b/Talk.mp3")
    world.run((world.folders["inbox"] / "a/transcribed.toml.error.txt").exists)

    wrong.unlink()

    world.run(lambda: world.files("archive") == ["a/b/Talk.mp3"])
    assert world.files("inbox") == []


def test_a_mistake_of_a_folder_is_one_line_of_the_log_however_many_recordings_wait_for_it(world):
    say(world, "transcribed.toml", "formats = 7\n")
    for name in ("a.mp3", "b.mp3", "c.mp3"):
        world.drop(name)

    logs = work_for(world, 60)

    assert [line["event"] for line in logs].count("inbox.problem") == 1


def test_a_strangers_file_in_the_place_of_our_note_stays(world, clock):
    say(world, "transcribed.toml", "formats = 7\n")
    say(world, "transcribed.toml.error.txt", "mine")
    world.drop("Talk.mp3")
    world.run(lambda: clock.moved > 60)
    assert (world.folders["inbox"] / "transcribed.toml.error.txt").read_text() == "mine"


def test_what_was_said_when_the_job_was_made_holds_whatever_is_said_later(world, api):
    world.drop("Talk.mp3")
    beside = say(world, "Talk.mp3.toml", "formats = ['srt']\n[transcript]\nlanguage_code = 'de'\n")
    api.down()
    world.run(lambda: bool(world.published and world.published[-1]["blocked"]))
    assert world.states() == [State.RECEIVED]
    beside.write_text("formats = ['md']\n[transcript]\nlanguage_code = 'fr'\n")
    api.up()

    assert world.run() == 0

    assert [request["language_code"] for request in sent(api)] == ["de"]
    assert world.files("outbox") == ["Talk.srt"]


def test_parameters_of_one_recording_that_the_api_refuses_fail_it_alone(world, api):
    world.drop("Talk.mp3")
    say(world, "Talk.mp3.toml", "[transcript]\nnew_parameter = 1\n")
    api.script("POST /v2/transcript", [Fault.answer(400, "new_parameter is not supported")])

    assert world.run() == 1

    assert "new_parameter is not supported" in note_of(world, "Talk.mp3")
    world.drop("Other.mp3")
    assert world.run() == 0
    assert world.files("outbox") == ["Other.txt"]


def test_the_same_content_with_other_settings_is_another_request_and_with_the_same_is_not_paid_again(world, api):
    for name in ("One.mp3", "Two.mp3", "Three.mp3"):
        world.drop(name, mp3("the same"))
    for name in ("Two.mp3", "Three.mp3"):
        say(world, f"{name}.toml", "[transcript]\nlanguage_code = 'de'\n")

    assert world.run() == 0

    assert sorted(str(request["language_code"]) for request in sent(api)) == ["de", "en"]
    assert world.files("outbox") == ["One.txt", "Three.txt", "Two.txt"]


def test_where_each_setting_came_from_is_kept_with_the_job(world):
    say(world, "transcribed.toml", "lines = 1\n")
    world.drop("Talk.mp3")
    say(world, "Talk.mp3.toml", "[transcript]\nspeaker_labels = true\n")

    world.run()

    origins = json.loads(world.jobs()[0].settings)["origins"]
    assert origins["lines"] == "transcribed.toml"
    assert origins["speaker_labels"] == "Talk.mp3.toml"
    assert origins["language_code"] == "[[inbox]]"
