"""A short slice of the torture, the same each time; `make torture` is the whole."""

from pathlib import Path

import pytest

import torture
from abilities import needs_strace
from report import Report
from two_daemons import two_daemons

SEED = 20


@pytest.mark.slow
@needs_strace
def test_a_kill_at_any_file_changing_call_loses_nothing_pays_nothing_twice_and_leaves_nothing_half_done(
    tmp_path: Path,
) -> None:
    points = torture.learn(tmp_path)
    drawn = torture.spread(points, 6, SEED)

    report = torture.sweep(torture.kill_at_call, drawn, at_once=4)

    assert report.wrong == []
    assert report.figures["killed, the run ended before it"] <= 2, drawn


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_request_pays_once_and_delivers_all(tmp_path: Path) -> None:
    moments = [
        ("POST /v2/upload", "half an answer"),
        ("POST /v2/transcript", "taken"),
        ("POST /v2/transcript", "half an answer"),
        ("GET /v2/transcript/{id}", "half an answer"),
    ]

    report = torture.sweep(torture.kill_in_talk, moments, at_once=4)

    assert report.wrong == []


@pytest.mark.slow
def test_kills_at_random_moments_under_a_misbehaving_api_lose_nothing_and_pay_nothing_twice(tmp_path: Path) -> None:
    report = torture.soak(tmp_path / "soak", kills=5, recordings=10, seed=SEED, spacing_seconds=1.5)

    assert report.wrong == []
    assert report.done == 5
    assert report.figures["recordings"] == 10


def test_a_trial_that_raises_is_wrong_and_the_others_are_tried() -> None:
    report = Report("talk", planned=2)

    report.tried("here", lambda: ([], [str(1 / 0)]))
    report.tried("there", lambda: (["killed"], []))

    assert report.wrong == ["here: ZeroDivisionError('division by zero')"]
    assert report.done == 2
    assert report.figures["killed"] == 1


@pytest.mark.slow
def test_of_two_daemons_over_one_inbox_one_has_it_at_whatever_moments_they_start_and_die() -> None:
    report = two_daemons(races=2, rounds=3, seed=SEED)

    assert report.wrong == []
    assert report.done == 5


def test_what_is_wrong_is_said_at_once_and_the_figures_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("talk", planned=2)
    with report.told():
        report.add("here", ["killed"], ["one is lost"])
        assert capsys.readouterr().out == "WRONG talk, here: one is lost\n"

    assert capsys.readouterr().out == "talk: 1 of 2, 1 wrong, 0 s; killed: 1\n"
