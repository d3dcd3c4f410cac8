"""The status file as the command line reads it: of this version, of another one, or damaged."""

import json
import math
from dataclasses import asdict, replace

import pytest
import tomli_w
from typer.testing import CliRunner

from transcribed.cli import terminal
from transcribed.cli.app import app
from transcribed.errors import TranscribedError
from transcribed.worker.people.status import JobStatus, LaneStatus, Status

STATUS = Status(
    base_url="https://api.example",
    jobs={"received": 1},
    blocked=[LaneStatus("api", "no answer", "look at the network", 1_750_000_000.0, 1)],
    inboxes=[],
    open=[JobStatus(1, "talks", "Talk.mp3", "received", 1.0, 2.0, 0, "", "", "upload", 50, 200)],
    open_count=1,
    updated_at=1_750_000_000.0,
    pid=7,
)


@pytest.fixture
def status(tmp_path):
    """Runs `transcribed status` on a file with these fields."""
    tables = {"state": {"directory": f"{tmp_path}/state"}, "inbox": [{"path": "/srv/in", "outbox": "/srv/out"}]}
    (tmp_path / "state").mkdir()
    (tmp_path / "config.toml").write_text(tomli_w.dumps(tables))

    def run(fields, *words):
        (tmp_path / "state" / "status.json").write_text(json.dumps(fields))
        return CliRunner().invoke(
            app, ["--config", f"{tmp_path}/config.toml", "status", *words], env={"RUNTIME_DIRECTORY": None}
        )

    return run


def test_fields_that_only_a_newer_version_knows_are_kept_in_json_and_do_not_spoil_the_sentences(status):
    newer = STATUS.plain() | {"version": 2, "costs": {"usd": 1.5}}
    newer["blocked"] = [asdict(STATUS.blocked[0]) | {"until": 3.0}]
    assert json.loads(status(newer, "--json").stdout) == {**newer, "alive": False, "life": "dead"}
    lines = status(newer).stdout.splitlines()
    assert "api: no answer -- fix: look at the network" in lines[1]
    assert lines[-1] == "Job 1, talks: Talk.mp3: received: upload, 25 %"


def test_how_much_of_a_recording_the_local_recogniser_has_heard_is_shown(status):
    heard = replace(STATUS.open[0], state="submitted", step=None, sent_bytes=None, heard_seconds=61.2)
    for audio_seconds, words in ((None, "heard 61 s"), (120.4, "heard 61 s of 120 s")):
        fields = STATUS.plain() | {"open": [asdict(replace(heard, audio_seconds=audio_seconds))]}
        assert status(fields).stdout.splitlines()[-1].endswith(f"submitted: the recogniser has {words}")


def test_the_next_try_of_a_blocked_lane_is_shown_and_who_named_it(status):
    lane = STATUS.blocked[0]
    for asked, words in ((True, "the server asked to wait until"), (False, "tried again at")):
        fields = STATUS.plain() | {"blocked": [asdict(replace(lane, again_at=lane.since + 300, asked=asked))]}
        assert f" -- {words} {terminal.local_time(lane.since + 300)}" in status(fields).stdout


def test_a_state_that_only_another_version_knows_is_shown_as_it_is(status):
    fields = STATUS.plain()
    fields["open"] = [asdict(JobStatus(1, "talks", "Talk.mp3", "parked", 1.0, 2.0, 0, "", ""))]
    assert status(fields).stdout.splitlines()[-1] == "Job 1, talks: Talk.mp3: parked: waits"


@pytest.mark.parametrize("lost", ["base_url", "jobs", "blocked", "inboxes", "open", "open_count"])
def test_a_file_that_lacks_a_field_is_not_a_valid_status_and_can_still_be_seen_as_json(status, lost):
    fields = {key: value for key, value in STATUS.plain().items() if key != lost}
    refused = status(fields)
    assert isinstance(refused.exception, TranscribedError)
    assert "status.json is not a valid status file" in refused.exception.message
    assert refused.stdout == ""
    assert json.loads(status(fields, "--json").stdout) == {**fields, "alive": False, "life": "dead"}


def test_a_file_of_the_version_before_the_field_version_is_read(status):
    fields = STATUS.plain()
    del fields["version"]
    assert status(fields).stdout == status(STATUS.plain()).stdout


def test_half_a_character_in_a_reason_is_shown_escaped(status):
    fields = STATUS.plain() | {"blocked": [asdict(LaneStatus("api", "\ud800", "", 1.0, 0))]}
    assert "api: \\ud800" in status(fields).stdout


@pytest.mark.parametrize("moment", [1e300, -1e300, math.inf, math.nan])
def test_a_moment_that_no_calendar_has_is_shown_as_its_number(status, moment):
    assert terminal.local_time(moment) == f"{moment:g} s after 1970"
    assert f"{moment:g} s after 1970" in status(STATUS.plain() | {"updated_at": moment}).stdout
