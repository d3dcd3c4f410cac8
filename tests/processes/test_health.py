"""`transcribed health` beside a real daemon, as a container asks it."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

import voices
from daemon_process import Daemon
from transcribed import worker
from transcribed.cli.app import app
from transcribed.monitor.health import SILENT, SILENT_SECONDS
from waiting import wait_for
from world import mp3


@pytest.fixture
def daemon(tmp_path, api):
    with Daemon(tmp_path / "house", api.base_url) as daemon:
        yield daemon


def asked(daemon, *words):
    command = [sys.executable, "-m", "transcribed", "health", "--config", str(daemon.write_config()), *words]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("XDG", "STATE", "RUNTIME"))}
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


def status_of(daemon):
    """The exit status and the first line of `transcribed status --exit-code`."""
    words = ["--config", str(daemon.write_config()), "status", "--exit-code"]
    done = CliRunner().invoke(app, words, env={"RUNTIME_DIRECTORY": None})
    return done.exit_code, done.stdout.splitlines()[0]


def is_done(status):
    return status["jobs"] == {"delivered": 1} and status["open_count"] == 0


def test_a_daemon_is_healthy_while_it_works_and_unhealthy_before_and_after(daemon):
    never = asked(daemon)
    assert (never.returncode, never.stdout) == (1, "UNHEALTHY: the daemon has not run with this configuration\n")
    assert status_of(daemon)[0] == 4

    daemon.drop("Talk.mp3", mp3("Talk"))
    daemon.start()
    daemon.wait_for_archive(1)
    wait_for(lambda: is_done(daemon.status()), "the status")
    healthy = asked(daemon)
    assert (healthy.returncode, healthy.stderr) == (0, "")
    assert healthy.stdout.startswith("healthy: the daemon is running; 0 in progress, 1 delivered, 0 failed")
    assert json.loads(asked(daemon, "--json").stdout)["life"] == "running"
    assert status_of(daemon)[0] == 0

    daemon.signal(signal.SIGTERM)
    daemon.wait()
    assert (asked(daemon).returncode, json.loads(asked(daemon, "--json").stdout)["life"]) == (1, "stopped")
    assert status_of(daemon)[0] == 3

    daemon.start()
    wait_for(lambda: not daemon.status().get("ended", True), "the status of the next process")
    daemon.kill()
    assert (asked(daemon).returncode, json.loads(asked(daemon, "--json").stdout)["life"]) == (1, "dead")
    code, said = status_of(daemon)
    assert (code, "of a process that died" in said) == (1, True)


def test_the_question_imports_nothing_large(daemon):
    """A container asks each half minute: typer, pydantic and SQLAlchemy would cost ten times as much."""
    large = (
        "{'typer', 'pydantic', 'sqlalchemy', 'rich', 'dataclasses', 'structlog', 'requests', 'logging', 'subprocess'}"
    )
    code = f"""
import sys, transcribed.cli
sys.argv = ["transcribed", "health"]
try:
    transcribed.cli.main()
except SystemExit:
    print(*{large}.intersection(sys.modules))
"""
    environ = {**os.environ, "TRANSCRIBED_CONFIG": str(daemon.write_config()), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)
    assert done.stdout.splitlines()[1:] == [""], done


# -- broken for real


@pytest.mark.slow
def test_of_each_thing_that_breaks_command_endpoint_and_service_manager_say_the_same(daemon):
    """A refused key, an inbox that is gone, a journal that another program has locked; at last a loop that hangs."""
    daemon.key = "a-key-that-nobody-knows"
    daemon.drop("Talk.mp3", mp3("Talk"))
    with voices.of(daemon) as all_of_them:
        daemon.start()
        all_of_them.name("api")

        daemon.folders["inbox"].rename(daemon.directory / "away")
        all_of_them.name("inbox:talks")

        with contextlib.closing(sqlite3.connect(daemon.state / "journal.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            worker.drop(str(daemon.state), {"order": "cancel", "jobs": [1]})
            all_of_them.name("state")
            other.execute("ROLLBACK")

        daemon.signal(signal.SIGSTOP)
        all_of_them.told()
        later = all_of_them.health(at=time.time() + SILENT_SECONDS + 1)
        assert (later.life, later.is_healthy) == (SILENT, False)
        assert all_of_them.page("/healthz", seconds=2) is None
        assert not all_of_them.ping()
        daemon.signal(signal.SIGCONT)
