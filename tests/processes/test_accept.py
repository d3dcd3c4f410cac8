"""`transcribed accept`, by the command line, beside a real daemon."""

from typer.testing import CliRunner

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from transcribed.cli.app import app
from waiting import wait_for
from world import mp3


def test_accept_shows_what_it_accepts_and_the_daemon_takes_that(tmp_path):
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.config["api"]["accept_backlog_hours"] = 0
        command = ["--config", str(daemon.write_config()), "accept"]
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        wait_for(lambda: daemon.status() and daemon.status()["inboxes"][0]["backlog"], "the backlog in the status")

        assert CliRunner().invoke(app, [*command, "walks"]).exit_code == 2
        assert "lost nothing" in str(CliRunner().invoke(app, [*command, "--loss"]).exception)
        accepted = CliRunner().invoke(app, [*command, "talks"])

        assert accepted.exit_code == 0
        assert accepted.stdout == f"talks: 1 recording (less than a minute) in {daemon.folders['inbox']}\n"
        daemon.wait_for_archive(1)
        wait_for(lambda: not daemon.status()["inboxes"][0]["backlog"], "the status without it")
        folders = CliRunner().invoke(app, [*command, "--folders", "talks"])
        assert "in the status the folders of talks wait for nobody: then this changes nothing" in folders.stderr
        again = CliRunner().invoke(app, command)
        assert "no recordings wait to be accepted" in str(again.exception)
        assert list(api.paid().values()) == [1]
