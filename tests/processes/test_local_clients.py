"""Clients of the local API that hold what others need: connections, half a request, the disk."""

import os
import socket
import threading
from contextlib import contextmanager

import pytest
import requests
import uvicorn

from transcribed.local import store
from transcribed.local.http import api, server
from transcribed.local.http.patience import Patience
from waiting import BOUND_SECONDS, wait_for

PATIENCE = Patience()
KEY = {"Authorization": "right"}
HEAD = b"POST /v2/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: right\r\n"


@contextmanager
def served(directory, patience=PATIENCE, most_bytes=store.MOST_UPLOADS_BYTES):
    """The address of an API that waits so long, and has so much room for uploads."""
    uploads = store.Uploads(os.fsencode(directory / "uploads"), lambda: 1.0, most_bytes)
    transcripts = store.Transcripts(os.fsencode(directory / "transcripts"), lambda: 1.0)
    app = api.application(api.Api("http://127.0.0.1:1", "none", uploads, transcripts, lambda _id: None), "right")
    running = uvicorn.Server(server.configuration(app, patience))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            running.should_exit = True
            thread.join(BOUND_SECONDS)


def said(connection):
    """All that comes on a connection until it is closed from there."""
    connection.settimeout(BOUND_SECONDS)
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture
def sent(tmp_path):
    """What a server of little patience says to one who sends only this."""

    def answer(data, **patience):
        with served(tmp_path, Patience(**patience)) as address, socket.create_connection(address) as connection:
            connection.sendall(data)
            return said(connection)

    return answer


@pytest.mark.parametrize("data", [b"", HEAD], ids=["nothing", "half a head"])
def test_one_who_asks_for_nothing_is_dropped(sent, data):
    assert sent(data, header_seconds=0.2) == b""


def test_a_body_that_stops_ends_with_408_and_leaves_nothing(sent, tmp_path):
    answer = sent(HEAD + b"Content-Length: 1000\r\n\r\nsound", body_seconds=0.2)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'{"error": "The request did not come in time"}' in answer
    assert os.listdir(tmp_path / "uploads") == []


def test_one_who_has_its_answer_and_never_sends_the_rest_is_dropped(sent):
    half = HEAD.replace(b"/upload", b"/nowhere") + b"Content-Length: 1000\r\n\r\n"

    assert sent(half, keep_alive_seconds=1, header_seconds=0.1).startswith(b"HTTP/1.1 404 ")


def test_too_many_connections_are_told_so_and_the_first_ones_still_served(tmp_path):
    with served(tmp_path, Patience(connections=2)) as address, requests.Session() as first:
        url = "http://{}:{}/v2/transcript".format(*address)
        assert first.get(url, headers=KEY, timeout=BOUND_SECONDS).status_code == 200
        with socket.create_connection(address), socket.create_connection(address):

            def refused():
                answer = requests.get(url, headers=KEY, timeout=BOUND_SECONDS)
                return (answer.status_code, answer.json()) if answer.status_code != 200 else None

            assert wait_for(refused, "a refusal") == (429, {"error": "Too many requests, please retry later"})
            assert first.get(url, headers=KEY, timeout=BOUND_SECONDS).status_code == 200


def test_uploads_take_no_more_of_the_disk_than_their_room_and_give_it_back(tmp_path):
    with served(tmp_path, most_bytes=1000) as address, requests.Session() as client:
        client.headers.update(KEY)
        url = "http://{}:{}/v2/".format(*address)
        kept = client.post(url + "upload", data=b"x" * 600, timeout=BOUND_SECONDS).json()["upload_url"]

        full = client.post(url + "upload", data=b"x" * 600, timeout=BOUND_SECONDS)
        assert (full.status_code, full.json()["error"][:20]) == (507, "Insufficient storage")
        assert sum(entry.stat().st_size for entry in os.scandir(tmp_path / "uploads")) == 600

        queued = client.post(url + "transcript", json={"audio_url": kept}, timeout=BOUND_SECONDS).json()
        client.delete(url + f"transcript/{queued['id']}", timeout=BOUND_SECONDS)
        assert client.post(url + "upload", data=b"x" * 600, timeout=BOUND_SECONDS).status_code == 200
