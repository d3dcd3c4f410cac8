"""Files that are left alone for their names: when they are looked into, and how often."""

import pytest

from transcribed.inbox import Names, PassedOver

NOW = 1000.0


def test_a_file_is_looked_into_once_and_only_after_it_has_lain_for_a_minute() -> None:
    passed = PassedOver()
    assert passed.due([b"a.m4a"], NOW) == []
    assert passed.next_at(NOW) == NOW + 60
    assert passed.due([b"a.m4a"], NOW + 59) == []
    assert passed.due([b"a.m4a"], NOW + 60) == [b"a.m4a"]
    passed.looked_into({b"a.m4a": True}, NOW + 60)

    assert passed.recordings() == [b"a.m4a"]
    assert passed.due([b"a.m4a"], NOW + 9999) == []
    assert passed.next_at(NOW + 9999) is None


def test_of_many_files_some_are_looked_into_at_a_time_and_each_once() -> None:
    passed, paths = PassedOver(), [b"%d.m4a" % number for number in range(1000)]
    passed.due(paths, NOW)
    now, looked = NOW + 60, []
    while due := passed.due(paths, now):
        assert len(due) <= 5
        looked += due
        passed.looked_into(dict.fromkeys(due, True), now)
        now = passed.next_at(now) or now

    assert sorted(looked) == sorted(paths)
    assert now - NOW < 300


def test_a_file_of_which_nobody_knows_is_looked_into_again_a_minute_later() -> None:
    passed = PassedOver()
    passed.due([b"a.m4a"], NOW)
    passed.looked_into({b"a.m4a": None}, NOW + 60)

    assert passed.recordings() == []
    assert passed.due([b"a.m4a"], NOW + 119) == []
    assert passed.due([b"a.m4a"], NOW + 120) == [b"a.m4a"]


def test_a_file_that_went_is_forgotten_and_what_comes_under_its_name_is_looked_into() -> None:
    passed = PassedOver()
    passed.due([b"a.m4a"], NOW)
    passed.looked_into({b"a.m4a": True}, NOW + 60)
    passed.due([], NOW + 70)
    assert passed.recordings() == []

    passed.due([b"a.m4a"], NOW + 80)
    assert passed.due([b"a.m4a"], NOW + 140) == [b"a.m4a"]


@pytest.mark.parametrize(
    "name",
    [
        *("New Recording 7.m4a", "WhatsApp.opus", "OBS.MKV", "Talk.mp3 ", "Talk.mp3.", "Talk.mp3.mpeg", "Recording"),
        *("Talk 12.03.2026", "Meeting with Dr. Smith", "a.sync-conflict-20260101-120000-ABCDEFG.mp3"),
    ],
)
def test_what_may_be_a_recording_by_its_name_is_looked_into(name: str) -> None:
    assert Names().passed_over(name.encode(), name.encode()) is not None


@pytest.mark.parametrize(
    "name",
    [
        *("Talk.mp3", "notes.txt", "photo.jpeg", "Talk.mp3.part", "Talk.mp3.hold", "Talk.mp3.toml", "talk.url"),
        *(".Talk.m4a", "._Talk.m4a", "~Talk.m4a", "Thumbs.db", "Talk.m4a.crdownload", "Talk.mp3.error.txt", "a.7z"),
    ],
)
def test_what_is_no_recording_by_its_name_or_is_ignored_by_a_rule_is_not_looked_into(name: str) -> None:
    assert Names().passed_over(name.encode(), name.encode()) is None


def test_what_the_owner_ignores_is_not_told_of() -> None:
    assert Names(ignore=("*.m4a",)).passed_over(b"a.m4a", b"a.m4a") is None
