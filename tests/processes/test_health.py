"""`transcribed health` beside a real daemon, as a container asks it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from daemon_process import Daemon
from waiting import wait_for
from world import mp3


@pytest.fixture
def daemon(tmp_path, api):
    with Daemon(tmp_path / "house", api.base_url) as daemon:
        yield daemon


def asked(daemon, *words, verb="health"):
    command = [sys.executable, "-m", "transcribed", verb, "--config", str(daemon.write_config()), *words]
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("XDG", "STATE", "RUNTIME"))}
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


def is_done(status):
    return status["jobs"] == {"delivered": 1} and status["open_count"] == 0


def test_a_daemon_is_healthy_while_it_works_and_unhealthy_before_and_after(daemon):
    never = asked(daemon)
    assert (never.returncode, never.stdout) == (1, "UNHEALTHY: the daemon has not run with this configuration\n")
    assert asked(daemon, "--exit-code", verb="status").returncode == 4

    daemon.drop("Talk.mp3", mp3("Talk"))
    daemon.start()
    daemon.wait_for_archive(1)
    wait_for(lambda: is_done(daemon.status()), "the status")
    healthy = asked(daemon)
    assert (healthy.returncode, healthy.stderr) == (0, "")
    assert healthy.stdout.startswith("healthy: the daemon is running; 0 in progress, 1 delivered, 0 failed")
    assert json.loads(asked(daemon, "--json").stdout)["life"] == "running"
    assert asked(daemon, "--exit-code", verb="status").returncode == 0

    daemon.signal(signal.SIGTERM)
    daemon.wait()
    assert (asked(daemon).returncode, json.loads(asked(daemon, "--json").stdout)["life"]) == (1, "stopped")
    assert asked(daemon, "--exit-code", verb="status").returncode == 3

    daemon.start()
    wait_for(lambda: not daemon.status().get("ended", True), "the status of the next process")
    daemon.kill()
    assert (asked(daemon).returncode, json.loads(asked(daemon, "--json").stdout)["life"]) == (1, "dead")
    dead = asked(daemon, "--exit-code", verb="status")
    assert (dead.returncode, "of a process that died" in dead.stdout) == (1, True)


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
