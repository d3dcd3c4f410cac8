"""Deletion at AssemblyAI, by the configuration of a real daemon."""

from typer.testing import CliRunner

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from transcribed.cli.app import app
from world import mp3


def test_explain_says_when_it_was_deleted_and_a_daemon_is_told_by_its_configuration(tmp_path):
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url, delete_remote=True) as daemon:
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start("--once")
        assert daemon.wait() == 0
        config = str(daemon.directory / "config.toml")
        told = CliRunner().invoke(app, ["--config", config, "explain", "1"])
        assert api.submits[0].deleted

    assert "AssemblyAI's copies of its upload and transcript were deleted at " in told.stdout
