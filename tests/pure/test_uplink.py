"""How many uploads are worth it at once: against a model of a line, on which every time and every byte is a number."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from transcribed.worker.uplink import FEWEST, GAIN, RESTS, WINDOW_SECONDS, Uplink

SPEEDS = st.floats(1e3, 1e9)
MOST = st.integers(1, 32)
LONG_AGO = 200  # windows: time for all numbers, and for some rests


class Line:
    """A line with a bandwidth that all share, and a bound for each connection; `uplink` is asked each 3 s."""

    def __init__(self, shared: float, each: float) -> None:
        self.shared, self.each = shared, each
        self.uplink = Uplink()
        self.now = self.carried = 0.0

    def rate(self, at_once: int) -> float:
        return min(self.shared, at_once * self.each)

    def work(self, most: int, windows: int) -> list[int]:
        """The number at once in each of so many windows, while more wait all the time."""
        numbers = []
        until = self.now + windows * WINDOW_SECONDS
        while self.now < until:
            self.uplink.saw(self.carried, self.now, most=most, is_full=True)
            numbers.append(self.uplink.at_once)
            self.now += 3.0
            self.carried += 3.0 * self.rate(self.uplink.at_once)
        return numbers


def usual(numbers: list[int]) -> int:
    """The number at which most of the time is spent."""
    return max(set(numbers), key=numbers.count)


@given(SPEEDS, SPEEDS, MOST)
def test_the_line_carries_nearly_all_that_it_could(shared: float, each: float, most: int) -> None:
    line = Line(shared, each)
    line.work(most, LONG_AGO)
    assert line.rate(usual(line.work(most, LONG_AGO))) * GAIN >= line.rate(most) * 0.999


@given(SPEEDS, SPEEDS, MOST)
def test_there_are_no_more_at_once_than_twice_those_that_fill_the_line(shared: float, each: float, most: int) -> None:
    line = Line(shared, each)
    line.work(most, LONG_AGO)
    number = usual(line.work(most, LONG_AGO))
    assert number <= FEWEST or line.rate((number + 1) // 2) < shared


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 100), st.booleans(), MOST)))
def test_whatever_is_seen_the_number_keeps_its_bounds(seen: list[tuple[float, float, bool, int]]) -> None:
    uplink, now = Uplink(), 0.0
    for carried, seconds, is_full, most in seen:
        now += seconds
        uplink.saw(carried, now, most=most, is_full=is_full)
        assert 1 <= uplink.at_once <= most


def test_a_shared_line_keeps_the_fewest_and_is_tried_again_now_and_then() -> None:
    numbers = Line(shared=1e6, each=1e9).work(8, 10 * RESTS)
    assert set(numbers) == {FEWEST, 2 * FEWEST}
    assert numbers.count(FEWEST) > 2 * numbers.count(2 * FEWEST)


def test_a_line_of_bounded_connections_gets_as_many_as_are_allowed() -> None:
    assert Line(shared=1e9, each=1e6).work(16, 20)[-1] == 16


def changed_line(change: Callable[[Line], None], *, shared: float) -> tuple[int, int]:
    """The usual number before a change of the line, and after it."""
    line = Line(shared, 1e6)
    before = usual(line.work(16, LONG_AGO))
    change(line)
    line.work(16, LONG_AGO)
    return before, usual(line.work(16, LONG_AGO))


def test_a_line_that_becomes_narrow_gets_fewer() -> None:
    assert changed_line(lambda line: setattr(line, "shared", 1e6), shared=1e9) == (16, FEWEST)


def test_a_line_that_becomes_wide_gets_more() -> None:
    assert changed_line(lambda line: setattr(line, "shared", 1e9), shared=1e6) == (FEWEST, 16)


def test_nothing_is_learnt_while_too_few_are_under_way() -> None:
    uplink = Uplink()
    for second in range(100):
        uplink.saw(2.0**second, float(second), most=16, is_full=second % 5 > 0)
    assert uplink.at_once == FEWEST


def test_an_upload_that_broke_off_does_not_make_a_measurement_of_what_it_lost() -> None:
    line = Line(shared=1e9, each=1e6)
    line.work(8, 8)
    before = line.uplink.at_once
    for _ in range(6):
        line.carried -= 1e8  # what was sent of it counts no more
        line.uplink.begin_again()
        line.work(8, 1)
    assert line.uplink.at_once >= before > FEWEST
