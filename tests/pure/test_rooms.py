"""The room for steps, as a table."""

import pytest

from jobs import a_job
from transcribed import config
from transcribed.job import Fingerprint, Step
from transcribed.threads import MOST_THREADS
from transcribed.worker.background import AUDIO_CALLS, CALLS
from transcribed.worker.rooms import (
    FETCHES,
    FOLDER_STEPS,
    HUNG,
    LIGHT_BYTES,
    LONG_BYTES,
    Rooms,
    line_weight,
    stage_of,
)
from transcribed.worker.schedule import Line
from transcribed.worker.steps import naming

SHORT, LONG = a_job(), a_job(fingerprint=Fingerprint(LONG_BYTES + 1, 5))
OTHER = a_job(inbox="calls")
LIGHT, HEAVY = a_job(fingerprint=Fingerprint(LIGHT_BYTES, 5)), a_job(fingerprint=Fingerprint(LIGHT_BYTES + 1, 5))


@pytest.mark.parametrize(
    ("step", "most"),
    [(Step.UPLOAD, 3), (Step.SUBMIT, CALLS), (Step.FETCH, FETCHES), (Step.DELIVER, FOLDER_STEPS)],
)
def test_so_many_of_a_kind_start_and_no_more(step, most):
    rooms = Rooms(uploads=3, at_once=3)
    for _ in range(most):
        assert rooms.has_one(step, SHORT)
        rooms.take(step, SHORT)
    assert not rooms.has_one(step, SHORT)


def test_all_that_may_be_named_before_the_first_of_them_is_delivered_are_rendered_once():
    assert naming.KEPT >= FOLDER_STEPS


def test_steps_in_the_folders_of_one_inbox_take_no_room_from_those_of_another():
    rooms = Rooms(uploads=3, at_once=3)
    for number in range(FOLDER_STEPS):
        rooms.take((Step.DELIVER, Step.RETIRE)[number % 2], SHORT)
    assert not rooms.has_one(Step.NAME, SHORT)
    assert rooms.has_one(Step.NAME, OTHER)


def test_recordings_that_are_hashed_take_no_room_from_deliveries_nor_these_from_them():
    rooms = Rooms(uploads=3, at_once=3)
    for _ in range(FOLDER_STEPS):
        assert rooms.has_one(Step.HASH, LONG)
        rooms.take(Step.HASH, LONG)
    assert not rooms.has_one(Step.HASH, SHORT)
    assert rooms.has_one(Step.HASH, OTHER)
    for _ in range(FOLDER_STEPS):
        assert rooms.has_one(Step.DELIVER, SHORT)
        rooms.take(Step.DELIVER, SHORT)


def test_fetches_take_no_room_from_submits():
    rooms = Rooms(uploads=3, at_once=3)
    for _ in range(FETCHES):
        rooms.take(Step.FETCH, SHORT)
    assert rooms.has_one(Step.SUBMIT, SHORT)
    assert not rooms.has_one(Step.FETCH, SHORT)


def test_transcripts_wait_for_no_redacted_recording_and_few_of_these_are_fetched_at_once():
    rooms, with_audio = Rooms(uploads=3, at_once=3), a_job(parameters='{"redact_pii_audio":true}')
    for _ in range(AUDIO_CALLS):
        assert rooms.has_one(Step.FETCH, with_audio)
        rooms.take(Step.FETCH, with_audio)
    assert not rooms.has_one(Step.FETCH, with_audio)
    assert rooms.has_one(Step.FETCH, SHORT)
    assert line_weight(Step.FETCH, with_audio) != line_weight(Step.FETCH, SHORT)


def test_look_ups_and_submits_share_their_room():
    rooms = Rooms(uploads=3, at_once=3)
    for _ in range(CALLS):
        rooms.take(Step.LOOK_UP, SHORT)
    assert not rooms.has_one(Step.SUBMIT, SHORT)


def test_the_last_room_for_uploads_is_kept_for_a_short_recording():
    rooms = Rooms(uploads=2, at_once=2)
    assert rooms.has_one(Step.UPLOAD, LONG)
    rooms.take(Step.UPLOAD, LONG)
    assert not rooms.has_one(Step.UPLOAD, LONG)
    assert rooms.has_one(Step.UPLOAD, SHORT)


def test_a_long_recording_does_not_wait_for_ever_behind_many_short_ones():
    rooms = Rooms(uploads=2, at_once=2)
    rooms.take(Step.UPLOAD, LIGHT)
    assert rooms.has_one(Step.UPLOAD, LONG), "the others are done soon"


def test_the_only_room_for_uploads_is_for_a_long_recording_too():
    assert Rooms(uploads=1, at_once=1).has_one(Step.UPLOAD, LONG)


def test_an_upload_that_hangs_takes_room_only_from_its_own_inbox():
    rooms = Rooms(uploads=2, at_once=2)
    for _ in range(2):
        rooms.take(Step.UPLOAD, SHORT, hangs=True)
    assert not rooms.has_one(Step.UPLOAD, SHORT)
    assert rooms.has_one(Step.UPLOAD, OTHER)


def test_what_was_begun_in_the_folders_is_ended_before_more_is_begun():
    stages = [stage_of(Line(step, "talks")) for step in (Step.RETIRE, Step.DELIVER, Step.NAME)]
    assert stages == sorted(set(stages))


def test_no_other_step_goes_before_another():
    others = (Step.HASH, Step.UPLOAD, Step.SUBMIT, Step.LOOK_UP, Step.FETCH)
    assert len({stage_of(Line(step, "talks")) for step in others}) == 1


def test_no_more_uploads_fill_the_line_than_it_has_use_for():
    rooms = Rooms(uploads=8, at_once=2)
    for _ in range(2):
        assert rooms.has_one(Step.UPLOAD, HEAVY)
        rooms.take(Step.UPLOAD, HEAVY)
    assert rooms.is_full
    assert not rooms.has_one(Step.UPLOAD, HEAVY)
    assert not rooms.has_one(Step.UPLOAD, LONG)


def test_light_uploads_start_up_to_the_bound_whatever_fills_the_line():
    rooms = Rooms(uploads=8, at_once=2)
    for upload in [HEAVY] * 2 + [LIGHT] * 6:
        assert rooms.has_one(Step.UPLOAD, upload)
        rooms.take(Step.UPLOAD, upload)
    assert not rooms.has_one(Step.UPLOAD, LIGHT)


def test_a_recording_that_is_not_long_waits_for_no_long_one():
    rooms = Rooms(uploads=8, at_once=2)
    for _ in range(2):
        rooms.take(Step.UPLOAD, LONG)
    assert rooms.has_one(Step.UPLOAD, HEAVY)
    rooms.take(Step.UPLOAD, HEAVY)
    assert not rooms.has_one(Step.UPLOAD, HEAVY), "one of them is enough, for they fill the line as well"
    assert rooms.has_one(Step.UPLOAD, LIGHT)


def test_an_upload_that_hangs_does_not_fill_the_line():
    rooms = Rooms(uploads=8, at_once=1)
    rooms.take(Step.UPLOAD, HEAVY, hangs=True)
    assert not rooms.is_full
    assert rooms.has_one(Step.UPLOAD, HEAVY)


def test_uploads_that_hang_everywhere_leave_threads_for_all_else():
    rooms = Rooms(uploads=2, at_once=2)
    for number in range(HUNG * 2):
        assert rooms.has_one(Step.UPLOAD, LIGHT)
        rooms.take(Step.UPLOAD, a_job(inbox=str(number)), hangs=True)
    assert not rooms.has_one(Step.UPLOAD, LIGHT)
    assert HUNG * config.Api.model_fields["uploads"].metadata[1].le < MOST_THREADS


def test_one_upload_more_than_the_line_has_use_for_leaves_it_full():
    rooms = Rooms(uploads=4, at_once=2)
    for job in (LONG, LONG, HEAVY):
        assert rooms.has_one(Step.UPLOAD, job)
        rooms.take(Step.UPLOAD, job)
    assert rooms.is_full
