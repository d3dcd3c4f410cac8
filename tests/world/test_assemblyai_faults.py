"""The class of each refusal of the API and each fault of the network, and whether it was a definite no."""

import gzip
import io
import socket
import sys
import time

import pytest

from assemblyai_calls import CALLS, LIST, ONE, SUBMIT, UPLOAD, client_of, name_of, raised, upload
from fake_assemblyai import STORAGE, FakeAssemblyAI, Fault

# --- refusals


REFUSALS = [
    (SUBMIT, 400, "speech_models must be a non-empty list", "Permanent"),
    (SUBMIT, 400, None, "Transient"),
    (SUBMIT, 400, "Your current account balance is negative. Please top up to continue.", "Blocked(submit)"),
    (UPLOAD, 400, "Your current account balance is negative. Please top up to continue.", "Blocked(submit)"),
    (UPLOAD, 400, "odd", "Transient"),
    (SUBMIT, 402, None, "Blocked(submit)"),
    (ONE, 400, "Transcript lookup error, transcript id not found", "Blocked(api)"),
    (ONE, 404, "Not found", "Blocked(api)"),
    ("DELETE /v2/transcript/{id}", 400, "Transcript lookup error, transcript id not found", "Blocked(api)"),
    (LIST, 400, "'after_id' must be a newer transcript than 'before_id'", "Transient"),
    *[(route, 401, "Authentication error, API token missing/invalid", "Blocked(api)") for route in CALLS],
    (SUBMIT, 403, "Cannot access uploaded file", "Lost"),
    (SUBMIT, 403, "Rate limit exceeded", "Blocked(api)"),
    (LIST, 403, "Forbidden", "Blocked(api)"),
    (UPLOAD, 404, "Not found", "Blocked(api)"),
    (UPLOAD, 413, None, "Permanent"),
    (UPLOAD, 422, None, "Transient"),
    (SUBMIT, 422, "unsupported", "Permanent"),
    *[(route, 429, "Too many requests", "Blocked(api)") for route in CALLS],
    (SUBMIT, 451, None, "Blocked(api)"),
]


@pytest.mark.parametrize(("route", "status", "text", "expected"), REFUSALS)
def test_a_definite_no_is_refused_and_has_its_class_and_its_text(any_server, route, status, text, expected):
    body = b"<html>plainly no JSON</html>" if text is None else None
    any_server.script(route, [Fault.answer(status, text, body=body)])
    error = raised(CALLS[route], client_of(any_server))
    assert (name_of(error), error.refused) == (expected, True)
    assert (text or "plainly no JSON") in error.message
    assert error.hint or name_of(error) in {"Transient", "Lost"}


@pytest.mark.parametrize("route", CALLS)
@pytest.mark.parametrize(
    ("status", "expected"),
    [*[(status, "Transient") for status in (408, 500, 502, 503, 504)], (301, "Blocked(api)"), (307, "Blocked(api)")],
)
def test_a_failure_or_a_redirect_is_no_definite_no(any_server, route, status, expected):
    any_server.script(route, [Fault.answer(status, "oh", Location="https://example.org/")])
    error = raised(CALLS[route], client_of(any_server))
    assert (name_of(error), error.refused) == (expected, False)


def test_a_redirect_is_not_followed_nor_is_its_address_looked_at(api):
    with FakeAssemblyAI() as other:
        api.script("*", [Fault.redirect(other.base_url + "/v2/transcript")] * 2)
        assert name_of(raised(CALLS[SUBMIT], client_of(api))) == "Blocked(api)"
        assert name_of(raised(CALLS[LIST], client_of(api))) == "Blocked(api)"
        assert not other.requests
    api.script(LIST, [Fault.redirect("http://[no address")])
    assert name_of(raised(CALLS[LIST], client_of(api))) == "Blocked(api)"


# --- faults of the network


LOST = [Fault.lost_answer("reset"), Fault.lost_answer("close"), Fault.lost_answer("silence"), Fault.half_json()]
LOST += [Fault.half_headers(), Fault.html(taken=True), Fault.huge(), Fault.drip(0.05), Fault.drip(0.05, headers=True)]


def unknown(fault: Fault) -> tuple[str, bool]:
    """The class of an error after which nobody knows what was taken: a web page comes to all, and blocks."""
    return "Blocked(api)" if fault.kind == "answer" else "Transient", False


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.kind)
def test_a_submit_whose_answer_is_lost_may_have_been_taken_and_is_sent_once(api, fault):
    sent = upload(client_of(api))
    api.script(SUBMIT, [fault])
    client = client_of(api, read_seconds=0.3, deadline_seconds=0.6, tries=3)
    error = raised(client.submit, {"audio_url": sent.upload_url})
    assert (name_of(error), error.refused) == unknown(fault)
    assert api.requests.count(("POST", "/v2/transcript")) == 1
    assert api.paid() == {sent.content_hash: 1}


@pytest.mark.parametrize("fault", [Fault.cut(after_bytes=300_000), *LOST], ids=lambda fault: fault.kind)
def test_an_upload_whose_answer_is_lost_is_no_refusal(api, fault):
    api.script(UPLOAD, [fault])
    error = raised(upload, client_of(api, read_seconds=0.3, deadline_seconds=0.6))
    assert (name_of(error), error.refused) == unknown(fault)


def test_the_deadline_ends_a_drip_that_no_read_time_out_would(api):
    api.script(LIST, [Fault.drip(0.02), Fault.drip(0.02, headers=True)])
    client = client_of(api, read_seconds=30, deadline_seconds=0.3)
    for _ in range(2):
        assert "was not complete within 0.3 s" in raised(client.check).message
    client.check()


def download(client, api):
    """The redacted audio, as far as it was written; the storage is the server itself."""
    file = io.BytesIO()
    client.download(f"{api.base_url}{STORAGE}?Signature=a-secret", file)
    return file.getvalue()


def test_the_deadline_ends_a_download_whose_headers_drip(api):
    api.script(f"GET {STORAGE}", [Fault.drip(0.02, headers=True)])
    client = client_of(api, read_seconds=30, deadline_seconds=0.3)
    began = time.monotonic()
    error = raised(download, client, api)
    assert time.monotonic() - began < 5
    assert name_of(error) == "Transient"
    assert "Signature" not in f"{error} {error.hint}"


def test_the_deadline_ends_a_download_whose_framing_drips(api):
    """The size of a chunk is a line that may have no end, and no byte of the body comes meanwhile."""
    api.script(f"GET {STORAGE}", [Fault.drip_framing(0.02)])
    client = client_of(api, read_seconds=30, deadline_seconds=0.3)
    began = time.monotonic()
    assert name_of(raised(download, client, api)) == "Transient"
    assert time.monotonic() - began < 5


def test_a_download_may_take_longer_than_the_deadline_while_bytes_come(api):
    api.redacted_audio = bytes(range(40))
    api.script(f"GET {STORAGE}", [Fault.drip(0.02)])
    client = client_of(api, read_seconds=0.5, deadline_seconds=0.5)
    began = time.monotonic()
    assert download(client, api) == api.redacted_audio
    assert time.monotonic() - began > 0.6


def test_a_download_that_ends_at_its_deadline_is_not_taken_for_whole(api):
    """Without a Content-Length the end of the connection is the end of the body, and so would be our hanging up."""
    api.script(f"GET {STORAGE}", [Fault.endless(b"ID3 half")])
    client = client_of(api, read_seconds=30, deadline_seconds=0.3)
    assert name_of(raised(download, client, api)) == "Transient"


FLOODS = [Fault.huge(), Fault.answer(200, body=gzip.compress(bytes(70_000_000), 1), Content_Encoding="gzip")]


@pytest.mark.parametrize("fault", FLOODS, ids=["long", "packed"])
def test_an_answer_is_read_no_further_than_its_largest_size(api, fault):
    api.script(LIST, [fault])
    assert "answer is larger than" in raised(client_of(api).check).message


def test_an_outage_is_blocked_and_nothing_was_sent(api):
    api.down()
    for call in CALLS.values():
        error = raised(call, client_of(api))
        assert (name_of(error), error.refused) == ("Blocked(api)", True)


def test_a_server_without_tls_is_blocked_and_nothing_was_sent(api):
    error = raised(CALLS[SUBMIT], client_of(api.base_url.replace("http:", "https:")))
    assert (name_of(error), error.refused) == ("Blocked(api)", True)
    assert "no secure connection" in error.message
    assert not api.requests


def test_a_ca_bundle_that_is_not_there_is_blocked(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    error = raised(CALLS[SUBMIT], client_of("https://127.0.0.1:1"))
    assert (name_of(error), error.refused) == ("Blocked(api)", True)
    assert "certificates of REQUESTS_CA_BUNDLE cannot be read: /nowhere/ca.pem" in error.message
    assert "unset REQUESTS_CA_BUNDLE" in error.hint


def test_a_bundle_that_holds_no_certificates_is_named_with_its_variable(monkeypatch, tmp_path):
    (tmp_path / "ca.pem").write_text("none")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv("CURL_CA_BUNDLE", str(tmp_path / "ca.pem"))
    error = raised(CALLS[SUBMIT], client_of("https://127.0.0.1:1"))
    assert (name_of(error), error.refused) == ("Blocked(api)", True)
    assert f"certificates of CURL_CA_BUNDLE cannot be read: {tmp_path}/ca.pem" in error.message


def test_a_socks_proxy_without_its_library_is_named_with_the_fix_and_without_its_password(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:secret@127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.setitem(sys.modules, "urllib3.contrib.socks", None)
    error = raised(CALLS[SUBMIT], client_of("https://api.example.org"))
    assert (name_of(error), error.refused) == ("Blocked(api)", True)
    assert "SOCKS" in error.message
    assert "pip install pysocks" in error.hint
    assert "secret" not in error.message


def test_what_the_caller_was_handling_is_not_taken_for_the_cause(api):
    api.script(SUBMIT, [Fault.lost_answer("reset")])
    try:
        raise TimeoutError  # noqa: TRY301  # what the caller is busy with is what this test is about
    except TimeoutError:
        assert "broke" in raised(CALLS[SUBMIT], client_of(api)).message


def test_a_connect_time_out_is_its_own_and_nothing_was_sent():
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_connection(full.getsockname()):
        client = client_of(f"http://127.0.0.1:{full.getsockname()[1]}", connect_seconds=0.3, read_seconds=60)
        began = time.monotonic()
        error = raised(CALLS[SUBMIT], client)
        assert time.monotonic() - began < 4
    assert (name_of(error), error.refused) == ("Blocked(api)", True)


@pytest.mark.parametrize("is_warm", [False, True], ids=["new connection", "kept connection"])
def test_a_stalled_write_has_a_time_out_of_its_own(api, is_warm):
    client = client_of(api, connect_seconds=60, read_seconds=60, write_stall_seconds=0.3)
    if is_warm:
        client.check()
    api.hold(UPLOAD, when="received")
    began = time.monotonic()
    error = raised(upload, client, bytes(40_000_000))
    assert time.monotonic() - began < 10
    assert (name_of(error), error.refused) == ("Transient", False)
    assert "stalled" in error.message


def test_a_silent_read_has_a_time_out_of_its_own(api):
    api.script(LIST, [Fault.hang()])
    client = client_of(api, connect_seconds=60, write_stall_seconds=60, read_seconds=0.3)
    began = time.monotonic()
    assert "stalled" in raised(client.check).message
    assert time.monotonic() - began < 10
