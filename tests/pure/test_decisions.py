"""What becomes of a job next, as a table: the job, the facts, and the decision."""

from dataclasses import replace
from typing import Any

import pytest

from transcribed.job import UPLOAD_LIFE_SECONDS, Account, Fingerprint, Job, State, Step
from transcribed.job.events import Cancelled, Deferred, Failed, Known, Lost, Renamed
from transcribed.worker.decisions import (
    ACCOUNT_CHANGED,
    ADDRESS_CHANGED,
    LATE,
    LATE_HINT,
    TOO_OLD,
    TRIES_AT_RETIRING,
    Facts,
    Happened,
    InboxFacts,
    Start,
    Touched,
    Wait,
    asks_for_size,
    asks_for_twins,
    decide,
    next_step,
)
from transcribed.worker.schedule import CONFIGURATION, change_of, end_of_transcript, look_at

NOW = 1_800_000_000.0
ACCOUNT = Account("https://api.example", "0123456789ab")
URL = "https://cdn.example/upload/1"

RECEIVED = Job(
    id=7,
    inbox="talks",
    path=b"Talk.mp3",
    fingerprint=Fingerprint(size=9, mtime_ns=1),
    state=State.RECEIVED,
    received_at=NOW,
    changed_at=NOW,
    due_at=NOW,
)
HASHED = replace(RECEIVED, content_hash="f00d")
SENT: dict[str, Any] = {
    "upload_url": URL,
    "uploaded_at": NOW,
    "base_url": ACCOUNT.base_url,
    "key_fingerprint": ACCOUNT.key_fingerprint,
}
UPLOADED = replace(HASHED, state=State.UPLOADED, **SENT)
IN_DOUBT = replace(UPLOADED, submit_sent_at=NOW)
SUBMITTED = replace(IN_DOUBT, state=State.SUBMITTED, transcript_id="t-7")
DELIVERED = replace(SUBMITTED, state=State.DELIVERED, stem=b"/out/Talk", number=1)
LINK = replace(UPLOADED, path=b"Talk.url")

INBOX = InboxFacts(True, has_lost=False, duplicates="reuse", parameters="{}", of_outbox=frozenset({"talks"}))
FACTS = Facts(
    now=NOW,
    is_due=True,
    account=ACCOUNT,
    inbox=INBOX,
    step=Step.UPLOAD,
    twins=(),
    transcript_ended=False,
    put_off="",
)


def other(job=SUBMITTED, **changes):
    """A job of the same content and request, of another file."""
    return replace(job, **{"id": 3, "path": b"Other.mp3", "parameters": "{}", **changes})


PAID = other(state=State.DELIVERED, transcript_id="t-3", retired_at=NOW, place=b"/archive/Other.mp3")
BEING_DELIVERED: dict[str, Any] = {"state": State.TRANSCRIBED, "retired_at": None, "place": None}
SKIPPING = replace(INBOX, duplicates="skip")
KNOWN = Happened(Known("t-3", 3))
LOST_ANSWER = other(state=State.FAILED, transcript_id=None, hint="look for it")
SAME_FILE = {"path": RECEIVED.path}
TAKEN_AWAY = Happened(Cancelled("the recording was taken out of the inbox, or written over", withdrawn=True))

TABLE = [
    # the ordinary way
    ("a recording is uploaded", RECEIVED, {}, Start(Step.UPLOAD)),
    ("an upload is submitted", UPLOADED, {"step": Step.SUBMIT}, Start(Step.SUBMIT)),
    ("a lost answer is looked for", IN_DOUBT, {"step": Step.LOOK_UP}, Start(Step.LOOK_UP)),
    ("an ended transcript is fetched", SUBMITTED, {"step": Step.FETCH, "transcript_ended": True}, Start(Step.FETCH)),
    ("a delivered recording is put away", DELIVERED, {"step": Step.RETIRE}, Start(Step.RETIRE)),
    # waits
    ("no inbox", RECEIVED, {"inbox": None}, Wait("its inbox talks is not in the configuration", CONFIGURATION)),
    (
        "an inbox of another name now",
        SUBMITTED,
        {"inbox": None, "step": Step.FETCH, "transcript_ended": True, "renamed_to": "meetings"},
        Happened(Renamed("meetings", "talks")),
    ),
    (
        "a transcript of days",
        replace(SUBMITTED, changed_at=NOW - 86401),
        {"step": Step.FETCH},
        Happened(Deferred(LATE, LATE_HINT)),
    ),
    (
        "a transcript of days that was told of",
        replace(SUBMITTED, changed_at=NOW - 86401, reason=LATE),
        {"step": Step.FETCH},
        Wait("", end_of_transcript("t-7")),
    ),
    ("no inbox for a look", SUBMITTED, {"inbox": None, "step": Step.FETCH}, Wait("", end_of_transcript("t-7"))),
    (
        "no inbox for a fetch",
        SUBMITTED,
        {"inbox": None, "step": Step.FETCH, "transcript_ended": True},
        Start(Step.FETCH),
    ),
    ("no inbox for a lost answer", IN_DOUBT, {"inbox": None, "step": Step.LOOK_UP}, Start(Step.LOOK_UP)),
    ("not due", RECEIVED, {"is_due": False}, Wait()),
    ("a transcript that has not ended", SUBMITTED, {"step": Step.FETCH}, Wait("", end_of_transcript("t-7"))),
    (
        "a transcript of another region",
        replace(SUBMITTED, base_url="https://eu.example"),
        {"step": Step.FETCH},
        Wait("it was submitted to https://eu.example, and api.base_url is another now", end_of_transcript("t-7")),
    ),
    (
        "a recording that was tried to put away",
        replace(DELIVERED, attempts=TRIES_AT_RETIRING),
        {"step": Step.RETIRE, "is_due": False, "put_off": "permission is denied"},
        Wait("permission is denied"),
    ),
    (
        "a recording that was tried to put away a few times only",
        replace(DELIVERED, attempts=TRIES_AT_RETIRING - 1),
        {"step": Step.RETIRE, "is_due": False, "put_off": "permission is denied"},
        Wait(),
    ),
    # taken away
    ("taken away", RECEIVED, {"inbox": replace(INBOX, has_lost=True)}, TAKEN_AWAY),
    ("taken away after its upload", UPLOADED, {"inbox": replace(INBOX, has_lost=True)}, TAKEN_AWAY),
    ("taken away, though not due", RECEIVED, {"inbox": replace(INBOX, has_lost=True), "is_due": False}, TAKEN_AWAY),
    (
        "taken away with a submit in doubt: it may be paid",
        IN_DOUBT,
        {"inbox": replace(INBOX, has_lost=True), "step": Step.LOOK_UP},
        Start(Step.LOOK_UP),
    ),
    (
        "nothing is submitted before a first look",
        UPLOADED,
        {"inbox": replace(INBOX, looked_at=False), "step": Step.SUBMIT},
        Wait("its inbox has not been looked into yet", look_at("talks")),
    ),
    (
        "a retried recording lies in failed, and no look is needed",
        replace(RECEIVED, place=b"/failed/Talk.mp3"),
        {"inbox": replace(INBOX, looked_at=False, has_lost=True)},
        Start(Step.UPLOAD),
    ),
    (
        "taken away, with content that is known: there is nothing to deliver",
        HASHED,
        {"inbox": replace(INBOX, has_lost=True), "twins": (PAID,)},
        TAKEN_AWAY,
    ),
    # known content
    ("paid content is reused", HASHED, {"twins": (PAID,)}, Happened(Known("t-3", 3))),
    (
        "reused content names the job that paid",
        HASHED,
        {"twins": (replace(PAID, reused_from=2),)},
        Happened(Known("t-3", 2)),
    ),
    (
        "a twin on its way is waited for",
        HASHED,
        {"twins": (other(),)},
        Wait("job 3 has the same content and is being transcribed", change_of(3)),
    ),
    (
        "a twin with a submit in doubt is waited for",
        HASHED,
        {"twins": (other(IN_DOUBT),)},
        Wait("job 3 has the same content and is being transcribed", change_of(3)),
    ),
    ("what is at hand comes before what is coming", HASHED, {"twins": (other(), PAID)}, Happened(Known("t-3", 3))),
    (
        "a twin of which nobody knows whether it was paid",
        HASHED,
        {"twins": (LOST_ANSWER,)},
        Happened(Failed("the same recording is job 3, of which nobody knows whether it was paid", "look for it")),
    ),
    ("a twin that was not sent", HASHED, {"twins": (other(UPLOADED),)}, Start(Step.UPLOAD)),
    ("another request", HASHED, {"twins": (replace(PAID, parameters='{"language_code":"de"}'),)}, Start(Step.UPLOAD)),
    ("a person pays again", replace(HASHED, pay_again=True), {"twins": (PAID,)}, Start(Step.UPLOAD)),
    (
        "an inbox that always pays",
        HASHED,
        {"twins": (PAID,), "inbox": replace(INBOX, duplicates="transcribe")},
        Start(Step.UPLOAD),
    ),
    (
        "a twin that is being delivered is waited for where nothing is delivered twice",
        HASHED,
        {"twins": (replace(PAID, **BEING_DELIVERED),), "inbox": SKIPPING},
        Wait("job 3 has the same content and is being delivered", change_of(3)),
    ),
    (
        "one that is being delivered to people of another inbox is not",
        HASHED,
        {"twins": (replace(PAID, **BEING_DELIVERED, inbox="elsewhere"),), "inbox": SKIPPING},
        Happened(Known("t-3", 3)),
    ),
    (
        "nor one where each is delivered",
        HASHED,
        {"twins": (replace(PAID, **BEING_DELIVERED),)},
        Happened(Known("t-3", 3)),
    ),
    ("what was delivered is known, and its files are looked for", HASHED, {"twins": (PAID,), "inbox": SKIPPING}, KNOWN),
    # the same file
    (
        "a file of the same audio with other tags at the place of an earlier one is another recording",
        replace(HASHED, audio_hash="a0d10"),
        {"twins": (other(DELIVERED, retired_at=NOW, content_hash="beef", audio_hash="a0d10", **SAME_FILE),)},
        Happened(Known("t-7", 3)),
    ),
    (
        "the file of a job at work, touched",
        HASHED,
        {"twins": (other(**SAME_FILE),)},
        Touched(other(**SAME_FILE)),
    ),
    (
        "the file of a job that is being put away",
        HASHED,
        {"twins": (other(DELIVERED, **SAME_FILE),)},
        Wait("job 3, whose file this was or is, is just being put away", change_of(3)),
    ),
    (
        "the file of a delivered job that stays in the inbox, touched",
        HASHED,
        {"twins": (other(DELIVERED, retired_at=NOW, **SAME_FILE),)},
        Touched(other(DELIVERED, retired_at=NOW, **SAME_FILE)),
    ),
    (
        "a file like that of a job that was moved",
        HASHED,
        {"twins": (replace(PAID, **SAME_FILE),)},
        Happened(Known("t-3", 3)),
    ),
    (
        "a later job of the same file is no earlier one",
        HASHED,
        {"twins": (other(UPLOADED, id=9, **SAME_FILE),)},
        Start(Step.UPLOAD),
    ),
    # uploads that are of no more use
    (
        "an upload that is too old",
        replace(UPLOADED, uploaded_at=NOW - UPLOAD_LIFE_SECONDS - 1),
        {"step": Step.SUBMIT},
        Happened(Lost(TOO_OLD, charged=False)),
    ),
    (
        "an upload that is just young enough",
        replace(UPLOADED, uploaded_at=NOW - UPLOAD_LIFE_SECONDS),
        {"step": Step.SUBMIT},
        Start(Step.SUBMIT),
    ),
    (
        "an upload of another region",
        replace(UPLOADED, base_url="https://eu.example"),
        {"step": Step.SUBMIT},
        Happened(Lost(ADDRESS_CHANGED, charged=False)),
    ),
    (
        "an upload with another key",
        replace(UPLOADED, key_fingerprint="ba9876543210"),
        {"step": Step.SUBMIT},
        Start(Step.SUBMIT),
    ),
    (
        "a link that was read for another key",
        replace(LINK, key_fingerprint="ba9876543210"),
        {"step": Step.SUBMIT},
        Happened(Lost(ACCOUNT_CHANGED, charged=False)),
    ),
    ("a link does not grow old", replace(LINK, uploaded_at=0.0), {"step": Step.SUBMIT}, Start(Step.SUBMIT)),
    (
        "an upload is no address that others have: its own list entry is told from all",
        UPLOADED,
        {"step": Step.SUBMIT, "twins": (other(IN_DOUBT, parameters="[]"),)},
        Start(Step.SUBMIT),
    ),
    (
        "a link whose address is in doubt elsewhere",
        replace(LINK, parameters="{}"),
        {"step": Step.SUBMIT, "twins": (other(IN_DOUBT, path=b"Other.url", parameters="[]"),)},
        Wait("job 3 has the same address, and its submit is not answered yet", change_of(3)),
    ),
]


@pytest.mark.parametrize(("job", "facts", "decision"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_next_thing_for_a_job_is_as_the_table_says(job, facts, decision):
    step = {} if "step" in facts else {"step": job.step}

    assert decide(job, replace(FACTS, **step, **facts)) == decision


@pytest.mark.parametrize(
    ("job", "step"),
    [
        (RECEIVED, Step.HASH),
        (HASHED, Step.UPLOAD),
        (replace(RECEIVED, path=b"Talk.url"), Step.UPLOAD),
        (UPLOADED, Step.SUBMIT),
    ],
)
def test_only_a_recording_of_a_known_size_whose_content_is_not_known_is_hashed_first(job, step):
    assert next_step(job, has_another_of_size=True) is step
    assert next_step(job, has_another_of_size=False) is job.step


def test_the_journal_is_asked_only_where_the_decision_depends_on_it():
    due = {"is_due": True}

    assert [asks_for_size(job) for job in (RECEIVED, HASHED, UPLOADED, SUBMITTED)] == [True, False, False, False]
    assert [asks_for_twins(job, **due) for job in (RECEIVED, HASHED, UPLOADED, IN_DOUBT)] == [False, True, True, False]
    assert not asks_for_twins(HASHED, is_due=False)
