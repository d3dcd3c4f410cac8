"""The places in which jobs wait."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from transcribed.job import Step
from transcribed.worker.schedule import BYTES_PER_SECOND, Line, Schedule, change_of, end_of_transcript

TALKS, CALLS = Line(Step.UPLOAD, "talks"), Line(Step.UPLOAD, "calls")


def fresh(schedule: Schedule) -> list[int]:
    """Those that are to be looked at, which are then in no place."""
    found = []
    while (number := schedule.first()) is not None:
        found.append(number)
        schedule.forget(number)
    return found


def test_a_job_whose_time_has_come_is_looked_at_and_none_before():
    schedule = Schedule()
    schedule.until(1, 20.0)
    schedule.until(2, 10.0)

    schedule.passed(9.9)
    assert fresh(schedule) == []
    assert schedule.next_at() == 10.0
    schedule.passed(15.0)
    assert fresh(schedule) == [2]
    assert schedule.next_at() == 20.0


def test_a_time_that_was_left_for_another_place_never_comes():
    schedule = Schedule()
    schedule.until(1, 10.0)
    schedule.until(1, 30.0)
    schedule.until(2, 10.0)
    schedule.forget(2)

    schedule.passed(20.0)
    assert fresh(schedule) == []
    assert schedule.next_at() == 30.0


def test_a_fact_wakes_all_that_wait_for_it_and_nobody_else():
    schedule = Schedule()
    schedule.until_fact(1, change_of(7))
    schedule.until_fact(2, end_of_transcript("7"))
    schedule.until_fact(3, change_of(7))

    schedule.happened(change_of(7))
    assert fresh(schedule) == [1, 3]
    schedule.happened(change_of(7))
    assert fresh(schedule) == []


def test_a_short_recording_goes_before_a_long_one_that_came_little_earlier():
    schedule = Schedule()
    schedule.until_room(1, TALKS, now=0.0, size=int(100 * BYTES_PER_SECOND))
    schedule.until_room(2, TALKS, now=50.0, size=0)
    schedule.until_room(3, TALKS, now=101.0, size=0)

    order = []
    while (first := schedule.first_in(TALKS)) is not None:
        order.append(first)
        schedule.forget(first)
    assert order == [2, 1, 3], "and nothing waits for ever"


def test_a_job_that_stands_in_line_already_keeps_its_place():
    schedule = Schedule()
    schedule.until_room(1, TALKS, now=0.0)
    schedule.until_room(2, TALKS, now=1.0)
    schedule.until_room(1, TALKS, now=2.0)

    assert schedule.first_in(TALKS) == 1


def test_lines_take_turns_however_long_one_of_them_is():
    schedule = Schedule()
    for number in range(100):
        schedule.until_room(number, TALKS, now=0.0)
    schedule.until_room(100, CALLS, now=5.0)

    served = []
    for _ in range(2):
        line = next(schedule.lines())
        head = schedule.first_in(line)
        assert head is not None
        schedule.forget(head)
        schedule.took_turn(line)
        served.append(line)
    assert set(served) == {TALKS, CALLS}


PLACES = st.sampled_from(["look", "time", "fact", "line", "gone"])


@given(moves=st.lists(st.tuples(st.integers(0, 4), PLACES), max_size=60))
def test_a_job_is_in_the_last_place_that_it_was_put_into_and_in_no_other(moves):
    schedule, clock = Schedule(), itertools.count()
    last: dict[int, str] = {}
    for number, place in moves:
        last[number] = place
        match place:
            case "look":
                schedule.look_again(number)
            case "time":
                schedule.until(number, float(next(clock)))
            case "fact":
                schedule.until_fact(number, change_of(99))
            case "line":
                schedule.until_room(number, TALKS, now=float(next(clock)))
            case "gone":
                schedule.forget(number)

    def of(place: str) -> set[int]:
        return {number for number, where in last.items() if where == place}

    assert set(fresh(schedule)) == of("look")
    schedule.passed(1000.0)
    assert set(fresh(schedule)) == of("time")
    schedule.happened(change_of(99))
    assert set(fresh(schedule)) == of("fact")
    assert {number for number in range(5) if schedule.line_of(number)} == of("line")
    schedule.all_again()
    assert set(fresh(schedule)) == of("line")


def test_the_order_of_a_line_stays_as_long_as_the_line_however_often_all_is_looked_at_again() -> None:
    schedule, line = Schedule(), Line(Step.UPLOAD, "talks")
    for _ in range(1000):
        schedule.all_again()
        for number in range(10):
            schedule.until_room(number, line, now=float(number))

    assert schedule.first_in(line) == 0
    assert len(schedule._lines[line].ranks) < 200
