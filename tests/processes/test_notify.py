"""News from a real daemon: its addresses stay secret, and a silent service holds up nothing."""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from postbox import SECRET, urls
from waiting import wait_for
from world import mp3


def test_a_daemon_tells_and_its_log_and_status_know_no_secret(tmp_path, postbox):
    with FakeAssemblyAI() as server, Daemon(tmp_path / "d", server.base_url) as daemon:
        daemon.config["notify"] = {"urls_file": str(urls(tmp_path, postbox.url + "\n"))}
        daemon.drop("noise.mp3", b"no audio")
        daemon.start("--once")
        assert daemon.wait() == 1
        assert [told["title"] for told in postbox.got] == ["transcribed: 1 failed"]
        postbox.status = 500
        daemon.drop("other.mp3", b"no audio, nor here")
        daemon.start("--once")
        assert daemon.wait() == 1
        assert {"notify.told", "notify.failed", "notify.skipped"} <= set(daemon.events())
        assert [event for event in daemon.events() if " " in event] == [], "apprise says nothing of its own"
        known = daemon.log.read_text() + (daemon.state / "status.json").read_text()
        assert SECRET not in known


def test_a_reload_takes_other_addresses_into_force_and_wrong_ones_stop_nothing_else(tmp_path, postbox):
    with FakeAssemblyAI() as server, Daemon(tmp_path / "d", server.base_url) as daemon:
        daemon.config["notify"] = {"urls_file": str(urls(tmp_path, postbox.url + "\n"))}
        daemon.start()
        wait_for(lambda: "daemon.started" in daemon.events(), "the start")
        urls(tmp_path, SECRET + "\n")
        daemon.process.send_signal(1)
        wait_for(lambda: "config.reloaded" in daemon.events(), "the reload")
        wait_for(lambda: daemon.status()["blocked"], "the block of the news")
        assert daemon.status()["blocked"][0]["reason"].startswith("news go to the services from before: ")
        daemon.drop("noise.mp3", b"no audio")
        wait_for(lambda: "job.retired" in daemon.events(), "the end of the recording")
        daemon.process.terminate()
        assert daemon.wait() == 0
        assert "transcribed: 1 failed" in [told["title"] for told in postbox.got]
        assert "config.refused" not in daemon.events()
        assert SECRET not in daemon.log.read_text()


@pytest.mark.slow
def test_a_service_that_never_answers_holds_up_neither_recordings_nor_a_stop(tmp_path):
    silent = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # it listens, and nobody accepts
    with silent, FakeAssemblyAI() as server, Daemon(tmp_path / "d", server.base_url) as daemon:
        address = f"json://127.0.0.1:{silent.server_port}/?rto=600&cto=600"
        daemon.config["notify"] = {"urls_file": str(urls(tmp_path, address)), "events": ["delivered"]}
        daemon.start()
        wait_for(lambda: "daemon.started" in daemon.events(), "the start")
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.wait_for_archive(1)
        daemon.process.terminate()
        assert daemon.wait() == 0
        assert daemon.events().count("notify.skipped") == 1


@pytest.mark.slow
def test_apprise_is_not_imported_where_no_address_is_named(tmp_path):
    with FakeAssemblyAI() as server, Daemon(tmp_path / "d", server.base_url) as daemon:
        daemon.config["notify"] = {"events": ["failed"]}
        daemon.drop("noise.mp3", b"no audio")
        assert imported(daemon) == (1, False)
        daemon.config["notify"] = {"urls_file": str(urls(tmp_path, "json://127.0.0.1:1/\n"))}
        assert imported(daemon) == (0, True), "the test itself can see it"


def imported(daemon: Daemon) -> tuple[int, bool]:
    """The exit status of `run --once`, and True if apprise was imported in it."""
    code = (
        "import os, sys, runpy\nleave = os._exit\n"
        "def seen(status):\n    print('apprise' in sys.modules, flush=True)\n    leave(status)\n"
        "os._exit = seen\n"
        "runpy.run_module('transcribed', run_name='__main__', alter_sys=True)\n"
    )
    arguments = ["--config", str(daemon.write_config()), "run", "--once"]
    environ = os.environ | {"ASSEMBLYAI_API_KEY": daemon.key}
    ran = subprocess.run([sys.executable, "-c", code, *arguments], env=environ, capture_output=True, check=False)
    return ran.returncode, ran.stdout == b"True\n"


def test_without_the_extra_nothing_but_the_news_is_missing_and_the_log_and_the_status_name_the_fix(tmp_path):
    code = "import sys\nsys.modules['apprise'] = None\nfrom transcribed.cli import main\nmain()\n"
    with FakeAssemblyAI() as server, Daemon(tmp_path / "d", server.base_url) as daemon:
        daemon.config["notify"] = {"urls_file": str(urls(tmp_path, f"json://{SECRET}@127.0.0.1/\n"))}
        daemon.drop("Talk.mp3", mp3("Talk"))
        arguments = ["--config", str(daemon.write_config()), "run", "--once"]
        environ = os.environ | {"ASSEMBLYAI_API_KEY": daemon.key}
        ran = subprocess.run(
            [sys.executable, "-c", code, *arguments], env=environ, capture_output=True, text=True, check=False
        )
        status = (daemon.state / "status.json").read_text()

    assert ran.returncode == 0
    assert len(server.submits) == 1
    for told in (ran.stderr, status):
        assert "no news are sent: notify.urls_file needs the extra `notify`: in the folder of the source" in told
        assert "/bin/pip install --require-hashes -r requirements/notify.txt" in told
        assert SECRET not in told


def test_a_wrong_address_at_a_start_is_told_until_a_reload_finds_it_fixed(tmp_path, postbox):
    with FakeAssemblyAI() as server, Daemon(tmp_path / "d", server.base_url) as daemon:
        daemon.config["notify"] = {"urls_file": str(urls(tmp_path, SECRET + "\n"))}
        daemon.start()
        wait_for(lambda: "lane.blocked" in daemon.events(), "the block")
        daemon.process.send_signal(1)  # it is still wrong, and other changes of the configuration count all the same
        wait_for(lambda: "config.reloaded" in daemon.events(), "the reload")
        urls(tmp_path, postbox.url + "\n")
        daemon.process.send_signal(1)
        wait_for(lambda: daemon.events().count("config.reloaded") == 2, "the second reload")
        daemon.drop("noise.mp3", b"no audio")
        wait_for(lambda: "job.retired" in daemon.events(), "the end of the recording")
        daemon.process.terminate()
        assert daemon.wait() == 0
        assert [told["title"] for told in postbox.got] == ["transcribed: 1 failed"]
        assert (daemon.events().count("lane.blocked"), daemon.events().count("lane.resumed")) == (2, 2)
        assert SECRET not in daemon.log.read_text()


def test_check_counts_the_services_and_sends_nothing(tmp_path, postbox):
    with FakeAssemblyAI() as server, Daemon(tmp_path / "d", server.base_url) as daemon:
        daemon.config["notify"] = {"urls_file": str(urls(tmp_path, postbox.url + "\njson://127.0.0.1:1/\n"))}
        command = [sys.executable, "-m", "transcribed", "--config", str(daemon.write_config()), "check"]
        environ = os.environ | {"ASSEMBLYAI_API_KEY": daemon.key}
        told = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        urls(tmp_path, f"nosuch://{SECRET}\n")
        wrong = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert "ok: notify: 2 services for failed, blocked (not tried)" in told.stdout
    assert postbox.asked == 0
    assert wrong.returncode == 78
    assert "line 1: this is not an address" in wrong.stdout
    assert SECRET not in wrong.stdout + wrong.stderr + told.stdout
