"""The time of the next look at the transcripts that wait."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from transcribed.assemblyai import PAGE_ITEMS
from transcribed.worker.turnaround import LONGEST_SECONDS, SHARE, Turnaround

NOW = 1000.0
FLOOR = 1.0


def looks(turnaround: Turnaround, *, ends_after: float, until: float = 4000.0) -> list[float]:
    """The seconds after its submit at which one transcript is looked at, until it is seen to have ended."""
    seen = []
    turnaround.looked(NOW, [])
    while (at := turnaround.next_at(NOW, NOW + 0.001, 1, FLOOR) - NOW) < until:
        seen.append(at)
        if at >= ends_after:
            break
        turnaround.looked(NOW + at, [NOW])
    return seen


def test_the_first_transcript_of_all_is_looked_at_from_its_submit_on():
    assert looks(Turnaround(), ends_after=2.5)[:2] == [FLOOR, 2 * FLOOR]


def test_no_look_comes_before_the_quickest_of_the_last_transcripts_could_have_ended():
    turnaround = Turnaround()
    for seconds in (45.0, 30.0, 60.0):
        turnaround.ended_after(seconds)
    assert [round(at, 3) for at in looks(turnaround, ends_after=30.0)] == [30.001]


def test_a_transcript_that_takes_ten_minutes_is_looked_at_each_minute_at_least_and_not_often():
    turnaround = Turnaround()
    turnaround.ended_after(5.0)
    seen = looks(turnaround, ends_after=600.0)
    assert len(seen) < 40
    assert max(later - earlier for earlier, later in itertools.pairwise(seen)) <= LONGEST_SECONDS


@given(quickest=st.floats(0, 600), ends_after=st.floats(0, 3600))
def test_a_transcript_that_has_ended_is_seen_within_a_share_of_the_time_that_it_took(quickest, ends_after):
    turnaround = Turnaround()
    turnaround.ended_after(quickest)
    seen = looks(turnaround, ends_after=ends_after, until=10_000)[-1]
    expected = max(ends_after, min(quickest, LONGEST_SECONDS))
    assert ends_after <= seen <= expected + max(FLOOR, SHARE * expected) + 0.01


def test_one_that_was_asked_for_just_now_is_looked_at_before_those_that_take_long():
    turnaround = Turnaround()
    turnaround.ended_after(5.0)
    turnaround.looked(NOW, [NOW - 3000.0])
    assert turnaround.next_at(NOW, NOW - 3000.0, 1, FLOOR) == NOW + LONGEST_SECONDS
    assert turnaround.next_at(NOW + 1.0, NOW + 1.0, 2, FLOOR) == NOW + 6.0


def test_a_look_that_was_too_early_for_one_is_due_again_when_that_one_may_have_ended():
    turnaround = Turnaround()
    turnaround.ended_after(10.0)
    turnaround.looked(NOW, [NOW - 100.0, NOW - 2.0])
    assert turnaround.next_at(NOW, NOW - 2.0, 2, FLOOR) == NOW + 8.0


def test_the_looks_at_more_than_a_page_are_rarer_by_the_number_of_pages():
    turnaround = Turnaround()
    turnaround.looked(NOW, [NOW - 1.0])
    assert turnaround.next_at(NOW, NOW - 1.0, PAGE_ITEMS, FLOOR) == NOW + FLOOR
    assert turnaround.next_at(NOW, NOW - 1.0, 5 * PAGE_ITEMS, FLOOR) == NOW + 5 * FLOOR


def test_where_others_end_all_the_time_each_end_is_worth_a_look():
    turnaround = Turnaround()
    turnaround.looked(NOW, [NOW - 300.0, NOW - 200.0])
    turnaround.looked(NOW + 20.0, [NOW - 300.0], ended=10)
    assert turnaround.next_at(NOW + 20.0, NOW - 300.0, 1, FLOOR) == NOW + 22.0


def test_where_nothing_has_ended_since_the_looks_become_rarer():
    turnaround = Turnaround()
    turnaround.looked(NOW, [NOW - 3000.0])
    turnaround.looked(NOW + 20.0, [NOW - 3000.0], ended=10)
    at, gaps = NOW + 20.0, []
    for _ in range(8):
        later = turnaround.next_at(at, NOW - 3000.0, 1, FLOOR)
        gaps.append(later - at)
        turnaround.looked(at := later, [NOW - 3000.0])
    assert gaps == [2.0, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST_SECONDS, LONGEST_SECONDS]


def test_no_transcript_is_left_alone_for_long_whatever_the_api_says_of_the_last_ones():
    turnaround = Turnaround()
    turnaround.ended_after(1e9)
    assert looks(turnaround, ends_after=300.0)[0] <= LONGEST_SECONDS + 0.01


def test_only_the_last_transcripts_count():
    turnaround = Turnaround()
    turnaround.ended_after(1.0)
    for _ in range(100):
        turnaround.ended_after(30.0)
    assert turnaround.quickest_seconds == 30.0
