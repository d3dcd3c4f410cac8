"""A lesson of others that needs the daemon; the stories and their table are in tests/world/test_field_lessons.py."""

from pathlib import Path

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from world import mp3


def test_a_daemon_whose_outbox_lies_in_its_inbox_by_a_link_does_not_start(tmp_path: Path, api: FakeAssemblyAI) -> None:
    with Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.folders["outbox"].symlink_to(daemon.folders["inbox"])
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start("--once")

        assert daemon.wait() == 78

        assert api.requests == []
        assert daemon.files("inbox") == ["Talk.mp3"]
