"""What only looks into the state directory works while the rest of the configuration is wrong."""

import json
import os
from contextlib import closing

import pytest
from typer.testing import CliRunner

from jobs import RECEIVED, a_job, add_job
from transcribed import config, places
from transcribed.cli import early
from transcribed.cli.app import app
from transcribed.errors import ConfigError, TranscribedError
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


@pytest.mark.parametrize("wrong", ['nonsense = "here"', "[[inbox]]\npath = 3", "[api]\nuploads = 0"])
@pytest.mark.parametrize("words", [["pause"], ["resume"], ["scan"], ["search", "budget"]])
def test_a_search_and_orders_about_all_inboxes_ask_nothing_of_the_rest_of_the_file(tmp_path, wrong, words):
    state, file = tmp_path / "state", tmp_path / "config.toml"
    file.write_text(f'{wrong}\n[state]\ndirectory = "{state}"\n')
    Journal.open(str(state)).close()

    for done in (lambda: early.answered(["--config", str(file), *words]), lambda: typed(file, *words)):
        if words[0] == "search":
            with pytest.raises(TranscribedError, match="there is no index for searches yet"):
                done()
        else:
            assert done() == 0
    assert len(os.listdir(state / "commands") if words[0] != "search" else "ab") == 2


def typed(file, *words):
    """The exit status by the whole command line."""
    return CliRunner().invoke(app, ["--config", str(file), *words], catch_exceptions=False).exit_code


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file or directory: write it, or name another"),
        ("[[inbox]\n", "config.toml: "),
        ('[state]\ndirectory = "here"\n', "state.directory: should be an absolute path"),
        ('[state]\ndirectory = "/srv/../srv"\n', "state.directory: should be a path without .."),
        ("state = 3\n", "state: should be a table"),
    ],
)
def test_a_configuration_whose_state_directory_nobody_knows_is_refused_by_a_search_too(
    tmp_path, monkeypatch, content, told
):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    file = tmp_path / "config.toml"
    if content is not None:
        file.write_text(content)
    for words in (["search", "budget"], ["pause"]):
        with pytest.raises(ConfigError) as refused:
            early.answered(["--config", str(file), *words])
        assert told in refused.value.message


@pytest.mark.parametrize(
    "text", ["", "[state]\n", '[state]\ndirectory = "/srv//state/"\n', '\ufeff[state]\ndirectory = "//a"']
)
@pytest.mark.parametrize("environ", [{"HOME": "/h"}, {"STATE_DIRECTORY": "/var/lib/x:/y"}, {}])
def test_the_state_directory_that_is_found_quickly_is_that_of_the_whole_configuration(tmp_path, text, environ):
    file = tmp_path / "config.toml"
    file.write_text(f'{text}\n[[inbox]]\npath = "/srv/in"\noutbox = "/srv/out"\n', encoding="utf-8")
    quickly = places.directory_written(str(file), environ)
    assert quickly in (config.load(str(file), environ).state.directory, None)
    assert (quickly is None) == (not environ and "directory" not in text)
