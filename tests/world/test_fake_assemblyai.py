"""The fake API is what the documents say, and its ledger can be trusted: seen with a client that is not ours."""

import hashlib
import http.client
import json
import re

import pytest

from fake_assemblyai import KEY, FakeAssemblyAI, Fault
from waiting import BOUND_SECONDS


class Held:
    """A clock that stands until it is moved."""

    now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Held()


@pytest.fixture
def server(clock):
    with FakeAssemblyAI(processing_seconds=3, clock=clock) as server:
        yield server


def ask(server, method, path, body=None, key=KEY):
    connection = http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=BOUND_SECONDS)
    try:
        connection.request(method, path, body, {"Authorization": key})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text[:1] == b"{" else text
    finally:
        connection.close()


def upload(server, content=b"audio"):
    return ask(server, "POST", "/v2/upload", content)[1]["upload_url"]


def submit(server, url, **request):
    return ask(server, "POST", "/v2/transcript", json.dumps({"audio_url": url, **request}))[1]


def test_a_recording_is_transcribed_after_its_time_and_paid_once(server, clock):
    url = upload(server)
    made = submit(server, url, speaker_labels=True)
    assert (made["status"], made["audio_url"], made["speaker_labels"]) == ("processing", url, True)
    clock.now += 3
    _, whole = ask(server, "GET", f"/v2/transcript/{made['id']}")
    assert whole["status"] == "completed"
    assert whole["text"] == " ".join(word["text"] for word in whole["words"])
    digest = hashlib.sha256(b"audio").hexdigest()
    assert server.paid() == {digest: 1}
    assert server.uploads[0].sha256 == digest


def test_equal_bytes_get_fresh_upload_urls_but_equal_words(server, clock):
    made = [submit(server, url) for url in {upload(server), upload(server)}]
    clock.now += 3
    texts = [ask(server, "GET", f"/v2/transcript/{one['id']}")[1]["text"] for one in made]
    assert len(texts) == 2
    assert texts[0] == texts[1]


def test_an_unknown_audio_url_is_accepted_and_ends_in_a_free_error(server, clock):
    made = submit(server, "https://example.org/a.mp3")
    clock.now += 3
    _, whole = ask(server, "GET", f"/v2/transcript/{made['id']}")
    assert whole["status"] == "error"
    assert whole["error"].startswith("Download error, unable to download")
    assert not server.paid()


def test_a_scripted_error_is_free_and_counts_for_as_many_submits_as_asked(server, clock):
    server.end_with_error("Server error, developers have been alerted", n=1)
    url = upload(server)
    made = [submit(server, url), submit(server, url)]
    clock.now += 3
    ends = [ask(server, "GET", f"/v2/transcript/{one['id']}")[1]["status"] for one in made]
    assert ends == ["error", "completed"]
    assert sum(server.paid().values()) == 1


def test_the_list_is_newest_first_in_pages_and_its_next_url_is_never_null(server, clock):
    url = upload(server)
    ids = [submit(server, url)["id"] for _ in range(3)]
    _, first = ask(server, "GET", "/v2/transcript?limit=2")
    assert [item["id"] for item in first["transcripts"]] == [ids[2], ids[1]]
    assert first["page_details"]["next_url"] is not None
    _, last = ask(server, "GET", f"/v2/transcript?limit=2&before_id={ids[1]}")
    assert [item["id"] for item in last["transcripts"]] == [ids[0]]
    assert last["page_details"]["prev_url"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}", last["transcripts"][0]["created"])


def test_the_list_lags_by_as_much_as_it_is_told_to(server, clock):
    server.list_lag_seconds = 60
    submit(server, upload(server))
    assert ask(server, "GET", "/v2/transcript")[1]["transcripts"] == []
    clock.now += 60
    assert len(ask(server, "GET", "/v2/transcript")[1]["transcripts"]) == 1


def test_a_deleted_transcript_still_says_completed_and_deleting_twice_is_no_error(server, clock):
    made = submit(server, upload(server))
    clock.now += 3
    for _ in range(2):
        assert ask(server, "DELETE", f"/v2/transcript/{made['id']}")[0] == 200
    _, whole = ask(server, "GET", f"/v2/transcript/{made['id']}")
    assert (whole["status"], whole["text"], whole["words"]) == ("completed", "Deleted by user.", None)


@pytest.mark.parametrize(
    ("request_line", "key", "status", "text"),
    [
        ("GET /v2/transcript", "wrong", 401, "API token"),
        ("GET /v2/transcript/8cd5a1a8-5e0e-4f35-93cf-5a4b0b6d0f2c", KEY, 400, "transcript id not found"),
        ("GET /v2/transcript?limit=201", KEY, 400, "limit"),
        ("POST /v2/transcript", KEY, 400, "audio_url"),
        ("POST /v2/upload", KEY, 422, "Upload failed"),
        ("GET /v3", KEY, 404, "Not found"),
    ],
)
def test_a_bad_request_is_refused_in_the_documented_words(server, request_line, key, status, text):
    method, path = request_line.split()
    got, answer = ask(server, method, path, key=key)
    assert got == status
    assert text in str(answer)
    assert not server.submits


def test_a_fault_that_is_taken_is_paid_and_one_that_is_not_is_not(server):
    url = upload(server)
    server.script("POST /v2/transcript", [Fault.answer(503, "busy"), Fault.lost_answer("close"), None])
    assert ask(server, "POST", "/v2/transcript", json.dumps({"audio_url": url}))[0] == 503
    assert not server.paid()
    with pytest.raises(http.client.RemoteDisconnected):
        submit(server, url)
    assert sum(server.paid().values()) == 1


def test_a_cut_comes_in_the_middle_of_the_body_and_nothing_is_kept(server):
    server.script("POST /v2/upload", [Fault.cut(after_bytes=100_000)])
    with pytest.raises(ConnectionError):
        upload(server, bytes(40_000_000))
    assert "POST /v2/upload read" not in server.passed
    assert not server.uploads


def test_down_refuses_connections_and_up_listens_at_the_same_place(server):
    address = server.base_url
    server.down()
    with pytest.raises(ConnectionRefusedError):
        upload(server)
    server.up()
    assert upload(server)
    assert server.base_url == address


def test_a_held_request_has_its_effect_but_no_answer_until_it_is_released(server):
    url = upload(server)
    server.hold("POST /v2/transcript", when="taken")
    connection = http.client.HTTPConnection(server.base_url.removeprefix("http://"), timeout=BOUND_SECONDS)
    connection.request("POST", "/v2/transcript", json.dumps({"audio_url": url}), {"Authorization": KEY})
    server.wait_for(lambda: "POST /v2/transcript taken" in server.passed)
    assert len(server.submits) == 1
    assert "POST /v2/transcript answered" not in server.passed
    server.release()
    assert connection.getresponse().status == 200
    connection.close()
