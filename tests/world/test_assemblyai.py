"""The client against a real server on loopback: what it sends, takes, tries again and lets be."""

import concurrent.futures
import contextlib
import hashlib
import io
import itertools
import json
import os
import socket
import threading
import time

import pytest

from assemblyai_calls import AUDIO, CALLS, ID, LIST, SUBMIT, UPLOAD, client_of, name_of, raised, upload
from fake_assemblyai import KEY, FakeAssemblyAI, Fault
from transcribed import config, daemon
from transcribed.assemblyai import Rate, outcome_error
from transcribed.errors import ConfigError, Stopped, Withdrawn


class Held:
    """A clock that stands until it is moved."""

    now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def server():
    with FakeAssemblyAI(clock=Held()) as server:
        yield server


# --- the way of a recording


def test_a_recording_goes_up_whole_and_its_transcript_comes_back_as_it_was_sent(server):
    client = client_of(server.base_url + "/")
    assert client.base_url == server.base_url
    sent = upload(client)
    assert sent.content_hash == hashlib.sha256(AUDIO).hexdigest()
    assert (server.uploads[0].sha256, server.uploads[0].upload_url) == (sent.content_hash, sent.upload_url)
    transcript_id = client.submit({"audio_url": sent.upload_url, "speaker_labels": True})
    answer = client.fetch(transcript_id)
    assert (answer.transcript_id, answer.status, answer.error) == (transcript_id, "completed", None)
    whole = json.loads(answer.body)
    assert [word["text"] for word in whole["words"]] == whole["text"].split()
    skimmed = {key: [None for _ in whole[key]] for key in ("words", "utterances")}
    assert answer.transcript == whole | skimmed, "the same without its words, which nobody asks of it"
    assert outcome_error(answer) is None
    [listed] = client.find([transcript_id])
    assert (listed.audio_url, listed.created_at, listed.status) == (sent.upload_url, server.clock(), "completed")
    client.delete(transcript_id)
    assert name_of(outcome_error(client.fetch(transcript_id))) == "Permanent"


def test_an_upload_says_how_far_it_is_and_starts_at_the_first_byte_wherever_the_file_stood(server):
    file, told = io.BytesIO(AUDIO), []
    file.seek(1000)
    client_of(server).upload(file, len(AUDIO), told.append)
    assert (told[0], told[-1]) == (0, len(AUDIO))
    assert told == sorted(told)
    assert server.uploads[0].size == len(AUDIO)


LARGE = os.urandom(1 << 20) + b"and a last piece"


def hashing_threads():
    return [thread for thread in threading.enumerate() if thread.name == "hashing"]


def test_a_large_recording_is_sent_in_large_blocks_and_its_hash_is_of_what_was_sent(server):
    told = []
    sent = client_of(server).upload(io.BytesIO(LARGE), len(LARGE), told.append)
    assert server.uploads[0].sha256 == sent.content_hash == hashlib.sha256(LARGE).hexdigest()
    assert told == [*range(0, len(LARGE), 128 * 1024), len(LARGE)]


@pytest.mark.parametrize("data", [AUDIO, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("start", [0, 100])
def test_the_audio_in_an_upload_is_hashed_alone_from_the_bytes_that_are_sent(server, data, start):
    audio = range(start, len(data) - 200)
    sent = client_of(server).upload(io.BytesIO(data), len(data), audio=audio)
    assert sent.content_hash == server.uploads[0].sha256
    assert sent.audio_hash == hashlib.sha256(data[audio.start : audio.stop]).hexdigest()


@pytest.mark.parametrize("audio", [None, range(100, 1000)])
@pytest.mark.parametrize("size", [len(LARGE), len(LARGE) - 1, len(LARGE) + 1])
def test_no_thread_is_left_of_an_upload_whether_it_ends_well_or_not(server, size, audio):
    with contextlib.suppress(Withdrawn):
        client_of(server).upload(io.BytesIO(LARGE), size, audio=audio)
    assert not hashing_threads()


def test_each_request_says_who_asks_and_takes_no_encoding(server):
    upload(client_of(server))
    headers = server.headers[0]
    assert headers["authorization"] == KEY
    assert headers["user-agent"].startswith("transcribed/")
    assert headers["accept-encoding"] == "identity"
    assert headers["content-length"] == str(len(AUDIO))
    assert headers["content-type"] == "application/octet-stream"


def test_calls_from_many_threads_one_after_the_other_share_a_connection(server):
    client = client_of(server)
    for _ in range(10):
        thread = threading.Thread(target=client.check)
        thread.start()
        thread.join()
    assert server.connections == 1


def test_a_deadline_whose_thread_could_not_be_started_once_is_watched_by_the_next_call(server, monkeypatch):
    start, refused = threading.Thread.start, []

    def refuse_once(thread):
        if thread.name == "deadlines" and not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_once)
    client = client_of(server)
    with pytest.raises(RuntimeError):
        client.check()
    before = {thread for thread in threading.enumerate() if thread.name == "deadlines"}
    client.check()
    assert {thread for thread in threading.enumerate() if thread.name == "deadlines"} - before


def test_many_threads_may_use_one_client(server):
    client = client_of(server)
    contents = [bytes([n]) * 300_000 for n in range(8)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(lambda content: upload(client, content), contents))
    assert [one.content_hash for one in sent] == [hashlib.sha256(content).hexdigest() for content in contents]


def test_no_two_threads_share_a_session_for_requests_does_not_promise_that_they_may(server):
    transport = client_of(server)._transport
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(transport._session).result() is not transport._session()


# --- base_url, key and surroundings


@pytest.mark.parametrize(
    "base_url",
    [
        *("", "api.assemblyai.com", "http://api.assemblyai.com", "ftp://127.0.0.1", "https://", "https://me:pw@x.org"),
        *(
            "https://example.org?x=1",
            "https://exa mple.org",
            "https://example.org:port",
            "https://" + "a" * 70 + ".org",
        ),
    ],
)
def test_a_base_url_that_is_not_https_to_a_host_is_a_mistake_in_the_configuration(base_url):
    with pytest.raises(ConfigError, match=r"api\.base_url"):
        client_of(base_url)


@pytest.mark.parametrize("key", ["", "two\nlines", "sécret", "a secret"])
def test_a_key_that_cannot_be_a_header_is_refused_without_showing_it(server, key):
    with pytest.raises(ConfigError) as caught:
        client_of(server, key=key)
    assert not key or key not in str(caught.value)


def test_the_fingerprint_says_the_same_key_and_is_not_the_key(server):
    assert client_of(server).key_fingerprint == hashlib.sha256(KEY.encode()).hexdigest()[:12]


def test_the_key_is_in_no_message_even_if_the_server_repeats_it(server):
    client = client_of(server)
    server.script(LIST, [Fault.answer(401, f"invalid token {KEY}"), Fault.answer(403, body=b"." * 490 + KEY.encode())])
    for _ in range(2):
        error = raised(client.check)
        assert KEY[:8] not in f"{error} {error.hint} {error!r} {client!r}"


def test_a_line_in_netrc_does_not_replace_the_key(server, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client_of(server).check()
    assert server.headers[-1]["authorization"] == KEY


def test_no_proxy_is_asked_for_an_address_on_this_machine(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    client_of(server).check()


def test_a_proxy_from_the_environment_is_asked_for_others_and_its_no_means_that_nothing_was_sent(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy, concurrent.futures.ThreadPoolExecutor(1) as pool:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        heard = pool.submit(refuse_one, proxy)
        error = raised(CALLS[SUBMIT], client_of("https://api.example.org"))
        assert heard.result(10).startswith(b"CONNECT api.example.org:443")
        assert KEY.encode() not in heard.result()
    assert (name_of(error), error.refused) == ("Blocked(api)", True)


def test_the_deadline_ends_a_wait_for_a_proxy_whose_headers_drip_and_nothing_was_sent(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy, concurrent.futures.ThreadPoolExecutor(1) as pool:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        dripping = pool.submit(drip_to_one, proxy)
        began = time.monotonic()
        error = raised(CALLS[SUBMIT], client_of("https://api.example.org", deadline_seconds=0.3))
        assert time.monotonic() - began < 4
        dripping.result(10)
    assert (name_of(error), error.refused) == ("Blocked(api)", True)


def drip_to_one(proxy):
    """Answers with one byte of a header after another, for five seconds at most."""
    connection, _ = proxy.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 Yes\r\nX-Slow: ")
        ends, left = time.monotonic() + 5, threading.Event()
        while time.monotonic() < ends and not left.wait(0.02):
            connection.sendall(b"z")


def refuse_one(proxy):
    connection, _ = proxy.accept()
    with connection:
        heard = connection.recv(65536)
        connection.sendall(b"HTTP/1.1 502 No way\r\nContent-Length: 0\r\n\r\n")
    return heard


# --- trying again, and stopping


def test_what_reads_is_tried_again_after_a_blip(server):
    server.script(LIST, [Fault.answer(503, "busy", Retry_After="0"), Fault.answer(429, "slow", Retry_After="0"), None])
    client_of(server, tries=3).check()
    assert len(server.requests) == 3


def test_an_upload_starts_again_after_a_cut_and_hashes_again(server):
    server.script(UPLOAD, [Fault.cut(after_bytes=100_000)])
    sent = upload(client_of(server, tries=2))
    assert sent.content_hash == hashlib.sha256(AUDIO).hexdigest()
    assert [one.sha256 for one in server.uploads] == [sent.content_hash]


@pytest.mark.parametrize("route", [UPLOAD, SUBMIT])
@pytest.mark.parametrize("status", [500, 503])
def test_neither_upload_nor_submit_is_tried_again_after_a_failure_of_the_server(server, route, status):
    server.script(route, [Fault.answer(status, "oh", Retry_After="0")])
    assert name_of(raised(CALLS[route], client_of(server, tries=3))) == "Transient"
    assert len(server.requests) == 1


def test_a_submit_is_not_repeated_when_the_account_is_throttled(server):
    server.script(SUBMIT, [Fault.answer(429, "slow down", Retry_After="0")])
    error = raised(CALLS[SUBMIT], client_of(server, tries=3))
    assert (name_of(error), error.refused, len(server.requests)) == ("Blocked(api)", True, 1)


@pytest.mark.parametrize(
    ("header", "expected"), [("30", 30), ("11", 11), ("1" * 20, 3600), ("soon", None), ("-1", None), ("\u0663", None)]
)
def test_a_long_retry_after_is_handed_up_and_not_waited_for(server, header, expected):
    server.script(LIST, [Fault.answer(429, "slow down", Retry_After=header.encode().decode("latin-1"))])
    error = raised(client_of(server, tries=3 if expected else 1).check)
    assert error.retry_after_seconds == expected
    assert len(server.requests) == 1


def test_a_key_that_is_refused_is_not_tried_again(server):
    raised(client_of(server, key="another", tries=3).check)
    assert len(server.requests) == 1


def test_stop_ends_an_upload_at_its_next_block(server):
    stop, told = threading.Event(), []

    def progress(sent):
        told.append(sent)
        if sent > 300_000:
            stop.set()

    with pytest.raises(Stopped):
        upload(client_of(server, stop=stop), progress=progress)
    assert max(told) < len(AUDIO)
    assert not server.uploads


class WaitedFor(threading.Event):
    """Time that passes where it is waited for."""

    now = 1000.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()


def test_uploads_together_send_no_more_than_their_rate_in_small_blocks_one_after_another(server):
    stop, told = WaitedFor(), []
    rate = Rate(100_000, monotonic=lambda: stop.now)
    client = client_of(server, stop=stop, rate=rate)
    upload(client, progress=lambda sent: told.append((stop.now, sent)))
    began_at = stop.now
    upload(client)

    assert server.uploads[0].sha256 == hashlib.sha256(AUDIO).hexdigest()
    assert max(now - before for (before, _), (now, _) in itertools.pairwise(told)) < 0.26
    assert told[-1][0] - told[0][0] == pytest.approx(len(AUDIO) / 100_000, abs=0.25)
    assert stop.now - began_at == pytest.approx(len(AUDIO) / 100_000, abs=0.25)


def test_a_rate_gives_uploads_their_turns_evenly_and_can_be_taken_away():
    stop = WaitedFor()
    rate = Rate(1000, monotonic=lambda: 1000.0)
    waited = []
    for _ in range(4):
        before = stop.now
        assert rate.wait(250, stop)
        waited.append(stop.now - before)

    assert waited == [0.0, 0.25, 0.5, 0.75]
    rate.bytes_per_second = None
    before = stop.now
    assert (rate.wait(10**9, stop), stop.now, rate.block_bytes(7)) == (True, before, 7)


def test_the_rate_of_the_configuration_counts_for_uploads_that_were_on_their_way_at_a_reload_too(server, monkeypatch):
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", KEY)
    stop = WaitedFor()
    clients, unbound = daemon.Clients(stop, None), config.Api(base_url=server.base_url)
    before = clients.client(unbound)
    upload(before)
    assert stop.now == WaitedFor.now

    clients.client(unbound.model_copy(update={"upload_kilobytes_per_second": 1000.0}))
    upload(before)
    assert stop.now > WaitedFor.now


def test_stop_ends_the_wait_of_an_upload_for_its_turn(server):
    stop, begun = threading.Event(), threading.Event()
    client = client_of(server, stop=stop, rate=Rate(1.0))  # a byte a second: the whole would take eleven days
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(upload, client, progress=lambda sent: begun.set() if sent else None)
        assert begun.wait(10)
        stop.set()
        with pytest.raises(Stopped):
            waiting.result(10)


@pytest.mark.parametrize("call", CALLS.values())
def test_nothing_is_sent_after_stop(server, call):
    stop = threading.Event()
    stop.set()
    error = raised(call, client_of(server, stop=stop))
    assert (name_of(error), error.refused, server.requests) == ("Stopped", True, [])


def test_stop_ends_a_wait_between_two_tries(server):
    stop = threading.Event()
    server.script(LIST, [Fault.answer(429, "slow down", Retry_After="10")])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        waiting = pool.submit(client_of(server, stop=stop, tries=3).check)
        server.wait_for(lambda: f"{LIST} read" in server.passed)
        stop.set()
        with pytest.raises(Stopped):
            waiting.result(10)
        assert time.monotonic() - began < 5
    assert len(server.requests) == 1


# --- the file


@pytest.mark.parametrize("size", [len(AUDIO) - 1, len(AUDIO) + 1, 1])
def test_a_file_of_another_size_than_announced_is_withdrawn(server, size):
    with pytest.raises(Withdrawn):
        client_of(server).upload(io.BytesIO(AUDIO), size)


def test_an_empty_recording_is_not_sent(server):
    assert name_of(raised(upload, client_of(server), b"")) == "Permanent"
    assert not server.requests


def test_an_error_of_the_file_itself_is_not_taken_for_one_of_the_network(server):
    with open("/proc/self/mem", "rb") as unreadable, pytest.raises(OSError, match="Input/output error"):
        client_of(server, tries=3).upload(unreadable, 1000)


# --- the list


def submitted(server, number, seconds_between=1):
    """So many transcripts, made one after another, the newest last."""
    url = server.take_upload("0" * 64, 1)["upload_url"]
    ids = []
    for _ in range(number):
        server.clock.now += seconds_between
        ids.append(server.take_submit({"audio_url": url})["id"])
    return ids


def ids_of(listed):
    return [item.transcript_id for item in listed]


def test_the_list_is_walked_back_to_a_time_over_many_pages_and_no_further(server):
    ids = submitted(server, 700)
    listed = client_of(server).list_back_to(server.clock() - 449)
    assert ids_of(listed) == ids[:-451:-1]
    assert len(server.requests) == 3


def test_the_list_is_walked_to_its_end_where_all_is_recent(server):
    ids = submitted(server, 400)
    assert ids_of(client_of(server).list_back_to(0)) == ids[::-1]


def test_a_walk_misses_nothing_and_repeats_nothing_when_transcripts_are_made_meanwhile(server):
    ids = submitted(server, 450)
    pages = client_of(server)._pages()
    seen = ids_of(next(pages).items)
    submitted(server, 30)
    seen += [transcript_id for page in pages for transcript_id in ids_of(page.items)]
    assert seen == ids[::-1]


def test_one_list_request_finds_all_that_wait_and_a_walk_for_one_that_is_gone_ends(server):
    ids = submitted(server, 1500)
    client = client_of(server)
    assert set(ids_of(client.find(ids[-200:]))) == set(ids[-200:])
    assert len(server.requests) == 1
    assert ids_of(client.find([ID, ids[-1]])) == [ids[-1]]
    assert len(server.requests) == 6
    assert client.find([]) == []
    assert len(server.requests) == 6


def page(*items, **details):
    return Fault.answer(200, body=json.dumps({"transcripts": items, **details}).encode())


def item(n, created="2024-03-11T21:29:59.936851", **more):
    return {"id": f"{n:08x}-0000-4000-8000-000000000000", "status": "completed", "created": created, **more}


def test_a_server_that_gives_the_same_page_for_ever_does_not_hold_the_walk(server):
    server.script(LIST, [page(item(1), item(2))] * 5)
    assert len(client_of(server).list_back_to(0)) == 2
    assert len(server.requests) == 2


def test_the_progress_of_a_local_api_is_taken_where_it_is_one(server):
    given = [{"heard_seconds": 1, "of_seconds": 2.5}, {"heard_seconds": 1, "of_seconds": "2"}, {"heard_seconds": True}]
    given += [{"heard_seconds": -1}, {"heard_seconds": 1e300}, {"heard_seconds": [1]}, "half", 7, None]
    server.script(LIST, [page(*(item(n, progress=one) for n, one in enumerate(given)))])
    listed = client_of(server).list_back_to(0)
    assert [one.progress for one in listed] == [(1, 2.5), (1, None), *[None] * 7]


def test_a_list_that_cannot_be_read_to_its_end_is_no_list(server):
    server.script(LIST, [page(item(n)) for n in range(101)])
    assert name_of(raised(client_of(server).list_back_to, 0)) == "Transient"


def test_created_is_utc_and_what_cannot_be_read_is_in_the_list_all_the_same(server):
    odd = [item(n, created) for n, created in enumerate([None, "yesterday", 7, "2024-02-30T00:00:00"])]
    server.script(LIST, [page(*odd, item(9, audio_url=None), page_details={"prev_url": None})])
    listed = client_of(server).list_back_to(1_700_000_000)
    assert [one.created_at for one in listed] == [None, None, None, None, 1710192599.936851]


@pytest.mark.parametrize("bad", [None, 7, {"id": "../../etc", "status": "completed"}, {"id": ID, "status": None}])
def test_an_item_that_cannot_be_read_spoils_the_list_for_it_may_be_the_paid_one(server, bad):
    server.script(LIST, [page(item(1), bad)] * 2)
    assert name_of(raised(client_of(server).list_back_to, 0)) == "Transient"
    assert name_of(raised(client_of(server).list_back_to, 0, "https://a.example/1")) == "Transient"


def test_an_item_that_cannot_be_read_spoils_a_walk_for_its_own_address_alone(server):
    bad = {"id": "3hg73t53o-fb8f", "status": "completed", "audio_url": "https://a.example/1"}
    server.script(LIST, [page(item(1), bad, item(2))] * 3)
    assert len(client_of(server).list_back_to(0, "https://a.example/2")) == 2
    assert name_of(raised(client_of(server).list_back_to, 0, "https://a.example/1")) == "Transient"


@pytest.mark.parametrize("bad", [None, 7, {"id": "../../etc", "status": "completed"}, {"id": ID, "status": None}])
def test_an_item_that_cannot_be_read_hides_no_other_from_those_that_wait(server, bad):
    server.script(LIST, [page(bad, item(1), item(2))])
    assert len(client_of(server).find([item(1)["id"], item(2)["id"]])) == 2
