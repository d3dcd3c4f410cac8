"""Whoever reads the log may hang, go away or rename the file: the daemon goes on, and says what was lost."""

import fcntl
import json
import os
import signal
import subprocess
import sys

import pytest

from daemon_process import Daemon
from ends import killed
from waiting import BOUND_SECONDS, wait_for
from world import mp3

F_SETPIPE_SZ = 1031  # fcntl(2)
PIPE_BYTES = 8192
SPEAKS = """
import logging, os, sys
import structlog
from transcribed import service, standard_error
standard_error.PATIENCE_MILLISECONDS = 1
service.log_to_stderr("json", os.environ)
log = structlog.get_logger()
for line in sys.stdin:
    for number in range(int(line)):
        log.info("spoken", number=number, words="w" * 1000)
    print("said", flush=True)
"""


@pytest.fixture
def speaker():
    """A process that logs as many lines as it is told, into a small pipe; and the pipe's other end."""
    there, here = os.pipe()
    fcntl.fcntl(here, F_SETPIPE_SZ, PIPE_BYTES)
    command = [sys.executable, "-c", SPEAKS]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with killed(
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=here, env=environ, text=True, bufsize=1
        )
    ) as process:
        os.close(here)
        with os.fdopen(there, "rb") as log:
            yield process, log


def say(process, lines):
    process.stdin.write(f"{lines}\n")
    assert process.stdout.readline() == "said\n"


def test_lines_that_nobody_reads_are_lost_and_counted_and_each_that_is_read_is_whole(speaker):
    process, log = speaker
    say(process, 50)
    os.set_blocking(log.fileno(), False)
    first = log.read()
    say(process, 2)
    process.stdin.close()
    process.wait(timeout=BOUND_SECONDS)
    os.set_blocking(log.fileno(), True)
    lines = [json.loads(line) for line in (first + log.read()).splitlines() if line.endswith(b"}")]
    spoken = [line["number"] for line in lines if line["event"] == "spoken"]
    (lost,) = (line["lines"] for line in lines if line["event"] == "log.lost")
    assert len(spoken) + lost == 52
    assert spoken[-2:] == [0, 1]


@pytest.fixture
def daemon(tmp_path, api):
    with Daemon(tmp_path / "daemon", api.base_url) as process:
        yield process


def test_a_daemon_whose_log_nobody_reads_delivers_and_stops(daemon):
    os.mkfifo(daemon.log)
    hanging = os.open(daemon.log, os.O_RDWR)
    try:
        size = fcntl.fcntl(hanging, F_SETPIPE_SZ, PIPE_BYTES)
        for number in range(12):
            daemon.drop(f"{number}.mp3", mp3(str(number)))
        daemon.is_cold = True  # the standard error of another one was a file
        daemon.start()
        wait_for(lambda: len(daemon.files("archive")) == 12, "twelve recordings to be delivered")
        assert len(os.read(hanging, size)) > size - 4096, "the pipe was not full: this test shows nothing"
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
    finally:
        os.close(hanging)


@pytest.mark.parametrize("how", ["renamed", "renamed, and made again", "removed"])
def test_a_hangup_goes_on_in_a_new_log_file_where_the_old_one_is_not_there_any_more(daemon, how):
    daemon.start()
    wait_for(lambda: daemon.status().get("pid"), "the daemon to be at work")
    daemon.log.rename(daemon.directory / "log.1") if how != "removed" else daemon.log.unlink()
    if how.endswith("again"):
        daemon.log.touch(mode=0o640)
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: "config.reloaded" in daemon.events(), "the new file to have a line")


def test_a_log_file_that_is_still_there_is_kept(daemon):
    daemon.start()
    wait_for(lambda: daemon.status().get("pid"), "the daemon to be at work")
    inode = daemon.log.stat().st_ino
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: "config.reloaded" in daemon.events(), "the reload")
    assert (daemon.log.stat().st_ino, daemon.events()[0]) == (inode, "daemon.started")
