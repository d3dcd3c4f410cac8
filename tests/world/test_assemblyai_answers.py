"""Whatever the API answers, the client takes what it asked for, or says that it did not get it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assemblyai_calls import CALLS, ID, ONE, SUBMIT, UPLOAD, client_of, name_of, raised, upload
from fake_assemblyai import Fault
from transcribed.assemblyai import Answer, outcome_error
from transcribed.errors import TranscribedError

# --- hostile answers


@pytest.mark.parametrize(
    "url",
    [
        *(None, 7, "", "ftp://x/y", "//x/y", "https://x/\x00", "https://x/a b", "https://x/\n", "https://x/é"),
        "https://x/" + "a" * 2000,
    ],
)
def test_an_upload_url_that_is_no_plain_address_is_not_used(any_server, url):
    any_server.script(UPLOAD, [Fault.answer(200, body=json.dumps({"upload_url": url}).encode())])
    assert name_of(raised(upload, client_of(any_server))) == "Transient"


@pytest.mark.parametrize("bad", [None, 7, "", "../../v2/x", ID + "\n", ID[:-1], ID.replace("-", "/"), "-" * 36])
def test_a_transcript_id_that_is_no_uuid_is_not_used(any_server, bad):
    any_server.script(SUBMIT, [Fault.answer(200, body=json.dumps({"id": bad, "status": "queued"}).encode())])
    error = raised(CALLS[SUBMIT], client_of(any_server))
    assert (name_of(error), error.refused) == ("Transient", False)
    with pytest.raises(ValueError, match="UUID"):
        client_of(any_server).fetch(str(bad))


def test_another_transcript_than_the_one_asked_for_is_not_taken(any_server):
    any_server.script(
        ONE, [Fault.answer(200, body=json.dumps({"id": ID.replace("8", "9"), "status": "queued"}).encode())]
    )
    assert "another transcript" in raised(CALLS[ONE], client_of(any_server)).message


def test_an_unknown_status_and_unknown_fields_are_no_error_and_the_bytes_are_kept(any_server):
    body = b' {"id": "%s", "status": "dreaming", "new": [null], "error": null}\n' % ID.encode()
    any_server.script(ONE, [Fault.answer(200, body=body)])
    answer = client_of(any_server).fetch(ID)
    assert (answer.status, answer.body, answer.error) == ("dreaming", body, None)


def test_a_text_of_the_server_is_shown_on_one_line_without_control_characters(any_server):
    any_server.script(SUBMIT, [Fault.answer(400, "a\nb\x1b[2J\u202e" + "c" * 5000)])
    message = raised(CALLS[SUBMIT], client_of(any_server)).message
    assert message.isprintable()
    assert len(message) < 700


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
ANSWERS = ANYTHING | st.fixed_dictionaries(
    {},
    optional={
        "id": ANYTHING | st.just(ID),
        "status": ANYTHING | st.sampled_from(["completed", "error"]),
        "upload_url": ANYTHING,
        "error": ANYTHING,
        "transcripts": ANYTHING | st.lists(st.fixed_dictionaries({"id": st.just(ID), "status": ANYTHING})),
        "page_details": ANYTHING,
    },
)


@settings(deadline=None, max_examples=150)
@given(
    status=st.sampled_from([200, 200, 200, 201, 302, 400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 503]),
    body=ANSWERS.map(lambda value: json.dumps(value).encode()) | st.binary() | st.just(b"[" * 100_000),
    route=st.sampled_from(list(CALLS)),
)
def test_any_answer_gives_a_value_or_one_of_the_documented_errors(any_server, status, body, route):
    any_server.script(route, [Fault.answer(status, body=body)])
    try:
        value = CALLS[route](client_of(any_server))
        error = outcome_error(value) if isinstance(value, Answer) else None
    except TranscribedError as met:
        error = met
    assert error is None or (name_of(error) and error.message.isprintable())


# --- how transcripts end


def ended(status="error", error=None, **transcript):
    return Answer(ID, status, b"", {"id": ID, "status": status, "error": error, **transcript}, error)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Server error, developers have been alerted", "Lost"),
        ("Download error, unable to download https://x. Please make sure the file exists", "Lost"),
        ("Download error to https://x, 403 Client Error", "Lost"),
        ("File does not appear to contain audio. File type is text/html", "Permanent"),
        ("Transcoding failed. File type application/json", "Permanent"),
        ("Transcoding failed. File type text/plain", "Permanent"),
        ("Transcoding failed", "Permanent"),
        ("Audio duration is too short.", "Permanent"),
        ("language_detection cannot be performed on files with no spoken audio.", "Permanent"),
        (
            "detected language 'xx', confidence 0.6, is below the requested confidence threshold value of '0.8'",
            "Permanent",
        ),
        ("Audio speech threshold 0.94 is below the requested speech threshold value 1.0", "Permanent"),
        ("The recording does not sound like English, and the recogniser's model knows only English.", "Permanent"),
        ("The recogniser's model does not know the language 'de', it knows only English.", "Permanent"),
        ("something never heard of", "Lost"),
        (None, "Lost"),
    ],
)
def test_an_end_in_error_is_permanent_only_where_a_second_try_is_surely_in_vain(text, expected):
    error = outcome_error(ended(error=text))
    assert name_of(error) == expected
    assert (text or "no reason") in error.message
    assert error.hint


@pytest.mark.parametrize("text", ["It does not sound like English", "The model does not know the language 'de'"])
def test_speech_that_the_local_model_does_not_know_is_answered_with_the_way_to_another_model(text):
    hint = outcome_error(ended(error=text)).hint
    assert 'model = "small" in [local]' in hint
    assert "transcribed local-api --model small" in hint


def test_a_request_that_an_engine_refuses_is_not_called_a_damaged_recording():
    refused = outcome_error(
        ended(error="Transcoding failed. The engine at http://x refused: it answered 400, no model")
    )
    assert "[local] model" in refused.hint
    assert "AssemblyAI" not in str(refused)


@pytest.mark.parametrize(
    "deleted",
    [{"audio_url": "http://deleted_by_user"}, {"is_deleted": True}, {"text": "Deleted by user.", "words": None}],
)
def test_a_completed_transcript_that_was_deleted_is_never_delivered(deleted):
    assert name_of(outcome_error(ended("completed", **deleted))) == "Permanent"


@pytest.mark.parametrize(
    "good", [{"text": ""}, {"text": None}, {"text": "Deleted by user.", "words": [{"text": "Deleted"}]}]
)
def test_a_completed_transcript_is_good_even_if_nothing_was_said(good):
    assert outcome_error(ended("completed", **good)) is None


@pytest.mark.parametrize("status", ["queued", "processing", "dreaming\n"])
def test_a_transcript_that_is_not_finished_has_no_good_end_yet(status):
    assert name_of(outcome_error(ended(status))) == "Transient"
