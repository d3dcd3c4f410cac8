"""The whole life of a job, in virtual time: no test here waits for anything real."""

import json
import os
import re
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from fake_assemblyai import FakeAssemblyAI, Fault
from jobs import save_job
from transcribed.errors import ConfigError
from transcribed.formats import FORMATS
from transcribed.job import Rules, State, after
from transcribed.job.events import Failed
from transcribed.worker import Plan, Reload, drop
from transcribed.worker.plan import Executor
from world import POLL_SECONDS, Clock, World, changed, mp3, parameters, work_for

#: How long a transcript takes where a test dies at each place of a life: a third look would be the second once more.
TWO_LOOKS_SECONDS = 1.5 * POLL_SECONDS
#: With no order, the state's thread only looks for one and publishes the status: a crash there leaves what one at the
#: step before it does.
WRITES_NOTHING = frozenset({"state"})


def test_a_recording_becomes_renderings_and_moves_to_the_archive(world: World, api: FakeAssemblyAI) -> None:
    world.drop("a/b/Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["a/b/Talk.srt", "a/b/Talk.txt"]
    assert world.files("archive") == ["a/b/Talk.mp3"]
    assert world.files("inbox") == []
    assert world.states() == [State.DELIVERED]
    assert len(api.uploads) == len(api.submits) == 1


def assert_settled(world: World, api: FakeAssemblyAI, names: list[str]) -> None:
    """Everything delivered, each content paid once, nothing stray anywhere."""
    stems = sorted(name.removesuffix(".mp3") for name in names)
    assert world.files("outbox") == sorted(f"{stem}.{suffix}" for stem in stems for suffix in ("txt", "srt"))
    assert world.files("archive") == sorted(names)
    assert world.files("inbox") == world.files("failed") == []
    assert max(api.paid().values(), default=0) <= 1
    assert max(Counter(submit.upload_url for submit in api.submits).values(), default=0) <= 1


def test_the_story_of_a_job_is_told_by_its_events(world: World) -> None:
    world.drop("Talk.mp3")

    world.run()

    story = world.story(1)
    assert story == ["received", "uploaded", "submitted", "transcribed", "named", "delivered", "retired"]


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_step_loses_nothing_and_pays_nothing_twice(tmp_path: Path, clock: Clock, after: bool) -> None:
    step, crashed = 0, True
    while crashed:
        step += 1
        with FakeAssemblyAI(clock=clock.wall, processing_seconds=TWO_LOOKS_SECONDS) as api:
            world = World(tmp_path / str(step), api, clock)
            world.drop("Talk.mp3")
            world.drop("Other.mp3")
            world.uncounted = WRITES_NOTHING
            crashed = world.crash(step, after=after)

            assert world.run() == 0

            assert_settled(world, api, ["Other.mp3", "Talk.mp3"])
    assert step > 15  # every look, probe, upload, submit, poll, fetch, name, delivery and retirement was one


@pytest.mark.slow
def test_a_crash_before_any_message_is_taken_in_loses_nothing_and_pays_nothing_twice(
    tmp_path: Path, clock: Clock
) -> None:
    message, crashed = 0, True
    while crashed:
        message += 1
        with FakeAssemblyAI(clock=clock.wall, processing_seconds=TWO_LOOKS_SECONDS) as api:
            world = World(tmp_path / str(message), api, clock)
            world.drop("Talk.mp3")
            crashed = world.crash_at_message(message)

            assert world.run() == 0

            assert_settled(world, api, ["Talk.mp3"])
    assert message > 15  # so often a pass took in more than one


def test_a_submit_whose_answer_is_lost_is_found_in_the_list_and_adopted(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.script("POST /v2/transcript", [Fault.lost_answer()])

    assert world.run() == 0

    assert_settled(world, api, ["Talk.mp3"])
    assert len(api.submits) == 1


@pytest.mark.parametrize("ahead_seconds", [-86400, 7200, 86400])
def test_a_submit_whose_answer_is_lost_is_found_however_wrong_our_clock_is(
    tmp_path: Path, clock: Clock, ahead_seconds: float
) -> None:
    with FakeAssemblyAI(clock=lambda: clock.wall() - ahead_seconds, processing_seconds=30) as api:
        world = World(tmp_path, api, clock)
        world.drop("Talk.mp3")
        api.script("POST /v2/transcript", [Fault.lost_answer()])

        assert world.run() == 0

        assert_settled(world, api, ["Talk.mp3"])
        assert len(api.submits) == 1


def test_a_submit_that_never_arrived_is_sent_again_after_two_looks_at_the_list(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.drop("Talk.mp3")
    api.script("POST /v2/transcript", [Fault.hang()])
    world.read_seconds = 0.2

    assert world.run() == 0

    assert_settled(world, api, ["Talk.mp3"])
    assert world.story(1).count("unlisted") == 2
    assert clock.moved > world.rules.reconcile_seconds


def test_a_list_that_lags_behind_the_submits_costs_no_second_payment(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.list_lag_seconds = 60
    api.script("POST /v2/transcript", [Fault.lost_answer()])

    assert world.run() == 0

    assert_settled(world, api, ["Talk.mp3"])
    assert "unlisted" in world.story(1)


def test_a_doubtful_submit_of_another_account_is_a_question_and_never_a_second_payment(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.drop("Talk.mp3")
    api.script("POST /v2/transcript", [Fault.hang()])
    world.read_seconds = 0.2
    world.run(lambda: "deferred" in world.story(1))
    api.key = world.key = "another-key-0123456789"

    assert world.run() == 1

    assert len(api.submits) == 0
    assert world.states() == [State.FAILED]
    assert "paid" in (world.folders["failed"] / "Talk.mp3.error.txt").read_text()


def test_retry_with_pay_again_gives_up_a_doubtful_submit(world: World, api: FakeAssemblyAI, clock: Clock) -> None:
    test_a_doubtful_submit_of_another_account_is_a_question_and_never_a_second_payment(world, api, clock)

    drop(str(world.state), {"order": "retry", "jobs": [1], "pay_again": True})
    assert world.run(lambda: world.states() == [State.DELIVERED] and world.files("failed") == []) == 0

    assert_settled(world, api, ["Talk.mp3"])


@pytest.mark.slow
@pytest.mark.route(scan_seconds=600.0)
def test_an_outage_is_said_once_and_ends_by_itself(world: World, api: FakeAssemblyAI, clock: Clock) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    api.down()
    world.drop("Other.mp3")
    with structlog.testing.capture_logs() as logs:
        world.run(lambda: clock.moved > 7200, seconds=9000)

    assert [line["event"] for line in logs if line["event"].startswith("lane.")] == ["lane.blocked"]
    assert [job.attempts for job in world.jobs()] == [0, 0]  # nobody is charged

    api.up()
    assert world.run(lambda: world.states() == [State.DELIVERED] * 2 and world.files("inbox") == []) == 0
    assert_settled(world, api, ["Other.mp3", "Talk.mp3"])


def test_a_refused_key_blocks_the_lane_and_ends_a_run_once_with_77(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    world.key = "wrong"

    assert world.run() == 77

    assert world.states() == [State.RECEIVED]
    assert world.published[-1]["blocked"][0]["lane"] == "api"


def test_a_server_error_on_a_submit_pays_once(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.script("POST /v2/transcript", [Fault.answer(500, "Internal server error"), None])

    assert world.run() == 0

    assert_settled(world, api, ["Talk.mp3"])


def test_a_download_error_leads_to_a_fresh_upload(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.end_with_error("Download error, unable to download https://cdn")

    assert world.run() == 0

    assert_settled(world, api, ["Talk.mp3"])
    assert len(api.uploads) == 2


def test_the_fourth_lost_upload_is_a_failure_with_a_note(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.end_with_error("Server error, developers have been alerted", n=10)

    assert world.run() == 1

    assert world.files("failed") == ["Talk.mp3", "Talk.mp3.error.txt"]
    assert len(api.submits) == 4


def test_a_refused_parameter_pauses_its_inbox_after_the_first_and_fails_nothing(
    world: World, api: FakeAssemblyAI
) -> None:
    world.plan_options["uploads"] = 4
    second = world.second_inbox()
    for number in range(20):
        world.drop(f"{number}.mp3")
    world.drop("Talk.mp3", folder="second-inbox")
    refused = [Fault.answer(400, "speech_models must be a non-empty list")] * 100
    world.routes = [world.route]
    api.script("POST /v2/transcript", refused)

    assert world.run() == 78

    assert api.passed.count("POST /v2/transcript read") <= 4  # those that were on their way with the first
    assert set(world.states()) <= {State.RECEIVED, State.UPLOADED}
    (blocked,) = world.published[-1]["blocked"]
    assert "speech_models must be a non-empty list" in blocked["reason"]

    api.clear()
    world.next_plan = lambda: replace(
        world.plan(), routes=(changed(world.route, parameters=parameters(punctuate=True)), second)
    )
    world.run(lambda: len(world.files("archive")) == 20 and bool(world.files("second-archive")), messages=(Reload(),))
    assert max(api.paid().values()) == 1


def test_a_transcript_far_shorter_than_its_recording_is_a_warning_in_the_story(
    world: World, api: FakeAssemblyAI
) -> None:
    api.duration_of = lambda _upload: 3
    world.drop("Talk.mp3", mp3("a long one", frames=4000))

    assert world.run() == 0

    with world.journal() as journal:
        (transcribed,) = [row for row in journal.story(1) if row["event"] == "job.transcribed"]
    assert transcribed["warnings"] == ["AssemblyAI heard 3 s of a recording of about 104 s"]


def test_a_job_says_that_it_paid_for_what_none_of_its_files_shows(world: World) -> None:
    world.routes[0] = changed(world.route, parameters=parameters(auto_highlights=True))
    world.drop("Talk.mp3", mp3("Talk"))

    assert world.run() == 0

    with world.journal() as journal:
        (delivered,) = [row for row in journal.story(1) if row["event"] == "job.delivered"]
    said = "auto_highlights is asked for and paid, and txt and srt show nothing of it"
    assert delivered["warnings"] == [f"{said}: `transcribed render 1 --format md` does, at no cost"]


def test_with_duplicates_transcribe_known_content_is_paid_again(world: World, api: FakeAssemblyAI) -> None:
    world.routes[0] = changed(world.route, duplicates="transcribe")
    world.drop("One.mp3", mp3("the same"))
    world.drop("Two.mp3", mp3("the same"))

    assert world.run() == 0

    assert len(api.submits) == 2


def test_with_after_keep_a_touched_recording_makes_no_new_job_at_each_start(world: World, api: FakeAssemblyAI) -> None:
    world.routes[0] = changed(world.route, after="keep")
    path = world.drop("Talk.mp3")
    world.run()
    os.utime(path, ns=(0, 12345))

    for _ in range(3):
        assert world.run() == 0

    assert len(world.jobs()) == 2  # the one, and the one that turned out to be the same
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]


def test_dragging_a_failed_recording_back_is_the_retry_and_its_note_goes(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.end_with_error("Transcoding failed. File type is audio/mpeg")
    world.run()
    (world.folders["failed"] / "Talk.mp3").rename(world.folders["inbox"] / "Talk.mp3")

    assert world.run() == 0

    assert_settled(world, api, ["Talk.mp3"])
    assert [job.id for job in world.jobs()] == [1]


def test_retry_by_command_resumes_and_leaves_the_failed_folder_clean(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.end_with_error("Transcoding failed. File type is audio/mpeg")
    world.run()

    drop(str(world.state), {"order": "retry", "failed": True})
    world.run(lambda: world.states() == [State.DELIVERED] and world.files("failed") == [])

    assert_settled(world, api, ["Talk.mp3"])
    assert os.listdir(world.state / "commands") == []


def test_the_same_recording_under_three_names_is_paid_once_and_delivered_three_times(
    world: World, api: FakeAssemblyAI
) -> None:
    for name in ("One.mp3", "Two.mp3", "Three.mp3"):
        world.drop(name, mp3("the same"))

    assert world.run() == 0

    assert_settled(world, api, ["One.mp3", "Three.mp3", "Two.mp3"])
    assert len(api.submits) == 1


def test_known_content_dropped_a_year_later_is_delivered_again_and_not_paid_again(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.drop("Talk.mp3", mp3("the same"))
    world.run()
    clock.moved += 365 * 86400
    world.drop("Talk.mp3", mp3("the same"))

    assert world.run() == 0

    assert len(api.submits) == len(api.uploads) == 1
    assert world.files("outbox") == ["Talk (2).srt", "Talk (2).txt", "Talk.srt", "Talk.txt"]
    assert world.files("archive") == ["Talk (2).mp3", "Talk.mp3"]


def test_other_parameters_make_another_request(world: World, api: FakeAssemblyAI) -> None:
    world.second_inbox(parameters=parameters(speaker_labels=True))
    world.drop("Talk.mp3", mp3("the same"))
    world.drop("Talk.mp3", mp3("the same"), folder="second-inbox")

    assert world.run() == 0

    assert len(api.submits) == 2


def test_a_recording_touched_after_it_was_taken_is_delivered_once(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    path = world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    os.utime(path, ns=(0, 12345))

    assert world.run() == 0

    assert_settled(world, api, ["Talk.mp3"])
    assert len(api.submits) == 1
    assert [job.state for job in world.jobs() if job.transcript_id] == [State.DELIVERED]


def test_a_recording_that_changes_while_it_is_read_is_dropped_and_taken_again(
    world: World, api: FakeAssemblyAI
) -> None:
    path = world.drop("Talk.mp3", mp3("short"))
    world.run(lambda: world.states() == [State.RECEIVED])
    world.drop("Talk.mp3", mp3("a longer one", frames=80))

    assert world.run() == 0

    assert world.states() == [State.CANCELLED, State.DELIVERED]
    assert not path.exists()
    assert len(api.submits) == 1


def test_a_file_that_is_no_recording_fails_before_anything_is_uploaded(world: World, api: FakeAssemblyAI) -> None:
    world.drop("notes.mp3", b"these are my notes, not a recording\n" * 50)
    world.drop("empty.mp3", b"")
    world.drop("empty.mp3.ready", b"")  # a person insists: without it an empty file is waited for

    assert world.run() == 1

    assert world.files("failed") == [
        "empty.mp3",
        "empty.mp3.error.txt",
        "empty.mp3.ready",
        "notes.mp3",
        "notes.mp3.error.txt",
    ]
    assert api.uploads == []


def test_nothing_that_the_daemon_did_not_write_is_replaced(world: World) -> None:
    for folder, name in (("outbox", "Talk.txt"), ("archive", "Talk (2).mp3"), ("failed", "Talk (3).mp3.error.txt")):
        (world.folders[folder] / name).write_text("mine")
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk (4).srt", "Talk (4).txt", "Talk.txt"]
    assert world.files("archive") == ["Talk (2).mp3", "Talk (4).mp3"]
    assert (world.folders["outbox"] / "Talk.txt").read_text() == "mine"


def test_two_inboxes_may_share_an_outbox_and_never_a_name(world: World) -> None:
    world.second_inbox(outbox=world.route.outbox)
    world.drop("Talk.mp3", mp3("one"))
    world.drop("Talk.mp3", mp3("two"), folder="second-inbox")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk (2).srt", "Talk (2).txt", "Talk.srt", "Talk.txt"]


def test_with_after_keep_a_recording_stays_and_is_not_taken_again(world: World, api: FakeAssemblyAI) -> None:
    world.routes[0] = changed(world.route, after="keep")
    world.drop("Talk.mp3")

    assert world.run() == 0
    assert world.run() == 0

    assert world.files("inbox") == ["Talk.mp3"]
    assert len(api.submits) == 1
    assert len(world.jobs()) == 1


def test_with_after_delete_a_recording_goes_last_of_all(world: World) -> None:
    world.routes[0] = changed(world.route, after="delete")
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("inbox") == world.files("archive") == []
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]


def test_with_after_delete_the_same_recording_dropped_again_is_delivered_again_at_no_cost(
    world: World, api: FakeAssemblyAI
) -> None:
    world.routes[0] = changed(world.route, after="delete")
    world.drop("Talk.mp3")
    world.run()
    for file in ("Talk.srt", "Talk.txt"):
        (world.folders["outbox"] / file).unlink()  # its reader takes them away
    world.clock.moved += 3600.0
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.files("outbox") == ["Talk (2).srt", "Talk (2).txt"]
    assert world.files("inbox") == []
    assert len(api.submits) == 1


def test_a_recording_that_was_deleted_is_no_longer_counted_as_lying_in_the_inbox(world: World) -> None:
    world.routes[0] = changed(world.route, after="delete")
    for name in ("One.mp3", "Two.mp3"):
        world.drop(name)
    world.run(lambda: world.states() == [State.DELIVERED] * 2 and not world.files("inbox"))

    with world.journal() as journal:
        assert journal.lying_in(world.route.name) == {}


def test_a_backlog_at_the_first_start_waits_for_a_person_s_word(world: World, api: FakeAssemblyAI) -> None:
    world.plan_options["accept_backlog_hours"] = 0.0001
    world.drop("Talk.mp3", mp3("long", frames=400))
    world.drop("Other.mp3", mp3("long too", frames=400))

    assert world.run() == 75

    assert "2 recordings" in world.published[-1]["blocked"][0]["reason"]
    assert api.uploads == []
    assert world.run() == 75  # a restart changes nothing

    world.accept()
    world.run(lambda: world.states() == [State.DELIVERED] * 2 and world.files("inbox") == [])
    assert_settled(world, api, ["Other.mp3", "Talk.mp3"])


def test_where_no_backlog_is_accepted_unasked_an_empty_file_waits_for_a_person_too(world: World) -> None:
    world.plan_options["accept_backlog_hours"] = 0.0
    world.drop("empty.mp3", b"")

    assert world.run() == 75
    assert world.jobs() == []


class Hanging(World):
    """A world whose inbox hangs at each look until it is let go; nothing else in it does."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, watch="events")
        self.answers = threading.Event()

    def watch(self, root: bytes) -> bool:
        return root != self.route.inbox or self.answers.wait(60)

    def executor(self, name: str, threads: int) -> Executor:
        return ThreadPoolExecutor(threads) if name.startswith("inbox") else super().executor(name, threads)


def test_a_share_that_does_not_answer_is_said_so_within_a_minute_or_so_and_is_waited_for(
    tmp_path: Path, api: FakeAssemblyAI, clock: Clock
) -> None:
    world = Hanging(tmp_path, api, clock)
    world.drop("Talk.mp3")
    with structlog.testing.capture_logs() as logs:
        world.run(lambda: clock.moved > 600)
    [blocked] = [line for line in logs if line["event"] == "lane.blocked"]
    assert "has not answered for more than 60 s" in blocked["reason"]
    assert world.published[-1]["inboxes"][0]["overdue"]
    world.answers.set()

    again = World(tmp_path, api, clock)
    assert again.run() == 0
    assert again.states() == [State.DELIVERED]


def test_a_look_that_waits_for_its_turn_is_not_taken_for_one_that_hangs(
    tmp_path: Path, api: FakeAssemblyAI, clock: Clock
) -> None:
    """The inbox's thread may be at work at a large recording for minutes."""
    world, looks = World(tmp_path, api, clock), []
    inline = world.executor

    class Busy:
        def submit(self, work: Callable[[], None]) -> None:
            looks.append(work)

    world.executor = (  # type: ignore[method-assign]
        lambda name, threads: Busy() if name.startswith("inbox") else inline(name, threads)
    )
    world.run(lambda: clock.moved > 600)

    assert looks
    assert world.published[-1]["blocked"] == []


def test_a_delivery_that_stands_ready_is_not_begun_once_the_daemon_stops(world: World) -> None:
    held: list[Callable[[], None]] = []
    inline = world.executor

    class DeliveriesWait:
        names_left = 1

        def submit(self, work: Callable[[], None]) -> None:
            self.names_left -= 1
            held.append(work) if self.names_left < 0 else work()

    waits = DeliveriesWait()
    world.executor = (  # type: ignore[method-assign]
        lambda name, threads: waits if name.startswith("folders-") else inline(name, threads)
    )
    world.drop("Talk.mp3")
    world.run(lambda: bool(held))
    for work in held:
        work()
    assert world.files("outbox") == []

    world.executor = inline  # type: ignore[method-assign]
    assert world.run() == 0
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]


def test_an_inbox_that_goes_away_is_said_once_and_comes_back_by_itself(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.run(lambda: clock.moved > 10)
    world.drop("Talk.mp3")
    away = world.lose("inbox")
    with structlog.testing.capture_logs() as logs:
        world.run(lambda: clock.moved > 3600, seconds=9000)
    assert [line["event"] for line in logs if line["event"].startswith("inbox.")] == ["inbox.lost"]
    assert not world.folders["inbox"].exists()

    away.rename(world.folders["inbox"])
    assert world.run() == 0
    assert_settled(world, api, ["Talk.mp3"])


def test_a_job_whose_inbox_left_the_configuration_waits_with_that_reason(world: World, clock: Clock) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    world.routes[0] = replace(world.second_inbox(), name="new")
    world.routes.pop()

    world.run(lambda: clock.moved > 1000)

    assert "not in the configuration" in world.published[-1]["open"][0]["reason"]
    assert world.states() == [State.TRANSCRIBED]


@pytest.mark.slow
@pytest.mark.route(scan_seconds=600.0)
def test_patience_ends_a_job_that_never_succeeds_but_counts_no_blocked_time(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.rules = replace(world.rules, patience_seconds=3600.0)
    world.drop("Talk.mp3")
    api.down()
    world.run(lambda: clock.moved > 3 * 3600.0, seconds=100000)
    assert world.states() == [State.RECEIVED]

    api.up()
    api.script("POST /v2/upload", [Fault.answer(422, "Upload failed, please try again")] * 100)
    world.run(lambda: world.states() == [State.FAILED] and world.files("inbox") == [], seconds=100000)
    assert "Upload failed" in (world.folders["failed"] / "Talk.mp3.error.txt").read_text()


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_the_refused_jobs_of_an_order_are_told_in_one_line_with_their_count(world: World, verb: str) -> None:
    world.run()
    drop(str(world.state), {"order": verb, "jobs": list(range(7, 1207))})

    logs = work_for(world, 60)

    (refused,) = [line for line in logs if line["event"] == "order.refused"]
    assert (refused["count"], refused["jobs"]) == (1200, [7, 8, 9, 10, 11])
    (taken,) = [line for line in logs if line["event"] == "order.taken"]
    assert (taken["count"], taken["jobs"]) == (1200, [7, 8, 9, 10, 11])


def test_cancel_is_refused_once_the_submit_was_sent(world: World) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    drop(str(world.state), {"order": "cancel", "jobs": [1]})

    with structlog.testing.capture_logs() as logs:
        world.run(lambda: world.states() == [State.DELIVERED])

    assert "order.refused" in [line["event"] for line in logs]


def test_a_cancelled_job_leaves_its_recording_in_the_inbox_and_takes_it_up_on_retry(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.RECEIVED])
    drop(str(world.state), {"order": "cancel", "jobs": [1]})
    api.down()
    world.run(lambda: world.states() == [State.CANCELLED])
    api.up()
    assert world.run() == 0
    assert world.files("inbox") == ["Talk.mp3"]

    drop(str(world.state), {"order": "retry", "jobs": [1]})
    world.run(lambda: world.states() == [State.DELIVERED] and world.files("inbox") == [])
    assert_settled(world, api, ["Talk.mp3"])


@pytest.mark.parametrize("commit", range(1, 4))
def test_an_order_to_try_again_outlives_a_crash_at_any_commit(world: World, commit: int) -> None:
    """What an order changes is written before the order is removed."""
    world.drop("Talk.mp3", b"no recording at all")
    assert world.run() == 1
    drop(str(world.state), {"order": "retry", "jobs": [1]})

    world.crash_at_commit(commit)
    world.run(lambda: world.states() == [State.DELIVERED] and world.files("inbox") == [], seconds=600)

    assert list((world.state / "commands").iterdir()) == []


def test_a_kept_transcript_that_vanished_is_fetched_again(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.TRANSCRIBED])
    for path in (world.state / "transcripts").iterdir():
        path.unlink()

    assert world.run() == 0

    assert_settled(world, api, ["Talk.mp3"])
    assert len(api.submits) == 1


def test_a_kept_transcript_is_used_although_the_api_has_deleted_its_own(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.TRANSCRIBED])
    with world.journal() as journal:
        (job,) = journal.all()
        failure = Failed("it could not be delivered")
        save_job(journal, job, (after(job, failure, world.clock.wall(), world.rules), failure), now=world.clock.wall())
    api.submits[0].deleted = True
    drop(str(world.state), {"order": "retry", "jobs": [1]})

    world.run(lambda: world.states() == [State.DELIVERED] and world.files("inbox") == [])

    assert "Deleted by user" not in (world.folders["outbox"] / "Talk.txt").read_text()
    assert len(api.submits) == 1


def test_a_reload_that_is_wrong_keeps_the_old_plan_and_one_that_is_right_is_followed(world: World) -> None:
    def refuse() -> Plan:
        raise ConfigError(["inbox[1].settle_seconds: five is no number"])

    world.next_plan = refuse
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.DELIVERED], messages=(Reload(),))
    assert [fields for fields in world.notified if "RELOADING" in fields]

    second = world.second_inbox()
    world.routes.remove(second)
    world.next_plan = lambda: replace(world.plan(), routes=(world.route, second))
    world.drop("Other.mp3", folder="second-inbox")
    world.run(lambda: world.files("second-archive") == ["Other.mp3"], messages=(Reload(),))


def test_the_verbatim_answer_is_kept_with_enough_beside_it_to_rebuild_a_journal_from(
    world: World, api: FakeAssemblyAI
) -> None:
    world.drop("Talk.mp3")

    world.run()

    (job,) = world.jobs()
    kept = json.loads((world.state / "transcripts" / f"{job.transcript_id}.json").read_bytes())
    meta = json.loads((world.state / "transcripts" / f"{job.transcript_id}.meta.json").read_bytes())
    assert kept["id"] == meta["transcript_id"] == job.transcript_id
    assert meta["content_hash"] == job.content_hash == api.uploads[0].sha256
    assert meta["request"]["audio_url"] == meta["upload_url"] == job.upload_url


def test_a_name_that_is_not_utf_8_travels_unchanged(world: World) -> None:
    name = os.fsdecode(b"caf\xe9\n\x1b[31m.mp3")
    world.drop(name)

    assert world.run() == 0

    assert world.files("archive") == [name]
    assert world.published[-1]["jobs"] == {"delivered": 1}


def test_an_outbox_that_goes_away_blocks_its_inbox_and_is_never_made_again(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    away = world.lose("outbox")
    world.run(lambda: clock.moved > 3600, seconds=9000)
    assert not world.folders["outbox"].exists()
    assert "is not there" in world.published[-1]["blocked"][0]["reason"]
    assert [job.attempts for job in world.jobs()] == [0]

    away.rename(world.folders["outbox"])
    assert world.run() == 0
    assert_settled(world, api, ["Talk.mp3"])


def test_a_recording_touched_while_it_is_put_away_leaves_the_inbox_all_the_same(
    world: World, api: FakeAssemblyAI
) -> None:
    path = world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.DELIVERED])
    assert path.exists()
    os.utime(path, ns=(0, 12345))

    assert world.run() == 0
    assert world.run() == 0

    assert_settled(world, api, ["Talk.mp3"])


def test_a_list_that_is_refused_says_nothing_about_a_submit_in_doubt(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    api.script("POST /v2/transcript", [Fault.lost_answer()])
    api.script("GET /v2/transcript", [Fault.answer(401, "Authentication error, API token missing/invalid")])

    world.run(lambda: world.states() == [State.DELIVERED] and world.files("inbox") == [])

    assert_settled(world, api, ["Talk.mp3"])
    assert len(api.submits) == 1


def test_people_at_the_share_read_what_their_recordings_wait_for_and_the_note_goes_by_itself(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    world.drop("Talk.mp3")
    api.down()
    note = world.folders["outbox"] / "_transcribed.txt"
    world.run(lambda: clock.moved > 40)
    assert not note.exists()
    world.run(lambda: clock.moved > 600)
    assert "AssemblyAI cannot be reached" in note.read_text()
    assert "Nothing is lost" in note.read_text()

    api.up()
    assert world.run() == 0
    assert_settled(world, api, ["Talk.mp3"])


def test_a_note_that_an_earlier_process_left_goes_and_a_stranger_s_file_of_that_name_stays(
    world: World, api: FakeAssemblyAI, clock: Clock
) -> None:
    api.down()
    world.drop("Talk.mp3")
    world.run(lambda: clock.moved > 600)
    api.up()
    world.run(lambda: world.files("inbox") == [])
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]

    (world.folders["outbox"] / "_transcribed.txt").write_text("mine")
    api.down()
    world.drop("Other.mp3")
    world.run(lambda: clock.moved > 3600)
    assert (world.folders["outbox"] / "_transcribed.txt").read_text() == "mine"


def crash_at_every_commit(world: World) -> None:
    commits = 1
    while world.crash_at_commit(commits):
        commits += 1
        assert commits < 60
    assert commits > 2


def test_what_is_no_recording_is_never_sent_wherever_the_process_dies(world: World, api: FakeAssemblyAI) -> None:
    world.drop("junk.mp3", b"no recording\n" * 500)

    crash_at_every_commit(world)

    assert api.uploads == []
    assert world.files("failed") == ["junk.mp3", "junk.mp3.error.txt"]


def test_what_a_person_drags_back_is_sent_whatever_it_is_and_once_wherever_the_process_dies(
    world: World, api: FakeAssemblyAI
) -> None:
    """What a look at the bytes takes for no recording may be one that only its decoder knows: the person insists."""
    junk = world.drop("junk.mp3", b"no recording\n" * 500)
    world.run()
    os.replace(world.folders["failed"] / "junk.mp3", junk)

    crash_at_every_commit(world)

    assert len(api.submits) == 1
    assert world.states() == [State.DELIVERED]
    assert world.files("failed") == []
    assert world.files("archive") == ["junk.mp3"]


def test_an_order_to_retry_does_what_dragging_back_does(world: World, api: FakeAssemblyAI) -> None:
    world.drop("junk.mp3", b"no recording\n" * 500)
    world.run()
    drop(str(world.state), {"order": "retry", "failed": True})

    assert world.run() == 0

    assert len(api.submits) == 1
    assert world.states() == [State.DELIVERED]
    assert world.files("failed") == []


def test_a_recording_that_is_too_large_is_not_sent_however_often_it_is_dragged_back(
    world: World, api: FakeAssemblyAI
) -> None:
    world.plan_options["accept_backlog_hours"] = 1e6
    path = world.drop("Talk.mp3")
    os.truncate(path, 2_400_000_000)  # it has holes, so it waits for its bytes first
    world.run(lambda: "Talk.mp3.error.txt" in world.files("failed"))
    os.replace(world.folders["failed"] / "Talk.mp3", path)

    world.run(lambda: "Talk.mp3" in world.files("failed"))

    assert api.uploads == []
    assert "no more than 2.2 GB" in (world.folders["failed"] / "Talk.mp3.error.txt").read_text()


def killed_between_the_move_and_its_event(directory: Path, api: FakeAssemblyAI) -> World:
    """A world whose recording lies in the archive, of which its journal does not know."""
    for step in range(10, 40):
        world = World(directory / str(step), api, Clock())
        world.rules = Rules(first_delay_seconds=60.0)  # so that what is dropped now settles before the next attempt
        world.drop("Talk.mp3", mp3("Talk"))
        world.crash(step, after=True)
        if world.files("archive") and world.jobs()[0].retired_at is None:
            return world
    raise AssertionError("no step moves the recording")


def test_the_same_bytes_dropped_again_while_a_crash_hides_that_the_first_are_put_away_are_kept_and_delivered_too(
    tmp_path: Path,
) -> None:
    """The file that lies at the path is another one, and not the first one touched."""
    with FakeAssemblyAI() as api:
        world = killed_between_the_move_and_its_event(tmp_path, api)
        submits = len(api.submits)
        world.clock.moved += 1
        world.drop("Talk.mp3", mp3("Talk"))

        world.run()

        assert world.files("archive") == ["Talk (2).mp3", "Talk.mp3"]
        assert world.files("outbox") == ["Talk (2).srt", "Talk (2).txt", "Talk.srt", "Talk.txt"]
        assert len(api.submits) == submits


def test_every_format_is_delivered_at_once_the_verbatim_answer_too(tmp_path: Path) -> None:
    with FakeAssemblyAI() as api:
        world = World(tmp_path, api, Clock(), formats=tuple(FORMATS))
        world.drop("Talk.mp3")

        assert world.run() == 0

        assert world.files("outbox") == sorted(f"Talk{each.suffix}" for each in FORMATS.values())
        assert "deferred" not in world.story(1)


def test_renderings_look_as_their_inbox_has_it_and_the_page_finds_its_recording(tmp_path: Path) -> None:
    with FakeAssemblyAI() as api:
        world = World(
            tmp_path,
            api,
            Clock(),
            formats=("txt", "srt", "html"),
            parameters=parameters(speaker_labels=True),
            speakers={"A": "Aoife"},
            line_length=20,
            lines=1,
        )
        world.drop(os.fsdecode(b"caf\xe9/Talk.mp3"), mp3("Talk"))

        assert world.run() == 0

        outbox = world.folders["outbox"] / os.fsdecode(b"caf\xe9")
        assert (outbox / "Talk.txt").read_text().startswith("Aoife: ")
        assert "Speaker B: " in (outbox / "Talk.txt").read_text()
        said = [line for line in (outbox / "Talk.srt").read_text().splitlines() if line.strip() and "-->" not in line]
        assert max(map(len, said)) <= 20
        [source] = re.findall('<audio[^>]* src="([^"]*)"', (outbox / "Talk.html").read_text())
        recording = os.path.join(os.fsencode(outbox), urllib.parse.unquote_to_bytes(source))
        assert os.path.samefile(recording, world.folders["archive"] / os.fsdecode(b"caf\xe9/Talk.mp3"))


def test_all_that_was_asked_for_of_one_recording_is_in_its_outbox(tmp_path: Path) -> None:
    meeting = json.loads((Path(__file__).parents[1] / "data" / "meeting.json").read_text())
    with FakeAssemblyAI() as api:
        api.results = {key: value for key, value in meeting.items() if key not in ("id", "status", "audio_url")}
        asked = {"speaker_labels", "sentiment_analysis", "entity_detection", "auto_highlights", "iab_categories"}
        world = World(
            tmp_path,
            api,
            Clock(),
            formats=tuple(FORMATS),
            parameters=parameters(**dict.fromkeys({*asked, "content_safety"}, True)),
            speakers={"A": "Ana", "B": "Bo"},
        )
        world.drop("Monday 1.mp3")

        assert world.run() == 0

        outbox = world.folders["outbox"]
        assert world.files("outbox") == sorted(f"Monday 1{each.suffix}" for each in FORMATS.values())
        headings = re.findall("^## (.*)$", (outbox / "Monday 1.md").read_text(), re.MULTILINE)
        assert {"Highlights", "Topics", "Entities", "Sentiment", "Content safety"} <= {*headings}
        kept = json.loads((outbox / "Monday 1.json").read_bytes())
        assert {key: kept[key] for key in api.results} == api.results
        page = (outbox / "Monday 1.html").read_text()
        assert [name for name in ("Ana", *headings) if name not in page] == []


@pytest.mark.parametrize("text", [None, "", "  "])
def test_a_recording_without_a_word_is_delivered_or_fails_as_its_inbox_has_it_and_is_paid_once(
    world: World, api: FakeAssemblyAI, text: str | None
) -> None:
    api.results = {"text": text, "words": [], "utterances": None}
    world.routes[0] = changed(world.route, silence="fail", formats=("txt",))
    world.drop("Talk.mp3")
    world.drop("Again.mp3", mp3("Talk.mp3"))

    assert world.run() == 1

    assert "nothing was said" in (world.folders["failed"] / "Talk.mp3.error.txt").read_text()
    assert "Again.mp3" in world.files("failed")
    world.routes[0] = changed(world.route, formats=("txt",))
    drop(str(world.state), {"order": "retry", "failed": True})
    world.run(lambda: len(world.files("archive")) == 2)
    assert (world.folders["outbox"] / "Talk.txt").read_text() == "(no speech was recognised)\n"
    assert world.files("failed") == []
    assert len(api.submits) == 1


@pytest.mark.slow
def test_a_retry_after_a_crash_while_the_failed_recording_was_put_away_loses_nothing(
    tmp_path: Path, clock: Clock
) -> None:
    """The crash may have hidden that the recording was moved; this is known only once it is put away again."""
    step, crashed = 0, True
    while crashed:
        step += 1
        with FakeAssemblyAI(clock=clock.wall, processing_seconds=TWO_LOOKS_SECONDS) as api:
            world = World(tmp_path / str(step), api, clock)
            world.drop("Talk.mp3")
            api.end_with_error("Transcoding failed. File type is audio/mpeg")
            world.uncounted = WRITES_NOTHING
            crashed = world.crash(step, after=True)
            world.uncounted = frozenset()

            def is_done(world: World = world) -> bool:
                return (
                    bool(world.jobs()) and not world.worker.book.unfinished and not os.listdir(world.state / "commands")
                )

            for _ in range(2):  # the second one is for what had not failed yet
                drop(str(world.state), {"order": "retry", "failed": True})
                world.run(is_done)

            assert world.states() == [State.DELIVERED], step
            assert_settled(world, api, ["Talk.mp3"])
    assert step > 8
