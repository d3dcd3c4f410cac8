"""A small world to run the daemon's heart in: real folders, a real journal, a real HTTP server, and a held clock.

Nothing of ours is replaced: steps run where they are submitted, and time passes only when nothing is left to do.
"""

import contextlib
import json
import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from fake_assemblyai import KEY, FakeAssemblyAI
from transcribed import config, daemon
from transcribed.assemblyai import AssemblyAI
from transcribed.config.share import question_of, settings_of, speakers_of
from transcribed.folders import ANCHOR, OWNER, Ground
from transcribed.inbox import RecordingFolder, Said
from transcribed.job import Job, Prices, Rules, Settings, State, canonical
from transcribed.job.limits import Limits
from transcribed.journal import Journal, rebuild
from transcribed.worker import Plan, Route, Stop, Worker, drop
from transcribed.worker.book import Book
from transcribed.worker.plan import Executor

START = 1_800_000_000.0
POLL_SECONDS = 5.0  # by default ten times as many looks find nothing, which is half of what a life costs here
OURS = {os.fsdecode(ANCHOR), os.fsdecode(OWNER)}
FRAME = bytes.fromhex("fffb9000") + bytes(413)  # one MPEG frame: Layer III, 128 kbit/s at 44.1 kHz, 26 ms


def mp3(text: str, frames: int = 40) -> bytes:
    """A small MP3 whose bytes are `text`'s alone: frames of silence with the text in their padding."""
    word = os.fsencode(text)[:200]
    return b"".join(FRAME[:40] + word + FRAME[40 + len(word) :] for _ in range(frames))


def link(address: str) -> bytes:
    """A link as Windows writes it when an address is dragged into a folder."""
    return f"[InternetShortcut]\r\nURL={address}\r\n".encode()


def recording_folder(root: bytes, lane: str = "inbox:talks", **options: Any) -> RecordingFolder:
    """A folder of which nothing is remembered, to be looked at."""
    return RecordingFolder(root, lane=lane, ground=Ground(root, lane=lane, what="inbox"), **options)


def route_to(directory: str, **changes: Any) -> Route:
    """An inbox of the folders below `directory`, configured by its defaults but for these changes; without its page."""
    paths: dict[str, Any] = {name: os.path.join(directory, name) for name in ("outbox", "archive", "failed")}
    inbox = config.Inbox(name="talks", path=os.path.join(directory, "inbox"), page=False, **paths)
    return changed(daemon.route_of(inbox), **changes)


def changed(route: Route, **changes: Any) -> Route:
    """The route with these changes, of its settings too: `parameters` and the keys of formats.Style among them."""
    own = {field.name for field in fields(Route)}
    settings = {key: value for key, value in changes.items() if key not in own}
    of_inbox = {key: value for key, value in changes.items() if key in own}
    return replace(route, settings=_changed(route.settings, **settings), **of_inbox)


def _changed(settings: Settings, **changes: Any) -> Settings:
    whole = {field.name for field in fields(Settings)}
    style = settings.chosen_style() | {key: value for key, value in changes.items() if key not in whole}
    kept = {key: value for key, value in changes.items() if key in whole}
    return replace(settings, style=canonical(style), **kept)


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.moved = 0.0
        self.began_at = START

    def wall(self) -> float:
        return self.began_at + self.moved

    def monotonic(self) -> float:
        return 1000.0 + self.moved


class Crash(BaseException):
    """The process ends here, with no chance to write anything more."""


class Mailbox:
    """A mailbox that moves the clock where a real one would wait, and ends the run when `until` holds."""

    def __init__(self, clock: Clock) -> None:
        self.messages: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.until: Callable[[], bool] = lambda: False
        self.give_up_at = 0.0
        self.waits = 0
        self.crash_at: int | None = None  #: the number of the message at which the process dies
        self._in_a_pass = False  # a message was taken in, and the pass may take more
        self._clock = clock

    def put(self, message: object) -> None:
        self.messages.put(message)

    def get(self, *, timeout: float) -> object:
        self._count_down()
        if self.until():
            self.until = lambda: False
            return Stop()
        with contextlib.suppress(queue.Empty):
            message = self.messages.get_nowait()
            self._in_a_pass = True
            return message
        self._in_a_pass = False
        if timeout <= 0:
            raise queue.Empty
        self.waits += 1
        assert self._clock.monotonic() < self.give_up_at, "what the test waits for never came"
        self._clock.moved += timeout
        raise queue.Empty

    def _count_down(self) -> None:
        if self.crash_at is not None and self._in_a_pass:
            self.crash_at -= 1
            if self.crash_at <= 0:
                raise Crash


class Inline:
    """An executor that runs a step where it is submitted; at the chosen one, the process dies before or after it."""

    def __init__(self, world: "World", name: str) -> None:
        self._world = world
        self._name = name

    def submit(self, work: Callable[[], None]) -> None:
        if self._name in self._world.uncounted:
            work()
            return
        self._world.steps_left -= 1
        if self._world.steps_left == 0 and not self._world.crash_after_step:
            raise Crash
        if self._world.crash_when():
            raise Crash
        work()
        if self._world.steps_left == 0:
            raise Crash


class World:
    """One inbox with its folders, the API, and a daemon that can be run, crashed and started again."""

    def __init__(self, directory: Path, api: FakeAssemblyAI, clock: Clock, **route: Any) -> None:
        self.directory = directory
        self.api = api
        self.clock = clock
        self.folders = {name: directory / name for name in ("inbox", "outbox", "archive", "failed")}
        for folder in self.folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        self.state = directory / "state"
        self.route = route_to(str(directory), **{"formats": ("txt", "srt"), **route})
        self.routes = [self.route]
        self.rules = Rules()
        self.steps_left = -1
        self.crash_after_step = False
        self.uncounted: frozenset[str] = frozenset()  # executors at whose steps nobody dies, by their names
        self.running = False
        self.crash_at: int | None = None
        self.commits_left = -1
        self._commits = 0  # of all runs
        self._read_at, self._read = -1, dict[int, Job]()  # the jobs in the journal after so many commits of this run
        self.crash_when: Callable[[], bool] = lambda: False
        self.read_seconds = 5.0
        self.published: list[dict[str, Any]] = []
        self.notified: list[dict[str, str]] = []
        self.services: Any = None  # a notify.Services, where people are told
        self.plan_options: dict[str, Any] = {}
        self.key = KEY
        self.next_plan: Callable[[], Plan] = self.plan

    # what the worker asks of its host

    def notify(self, **fields: str) -> None:
        self.notified.append(fields)

    def show(self, status: bytes) -> None:
        """Nobody asks this process."""

    def publish(self, status: bytes) -> None:
        self.published.append(json.loads(status))

    def read_plan(self) -> Plan:
        return self.next_plan()

    def watch(self, root: bytes) -> bool:
        """No events: the listing is the truth."""
        return False

    def written(self, root: bytes) -> Mapping[bytes, bool]:
        return {}

    def settings(self, inbox: str, said: Sequence[Said]) -> str | None:
        """As the command line answers it, for an inbox with this route's settings."""
        route = next((route for route in self.routes if route.name == inbox), self.route)
        keys: dict[str, Any] = {"formats": route.settings.formats, "output_name": route.settings.output_name}
        keys |= route.settings.chosen_style()
        keys |= {"path": os.fsdecode(route.inbox), "outbox": os.fsdecode(route.outbox)}
        return settings_of(config.Inbox(transcript=json.loads(route.settings.parameters), **keys), said)

    def speakers(self, content: bytes, where: str) -> dict[str, str]:
        return speakers_of(content, where)

    def question(self, content: bytes, where: str) -> dict[str, object]:
        return question_of(content, where)

    def tell(self, title: str, body: str) -> None:
        if self.services is not None:
            self.services.tell(title, body)

    def executor(self, name: str, threads: int) -> Executor:
        return Inline(self, name)

    # what a test does

    def plan(self) -> Plan:
        client = AssemblyAI(
            self.api.base_url,
            self.key,
            stop=threading.Event(),
            wall=self.clock.wall,
            tries=1,
            read_seconds=self.read_seconds,
        )
        api, notify = config.Api(), config.Notify()
        options: dict[str, Any] = {
            "recogniser": None,
            "poll_seconds": POLL_SECONDS,
            "uploads": api.uploads,
            "upload_hours": api.upload_hours,
            "accept_backlog_hours": api.accept_backlog_hours,
            "tell": (),
            "digest_seconds": notify.digest_seconds,
            "limits": Limits(),
            "prices": Prices(),
            "currency": config.Costs().currency,
            "transcripts_days": config.State().transcripts_days,
            "jobs_days": config.State().jobs_days,
        }
        return Plan(tuple(self.routes), client, rules=self.rules, **options | self.plan_options)

    def drop(self, name: str, data: bytes | None = None, folder: str = "inbox") -> Path:
        """Put a recording into a folder, as a person at the share would."""
        path = self.folders[folder] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mp3(name) if data is None else data)
        os.utime(path, ns=(0, int(self.clock.wall() * 1e9)))
        return path

    def run(
        self, until: Callable[[], bool] | None = None, *, seconds: float = 3600.0, messages: tuple[object, ...] = ()
    ) -> int:
        """Run the daemon until the condition holds (by default: once) within so many virtual seconds."""
        mailbox = Mailbox(self.clock)
        mailbox.give_up_at = self.clock.monotonic() + seconds
        mailbox.until = until or (lambda: False)
        mailbox.crash_at = self.crash_at
        for message in messages:
            mailbox.put(message)
        self._read_at = -1
        with self.journal() as journal:
            sa.event.listen(journal._engine, "commit", self._count_commit)
            rebuild(journal, str(self.state), self.clock.wall())
            self.mailbox = mailbox
            self.worker = Worker(
                self.plan(),
                journal,
                self,
                directory=str(self.state),
                mailbox=mailbox,
                clock=self.clock,
                stop=threading.Event(),
            )
            self.running = True
            try:
                return self.worker.run(once=until is None)
            finally:
                self.running = False

    def accept(self) -> None:
        """Order what `transcribed accept` does: all that the status shows to wait for it."""
        for shown in self.published[-1]["inboxes"]:
            if shown["backlog"] is not None:
                drop(
                    str(self.state),
                    {"order": "accept", "inbox": shown["name"], "path": shown["path"], **shown["backlog"]},
                )

    def crash(self, step: int, *, after: bool = False, seconds: float = 3600.0) -> bool:
        """Run until the process dies at the `step`-th step; whether it came that far."""
        self.steps_left, self.crash_after_step = step, after
        try:
            self.run(seconds=seconds)
        except Crash:
            return True
        finally:
            self.steps_left = -1
        return False

    def crash_at_message(self, number: int) -> bool:
        """Run until the process dies before it takes in one more message in a pass, the `number`-th such time.

        Before the first message of a pass, all is as a crash after the last step leaves it. Whether it came that far.
        """
        self.crash_at = number
        try:
            self.run()
        except Crash:
            return True
        finally:
            self.crash_at = None
        return False

    def crash_at_commit(self, number: int) -> bool:
        """Run until the process dies before its `number`-th commit; whether it came that far."""
        self.commits_left = number
        try:
            self.run()
        except Crash:
            return True
        finally:
            self.commits_left = -1
        return False

    def _count_commit(self, _connection: object) -> None:
        self._commits += 1
        self.commits_left -= 1
        if self.commits_left == 0:
            raise Crash

    def crash_in_flight(self) -> None:
        """Run until a job's step has begun, and die inside it."""
        self.crash_when = lambda: any(job.in_flight for job in self.worker.book.unfinished.values())
        with contextlib.suppress(Crash):
            self.run()
        self.crash_when = lambda: False

    @contextlib.contextmanager
    def journal(self) -> Iterator[Journal]:
        journal = Journal.open(str(self.state))
        try:
            yield journal
        finally:
            journal.close()

    def jobs(self) -> list[Job]:
        """The jobs in the journal, read by a stranger."""
        if self.running:
            return self._believed(self.worker.book)
        if not (self.state / "journal.db").exists():
            return []
        journal = Journal.read(str(self.state))
        try:
            return journal.all()
        finally:
            journal.close()

    def _believed(self, book: Book) -> list[Job]:
        """All jobs as the loop has them, in the middle of a pass too. Tests ask at each pass."""
        if self._read_at != self._commits:
            self._read_at, self._read = self._commits, {job.id: job for job in book.journal.all()}
        changing = {*book.unfinished, *book._unwritten}
        found = [book.job(number) if number in changing else self._read[number] for number in {*self._read, *changing}]
        return sorted((job for job in found if job is not None), key=lambda job: job.id)

    def story(self, number: int) -> list[str]:
        """The events of a job, in a word each."""
        if self.running:
            return [row["event"].removeprefix("job.") for row in self.worker.book.journal.story(number)]
        journal = Journal.read(str(self.state))
        try:
            return [row["event"].removeprefix("job.") for row in journal.story(number)]
        finally:
            journal.close()

    def states(self) -> list[State]:
        return [job.state for job in self.jobs()]

    def files(self, folder: str) -> list[str]:
        """The names in one of the folders, hidden ones included but for the anchor."""
        root = self.folders[folder]
        paths = (path for path in root.rglob("*") if path.is_file() and path.name not in OURS)
        return sorted(str(path.relative_to(root)) for path in paths)

    def second_inbox(self, *, name: str = "second", **changes: Any) -> Route:
        """Another route beside the first, with folders of its own."""
        paths: dict[str, Any] = {}
        for what in ("inbox", "outbox", "archive", "failed"):
            folder = self.directory / f"{name}-{what}"
            folder.mkdir(exist_ok=True)
            self.folders[f"{name}-{what}"] = folder
            paths[what] = os.fsencode(folder)
        route = changed(self.route, name=name, **{**paths, **changes})
        self.routes.append(route)
        return route

    def lose(self, folder: str) -> Path:
        """Take a folder away, as an unmounted share does."""
        away = self.directory / f"{folder}-away"
        shutil.move(self.folders[folder], away)
        return away


def work_for(world: World, seconds: float) -> list[Any]:
    """Let the daemon work for so long, and return what it logged."""
    end = world.clock.monotonic() + seconds
    with structlog.testing.capture_logs() as logs:
        world.run(lambda: world.clock.monotonic() >= end, seconds=seconds + 9000)
    return logs


def parameters(**values: Any) -> str:
    return canonical(values)
