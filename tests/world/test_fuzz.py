"""Whatever comes from outside, a parser makes of it what it promises, or raises one of its own documented errors.

Every parser of outside input in daemon/transcribed, in the order of the tests:

    assemblyai/answers.py    upload_url_in, transcript_id_in, answer_in, page_in, error_text_in, one_line
    assemblyai/failures.py   refusal_error and outcome_error: error bodies, the ends of transcripts
    assemblyai/client.py     the pages of the list, walked
    assemblyai/headers.py    Retry-After, Date
    assemblyai/transport.py  status line, headers and framing as raw bytes; base_url and key
    worker/steps/api.py      what a finished transcript says beside its text (metadata.warnings, audio_duration)
    formats/                 parse, and every rendering
    config/                  load (TOML, $STATE_DIRECTORY ...), read_key (credential, file, environment)
    inbox/                   probe (marks, tags, frames, headers), names, mountinfo's escapes
    job/names.py             shown, printable
    outbox/                  output_name, numbered; no path leads out of its root
    worker/folders.py        the note beside a failed recording
    worker/dropped.py        waiting, numbers; worker/orders.py: the worker that obeys
    cli/                     the status file
    journal/                 the texts that the API gives, written and told again
    local/                   the API's requests (auth, requests, api), its store, its decoder

Not here: `.meta.json` beside a kept transcript, and what a recogniser's process says to its own server.
"""

import asyncio
import functools
import gc
import io
import ipaddress
import json
import math
import os
import re
import shutil
import socketserver
import sys
import threading
import uuid
from dataclasses import replace
from email.utils import format_datetime
from importlib import resources
from typing import Any

import pytest
import tomli_w
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from typer.testing import CliRunner

from assemblyai_calls import CALLS, ID, LIST, ONE, client_of
from fake_assemblyai import KEY, FakeAssemblyAI, Fault
from hostile import (
    ANYTHING,
    FEW_IDS,
    IDS,
    LETTERS,
    MOMENTS,
    NAMES,
    NUMBERS,
    STATUSES,
    TEXT,
    TRANSCRIPTS,
    Raw,
    are_lines,
    damaged,
    examples,
    fields,
    is_sane,
    json_bytes,
    made_of,
    outcome,
    some,
)
from jobs import add_job, save_job
from transcribed import config, files, formats, inbox
from transcribed.assemblyai import AssemblyAI, answers, failures, headers, outcome_error
from transcribed.cli import daemon_status
from transcribed.cli.app import app
from transcribed.errors import ConfigError, Permanent, TranscribedError, Transient
from transcribed.folders import mounts
from transcribed.job import Fingerprint, Job, State, printable, shown
from transcribed.job import events as happened
from transcribed.journal import Journal, Transcripts
from transcribed.local import store
from transcribed.local.http import api as local_api
from transcribed.local.http import requests as local_requests
from transcribed.local.recognise import decode
from transcribed.worker import dropped
from transcribed.worker.background import Outcome
from transcribed.worker.messages import OrdersListed
from transcribed.worker.people import failure_notes
from transcribed.worker.people.status import InboxStatus, JobStatus, LaneStatus, Status, WaitingFile
from transcribed.worker.steps import api as api_steps
from world import Clock, World, mp3

# At the end of the stack, where deep JSON leads, Hypothesis's own look at the garbage collector may find no room.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in.*gc_callback:pytest.PytestUnraisableExceptionWarning"
)

RECORDING = (resources.files("transcribed") / "demo" / "recording.mp3").read_bytes()


# --- assemblyai: bodies


@examples(100)
@given(body=json_bytes(TRANSCRIPTS), plain_http=st.booleans())
def test_an_upload_url_is_a_plain_address_of_bounded_length(body, plain_http):
    url = made_of(body, answers.upload_url_in, plain_http=plain_http)
    assert url is None or re.fullmatch(r"https?://[\x21-\x7e]{1,1993}", url)
    assert url is None or plain_http or url.startswith("https:")


@examples(100)
@given(body=json_bytes(TRANSCRIPTS))
def test_a_transcript_id_is_a_uuid(body):
    found = made_of(body, answers.transcript_id_in)
    assert found is None or str(uuid.UUID(found)) == found.lower()


@examples(150)
@given(body=json_bytes(TRANSCRIPTS.map(lambda found: {"id": ID, "status": "completed", **found})))
def test_an_answer_is_the_transcript_asked_for_and_its_end_is_known(body):
    if answer := made_of(body, answers.answer_in, ID):
        assert (answer.transcript_id, answer.body) == (ID, body)
        error = outcome_error(answer)
        assert answer.status == "completed" if error is None else is_sane(error)


ODD = {"audio_url": ANYTHING, "created": ANYTHING | MOMENTS, "error": ANYTHING}
LISTED = st.fixed_dictionaries({"id": IDS, "status": STATUSES}, optional=ODD) | ANYTHING
DETAILS = fields(prev_url=st.none() | TEXT)


@examples(150)
@given(body=json_bytes(st.fixed_dictionaries({"transcripts": some(LISTED, 2)}, optional={"page_details": DETAILS})))
def test_a_page_names_its_transcripts_by_uuids_and_finite_times(body):
    items, *_ = made_of(body, answers.page_in) or ((), False)
    for item in items:
        assert str(uuid.UUID(item.transcript_id)) == item.transcript_id.lower()
        assert item.created_at is None or math.isfinite(item.created_at)


@examples(100)
@given(text=st.text(LETTERS), body=json_bytes(TRANSCRIPTS))
def test_a_strangers_text_is_one_line_of_bounded_length(text, body):
    for stranger in (text * 100, answers.error_text_in(body) or ""):
        assert are_lines(answers.one_line(stranger))
        assert len(answers.one_line(stranger)) <= 500 * 10  # where each character has to be escaped


# --- assemblyai: refusals and headers


def is_a_pause(seconds):
    return seconds is None or 0 <= seconds <= 86400


HEADERS = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=20)
AFTER = st.integers(min_value=0).map(str) | st.floats().map(str) | st.sampled_from(["9" * 5000, "1_0", "²"]) | HEADERS


@examples(200)
@given(header=AFTER | TEXT | st.just("٣"))
@example(header="0\x1f")
def test_retry_after_is_none_or_a_bounded_number_of_seconds(header):
    assert is_a_pause(headers.retry_after_seconds(header))


DATES = st.text("ADGHJMNOPSTUWabcdeghilnoprtuvy0123456789:,+- ") | st.just("Mon, 01 Jan 99999999999 00:00:00 GMT")


@examples(200)
@given(header=HEADERS | DATES | st.datetimes().map(format_datetime))
def test_any_date_of_an_answer_moves_no_time_but_back(header):
    clock = headers.ServerClock(lambda: 1e9)
    clock.heard(header)
    assert clock.earlier(2e9) <= 2e9


@examples(100)
@given(
    status=st.integers(200, 999),
    body=json_bytes(TRANSCRIPTS) | st.just(b"who is " + KEY.encode() * 40),
    after=AFTER,
    route=st.sampled_from(list(CALLS)),
)
def test_any_refusal_is_a_documented_error_without_the_key(any_server, status, body, after, route):
    any_server.clear()
    any_server.script(route, [Fault.answer(status, body=body, Retry_After=after)])
    _, error = outcome(TranscribedError, CALLS[route], client_of(any_server))
    assert 200 <= status < 300 if error is None else is_sane(error)
    assert is_a_pause(getattr(error, "retry_after_seconds", None))


@examples(200)
@given(
    doing=st.sampled_from([failures.UPLOAD, failures.SUBMITTING, failures.FETCH, failures.LIST, failures.DELETE]),
    status=st.integers(100, 999),
    text=TEXT.map(answers.one_line) | st.sampled_from(["Account balance", "rate limit", "not found"]),
    own=st.booleans(),
)
@example(doing=failures.SUBMITTING, status=408, text="Account balance", own=True)
def test_what_was_perhaps_taken_is_never_called_refused(doing, status, text, own):
    error = failures.refusal_error(doing, failures.ErrorAnswer(status, text, own))
    assert is_sane(error)
    assert not error.refused or (400 <= status < 500 and status != 408)


FEW = st.fixed_dictionaries({"id": FEW_IDS, "status": STATUSES}, optional={"created": MOMENTS, "audio_url": TEXT})
FEW_PAGES = some(st.fixed_dictionaries({"transcripts": some(FEW)}, optional={"page_details": DETAILS}))


@examples(60)
@given(pages=FEW_PAGES, wanted=st.sets(FEW_IDS))
def test_a_walk_through_the_list_ends_and_names_no_transcript_twice(any_server, pages, wanted):
    for walk in (lambda client: client.list_back_to(0.0), lambda client: client.find(wanted)):
        any_server.clear()
        any_server.script(LIST, [Fault.answer(200, body=json.dumps(page).encode()) for page in pages])
        found = [item.transcript_id for item in walk(client_of(any_server))]
        assert len(set(found)) == len(found)
    assert set(found) <= wanted


# --- assemblyai: raw bytes


@pytest.fixture(scope="module")
def raw():
    """A server that answers with raw bytes."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Raw) as running:
        running.daemon_threads = True
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        running.base_url = f"http://127.0.0.1:{running.server_address[1]}"  # type: ignore[attr-defined]
        yield running
        running.shutdown()
        thread.join()


BODY = json.dumps({"id": ID, "status": "queued", "transcripts": [], "upload_url": "http://127.0.0.1/u"}).encode()
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
STATUS_LINES = [b"HTTP/1.1 200 OK", b"HTTP/1.1 302 ", b"HTTP/1.1 100 ", b"HTTP/9 200", b"HTTP/1.1 -1"]
HEADER_NAMES = b"Content-Length Transfer-Encoding Content-Encoding Location Set-Cookie Retry-After Connection X".split()
VALUES = [*b"chunked gzip br close 0 -1 1,2 http://[ \0".split(), b"9" * 30, b"a=\xff\x85\x0c\r b", b"a=\r\n b"]
VALUES += [b"a=b; Domain=127.0.0.1; Max-Age=99999999999999999999", b"deflate, gzip"]
CHUNKS = [b"2\r\n{}\r\n0\r\n\r\n", b"zz\r\n", b"-5\r\n", b"f" * 40 + b"\r\n", b"2;x=\r\n{}\r\n0\r\nA: b\r\n\r\n"]
HEADER = st.tuples(st.sampled_from(HEADER_NAMES), st.sampled_from(VALUES) | st.binary(max_size=20)).map(b": ".join)
ANSWERS = st.builds(
    lambda status, lines, body: b"\r\n".join([status, *lines, b"", body]),
    st.sampled_from(STATUS_LINES),
    some(HEADER, 5),
    st.sampled_from(CHUNKS) | st.binary(max_size=20),
)


# What a broken answer leaves of its socket is closed with its memory, whenever that is; on a busy machine in this test.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@examples(200)
@given(answer=ANSWERS | damaged(st.just(GOOD)) | st.binary(max_size=60), route=st.sampled_from(list(CALLS)))
@example(answer=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n{}", route=LIST)
@example(answer=b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, route=LIST)
@example(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", route=LIST)
@example(answer=b"HTTP/1.1 100 Continue\r\n\r\n" * 300, route=LIST)
@example(answer=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n", route=LIST)
def test_any_bytes_for_an_answer_are_a_documented_error_and_spoil_no_later_call(raw, answer, route):
    client = client_of(raw.base_url)
    raw.answers = [answer, *[GOOD] * 5]
    _, error = outcome(TranscribedError, CALLS[route], client)
    assert error is None or is_sane(error)
    # Whether the server has hung up, the client may learn only from its next request.
    assert any(outcome(Transient, client.check)[1] is None for _ in range(5))


# As above.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@examples(100)
@given(answer=ANSWERS | damaged(st.just(GOOD)) | st.binary(max_size=60))
@example(answer=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n")
@example(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}")
@example(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
def test_any_bytes_from_the_storage_are_audio_or_transient_and_their_address_is_not_shown(raw, answer):
    raw.answers, file = [answer], io.BytesIO()
    _, error = outcome(Transient, client_of(raw.base_url).download, f"{raw.base_url}/a?Signature=a-secret", file)
    assert file.getvalue() if error is None else is_sane(error)
    assert error is None or "a-secret" not in error.message


HOSTS = st.text("aZ09.-:/[]@?#%é \t\n", max_size=12) | TEXT
BASE_URLS = st.builds("{}{}".format, st.sampled_from(["https://", "http://", "ftp://", ""]), HOSTS)


@examples(200)
@given(base_url=BASE_URLS | st.just("http://127.0.0.1"), key=TEXT | st.just(KEY))
def test_a_base_url_and_a_key_are_taken_or_are_a_config_error_that_does_not_show_the_key(base_url, key):
    client, error = outcome(ConfigError, AssemblyAI, base_url, key, stop=threading.Event())
    if error is not None:
        assert is_sane(error)
        assert len(key) < 8 or key not in error.message
    else:
        assert client.base_url.startswith(("https://", "http://"))
        assert re.fullmatch(r"[!-~]+", key)


# --- a finished transcript, on its way to the journal

SUBMITTED = Job(1, "talks", b"a.mp3", Fingerprint(9, 9), State.SUBMITTED, 0.0, 0.0, 0.0, duration_seconds=100.0)
DONE = {"id": ID, "status": "completed", "text": "a"}


@examples(60)
@given(found=TRANSCRIPTS)
@example(found={**DONE, "audio_duration": 10**400})
@example(found={**DONE, "audio_duration": -(10**400)})
@example(found={**DONE, "redact_pii_audio": True, "redact_pii_audio_quality": ["wav"]})
@example(found={**DONE, "metadata": {"warnings": ["\ud800\n", {"message": None}]}})
def test_whatever_a_finished_transcript_says_is_kept_verbatim_or_a_documented_error(any_server, tmp_path, found):
    shutil.rmtree(tmp_path / "transcripts", ignore_errors=True)
    body, kept = json.dumps({**found, "id": ID}).encode(), Transcripts(str(tmp_path))
    any_server.clear()
    any_server.script(ONE, [Fault.answer(200, body=body)])
    fetch = functools.partial(api_steps.fetch, erased=False, was_fetched=False)
    job = replace(SUBMITTED, transcript_id=ID)
    event, error = outcome(TranscribedError, fetch, job, client_of(any_server), kept, job)
    assert error is None or is_sane(error)
    assert (kept.read(ID) == body) == isinstance(event, happened.Transcribed)
    assert event is None or json.dumps(event.data())
    assert are_lines(getattr(event, "reason", ""))


# --- formats


def rendered_all(answer, title):
    for name in formats.FORMATS:
        content = formats.render(name, answer, title=title)
        text = "" if name == "docx" else content.decode().replace("\r\n", "\n")  # as csv ends its lines
        assert name == "json" or not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


@examples(100)
@given(body=json_bytes(TRANSCRIPTS), title=TEXT)
@example(body=b'\xef\xbb\xbf{"text": "a\xff"}', title="\udcff")
def test_any_bytes_are_rendered_or_are_no_transcript(body, title):
    transcript, error = outcome(ValueError, formats.parse, body)
    if error is None:
        rendered_all(transcript, title)
    else:
        assert str(error).startswith("the answer is not a transcript")
    assert formats.render("json", body, title=title) == body


@examples(50)
@given(depth=st.integers(1, 3000), key=st.sampled_from([b"text", b"words", b"chapters"]))
def test_what_can_be_parsed_can_be_rendered_however_deep_it_is(depth, key):
    transcript, _ = outcome(ValueError, formats.parse, b'{"%b": %b%b}' % (key, b"[" * depth, b"]" * depth))
    rendered_all(transcript or {}, "Talk")


# --- config


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """One file that each example writes again."""
    return tmp_path_factory.mktemp("outside") / "file"


def assert_whole_or_refused(file, environ):
    """A configuration is complete and loads again to an equal one; else all that is wrong is said, a line each."""
    loaded, error = outcome(ConfigError, config.load, str(file), environ)
    if error is not None:
        assert is_sane(error)
        return
    own = [getattr(each, name) for each in loaded.inboxes for name in ("path", "outbox", "archive", "failed")]
    assert all(re.match(r"/[^/\0]", folder) for folder in [loaded.state.directory, *own])
    if loaded.state.directory.isprintable():  # what comes from the environment need not be UTF-8, as TOML is
        file.write_text(config.dump(loaded))
        assert config.load(str(file), {}) == loaded


EXAMPLE = config.example()
UNCOMMENTED = re.sub(r"(?m)^#( *)(?=[a-z_]+ = |\[)", "", EXAMPLE)
FOLDERS = st.binary(max_size=12).map(os.fsdecode) | st.sampled_from(["/", "/s:/t", "/\udcff", "//a/../b", "\0"])
ENVIRONMENTS = st.dictionaries(st.sampled_from(["STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"]), FOLDERS)


@examples(150)
@given(content=damaged(st.sampled_from([EXAMPLE.encode(), UNCOMMENTED.encode()])), environ=ENVIRONMENTS)
@example(content=b"a." * 3000 + b"a = 1", environ={})
@example(content=b'[[inbox]]\npath="/a"\noutbox="/b"\n[inbox.transcript]\n' + b"a." * 3000 + b"a = 1", environ={})
@example(content=b"a = " + b"[" * 5000, environ={})
def test_a_damaged_configuration_is_whole_all_the_same_or_refused(file, content, environ):
    file.write_bytes(content)
    assert_whole_or_refused(file, environ)


TABLES: dict[str, Any] = {
    "api": config.Api,
    "state": config.State,
    "log": config.Log,
    "inbox": config.Inbox,
    "defaults": config.Inbox,
}
KEYS = [(table, key) for table, model in TABLES.items() for key in model.model_fields]
TOML_TEXT = st.text(max_size=8) | st.sampled_from(["/", "/a/..", "/b", "https://a..b", "\x1b\n", "a" * 100, "txt"])
SCALARS = st.booleans() | st.integers() | st.floats() | st.datetimes() | st.times() | TOML_TEXT | st.just(10**400)
TOML = st.recursive(SCALARS, lambda inner: some(inner, 2) | st.dictionaries(TOML_TEXT, inner, max_size=2), max_leaves=4)


@examples(100)
@given(changes=st.dictionaries(st.sampled_from(KEYS), TOML, max_size=3), environ=ENVIRONMENTS)
def test_any_value_at_any_key_is_taken_whole_or_refused(file, changes, environ):
    tables = {"inbox": {"path": "/in", "outbox": "/out"}}
    for (table, key), value in changes.items():
        tables.setdefault(table, {})[key] = value
    file.write_bytes(tomli_w.dumps({**tables, "inbox": [tables["inbox"]]}).encode())
    assert_whole_or_refused(file, environ)


MACHINES = st.text("aZ09.-", max_size=12) | st.text("a.", min_size=60, max_size=200) | st.just("[::1]")


@examples(200)
@given(scheme=st.sampled_from(["https", "http"]), host=MACHINES, port=st.sampled_from(["", ":0", ":1", ":65536"]))
def test_a_base_url_that_the_configuration_takes_is_one_that_the_client_takes(scheme, host, port):
    api, _ = outcome(ValueError, config.Api, base_url=f"{scheme}://{host}{port}")
    assert api is None or AssemblyAI(api.base_url, KEY, stop=threading.Event()).base_url == api.base_url


@examples(100)
@given(content=damaged(st.just(b"\xef\xbb\xbf" + KEY.encode() + b"\r\n")), text=TEXT)
def test_a_key_from_outside_is_fit_for_a_header_or_refused_unseen(file, content, text):
    file.write_bytes(content)
    file.chmod(0o600)
    for api, environ, secret in [
        (config.Api(key_file=str(file)), {}, content.decode(errors="replace")),
        (config.Api(), {"ASSEMBLYAI_API_KEY_FILE": str(file)}, content.decode(errors="replace")),
        (config.Api(), {"CREDENTIALS_DIRECTORY": "/\0", "ASSEMBLYAI_API_KEY": text}, text),
        (config.Api(), {"ASSEMBLYAI_API_KEY_FILE": text, "ASSEMBLYAI_API_KEY": ""}, KEY),
    ]:
        key, error = outcome(ConfigError, config.read_key, api, environ)
        assert error is None or (is_sane(error) and (len(secret) < 8 or secret not in error.message))
        assert key is None or AssemblyAI("https://a.example", key, stop=threading.Event()).key_fingerprint


# --- inbox, and how names are shown


class Counting(io.FileIO):
    """A file that counts what is read of it."""

    total = 0

    def read(self, size=-1, /):
        data = super().read(size)
        self.total += len(data or b"")
        return data


HEADS = [
    b"ID3\x04\x00\x00",
    b"ID3\x03\x00\x80",
    b"ID3\x02\x00\x40",
    b"\xff\xfb",
    b"OggS\x00\x02",
    b"\0\0\0\x18ftypM4A ",
]
HEADS += [b"FORM\0\0\0\0AIFF", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", *b"fLaC RIFF wvpk MAC".split()]
SIZES = st.sampled_from([bytes(4), b"\x7f" * 4, b"\xff" * 4, b"\0\0\x0f\x7f", b"\x80\0\0\0"]) | st.binary(max_size=6)
FRAMES = st.sampled_from(b"TIT2 APIC COMM TXXX PIC ULT moov udta data LIST fmt OpusHead".split())
HOSTILE = st.builds(
    lambda head, size, frames, tail: head + size + b"".join(map(b"".join, frames)) + tail,
    st.sampled_from(HEADS),
    SIZES,
    some(st.tuples(FRAMES, SIZES, st.binary(max_size=20)), 9),
    st.sampled_from([b"", mp3("tail", 3)]),
)


@examples(100)
@given(
    content=HOSTILE | damaged(st.sampled_from([mp3("Talk"), RECORDING[:5000], RECORDING])),
    hole=st.sampled_from([0, 0, 0, 1 << 20, 1 << 34]),
    grown=st.integers(-9, 9),
)
def test_any_bytes_are_probed_with_a_few_reads(file, content, hole, grown):
    file.write_bytes(content)
    os.truncate(file, len(content) + hole)
    with Counting(file) as opened:
        found = inbox.probe(opened, max(len(content) + hole + grown, 0))  # it may have changed since it was listed
        assert opened.tell() == 0
        assert opened.total < 24 << 20
    assert found.audio == (found.reason == "")
    assert found.duration_seconds is None or 0 < found.duration_seconds < math.inf
    assert 0 <= found.reckoned_seconds < math.inf
    assert are_lines(found.reason, found.hint, found.incomplete, *found.warnings)


@examples(150)
@given(path=NAMES, text=st.text(LETTERS))
def test_any_name_is_judged_and_shown_on_one_line(path, text):
    assert are_lines(inbox.Names().ignored(path) or "", shown(path), printable(text))
    name = os.fsdecode(path)
    assert (shown(path) == name) == name.isprintable()
    assert printable(printable(text)) == printable(text)


@examples(60)
@given(point=st.binary(max_size=60))
@example(point=b"-")
def test_a_mount_point_of_any_name_is_read_as_the_kernel_wrote_it(point):
    written = re.sub(rb"[ \t\n\\#]", lambda match: b"\\%03o" % match[0][0], point)  # fs/seq_file.c, mangle_path()
    first, second = (
        b"2%d 1 0:2%d / %s rw shared:1 - ext4 /dev/vda rw\n" % (n, n, written) for n in (0, 1)
    )  # proc_pid_mountinfo(5)

    read = mounts._read(first + second)

    assert read == tuple(mounts.Mount(device, point, b"ext4") for device in (b"0:20", b"0:21"))


# --- outbox and notes

STEMS = st.lists(NAMES.map(lambda name: name.replace(b"/", b"-")), min_size=1, max_size=3).map(b"/".join)
SUFFIXES = st.sampled_from([each.suffix.encode() for each in formats.FORMATS.values()] + [b".mp3", b".mp3.error.txt"])


@examples(150)
@given(stem=STEMS | st.just("é".encode() * 200), number=st.integers(1, 10_000), suffix=SUFFIXES)
def test_an_output_lies_in_its_folder_and_fits_into_a_directory_entry(stem, number, suffix):
    name = files.output_name(stem, number, suffix)
    assert name.rpartition(b"/")[0] == stem.rpartition(b"/")[0]
    assert len(name.rpartition(b"/")[2]) <= 255
    assert name.endswith(suffix)
    assert len(stem) > 200 or name == files.numbered(stem, number) + suffix


@examples(100)
@given(path=some(NAMES | st.sampled_from([b"..", b".", b"", b"\0", b"a"]), 3).map(b"/".join))
def test_nothing_is_written_outside_its_root_whatever_the_path(tmp_path, path):
    shutil.rmtree(tmp_path / "root", ignore_errors=True)
    root = os.fsencode(tmp_path / "root")
    os.mkdir(root)
    _, error = outcome((OSError, ValueError, files.NameTaken), files.publish, root + b"/" + path, b"data", root=root)
    if error is None:
        with open(root + b"/" + path, "rb") as written:
            assert written.read() == b"data"
    assert os.listdir(tmp_path) == ["root"]


@examples(60)
@given(path=NAMES, reason=TEXT, hint=TEXT)
@example(path=b"\xff\n", reason="\ud800\n", hint="\udcff\x1b")
def test_a_note_says_each_thing_on_one_line_whatever_it_holds(path, reason, hint):
    lines = (
        failure_notes.note(replace(SUBMITTED, path=path, reason=reason, hint=hint))
        .decode()
        .removesuffix("\n")
        .split("\n")
    )
    assert len(lines) == 9, "seven lines, an empty one, and the mark"
    assert are_lines(*(line for line in lines if line))


# --- orders

WORDS = st.sampled_from(["retry", "cancel", "accept", "scan", "\ud800\n"])
ORDERS = fields(order=WORDS, jobs=some(NUMBERS | ANYTHING), failed=st.booleans(), pay_again=st.booleans())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A daemon with one failed job, which each example gives orders."""
    clock = Clock()
    with FakeAssemblyAI(clock=clock.wall) as api:
        world = World(tmp_path_factory.mktemp("world"), api, clock)
        world.drop("a.mp3", b"no recording at all")
        world.run()
        yield world


@pytest.fixture
def no_collector():
    """Where an order has filled the stack, the collector would call finalizers that have no room there."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@examples(40)
@pytest.mark.usefixtures("no_collector")
@given(contents=st.lists(json_bytes(ORDERS), min_size=1, max_size=4))
@example(contents=[b'{"order": "retry", "jobs": [1, 1, true, 1.0, 9223372036854775808], "failed": true}'])
def test_any_file_is_an_order_if_only_an_empty_one_and_the_daemon_outlives_it(world, contents):
    commands = world.state / "commands"
    for number, content in enumerate(contents):
        (commands / f"{number}.order").write_bytes(content.replace(b"{", b'{"transcribed order": 1, ', 1))
    waiting = dropped.waiting(os.fsencode(commands))
    assert [name for name, _ in waiting] == [b"%d.order" % number for number in range(len(contents))]
    named = (number for _, order in waiting for number in dropped.numbers(order or {}))
    assert all(type(number) is int and 0 < number < 2**63 for number in named)

    world.run(until=lambda: not os.listdir(commands))
    assert [job.id for job in world.jobs()] == [1]


def test_an_order_nested_as_deep_as_it_can_be_read_does_not_end_the_daemon(world):
    path = world.state / "commands" / "deep.order"
    found = []

    def read():  # in a thread of its own, as the daemon does: there is more room on its stack than on the loop's
        for depth in range(sys.getrecursionlimit(), 0, -1):
            jobs = b"[" * depth + b"]" * depth
            path.write_bytes(b'{"transcribed order": 1, "order": "retry", "jobs": %b}' % jobs)
            found[:] = dropped.waiting(os.fsencode(path.parent))
            if found[0][1]:
                return

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert found[0][1]
    world.run(messages=(OrdersListed(Outcome(tuple(found))),))
    assert not path.exists()


# --- the status file, and the journal

STATUS = Status(
    base_url="https://api.example",
    jobs={"failed": 1},
    blocked=[LaneStatus("api", "no key", "", 1.0, 0)],
    inboxes=[InboxStatus("talks", "/in", "/out", None, "ext4", "events", False, True, [WaitingFile("b", "held")], [])],
    open=[JobStatus(1, "t", "a", "received", 1.0, 2.0, 0, "", "")],
    open_count=1,
    updated_at=1.0,
    pid=7,
).plain()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A configuration and a state directory, in which a status may be written."""
    root = tmp_path_factory.mktemp("house")
    tables = {"state": {"directory": f"{root}/state"}, "inbox": [{"path": f"{root}/in", "outbox": f"{root}/out"}]}
    (root / "state").mkdir()
    (root / "config.toml").write_text(tomli_w.dumps(tables))
    return root


@examples(100)
@given(content=json_bytes(st.just(STATUS) | ANYTHING))
@example(content=b"[" * 100_000)
def test_a_status_file_holds_an_object_or_is_refused_in_a_sentence(house, content):
    (house / "state" / "status.json").write_bytes(content)
    settled = config.load(str(house / "config.toml"), {})
    told, error = outcome(TranscribedError, daemon_status.read_status, settled.state.directory, {})
    assert isinstance(told, Status) if error is None else "is not a valid status file" in error.message
    fields, error = outcome(TranscribedError, daemon_status.read_fields, settled.state.directory, {})
    assert isinstance(fields, dict) if error is None else "is not a valid status file" in error.message


@examples(50)
@given(changed=st.dictionaries(st.sampled_from(list(STATUS)), ANYTHING, max_size=2), lost=st.sampled_from(list(STATUS)))
def test_a_status_of_another_version_is_shown_or_refused_in_a_sentence(house, changed, lost):
    status = STATUS | changed if changed else {key: STATUS[key] for key in STATUS if key != lost}
    (house / "state" / "status.json").write_text(json.dumps(status))
    for words in (["status"], ["status", "--json"]):
        result = CliRunner().invoke(app, ["--config", f"{house}/config.toml", *words], env={"RUNTIME_DIRECTORY": None})
        assert result.exception is None or isinstance(result.exception, TranscribedError)


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    """One journal for all examples."""
    opened = Journal.open(str(tmp_path_factory.mktemp("state")))
    yield opened
    opened.close()


@examples(40)
@given(path=NAMES, said=TEXT, url=TEXT, warnings=some(TEXT, 2).map(tuple))
@example(path=b"\xff", said="\ud800", url="\0", warnings=("\udfff",))
def test_whatever_text_the_api_gives_can_be_written_and_told_again(journal, path, said, url, warnings):
    added = add_job(
        journal, replace(SUBMITTED, path=path, hint=said, upload_url=url, base_url=url), happened.Received(9)
    )
    for event in (
        happened.Failed(said, said),
        happened.Transcribed(warnings),
        happened.Uploaded(url, "f00d", url, "k"),
    ):
        save_job(journal, added, (replace(added, reason=said), event), now=1.0)
    assert journal.job(added.id).path == path
    assert [row["event"] for row in journal.story(added.id)][1:] == ["job.failed", "job.transcribed", "job.uploaded"]


# --- the local API


class Local:
    """The local API as an ASGI application with one transcript that is done, spoken to in its own words."""

    def __init__(self, directory):
        uploads = store.Uploads(directory + b"/uploads", lambda: 1.0)
        transcripts = store.Transcripts(directory + b"/transcripts", lambda: 1.0)
        api = local_api.Api("http://127.0.0.1:1", "none", uploads, transcripts, lambda _id: None)
        self.run: Any = self.ask  # the fixture runs it in its event loop
        self.app = local_api.application(api, "any")
        queued = {"audio_url": "http://a/b", "speech_model_used": "none", "utterances": None}
        self.done = transcripts.create(queued)["id"]
        said = [{"text": "Hello.", "start": 0, "end": 9, "confidence": 1.0, "speaker": None}]
        result = {"text": "Hello.", "words": said, "confidence": 1.0, "audio_duration": 1}
        transcripts.end(self.done, status="completed", **result)

    async def ask(self, method, path, query, headers, *chunks):
        sent = []
        bodies = iter([{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks])

        async def receive():
            return next(bodies, {"type": "http.request", "body": b"", "more_body": False})

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": path}
        scope |= {"raw_path": b"", "query_string": query, "headers": headers, "root_path": ""}
        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The application, and the one event loop that all examples run in."""
    found = Local(os.fsencode(tmp_path_factory.mktemp("local")))
    with asyncio.Runner() as runner:
        found.run = lambda *request: runner.run(found.ask(*request))
        yield found


AUTHORIZED = (b"authorization", b"any")
BELOW = st.sampled_from(["", "/{id}", "/{id}/srt", "/{id}/vtt", "/{id}/sentences", "/{id}/word-search", "/{id}/", "/x"])
PATHS = BELOW.map("/v2/transcript".__add__) | st.just("/v2/upload") | TEXT.map("/v2/transcript/".__add__)
ASKED = st.sampled_from(["limit", "before_id", "after_id", "status", "created_on", "words", "chars_per_caption"])
VISIBLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)  # h11 lets through nothing else
GIVEN = st.integers().map(str) | st.sampled_from(["{id}", "%00", "%ff", "9" * 5000, "%D9%A3", "completed", ""])
QUERIES = some(st.tuples(ASKED, GIVEN).map("=".join)).map("&".join) | st.text(VISIBLE, max_size=12)
LATIN = st.binary(max_size=12) | st.sampled_from([b"9" * 5000, b"\xb2", b"-1", b"identity", b"application/json"])
HTTP_HEADERS = some(st.tuples(st.sampled_from([b"content-length", b"content-type", b"range", b"x"]), LATIN), 2)
REQUESTS = fields(
    audio_url=st.sampled_from(["http://127.0.0.1:1/upload/" + "0" * 32, "https://a", "ftp://a"]),
    language_code=TEXT | st.sampled_from(["en", "en_us", "de"]),
    status=STATUSES,
)


@examples(200)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]),
    path=PATHS,
    query=QUERIES,
    headers=HTTP_HEADERS,
    body=json_bytes(REQUESTS),
)
@example(method="POST", path="/v2/transcript", query="", headers=[], body=b"[" * 100_000)
def test_any_request_is_answered_and_none_is_a_server_error(local, method, path, query, headers, body):
    named = "nobody's" if method == "DELETE" else local.done
    headers = [(b"host", b"127.0.0.1:1"), AUTHORIZED, *headers]
    query = query.replace("{id}", named).encode("ascii")
    status, answer = local.run(method, path.replace("{id}", named), query, headers, body[:9], body[9:])
    assert status < 500
    assert status not in (400, 401, 413) or set(json.loads(answer)) == {"error"}


@examples(150)
@given(host=st.from_regex(r"(\[::1\]|(127\.|localhost|)[a-z0-9.-]{0,14})(:[0-9]{1,5})?", fullmatch=True))
@example(host="127.rebound.example")
@example(host="127.0.0.1.example")
def test_only_an_address_of_this_machine_is_a_loopback_name(local, host):
    status, _ = local.run("GET", "/v2/transcript", b"", [(b"host", host.encode()), AUTHORIZED])
    name = re.sub(r":[0-9]*$", "", host).strip("[]")
    address, _ = outcome(ValueError, ipaddress.ip_address, name)
    assert status == 400 or name == "localhost" or address.is_loopback


@examples(60)
@given(length=LATIN.map(lambda text: text.decode("latin-1")) | st.integers().map(str))
def test_an_announced_length_is_a_number_of_bytes(length):
    assert local_requests.announced_bytes(Headers({"content-length": length})) >= 0


QUEUED = {"id": ID, "status": "queued", "audio_url": "http://a/b"}
RECORD = {"number": 1, "created": "2026-01-01", "completed": None, "transcript": QUEUED}
RECORDS = fields(number=NUMBERS, created=MOMENTS, completed=MOMENTS, transcript=TRANSCRIPTS | st.just(QUEUED))


@examples(100)
@given(content=json_bytes(st.just(RECORD) | RECORDS))
def test_a_file_in_the_local_store_is_a_transcript_or_a_config_error(tmp_path, content):
    (tmp_path / "one.json").write_bytes(content)
    (tmp_path / "two.json").write_text(json.dumps(RECORD))
    kept, _ = outcome(ConfigError, store.Transcripts, os.fsencode(tmp_path), lambda: 1.0)
    assert kept is None or kept.items()


@examples(40)
@given(content=HOSTILE | damaged(st.sampled_from([RECORDING[:8000], mp3("Talk", 10)])))
def test_any_bytes_are_sound_or_a_permanent_error(file, content):
    file.write_bytes(content)
    found, error = outcome(Permanent, lambda: sum(map(len, decode.samples(os.fsencode(file)))))
    least = decode.SHORTEST_SECONDS * decode.BYTES_PER_SECOND
    assert found >= least if error is None else are_lines(error.message)
