"""The names that a template gives to renderings, from the configuration and from the share: once, and for good."""

import json

import pytest

import version_4
from fake_assemblyai import FakeAssemblyAI
from transcribed.job import Fingerprint, State
from transcribed.worker.outputs import day_of, outputs
from transcribed.worker.people.hooks import environment
from world import START, changed, mp3

pytestmark = pytest.mark.route(output_name="{stem}.{lang}.{ext}")


@pytest.fixture
def api(api: FakeAssemblyAI) -> FakeAssemblyAI:
    api.results = {"language_code": "en_us"}
    return api


def test_subtitles_are_named_as_media_players_want_them(world):
    world.drop("a/Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["a/Talk.en.srt", "a/Talk.en.txt"]
    assert world.files("archive") == ["a/Talk.mp3"]


def test_a_number_stands_behind_the_stem_as_in_the_archive(world):
    world.drop("Talk.mp3", folder="archive")
    world.drop("Talk.mp3", b"", folder="outbox").rename(world.folders["outbox"] / "Talk.en.srt")
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk (2).en.srt", "Talk (2).en.txt", "Talk.en.srt"]
    assert world.files("archive") == ["Talk (2).mp3", "Talk.mp3"]


def test_the_journal_keeps_what_the_files_are_called_and_every_face_says_the_same(world):
    world.drop("Talk.mp3")
    assert world.run() == 0

    (job,) = world.jobs()
    files = [str(world.folders["outbox"] / name).encode() for name in ("Talk.en.txt", "Talk.en.srt")]
    assert outputs(job) == files
    assert environment(job, {})[b"TRANSCRIBED_OUTPUTS"] == b"\n".join(files)
    assert json.loads(environment(job, {})[b"TRANSCRIBED_OUTPUTS_JSON"]) == [file.decode() for file in files]


def test_another_template_renames_nothing_that_is_delivered(world):
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.DELIVERED])
    world.routes[0] = changed(world.route, output_name="{job}.{ext}")
    world.drop("Other.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["2.srt", "2.txt", "Talk.en.srt", "Talk.en.txt"]


def test_a_template_may_begin_with_what_only_the_transcript_says_and_its_names_never_clash(world, api):
    world.routes[0] = changed(world.route, output_name="{lang} {stem}.{ext}")
    for name in ("a.mp3", "a.MP3", "b.mp3"):
        world.drop(name)

    assert world.run(seconds=7200) == 0

    assert len(api.submits) == 3
    assert world.files("outbox") == [
        *("en a (2).srt", "en a (2).txt", "en a.srt", "en a.txt"),
        *("en b.srt", "en b.txt"),
    ]


def test_a_number_that_another_waiting_job_has_is_not_chosen_over_and_over(world):
    second = world.second_inbox(outbox=world.route.outbox, output_name="{lang} {stem}.{ext}")
    world.routes[0] = changed(world.route, output_name="{lang} {stem}.{ext}")
    world.drop("Talk.mp3", b"another" + mp3("x"), folder="second-inbox")
    world.run(lambda: [job.number for job in world.jobs()] == [1])
    world.routes.remove(second)  # its job waits, and keeps its number
    world.drop("Talk.mp3")

    world.run(lambda: len(world.files("archive")) == 1)

    assert world.files("outbox") == ["en Talk (2).srt", "en Talk (2).txt"]
    assert world.story(2).count("released") < 3


def test_the_day_of_a_recording_stands_in_its_name_and_a_time_that_is_none_does_not(world):
    world.routes[0] = changed(world.route, output_name="{date} {stem}.{ext}")
    world.drop("Talk.mp3")

    assert world.run() == 0

    day = day_of(Fingerprint(1, int(START * 1e9)))
    assert len(day) == 10
    assert world.files("outbox") == [f"{day} Talk.srt", f"{day} Talk.txt"]
    assert [day_of(Fingerprint(1, mtime_ns)) for mtime_ns in (0, -(10**30), 10**30)] == ["", "", ""]


def test_a_folders_file_at_the_share_names_outputs_too_and_can_leave_no_folder(world):
    world.drop("films/transcribed.toml", b'output_name = "{stem}.{lang}.sub.{ext}"\n')
    world.drop("films/Talk.mp3")
    world.drop("bad/transcribed.toml", b'output_name = "../{stem}.{ext}"\n')
    world.drop("bad/Talk.mp3")

    world.run(lambda: len(world.files("archive")) == 1)

    assert world.files("outbox") == ["films/Talk.en.sub.srt", "films/Talk.en.sub.txt"]
    assert "it should have no /" in (world.folders["inbox"] / "bad/transcribed.toml.error.txt").read_text()


def test_what_windows_cannot_show_is_replaced_in_a_template_too(world):
    world.routes[0] = changed(world.route, output_name="{stem}: {lang}?.{ext}", names="portable")
    world.drop("Why?.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Why__ en_.srt", "Why__ en_.txt"]


def test_a_failed_recording_that_is_tried_again_is_named_again(world, api):
    api.results = {"language_code": "en_us", "text": "", "words": []}
    world.routes[0] = changed(world.route, silence="fail")
    world.drop("Talk.mp3")
    assert world.run() == 1
    assert world.jobs()[0].tail == b".en"

    world.routes[0] = changed(world.route, output_name="{stem}.{ext}")
    (world.folders["failed"] / "Talk.mp3").rename(world.folders["inbox"] / "Talk.mp3")
    assert world.run() == 0

    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]
    assert world.jobs()[0].tail == b""


@pytest.mark.parametrize("commit", range(6, 18))
def test_a_crash_at_any_commit_leaves_one_set_of_files_and_no_other(world, api, commit):
    world.drop("Talk.mp3")
    world.crash_at_commit(commit)

    assert world.run() == 0

    assert len(api.submits) == 1
    assert world.files("outbox") == ["Talk.en.srt", "Talk.en.txt"]


def test_a_journal_without_such_names_is_taken_over(world):
    world.drop("Talk.mp3")
    world.routes[0] = changed(world.route, output_name="{stem}.{ext}")
    assert world.run() == 0
    version_4.made_older(world.state / "journal.db", 3)
    world.routes[0] = world.route
    world.drop("Other.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Other.en.srt", "Other.en.txt", "Talk.srt", "Talk.txt"]
