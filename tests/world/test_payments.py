"""What was paid is never forgotten: not with its job, its description or its journal, and at no crash."""

import json
import os
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from fake_assemblyai import Fault
from jobs import NOW, RECEIVED, a_job, add_job, save_job, unfinished
from transcribed.errors import Blocked
from transcribed.files import Lines
from transcribed.job import Job, Rules, State, Step, after, events
from transcribed.journal import Change, Happening, Journal
from transcribed.journal import payments as paid
from transcribed.journal.tables import payments
from transcribed.worker import Stop, drop
from world import Crash, World, changed, mp3

pytestmark = pytest.mark.route(formats=("txt",))

DAY = 86400.0
ID = "11111111-2222-4333-8444-555555555555"
URL = "https://cdn.assemblyai.com/upload/1"


def ledger(world: World) -> Path:
    return world.state / "payments.jsonl"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()[1:]]


def lose_the_journal(world: World, *, transcripts: bool = True) -> None:
    for path in world.state.glob("journal.db*"):
        path.unlink()
    for path in (world.state / "transcripts").glob("*") if transcripts else []:
        path.unlink()


def taken(journal: Journal, job: Job) -> Job:
    """The job after its submit was taken, as the journal has it."""
    submitted = after(job, events.Submitted(ID), NOW, Rules())
    save_job(journal, job, (submitted, events.Submitted(ID)), now=NOW)
    return submitted


def grow_old(world: World) -> None:
    """Let two years pass, and drop something else: the newest job is never forgotten."""
    world.clock.moved += 800 * DAY
    world.drop("Newer.mp3", mp3("Newer", frames=90))
    assert world.run() == 0
    world.clock.moved += DAY
    assert world.run() == 0


# -- the row and the line ---------------------------------------------------------------------------------------------


def test_a_payment_is_a_row_and_the_last_of_its_lines_says_the_same(world):
    world.api.results = {"audio_duration": 12, "speech_model_used": "universal"}
    world.drop("a/Talk.mp3", mp3("Talk"))
    assert world.run() == 0

    (job,) = world.jobs()
    first, last = lines_of(ledger(world))
    assert first["transcript_id"] == last["transcript_id"] == job.transcript_id
    assert "delivered_at" not in first
    assert last["content_hash"] == job.content_hash
    assert (last["base_url"], last["key_fingerprint"]) == (job.base_url, job.key_fingerprint)
    assert (last["inbox"], last["path"], last["size"]) == ("talks", "a/Talk.mp3", job.fingerprint.size)
    assert (last["stem"], last["number"]) == (os.fsdecode(job.stem or b""), 1)
    assert (last["billed_seconds"], last["model"], last["parameters"]) == (12.0, "universal", job.parameters)
    with closing(Journal.read(str(world.state))) as journal:
        assert journal.forgotten.payer(job.transcript_id).stem == job.stem


def test_a_transcript_that_ended_in_an_error_was_free_and_is_no_payment(world):
    path = world.state
    with closing(Journal.open(str(path))) as journal:
        job = add_job(journal, a_job(state=State.UPLOADED, content_hash="ab" * 32, upload_url=URL), RECEIVED)
        submitted = taken(journal, job)
        assert journal.forgotten.payer(ID) is not None
        lost = events.Lost("it could not be read", transcript_id=ID)
        save_job(journal, submitted, (after(submitted, lost, NOW, Rules()), lost), now=NOW)
        assert journal.forgotten.payer(ID) is None

    assert lines_of(ledger(world))[-1] == {"transcript_id": ID, "void": True}
    lose_the_journal(world)
    with closing(Journal.open(str(path))) as journal:
        assert journal.with_content("ab" * 32) == []


def test_what_a_person_has_given_up_serves_nobody(tmp_path):
    with closing(Journal.open(str(tmp_path))) as journal:
        job = add_job(journal, a_job(state=State.UPLOADED, content_hash="ab" * 32, upload_url=URL), RECEIVED)
        for event in (events.Submitted(ID), events.Failed("gone"), events.Requeued(State.RECEIVED, pay_again=True)):
            now = after(job, event, NOW, Rules())
            save_job(journal, job, (now, event), now=NOW)
            job = now
        assert [each.id for each in journal.with_content("ab" * 32)] == [job.id]
    (tmp_path / "journal.db").unlink()

    with closing(Journal.open(str(tmp_path))) as journal:
        assert journal.with_content("ab" * 32) == []
        assert journal.forgotten.payer(ID) is not None


@given(
    data=st.dictionaries(
        st.sampled_from([*(c.name for c in payments.c), "wanted_at"]), st.none() | st.integers() | st.text()
    )
)
def test_any_line_is_a_payment_that_the_table_takes_or_is_refused(data):
    try:
        line = paid.from_line(json.dumps(data).encode())
    except ValueError:
        return
    assert line.payment is None or paid.job_of(line.payment).transcript_id == line.transcript_id


# -- a journal that was lost ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transcripts", [True, False])
def test_after_the_journal_and_all_that_was_kept_are_lost_the_same_recording_is_not_paid_again(world, transcripts):
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    lose_the_journal(world, transcripts=transcripts)

    world.drop("Again.mp3", mp3("Talk"))
    world.run()

    assert world.files("outbox") == ["Again.txt", "Talk.txt"]
    assert len(world.api.submits) == 1


def test_what_is_gone_at_assemblyai_too_is_a_question_and_blocks_nothing(world):
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    lose_the_journal(world)
    world.api.script("GET /v2/transcript/{id}", [Fault.answer(400, '{"error": "Transcript id not found"}')] * 9)
    drop(str(world.state), {"order": "accept", "loss": True})

    world.drop("Again.mp3", mp3("Talk"))
    world.run(lambda: State.FAILED in world.states())

    (job,) = world.jobs()
    assert "no longer kept here or at AssemblyAI" in job.reason
    assert len(world.api.submits) == 1


def test_a_journal_put_back_from_a_backup_learns_from_the_file_what_was_paid_since(world, tmp_path):
    world.drop("Early.mp3", mp3("Early"))
    assert world.run() == 0
    with closing(Journal.read(str(world.state))) as journal:
        journal.copy(str(tmp_path / "backup"))
    world.drop("Late.mp3", mp3("Late", frames=50))
    assert world.run() == 0
    lose_the_journal(world)
    (tmp_path / "backup").replace(world.state / "journal.db")

    world.drop("Late again.mp3", mp3("Late", frames=50))
    world.run()

    assert "Late again.txt" in world.files("outbox")
    assert len(world.api.submits) == 2


# -- a crash, and a file that was harmed ------------------------------------------------------------------------------


@pytest.mark.parametrize("commit", range(1, 20))
def test_after_a_crash_at_any_commit_both_know_of_each_payment_and_nothing_is_paid_twice(world, commit):
    world.drop("Talk.mp3", mp3("Talk"))
    world.crash_at_commit(commit)
    with closing(Journal.open(str(world.state))) as journal:
        known = {line["transcript_id"] for line in lines_of(ledger(world))}
        assert all(journal.forgotten.payer(name) is not None for name in known)
        assert not known or not any(job.doubtful for job in unfinished(journal))

    assert world.run() == 0
    assert len(world.api.submits) == 1
    assert len({line["transcript_id"] for line in lines_of(ledger(world))}) == 1


def die(_connection: object) -> None:
    raise Crash


def test_a_submit_of_which_only_the_file_knows_is_taken_from_it(tmp_path):
    with closing(Journal.open(str(tmp_path))) as journal:
        facts: dict[str, Any] = {
            "state": State.UPLOADED,
            "content_hash": "ab" * 32,
            "upload_url": URL,
            "submit_sent_at": NOW,
        }
        job = add_job(journal, a_job(**facts), RECEIVED)
        sa.event.listen(journal._engine, "commit", die)
        with pytest.raises(Crash):
            taken(journal, job)
    with closing(Journal.read(str(tmp_path))) as journal:
        assert [each.doubtful for each in unfinished(journal)] == [True]

    with closing(Journal.open(str(tmp_path))) as journal:
        (known,) = unfinished(journal)
        assert (known.state, known.transcript_id) == (State.SUBMITTED, ID)
        assert [each["event"] for each in journal.story(job.id)] == ["job.received", "job.submitted"]


@pytest.mark.parametrize("torn", [b'{"transcript_id":"1111', b"\0" * 5000, b"x" * 200_000])
def test_a_torn_last_line_is_cut_off(world, torn):
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    whole = ledger(world).read_bytes()
    with ledger(world).open("ab") as file:
        file.write(torn)

    with closing(Journal.open(str(world.state))) as journal:
        assert ledger(world).read_bytes() == whole
        assert journal.loss() == ""


@pytest.mark.parametrize("transcripts", [True, False])
def test_the_wish_to_delete_at_assemblyai_outlives_the_journal(world, api, transcripts):
    world.routes[0] = changed(world.route, delete_remote=True)
    api.script("DELETE /v2/transcript/{id}", [Fault.answer(500, "no")])
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    assert not api.submits[0].deleted
    lose_the_journal(world, transcripts=transcripts)

    world.run()

    assert api.submits[0].deleted
    lose_the_journal(world, transcripts=transcripts)
    with closing(Journal.open(str(world.state))) as journal:
        assert journal.to_erase(world.plan().client.base_url, (0.0, ""), 9) == [], "it was done"


def test_a_wish_to_delete_what_another_job_paid_for_outlives_the_journal_too(tmp_path):
    with closing(Journal.open(str(tmp_path))) as journal:
        paid_for = a_job(state=State.UPLOADED, upload_url=URL, base_url="https://api", key_fingerprint="k")
        taken(journal, add_job(journal, paid_for, RECEIVED))
        known = a_job(b"Again.mp3", state=State.TRANSCRIBED, transcript_id=ID, reused_from=1, number=1)
        known, wish = add_job(journal, known, RECEIVED), events.Delivered(delete_remote=True)
        save_job(journal, known, (after(known, wish, NOW, Rules()), wish), now=NOW)
    (tmp_path / "journal.db").unlink()

    with closing(Journal.open(str(tmp_path))) as journal:
        assert journal.to_erase("https://api", (0.0, ""), 9) == [(NOW, ID)]
    (tmp_path / "payments.jsonl").unlink()
    Journal.open(str(tmp_path)).close()
    assert [line["wanted_at"] for line in lines_of(tmp_path / "payments.jsonl")] == [NOW]


@pytest.mark.parametrize("harm", ["gone", "empty", "older", "another"])
def test_a_file_that_is_gone_or_lacks_something_is_written_again_from_the_journal(world, harm):
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name, mp3(name, frames=len(name) * (30 if name == "One.mp3" else 40)))
        assert world.run() == 0
    said = {str(line["transcript_id"]): line for line in lines_of(ledger(world))}
    old = ledger(world).read_bytes().splitlines(keepends=True)
    ledger(world).unlink()
    if harm != "gone":
        kept = {"empty": [], "older": old[:2], "another": [b'{"payments":"x"}\n', b"no line\n", *old[1:2]]}[harm]
        ledger(world).write_bytes(b"".join(kept))

    Journal.open(str(world.state)).close()

    assert {str(line["transcript_id"]): line for line in lines_of(ledger(world))} == said


def test_a_line_in_the_middle_that_cannot_be_read_costs_only_itself(world, capsys):
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name, mp3(name, frames=30 if name == "One.mp3" else 40))
        assert world.run() == 0
    lines = ledger(world).read_bytes().splitlines(keepends=True)
    ledger(world).write_bytes(b"".join([lines[0], b'{"transcript_id": 5}\n', b"\xff\xfe\n", *lines[1:]]))
    lose_the_journal(world)

    with closing(Journal.open(str(world.state))) as journal:
        assert len(list(journal.forgotten.all())) == 2
    assert capsys.readouterr().out.count("payment.unread") == 2


def test_what_the_disk_does_not_take_is_not_in_the_journal_either(tmp_path):
    with closing(Journal.open(str(tmp_path))) as journal:
        job = add_job(journal, a_job(state=State.UPLOADED, content_hash="ab" * 32, upload_url=URL), RECEIVED)
        before = (tmp_path / "payments.jsonl").read_bytes()
        full = os.open("/dev/full", os.O_RDWR)
        own = journal._paid._ledger._lines._file
        saved = os.dup(own)
        os.dup2(full, own)
        try:
            with pytest.raises(Blocked) as refused:
                taken(journal, job)
        finally:
            os.dup2(saved, own)
        assert refused.value.lane == "state"
        assert journal.job(job.id) == job
        assert (tmp_path / "payments.jsonl").read_bytes() == before
        taken(journal, job)
    assert lines_of(tmp_path / "payments.jsonl")[-1]["transcript_id"] == ID


def test_lines_that_were_appended_are_read_from_any_place(tmp_path):
    path = os.fsencode(tmp_path / "lines")
    with closing(Lines(path)) as lines:
        lines.append(b"one\n")
        place = lines.end
        lines.append(b"two\nthree\n")
        assert [line for line, _ in lines.since(place)] == [b"two\n", b"three\n"]


# -- what is forgotten ------------------------------------------------------------------------------------------------


def test_a_job_is_forgotten_long_after_its_end_and_its_recording_is_not_paid_again(world):
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    grow_old(world)
    assert [job.path for job in world.jobs()] == [b"Newer.mp3"]

    world.drop("Again.mp3", mp3("Talk"))
    assert world.run() == 0

    assert "Again.txt" in world.files("outbox")
    assert len(world.api.submits) == 2
    assert world.story(1) == []


def test_after_it_was_forgotten_and_the_journal_lost_too_its_recording_is_not_paid_again(world):
    world.plan_options["transcripts_days"] = 30.0
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    for path in (world.state / "transcripts").iterdir():
        os.utime(path, (world.clock.wall(),) * 2)
    grow_old(world)
    forgotten = [line for line in lines_of(ledger(world)) if line["path"] == "Talk.mp3"][-1]["transcript_id"]
    assert not list((world.state / "transcripts").glob(f"{forgotten}*"))
    lose_the_journal(world)

    world.drop("Again.mp3", mp3("Talk"))
    world.run()

    assert "Again.txt" in world.files("outbox")
    assert len(world.api.submits) == 2


def test_the_number_of_a_forgotten_name_is_not_given_again(world):
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    grow_old(world)
    for folder in ("outbox", "archive"):
        for path in world.folders[folder].glob("Talk*"):
            path.unlink()

    world.drop("Talk.mp3", mp3("another", frames=70))
    assert world.run() == 0

    assert "Talk (2).txt" in world.files("outbox")


def test_a_recording_that_still_lies_in_the_inbox_is_not_forgotten(world):
    world.routes[0] = changed(world.route, after="keep")
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    grow_old(world)

    assert [job.path for job in world.jobs()] == [b"Talk.mp3", b"Newer.mp3"]
    assert len(world.api.submits) == 2


def test_a_transcript_that_is_still_to_be_deleted_keeps_its_job_and_once_deleted_that_stays_known(world, api):
    world.routes[0] = changed(world.route, delete_remote=True)
    api.script("DELETE /v2/transcript/{id}", [Fault.answer(500, "no")])
    world.drop("Talk.mp3", mp3("Talk"))
    assert world.run() == 0
    with closing(Journal.open(str(world.state))) as journal:
        add_job(journal, a_job(b"Other.mp3"), RECEIVED)
        assert journal.forget(world.clock.wall() + DAY, 100) == 0
    grow_old(world)

    with closing(Journal.read(str(world.state))) as journal:
        _, erased_at = journal.erasure(api.submits[0].id) or (None, None)
        assert erased_at is not None
    assert b"Talk.mp3" not in [job.path for job in world.jobs()]


def test_many_old_jobs_are_forgotten_a_few_at_a_time(tmp_path):
    with closing(Journal.open(str(tmp_path))) as journal:
        for number in range(10):
            path = f"{number}.mp3".encode()
            facts: dict[str, Any] = {"state": State.FAILED, "retired_at": NOW + number, "place": b"/failed/" + path}
            add_job(journal, a_job(path, **facts), RECEIVED)

        assert journal.forget(NOW + 5.5, 4) == 4
        assert [job.id for job in journal.all()] == [5, 6, 7, 8, 9, 10]
        assert journal.counts() == {"failed": 6}
        assert journal.forget(NOW + 5.5, 4) == 2
        assert journal.forget(NOW + 100, 100) == 3
        assert [job.id for job in journal.all()] == [10], "the newest: no number is given twice"


def with_old_jobs(world: World, count: int) -> None:
    facts: dict[str, Any] = {"state": State.FAILED, "retired_at": NOW}
    old = [a_job(b"%d" % number, id=number, place=b"/failed/%d" % number, **facts) for number in range(1, count + 1)]
    with world.journal() as journal:
        journal.write([Change(job, None, (Happening(job, RECEIVED, NOW),)) for job in old])
    world.clock.moved += 800 * DAY


def test_a_run_with_once_forgets_all_jobs_that_are_old_and_tells_it_once_however_little_else_it_has_to_do(
    world, capsys
):
    with_old_jobs(world, 260)

    assert world.run() == 0

    assert [job.id for job in world.jobs()] == [260]
    [told] = [line for line in capsys.readouterr().out.splitlines() if "jobs.forgotten" in line]
    assert "count=259" in told


def test_a_run_with_once_ends_in_time_though_more_old_jobs_are_left_and_the_next_one_goes_on(world):
    with_old_jobs(world, 2500)
    began_at = world.clock.moved

    assert world.run() == 0

    assert world.clock.moved - began_at < 60
    left = len(world.jobs())
    assert 1 < left < 2000
    assert world.run() == 0
    assert len(world.jobs()) < left


@pytest.mark.parametrize(("commit_seconds", "least_seconds"), [(0.0, 1.0), (0.5, 5.0)])
def test_between_two_bites_of_old_jobs_the_daemon_rests(world, commit_seconds, least_seconds):
    with_old_jobs(world, 260)
    bites: list[float] = []

    def commit(_: object) -> None:
        world.clock.moved += commit_seconds

    def are_forgotten() -> bool:
        journal = world.worker.book.journal
        if not sa.event.contains(journal._engine, "commit", commit):
            sa.event.listen(journal._engine, "commit", commit)
        if (left := journal.counts().get("failed", 0)) < 260 - 50 * len(bites):
            bites.append(world.clock.moved)
        return left == 1

    world.run(are_forgotten)

    assert len(bites) == 6
    slow = bites[1:]  # the first one was made before the commits took time
    assert min(later - earlier for earlier, later in pairwise(slow)) >= least_seconds


def test_a_recording_whose_payer_is_forgotten_is_not_paid_for_again_while_one_that_was_served_is_known(world):
    world.drop("A.mp3", mp3("Talk"))
    assert world.run() == 0
    world.clock.moved += 500 * DAY
    world.drop("B.mp3", mp3("Talk"))
    assert world.run() == 0
    world.clock.moved += 300 * DAY
    world.drop("Newer.mp3", mp3("Newer", frames=90))
    assert world.run() == 0
    world.clock.moved += DAY
    assert world.run() == 0
    assert [job.path for job in world.jobs()] == [b"B.mp3", b"Newer.mp3"]

    world.drop("C.mp3", mp3("Talk"))
    assert world.run() == 0

    assert sorted(world.api.paid().values()) == [1, 1]
    assert "C.txt" in world.files("outbox")


def test_a_recording_that_may_have_been_paid_for_and_was_not_found_is_never_forgotten(world):
    with world.journal() as journal:
        failed = a_job(state=State.FAILED, retired_at=NOW, place=b"/failed/a.mp3")
        add_job(journal, replace(failed, submit_sent_at=NOW), RECEIVED)
        add_job(journal, a_job(b"b.mp3", state=State.FAILED, retired_at=NOW, place=b"/failed/b.mp3"), RECEIVED)
        add_job(journal, a_job(b"newest.mp3"), RECEIVED)

        assert journal.forget(NOW + 1000 * DAY, 100) == 1

        assert [job.path for job in journal.all()] == [b"Talk.mp3", b"newest.mp3"]


def test_a_submit_that_is_answered_after_damage_was_found_is_kept_in_the_file_and_not_paid_for_again(world):
    def damaged_while_it_is_submitted() -> bool:
        book, steps = world.worker.book, world.worker.dispatch.in_flight.values()
        if not book.journal.is_damaged and any(step is Step.SUBMIT for step, _ in steps):
            book.journal._damaged("a page is torn")
            world.mailbox.put(Stop())
        return False

    world.drop("Talk.mp3", mp3("Talk"))
    world.crash_when = damaged_while_it_is_submitted
    assert world.run() == 75
    (submit,) = world.api.submits
    assert {line["transcript_id"] for line in lines_of(ledger(world))} == {submit.id}

    world.crash_when = lambda: False
    drop(str(world.state), {"order": "accept", "loss": True})
    assert world.run() == 0
    assert len(world.api.submits) == 1
    assert "Talk.txt" in world.files("outbox")
