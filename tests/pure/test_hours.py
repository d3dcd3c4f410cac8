"""The hours of the day in which recordings are uploaded, and the time at which they begin again."""

import os
import time
from collections.abc import Iterator

import pytest

from transcribed.job.hours import hours_in, is_within
from transcribed.worker.holds import _opens_at


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("08:00-17:30", [480, 1049], [479, 1050, 0]),
        ("22:00-06:00", [1320, 1439, 0, 359], [360, 1319]),
        ("22:00-24:00", [1320, 1439], [0, 1319]),
        ("00:00-24:00", [0, 720, 1439], []),
        ("22:00-06:00, 12:00-13:00", [1320, 0, 720, 779], [780, 719]),
    ],
)
def test_a_span_holds_its_begin_and_not_its_end_and_may_go_over_midnight(
    text: str, inside: list[int], outside: list[int]
) -> None:
    assert [minute for minute in inside + outside if is_within(hours_in(text), minute)] == inside


@pytest.mark.parametrize("text", ["", "22-6", "22:00", "22:00-22:00", "25:00-06:00", "24:00-06:00", "8:00-17:00,", "a"])
def test_what_names_no_hours_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="22:00-06:00"):
        hours_in(text)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time of Central Europe, by its rule alone: no file of a time zone is needed."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def local(day: str) -> int:
    return int(time.mktime(time.strptime(day, "%Y-%m-%d %H:%M"))) // 60


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2027-03-27 12:00", "2027-03-28 03:00"),  # there is no 02:30 on this day
        ("2027-03-28 12:00", "2027-03-29 02:30"),
        ("2027-10-30 12:00", "2027-10-31 02:30"),  # twice on this day, and the first one counts
        ("2027-03-29 02:59", None),
    ],
)
def test_hours_that_a_change_of_the_clocks_cuts_begin_when_the_clock_on_the_wall_shows_them(
    now: str, opens: str | None
) -> None:
    found = _opens_at("02:30-03:30", local(now))

    if opens is None:
        assert found is None
    else:
        assert found is not None
        assert time.strftime("%Y-%m-%d %H:%M", time.localtime(found)) == opens
        assert time.localtime(found - 60).tm_hour < 3
    assert os.environ["TZ"]
