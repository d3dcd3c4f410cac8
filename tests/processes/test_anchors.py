"""The command line on folders that are gone or have moved."""

import os
import shutil
from pathlib import Path

from typer.testing import CliRunner

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from transcribed.cli.app import app


def check(daemon: Daemon) -> tuple[int, Daemon, str]:
    """`transcribed check`: its exit status and what it says."""
    config = str(daemon.write_config())
    result = CliRunner().invoke(app, ["--config", config, "check"], env={"ASSEMBLYAI_API_KEY": daemon.key})
    return result.exit_code, daemon, result.stdout


def test_check_says_of_a_folder_that_is_remembered_and_gone_that_it_is_a_problem_and_makes_nothing(
    tmp_path: Path,
) -> None:
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.start("--once")
        assert daemon.wait() == 0
        assert check(daemon)[0] == 0
        shutil.rmtree(daemon.folders["outbox"])

        status, _, said = check(daemon)

        assert status == 69
        assert 'problem: inbox "talks".outbox: the outbox' in said
        assert not daemon.folders["outbox"].exists()


def test_the_order_that_the_folders_moved_is_about_one_inbox_of_the_configuration(tmp_path: Path) -> None:
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.start("--once")
        assert daemon.wait() == 0
        command = ["--config", str(daemon.write_config()), "accept", "--folders"]

        assert CliRunner().invoke(app, [*command, "walks"]).exit_code == 2
        assert CliRunner().invoke(app, [*command, "talks"]).exit_code == 0
        assert len(os.listdir(daemon.state / "commands")) == 1
