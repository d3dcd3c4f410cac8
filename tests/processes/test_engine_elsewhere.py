"""An engine by address: a server of OpenAI's shape that nobody here wrote, and one that misbehaves."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import resources

import pytest
import requests

import hearing
from ends import ended
from transcribed.errors import Permanent, Transient
from transcribed.local.recognise import models, transcribe
from transcribed.local.recognise.engine import Asked, Elsewhere, Setup, Word, make
from waiting import wait_for

RECORDING = os.fsencode(str(resources.files("transcribed") / "demo" / "recording.mp3"))
SECOND = bytes(32_000)


@contextmanager
def open_asr_server():
    """The address of a server from PyPI, with the model that the tests have."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "open_asr_server.cli", "serve", "--host", "127.0.0.1", "--port", str(port)]
    environ = {**os.environ, "OPEN_ASR_SERVER_API_KEY": "right"}
    with ended(subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        wait_for(lambda: answers(port), "a server that listens")
        yield f"http://127.0.0.1:{port}/v1"


def answers(port):
    try:
        return requests.get(f"http://127.0.0.1:{port}/v1/models", timeout=5).status_code in (200, 401)
    except requests.ConnectionError:
        return False


@hearing.with_model
def test_a_server_that_nobody_here_wrote_hears_what_was_said(tmp_path):
    model = f"faster-whisper:{models.chosen(None, str(tmp_path), print).folder}"
    with open_asr_server() as address:
        ear = make(Setup(model, elsewhere=Elsewhere(address, "right"))).ear(Asked("en", "A novel."))
        words = [word for some in transcribe.words(transcribe.Sound(RECORDING), ear) for word in some]
        with pytest.raises(Transient, match=r"it answered 401; look at the key in --engine-key-file"):
            make(Setup(model, elsewhere=Elsewhere(address))).ear(Asked()).words(SECOND)
    text = " ".join(word.text for word in words)
    assert re.search(r"He was not an ill-disposed young man", text), text
    assert 25_000 < words[-1].end_ms < 27_000
    assert ear.heard().language == "en"


@contextmanager
def server_that_answers(status, body, header=None):
    """The address of a server that has one answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if header else "HTTP/1.0"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header(*(header or ("content-length", str(len(body)))))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


def heard(status, answer, header=None):
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    with server_that_answers(status, body, header) as address:
        return make(Setup("whisper-1", elsewhere=Elsewhere(address))).ear(Asked()).words(SECOND)


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (429, {}, Transient),
        (503, {}, Transient),
        (400, {"error": "no such model"}, Permanent),
        (422, {"error": "no such language"}, Permanent),
    ],
)
def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(status, answer, error):
    with pytest.raises(error):
        heard(status, answer)


@pytest.mark.parametrize(
    ("status", "answer", "fix"),
    [
        (401, {}, "key"),
        (403, {}, "key"),
        (404, b"no such page", "address"),
        (307, {}, "address"),
        (200, b"<html>", "address"),
        (200, b"[" * 200_000, "address"),
        (200, [], "address"),
        (200, {"error": "overloaded"}, "address"),
    ],
)
def test_a_wrong_key_or_address_is_no_recordings_failure_and_names_the_fix(status, answer, fix):
    with pytest.raises(Transient, match=f"the engine at http://127.* look at the {fix} in --engine"):
        heard(status, answer)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (("content-length", "1000"), b'{"text": "Goo'),
        (("transfer-encoding", "chunked"), b'3e8\r\n{"text": "Goo'),
        (("content-encoding", "gzip"), b'{"text": "Good day."}'),
    ],
    ids=["length", "chunked", "gzip"],
)
def test_a_server_that_ends_in_the_middle_of_its_answer_is_asked_again(header, body):
    with pytest.raises(Transient, match="is away"):
        heard(200, body, header)


def test_a_server_that_is_away_is_asked_again():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(Transient, match="is away"):
        make(Setup("whisper-1", elsewhere=Elsewhere(address))).ear(Asked()).words(SECOND)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        *(("english", "en"), ("German", "de"), ("pt-BR", "pt"), ("yue", "yue"), ("haitian creole", "ht")),
        *(("Klingon", None), ("e" * 100_000, None), (7, None)),
    ],
)
def test_the_language_is_a_code_that_people_know_however_the_server_names_it(said, code):
    body = json.dumps({"text": "Good day.", "language": said}).encode()
    with server_that_answers(200, body) as address:
        ear = make(Setup("whisper-1", elsewhere=Elsewhere(address))).ear(Asked())
        ear.words(SECOND)
    assert ear.heard().language == code


@pytest.mark.parametrize("answer", [{"text": "yes " * 30_000}, {"words": [{"word": "a" * 100_000}]}])
def test_more_words_than_can_be_spoken_are_refused_as_a_wrong_answer(answer):
    with pytest.raises(Permanent, match="more words than 1 s of speech can have"):
        heard(200, answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"text": "Good, day.", "words": [{"word": "good", "start": 0, "end": 0.2}, {"word": " day", "start": 0.3}]},
            [Word("Good,", 0, 200, 0.5), Word("day.", 300, 0, 0.5)],
        ),
        ({"text": "Good day."}, [Word("Good", 0, 500, 0.5), Word("day.", 500, 1000, 0.5)]),
        (
            {"segments": [{"text": " One two", "start": 0.2, "end": 0.6, "avg_logprob": 0}]},
            [Word("One", 200, 400, 1.0), Word("two", 400, 600, 1.0)],
        ),
        ({"words": [7, {"word": None}, {"word": "a", "start": "x", "end": 10**400}]}, [Word("a", 0, 3_600_000, 0.5)]),
    ],
    ids=["signs from the text", "no times", "segments", "hostile"],
)
def test_words_are_made_of_what_a_server_gives(answer, words):
    assert heard(200, answer) == words
