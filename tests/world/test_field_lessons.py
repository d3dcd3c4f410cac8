"""Stories of others who watch a folder and call an API, each with the test by which it does not happen here.

LESSONS has the stories of field-lessons.md, section 2, that end in a loss, a repetition or an endless wait, by their
numbers there; a test below holds it against the files. What follows are the tests that tell a story from end to end.
"""

import functools
import hashlib
import json
import os
from collections.abc import Callable
from typing import NamedTuple

import pytest

from assemblyai_calls import LIST, ONE, UPLOAD
from catalogue import names_of_tests
from fake_account import words_of
from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.job import State
from transcribed.worker import Look, Stop
from world import Clock, World, changed, mp3


class Lesson(NamedTuple):
    """A lesson, and the tests that try it."""

    learnt: str
    tests: tuple[str, ...]


LESSONS = {
    1: Lesson(
        "Folder events do not arrive from a share, and the file waits for a restart: the listing is the truth.",
        ("test_a_recording_of_which_no_event_tells_is_delivered_without_a_restart",),
    ),
    2: Lesson(
        "A watcher that is blind looks like a quiet folder: the file system, the mode and the last look are told.",
        (
            "test_status_says_on_what_an_inbox_lies_how_its_files_are_noticed_and_when_it_was_looked_at",
            "test_how_new_files_are_noticed_is_told_by_the_file_system_and_the_setting",
            "test_a_share_that_does_not_answer_is_said_so_within_a_minute_or_so_and_is_waited_for",
            "test_a_folder_that_was_removed_is_noticed_and_is_watched_again_once_it_is_back",
        ),
    ),
    3: Lesson(
        "Events get lost in gaps and full queues: with every one of them lost, every file is still found.",
        (
            "test_a_recording_of_which_no_event_tells_is_delivered_without_a_restart",
            "test_lost_events_ask_for_a_look_at_every_root",
            "test_an_event_during_a_look_asks_for_another_at_once",
            "test_without_an_observer_a_look_finds_what_came",
            "test_where_every_event_is_dropped_a_recording_waits_five_minutes_at_most",
            "test_after_the_kernel_lost_events_every_recording_is_found_and_new_folders_are_watched",
        ),
    ),
    4: Lesson(
        "A folder that is moved in brings files that nobody reports: what is scanned is the tree.",
        (
            "test_a_folder_that_is_moved_in_brings_all_its_recordings",
            "test_a_recording_renamed_into_place_and_a_folder_moved_in_are_taken",
            "test_a_folder_that_is_taken_away_takes_all_below_it_and_brings_it_back",
        ),
    ),
    5: Lesson(
        "The kernel's watches run out and the watcher falls over: a scan needs none.",
        ("test_a_limit_of_the_kernel_is_a_sentence_and_not_an_error",),
    ),
    6: Lesson(
        "One unreadable folder or strange name ends the scan, or repeats everything: it costs one problem.",
        (
            "test_one_unreadable_folder_costs_one_problem_and_not_the_scan",
            "test_what_lies_in_a_folder_that_cannot_be_read_has_not_gone",
            "test_a_name_that_is_not_utf_8_travels_unchanged",
        ),
    ),
    7: Lesson(
        "A rule that ignores everything, and nobody is told: an ignored name is told with its rule.",
        (
            "test_an_ordinary_name_is_not_ignored",
            "test_the_owners_patterns_are_of_a_component_or_of_the_whole_path",
            "test_what_is_ignored_is_counted_by_its_rule_with_the_first_twenty_names_and_the_rest_would_be_taken",
        ),
    ),
    8: Lesson(
        "A setting of another name is ignored and no file is taken: an unknown key is a mistake.",
        ("test_a_wrong_configuration_exits_78_and_names_every_mistake",),
    ),
    9: Lesson(
        "Half a file is taken, and paid for: a recording is taken once it has stopped changing.",
        (
            "test_a_recording_that_is_being_copied_is_taken_once_and_whole",
            "test_nothing_settles_that_changed_within_settle_seconds",
            "test_a_recording_that_changes_while_it_is_read_is_dropped_and_taken_again",
            "test_a_writer_that_stalls_for_longer_than_any_pause_before_is_waited_for",
            "test_a_writer_that_stalls_while_the_daemon_starts_again_is_waited_for",
            "test_a_download_with_holes_is_not_taken_while_its_control_file_lies_beside_it",
        ),
    ),
    10: Lesson(
        "A bound on the wait cuts the slowest copies: what still grows is waited for without end, and shown.",
        (
            "test_a_recording_that_grows_for_long_is_shown_as_growing_and_waited_for",
            "test_the_quiet_time_is_three_times_the_longest_pause_seen_where_the_file_does_not_say_that_it_is_whole",
            "test_a_copy_with_pauses_longer_than_settle_seconds_is_taken_once_it_is_whole",
        ),
    ),
    11: Lesson(
        "A file of full size from its first byte passes a test of its size: its time counts, and what its bytes say.",
        (
            "test_a_recording_that_is_being_copied_is_taken_once_and_whole",
            "test_a_file_of_full_size_whose_mtime_moves_is_still_growing",
            "test_a_part_of_a_recording_says_so_itself",
            "test_a_copy_that_was_cut_says_how_many_bytes_are_missing_and_is_taken_whole_once_they_come",
            "test_a_slow_copy_with_its_full_size_set_in_advance_is_taken_once_its_bytes_are_there",
            "test_a_recording_that_truly_ends_in_zeros_is_taken_after_ten_minutes_with_a_warning",
        ),
    ),
    12: Lesson(
        "What came too early has failed for ever: not being ready is a wait, and what comes whole is new.",
        (
            "test_what_failed_as_half_a_recording_is_taken_again_when_it_comes_whole",
            "test_an_empty_file_waits_and_gets_the_name_that_it_would_have_had",
            "test_one_file_that_may_not_be_read_does_not_block_the_inbox",
            "test_after_one_error_in_any_call_it_delivers_by_itself_pays_once_and_fails_no_job",
        ),
    ),
    13: Lesson(
        "At a start files are taken unchecked: what is there already and what comes go the same way.",
        ("test_a_recording_that_is_being_copied_is_taken_once_and_whole",),
    ),
    14: Lesson(
        "A file's time is set late, or is an old one: it is never compared with now, and sets off nothing twice.",
        (
            "test_a_recording_that_is_being_copied_is_taken_once_and_whole",
            "test_a_recording_touched_after_it_was_taken_is_delivered_once",
            "test_a_time_that_is_set_after_the_copy_is_the_same_recording_still",
            "test_with_after_keep_a_touched_recording_makes_no_new_job_at_each_start",
            "test_an_ignored_name_is_told_with_its_rule",
        ),
    ),
    15: Lesson(
        "One file is queued several times: however often it is looked at, it is one job.",
        ("test_a_flood_of_events_makes_one_job_of_one_recording",),
    ),
    16: Lesson(
        "A restart repeats what was finished: what is done stands in the journal, not in the outbox.",
        (
            "test_a_transcript_that_somebody_took_away_is_not_made_again_at_each_start",
            "test_with_after_keep_a_recording_stays_and_is_not_taken_again",
        ),
    ),
    17: Lesson(
        "A poll that fails, a restart or a long wait pays again: a paid transcript is only ever asked for.",
        (
            "test_a_transcript_that_takes_hours_is_paid_once_through_failing_looks_and_restarts",
            "test_a_transcript_without_a_word_is_a_result_and_is_not_asked_for_again",
            "test_a_submit_whose_answer_is_lost_is_found_in_the_list_and_adopted",
            "test_a_crash_at_any_step_loses_nothing_and_pays_nothing_twice",
            "test_kill_9_at_any_stage_pays_once_delivers_all_and_copies_nothing",
        ),
    ),
    18: Lesson(
        "The same recording under another name is paid again, or asked about: it is delivered again, unasked and free.",
        (
            "test_the_same_recording_under_three_names_is_paid_once_and_delivered_three_times",
            "test_known_content_dropped_a_year_later_is_delivered_again_and_not_paid_again",
        ),
    ),
    19: Lesson(
        "Outputs land in a watched folder, and it goes round for ever: folders that overlap are refused.",
        (
            "test_a_daemon_whose_outbox_lies_in_its_inbox_by_a_link_does_not_start",
            "test_folders_that_are_one_through_a_link_are_refused_by_path_in_both_directions",
            "test_folders_overlap_when_they_are_the_same_or_one_lies_inside_the_other",
        ),
    ),
    20: Lesson(
        "The source is deleted although the work failed: deleting is the last step, and only of what was transcribed.",
        (
            "test_with_after_delete_what_failed_is_kept",
            "test_with_after_delete_what_was_put_in_its_place_is_transcribed_before_it_goes",
            "test_with_after_delete_a_recording_goes_last_of_all",
            "test_each_file_is_durable_before_its_name_and_each_fact_before_the_effect_that_relies_on_it",
        ),
    ),
    21: Lesson(
        "Names are flattened and overwrite one another: folders are kept, and a shared name gets a number.",
        (
            "test_recordings_of_one_name_keep_their_folders_their_words_and_their_bytes",
            "test_nothing_that_the_daemon_did_not_write_is_replaced",
            "test_two_inboxes_may_share_an_outbox_and_never_a_name",
            "test_a_reader_never_sees_half_a_replacement",
        ),
    ),
    22: Lesson(
        "What begins with the same name is swept along: only the recording itself is moved.",
        ("test_what_shares_the_beginning_of_its_name_stays_when_a_recording_is_put_away",),
    ),
    23: Lesson(
        "Work is stuck between two states after a crash: no state says that something is in progress.",
        (
            "test_a_crash_before_any_message_is_taken_in_loses_nothing_and_pays_nothing_twice",
            "test_a_kill_at_any_file_changing_call_loses_nothing_pays_nothing_twice_and_leaves_nothing_half_done",
            "test_a_move_that_a_crash_left_with_both_files_is_finished",
            "test_two_hundred_recordings_at_once_are_delivered_in_one_run_with_few_threads",
        ),
    ),
    24: Lesson(
        "A failure is final, or is tried for ever: a wait is kept over restarts, and dragging back is the retry.",
        (
            "test_a_wait_is_kept_over_restarts_and_not_begun_again",
            "test_dragging_a_failed_recording_back_is_the_retry_and_its_note_goes",
            "test_retry_by_command_resumes_and_leaves_the_failed_folder_clean",
            "test_patience_ends_a_job_that_never_succeeds_but_counts_no_blocked_time",
        ),
    ),
    25: Lesson(
        "One bad file holds up the rest: each waits for itself, and each inbox too.",
        (
            "test_a_recording_that_waits_and_files_that_are_none_hold_up_no_other",
            "test_an_inbox_that_is_gone_holds_up_no_other",
            "test_a_recording_that_ends_the_process_each_time_it_is_read_is_tried_alone_and_then_fails_alone",
        ),
    ),
    26: Lesson(
        "A mount is absent, late or gone, and its files count as deleted: its inbox waits, and nothing is made again.",
        (
            "test_a_recording_taken_away_after_it_was_paid_for_is_delivered_all_the_same",
            "test_the_bare_mount_point_of_an_unmounted_share_is_blocked_until_the_share_is_back",
            "test_a_share_that_is_mounted_late_is_taken_as_the_inbox",
            "test_an_inbox_that_goes_away_is_said_once_and_comes_back_by_itself",
            "test_an_outbox_that_goes_away_blocks_its_inbox_and_is_never_made_again",
            "test_the_bare_mount_point_is_not_taken_for_the_folder_after_a_restart_either",
            "test_another_share_in_its_place_is_not_taken_and_nothing_is_touched_there",
        ),
    ),
    27: Lesson(
        "A share refuses owners, modes and times, and what was done counts as failed: none of them is needed.",
        ("test_where_modes_owners_and_times_may_not_be_set_all_is_delivered",),
    ),
    28: Lesson(
        "Others cannot edit or delete what was written: mode and group are theirs to set, before a file has its name.",
        (
            "test_every_file_that_people_see_has_the_mode_that_was_asked_for",
            "test_a_file_has_its_mode_and_group_before_it_has_its_name",
            "test_where_nothing_is_asked_for_no_mode_and_no_group_is_touched",
        ),
    ),
    29: Lesson(
        "A database on a share is locked for good: it is refused there, and there is one writer, who waits for nobody.",
        (
            "test_a_state_directory_is_refused_on_a_network_and_taken_where_nobody_knows",
            "test_a_reader_that_is_in_the_middle_of_reading_does_not_keep_the_writer_waiting",
            "test_a_path_in_an_event_keeps_every_byte",
        ),
    ),
    30: Lesson(
        "Names stop the work, links lead out, pipes hang, logs flood: bytes, no links, one line for one condition.",
        (
            "test_a_name_that_is_not_utf_8_travels_unchanged",
            "test_files_that_are_not_ours_to_take_stay_where_they_are",
            "test_what_lies_there_instead_of_the_file_that_was_found_is_withdrawn",
            "test_a_flood_of_bad_entries_is_not_a_flood_of_problems",
            "test_a_transcript_far_shorter_than_its_recording_is_a_warning_in_the_story",
        ),
    ),
}


@pytest.mark.parametrize("number", LESSONS)
def test_each_test_that_a_lesson_names_is_there(number: int) -> None:
    assert set(LESSONS[number].tests) <= names_of_tests()


class Eventful(Clock):
    """Time in which things happen: each act at its moment, while the daemon sleeps."""

    def __init__(self) -> None:
        self.acts: list[tuple[float, Callable[[], object]]] = []
        super().__init__()

    @property
    def moved(self) -> float:
        return self._moved

    @moved.setter
    def moved(self, to: float) -> None:
        while self.acts and self.acts[0][0] <= to:
            self._moved, act = self.acts.pop(0)
            act()
        self._moved = to


@pytest.fixture
def clock() -> Eventful:
    return Eventful()


def in_the_end(world: World) -> Callable[[], bool]:
    """Until nothing is left to do, nor to happen."""
    clock = world.clock
    assert isinstance(clock, Eventful)
    return lambda: not clock.acts and not world.worker.book.unfinished and bool(world.jobs())


def has_come(clock: Clock, seconds: float) -> bool:
    """True once so much time has passed since the start of the test."""
    return clock.moved > seconds


def words(data: bytes) -> str:
    """The words that are heard in these bytes."""
    return " ".join(word["text"] for word in words_of(hashlib.sha256(data).hexdigest()))


def heard(world: World) -> list[str]:
    """The texts in the outbox, by their names; notes about them are none."""
    names = [name for name in world.files("outbox") if name.endswith(".txt") and not name.endswith(".note.txt")]
    return [(world.folders["outbox"] / name).read_text().strip() for name in names]


def assert_delivered_and_paid_once(world: World, *contents: bytes) -> None:
    assert sorted(heard(world)) == sorted(map(words, contents))
    assert world.api.paid() == {hashlib.sha256(data).hexdigest(): 1 for data in contents}
    assert world.files("inbox") == world.files("failed") == []


# --- A. not seen at all


def test_a_recording_of_which_no_event_tells_is_delivered_without_a_restart(world: World, clock: Eventful) -> None:
    clock.acts = [(1000.0, lambda: world.drop("a/Talk.mp3"))]

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, mp3("a/Talk.mp3"))
    assert world.jobs()[0].received_at - clock.wall() + clock.moved < 1000 + 2 * (10 + 5)  # scans and settling


def test_status_says_on_what_an_inbox_lies_how_its_files_are_noticed_and_when_it_was_looked_at(
    world: World, clock: Eventful
) -> None:
    clock.acts = [(100.0, lambda: None)]
    world.run(lambda: not clock.acts)

    inbox = world.published[-1]["inboxes"][0]
    assert inbox["file_system"] not in ("", "unknown")
    assert inbox["watch"] == "scan"  # this world has no events
    assert inbox["looked_at"] > clock.wall() - 60
    assert not inbox["overdue"]


def test_a_folder_that_is_moved_in_brings_all_its_recordings(world: World, clock: Eventful) -> None:
    for name in ("tree/One.mp3", "tree/a/b/Two.mp3"):
        world.drop(name, mp3(name), folder="archive")
    clock.acts = [(100.0, lambda: (world.folders["archive"] / "tree").rename(world.folders["inbox"] / "tree"))]

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, mp3("tree/One.mp3"), mp3("tree/a/b/Two.mp3"))
    assert world.files("archive") == ["tree/One.mp3", "tree/a/b/Two.mp3"]


# --- B. seen too early

TIMES = {"now": None, "long ago": 0.0, "in the future": 4e9}


def copying(world: World, data: bytes, *, begin: float, seconds: float, is_full: bool, mtime: float | None) -> None:
    """From `begin` on a part every three seconds is copied to Talk.mp3, which has its full size at once or grows."""
    path, parts = world.folders["inbox"] / "Talk.mp3", int(seconds / 3)
    size = -(-len(data) // parts)

    def write(part: int) -> None:
        with path.open("r+b" if path.exists() else "wb") as file:
            if is_full:
                file.truncate(len(data))
            file.seek(part * size)
            file.write(data[part * size : (part + 1) * size])
        os.utime(path, (0, world.clock.wall() if mtime is None else mtime))

    assert isinstance(world.clock, Eventful)
    world.clock.acts = [(begin + 3.0 * part, functools.partial(write, part)) for part in range(parts)]


@pytest.mark.parametrize("begin", [-10.0, 50.0], ids=["there at the start", "came later"])
@pytest.mark.parametrize("is_full", [False, True], ids=["growing", "of full size at once"])
@pytest.mark.parametrize("mtime", TIMES.values(), ids=TIMES)
def test_a_recording_that_is_being_copied_is_taken_once_and_whole(
    world: World, clock: Eventful, begin: float, is_full: bool, mtime: float | None
) -> None:
    data = mp3("Talk", frames=400)
    copying(world, data, begin=begin, seconds=60, is_full=is_full, mtime=mtime)
    clock.moved = 0.0

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, data)
    assert len(world.jobs()) == len(world.api.uploads) == 1


def test_a_recording_that_grows_for_long_is_shown_as_growing_and_waited_for(world: World, clock: Eventful) -> None:
    data = mp3("Talk", frames=4000)
    copying(world, data, begin=0.0, seconds=900, is_full=False, mtime=None)
    world.run(lambda: clock.moved >= 890)
    assert world.jobs() == []
    assert world.published[-1]["inboxes"][0]["unsettled"] == [{"file": "Talk.mp3", "why": "growing"}]

    world.run(in_the_end(world))

    assert_delivered_and_paid_once(world, data)


def test_what_failed_as_half_a_recording_is_taken_again_when_it_comes_whole(world: World) -> None:
    world.drop("Talk.mp3", bytes(20_000))
    world.run(lambda: world.files("failed") == ["Talk.mp3", "Talk.mp3.error.txt"])
    world.drop("Talk.mp3", mp3("Talk"))

    world.run()

    assert heard(world) == [words(mp3("Talk"))]
    assert world.states() == [State.FAILED, State.DELIVERED]
    assert len(world.api.uploads) == 1


# --- C. done twice


def test_a_flood_of_events_makes_one_job_of_one_recording(world: World, clock: Eventful) -> None:
    world.drop("Talk.mp3")
    events = (Look(world.route.inbox),) * 100
    clock.acts = [(at, lambda: [world.mailbox.put(event) for event in events]) for at in (1.0, 5.0, 6.0, 20.0, 40.0)]

    world.run(in_the_end(world), messages=events)

    assert_delivered_and_paid_once(world, mp3("Talk.mp3"))
    assert len(world.jobs()) == 1


def test_a_transcript_that_somebody_took_away_is_not_made_again_at_each_start(world: World) -> None:
    world.routes[0] = changed(world.route, after="keep")
    world.drop("Talk.mp3")
    world.run()
    for name in world.files("outbox"):
        (world.folders["outbox"] / name).unlink()

    for _ in range(3):
        assert world.run() == 0

    assert len(world.jobs()) == len(world.api.submits) == 1
    assert world.files("outbox") == []


def test_a_transcript_that_takes_hours_is_paid_once_through_failing_looks_and_restarts(
    world: World, api: FakeAssemblyAI, clock: Eventful
) -> None:
    world.routes = [changed(world.route, scan_seconds=60.0)]
    api.processing_seconds = 3 * 3600
    world.drop("Talk.mp3")
    for number in range(1, 5):
        world.run(functools.partial(has_come, clock, number / 2 * 3600))
        api.script(LIST, [Fault.answer(502, body=b"<html>Bad gateway"), None, Fault.lost_answer(), Fault.html()])
        api.script(ONE, [Fault.answer(502, body=b"<html>Bad gateway")])

    world.run(in_the_end(world), seconds=2 * 3600)

    assert_delivered_and_paid_once(world, mp3("Talk.mp3"))
    assert len(api.uploads) == len(api.submits) == 1


def test_a_transcript_without_a_word_is_a_result_and_is_not_asked_for_again(world: World, api: FakeAssemblyAI) -> None:
    world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    empty = {**api.transcript(api.submits[0]), "status": "completed", "text": "", "words": []}
    api.script(ONE, [Fault.answer(200, body=json.dumps(empty).encode())])

    assert world.run() == 0
    assert world.run() == 0

    assert world.states() == [State.DELIVERED]
    assert world.files("outbox") == ["Talk.srt", "Talk.txt"]
    assert world.files("archive") == ["Talk.mp3"]
    assert len(api.submits) == 1


# --- D. lost


def test_with_after_delete_what_failed_is_kept(world: World, api: FakeAssemblyAI) -> None:
    world.routes[0] = changed(world.route, after="delete")
    world.drop("Talk.mp3")
    api.end_with_error("Transcoding failed. File type is audio/mpeg")

    assert world.run() == 1

    assert (world.folders["failed"] / "Talk.mp3").read_bytes() == mp3("Talk.mp3")


def test_with_after_delete_what_was_put_in_its_place_is_transcribed_before_it_goes(world: World) -> None:
    world.routes[0] = changed(world.route, after="delete")
    world.drop("Talk.mp3", mp3("the first"))
    world.run(lambda: world.states() == [State.DELIVERED])
    world.drop("Talk.mp3", mp3("the second", frames=50))

    assert world.run() == 0

    assert_delivered_and_paid_once(world, mp3("the first"), mp3("the second", frames=50))


def test_recordings_of_one_name_keep_their_folders_their_words_and_their_bytes(world: World) -> None:
    dropped = {name: mp3(name) for name in ("Talk.mp3", "Talk.MP3", "a/Talk.mp3", "a/b/Talk.mp3")}
    for name, data in dropped.items():
        world.drop(name, data)

    assert world.run() == 0

    assert_delivered_and_paid_once(world, *dropped.values())
    kept = [(world.folders["archive"] / name).read_bytes() for name in world.files("archive")]
    assert sorted(kept) == sorted(dropped.values())
    for name in ("a/Talk.mp3", "a/b/Talk.mp3"):
        output = world.folders["outbox"] / name.replace(".mp3", ".txt")
        assert output.read_text().strip() == words(dropped[name])


def test_what_shares_the_beginning_of_its_name_stays_when_a_recording_is_put_away(world: World) -> None:
    strangers = ["rec", "rec.mp3.bak", "rec.mp3.txt", "rec.txt", "rec2.wav", "rec (2).mp3.part"]
    for name in strangers:
        world.drop(name, b"mine")
    world.drop("rec.mp3")

    assert world.run() == 0

    assert world.files("inbox") == sorted(strangers)
    assert world.files("archive") == ["rec.mp3"]


def test_a_wait_is_kept_over_restarts_and_not_begun_again(world: World, api: FakeAssemblyAI, clock: Eventful) -> None:
    world.drop("Talk.mp3")
    api.script(UPLOAD, [Fault.answer(422, body=b"Upload failed, please try again")] * 7)
    world.run(lambda: any(job.attempts == 6 and not job.in_flight for job in world.jobs()))
    (waiting,) = world.jobs()
    asked = len(api.requests)
    for _ in range(5):
        clock.moved += 1
        world.run(lambda: False, messages=(Stop(),))

    assert len(api.requests) == asked
    assert [(job.attempts, job.due_at) for job in world.jobs()] == [(6, waiting.due_at)]
    world.run(in_the_end(world))
    assert_delivered_and_paid_once(world, mp3("Talk.mp3"))


def test_a_recording_that_waits_and_files_that_are_none_hold_up_no_other(
    world: World, api: FakeAssemblyAI, clock: Eventful
) -> None:
    for number in range(5):
        world.drop(f"{number}.mp3", b"no recording\n" * 500)
    api.script(UPLOAD, [Fault.answer(503, "Busy", Retry_After="3000")])
    names = [f"Talk {number}.mp3" for number in range(5)]
    for name in names:
        world.drop(name)

    world.run(lambda: world.states().count(State.DELIVERED) == 4 and world.states().count(State.FAILED) == 5)
    assert clock.moved < 300

    world.run(lambda: world.files("inbox") == [])
    assert world.files("archive") == names


def test_an_inbox_that_is_gone_holds_up_no_other(world: World, clock: Eventful) -> None:
    world.second_inbox()
    world.lose("inbox")
    world.drop("Talk.mp3", folder="second-inbox")

    world.run(lambda: world.files("second-archive") == ["Talk.mp3"])

    assert clock.moved < 300
    assert [row["lane"] for row in world.published[-1]["blocked"]] == ["inbox:talks"]


# --- E. the ground moves


def test_a_recording_taken_away_after_it_was_paid_for_is_delivered_all_the_same(
    world: World, api: FakeAssemblyAI
) -> None:
    path = world.drop("Talk.mp3")
    world.run(lambda: world.states() == [State.SUBMITTED])
    path.unlink()

    assert world.run() == 0

    assert_delivered_and_paid_once(world, mp3("Talk.mp3"))
    assert world.states() == [State.DELIVERED]
