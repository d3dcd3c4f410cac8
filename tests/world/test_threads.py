"""The daemon's threads: bounded, shared out by kinds of work, and gone when nothing is to do."""

import threading

import pytest

from transcribed.threads import MOST_THREADS, OWN, Pools, Share, Threads
from waiting import wait_for


class Held:
    """Work that holds its thread until it is let go."""

    def __init__(self) -> None:
        self.begun, self.most, self._running = 0, 0, 0
        self.go = threading.Event()
        self._lock = threading.Lock()

    def work(self) -> None:
        with self._lock:
            self.begun += 1
            self._running += 1
            self.most = max(self.most, self._running)
        assert self.go.wait(30)
        with self._lock:
            self._running -= 1


@pytest.fixture
def held():
    work = Held()
    yield work
    work.go.set()


def test_no_more_of_one_kind_runs_at_once_than_its_share_and_all_of_it_runs(held):
    share = Threads(8, 30.0).share("hash", 3)
    for _ in range(20):
        share.submit(held.work)
    wait_for(lambda: held.begun == 3, "three at work")

    held.go.set()
    wait_for(lambda: held.begun == 20, "all of it")
    assert held.most == 3


def test_a_kind_that_hangs_does_not_hold_up_another(held):
    pool, done = Threads(8, 30.0), threading.Event()
    hangs = pool.share("inbox-hanging", 1)
    for _ in range(5):
        hangs.submit(held.work)
    pool.share("inbox-other", 1).submit(done.set)

    assert done.wait(30)


def test_all_kinds_together_have_no_more_threads_than_the_pool(held):
    pool = Threads(4, 30.0)
    before = threading.active_count()
    for number in range(10):
        pool.share(f"inbox-{number}", 1).submit(held.work)
    wait_for(lambda: held.begun == 4, "four at work")
    assert threading.active_count() == before + 4

    held.go.set()
    wait_for(lambda: held.begun == 10, "the others, on the same threads")
    assert held.most == 4


def test_a_thread_without_work_ends():
    before, done = threading.active_count(), threading.Event()
    Threads(4, 0.01).share("state", 1).submit(done.set)

    assert done.wait(30)
    wait_for(lambda: threading.active_count() == before, "the end of the thread")


def refuse(_thread: threading.Thread) -> None:
    """As CPython does where the system gives no thread."""
    raise RuntimeError("can't start new thread")


def test_work_for_which_no_thread_can_be_started_is_refused_and_later_work_is_done(monkeypatch):
    share, done = Threads(8, 30.0).share("api", 2), threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            share.submit(done.set)
    assert not done.is_set()

    share.submit(done.set)
    assert done.wait(30)


def test_work_waits_for_a_thread_of_its_kind_where_no_other_can_be_started(held, monkeypatch):
    share: Share = Threads(8, 30.0).share("api", 2)
    share.submit(held.work)
    wait_for(lambda: held.begun == 1, "one at work")
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        share.submit(held.work)

    held.go.set()
    wait_for(lambda: held.begun == 2, "the one that waited")


def test_shares_that_hang_however_many_keep_no_thread_from_what_touches_no_inbox():
    pools, done, held = Pools(), threading.Event(), Held()
    try:
        for number in range(MOST_THREADS + 1):
            pools.share(f"inbox-{number}", 1).submit(held.work)
        for name in OWN:
            done.clear()
            pools.share(name, 1).submit(done.set)
            assert done.wait(60), name
    finally:
        held.go.set()


def test_work_that_comes_just_after_other_work_to_one_idle_thread_does_not_wait_for_it():
    for _ in range(50):
        threads, idle, held, ran = Threads(4, 60.0), threading.Event(), Held(), threading.Event()
        hanging, calls = threads.share("inbox-a", 1), threads.share("api", 2)
        hanging.submit(idle.set)
        assert idle.wait(30)
        hanging.submit(held.work)
        calls.submit(ran.set)
        try:
            assert ran.wait(20)
        finally:
            held.go.set()
