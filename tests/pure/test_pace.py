"""The times at which an inbox is looked at: pure, so every time is a number here."""

import itertools

from transcribed.worker.intake.pace import REST, Pace


def look(pace, at, *, took=0.0, events=True, active=False, scan_seconds=10.0):
    """One look at this time; whether it listed everything."""
    whole = pace.begin(at)
    pace.end(at, at + took, whole=whole, scan_seconds=scan_seconds, events=events, active=active)
    return whole


def test_the_first_look_is_due_at_once_and_lists_everything():
    pace = Pace(100.0)
    assert pace.look_at == 100.0
    assert look(pace, 100.0)


def test_while_nothing_happens_looks_become_rare_but_not_rarer_than_five_minutes():
    pace, at, pauses = Pace(0.0), 0.0, []
    for _ in range(8):
        look(pace, at)
        pauses.append(pace.look_at - at)
        at = pace.look_at
    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]


def test_where_no_events_come_the_pace_is_what_was_asked_for():
    pace, at = Pace(0.0), 0.0
    for _ in range(5):
        look(pace, at, events=False, scan_seconds=7.0)
        assert pace.look_at == at + 7.0
        at = pace.look_at


def test_after_something_happened_the_next_looks_come_soon_again():
    pace = Pace(0.0)
    for at in (0.0, 10.0, 30.0):
        look(pace, at)
    look(pace, 70.0, active=True)
    assert pace.look_at == 80.0


def test_a_scan_slower_than_five_minutes_stays_as_slow():
    pace = Pace(0.0)
    look(pace, 0.0, scan_seconds=900.0)
    look(pace, 900.0, scan_seconds=900.0)
    assert pace.look_at == 1800.0


def test_an_event_during_a_look_asks_for_another_at_once():
    pace = Pace(0.0)
    whole = pace.begin(0.0)
    pace.ask(0.5)
    pace.end(0.0, 1.0, whole=whole, scan_seconds=10.0, events=True, active=False)
    assert pace.look_at == 1.0


def test_a_look_that_lists_everything_comes_once_an_hour_though_nothing_happens():
    pace, at, whole = Pace(0.0), 0.0, []
    while at <= 7300:
        if look(pace, at):
            whole.append(at)
        at = pace.look_at
    assert len(whole) == 3
    assert all(3600 <= later - earlier <= 3900 for earlier, later in itertools.pairwise(whole))


def test_events_cost_whole_looks_no_more_than_a_hundredth_of_a_core_and_the_last_is_not_forgotten():
    pace = Pace(0.0)
    look(pace, 0.0, took=2.0)
    pace.ask(10.0)
    assert not look(pace, 10.0, took=0.1)
    assert pace.look_at == 30.1, "looks go on"
    pace.ask(195.0)
    assert not look(pace, 195.0, took=0.1)
    assert pace.look_at == 202.0, "a hundred times as long after the last one as that took"
    assert look(pace, 202.0, took=2.0)
    assert not look(pace, 500.0), "nothing has happened since"


def test_a_person_who_asks_for_a_scan_gets_a_whole_one_at_once():
    pace = Pace(0.0)
    look(pace, 0.0, took=60.0)
    pace.ask(61.0, whole=True)
    assert pace.look_at == 61.0
    assert look(pace, 61.0)


def test_a_look_that_failed_is_tried_again_at_the_pace_of_scans():
    pace = Pace(0.0)
    pace.begin(0.0)
    pace.failed(1.0, scan_seconds=10.0)
    assert pace.look_at == 11.0
    assert pace.begin(11.0), "it has not listed anything yet"


def test_a_look_that_all_waits_for_comes_without_a_rest():
    pace = Pace(0.0)
    look(pace, 0.0, took=1.0)
    pace.ask(1.5)
    assert pace.next_at() == 1.0 + REST
    pace.ask_at_once(1.5)
    assert pace.next_at() == 1.5
