"""`rclone mount`: renameat2 says EINVAL there, link EIO, and with a cache what is written comes to its server late."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon_process import QUICK, Daemon
from fake_assemblyai import FakeAssemblyAI
from rclone import Rclone, needs_rclone
from waiting import wait_for
from world import mp3

pytestmark = needs_rclone


@pytest.fixture(params=["off", "writes"])
def share(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rclone]:
    with Rclone(tmp_path, request.param) as mounted:
        yield mounted


@pytest.fixture
def daemon(tmp_path: Path, share: Rclone, api: FakeAssemblyAI) -> Iterator[Daemon]:
    with Daemon(tmp_path / "daemon", api.base_url) as process:
        folders = {name: str(share.point / name) for name in ("outbox", "archive", "failed")}
        keys = {**QUICK, "scan_seconds": 1.0}
        process.config["inbox"] = [{"name": "talks", "path": str(share.point / "inbox"), **folders, **keys}]
        (share.served / "inbox").mkdir()
        yield process


def served(share: Rclone, folder: str) -> dict[str, bytes]:
    """What the server has, but for anchors and half-written files."""
    found = (path for path in (share.served / folder).rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in found if not path.name.startswith(".transcribed")}


def test_a_recording_on_a_mount_that_can_neither_link_nor_rename_safely_is_delivered_and_archived_whole(
    daemon, api, share
):
    """clients 3"""
    for name in ("one.mp3", "bad.mp3"):
        (share.served / "inbox" / name).write_bytes(mp3(name) if name == "one.mp3" else b"no recording")
    daemon.start()

    wait_for(lambda: served(share, "archive") == {"one.mp3": mp3("one.mp3")}, "the archived recording")
    wait_for(lambda: set(served(share, "failed")) == {"bad.mp3", "bad.mp3.error.txt"}, "the failed one, and its note")
    wait_for(lambda: not served(share, "inbox"), "an empty inbox")
    wait_for(lambda: set(served(share, "outbox")) == {"one.txt", "one.srt"}, "what is written late")

    assert all(served(share, "outbox").values())
    assert api.paid()[hashlib.sha256(mp3("one.mp3")).hexdigest()] == 1
    assert "lane.blocked" not in daemon.events()
    assert daemon.events().count("folder.careful") == 3, "outbox, archive and failed"


def test_check_tries_what_a_delivery_does_says_what_the_mount_cannot_do_and_leaves_nothing_there(daemon, share):
    command = [sys.executable, "-m", "transcribed", "--config", str(daemon.write_config()), "check"]

    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout

    assert "a name is looked at first" in said
    assert "written, renamed and cleaned up" in said or "will be created" in said
    wait_for(lambda: not list(share.served.rglob(".transcribed-*")), "a clean folder")


NO_REPLACE = """
import os, sys
from transcribed import files
root = os.fsencode(sys.argv[1])
files.publish(root + b"/a.txt", b"ours", root=root)
try:
    files.publish(root + b"/a.txt", b"others", root=root)
except files.NameTaken:
    print("taken")
print(files.probe_write(root).name)
"""


def test_a_file_that_is_there_is_not_replaced_where_the_name_can_only_be_looked_at(share):
    """A process of its own asks: whoever is in a call when the mount goes away cannot be killed."""
    command = [sys.executable, "-c", NO_REPLACE, str(share.point)]

    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert said == "taken\nLOOKED\n"
    wait_for(lambda: served(share, "") == {"a.txt": b"ours"}, "what is written late")
