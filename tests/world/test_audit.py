"""`transcribed audit` names what only AssemblyAI or only the journal knows, and nothing else."""

import json
import os
import sqlite3
import time
import uuid
from contextlib import closing
from dataclasses import replace

import pytest

from commands import ask
from fake_assemblyai import Fault
from transcribed.job import State
from world import mp3

pytestmark = pytest.mark.route(formats=("txt",))
PAID = int(os.environ.get("AUDITED", "401"))


@pytest.fixture
def audit(world, api):
    """The command, with this world's journal and its account. The command lives now, and the world a day before."""
    world.clock.began_at = time.time() - 86400

    def run(*words, since="2001-01-01"):
        words = ("--since", since, *words) if since else words
        config = f'[api]\nbase_url = "{api.base_url}"'
        result = ask(world, "audit", *words, config=config, ASSEMBLYAI_API_KEY=world.key)
        return result.exit_code, result.stdout

    return run


def named(audit, **how):
    """What the command names: kind → transcript_ids."""
    _, text = audit("--json", **how)
    found = [json.loads(line) for line in text.splitlines()]
    return {each["kind"]: each["transcript_ids"] for each in found}


def lose_the_answer_to_a_submit(world, api):
    """Let the daemon die before it writes the answer."""
    world.drop("Talk.mp3")
    step = 1
    while world.crash(step, after=True) and not api.submits:
        step += 1


def test_where_both_sides_agree_nothing_is_named_and_hours_are_told_by_model(world, api, audit):
    api.duration_of = lambda _: 1800.0
    api.end_with_error("Transcoding failed. File type is audio/mpeg")
    for name in ("Bad.mp3", "One.mp3", "Two.mp3"):
        world.drop(name)
        world.run()
    world.drop("Same.mp3", mp3("Two.mp3"))
    world.run()
    assert world.states().count(State.FAILED) == 1

    status, text = audit()

    assert status == 0
    assert "lists 2 transcripts; 2 were paid from here: 1.00 hours" in text
    assert "  assemblyai-stt-3-7: 2, 1.00 hours" in text
    assert text.endswith("Nothing differs.\n")
    assert named(audit) == {}


def test_a_transcript_that_another_program_made_is_named_with_its_length_and_its_model(world, api, audit):
    world.drop("Talk.mp3")
    world.run()
    api.duration_of = lambda _: 7200.0
    url = api.take_upload("0" * 64, 1000)["upload_url"]
    stranger = api.take_submit({"audio_url": url})["id"]
    world.clock.moved += 3600.0

    status, text = audit()

    assert status == 1
    assert f"unknown: {stranger}: " in text
    assert "2.00 hours by assemblyai-stt-3-7" in text
    assert named(audit) == {"unknown": [stranger]}


@pytest.mark.parametrize("odd", [7, {"id": "no id"}, "ours"], ids=["no item", "without a state", "one of ours"])
def test_what_cannot_be_read_in_the_list_is_counted_and_the_others_are_compared(world, api, audit, odd):
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name)
        world.run()
    first, second = ({"id": each.id, "status": "completed", "audio_url": each.upload_url} for each in api.submits)
    items = [odd, first] if odd != "ours" else [{**second, "status": None}, first]
    body = {"page_details": {"prev_url": None, "next_url": None}, "transcripts": items}
    api.script("GET /v2/transcript", [Fault.answer(200, body=json.dumps(body).encode()) for _ in range(2)])

    status, text = audit()

    assert status == 1
    assert "lists 1 transcripts; 1 were paid from here" in text
    assert "unread: 1 of the list's items cannot be read" in text
    assert f"gone: {second['id']}: of job 2 (Two.mp3): AssemblyAI has it no longer, or it cannot be read; " in text
    assert named(audit) == {"gone": [second["id"]], "unread": []}


@pytest.mark.parametrize("status", [400, 500])
def test_strangers_are_named_though_their_lengths_are_not_told(world, api, audit, status):
    world.drop("Talk.mp3")
    world.run()
    for _ in range(2):
        api.take_submit({"audio_url": api.take_upload("0" * 64, 1000)["upload_url"]})
    world.clock.moved += 3600.0
    said = Fault.answer(status, "Transcript lookup error, transcript id not found")
    api.script("GET /v2/transcript/{id}", [said] * 20)

    exit_status, text = audit()

    assert exit_status == 1
    assert text.count("unknown: ") == 2


def test_a_paid_transcript_whose_answer_was_lost_is_named_with_its_job(world, api, audit):
    lose_the_answer_to_a_submit(world, api)
    assert world.jobs()[0].doubtful

    assert named(audit) == {"lost": [api.submits[0].id]}
    assert "of the upload of job 1: the answer to its submit was lost" in audit()[1]

    world.run()
    assert named(audit) == {}


def test_a_transcript_that_vanished_there_is_named_unless_somebody_here_wished_that(world, api, audit):
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name)
        world.run()
    first, second = api.submits
    second.deleted = True

    assert named(audit) == {"gone": [second.id]}
    assert "of job 2 (Two.mp3): AssemblyAI has it no longer; it is kept here" in audit()[1]
    (world.state / "transcripts" / f"{second.id}.json").unlink()
    assert "it is not kept here either" in audit()[1]
    assert first.id not in audit()[1]


@pytest.mark.route(delete_remote=True)
def test_what_was_deleted_there_as_the_configuration_wishes_is_no_difference(world, api, audit):
    world.drop("Talk.mp3")
    world.run()
    assert api.submits[0].deleted

    assert named(audit) == {}


@pytest.mark.route(duplicates="transcribe")
def test_a_content_that_was_paid_twice_is_named_with_its_jobs(world, api, audit):
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name, mp3("the same"))
        world.run()

    assert named(audit) == {"again": [submit.id for submit in api.submits]}
    assert "jobs 1, 2: the same content was paid 2 times" in audit()[1]


def test_where_the_list_is_empty_everything_that_was_paid_is_named(world, api, audit):
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name)
        world.run()
    ids = [submit.id for submit in api.submits]
    api.submits.clear()

    found = [json.loads(line) for line in audit("--json")[1].splitlines()]

    assert [(each["kind"], each["transcript_ids"]) for each in found] == [("gone", [name]) for name in ids]


def test_the_oldest_transcript_is_named_too_when_it_is_gone(world, api, audit):
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name)
        world.run()
        world.clock.moved += 3600.0
    gone = api.submits.pop(0)

    assert named(audit) == {"gone": [gone.id]}


def test_without_a_day_only_what_assemblyai_should_still_keep_is_missed(world, api, audit):
    """The account deletes after 30 days: nobody here wished that, and it is no difference."""
    for days in (31.0, 28.0):
        world.clock.began_at = time.time() - days * 86400
        world.drop(f"{days}.mp3")
        world.run()
    old, young = (submit.id for submit in api.submits)
    api.submits.clear()

    assert named(audit, since="") == {"gone": [young]}
    assert old != young


def test_a_recording_that_was_submitted_while_the_list_was_read_is_not_missed(world, api, audit):
    world.clock.began_at = time.time() - 60
    world.drop("Talk.mp3")
    world.run()
    api.submits.clear()

    assert named(audit) == {}


def test_a_submit_whose_answer_may_still_be_on_its_way_is_not_called_lost(world, api, audit):
    lose_the_answer_to_a_submit(world, api)

    world.clock.began_at = api.submits[0].created = time.time() - 60
    assert named(audit) == {}
    api.submits[0].created = time.time() - 600
    assert named(audit) == {"lost": [api.submits[0].id]}


def test_a_transcript_that_has_just_ended_in_an_error_is_there_still(world, api, audit):
    world.drop("Talk.mp3")
    api.processing_seconds = 1e6
    world.run(until=lambda: world.states() == [State.SUBMITTED])
    api.submits[0].end_error = "Transcoding failed. File type is audio/mpeg"
    world.clock.moved += 3600.0

    assert named(audit) == {}


def copy_the_payment(world, api, count):
    """As if so many recordings more had been paid for, the oldest first, and AssemblyAI had all of them."""
    [paid] = api.submits
    copies = [replace(paid, id=str(uuid.uuid4()), created=paid.created - n) for n in range(count, 0, -1)]
    api.submits[:] = [*copies, paid]
    with closing(sqlite3.connect(world.state / "journal.db")) as behind, behind:
        behind.execute("CREATE TEMP TABLE one AS SELECT * FROM payments")
        for each in copies:
            facts = each.id, each.created
            behind.execute("UPDATE one SET transcript_id = ?, submitted_at = ?, content_hash = NULL", facts)
            behind.execute("INSERT INTO payments SELECT * FROM one")


def test_a_list_of_many_pages_is_read_to_its_end(world, api, audit):
    """A page has 200 at most."""
    world.drop("Talk.mp3")
    world.run()
    copy_the_payment(world, api, PAID)
    assert named(audit) == {}

    gone = api.submits.pop(1).id
    stranger = replace(api.submits[0], id=str(uuid.uuid4()), upload_url="https://cdn.assemblyai.com/upload/other")
    api.uploads.append(replace(api.uploads[0], upload_url=stranger.upload_url))
    api.submits.insert(len(api.submits) // 2, stranger)

    assert named(audit) == {"unknown": [stranger.id], "gone": [gone]}


def test_the_first_day_of_all_is_a_day(world, audit):
    world.run()
    assert audit(since="0001-01-01")[0] == 0
