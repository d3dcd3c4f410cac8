"""One inbox with everything that has ever been found in one, under the real process: what is good is delivered.

The daemon runs without the privilege to overlook modes, below strace, which sees what it opens.
"""

import codecs
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from abilities import needs_strace
from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from straced import Straced, calls_of
from transcribed.cli.app import app
from waiting import wait_for
from world import mp3

#: Runs a program without the privilege to overlook modes; whoever is not root has none.
WITHOUT = "-dac_override,-dac_read_search"
BIND = ["setpriv", f"--bounding-set={WITHOUT}", f"--inh-caps={WITHOUT}"] if os.geteuid() == 0 else []

#: Whatever a name may hold but `/` and NUL. None of them is anybody's to refuse.
NAMES = [
    *(b"Talk.mp3", b"talk.mp3", b"TALK.MP3", b"Talk (2).mp3"),
    *(unicodedata.normalize(form, "Ca\u0301fe\u0301.mp3").encode() for form in ("NFC", "NFD")),
    *(b"two\nlines.mp3", b"return\r.mp3", b"tab\t.mp3", b"\x07\x08.mp3", b"\x7f.mp3"),
    *(b"\x1b[2J\x1b[31m.mp3", b"\x1b]0;owned\x07.mp3", b"\xc2\x9b31m.mp3", b"\x9b31m.mp3"),
    *("gnp.\u202e3pm.mp3".encode(), "\u2066\u2028\u2029\u200b\ufeff.mp3".encode(), "\U000e0041.mp3".encode()),
    *(b"caf\xe9.mp3", b"\xff\xfe\xed\xa0\x80.mp3", b"\xf0\x9f\x8e.mp3"),
    *(b"-rf.mp3", b"--help.mp3", b"*.mp3", b"$(reboot).mp3", b"`reboot`.mp3", b"a;b&c|d.mp3", b"%s%n{0}.mp3"),
    *(b"'\"\\.mp3", b"[bold]red[/].mp3", b'{"event":"job.failed"}.mp3', b"<script>.mp3", b"=cmd.mp3", b"#recycle.mp3"),
    *(b" .mp3", b" a .mp3", b"a..mp3", b"CON.mp3", b"a:b?.mp3", b"a.mp3.mp3", b"error.txt.mp3"),
    *(b"x" * 251 + b".mp3", b"x" * 250 + b"y.mp3", "会".encode() * 83 + b"ab.mp3"),
    *(b"two\nlines/\x1b[7m/Talk.mp3", b"folder.mp3/Talk.mp3", b"caf\xe9/-/Talk.mp3", b"d/" * 40 + b"deep.mp3"),
]
#: Recordings that are odd only in what the file system says of them; each is good.
ODD = [b"old.mp3", b"future.mp3", b"readable.mp3", b"program.mp3", b"hard link.mp3", b"no-way-out/Talk.mp3"]
FAILING = [b"noise.mp3", b"\x1b[5mno\nise\xff.mp3", b"b\xe9d/\x1bnoise.mp3"]  # no audio: each gets a note
CLOSED = b"closed.mp3"  # nobody may read it
NOT_TAKEN = [
    *(".hidden.mp3", "._Talk.mp3", ".transcribed-Talk.mp3", ".syncthing.Talk.mp3.tmp", "~$Talk.mp3"),
    *(
        "Unfinished.mp3.part",
        "Unfinished.mp3.crdownload",
        "Unfinished.mp3.filepart",
        "Talk.sync-conflict-1.mp3",
        "notes.txt",
        "no-suffix",
    ),
]
IN_FOLDERS_NOT_OURS = ["@eaDir/Talk.mp3", "#recycle/Talk.mp3", ".stversions/Talk.mp3", "$RECYCLE.BIN/Talk.mp3"]
STRANGE = ["link.mp3", "dangling.mp3", "loop.mp3", "folder link", "pipe.mp3", "socket.mp3", "device.mp3", "tape.mp3"]


class Bound(Straced):
    """A cold daemon that modes bind although it is root's.

    strace keeps all of its privileges, or it could not trace: what it starts gives them away and becomes the daemon.
    """

    def start(self, *arguments: str) -> None:
        strace = ["strace", "-D", "-f", "--seccomp-bpf", "-q", "-o", str(self.trace), *self.strace_arguments]
        daemon = [sys.executable, "-m", "transcribed", "--config", str(self.write_config()), "run", *arguments]
        with self.log.open("ab") as log:
            environ = {**os.environ, "ASSEMBLYAI_API_KEY": self.key}
            self.process = subprocess.Popen([*strace, *BIND, *daemon], env=environ, stdout=log, stderr=log)

    def traced(self) -> str:
        """The whole trace: strace ends a moment after the daemon."""
        end = re.compile(rf"^{self.process.pid} +\+\+\+ ", re.MULTILINE)
        wait_for(lambda: end.search(self.trace.read_text(errors="replace")), "the end of the trace")
        return self.trace.read_text(errors="replace")


def put(inbox: bytes, name: bytes, data: bytes | None = None) -> bytes:
    path = os.path.join(inbox, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "xb") as file:
        file.write(recording(name) if data is None else data)
    return path


def recording(name: bytes) -> bytes:
    """A recording that no other name has."""
    return mp3(hashlib.sha256(name).hexdigest())


def put_odd_ones(inbox: bytes, outside: Path) -> None:
    os.utime(put(inbox, b"old.mp3"), (0, 0))
    os.utime(put(inbox, b"future.mp3"), (7e9, 7e9))
    os.chmod(put(inbox, b"readable.mp3"), 0o444)
    os.chmod(put(inbox, b"program.mp3"), 0o4777)
    (outside / "linked").write_bytes(recording(b"hard link.mp3"))
    os.link(outside / "linked", os.path.join(inbox, b"hard link.mp3"))
    os.chmod(os.path.dirname(put(inbox, b"no-way-out/Talk.mp3")), 0o555)
    os.chmod(put(inbox, CLOSED), 0)
    os.chmod(os.path.dirname(put(inbox, b"closed folder/Talk.mp3")), 0)
    put(inbox, b"empty.mp3", b"")


def put_strange_ones(inbox: Path, outside: Path) -> None:
    """Entries that are not files of their own. Each leads to a secret, or to a wait without an end."""
    (outside / "secret.mp3").write_bytes(mp3("secret"))
    (inbox / "link.mp3").symlink_to(outside / "secret.mp3")
    (inbox / "dangling.mp3").symlink_to("nowhere")
    (inbox / "loop.mp3").symlink_to("loop.mp3")
    (inbox / "folder link").symlink_to(outside)
    os.mkfifo(inbox / "pipe.mp3")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(inbox)  # the address of a socket is short
        try:
            listener.bind("socket.mp3")
        finally:
            os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(inbox / "device.mp3", 0o20666, os.makedev(1, 5))  # /dev/zero
        os.mknod(inbox / "tape.mp3", 0o60666, os.makedev(7, 99))


def opened(daemon: Straced) -> set[bytes]:
    """The paths below the inbox that it opened or tried to, as relative ones."""
    top = os.fsencode(daemon.folders["inbox"]) + b"/"
    calls = [call for call in calls_of(daemon.traced()) if call.name.startswith("open")]
    paths = [codecs.escape_decode(name)[0] for call in calls for name in call.names]
    return {path.removeprefix(top) for path in paths if path.startswith(top)}


def answers(daemon: Daemon) -> dict[str, bytes]:
    """The answers of the command line, in words and as JSON."""
    named = (NAMES[11], b"caf\xe9/-/Talk.mp3", FAILING[1])
    questions = [["status"], ["jobs"], ["check"], *(["explain", os.fsdecode(name)] for name in named)]
    config = str(daemon.write_config())

    def answer(words: list[str]) -> bytes:
        run = CliRunner().invoke(app, ["--config", config, *words], env={"ASSEMBLYAI_API_KEY": daemon.key})
        assert run.exception is None or isinstance(run.exception, SystemExit), words
        return run.stdout_bytes + run.stderr_bytes

    asked = [words for question in questions for words in (question, [*question, "--json"])]
    return {" ".join(map(ascii, words)): answer(words) for words in asked}


def notes(daemon: Daemon) -> list[str]:
    return [name for name in daemon.files("failed") if name.endswith(".error.txt")]


def assert_speaks_to_no_terminal(said: Iterable[tuple[str, bytes]]) -> None:
    for where, text in said:
        assert text, where
        for line in text.decode("utf-8", "strict").split("\n"):
            assert line.isprintable(), (where, line)


def delivered(daemon: Daemon) -> int:
    return daemon.log.read_bytes().count(b'"job.delivered"')


def fill(daemon: Daemon, outside: Path) -> set[bytes]:
    """Everything into the inbox; what is not to be opened."""
    folder = daemon.folders["inbox"]
    inbox = os.fsencode(folder)
    others = [os.fsencode(name) for name in [*NOT_TAKEN, *IN_FOLDERS_NOT_OURS]]
    for name in [*NAMES, *others]:
        put(inbox, name)
    for name in FAILING:
        put(inbox, name, b"no audio at all: " + name)
    put_odd_ones(inbox, outside)
    put_strange_ones(folder, outside)
    strange = [os.fsencode(name) for name in STRANGE if os.path.lexists(folder / name)]
    assert len(strange) >= len(STRANGE) - 2, "only devices need root"
    return {*others, *strange}


def assert_said_why(daemon: Daemon, status: dict[str, Any], others: set[bytes]) -> None:
    """Of what stays behind the status says why."""
    [stuck] = [row for row in status["open"] if row["file"] == "no-way-out/Talk.mp3"]
    assert "cannot be moved" in stuck["reason"]
    problems = " ".join(status["inboxes"][0]["problems"])
    strange = [name for name in STRANGE if os.fsencode(name) in others and name != "folder link"]
    assert [name for name in [*strange, "closed folder"] if f"{name}: " not in problems] == []
    waiting = {row["file"]: row["why"] for row in status["inboxes"][0]["unsettled"]}
    assert "permission" in waiting["closed.mp3"]
    assert waiting.keys() <= {"closed.mp3", "empty.mp3"}


@pytest.mark.slow
@needs_strace
def test_everything_good_is_delivered_nothing_else_is_opened_and_no_name_speaks_to_a_terminal(tmp_path):
    good = [*NAMES, *ODD]
    outside = tmp_path / "outside"
    outside.mkdir()
    with FakeAssemblyAI() as api, Bound(tmp_path / "daemon", api.base_url, formats=["txt", "json"]) as daemon:
        others = fill(daemon, outside)
        inbox = os.fsencode(daemon.folders["inbox"])
        daemon.strace_arguments = ["-y", "-e", "trace=open,openat,openat2"]
        try:
            daemon.start()
            wait_for(lambda: delivered(daemon) == len(good), "all that is good", 100.0)
            wait_for(lambda: len(notes(daemon)) >= len(FAILING), "a note for each that failed")
            wait_for(lambda: len(daemon.files("archive")) == len(good) - 1, "all but the one that cannot be moved")
            wait_for(lambda: "cannot be moved" in str(daemon.status()), "the reason why, in the status")
            status = daemon.status()
            said = answers(daemon)
            assert daemon.process is not None
            assert daemon.process.poll() is None, "it is alive"
        finally:
            for closed in (b"no-way-out", b"closed folder"):
                os.chmod(os.path.join(inbox, closed), 0o755)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0

        # Each recording was delivered by its own bytes, once; nothing else left this machine.
        assert {upload.sha256 for upload in api.uploads} == {
            hashlib.sha256(recording(name)).hexdigest() for name in good
        }
        assert set(api.paid().values()) == {1}
        assert len(daemon.files("outbox")) == 2 * len(good)

        # Nothing else was opened, or is gone.
        looked_at = opened(daemon)
        assert looked_at >= {*NAMES, *FAILING, CLOSED}
        assert looked_at & others == set()
        assert not [path for path in looked_at if path.startswith(b"folder link")]
        assert all(os.path.lexists(os.path.join(inbox, name)) for name in others)
        assert_said_why(daemon, status, others)

        # No name broke a line or spoke to a terminal, anywhere.
        written = {"log": daemon.log, "status": daemon.state / "status.json"}
        written |= {name: daemon.folders["failed"] / name for name in notes(daemon)}
        assert_speaks_to_no_terminal([*said.items(), *((name, path.read_bytes()) for name, path in written.items())])
        for name, answer in [*said.items(), ("'--json'", daemon.log.read_bytes())]:
            assert not name.endswith("'--json'") or all(json.loads(line) for line in answer.splitlines()), name
        assert rb"two\x0alines" in said["'jobs'"]


@pytest.mark.parametrize("form", ["console", "journal"])
def test_no_name_breaks_a_line_or_speaks_to_a_terminal_in_any_form_of_the_log(tmp_path, form):
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.config["log"]["format"] = form
        inbox = os.fsencode(daemon.folders["inbox"])
        for name in [*NAMES[6:25], *FAILING]:
            put(inbox, name, None if name in NAMES else name)
        os.symlink(b"nowhere", inbox + b"/\x1b[2J\nlink.mp3")
        daemon.start("--once")
        assert daemon.wait() == 1

        assert_speaks_to_no_terminal([("log", daemon.log.read_bytes())])
        lines = daemon.log.read_text().splitlines()
        assert sum("job.delivered" in line for line in lines) == len(NAMES[6:25])
        assert all("daemon." in line or "job." in line or "inbox." in line for line in lines)
