"""A stop and a reload are heard at once, from the process's first moment to its last; children know nothing of it."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import signal_storm
from daemon_process import Daemon
from ends import killed
from fake_assemblyai import KEY, FakeAssemblyAI
from transcribed.journal import Journal
from waiting import wait_for
from world import mp3

ENVIRON = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

#: A process whose main thread waits in a mailbox. That thread takes no signals, so the kernel gives them to another
#: one, and nothing ends the wait: as where a signal comes just before it begins.
WAITING = """
import queue, signal, threading
from transcribed import signals
mailbox = queue.SimpleQueue()
signals.caught().tell(stop=lambda: mailbox.put("stop"), reload=lambda: mailbox.put("reload"))
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
print("ready", flush=True)
while True:
    print(mailbox.get(), flush=True)
"""

#: The command line, which sends itself a signal at a moment of its start: an import, or the opening of the journal.
SIGNALLED = """
import os, sys
def look(event, arguments):
    if os.environ.get("AT") == (arguments[0] if event == "import" else event):
        del os.environ["AT"]
        os.kill(os.getpid(), int(os.environ["SIGNAL"]))
sys.addaudithook(look)
from transcribed.cli import main
main()
"""
FIRST, LAST = "transcribed.cli.app", "sqlite3.connect"


@pytest.fixture
def daemon(tmp_path: Path, api: FakeAssemblyAI) -> Iterator[Daemon]:
    with Daemon(tmp_path / "daemon", api.base_url) as process:
        yield process


def start_with_a_signal(daemon: Daemon, at: str, number: signal.Signals) -> None:
    """Start the daemon so that it gets a signal at this moment."""
    command = [sys.executable, "-c", SIGNALLED, "--config", str(daemon.write_config()), "run"]
    with daemon.log.open("ab") as log:
        environ = {**ENVIRON, "ASSEMBLYAI_API_KEY": KEY, "AT": at, "SIGNAL": str(int(number))}
        daemon.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)


def test_a_signal_that_does_not_end_the_wait_of_the_main_thread_is_heard_all_the_same() -> None:
    command = [sys.executable, "-c", WAITING]
    with killed(subprocess.Popen(command, env=ENVIRON, stdout=subprocess.PIPE, text=True)) as process:
        heard = [process.stdout.readline()]
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
            heard.append(process.stdout.readline())

    assert heard == ["ready\n", "reload\n", "stop\n", "stop\n", "reload\n"]


def test_usr1_makes_the_log_tell_all_and_ends_that_again(daemon: Daemon) -> None:
    daemon.start()
    wait_for(lambda: "daemon.started" in daemon.events() and daemon.status(), "its start")
    daemon.signal(signal.SIGUSR1)
    wait_for(lambda: daemon.events().count("log.level") == 1, "the change")
    daemon.drop("Talk.mp3", mp3("Talk"))
    daemon.wait_for_archive(1)
    assert "job.attempted" in daemon.events()
    assert any("POST /v2/transcript" in event for event in daemon.events())
    assert KEY not in daemon.log.read_text()
    daemon.signal(signal.SIGUSR1)
    wait_for(lambda: daemon.events().count("log.level") == 2, "the change back")


def test_every_one_of_many_signals_at_random_moments_is_heard() -> None:
    assert len(list(signal_storm.storm(500, seed=12))) == 500


@pytest.mark.parametrize("at", [FIRST, LAST])
def test_a_hangup_while_the_daemon_starts_is_obeyed_once_it_is_up(daemon: Daemon, at: str) -> None:
    start_with_a_signal(daemon, at, signal.SIGHUP)

    wait_for(lambda: "config.reloaded" in daemon.events(), "the reload")

    assert daemon.events() == ["daemon.started", "config.reloaded"]
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("at", [FIRST, LAST])
def test_a_stop_while_the_daemon_starts_ends_it_well_before_it_has_begun(
    daemon: Daemon, at: str, number: signal.Signals
) -> None:
    start_with_a_signal(daemon, at, number)

    assert daemon.wait() == 0
    assert daemon.log.read_text() == ""


def test_a_stop_while_the_journal_waits_for_its_disk_ends_the_daemon_at_once(daemon: Daemon) -> None:
    Journal.open(str(daemon.state)).close()
    other = sqlite3.connect(daemon.state / "journal.db", isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")  # to the daemon a journal that cannot be read now
    other.execute("BEGIN IMMEDIATE")
    daemon.start()
    wait_for(lambda: "lane.blocked" in daemon.events(), "the wait")
    daemon.signal(signal.SIGHUP)
    daemon.signal(signal.SIGTERM)

    assert daemon.wait() == 0
    assert daemon.events() == ["lane.blocked"]
    other.close()


def test_a_child_of_the_daemon_gets_signals_as_they_are_and_no_descriptor() -> None:
    code = (
        "import subprocess\nfrom transcribed import signals\nsignals.caught()\n"
        "subprocess.run(['sh', '-c', 'cat /proc/self/status; ls /proc/$$/fd'], check=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRON, capture_output=True, timeout=60, check=True)

    status, _, descriptors = done.stdout.decode().rpartition("ctxt_switches:")
    masks = [line.split()[1] for line in status.splitlines() if line.startswith(("SigBlk", "SigIgn", "SigCgt"))]
    ours = sum(1 << number - 1 for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
    assert [int(mask, 16) & ours for mask in masks] == [0, 0, 0]
    assert descriptors.split()[1:] == ["0", "1", "2"]
