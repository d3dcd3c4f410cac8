"""What is known of the files of one inbox: pure, so every file here is a name and a number."""

import sys

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from transcribed.job import Fingerprint
from transcribed.worker.intake.sightings import Sightings

TALK, OTHER = b"a/Talk.mp3", b"Other.mp3"


def file(number: int) -> Fingerprint:
    return Fingerprint(size=number, mtime_ns=number)


@pytest.fixture
def new() -> Sightings:
    """A new file was reported."""
    sightings = Sightings({})
    sightings.listed({TALK: file(1)}, gone=(), again=())
    return sightings


@pytest.fixture
def taken(new: Sightings) -> Sightings:
    """The new file has become job 7."""
    new.inspect([TALK])
    new.inspected([TALK], unread={}, again=set())
    new.take(TALK, 7, file(1))
    return new


def test_a_file_that_was_reported_is_pending_until_it_is_a_jobs(new):
    assert new.pending() == {TALK: file(1)}
    new.listed({}, gone=(), again=())
    assert new.pending() == {TALK: file(1)}, "no look reports it twice"

    new.take(TALK, 7, file(1))

    assert new.pending() == {}
    assert new.job_of(TALK, file(1)) == 7


def test_files_are_pending_in_the_order_in_which_they_came():
    sightings = Sightings({})
    for number, name in enumerate((b"b", b"a", b"c")):
        sightings.listed({name: file(number)}, gone=(), again=())
    sightings.listed({b"b": file(9)}, gone=(), again=())

    assert list(sightings.pending().items()) == [(b"b", file(9)), (b"a", file(1)), (b"c", file(2))]


def test_a_file_that_changed_while_its_job_was_made_stays_pending_and_is_no_jobs(new):
    new.listed({TALK: file(2)}, gone=(), again=())
    new.take(TALK, 7, file(1))

    assert new.pending() == {TALK: file(2)}
    assert new.job_of(TALK, file(2)) is None
    assert new.job_of(TALK, file(1)) == 7


def test_what_jobs_took_before_is_known_from_the_start_and_is_not_pending():
    sightings = Sightings({TALK: (7, file(1))})

    assert sightings.paths() == {TALK}
    assert sightings.job_of(TALK, file(1)) == 7
    assert sightings.job_of(TALK, file(2)) is sightings.job_of(OTHER, file(1)) is None
    assert sightings.pending() == {}


def test_a_jobs_file_that_is_seen_to_be_gone_is_lost_until_one_lies_there_again(taken):
    assert not taken.has_lost(TALK, 7, 1)
    taken.listed({}, gone=[TALK], again=())
    assert taken.has_lost(TALK, 7, 1)
    assert not taken.has_lost(TALK, 8, 1), "another job's loss"
    assert not taken.has_lost(OTHER, 7, 1)

    taken.listed({TALK: file(1)}, gone=(), again=())
    assert not taken.has_lost(TALK, 7, 1)


def test_a_file_that_has_gone_before_it_was_a_jobs_is_forgotten(new):
    new.listed({}, gone=[TALK], again=())

    assert new.pending() == {}
    assert not new.has_lost(TALK, 7, 1)


def test_a_file_is_watched_while_it_is_looked_into_and_while_it_cannot_be_read(new):
    new.inspect([TALK])
    assert new.watched() == {TALK}
    assert new.is_inspecting()
    assert new.is_inspecting(TALK)
    assert not new.is_inspecting(OTHER)

    new.inspected([TALK], unread={TALK: "permission is denied"}, again=set())
    assert not new.is_inspecting()
    assert new.watched() == {TALK}
    assert new.unread() == {TALK: "permission is denied"}
    assert new.again() == frozenset()

    new.inspected([TALK], unread={}, again=set())
    assert new.watched() == frozenset()
    assert new.unread() == {}


@pytest.mark.parametrize("end", ["gone", "taken", "passed over"])
def test_a_file_that_is_not_pending_any_more_is_not_unread(new, end):
    new.inspected([TALK], unread={TALK: "permission is denied"}, again=set())
    if end == "gone":
        new.listed({}, gone=[TALK], again=())
    elif end == "taken":
        new.take(TALK, 7, file(1))
    else:
        new.pass_over(TALK)

    assert new.unread() == {}
    new.inspected([TALK], unread={TALK: "permission is denied"}, again=set())
    assert new.unread() == {}, "an answer that comes late"


def test_a_file_is_missed_again_only_if_it_was_listed_again_as_it_was(new):
    assert new.missed_again([TALK]) == []
    new.inspected([TALK], unread={}, again={TALK}, missed={TALK})
    new.listed({TALK: file(1)}, gone=(), again=[TALK])
    assert new.missed_again([TALK]) == [TALK]

    new.listed({TALK: file(2)}, gone=(), again=())
    assert new.missed_again([TALK]) == [], "another lies there now"

    new.inspected([TALK], unread={}, again={TALK}, missed={TALK})
    new.listed({}, gone=[TALK], again=[TALK])
    new.listed({TALK: file(2)}, gone=(), again=())
    assert new.missed_again([TALK]) == [], "it had gone, and came back"


def test_what_must_be_reported_again_is_asked_for_until_a_look_was_asked_for_it(new):
    new.inspected([TALK], unread={}, again={TALK})
    assert new.again() == {TALK}
    new.listed({}, gone=(), again=[OTHER])
    assert new.again() == {TALK}, "the look began before"

    new.listed({}, gone=(), again=[TALK])
    assert new.again() == frozenset()


def test_what_lies_where_a_job_has_let_go_is_new_and_reported_again(taken):
    taken.forget(TALK, 7)

    assert taken.again() == {TALK}
    assert taken.job_of(TALK, file(1)) is None
    assert not taken.has_lost(TALK, 7, 1)


def test_a_job_lets_go_of_its_own_file_only(taken):
    taken.forget(TALK, 6)
    taken.forget(OTHER, 7)

    assert taken.job_of(TALK, file(1)) == 7
    assert taken.again() == frozenset()


def test_a_file_that_is_an_earlier_jobs_is_that_jobs_as_it_is_now(taken):
    taken.adopt(TALK, 3, file(2))

    assert taken.job_of(TALK, file(2)) == 3
    assert taken.job_of(TALK, file(1)) is None


def steps_of(work) -> int:
    """The lines of ours that this work runs: a cost that no load of the machine changes."""
    count = 0

    def step(_frame, event, _arg):
        nonlocal count
        count += event == "line"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def an_idle_look(sightings: Sightings) -> None:
    """Everything that is asked when a look begins and ends, and has found nothing."""
    sightings.listed({}, gone=(), again=sightings.again())
    sightings.watched()
    sightings.pending()
    sightings.unread()
    sightings.is_inspecting()


def test_an_idle_look_costs_no_more_where_many_files_are_known():
    few, many = (Sightings({b"%d.mp3" % n: (n, file(n)) for n in range(count)}) for count in (10, 100_000))

    assert steps_of(lambda: an_idle_look(many)) == steps_of(lambda: an_idle_look(few)) < 100


PATHS = st.sampled_from([b"a", b"b", b"c"])
FILES = st.integers(1, 3).map(file)
JOBS = st.integers(1, 3)
SOME = st.sets(PATHS)


class SevenSets(RuleBasedStateMachine):
    """The records say the same as a set or dict for each question, each kept by itself."""

    @initialize(known=st.dictionaries(PATHS, st.tuples(JOBS, FILES)))
    def start(self, known):
        self.sightings = Sightings(known)
        self.known, self.pending, self.unread = dict(known), {}, {}
        self.absent, self.again, self.inspecting = set(), set(), set()

    @rule(files=st.dictionaries(PATHS, FILES), gone=SOME)
    def listed(self, files, gone):
        gone, again = gone - files.keys(), self.sightings.again()
        self.sightings.listed(files, gone, again)
        self.again -= again
        self.pending.update(files)
        self.absent -= files.keys()
        for path in gone:
            self.pending.pop(path, None)
            if path in self.known:
                self.absent.add(path)
        self.tidy()

    @rule(paths=SOME)
    def inspect(self, paths):
        self.sightings.inspect(paths)
        self.inspecting |= paths

    @rule(paths=SOME, unread=st.dictionaries(PATHS, st.sampled_from(["denied", "busy"])), again=SOME)
    def inspected(self, paths, unread, again):
        unread = {path: why for path, why in unread.items() if path in paths}
        again &= paths
        self.sightings.inspected(paths, unread, again)
        self.inspecting -= paths
        self.again |= again
        self.unread = {path: why for path, why in self.unread.items() if path not in paths} | unread
        self.tidy()

    @rule(path=PATHS, job=JOBS, taken=FILES)
    def take(self, path, job, taken):
        self.sightings.take(path, job, taken)
        self.known[path] = (job, taken)
        if self.pending.get(path) == taken:
            del self.pending[path]
        self.tidy()

    @rule(path=PATHS)
    def pass_over(self, path):
        self.sightings.pass_over(path)
        self.pending.pop(path, None)
        self.tidy()

    @rule(path=PATHS, job=JOBS, taken=FILES)
    def adopt(self, path, job, taken):
        self.sightings.adopt(path, job, taken)
        self.known[path] = (job, taken)

    @rule(path=PATHS, job=JOBS)
    def forget(self, path, job):
        self.sightings.forget(path, job)
        if self.known.get(path, (None,))[0] == job:
            del self.known[path]
            self.absent.discard(path)
            self.again.add(path)

    def tidy(self):
        """What is not pending is not unread."""
        self.unread = {path: why for path, why in self.unread.items() if path in self.pending}

    @invariant()
    def every_answer_is_the_same(self):
        sightings = self.sightings
        assert list(sightings.pending().items()) == list(self.pending.items())
        assert sightings.unread() == self.unread
        assert sightings.again() == self.again
        assert sightings.watched() == self.inspecting | self.unread.keys()
        assert sightings.is_inspecting() == bool(self.inspecting)
        known = self.known.keys() | self.pending.keys() | self.again | self.inspecting
        assert sightings.paths() == known
        for path in (b"a", b"b", b"c"):
            job, taken = self.known.get(path, (None, None))
            for number in (1, 2, 3):
                assert sightings.job_of(path, file(number)) == (job if taken == file(number) else None)
                is_another = job is not None and job > number and taken.size != 1
                is_gone = path in self.absent and job == number
                assert sightings.has_lost(path, number, 1) == (is_gone or is_another)


TestSevenSets = SevenSets.TestCase
TestSevenSets.settings = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
