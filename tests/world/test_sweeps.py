"""Half-written files of a crash are removed beside the work: a large archive, or one that hangs, delays nothing."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from transcribed import files
from transcribed.job import State
from transcribed.worker.messages import Reload
from transcribed.worker.plan import Executor
from world import World, changed

HALF = ".transcribed-0123456789abcdef"
ANSWER_SECONDS = 20.0  # real ones: a test that waits longer than this has failed


class Answers:
    """A folder that hangs until `come` is set; whoever has to wait for it for long ends with an error."""

    def __init__(self) -> None:
        self.come = threading.Event()
        self.moved_on = threading.Event()  # somebody waits for the folder, or need not

    def wait(self) -> None:
        self.moved_on.set()
        assert self.come.wait(ANSWER_SECONDS), "nobody goes on without this folder"

    def submit(self, work: Callable[[], None]) -> None:
        """Have a thread do this work; time goes on once it is done or hangs."""

        def done() -> None:
            work()
            self.moved_on.set()

        self.moved_on.clear()
        threading.Thread(target=done, daemon=True).start()
        assert self.moved_on.wait(ANSWER_SECONDS)


@pytest.fixture
def answers() -> Iterator[Answers]:
    folder = Answers()
    yield folder
    folder.come.set()


def with_threads_for(world: World, monkeypatch: pytest.MonkeyPatch, kind: str, threads: Executor) -> None:
    """Let this kind of work have threads, while all other work is done where it is asked for."""
    inline = world.executor
    monkeypatch.setattr(
        world, "executor", lambda name, count: threads if name.startswith(kind) else inline(name, count)
    )


def listing_hangs(monkeypatch: pytest.MonkeyPatch, folder: bytes, answers: Answers) -> None:
    listed = os.fwalk

    def fwalk(top: bytes, *, dir_fd: int) -> Iterator[Any]:
        if files.place_of(dir_fd) == folder:
            answers.wait()
        yield from listed(top, dir_fd=dir_fd)

    monkeypatch.setattr(os, "fwalk", fwalk)


def problems_of(world: World) -> list[str]:
    return list(world.published[-1]["inboxes"][0]["problems"])


def test_an_archive_whose_listing_hangs_delays_nothing_and_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch, answers: Answers
) -> None:
    with_threads_for(world, monkeypatch, "sweep", answers)
    listing_hangs(monkeypatch, world.route.archive, answers)
    half = world.drop(HALF, b"half", folder="archive")
    world.drop("Talk.mp3")

    def is_said() -> bool:
        return world.states() == [State.DELIVERED] and world.clock.moved > 600

    with structlog.testing.capture_logs() as logs:
        world.run(is_said)

    [said] = [line for line in logs if line["event"] == "folder.unanswered"]
    assert said["reason"] == f"the archive {world.folders['archive']} has not answered for more than 60 s"
    assert [line for line in logs if line["event"] == "lane.blocked"] == []
    assert world.published[-1]["blocked"] == []
    assert not world.published[-1]["inboxes"][0]["overdue"]
    assert problems_of(world) == [said["reason"]]
    assert half.exists()


def test_a_folder_that_answers_at_last_is_swept_and_no_longer_named(
    world: World, monkeypatch: pytest.MonkeyPatch, answers: Answers
) -> None:
    with_threads_for(world, monkeypatch, "sweep", answers)
    listing_hangs(monkeypatch, world.route.outbox, answers)
    half = world.drop(HALF, b"half", folder="outbox")

    with structlog.testing.capture_logs() as logs:

        def told() -> list[str]:
            return [line["event"] for line in logs if line["event"].startswith("folder.")]

        def is_over() -> bool:
            if world.published and problems_of(world):
                answers.come.set()
            return told() == ["folder.unanswered", "folder.answered"] and not problems_of(world)

        world.run(is_over, seconds=9000)

    assert not half.exists()


def test_a_run_with_once_ends_after_the_folders_are_swept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Callable[[], None]] = []

    class Busy:
        """A thread that comes to its work late."""

        def submit(self, work: Callable[[], None]) -> None:
            waiting.append(work)

    def notify(**_: str) -> None:
        if world.clock.moved > 40:
            while waiting:
                waiting.pop()()

    with_threads_for(world, monkeypatch, "sweep", Busy())
    monkeypatch.setattr(world, "notify", notify)
    half = [world.drop(HALF, b"half", folder=folder) for folder in ("outbox", "archive", "failed")]

    assert world.run() == 0

    assert [path for path in half if path.exists()] == []


def test_a_run_with_once_ends_though_no_thread_can_be_started_for_the_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        def submit(self, work: Callable[[], None]) -> None:
            raise RuntimeError("can't start new thread")

    with_threads_for(world, monkeypatch, "sweep", Refusing())
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert world.states() == [State.DELIVERED]


def test_each_folder_is_swept_once_in_the_life_of_a_daemon(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: Counter[bytes] = Counter()
    listed = os.fwalk

    def fwalk(top: bytes, *, dir_fd: int) -> Iterator[Any]:
        swept[files.place_of(dir_fd)] += 1
        yield from listed(top, dir_fd=dir_fd)

    monkeypatch.setattr(os, "fwalk", fwalk)
    world.second_inbox(outbox=world.route.outbox)

    with structlog.testing.capture_logs() as logs:
        world.run(lambda: world.clock.moved > 100)
        world.routes[0] = changed(world.route, settle_seconds=7.0)
        world.run(lambda: world.clock.moved > 400, messages=(Reload(),))

    assert any(line["event"] == "config.reloaded" for line in logs)
    assert {swept[os.fsencode(world.folders[name])] for name in ("outbox", "archive", "failed")} == {2}


def test_an_archive_that_hangs_within_a_look_is_named_and_not_the_inbox(
    world: World, monkeypatch: pytest.MonkeyPatch, answers: Answers
) -> None:
    with_threads_for(world, monkeypatch, "inbox", answers)
    opened = os.open

    def hangs(path: Any, *args: Any, **options: Any) -> int:
        if path == world.route.archive:
            answers.wait()
        return opened(path, *args, **options)

    monkeypatch.setattr(os, "open", hangs)
    with structlog.testing.capture_logs() as logs:
        world.run(lambda: world.clock.moved > 600)

    [blocked] = [line for line in logs if line["event"] == "lane.blocked"]
    assert blocked["reason"] == f"the archive {world.folders['archive']} has not answered for more than 60 s"
