"""The events that may happen to a job, pair by pair, and the facts that it has afterwards."""

import inspect
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from transcribed.job import (
    ENDED,
    ROUNDS,
    TRANSITIONS,
    UPLOAD_LIFE_SECONDS,
    Fingerprint,
    IllegalEvent,
    Job,
    Rules,
    State,
    Step,
    after,
    bounded,
    canonical,
    events,
    printable,
    resumption,
    shown,
    target,
)

#: A machine that is busy is no failure.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOW = 1_800_000_000.0
ID = "11111111-2222-4333-8444-555555555555"
URL = "https://cdn.assemblyai.com/upload/one"
FINGERPRINT = Fingerprint(1000, 1_700_000_000_000_000_000)
RULES = Rules(patience_seconds=3 * 86400, reconcile_seconds=120, first_delay_seconds=10, longest_delay_seconds=3600)

#: Where each event leads from each state; a dot is a pair that may not happen. Written down, never computed.
TABLE = """
                     received     uploaded     submitted    transcribed  delivered  failed       cancelled
Received             .            .            .            .            .          .            .
Hashed               received     .            .            .            .          .            .
Uploaded             uploaded     .            .            .            .          .            .
Linked               uploaded     .            .            .            .          .            .
Known                transcribed  transcribed  .            .            .          .            .
Submitted            .            submitted    .            .            .          .            .
Unlisted             .            uploaded     .            .            .          .            .
Transcribed          .            .            transcribed  .            .          .            .
Missing              .            .            .            submitted    .          .            .
Named                .            .            .            transcribed  delivered  failed       .
Rendered             .            .            .            transcribed  .            .          .
Delivered            .            .            .            delivered    .          .            .
Skipped              .            .            .            delivered    .          .            .
Retired              .            .            .            .            delivered  failed       .
Returned             .            .            .            .            delivered  failed       .
Altered              .            .            .            .            delivered  failed       .
Touched              received     uploaded     submitted    transcribed  delivered  failed       .
Renamed              received     uploaded     submitted    transcribed  delivered  failed       .
Deferred             received     uploaded     submitted    transcribed  delivered  failed       .
Released             received     uploaded     submitted    transcribed  delivered  failed       .
Lost                 .            received     received     .            .          .            .
Failed               failed       failed       failed       failed       .          .            .
Cancelled            cancelled    cancelled    .            .            .          .            .
Requeued:received    .            .            .            .            .          received     received
Requeued:uploaded    .            .            .            .            .          uploaded     uploaded
Requeued:submitted   .            .            .            .            .          submitted    .
Requeued:transcribed .            .            .            .            .          .            .
Requeued:delivered   .            .            .            .            .          .            .
Requeued:failed      .            .            .            .            .          .            .
Requeued:cancelled   .            .            .            .            .          .            .
"""

EXAMPLES = {
    "Received": events.Received(1000),
    "Hashed": events.Hashed("c0ffee"),
    "Uploaded": events.Uploaded(URL, "c0ffee", "https://api.assemblyai.com", "abc"),
    "Linked": events.Linked("https://example.org/Talk.mp3", "c0ffee", "https://api.assemblyai.com", "abc"),
    "Known": events.Known(ID, 7),
    "Submitted": events.Submitted(ID),
    "Unlisted": events.Unlisted(),
    "Transcribed": events.Transcribed(),
    "Missing": events.Missing(),
    "Named": events.Named(b"/outbox/Talk", 2, ("txt",)),
    "Rendered": events.Rendered((("txt", "ab" * 32), ("srt", "cd" * 32))),
    "Delivered": events.Delivered(),
    "Skipped": events.Skipped(7),
    "Retired": events.Retired(b"/archive/Talk.mp3"),
    "Returned": events.Returned(b"Talk.mp3", 2000, 1000),
    "Altered": events.Altered(Fingerprint(2000, 5), 1000, "It is left as it is."),
    "Touched": events.Touched(Fingerprint(1000, 5)),
    "Renamed": events.Renamed("meetings", "talks"),
    "Deferred": events.Deferred("the line is down"),
    "Released": events.Released("the api is blocked", "api"),
    "Lost": events.Lost("Download error"),
    "Failed": events.Failed("no audio"),
    "Cancelled": events.Cancelled("by order"),
    **{f"Requeued:{state}": events.Requeued(state) for state in State},
}


def pairs():
    head, *rows = TABLE.strip().splitlines()
    for row in rows:
        name, *cells = row.split()
        yield from ((state, name, cell) for state, cell in zip(head.split(), cells, strict=True))


def a_job(state=State.RECEIVED, **facts):
    times = {"received_at": NOW - 100, "changed_at": NOW - 50, "due_at": NOW}
    return Job(id=1, inbox="talks", path=b"Talk.mp3", fingerprint=FINGERPRINT, state=state, **{**times, **facts})


def uploaded(**facts):
    held = {"upload_url": URL, "uploaded_at": NOW - 60, "content_hash": "c0ffee", "parameters": "{}"}
    return a_job(State.UPLOADED, **{**held, **facts})


def then(job, *happened, now=NOW, rules=RULES):
    for event in happened:
        job = after(job, event, now, rules)
    return job


def test_the_table_above_speaks_of_every_state_and_of_every_event():
    of_module = {name for name, value in vars(events).items() if inspect.isclass(value) and value is not events.Event}
    known = {name for name in of_module if issubclass(getattr(events, name), events.Event)}

    assert TABLE.split()[: len(State)] == [str(state) for state in State]
    assert {name.partition(":")[0] for _, name, _ in pairs()} == known
    assert {name for _, name, _ in pairs()} == set(EXAMPLES)


@pytest.mark.parametrize(("state", "name", "leads_to"), list(pairs()))
def test_each_pair_of_state_and_event_leads_where_the_table_says_or_nowhere(state, name, leads_to):
    job = a_job(State(state))
    if leads_to == ".":
        with pytest.raises(IllegalEvent, match=f"cannot happen to a job that is {state}"):
            after(job, EXAMPLES[name], NOW, RULES)
        return

    assert after(job, EXAMPLES[name], NOW, RULES).state == leads_to
    assert target(State(state), EXAMPLES[name]) == leads_to


def test_every_state_but_the_first_is_led_to_and_every_state_can_be_left_but_delivered():
    led_to = {to for row in TRANSITIONS.values() for allowed in row.values() for to in allowed}
    left = {
        state for state, row in TRANSITIONS.items() if any(to != state for allowed in row.values() for to in allowed)
    }

    assert led_to == set(State)
    assert left == set(State) - {State.DELIVERED}


# -- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("job", "step"),
    [
        (a_job(), Step.UPLOAD),
        (uploaded(), Step.SUBMIT),
        (uploaded(submit_sent_at=NOW), Step.LOOK_UP),
        (a_job(State.SUBMITTED), Step.FETCH),
        (a_job(State.TRANSCRIBED), Step.NAME),
        (a_job(State.TRANSCRIBED, number=1), Step.DELIVER),
        (a_job(State.DELIVERED, number=1), Step.RETIRE),
        (a_job(State.DELIVERED, number=1, retired_at=NOW), None),
        (a_job(State.FAILED), Step.NAME),
        (a_job(State.FAILED, number=1), Step.RETIRE),
        (a_job(State.FAILED, number=1, retired_at=NOW), None),
        (a_job(State.CANCELLED), None),
    ],
)
def test_each_state_and_its_facts_allow_exactly_one_step(job, step):
    assert job.step is step
    assert job.unfinished is (step is not None)


def test_the_request_is_the_upload_url_and_the_parameters_that_were_committed():
    job = uploaded(parameters=canonical({"speaker_labels": True, "language_code": "en"}))

    assert job.request() == {"audio_url": URL, "speaker_labels": True, "language_code": "en"}


def test_equal_parameters_are_one_text_whatever_their_order():
    one, other = {"b": {"d": 1, "c": "ü"}, "a": True}, {"a": True, "b": {"c": "ü", "d": 1}}

    assert canonical(one) == canonical(other) == '{"a":true,"b":{"c":"ü","d":1}}'


# -- attempts ---------------------------------------------------------------------------------------------------------


def test_before_a_step_the_job_is_charged_an_attempt_and_waits_as_if_it_had_failed():
    job = a_job(attempts=2).attempted(NOW, RULES)

    assert (job.attempts, job.due_at, job.in_flight) == (3, NOW + 40, Step.UPLOAD)
    assert job.submit_sent_at is None


def test_a_submit_is_in_doubt_from_before_it_is_sent():
    job = uploaded().attempted(NOW, RULES)

    assert job.submit_sent_at == NOW
    assert job.doubtful
    assert job.step is Step.LOOK_UP


def test_a_look_at_the_list_does_not_move_the_time_of_the_submit_that_it_looks_for():
    job = uploaded(submit_sent_at=NOW - 500).attempted(NOW, RULES)

    assert job.submit_sent_at == NOW - 500


def test_waits_double_from_ten_seconds_to_an_hour():
    waits = [RULES.delay_seconds(attempts) for attempts in (0, 1, 2, 3, 9, 10, 10_000)]

    assert waits == [10, 10, 20, 40, 2560, 3600, 3600]


def test_a_death_in_flight_is_counted_and_any_news_of_the_job_ends_the_row():
    read = a_job(state=State.TRANSCRIBED, transcript_id="t")
    job = read.attempted(NOW, RULES).died().attempted(NOW, RULES).died()
    heard = then(job.attempted(NOW, RULES), events.Deferred("no"))

    assert (job.deaths, job.attempts, job.in_flight) == (2, 2, None)
    assert (heard.deaths, heard.in_flight) == (0, None)


@pytest.mark.parametrize("job", [a_job(), uploaded(), uploaded(submit_sent_at=NOW)])
def test_a_death_while_a_recording_is_only_sent_or_asked_about_is_not_counted_against_it(job):
    died = job.attempted(NOW, RULES).died()

    assert (died.deaths, died.attempts, died.in_flight) == (0, 1, None)


def test_a_deferred_step_is_one_attempt_and_says_why_and_when():
    job = then(a_job().attempted(NOW, RULES), events.Deferred("no", "look", waited_seconds=7.0), now=NOW + 5)

    assert (job.attempts, job.reason, job.hint, job.waited_seconds) == (1, "no", "look", 7.0)
    assert job.due_at == NOW + 5 + 10


def test_a_look_that_was_never_saved_is_charged_when_it_turns_out_to_have_failed():
    job = then(a_job(State.SUBMITTED), events.Deferred("no"), events.Deferred("no"))

    assert job.attempts == 2


def test_a_deferred_step_waits_as_long_as_the_server_asks_but_never_longer_than_the_longest_delay():
    assert then(a_job(), events.Deferred("no", retry_after_seconds=90)).due_at == NOW + 90
    assert then(a_job(), events.Deferred("no", retry_after_seconds=1)).due_at == NOW + 10
    assert then(a_job(), events.Deferred("no", retry_after_seconds=1e6)).due_at == NOW + RULES.longest_delay_seconds


def test_a_released_step_costs_no_attempt_and_is_due_at_once():
    job = then(a_job(attempts=4).attempted(NOW, RULES), events.Released("api is blocked", "api"), now=NOW + 3)

    assert (job.attempts, job.due_at, job.in_flight) == (4, NOW + 3, None)


def test_hashing_and_naming_are_no_attempts_at_the_step_that_follows():
    hashed = then(a_job().attempted(NOW, RULES), events.Hashed("c0ffee"))
    named = then(a_job(State.TRANSCRIBED).attempted(NOW, RULES), events.Named(b"/o/T", 1, ("txt",)))

    assert (hashed.attempts, hashed.content_hash, hashed.due_at) == (0, "c0ffee", NOW)
    assert (named.attempts, named.stem, named.number, named.formats) == (0, b"/o/T", 1, ("txt",))


def test_rendering_is_no_attempt_at_delivering_and_leaves_the_hashes_of_its_files():
    hashes = EXAMPLES["Rendered"].data()["renderings"]
    named = then(a_job(State.TRANSCRIBED, attempts=2, number=1).attempted(NOW, RULES), EXAMPLES["Rendered"])

    assert (named.attempts, named.due_at, named.step) == (2, NOW, Step.DELIVER)
    assert dict(named.renderings or ()) == hashes
    assert EXAMPLES["Rendered"].data() == {"renderings": {"txt": "ab" * 32, "srt": "cd" * 32}}
    assert not events.Rendered.noted


def test_the_hashes_of_its_files_are_known_as_long_as_the_names_of_its_files_stay():
    rendered = then(a_job(State.TRANSCRIBED, number=1, transcript_id=ID), EXAMPLES["Rendered"])
    delivered = then(rendered, EXAMPLES["Delivered"], EXAMPLES["Retired"], EXAMPLES["Touched"])
    failed = then(rendered, EXAMPLES["Failed"])

    assert delivered.renderings == failed.renderings == rendered.renderings
    assert then(rendered, events.Missing(), events.Transcribed()).renderings == rendered.renderings
    assert then(rendered, EXAMPLES["Named"]).renderings is None
    assert then(failed, events.Requeued(State.SUBMITTED)).renderings is None


def test_the_model_is_what_the_last_answer_names_and_is_forgotten_with_its_transcript():
    job = then(a_job(State.SUBMITTED, transcript_id=ID), events.Transcribed(model="universal"))

    assert job.model == "universal"
    assert then(job, events.Missing(), events.Transcribed()).model is None
    assert then(job, events.Failed("no"), events.Requeued(State.SUBMITTED)).model == "universal"
    assert then(job, events.Failed("no"), events.Requeued(State.RECEIVED, pay_again=True)).model is None
    assert then(job, events.Failed("no", void=True)).model is None


@pytest.mark.parametrize("state", State)
def test_a_job_is_unpaid_until_its_submit_may_have_been_taken_and_has_ended_where_a_state_says_so(state):
    assert a_job(state).unpaid is (state in (State.RECEIVED, State.UPLOADED))
    assert a_job(state).has_ended is (state in (State.DELIVERED, State.FAILED, State.CANCELLED))
    assert not a_job(state, submit_sent_at=NOW).unpaid


def test_a_new_state_begins_afresh():
    job = a_job(attempts=5, reason="was down", hint="wait", due_at=NOW + 900)
    moved = then(job, EXAMPLES["Uploaded"])

    assert (moved.attempts, moved.reason, moved.hint, moved.changed_at, moved.due_at) == (0, "", "", NOW, NOW)


@UNHURRIED
@given(due_at=st.floats(0, 1e11), now=st.floats(0, 1e11), longest=st.floats(1, 1e6), reconcile=st.floats(0, 1e6))
def test_no_job_waits_longer_than_the_longest_delay_whatever_the_clock_does(due_at, now, longest, reconcile):
    rules = Rules(longest_delay_seconds=longest, reconcile_seconds=reconcile)

    assert a_job(due_at=due_at).is_due(now, rules) or 0 < due_at - now <= max(longest, reconcile) + 1e-3


# -- doubt ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [events.Deferred, events.Released, events.Failed])
def test_only_a_refused_submit_is_in_doubt_no_longer(event):
    sent = uploaded().attempted(NOW, RULES)

    assert not then(sent, event("a definite no", refused=True)).doubtful
    assert then(sent, event("who knows", refused=False)).doubtful


@pytest.mark.parametrize("event", [events.Deferred, events.Released, events.Failed])
def test_a_refused_look_up_says_nothing_of_the_submit_that_it_looked_for(event):
    looking = uploaded(submit_sent_at=NOW - 60).attempted(NOW, RULES)
    job = then(looking, event("the key is refused", refused=True))

    assert job.submit_sent_at == NOW - 60
    assert job.step is not Step.SUBMIT


def test_a_refusal_after_a_death_says_nothing_of_the_submit_that_was_in_flight():
    job = then(uploaded().attempted(NOW, RULES).died(), events.Deferred("no", refused=True))

    assert job.doubtful


def test_a_submit_is_sent_again_only_when_two_looks_reconcile_seconds_apart_did_not_find_it():
    sent = uploaded().attempted(NOW, RULES)
    once = then(sent, events.Unlisted(), now=NOW + 30)
    twice = then(once.attempted(NOW + 150, RULES), events.Unlisted(), now=NOW + 151)

    assert (once.step, once.due_at, once.submit_sent_at) == (Step.LOOK_UP, NOW + 30 + RULES.reconcile_seconds, NOW)
    assert "in doubt" in once.reason
    assert (twice.step, twice.upload_url, twice.lookups, twice.reason) == (Step.SUBMIT, URL, 0, "")


def test_a_recording_touched_while_its_submit_is_in_doubt_is_looked_for_no_sooner():
    once = then(uploaded().attempted(NOW, RULES), events.Unlisted())
    touched = then(once, events.Touched(Fingerprint(1000, 6)), now=NOW + 1)

    assert (touched.due_at, touched.lookups, touched.submit_sent_at) == (once.due_at, 1, NOW)


def test_a_recording_touched_while_a_step_is_on_its_way_leaves_the_step_on_its_way():
    job = replace(a_job().attempted(NOW, RULES), deaths=2)
    touched = then(job, events.Touched(Fingerprint(1000, 6)))

    assert (touched.in_flight, touched.deaths, touched.attempts) == (Step.UPLOAD, 2, 1)


def test_a_recording_that_was_taken_away_and_comes_back_is_to_be_retired_again():
    retired = a_job(State.DELIVERED, number=1, retired_at=NOW - 9)
    touched = then(retired, events.Touched(Fingerprint(1000, 6)))

    assert (touched.step, touched.fingerprint) == (Step.RETIRE, Fingerprint(1000, 6))


@pytest.mark.parametrize("adopted", [False, True])
def test_a_submit_that_is_answered_or_found_is_in_doubt_no_longer(adopted):
    job = then(uploaded().attempted(NOW, RULES), events.Submitted(ID, adopted))

    assert (job.state, job.transcript_id, job.doubtful, job.submit_sent_at) == (State.SUBMITTED, ID, False, NOW)


def test_known_content_gives_the_transcript_and_the_job_that_paid_for_it():
    job = then(a_job(content_hash="c0ffee"), events.Known(ID, 7))

    assert (job.transcript_id, job.reused_from, job.step) == (ID, 7, Step.NAME)


# -- loss and bounds --------------------------------------------------------------------------------------------------


def test_a_lost_upload_leaves_no_handle_and_keeps_what_is_known_of_the_recording():
    held = {"transcript_id": ID, "submit_sent_at": NOW - 60, "lookups": 1, "reused_from": 3}
    job = then(replace(uploaded(**held), state=State.SUBMITTED), events.Lost("Download error", transcript_id=ID))

    assert (job.upload_url, job.uploaded_at, job.submit_sent_at, job.transcript_id) == (None, None, None, None)
    assert (job.lookups, job.reused_from, job.rounds, job.reason) == (0, None, 1, "Download error")
    assert (job.content_hash, job.parameters, job.path) == ("c0ffee", "{}", b"Talk.mp3")
    assert job.due_at == NOW + 10


def test_what_was_lost_stays_in_the_event():
    assert events.Lost("Download error", transcript_id=ID).data()["transcript_id"] == ID


def test_an_upload_given_up_on_purpose_is_no_round_and_needs_no_wait():
    job = then(uploaded(rounds=2), events.Lost("too old", charged=False))

    assert (job.rounds, job.due_at) == (2, NOW)


def test_an_upload_is_lost_three_times_at_most_and_then_a_person_must_look():
    job, lost = uploaded(), events.Lost("Download error", transcript_id=ID)
    for _ in range(ROUNDS):
        assert bounded(job, lost, RULES) is lost
        job = then(job, lost, EXAMPLES["Uploaded"])
    end = bounded(job, lost, RULES)

    assert isinstance(end, events.Failed)
    assert (end.void, end.transcript_id) == (True, ID)
    assert "Download error" in end.reason
    assert bounded(job, events.Lost("too old", charged=False), RULES) == events.Lost("too old", charged=False)


@pytest.mark.parametrize("state", State)
def test_patience_ends_only_what_is_received_or_uploaded(state):
    job = a_job(state, waited_seconds=RULES.patience_seconds)
    end = bounded(job, events.Deferred("down", "mend it", waited_seconds=0.1, refused=True), RULES)

    if state in (State.RECEIVED, State.UPLOADED):
        assert isinstance(end, events.Failed)
        assert (end.reason, end.hint, end.refused) == ("down (tried for 3.0 days)", "mend it", True)
    else:
        assert isinstance(end, events.Deferred)


def test_patience_counts_what_was_waited_and_not_what_the_clock_says():
    job = a_job(received_at=NOW - 400 * 86400, waited_seconds=RULES.patience_seconds - 1)

    assert isinstance(bounded(job, events.Deferred("down", waited_seconds=1.0), RULES), events.Deferred)


def test_running_out_of_patience_leaves_a_doubtful_submit_in_doubt():
    job = uploaded(waited_seconds=RULES.patience_seconds).attempted(NOW, RULES)
    failed = then(job, bounded(job, events.Deferred("timed out", waited_seconds=1), RULES))

    assert (failed.state, failed.doubtful, failed.upload_url) == (State.FAILED, True, URL)


def test_a_transcript_that_ended_in_an_error_is_forgotten_and_a_paid_one_is_not():
    job = replace(uploaded(transcript_id=ID), state=State.SUBMITTED)

    assert then(job, events.Failed("deleted")).transcript_id == ID
    assert then(job, events.Failed("no speech", void=True, transcript_id=ID)).transcript_id is None


def test_retiring_keeps_why_a_job_failed():
    job = then(a_job(), events.Failed("no audio", "look"), EXAMPLES["Named"], EXAMPLES["Retired"])

    assert (job.reason, job.hint, job.place, job.retired_at) == ("no audio", "look", b"/archive/Talk.mp3", NOW)
    assert not job.unfinished


def test_a_withdrawn_recording_is_retired_with_its_job_and_a_cancelled_one_is_not():
    assert then(a_job(), events.Cancelled("gone", withdrawn=True)).withdrawn
    assert not then(a_job(), events.Cancelled("by order")).withdrawn


# -- resumption -------------------------------------------------------------------------------------------------------

FRESH, OLD = NOW - UPLOAD_LIFE_SECONDS + 1, NOW - UPLOAD_LIFE_SECONDS


@pytest.mark.parametrize(
    ("facts", "to"),
    [
        ({}, State.RECEIVED),
        ({"upload_url": URL, "uploaded_at": FRESH}, State.UPLOADED),
        ({"upload_url": URL, "uploaded_at": OLD}, State.RECEIVED),
        ({"upload_url": URL, "uploaded_at": OLD, "submit_sent_at": OLD}, State.UPLOADED),
        ({"upload_url": URL, "uploaded_at": FRESH, "submit_sent_at": FRESH}, State.UPLOADED),
        ({"upload_url": URL, "uploaded_at": OLD, "submit_sent_at": OLD, "transcript_id": ID}, State.SUBMITTED),
        ({"transcript_id": ID, "reused_from": 7}, State.SUBMITTED),
    ],
)
def test_a_failed_job_goes_on_from_the_furthest_state_that_its_facts_allow(facts, to):
    failed = a_job(
        State.FAILED,
        waited_seconds=9e9,
        rounds=3,
        lookups=1,
        retired_at=NOW,
        number=2,
        stem=b"/o/T",
        tail=b".x",
        **facts,
    )
    job = then(failed, resumption(failed, NOW))

    assert job.state is to
    assert (job.waited_seconds, job.rounds, job.lookups, job.number, job.stem, job.retired_at) == (
        0,
        0,
        0,
        None,
        None,
        None,
    )
    assert job.tail == b""
    assert job.transcript_id == facts.get("transcript_id")
    assert job.submit_sent_at == (facts.get("submit_sent_at") if to is not State.RECEIVED else None)
    assert job.pay_again is False


def test_only_pay_again_gives_up_what_was_paid():
    failed = a_job(
        State.FAILED, upload_url=URL, uploaded_at=FRESH, submit_sent_at=FRESH, transcript_id=ID, reused_from=7
    )
    job = then(failed, resumption(failed, NOW, pay_again=True))

    assert (job.state, job.pay_again, job.transcript_id, job.upload_url, job.submit_sent_at, job.reused_from) == (
        State.RECEIVED,
        True,
        None,
        None,
        None,
        None,
    )


def test_a_recording_dragged_back_is_looked_for_where_it_lies_now():
    failed = a_job(State.FAILED, place=b"/failed/Talk.mp3", retired_at=NOW)
    moved = replace(resumption(failed, NOW), path=b"again/Talk.mp3", fingerprint=Fingerprint(1000, 9))

    assert then(failed, resumption(failed, NOW)).place == b"/failed/Talk.mp3"
    assert then(failed, moved).path == b"again/Talk.mp3"
    assert then(failed, moved).fingerprint == Fingerprint(1000, 9)
    assert then(failed, moved).place is None


# -- whatever happens -------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(["", "why", "what to do"])
IDS = st.sampled_from([ID, ID.replace("1", "9")])
FINGERPRINTS = st.builds(Fingerprint, st.integers(0, 9), st.integers(0, 9))
SECONDS = st.floats(0, 1e5)
HAPPENINGS = {
    events.Hashed: st.builds(events.Hashed, st.just("c0ffee")),
    events.Uploaded: st.just(EXAMPLES["Uploaded"]),
    events.Linked: st.just(EXAMPLES["Linked"]),
    events.Known: st.builds(events.Known, IDS, st.integers(2, 9)),
    events.Submitted: st.builds(events.Submitted, IDS, st.booleans()),
    events.Unlisted: st.just(events.Unlisted()),
    events.Transcribed: st.builds(events.Transcribed, model=st.none() | st.just("universal")),
    events.Missing: st.just(events.Missing()),
    events.Named: st.builds(events.Named, st.just(b"/o/T"), st.integers(1, 3), st.just(("txt",))),
    events.Rendered: st.just(EXAMPLES["Rendered"]),
    events.Delivered: st.just(events.Delivered()),
    events.Skipped: st.just(EXAMPLES["Skipped"]),
    events.Retired: st.builds(events.Retired, st.sampled_from([None, b"/archive/Talk.mp3"])),
    events.Returned: st.just(EXAMPLES["Returned"]),
    events.Altered: st.just(EXAMPLES["Altered"]),
    events.Touched: st.builds(events.Touched, FINGERPRINTS),
    events.Renamed: st.just(EXAMPLES["Renamed"]),
    events.Deferred: st.builds(
        events.Deferred, TEXTS, TEXTS, st.none() | SECONDS, st.booleans(), st.sampled_from([0.0, 60.0, 1e5])
    ),
    events.Released: st.builds(events.Released, TEXTS, TEXTS, st.booleans()),
    events.Lost: st.builds(events.Lost, TEXTS, st.booleans(), st.none() | IDS),
    events.Failed: st.builds(events.Failed, TEXTS, TEXTS, st.booleans(), st.booleans()),
    events.Cancelled: st.builds(events.Cancelled, TEXTS, st.booleans()),
}


def attempted_or_dead(data, job, now):
    """The changes of a job without an event: a step begins, or the process ends within one."""
    if job.in_flight and data.draw(st.booleans(), label="dies"):
        return job.died()
    return job.attempted(now, RULES) if job.unfinished and job.in_flight is None else job


def an_event(data, job, now):
    """Something that may happen to this job now, as the worker would tell it."""
    kind = data.draw(st.sampled_from(list(TRANSITIONS[job.state])), label="event")
    if kind is events.Requeued:
        return resumption(job, now, pay_again=data.draw(st.booleans(), label="pay again"))
    return bounded(job, data.draw(HAPPENINGS[kind]), RULES)


def assert_nothing_paid_is_forgotten(before, event, job):
    gives_up = isinstance(event, events.Lost) or getattr(event, "void", False) or getattr(event, "pay_again", False)
    if before.transcript_id is not None and not gives_up:
        assert job.transcript_id == before.transcript_id
    if before.doubtful and not job.doubtful and not gives_up:
        answered = isinstance(event, events.Submitted | events.Known)
        refused = getattr(event, "refused", False) and before.in_flight is Step.SUBMIT
        not_there = isinstance(event, events.Unlisted) and before.lookups == 1
        assert answered or refused or not_there


def assert_consistent(job, now):
    assert not (job.doubtful and job.step is Step.SUBMIT)
    assert (job.step is None) <= (job.state in ENDED)
    if job.state is State.RECEIVED:
        assert job.upload_url is job.transcript_id is job.submit_sent_at is None
    if job.state is State.UPLOADED:
        assert job.upload_url is not None
        assert job.uploaded_at is not None
        assert job.transcript_id is None
    if job.state in (State.SUBMITTED, State.TRANSCRIBED, State.DELIVERED):
        assert job.transcript_id is not None
    assert job.attempts >= 0
    assert job.due_at <= now + max(RULES.longest_delay_seconds, RULES.reconcile_seconds)


@UNHURRIED
@given(data=st.data())
def test_whatever_happens_nothing_paid_is_forgotten_and_the_job_knows_what_its_next_step_needs(data):
    job, now = a_job(), NOW
    for _ in range(data.draw(st.integers(1, 25), label="events")):
        now += data.draw(st.sampled_from([0.0, 5.0, 200.0, UPLOAD_LIFE_SECONDS]), label="passes")
        job = attempted_or_dead(data, job, now)
        event = an_event(data, job, now)
        before, job = job, after(job, event, now, RULES)

        assert_nothing_paid_is_forgotten(before, event, job)
        assert_consistent(job, now)


# -- names ------------------------------------------------------------------------------------------------------------


@UNHURRIED
@given(st.binary())
@example(b"\x1b[31mred\x1b[0m\r\nforged.mp3")
@example("\u202eright to left\u2028\x85\x9b2J\u200b.mp3".encode())
def test_a_shown_name_is_one_printable_line_whatever_its_bytes(name):
    text = shown(name)

    assert text.isprintable()
    assert text.splitlines() in ([], [text])
    assert text.encode().decode() == text


@UNHURRIED
@given(st.binary(max_size=12), st.binary(max_size=12))
@example(b"\x80", b"\xc2\x80")  # a byte that is no UTF-8, and a control character of the same number
@example(b"\xa0.mp3", "\u00a0.mp3".encode())
@example(b"\xfe", b"\xff")
def test_two_names_are_never_shown_alike(one, other):
    assume(one != other)
    assume(b"\\" not in one + other)  # a name may spell out what another is shown as

    assert shown(one) != shown(other)


def test_a_common_name_is_shown_as_it_is():
    assert shown("Übung 3, Gespräch (2).mp3".encode()) == "Übung 3, Gespräch (2).mp3"


@UNHURRIED
@given(st.text(st.characters()))
@example("cut in half \ud83d")
def test_any_text_at_all_can_be_made_printable(text):
    assert printable(text).isprintable()
    assert printable(text).encode().decode() == printable(text)
