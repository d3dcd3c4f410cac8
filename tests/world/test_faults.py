"""The fault table: whatever the API, the network or a disk does, nothing is lost, it is paid for once, and it is said.

TABLE names each fault and where it is tried; a test below holds it against the files. What is new here is tried end to
end, in virtual time: a recording is dropped, meets the fault, and is delivered.
"""

import gzip
import hashlib
import json
import os
import re
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import assemblyai as aai
import pytest

from assemblyai_calls import LIST, ONE, SUBMIT, UPLOAD
from catalogue import names_of_tests
from fake_account import words_of
from fake_assemblyai import KEY, FakeAssemblyAI, Fault
from transcribed.assemblyai import AssemblyAI
from transcribed.errors import Blocked
from transcribed.job import UPLOAD_LIFE_SECONDS, State
from transcribed.journal import Journal
from transcribed.worker import Plan, Reload, drop
from world import Clock, World, changed, mp3, parameters

pytestmark = pytest.mark.route(scan_seconds=60.0)  # hours pass here in which nothing is dropped

WAITED_OUT = "test_a_fault_of_the_api_or_the_network_is_waited_out_and_paid_for_once"
CLASSED = "test_a_definite_no_is_refused_and_has_its_class_and_its_text"
UNSURE = "test_a_failure_or_a_redirect_is_no_definite_no"
LOST_SUBMIT = "test_a_submit_whose_answer_is_lost_may_have_been_taken_and_is_sent_once"
ONE_ERROR = "test_after_one_error_in_any_call_it_delivers_by_itself_pays_once_and_fails_no_job"
DISK = "test_a_disk_that_refuses_is_named_and_waited_out_and_nothing_is_lost_or_paid_twice"

TABLE: dict[str, tuple[str, ...]] = {
    # what the API answers
    "400, 401, 402, 403, 404, 408, 422, 451 for once": (WAITED_OUT, CLASSED),
    "400 and 422 for the parameters": (
        "test_a_refused_parameter_pauses_its_inbox_after_the_first_and_fails_nothing",
        "test_parameters_that_are_refused_wait_for_a_reload_and_say_so",
    ),
    "400 and 402 for a balance below zero": (
        WAITED_OUT,
        "test_a_negative_balance_holds_up_submits_alone_and_ends_by_itself",
        "test_probes_that_pass_in_vain_each_time_come_ever_more_seldom",
    ),
    "401 until the key is another": (
        "test_a_refused_key_blocks_the_lane_and_ends_a_run_once_with_77",
        "test_a_key_that_was_withdrawn_holds_up_everything_until_another_is_read",
    ),
    "403 as a rate limit": (WAITED_OUT, CLASSED),
    "403 for an upload of another project": ("test_an_upload_that_is_of_no_more_use_is_made_again_and_paid_for_once",),
    "413": ("test_an_upload_that_is_too_large_fails_with_a_note_and_costs_nothing", CLASSED),
    "429 with and without Retry-After": (
        WAITED_OUT,
        "test_as_long_as_the_server_asks_nothing_more_is_asked_of_it",
        "test_the_server_says_how_long_to_wait_and_is_heard_within_the_bound",
    ),
    "500, 502, 503, 504 for once": (
        WAITED_OUT,
        UNSURE,
        "test_a_server_error_on_a_submit_pays_once",
    ),
    "500, 502, 503, 504 for hours": ("test_an_api_that_fails_for_hours_fails_no_recording",),
    "an answer that is slow, hangs, is half, HTML, huge, packed or of the wrong types": (
        WAITED_OUT,
        "test_an_answer_that_comes_slowly_is_an_answer",
        LOST_SUBMIT,
        "test_the_deadline_ends_a_drip_that_no_read_time_out_would",
        "test_an_answer_is_read_no_further_than_its_largest_size",
        "test_any_answer_gives_a_value_or_one_of_the_documented_errors",
    ),
    "a list that lags by up to 60 s": (
        "test_a_list_that_lags_behind_the_submits_costs_no_second_payment",
        "test_a_list_that_lags_hides_no_submit_and_no_transcript",
    ),
    # how transcripts end
    "an end in each documented error text": (
        "test_a_transcript_that_ends_in_an_error_for_good_fails_with_a_note_and_is_retried_by_dragging_back",
        "test_a_transcript_that_ends_in_an_error_of_theirs_is_made_again_and_paid_for_once",
        "test_the_fourth_lost_upload_is_a_failure_with_a_note",
        "test_an_end_in_error_is_permanent_only_where_a_second_try_is_surely_in_vain",
    ),
    "a transcript that somebody deleted": (
        "test_a_transcript_that_somebody_deleted_is_not_delivered_and_not_paid_for_again_unasked",
        "test_a_completed_transcript_that_was_deleted_is_never_delivered",
        "test_a_kept_transcript_is_used_although_the_api_has_deleted_its_own",
    ),
    "an upload that expired": (
        "test_an_upload_that_is_of_no_more_use_is_made_again_and_paid_for_once",
        "test_an_upload_that_grew_too_old_while_nobody_was_at_work_is_made_again",
        "test_a_download_error_leads_to_a_fresh_upload",
    ),
    "an unknown status": (
        "test_an_unknown_status_is_waited_out",
        "test_an_unknown_status_and_unknown_fields_are_no_error_and_the_bytes_are_kept",
    ),
    "an audio_duration far shorter than the recording's": (
        "test_a_transcript_far_shorter_than_its_recording_is_a_warning_in_the_story",
    ),
    # the network (reliability.md, 2.6)
    "no connection": (
        "test_an_outage_is_blocked_and_nothing_was_sent",
        "test_an_outage_is_said_once_and_ends_by_itself",
        "test_without_network_it_waits_says_so_once_and_goes_on_when_there_is_one",
    ),
    "a cut before or in the middle of an upload": (
        WAITED_OUT,
        "test_a_cut_in_the_middle_of_an_upload_costs_a_fresh_upload_and_nothing_else",
        "test_an_upload_starts_again_after_a_cut_and_hashes_again",
    ),
    "an answer lost after its effect: reset, closed, silence": (
        WAITED_OUT,
        LOST_SUBMIT,
        "test_a_submit_whose_answer_is_lost_is_found_in_the_list_and_adopted",
        "test_a_submit_in_doubt_is_looked_for_however_long_nobody_was_at_work",
    ),
    "a submit that never arrived": ("test_a_submit_that_never_arrived_is_sent_again_after_two_looks_at_the_list",),
    "a redirect to another host": (
        WAITED_OUT,
        "test_a_redirect_is_not_followed_nor_is_its_address_looked_at",
    ),
    "a stalled send": ("test_a_stalled_write_has_a_time_out_of_its_own",),
    # disks
    "ENOSPC, EIO, EROFS, EDQUOT, EMFILE of journal, state directory, outbox, archive": (
        DISK,
        "test_a_journal_that_finds_no_descriptor_free_is_waited_for_and_is_no_mistake",
        ONE_ERROR,
    ),
    "ENOSPC for long": (
        "test_a_full_outbox_or_archive_is_waited_for_and_named",
        "test_a_transcript_that_cannot_be_kept_yet_stays_submitted_and_is_kept_when_there_is_room",
        "test_a_disk_that_is_full_at_start_up_is_waited_for",
        "test_a_commit_that_finds_no_room_is_refused_whole_and_the_next_one_is_taken_again",
    ),
}


@pytest.mark.parametrize("name", sorted({name for row in TABLE.values() for name in row}))
def test_each_test_that_the_table_names_is_there(name: str) -> None:
    assert name in names_of_tests()


class Impatient(World):
    """A world in which an answer has to come within less than a second."""

    def plan(self) -> Plan:
        hurried = AssemblyAI(
            *(self.api.base_url, self.key), stop=threading.Event(), tries=1, read_seconds=0.2, deadline_seconds=0.4
        )
        return replace(super().plan(), client=hurried)


def in_the_end(world: World) -> Callable[[], bool]:
    """Until nothing is left to do."""
    return lambda: not world.worker.book.unfinished and bool(world.jobs())


def assert_delivered_and_paid_once(world: World, api: FakeAssemblyAI, data: bytes | None = None) -> None:
    """Talk.mp3 is: nothing lost, nothing doubled, and its words are those of this very content."""
    sha256 = hashlib.sha256(data or mp3("Talk.mp3")).hexdigest()
    assert world.states() == [State.DELIVERED]
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]
    assert world.files("archive") == ["Talk.mp3"]
    assert world.files("inbox") == world.files("failed") == []
    text = " ".join(word["text"] for word in words_of(sha256))
    assert (world.folders["outbox"] / "Talk.txt").read_text().strip() == text
    assert api.paid() == {sha256: 1}


def reasons(world: World) -> list[str]:
    """All that the status gave as the reason of a wait."""
    return [row["reason"] for status in world.published for row in (*status["blocked"], *status["open"])]


def blocked_lanes(world: World) -> set[str]:
    return {row["lane"] for status in world.published for row in status["blocked"]}


# --- for once, on each route


@dataclass(frozen=True)
class Row:
    """A fault, a pattern of what people read about it, and the lane that it blocks ("": the recording alone waits)."""

    fault: Fault
    why: str
    lane: str = ""


BALANCE = "Your current account balance is negative. Please top up to continue using the API."
ODD = b'{"id": null, "upload_url": 7, "status": 7, "text": {}, "transcripts": {}}'
PACKED = gzip.compress(bytes(70_000_000), 1)

EVERYWHERE = {
    "401": Row(Fault.answer(401, "Authentication error, API token missing/invalid"), "refuses the key", "api"),
    "403 for the rate": Row(Fault.answer(403, "Rate limit exceeded"), "takes no more requests", "api"),
    "403 for else": Row(Fault.answer(403, "Forbidden"), "forbids", "api"),
    "408": Row(Fault.answer(408, body=b"<html>"), "waited too long"),
    "429": Row(Fault.answer(429, "Too many requests"), "takes no more requests", "api"),
    "429 with Retry-After": Row(Fault.answer(429, "No", Retry_After="70"), "takes no more requests", "api"),
    "451": Row(Fault.answer(451, body=b"<html>"), "a way it never should", "api"),
    "500": Row(Fault.answer(500, "Internal server error. Please retry your request"), "Internal server error"),
    "502 though taken": Row(Fault.answer(502, body=b"<html>Bad gateway", taken=True), "Bad gateway"),
    "503 with Retry-After": Row(Fault.answer(503, "Busy", Retry_After="70"), "Busy"),
    "504 though taken": Row(Fault.answer(504, "Time-out", taken=True), "Time-out"),
    "elsewhere": Row(Fault.redirect("http://127.0.0.1:9/"), "redirects", "api"),
    "cut at once": Row(Fault.cut(), "broke"),
    "closed unanswered": Row(Fault("close"), "broke"),
    "reset though taken": Row(Fault.lost_answer("reset"), "broke"),
    "closed though taken": Row(Fault.lost_answer("close"), "broke"),
    "half JSON": Row(Fault.half_json(), "broke"),
    "half a header": Row(Fault.half_headers(), "not the expected JSON"),
    "HTML": Row(Fault.html(), "a web page came", "api"),
    "HTML though taken": Row(Fault.html(taken=True), "a web page came", "api"),
    "wrong types": Row(Fault.answer(200, body=ODD, taken=True), "not the expected JSON"),
    "huge": Row(Fault.huge(), "larger than"),
    "packed": Row(Fault.answer(200, body=PACKED, taken=True, Content_Encoding="gzip"), "larger than"),
}
SILENT = {
    "hangs": Row(Fault.hang(), "stalled|was not complete within"),  # of an upload the one is the other
    "silent though taken": Row(Fault.lost_answer("silence"), "stalled|was not complete within"),
    "drips without end": Row(Fault.drip(0.05, headers=True), "was not complete within"),
}
OF_ONE_ROUTE = [
    (UPLOAD, "400", Row(Fault.answer(400, "odd"), "did not accept the upload")),
    (UPLOAD, "400 for the balance", Row(Fault.answer(400, BALANCE), "no balance", "submit")),
    (UPLOAD, "404", Row(Fault.answer(404, "Not found"), "has no place to upload to", "api")),
    (UPLOAD, "422", Row(Fault.answer(422, body=b"Upload failed, please try again"), "Upload failed")),
    (SUBMIT, "400 of a proxy", Row(Fault.answer(400, body=b"<html>"), "did not accept the submit")),
    (SUBMIT, "400 for the balance", Row(Fault.answer(400, BALANCE), "no balance", "submit")),
    (SUBMIT, "402", Row(Fault.answer(402, "Pay"), "no balance", "submit")),
    (LIST, "400", Row(Fault.answer(400, "'after_id' must be a newer transcript"), "did not accept the list", "api")),
    (ONE, "400", Row(Fault.answer(400, "Transcript lookup error, transcript id not found"), "does not know")),
    (ONE, "404", Row(Fault.answer(404, "Not found"), "a way it never should", "api")),
]
ROWS = [(route, name, row) for route in (UPLOAD, SUBMIT, LIST, ONE) for name, row in (EVERYWHERE | SILENT).items()]


@pytest.mark.parametrize(
    ("route", "name", "row"), [pytest.param(*x, id=f"{x[0]}: {x[1]}") for x in (*ROWS, *OF_ONE_ROUTE)]
)
def test_a_fault_of_the_api_or_the_network_is_waited_out_and_paid_for_once(
    tmp_path: Path, api: FakeAssemblyAI, clock: Clock, route: str, name: str, row: Row
) -> None:
    world = (Impatient if name in SILENT else World)(tmp_path, api, clock)
    world.drop("Talk.mp3")
    api.script(route, [row.fault])

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, api)
    assert any(re.search(row.why, reason) for reason in reasons(world))
    lane = row.lane or ("api" if route == LIST else "")  # a list is no one recording's
    if name not in SILENT:  # an impatient world may meet a slow machine too
        assert blocked_lanes(world) == ({lane} if lane else set())
        assert ("deferred" in world.story(1)) == (not lane)  # what blocks a lane is charged to nobody


@pytest.mark.parametrize("fault", [Fault.cut(1000), Fault.cut(3_000_000)], ids=["begun", "half sent"])
def test_a_cut_in_the_middle_of_an_upload_costs_a_fresh_upload_and_nothing_else(
    world: World, api: FakeAssemblyAI, fault: Fault
) -> None:
    large = mp3("Talk", frames=20_000)
    world.drop("Talk.mp3", large)
    api.script(UPLOAD, [fault])

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, api, large)
    assert len(api.uploads) == 1
    assert any("broke" in reason for reason in reasons(world))


def test_an_answer_that_comes_slowly_is_an_answer(world: World, api: FakeAssemblyAI) -> None:
    world.read_seconds = 1.5  # between two bytes; the whole takes longer
    world.drop("Talk.mp3")
    api.script(UPLOAD, [Fault.drip(0.025)])

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, api)
    assert len(api.uploads) == 1


# --- for long


def as_asked(world: World, clock: Clock) -> tuple[list[float], Callable[[], bool]]:
    """The time of each request, filled in by the condition to run until."""
    times: list[float] = []
    ended = in_the_end(world)

    def until() -> bool:
        times.extend([clock.moved] * (len(world.api.requests) - len(times)))
        return ended()

    return times, until


@pytest.mark.parametrize(
    ("route", "status"), [(UPLOAD, 429), (UPLOAD, 503), (SUBMIT, 429), (SUBMIT, 503), (LIST, 429), (LIST, 503)]
)
def test_as_long_as_the_server_asks_nothing_more_is_asked_of_it(
    world: World, api: FakeAssemblyAI, clock: Clock, route: str, status: int
) -> None:
    world.drop("Talk.mp3")
    api.script(route, [Fault.answer(status, "Slow down", Retry_After="300")])
    times, until = as_asked(world, clock)

    world.run(until)

    assert_delivered_and_paid_once(world, api)
    met = next(n for n, (method, path) in enumerate(api.requests) if f"{method} {path.partition('?')[0]}" == route)
    assert times[met + 1] - times[met] >= 300


def test_the_time_that_the_server_asks_to_wait_is_in_the_status_and_at_the_share(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.drop("Talk.mp3")
    api.script(SUBMIT, [Fault.answer(429, "Slow down", Retry_After="300")])
    note = world.folders["outbox"] / "_transcribed.txt"

    world.run(note.exists)

    lane = world.published[-1]["blocked"][0]
    assert lane["asked"]
    assert lane["again_at"] - lane["since"] == pytest.approx(300, abs=1)
    goes_on = time.strftime("%H:%M", time.localtime(lane["again_at"]))
    assert f"It goes on at about {goes_on}." in note.read_text()


@pytest.mark.parametrize("stage", [State.RECEIVED, State.UPLOADED, State.SUBMITTED])
def test_an_api_that_fails_for_hours_fails_no_recording(
    world: World, api: FakeAssemblyAI, clock: Clock, stage: State
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [stage])
    api.script("*", [Fault.answer(status, "Server error") for status in (500, 502, 503, 504)] * 500)
    until = clock.moved + 2 * 3600
    world.run(lambda: clock.moved >= until, seconds=3 * 3600)
    assert world.states() == [stage]
    assert len(api.requests) < 50

    api.clear()
    world.run(in_the_end(world), seconds=2 * 3600)

    assert_delivered_and_paid_once(world, api)


def test_a_negative_balance_holds_up_submits_alone_and_ends_by_itself(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.drop("Paid.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    for route in (UPLOAD, SUBMIT):
        api.script(route, [Fault.answer(400, BALANCE)] * 500)
    world.drop("Later.mp3")
    world.run(lambda: clock.moved > 3600, seconds=7200)
    assert world.files("archive") == ["Paid.mp3"]
    assert world.files("inbox") == ["Later.mp3"]
    assert "no balance" in world.published[-1]["open"][0]["reason"]
    assert blocked_lanes(world) == {"submit"}
    assert world.jobs()[1].attempts == 0
    assert len([path for method, path in api.requests if method == "POST"]) < 20

    api.clear()
    world.run(in_the_end(world))

    assert world.files("archive") == ["Later.mp3", "Paid.mp3"]
    assert sorted(api.paid().values()) == [1, 1]


@pytest.mark.parametrize("stage", [State.RECEIVED, State.UPLOADED, State.SUBMITTED])
def test_a_key_that_was_withdrawn_holds_up_everything_until_another_is_read(
    world: World, api: FakeAssemblyAI, clock: Clock, stage: State
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [stage])
    api.key = "another-key-of-this-project"
    world.run(lambda: clock.moved > 3600, seconds=7200)
    assert world.states() == [stage]
    assert "refuses the key" in world.published[-1]["open"][0]["reason"]

    world.next_plan = lambda: replace(
        world.plan(), client=AssemblyAI(api.base_url, api.key, stop=threading.Event(), tries=1)
    )
    world.run(in_the_end(world), messages=(Reload(),))

    assert_delivered_and_paid_once(world, api)


@pytest.mark.parametrize("status", [400, 422])
def test_parameters_that_are_refused_wait_for_a_reload_and_say_so(
    world: World, api: FakeAssemblyAI, clock: Clock, status: int
) -> None:
    world.drop("Talk.mp3")
    api.script(SUBMIT, [Fault.answer(status, "speech_models must be a non-empty list")])
    world.run(lambda: clock.moved > 3600, seconds=7200)
    assert world.states() == [State.UPLOADED]
    assert blocked_lanes(world) == {"parameters:talks"}
    assert "speech_models must be a non-empty list" in world.published[-1]["open"][0]["reason"]

    world.next_plan = lambda: replace(
        world.plan(), routes=(changed(world.route, parameters=parameters(speech_models=["universal-2"])),)
    )
    api.script(SUBMIT, [Fault.answer(status, "speech_models must be a non-empty list")])  # the start's own try
    mended: list[object] = []

    def end_after_the_reload() -> bool:
        if blocked_lanes(world) and not mended:
            mended.append(world.mailbox.put(Reload()))
        return in_the_end(world)()

    world.published.clear()
    world.run(end_after_the_reload)

    assert_delivered_and_paid_once(world, api)


def test_an_upload_that_is_too_large_fails_with_a_note_and_costs_nothing(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.script(UPLOAD, [Fault.answer(413, body=b"<html>Request Entity Too Large")])

    assert world.run() == 1

    assert "2.2 GB" in (world.folders["failed"] / "Talk.mp3.error.txt").read_text()
    drag_back(world)
    assert world.run() == 0
    assert_delivered_and_paid_once(world, api)


# --- the list, and how transcripts end


@pytest.mark.parametrize("seconds", [1, 30, 60])
@pytest.mark.parametrize("is_lost", [False, True], ids=["answered", "answer lost"])
def test_a_list_that_lags_hides_no_submit_and_no_transcript(
    world: World, api: FakeAssemblyAI, seconds: float, is_lost: bool
) -> None:
    world.drop("Talk.mp3")
    api.list_lag_seconds = seconds
    api.script(SUBMIT, [Fault.lost_answer() if is_lost else None])

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, api)
    assert len(api.submits) == 1


def drag_back(world: World) -> None:
    (world.folders["failed"] / "Talk.mp3").rename(world.folders["inbox"] / "Talk.mp3")


def told(world: World) -> str:
    """The note beside the failed recording."""
    return (world.folders["failed"] / "Talk.mp3.error.txt").read_text()


FOR_GOOD = [
    "File does not appear to contain audio. File type is text/html",
    "Transcoding failed. File type application/json",
    "Transcoding failed. File type text/plain",
    "Transcoding failed. File type is audio/mpeg",
    "Audio duration is too short.",
    "language_detection cannot be performed on files with no spoken audio.",
    "detected language 'xx', confidence 0.66, is below the requested confidence threshold value of '0.8'",
    "Audio speech threshold 0.94 is below the requested speech threshold value 1.0",
]


@pytest.mark.parametrize("text", FOR_GOOD)
def test_a_transcript_that_ends_in_an_error_for_good_fails_with_a_note_and_is_retried_by_dragging_back(
    world: World, api: FakeAssemblyAI, text: str
) -> None:
    world.drop("Talk.mp3")
    api.end_with_error(text)

    assert world.run() == 1

    assert len(api.submits) == 1
    assert text in told(world)
    drag_back(world)
    assert world.run() == 0
    assert_delivered_and_paid_once(world, api)


THEIRS = [
    "Server error, developers have been alerted",
    "Download error, unable to download https://cdn. Please make sure the file exists and is accessible.",
    "Download error to https://cdn, 403 Client Error: Forbidden",
    "Something that nobody has documented",
]


@pytest.mark.parametrize("text", THEIRS)
def test_a_transcript_that_ends_in_an_error_of_theirs_is_made_again_and_paid_for_once(
    world: World, api: FakeAssemblyAI, text: str
) -> None:
    world.drop("Talk.mp3")
    api.end_with_error(text, n=3)

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, api)
    assert len(api.uploads) == len(api.submits) == 4
    assert any(text in reason for reason in reasons(world))


def test_a_transcript_that_somebody_deleted_is_not_delivered_and_not_paid_for_again_unasked(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    api.submits[0].deleted = True

    assert world.run() == 1

    assert "was deleted at AssemblyAI" in told(world)
    drag_back(world)
    assert world.run() == 1
    assert world.files("outbox") == []
    assert world.files("failed") == ["Talk.mp3", "Talk.mp3.error.txt"]
    assert len(api.submits) == 1

    drop(str(world.state), {"order": "retry", "jobs": [1], "pay_again": True})
    world.run(lambda: world.states() == [State.DELIVERED] and in_the_end(world)())
    assert world.files("archive") == ["Talk.mp3"]
    assert len(api.submits) == 2


def test_an_upload_that_is_of_no_more_use_is_made_again_and_paid_for_once(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.script(SUBMIT, [Fault.answer(403, "Cannot access uploaded file")])

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, api)
    assert len(api.uploads) == 2
    assert any("belongs to another key or project" in reason for reason in reasons(world))


def test_an_upload_that_grew_too_old_while_nobody_was_at_work_is_made_again(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.UPLOADED])
    clock.moved += UPLOAD_LIFE_SECONDS + 1

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, api)
    assert [submit.upload_url for submit in api.submits] == [api.uploads[1].upload_url]


def test_a_submit_in_doubt_is_looked_for_however_long_nobody_was_at_work(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.drop("Talk.mp3")
    api.script(SUBMIT, [Fault.lost_answer()])
    world.run(lambda: "deferred" in world.story(1) if world.jobs() else False)
    clock.moved += 60 * 86400

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, api)
    assert len(api.uploads) == len(api.submits) == 1


@pytest.mark.parametrize("route", [LIST, ONE])
def test_an_unknown_status_is_waited_out(world: World, api: FakeAssemblyAI, route: str) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    page, whole = api.listed(200, None), api.transcript(api.submits[0])
    page["transcripts"][0]["status"] = whole["status"] = "dreaming"
    odd = json.dumps(page if route == LIST else whole).encode()
    api.script(route, [Fault.answer(200, body=odd)] * 5)

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, api)
    assert len(api.submits) == 1
    assert {"failed", "deferred"}.isdisjoint(world.story(1))
    assert blocked_lanes(world) == set()


# --- disks


@pytest.mark.parametrize("left", [0, 1])
def test_a_journal_that_finds_no_descriptor_free_is_waited_for_and_is_no_mistake(tmp_path: Path, left: int) -> None:
    Journal.open(str(tmp_path)).close()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_free = os.dup(0)
    os.close(next_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_free + left, limits[1]))
    try:
        with pytest.raises(Blocked) as met:
            Journal.open(str(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert met.value.lane == "state"
    Journal.open(str(tmp_path)).close()


# --- the fake, as others see it


def test_assemblyai_s_own_sdk_gets_along_with_the_fake_that_all_this_is_tried_against(tmp_path: Path) -> None:
    recording = tmp_path / "Talk.mp3"
    recording.write_bytes(mp3("Talk.mp3"))
    before = aai.settings.base_url, aai.settings.api_key, aai.settings.polling_interval
    with FakeAssemblyAI(processing_seconds=0.1) as server:
        aai.settings.base_url, aai.settings.api_key, aai.settings.polling_interval = server.base_url, KEY, 0.02
        try:
            transcriber = aai.Transcriber()
            made = transcriber.transcribe(str(recording))
            listed = transcriber.list_transcripts()
            deleted = aai.Transcript.delete_by_id(made.id or "")
            aai.Client.get_default().http_client.close()
        finally:
            aai.settings.base_url, aai.settings.api_key, aai.settings.polling_interval = before

    said = " ".join(word["text"] for word in words_of(server.uploads[0].sha256))
    assert (made.status, made.text) == (aai.TranscriptStatus.completed, said)
    assert [item.id for item in listed.transcripts] == [made.id]
    assert deleted.text == "Deleted by user."
    assert server.submits[0].deleted


def test_a_submit_in_doubt_whose_transcript_somebody_deleted_is_a_question_and_never_a_second_payment(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")
    api.script(SUBMIT, [Fault.lost_answer()])
    world.run(lambda: bool(world.jobs()) and "deferred" in world.story(1))
    api.submits[0].deleted = True

    world.run(in_the_end(world))

    assert len(api.submits) == 1
    (job,) = world.jobs()
    assert job.state is State.FAILED
    assert "was deleted at AssemblyAI" in job.reason
