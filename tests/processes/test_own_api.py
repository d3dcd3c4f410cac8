"""The recogniser that the daemon runs itself: a process of its own, which ends with it, however it ends."""

import contextlib
import itertools
import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

import pytest

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from transcribed.assemblyai import AssemblyAI
from transcribed.errors import Blocked, ConfigError
from transcribed.own_api import ACCOUNT, OwnApi
from waiting import BOUND_SECONDS, wait_for

RECORDING = (resources.files("transcribed") / "demo" / "recording.mp3").read_bytes()
TWICE = RECORDING * 2  # MP3 frames follow one another: two windows
OPTIONS = {"model": None, "engine": None, "engine_key_file": None, "workers": None}


class Engine(ThreadingHTTPServer):
    """A server of OpenAI's shape that hears one window, and the others only once it may go on."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Window)
        self.address = f"http://127.0.0.1:{self.server_address[1]}/v1"
        self.windows = itertools.count()
        self.goes_on = threading.Event()


class Window(BaseHTTPRequestHandler):
    server: Engine

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if next(self.server.windows):
            self.server.goes_on.wait(BOUND_SECONDS)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(b'HTTP/1.0 200 OK\r\n\r\n{"text": "Good day."}')

    def log_message(self, *_):
        pass


@pytest.fixture
def engine():
    with Engine() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.goes_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def daemon(tmp_path, engine):
    with Daemon(tmp_path, "") as daemon:
        daemon.config["api"] = {"engine": "local", "poll_seconds": 0.2}
        daemon.config["local"] = {"engine": engine.address, "workers": 1}
        yield daemon


def started(daemon):
    """The process ids of its recognisers so far, the newest last."""
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines() if line.startswith("{")]
    return [line["pid"] for line in lines if line["event"] == "recogniser.started"]


def group(leader):
    """The processes that are left of those that a recogniser's server has started, with itself."""
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if is_in(pid, leader)]


def is_in(pid, leader):
    with contextlib.suppress(ProcessLookupError):
        return os.getpgid(pid) == leader
    return False


def heard(daemon):
    return next((row.get("heard_seconds") for row in daemon.status().get("open", [])), None)


def test_a_recording_is_heard_and_submitted_once_though_the_daemon_and_its_recogniser_are_killed(daemon, engine):
    daemon.start()
    daemon.drop("Talk.mp3", TWICE)
    wait_for(lambda: heard(daemon), "seconds that were heard", 120)
    [row] = daemon.status()["open"]
    assert 0 < row["heard_seconds"] < row["audio_seconds"]
    assert row["audio_seconds"] == pytest.approx(54, abs=1)
    [first] = started(daemon)
    assert len(group(first)) > 1
    daemon.kill()
    wait_for(lambda: not group(first), "the recogniser to end with the daemon", 60)
    daemon.start()
    second = wait_for(lambda: started(daemon)[1:], "the recogniser to be started again", 120)[0]
    daemon.config["local"]["workers"] = 2
    daemon.write_config()
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: "config.refused" in daemon.events(), "a refusal: this needs a restart")
    assert "api.engine and [local] cannot change while the daemon runs: restart it" in daemon.log.read_text()
    os.kill(second, signal.SIGKILL)
    engine.goes_on.set()
    daemon.wait_for_archive(1, 120)
    assert set((daemon.folders["outbox"] / "Talk.txt").read_text().split()) == {"Good", "day."}
    [job] = daemon.jobs()
    assert job.base_url == "local"
    assert daemon.events().count("job.submitted") == 1
    assert len(started(daemon)) == 3
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    wait_for(lambda: not any(map(group, started(daemon))), "all of them to be gone", 60)


def test_a_draft_lies_in_the_outbox_until_the_transcript_of_the_cloud_does(tmp_path, engine):
    engine.goes_on.set()
    with FakeAssemblyAI(processing_seconds=1e9) as api, Daemon(tmp_path, api.base_url) as daemon:
        daemon.config["local"] = {"engine": engine.address, "workers": 1}
        daemon.start()
        wait_for(lambda: "daemon.started" in daemon.events(), "its start")
        daemon.config["inbox"][0]["draft"] = True
        daemon.write_config()
        daemon.signal(signal.SIGHUP)
        wait_for(lambda: "config.refused" in daemon.events(), "a refusal: this needs a restart")
        assert "starts a recogniser: restart the daemon" in daemon.log.read_text()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        daemon.start()
        daemon.drop("Talk.mp3", RECORDING)
        draft = daemon.folders["outbox"] / "Talk.draft.txt"
        wait_for(draft.exists, "the draft", 120)
        assert set(draft.read_text().split()) == {"Good", "day."}
        api.processing_seconds = 0
        daemon.wait_for_archive(1, 120)
        wait_for(lambda: not draft.exists(), "the draft to go")
        assert (daemon.folders["outbox"] / "Talk.txt").exists()
        [job] = daemon.jobs()
        assert job.base_url == api.base_url


def test_one_that_does_not_start_says_why_and_blocks_only_the_lane(tmp_path):
    own = OwnApi(str(tmp_path / "own"), threading.Event(), **{**OPTIONS, "model": "ear"})
    own.start()
    try:
        with pytest.raises(Blocked, match="there is no model 'ear': choose one of") as raised:
            wait_until_told(own)
        assert raised.value.lane == "api"
        assert raised.value.refused
    finally:
        own.end()


def test_nobody_without_its_key_can_call_it(tmp_path, engine):
    stop = threading.Event()
    own = OwnApi(str(tmp_path / "own"), stop, **{**OPTIONS, "engine": engine.address})
    ready = threading.Event()
    own.start(ready.set)
    try:
        client = AssemblyAI(own.base_url, own.key, stop=stop, account=ACCOUNT, ready=own.wait_until_ready)
        assert ready.wait(120), "nobody was told that it is up"
        client.check()
        assert client.account == ACCOUNT
        with pytest.raises(Blocked, match="refuses the key"):
            AssemblyAI(own.base_url, "local", stop=stop).check()
    finally:
        own.end()


def wait_until_told(own):
    """A call that is told why there is no recogniser, however long its first start takes."""

    def told():
        try:
            own.wait_until_ready()
        except Blocked as error:
            return None if "it is not ready" in error.message else error
        return None

    raise wait_for(told, "a reason", 120)


def test_what_keeps_it_from_running_is_said_before_anything_is_started(tmp_path):
    with pytest.raises(ConfigError, match="holds no model"):
        OwnApi(str(tmp_path), threading.Event(), **{**OPTIONS, "model": str(tmp_path)})
    with pytest.raises(ConfigError, match="is no address: write it as http://host:8000/v1"):
        OwnApi(str(tmp_path), threading.Event(), **{**OPTIONS, "engine": "host:8000"})
