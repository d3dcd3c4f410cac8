"""What only looks into the state directory works while the rest of the configuration is wrong."""

import json
from contextlib import closing

import pytest
from typer.testing import CliRunner

from jobs import RECEIVED, a_job, add_job
from transcribed.cli.app import app
from transcribed.journal import Journal


@pytest.mark.parametrize("wrong", ['nonsense = "here"', "[[inbox]]\npath = 3", "[[inbox]\n"])
def test_status_and_jobs_work_while_the_configuration_is_wrong_and_say_so(tmp_path, monkeypatch, wrong):
    state, file = tmp_path / "state", tmp_path / "config.toml"
    monkeypatch.setenv("STATE_DIRECTORY", str(state))
    file.write_text(f"{wrong}\n")
    with closing(Journal.open(str(state))) as journal:
        add_job(journal, a_job(), RECEIVED)

    listed = CliRunner().invoke(app, ["--config", str(file), "jobs", "--json"])
    status = CliRunner().invoke(app, ["--config", str(file), "status", "--json"])

    assert (listed.exit_code, status.exit_code) == (0, 0)
    assert json.loads(listed.stdout)["id"] == 1
    assert json.loads(status.stdout) == {"alive": False, "life": "stopped"}
    assert "the configuration cannot be used: " in listed.stderr
    assert f"this is of {state}" in listed.stderr


def test_a_configuration_that_is_not_there_is_no_state_of_anybody(tmp_path):
    assert CliRunner().invoke(app, ["--config", str(tmp_path / "none.toml"), "jobs"]).exit_code != 0
