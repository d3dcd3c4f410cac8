"""A defect in any work off the loop costs that piece of work one attempt: it is logged, and needs no restart.

The defect is put into one call of one real function or outside edge, for there is no other way to have one.
"""

import functools
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import structlog

from fake_assemblyai import Fault
from transcribed import files
from transcribed.assemblyai import AssemblyAI
from transcribed.errors import Defect
from transcribed.inbox import RecordingFolder
from transcribed.job import State
from transcribed.journal import Transcripts
from transcribed.worker import Reload, drop
from transcribed.worker.background import Background, Outcome, WorkEnded
from transcribed.worker.intake.looking import Looking
from transcribed.worker.people import hooks, outbox_notice
from transcribed.worker.steps.folders import FolderSteps
from world import World

pytestmark = pytest.mark.route(formats=("txt",), scan_seconds=60.0)


class Flawed:
    """A function that has a defect once, at a call for which `when` holds.

    `late`: it has done its work before the defect, and the result is lost.
    """

    def __init__(
        self, function: Callable[..., Any], when: Callable[..., bool] = lambda *_: True, *, late: bool = False
    ) -> None:
        self._function = function
        self._when = when
        self._late = late
        self.has_failed = self.works_again = False

    def __get__(self, instance: object, _owner: type) -> Callable[..., Any]:
        """As a method."""
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **options: Any) -> Any:
        if self.has_failed or not self._when(*args):
            self.works_again |= self.has_failed and self._when(*args)
            return self._function(*args, **options)
        if self._late:
            self._function(*args, **options)
        self.has_failed = True
        raise RuntimeError("a defect, once")


class Kind(NamedTuple):
    """A kind of work: its name in the log, where its defect is, and what has to happen in the world to have it done.

    `owner` is None for what the host does. `meanwhile` is called again and again, with the seconds that have passed.
    """

    doing: str
    owner: object
    name: str
    when: Callable[..., bool] = lambda *_: True
    prepare: Callable[[World], None] = lambda world: None
    meanwhile: Callable[[World, float], None] = lambda world, seconds: None


def delete_remote(world: World) -> None:
    world.routes[0] = replace(world.route, delete_remote=True)


def forget_old_transcripts(world: World) -> None:
    world.plan_options["transcripts_days"] = 30.0


def run_a_command(world: World) -> None:
    world.routes[0] = replace(world.route, on_delivered=("true",))


def tell_of_deliveries(world: World) -> None:
    world.plan_options["tell"] = ("delivered",)


def refuse_an_upload(world: World) -> None:
    world.api.script("POST /v2/upload", [Fault.answer(401, "Authentication error, API token missing/invalid")])


def order_a_scan(world: World) -> None:
    world.state.mkdir(exist_ok=True)
    drop(str(world.state), {"order": "scan"})


def reload_twice(world: World, seconds: float) -> None:
    reloads = len([fields for fields in world.notified if "RELOADING" in fields])
    if seconds > 60 * (reloads + 1) and reloads < 2:
        world.mailbox.put(Reload())


def lose_the_outbox_for_a_while(world: World, seconds: float) -> None:
    away = world.directory / "outbox-away"
    if not away.exists() and 0 < seconds < 100:
        world.lose("outbox")
    elif away.exists() and seconds > 300:
        away.rename(world.folders["outbox"])


def is_the_orders(path: object) -> bool:
    return isinstance(path, bytes) and b"/commands" in path


def is_the_notice(mark: object, *_: object) -> bool:
    return mark is outbox_notice.MARK


KINDS = {
    "a look": Kind("listing the inbox", RecordingFolder, "look"),
    "a survey": Kind("surveying the inbox", Looking, "survey"),
    "a file": Kind("reading Talk.mp3", Looking, "said"),
    "a step at the API": Kind("working at a recording", AssemblyAI, "upload"),
    "a poll": Kind("asking for the transcripts that wait", AssemblyAI, "find"),
    "a step in the folders": Kind("working at a recording", FolderSteps, "deliver"),
    "a deletion": Kind("deleting a transcript at AssemblyAI", AssemblyAI, "delete", prepare=delete_remote),
    "old transcripts": Kind("reading the kept transcripts", Transcripts, "older_than", prepare=forget_old_transcripts),
    "listing orders": Kind("reading orders", os, "listdir", when=is_the_orders, prepare=order_a_scan),
    "removing an order": Kind("removing an order", os, "unlink", when=is_the_orders, prepare=order_a_scan),
    "the configuration": Kind("reading the configuration", None, "next_plan", meanwhile=reload_twice),
    "the status": Kind("writing the status", None, "publish"),
    "a command": Kind("running a command", hooks, "run", prepare=run_a_command),
    "a digest": Kind("telling people the news", None, "tell", prepare=tell_of_deliveries),
    "the notice in the outbox": Kind(
        "writing the notice in the outbox",
        files.Mark,
        "take_back",
        when=is_the_notice,
        meanwhile=lose_the_outbox_for_a_while,
    ),
    "the API's lane": Kind("trying the folders again", AssemblyAI, "check", prepare=refuse_an_upload),
    "an inbox's lane": Kind("trying the folders again", Looking, "check", meanwhile=lose_the_outbox_for_a_while),
}


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("name", KINDS)
def test_a_defect_in_work_off_the_loop_is_logged_and_the_work_is_done_the_next_time(world, monkeypatch, name, late):
    kind = KINDS[name]
    kind.prepare(world)
    owner = world if kind.owner is None else kind.owner
    flawed = Flawed(getattr(owner, kind.name), kind.when, late=late)
    monkeypatch.setattr(owner, kind.name, flawed)
    world.drop("Talk.mp3")

    def is_over() -> bool:
        kind.meanwhile(world, world.clock.moved)
        if world.clock.moved > 600 and "Other.mp3" not in world.files("inbox") + world.files("archive"):
            world.drop("Other.mp3")
        done = flawed.has_failed if late else flawed.works_again
        return done and world.files("archive") == ["Other.mp3", "Talk.mp3"]

    with structlog.testing.capture_logs(processors=[structlog.processors.format_exc_info]) as lines:
        world.run(is_over, seconds=3 * 3600)

    (crash,) = [line for line in lines if line["event"] == "background.crashed"]
    assert crash["doing"] == kind.doing
    assert "RuntimeError: a defect, once" in crash["exception"]
    assert set(world.states()) == {State.DELIVERED}
    assert world.files("outbox") == ["Other.txt", "Talk.txt"]
    assert os.listdir(world.state / "commands") == []


def test_the_loop_is_answered_whatever_becomes_of_the_work():
    mailbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    background = Background(mailbox, lambda name, threads: AtOnce(), threading.Event())

    for work in (lambda: 1, Flawed(lambda: 1), Flawed(lambda: 1, when=lambda *_: False)):
        background.ask(AtOnce(), work, lambda outcome: outcome, doing="counting")
        background.do(AtOnce(), work, doing="counting")

    answers: list[Any] = [mailbox.get_nowait() for _ in range(6)]
    assert answers[0] == answers[4] == Outcome(1)
    assert isinstance(answers[2].problem, Defect)
    assert answers[1] == answers[3] == answers[5] == WorkEnded("counting")


class AtOnce:
    """An executor that does the work where it is handed over."""

    def submit(self, work: Callable[[], None]) -> None:
        work()
