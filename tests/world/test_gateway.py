"""A question about a transcript that is paid for: one POST to the gateway, and a checked answer or one clear error."""

import json

import pytest

from assemblyai_calls import client_of, raised, upload
from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.assemblyai.gateway import LARGEST_BYTES, gateway_of

TRANSLATE = {"translation": {"target_languages": ["de"]}}
ROUTE = "POST /v1/understanding"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def server():
    with FakeAssemblyAI() as server:
        yield server


def transcript_of(client):
    return client.submit({"audio_url": upload(client).upload_url})


def test_an_answer_comes_back_as_it_was_sent_and_is_one_row_in_the_ledger(server):
    client = client_of(server)
    transcript_id = transcript_of(client)
    answer = json.loads(client.understand(transcript_id, TRANSLATE))
    assert answer["translated_texts"]["de"].startswith("de: ")
    assert [(each.transcript_id, each.request) for each in server.questions] == [(transcript_id, TRANSLATE)]
    assert server.questions[0].seconds == 64.0


def test_a_question_about_an_unknown_transcript_is_refused_and_costs_nothing(server):
    error = raised(client_of(server).understand, UNKNOWN, TRANSLATE)
    assert type(error).__name__ == "Permanent"
    assert error.refused
    assert server.questions == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"message": "invalid request body", "request_id": "r", "metadata": {"errors": ["a is odd", "b"]}}, "odd; b)"),
        ({"message": "invalid request body", "metadata": {"errors": [7, None]}}, "(400: invalid request body)"),
        ({"message": 7, "error": "no such language", "metadata": []}, "(400: no such language)"),
        ({"error": "no such language", "status": "error"}, "(400: no such language)"),
    ],
)
def test_a_refusal_tells_what_is_wrong_in_either_envelope_of_the_gateway(server, answer, said):
    client = client_of(server)
    transcript_id = transcript_of(client)
    server.script(ROUTE, [Fault.answer(400, body=json.dumps(answer).encode())])
    assert said in raised(client.understand, transcript_id, TRANSLATE).message


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>log in</html>",
        b"[]",
        b"[" * 100_000,
        b'{"speech_understanding": null}',
        b'{"speech_understanding": {"response": "yes"}}',
        b'{"speech_understanding": {"response": {}}, "x": "' + b"x" * LARGEST_BYTES + b'"}',
    ],
    ids=["page", "list", "deep", "null", "text", "large"],
)
def test_an_answer_of_another_shape_may_have_been_paid_and_is_asked_for_only_once(server, answer):
    client = client_of(server)
    transcript_id = transcript_of(client)
    server.script(ROUTE, [Fault.answer(200, body=answer, taken=True)])
    error = raised(client.understand, transcript_id, TRANSLATE)
    assert not error.refused
    assert "cannot be used" in error.message
    assert sum(path == "/v1/understanding" for _, path in server.requests) == 1


def test_each_region_has_its_gateway_and_another_address_is_its_own():
    assert gateway_of("https://api.assemblyai.com") == "https://llm-gateway.assemblyai.com"
    assert gateway_of("https://api.eu.assemblyai.com") == "https://llm-gateway.eu.assemblyai.com"
    assert gateway_of("http://127.0.0.1:8000") == "http://127.0.0.1:8000"
