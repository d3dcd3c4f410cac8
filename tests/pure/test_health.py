"""The one rule of health, on what may be seen of a daemon."""

import pytest

from transcribed.cli import config_first
from transcribed.monitor.health import (
    DEAD,
    NEVER,
    RUNNING,
    SILENT,
    SILENT_SECONDS,
    STARTING,
    STOPPED,
    STUCK_SECONDS,
    Evidence,
    judged,
)

NOW = 1_800_000_000.0
API = {"lane": "api", "reason": "the key is refused", "hint": "put a valid key in place"}
ROW = {"id": 3, "file": "Talk.mp3", "state": "received", "due_at": NOW - 9e3, "reason": ""}


def evidence(*, is_locked=True, age=10.0, seen_at=None, pid_lives=True, **fields):
    status = {"updated_at": NOW - age, "moved_at": NOW - age, "jobs": {"delivered": 2}, "open_count": 1, **fields}
    at = NOW - age if seen_at is None else seen_at
    return Evidence(status, at, NOW - age, is_locked, NOW - 9e5, pid_lives, has_journal=True)


NOTHING = Evidence(None, is_locked=False)


@pytest.mark.parametrize(
    ("seen", "life", "is_healthy"),
    [
        (evidence(), RUNNING, True),
        (evidence(age=SILENT_SECONDS + 1), SILENT, False),
        (evidence(age=-3600.0), RUNNING, True),  # the clock was put back: the next status is right
        (evidence(is_locked=False), DEAD, False),
        (evidence(is_locked=False, ended=True), STOPPED, False),
        (evidence(is_locked=None), RUNNING, True),  # the lock may be seen by its own user only
        (evidence(is_locked=None, pid_lives=False), DEAD, False),
        (evidence(is_locked=False, blocked=[{"lane": "state"}]), RUNNING, True),  # its lock is on the disk it waits for
        (NOTHING, NEVER, False),
        (NOTHING._replace(has_journal=True), STOPPED, False),  # systemd takes the status away at a stop
        (NOTHING._replace(is_locked=True, locked_at=NOW - 5), STARTING, True),
        (NOTHING._replace(is_locked=True, locked_at=NOW - SILENT_SECONDS - 1), SILENT, False),
        (evidence()._replace(locked_at=NOW - 1), STARTING, True),  # the status is of the daemon before
        (evidence(ended=True)._replace(locked_at=NOW - 1), STARTING, True),
        (NOTHING._replace(is_locked=None, problem="lock: Permission denied"), NEVER, False),
    ],
)
def test_dead_silent_stopped_starting_and_never_run_are_told_apart(seen, life, is_healthy):
    health = judged(seen, NOW)
    assert (health.life, health.is_healthy) == (life, is_healthy)
    assert "\n" not in health.line()


def test_a_wait_is_told_and_healthy_unless_that_is_asked_strictly():
    seen = evidence(blocked=[API])
    assert judged(seen, NOW).line() == (
        "healthy: the daemon is running; 1 in progress, 2 delivered, 0 failed; "
        "waits: api: the key is refused -- fix: put a valid key in place"
    )
    assert not judged(seen, NOW, strict=True).is_healthy
    assert judged(evidence(), NOW, strict=True).is_healthy


def test_a_daemon_that_cannot_write_its_status_lives_by_its_touch_and_says_so():
    health = judged(evidence(age=9e3, seen_at=NOW - 20), NOW)
    assert health.is_healthy
    assert "status cannot be written" in health.line()
    assert not judged(evidence(age=9e3, seen_at=NOW - 20), NOW, strict=True).is_healthy


@pytest.mark.parametrize(
    ("changes", "is_stuck"),
    [
        ({}, True),
        ({"step": "upload", "state": "submitted"}, True),
        ({"reason": "no answer"}, False),
        ({"due_at": NOW + 60}, False),
        ({"state": "submitted"}, False),  # AssemblyAI is at work
    ],
)
def test_nothing_that_moves_though_it_waits_for_nothing_is_unhealthy(changes, is_stuck):
    rows = [{**ROW, **changes}]
    health = judged(evidence(open=rows, moved_at=NOW - STUCK_SECONDS - 1), NOW)
    assert health.is_healthy is not is_stuck
    assert judged(evidence(open=rows, moved_at=NOW - STUCK_SECONDS + 60), NOW).is_healthy


@pytest.mark.parametrize("damaged", [{"open": 1}, {"blocked": [1, {}]}, {"jobs": []}, {"moved_at": "x", "open": [{}]}])
def test_a_status_with_strange_fields_is_judged_all_the_same(damaged):
    assert judged(evidence(**damaged), NOW).life == RUNNING


@pytest.mark.parametrize(
    "words",
    [
        ["--config", "c", "check", "--json"],
        ["check", "--config", "c", "--json"],
        ["check", "--json", "--config=c"],
    ],
)
def test_the_configuration_is_named_on_either_side_of_the_verb(words):
    assert config_first(words) == ["--config", "c", "check", "--json"]


def test_what_follows_two_dashes_is_no_option():
    assert config_first(["explain", "--", "--config", "c"]) == ["explain", "--", "--config", "c"]
    assert config_first(["check", "--config"]) == ["check", "--config"]
