"""The remains of a transcript after its delivery: deleted at AssemblyAI if that is wanted, kept here for so long."""

import math
import os
import sys
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest

from fake_assemblyai import FakeAssemblyAI, Fault
from jobs import NOW, a_job
from transcribed.job import Account, State, events
from transcribed.journal import AUDIO, Change, Happening, Journal, Transcripts
from transcribed.worker import deletions as deletions_module
from world import World, changed, mp3, work_for

pytestmark = pytest.mark.route(formats=("txt",), delete_remote=True, scan_seconds=60.0)

DAY = 86400.0


def deletions(api: FakeAssemblyAI) -> list[str]:
    return [path.rpartition("/")[2] for method, path in api.requests if method == "DELETE"]


def kept(world: World) -> list[str]:
    return sorted(path.name for path in (world.state / "transcripts").glob("*.json") if "meta" not in path.name)


def forget_what_is_kept(world: World) -> None:
    for name in kept(world):
        (world.state / "transcripts" / name).unlink()


def erasure(world: World) -> tuple[float, float | None] | None:
    if world.running:
        return world.worker.book.journal.erasure(world.jobs()[0].transcript_id or "")
    with closing(Journal.read(str(world.state))) as journal:
        return journal.erasure(world.jobs()[0].transcript_id or "")


# -- at AssemblyAI ---------------------------------------------------------------------------------------------------


def test_what_assemblyai_has_of_a_recording_is_deleted_once_it_is_delivered(world, api):
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk.txt"]
    assert deletions(api) == [world.jobs()[0].transcript_id]
    assert kept(world) == [f"{world.jobs()[0].transcript_id}.json"], "what is kept here stays"
    assert erasure(world)[1] is not None


@pytest.mark.parametrize("status", [403, 404, 409, 410, 422])
def test_a_deletion_that_is_refused_again_and_again_holds_up_no_recording_and_no_other_deletion(
    world, api, clock, status
):
    refusal = Fault.answer(status, "this one may not be deleted")
    api.script("DELETE /v2/transcript/{id}", [refusal, None, refusal, refusal, refusal])
    world.drop("Talk.mp3")
    times: list[float] = []

    def is_deleted_in_the_end() -> bool:
        if len(deletions(api)) > len(times):
            times.append(clock.moved)
            if len(times) == 1:
                world.drop("Walk.mp3")
        return len(times) == 6

    world.run(is_deleted_in_the_end, seconds=4000)

    first, second = (job.transcript_id for job in world.jobs())
    assert deletions(api) == [first, second, *[first] * 4]
    assert [round(later - earlier, -1) for earlier, later in pairwise([times[0], *times[2:]])] == [60, 120, 240, 480]
    assert [status["blocked"] for status in world.published if status["blocked"]] == []


def test_nothing_is_deleted_where_nobody_wants_it(world, api):
    world.routes[0] = changed(world.route, delete_remote=False)
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert deletions(api) == []
    assert erasure(world) is None


@pytest.mark.parametrize("commit", range(8, 22))
def test_a_crash_at_any_commit_forgets_no_deletion_and_pays_once(world, api, commit):
    world.drop("Talk.mp3")
    world.crash_at_commit(commit)

    assert world.run() == 0

    assert len(api.submits) == 1
    assert api.submits[0].deleted
    assert erasure(world)[1] is not None
    assert "Deleted by user" not in (world.folders["outbox"] / "Talk.txt").read_text()


def test_a_deletion_that_fails_is_tried_again_and_holds_no_recording_up(world, api):
    api.script("DELETE /v2/transcript/{id}", [Fault.answer(500, "no")] * 3)
    world.drop("Talk.mp3")

    world.run(lambda: len(deletions(api)) == 4 and world.jobs()[0].retired_at is not None)

    assert world.files("archive") == ["Talk.mp3"]
    assert erasure(world)[1] is not None


def test_a_page_that_is_not_the_apis_is_no_deletion(world, api):
    """A captive portal answers anything with 200 and a login page."""
    api.script("DELETE /v2/transcript/{id}", [Fault.html()])
    world.drop("Talk.mp3")

    world.run(lambda: len(deletions(api)) == 2)

    assert api.submits[0].deleted


def test_a_run_once_does_not_wait_for_a_deletion_that_fails_and_the_next_one_makes_it(world, api, clock):
    api.script("DELETE /v2/transcript/{id}", [Fault.answer(408, "no")])
    world.drop("Talk.mp3")
    assert world.run() == 0
    assert erasure(world)[1] is None

    assert world.run() == 0
    assert erasure(world)[1] is not None


def test_a_transcript_that_is_gone_already_counts_as_deleted_and_blocks_nobody(world, api):
    gone = Fault.answer(400, "Transcript lookup error, transcript id not found")
    api.script("DELETE /v2/transcript/{id}", [gone])
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert len(deletions(api)) == 1
    assert erasure(world)[1] is not None


def test_a_deletion_is_made_with_another_key_of_the_project_too(world, api):
    api.script("DELETE /v2/transcript/{id}", [Fault.answer(500, "no")])
    world.drop("Talk.mp3")
    world.run(lambda: world.files("archive") == ["Talk.mp3"] and deletions(api) != [])
    world.key = api.key = "another-key"

    assert world.run() == 0

    assert erasure(world)[1] is not None


def test_a_transcript_that_another_key_does_not_know_counts_as_deleted_only_once_its_own_key_is_back(world, api):
    api.script("DELETE /v2/transcript/{id}", [Fault.answer(500, "no")])
    world.drop("Talk.mp3")
    world.run(lambda: world.files("archive") == ["Talk.mp3"] and deletions(api) != [])
    submits, own = [*api.submits], world.key
    world.key = api.key = "a-key-of-another-project"
    api.submits.clear()

    logs = work_for(world, 7200)
    assert len(deletions(api)) == 2
    assert [line["event"] for line in logs].count("transcript.not_erased") == 1
    assert erasure(world)[1] is None

    world.key = api.key = own
    api.submits.extend(submits)
    assert world.run() == 0
    assert erasure(world)[1] is not None


def delivered_by(account: Account, number: int) -> Change:
    """A new job of this account that is delivered, and whose transcript is still to be deleted at AssemblyAI."""
    name = f"00000000-0000-4000-8000-{number:012}"
    facts = {"base_url": account.base_url, "key_fingerprint": account.key_fingerprint, "transcript_id": name}
    job = a_job(b"%d.mp3" % number, id=number, state=State.SUBMITTED, upload_url="https://u", **facts)
    delivered = replace(job, state=State.DELIVERED, retired_at=NOW, place=b"/archive/%d.mp3" % number)
    ended = Happening(delivered, events.Delivered(delete_remote=True), NOW + number)
    return Change(delivered, None, (Happening(job, events.Submitted(name), NOW), ended))


def cost_of_deletions(world: World, api: FakeAssemblyAI, count: int) -> tuple[float, float]:
    """For each of so many deletions: the instructions that SQLite runs, and the lines of ours that choose it."""
    instructions = lines = 0

    def ran() -> int:
        nonlocal instructions
        instructions += 10
        return 0

    def step(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != deletions_module.__file__:
            return None
        lines += event == "line"
        return step

    def is_over() -> bool:
        with world.worker.book.journal._engine.connect() as connection:
            connection.connection.driver_connection.set_progress_handler(ran, 10)
        return len(deletions(api)) == count

    before = sys.gettrace()
    sys.settrace(step)
    try:
        world.run(is_over)
    finally:
        sys.settrace(before)
    return instructions / count, lines / count


def test_a_deletion_costs_no_more_where_many_wait(tmp_path, api, clock):
    costs = []
    for count in (20, 200):
        world = World(tmp_path / str(count), api, clock, formats=("txt",), delete_remote=True)
        accounts = [Account.of(api.base_url, world.key), Account.of("https://another.example", world.key)]
        orders = [delivered_by(account, number) for number, account in enumerate(accounts * count, 1)]
        with world.journal() as journal:
            journal.write(orders)
        api.requests.clear()
        costs.append(cost_of_deletions(world, api, count))
        wanted = [change.job.transcript_id for change in orders if change.job.id % 2]
        assert deletions(api) == wanted, "oldest first, and none of another address"

    (few_instructions, few_lines), (many_instructions, many_lines) = costs
    assert many_instructions < 1.5 * few_instructions
    assert many_lines < 1.5 * few_lines


def test_the_same_recording_again_is_delivered_from_what_is_kept_after_the_deletion(world, api):
    world.drop("Talk.mp3")
    assert world.run() == 0
    world.drop("Again.mp3", mp3("Talk.mp3"))

    assert world.run() == 0

    assert len(api.submits) == 1
    outbox = world.folders["outbox"]
    assert (outbox / "Again.txt").read_bytes() == (outbox / "Talk.txt").read_bytes()
    assert len(deletions(api)) == 1


def test_a_deleted_transcript_that_is_kept_no_more_is_a_question_and_never_a_text(world, api):
    world.drop("Talk.mp3")
    assert world.run() == 0
    forget_what_is_kept(world)
    fetched = len(api.requests)
    world.drop("Again.mp3", mp3("Talk.mp3"))

    assert world.run() == 1

    assert len(api.submits) == 1
    assert world.files("outbox") == ["Talk.txt"]
    note = (world.folders["failed"] / "Again.mp3.error.txt").read_text()
    assert "as delete_remote has it" in note
    assert "--pay-again" in note
    asked = [path for _, path in api.requests[fetched:] if path.endswith(world.jobs()[0].transcript_id)]
    assert asked == [], "what is known to be deleted is not asked for"


def test_a_transcript_that_aged_away_in_both_places_fails_its_recording_alone(world, api):
    world.routes[0] = changed(world.route, delete_remote=False)
    world.drop("Talk.mp3")
    assert world.run() == 0
    forget_what_is_kept(world)
    gone = Fault.answer(400, "Transcript lookup error, transcript id not found")
    api.script("GET /v2/transcript/{id}", [gone])
    world.drop("Again.mp3", mp3("Talk.mp3"))
    world.drop("Other.mp3")

    assert world.run() == 1

    assert sorted(world.states()) == [State.DELIVERED, State.DELIVERED, State.FAILED]
    assert "no longer kept here or at AssemblyAI" in world.jobs()[1].reason + world.jobs()[2].reason


def test_a_transcript_that_is_being_fetched_again_is_not_deleted_meanwhile(world, api):
    api.script("DELETE /v2/transcript/{id}", [Fault.answer(408, "no")])
    world.drop("Talk.mp3")
    assert world.run() == 0
    forget_what_is_kept(world)
    api.script("DELETE /v2/transcript/{id}", [Fault.answer(408, "no")])
    api.script("GET /v2/transcript/{id}", [Fault.answer(200, "half")] * 8)
    world.drop("Again.mp3", mp3("Talk.mp3"))

    assert world.run() == 0

    assert world.files("outbox") == ["Again.txt", "Talk.txt"]


# -- here ------------------------------------------------------------------------------------------------------------


def age(world: World, days: float) -> None:
    """The kept transcripts' files are as old as the held clock says that they are."""
    for name in kept(world):
        at = world.clock.wall() - days * DAY
        os.utime(world.state / "transcripts" / name, (at, at))


def test_a_kept_transcript_stays_for_as_long_as_is_set_and_what_was_paid_is_known_for_ever(world, api, clock):
    world.routes[0] = changed(world.route, delete_remote=False)
    world.plan_options["transcripts_days"] = 30.0
    world.drop("Talk.mp3")
    assert world.run() == 0
    age(world, 0)
    clock.moved += 29 * DAY
    assert world.run() == 0
    assert len(kept(world)) == 1

    clock.moved += 1.1 * DAY
    world.run(lambda: kept(world) == [])

    world.drop("Again.mp3", mp3("Talk.mp3"))
    assert world.run() == 0
    assert len(api.submits) == 1, "fetched again, which is free"
    assert world.files("outbox") == ["Again.txt", "Talk.txt"]
    age(world, 100)
    assert world.run() == 0
    assert len(kept(world)) == 1, "its last delivery was just now"


def test_what_no_job_has_goes_by_the_age_of_its_file(world, clock):
    world.plan_options["transcripts_days"] = 30.0
    assert world.run() == 0
    (world.state / "transcripts").mkdir()
    for days in (29, 31):
        path = world.state / "transcripts" / f"00000000-0000-4000-8000-0000000000{days}.json"
        path.write_bytes(b"{}")
        os.utime(path, (clock.wall() - days * DAY,) * 2)
    (world.state / "transcripts" / "notes.json").write_bytes(b"a stranger's")
    os.utime(world.state / "transcripts" / "notes.json", (0, 0))

    assert world.run() == 0

    assert kept(world) == ["00000000-0000-4000-8000-000000000029.json", "notes.json"]


def test_what_a_failed_recording_needs_for_its_retry_stays(world, api, clock):
    world.routes[0] = changed(world.route, silence="fail", delete_remote=False)
    world.plan_options["transcripts_days"] = 1.0
    api.results = {"text": "", "words": []}
    world.drop("Talk.mp3")
    assert world.run() == 1
    age(world, 0)
    clock.moved += 40 * DAY

    world.drop("Other.mp3", b"other" + mp3("other"))
    world.run(lambda: len(world.jobs()) == 2 and not world.worker.book.unfinished)

    assert f"{world.jobs()[0].transcript_id}.json" in kept(world)


def test_without_such_a_setting_a_kept_transcript_stays(world, clock):
    world.drop("Talk.mp3")
    assert world.run() == 0
    age(world, 0)
    clock.moved += 4000 * DAY

    assert world.run() == 0

    assert len(kept(world)) == 1


def test_what_was_paid_for_before_the_journal_was_lost_is_deleted_once_it_is_delivered_again(world, api):
    world.routes[0] = changed(world.route, delete_remote=False)
    world.drop("Talk.mp3")
    assert world.run() == 0
    for path in world.state.glob("journal.db*"):
        path.unlink()
    world.routes[0] = changed(world.route, delete_remote=True)
    world.drop("Again.mp3", mp3("Talk.mp3"))

    world.run(lambda: len(deletions(api)) == 1 and "Again.mp3" in world.files("archive"))

    assert len(api.submits) == 1
    assert world.files("outbox") == ["Again.txt", "Talk.txt"]


def test_a_journal_that_is_rebuilt_knows_what_was_paid_though_its_transcript_was_removed(world, api):
    world.routes[0] = changed(world.route, delete_remote=False)
    world.drop("Talk.mp3")
    assert world.run() == 0
    forget_what_is_kept(world)
    (world.state / "journal.db").unlink()
    world.drop("Again.mp3", mp3("Talk.mp3"))

    world.run(lambda: "Again.txt" in world.files("outbox"))

    assert len(api.submits) == 1


# -- what people see ---------------------------------------------------------------------------------------------------


def test_a_transcript_whose_audio_cannot_be_removed_is_found_by_the_next_look(tmp_path):
    kept, name = Transcripts(str(tmp_path)), "00000000-0000-4000-8000-000000000000"
    kept.keep(name, b"{}", {})
    stuck = tmp_path / "transcripts" / f"{name}.{AUDIO[1]}"
    stuck.mkdir()

    kept.remove([name])

    assert kept.older_than(math.inf) == [name]
    stuck.rmdir()
    kept.remove([name])
    assert kept.older_than(math.inf) == []
