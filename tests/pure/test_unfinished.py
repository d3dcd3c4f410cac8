"""The unfinished jobs of which only some are in memory."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import a_job
from transcribed.job import State, Step
from transcribed.worker import unfinished
from transcribed.worker.unfinished import AT_ONCE, Unfinished


class Kept(Unfinished):
    """Beside a journal that has what was put, once it is let go; `asked`: the numbers that were read from it."""

    def __init__(self):
        super().__init__(self._answer)
        self.journal, self.asked = {}, []

    def _answer(self, numbers):
        self.asked.append(list(numbers))
        return [self.journal[number] for number in numbers]

    def write(self, *jobs):
        for job in jobs:
            self.journal[job.id] = job
            self.put(job)
        self.let_go()


def job(number, **facts):
    return a_job(b"%d.mp3" % number, id=number, **facts)


@pytest.fixture(autouse=True)
def few_in_memory(monkeypatch):
    monkeypatch.setattr(unfinished, "KEPT", 2)


def test_a_job_that_waits_far_back_is_read_when_it_is_asked_for_and_once():
    kept = Kept()
    kept.write(*map(job, range(1, 6)))

    assert kept[1] == kept[1] == job(1)
    assert kept.asked == [[1]]
    assert [kept[4], kept[5], len(kept)] == [job(4), job(5), 5]
    assert kept.asked == [[1]]


def test_what_was_asked_for_last_stays_in_memory():
    kept = Kept()
    kept.write(*map(job, range(1, 6)))
    assert kept[1].id == 1
    kept.write(job(6))

    assert kept.at_hand(range(9)) == {1: job(1), 6: job(6)}


@pytest.mark.parametrize("facts", [{"in_flight": Step.HASH}, {"state": State.UPLOADED}, {"stem": b"Talk"}])
def test_a_job_that_does_more_than_wait_is_always_in_memory(facts):
    kept = Kept()
    moving = job(1, **facts)
    kept.write(moving, *map(job, range(2, 9)))

    assert kept[1] == moving
    assert [*kept.moving()] == [moving]
    assert kept.asked == []
    kept.write(replace(moving, state=State.RECEIVED, in_flight=None, stem=None), job(2), job(3))
    assert [*kept.moving()] == []
    assert kept.is_far(1)


def test_what_is_not_written_yet_is_never_let_go():
    kept = Kept()
    kept.put(job(1))
    kept.put(job(2))
    kept.put(job(3))

    assert [kept[number] for number in kept] == [job(1), job(2), job(3)]
    assert kept.asked == []


def test_the_jobs_of_an_inbox_are_counted_wherever_they_are_and_each_once():
    kept = Kept()
    kept.put_far({1: "talks", 2: "other"})
    kept.write(job(1), job(3), job(3))
    assert [kept.count_of("talks"), kept.count_of("other"), kept.count_of("none")] == [2, 1, 0]

    kept.remove(1)
    kept.remove(1)

    assert kept.count_of("talks") == 1


def test_many_are_read_with_one_question_and_no_question_is_for_more_than_some():
    kept = Kept()
    kept.journal = {number: job(number) for number in range(1, AT_ONCE + 3)}
    kept.put_far(dict.fromkeys(kept.journal, "talks"))

    kept.fetch(range(AT_ONCE + 9))

    assert [len(numbers) for numbers in kept.asked] == [AT_ONCE, 2]
    assert kept.at_hand(range(AT_ONCE + 9)) == kept.journal


@given(
    st.lists(
        st.tuples(
            st.integers(1, 6), st.sampled_from([{}, {"state": State.SUBMITTED}, {"in_flight": Step.UPLOAD}, None])
        )
    )
)
def test_it_is_as_if_all_were_in_memory(happens):
    """None: the job is finished."""
    kept, all_of_them = Kept(), {}
    for number, facts in happens:
        if facts is None:
            kept.remove(number)
            all_of_them.pop(number, None)
        else:
            kept.write(job(number, **facts))
            all_of_them[number] = job(number, **facts)
        assert (number in kept, len(kept)) == (number in all_of_them, len(all_of_them))
    assert dict(kept) == all_of_them
