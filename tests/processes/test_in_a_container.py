"""In our image a configuration that cannot be used is waited for: a container that ends is only started again."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from waiting import wait_for
from world import mp3


@pytest.fixture
def daemon(api: FakeAssemblyAI) -> Iterator[Daemon]:
    """A daemon as in the image, with its folders on a mount: what is in the container's root goes with it."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as mount, Daemon(Path(mount) / "daemon", api.base_url) as process:
        process.environ["TRANSCRIBED_CONTAINER"] = "1"
        yield process


def test_it_says_what_is_wrong_waits_and_starts_once_that_is_put_right(daemon):
    daemon.config["inbox"][0]["settle"] = 1
    daemon.start()
    wait_for(lambda: daemon.log.exists() and "nothing is transcribed until" in daemon.log.read_text(), "its reason")
    assert "settle" in daemon.log.read_text().replace("settle_seconds", "")
    assert daemon.process.poll() is None
    del daemon.config["inbox"][0]["settle"]
    daemon.write_config()
    daemon.signal(signal.SIGHUP)
    daemon.drop("Talk.mp3", mp3("Talk"))
    daemon.wait_for_archive(1)


def test_it_can_be_stopped_while_it_waits(daemon):
    daemon.config["inbox"] = []
    daemon.start()
    wait_for(lambda: daemon.log.exists() and "nothing is transcribed until" in daemon.log.read_text(), "its reason")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0


def test_elsewhere_it_ends_with_status_78(daemon):
    del daemon.environ["TRANSCRIBED_CONTAINER"]
    daemon.config["inbox"] = []
    daemon.start()
    assert daemon.wait() == 78
