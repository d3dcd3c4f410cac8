"""Answers of the API that are no transcripts, or too much of one: nobody else waits, nothing is paid again or lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from assemblyai_calls import CALLS, ID, LIST, ONE, client_of, name_of, raised
from fake_assemblyai import FakeAssemblyAI, Fault
from jobs import a_job
from transcribed import formats
from transcribed.assemblyai import Unreadable
from transcribed.job import State
from transcribed.journal import Transcripts
from transcribed.worker.steps import api as steps

GOOD = {"id": ID, "status": "completed", "text": "a b"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (json.dumps(GOOD).encode("utf-16"), "not UTF-8"),
        (b'\xff{"id":1}', "not UTF-8"),
        (b'{"id":1,"id":2}', "twice"),
        (b'{"words":[{"start":1,"start":2}]}', "twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":%s}' % (b"9" * 20), "64 bits"),
        (b'{"a":%s1%s}' % (b"[" * 64, b"]" * 64), "nested"),
        (b'{"a":%s' % (b"[" * 100_000), "nested"),
        (b'{"a":"' + b'\\"' * 9, "brackets"),
        (b'[{"id":1}]', "object"),
        (b'{"text":5}', "text is not"),
        (b'{"words":{}}', "words is not"),
        (b'{"utterances":"a"}', "utterances is not"),
        (b"[" + b"[]," * 3_000_000 + b"1]", "parts"),
    ],
)
def test_what_its_readers_could_read_differently_is_no_transcript(body, said):
    with pytest.raises(ValueError, match=said):
        formats.checked(body)


@pytest.mark.parametrize(
    "answer",
    [{**GOOD, "text": None, "words": None}, {**GOOD, "text": "half \ud800 of one"}, {**GOOD, "a": [[[[[[1.5e3]]]]]]}],
)
def test_what_every_reader_reads_alike_is_one_whatever_else_is_in_it(answer):
    assert formats.checked(json.dumps(answer).encode()) == answer


def test_no_cookie_of_an_answer_comes_with_the_next_request(any_server: FakeAssemblyAI):
    client = client_of(any_server)
    any_server.script(LIST, [Fault.answer(500, "oh", Set_Cookie="sid=" + "a" * 4000)])

    raised(CALLS[LIST], client)
    client.check()

    assert "cookie" not in any_server.headers[-1]


def test_a_server_that_asks_for_years_is_asked_again_within_an_hour(any_server: FakeAssemblyAI):
    any_server.script(LIST, [Fault.answer(429, "Too many requests", Retry_After="9" * 400)])

    assert raised(CALLS[LIST], client_of(any_server)).retry_after_seconds == 3600


def test_a_transcript_too_large_to_be_read_is_not_parsed_and_its_bytes_are_kept(
    any_server: FakeAssemblyAI,
):
    body = b'{"a":[%s1]}' % (b"[]," * 3_000_000)
    any_server.script(ONE, [Fault.answer(200, body=body)])

    error = raised(CALLS[ONE], client_of(any_server))

    assert isinstance(error, Unreadable)
    assert "too large" in error.message
    assert error.body == body


def fetched(server: FakeAssemblyAI, body: bytes, directory: Path, attempts: int) -> Any:
    """The event, or the error, of the step that fetches a transcript, answered with `body`."""
    server.script(ONE, [Fault.answer(200, body=body)])
    job = a_job(transcript_id=ID, attempts=attempts, state=State.SUBMITTED)
    kept = Transcripts(str(directory))
    return steps.fetch(job, client_of(server), kept, job, erased=False, was_fetched=False)


def test_an_answer_that_stays_unreadable_ends_in_a_question_and_its_bytes_are_kept(any_server, tmp_path: Path):
    body = b'{"id":NaN}'
    again = raised(fetched, any_server, body, tmp_path, steps.TRIES_AT_UNREADABLE - 1)
    assert name_of(again) == "Transient"
    assert not list(tmp_path.rglob("*.refused"))

    error = raised(fetched, any_server, body, tmp_path, steps.TRIES_AT_UNREADABLE)

    (kept,) = tmp_path.rglob("*.refused")
    assert kept.read_bytes() == body
    assert name_of(error) == "Permanent"
    assert "NaN" in error.message
    assert str(kept) in error.hint
    assert "pays nothing" in error.hint


def test_of_a_thousand_long_warnings_some_are_kept_and_each_is_cut(any_server, tmp_path: Path):
    warnings = [{"message": "w" * 10_000}, {"no": "message"}, 5] * 400

    event = fetched(any_server, json.dumps({**GOOD, "metadata": {"warnings": warnings}}).encode(), tmp_path, 1)

    assert len(event.warnings) == steps.MOST_WARNINGS + 1
    assert max(map(len, event.warnings)) <= 500
    assert event.warnings[-1] == "and 1,180 more"
