"""Many recordings: what waits costs nothing, inboxes take turns, and nothing that comes at once is done at once."""

import hashlib
import itertools
import os
import queue
import sqlite3
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from fake_assemblyai import FakeAssemblyAI
from fake_faults import Fault
from jobs import a_job, add_job
from transcribed import files
from transcribed.job import Fingerprint, Rules, State, events
from transcribed.journal import Change, Happening, Journal
from transcribed.worker.book import REMEMBERED, Book
from transcribed.worker.dropped import drop
from transcribed.worker.loop import CHANGES_AT_ONCE, LONGEST_WAIT_SECONDS
from transcribed.worker.messages import StepEnded
from transcribed.worker.orders import RETRIED_AT_ONCE
from transcribed.worker.plan import Executor
from transcribed.worker.rooms import LIGHT_BYTES
from transcribed.worker.uplink import FEWEST, WINDOW_SECONDS
from world import Clock, Mailbox, World, mp3

CONTENT = "c" * 64


@pytest.fixture
def world(tmp_path: Path, api: FakeAssemblyAI) -> World:
    return World(tmp_path, api, Clock())


def statements_in_an_hour(world: World) -> int:
    """The SQL statements of a daemon that has found out that nothing can move, in the hour that follows."""
    end = world.clock.monotonic() + 3600.0
    said = 0

    def count(*_: object) -> None:
        nonlocal said
        said += world.clock.monotonic() > end - 3000.0

    def until() -> bool:
        engine = world.worker.book.journal._engine
        if not sa.event.contains(engine, "before_cursor_execute", count):
            sa.event.listen(engine, "before_cursor_execute", count)
        return world.clock.monotonic() >= end

    world.run(until, seconds=9000)
    return said


def test_what_waits_for_a_blocked_api_asks_the_journal_nothing(tmp_path: Path, api: FakeAssemblyAI) -> None:
    api.script("GET /v2/transcript", [Fault.answer(401, "no")] * 10_000)
    api.script("POST /v2/upload", [Fault.answer(401, "no")] * 10_000)
    said = []
    for number in (3, 60):
        world = World(tmp_path / str(number), api, Clock())
        for each in range(number):
            world.drop(f"{each}.mp3")
        said.append(statements_in_an_hour(world))
        assert len(world.jobs()) == number

    assert said[0] == said[1] > 0


def test_an_inbox_with_one_recording_does_not_wait_for_another_with_many(world: World, api: FakeAssemblyAI) -> None:
    world.plan_options["uploads"] = 1
    world.second_inbox()
    for number in range(40):
        world.drop(f"{number}.mp3")
    only = world.drop("only.mp3", folder="second-inbox").read_bytes()

    assert world.run() == 0

    assert len(api.uploads) == 41
    assert [upload.sha256 for upload in api.uploads].index(hashlib.sha256(only).hexdigest()) < 4


def test_an_order_about_more_jobs_than_one_pass_takes_is_carried_out_whole(world: World) -> None:
    many = RETRIED_AT_ONCE + 3
    with world.journal() as journal:
        for number in range(many):
            job = a_job(b"%d.mp3" % number, fingerprint=Fingerprint(number, 1))
            failed = a_job(job.path, fingerprint=job.fingerprint, state=State.FAILED, retired_at=1.0, place=b"/gone")
            add_job(journal, job, events.Received(1), (failed, events.Failed("no")))
    drop(str(world.state), {"order": "retry", "failed": True})

    with structlog.testing.capture_logs() as logs:
        world.run()

    told: list[Any] = [line["event"] for line in logs]
    assert told.count("order.taken") == 1
    assert told.count("job.requeued") == many
    assert os.listdir(world.state / "commands") == []


def test_a_thread_that_cannot_be_started_blocks_a_lane_and_ends_nothing(world: World, api: FakeAssemblyAI) -> None:
    refused = []

    class Refusing:
        """The threads of the API, which the system does not give for a while."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def submit(self, work: Any) -> None:
            if len(refused) < 5:
                refused.append(work)
                raise RuntimeError("can't start new thread")
            self._inner.submit(work)

    executor = world.executor
    world.executor = lambda name, threads: (  # type: ignore[method-assign]
        Refusing(executor(name, threads)) if name != "state" else executor(name, threads)
    )
    world.drop("Talk.mp3")

    with structlog.testing.capture_logs() as logs:
        world.run(lambda: world.states() == [State.DELIVERED] and world.files("inbox") == [], seconds=9000)

    assert len(refused) == 5
    blocked = [line for line in logs if line["event"] == "lane.blocked"]
    assert blocked
    assert all("no thread can be started" in line["reason"] for line in blocked)
    assert len(api.submits) == 1


def test_the_first_recordings_of_a_large_drop_are_under_way_while_the_rest_is_taken_in(
    world: World, api: FakeAssemblyAI
) -> None:
    for number in range(CHANGES_AT_ONCE + 150):
        world.drop(f"{number:03}.mp3", mp3("x", frames=3) + b"x" * number)  # each of another size: none is hashed first

    known: list[int] = []

    def is_under_way() -> bool:
        if api.uploads:
            known.append(len(world.jobs()))
        return bool(api.uploads)

    world.run(is_under_way)

    assert 0 < known[0] < CHANGES_AT_ONCE + 150


def pings_on_a_slow_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, int]]:
    """Let each commit take as long as an fsync of a slow disk; the times of the pings, and the facts written then."""
    pings: list[tuple[float, int]] = []

    def slow(_: object) -> None:
        world.clock.moved += 0.125

    def notify(**fields: str) -> None:
        journal = world.worker.book.journal
        if "READY" in fields:
            sa.event.listen(journal._engine, "commit", slow)
        if "WATCHDOG" in fields:
            with journal._engine.connect() as connection:
                facts = connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one()
            pings.append((world.clock.moved, facts))

    monkeypatch.setattr(world, "notify", notify)
    return pings


def most_between(pings: list[tuple[float, int]]) -> tuple[float, int]:
    """The longest time without a ping, and the most facts that were written in one."""
    pairs = list(itertools.pairwise(pings))
    return max(now - then for (then, _), (now, _) in pairs), max(facts - before for (_, before), (_, facts) in pairs)


def test_the_loop_pings_while_a_large_drop_is_taken_in_on_a_slow_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pings = pings_on_a_slow_disk(world, monkeypatch)
    for number in range(750):
        world.drop(f"{number:03}.mp3", mp3("x", frames=3) + b"x" * number)

    world.run(lambda: pings[-1][1] >= 750 if pings else False)

    assert most_between(pings)[0] < 10 + LONGEST_WAIT_SECONDS, "15 s of it may be a wait for the files to settle"
    assert most_between(pings)[1] < 750


def test_the_loop_pings_between_hundreds_of_messages_that_came_at_once_and_writes_many_with_one_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pings = pings_on_a_slow_disk(world, monkeypatch)
    jobs = [a_job(b"%d.mp3" % number, id=number, inbox="left the configuration") for number in range(1, 751)]
    with world.journal() as journal:
        journal.write([Change(job, None, (Happening(job, events.Received(1), 1.0),)) for job in jobs])
    ended = tuple(StepEnded(job, events.Deferred("the share was slow")) for job in jobs)

    world.run(lambda: pings[-1][1] == 1500 if pings else False, messages=ended)

    took = pings[-1][0] - pings[0][0]
    assert most_between(pings)[1] < 400, "the rest waits for the next pass"
    assert took < 10, "so many commits as there are messages would take a minute and a half"


def test_a_new_job_that_the_journal_did_not_take_leaves_no_gap_in_the_numbers(world: World) -> None:
    refused: list[bool] = []

    def refuse_once() -> bool:
        """At the first step of all, which is a look at the file: the journal takes nothing until it was found so."""
        blocked = world.worker.lanes.blocking(("state",)) is not None
        if blocked or not refused:
            refused.append(blocked)
            with world.worker.book.journal._engine.connect() as connection:
                connection.exec_driver_sql(f"PRAGMA query_only = {0 if blocked else 1}")
        return False

    world.crash_when = refuse_once
    world.drop("Talk.mp3")

    world.run(lambda: world.states() == [State.DELIVERED] and world.files("inbox") == [], seconds=9000)

    assert True in refused
    assert [job.id for job in world.jobs()] == [1]


def test_a_question_that_the_journal_does_not_answer_once_holds_up_no_recording(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    """Every third question in the life of two recordings of one content is refused once."""
    asked_in_all = 0
    for refused in range(1, 200, 3):
        world = World(tmp_path / str(refused), api, Clock(), formats=("txt",))
        world.drop("One.mp3", mp3(f"the same {refused}"))
        world.drop("Two.mp3", mp3(f"the same {refused}"))
        asked_in_all = life_with_one_refusal(world, refused)
        assert world.states() == [State.DELIVERED] * 2, refused
        assert len(api.submits) == refused // 3 + 1, "paid once in each life"
        if asked_in_all < refused:
            break
    assert 20 < asked_in_all < 199


def life_with_one_refusal(world: World, refused: int) -> int:
    """Let the disk refuse the SELECT of this number; return how many there were."""
    asked = 0

    def refuse(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        nonlocal asked
        asked += statement.startswith("SELECT")
        if asked == refused and statement.startswith("SELECT"):
            raise sa.exc.OperationalError(statement, parameters, sqlite3.OperationalError("disk I/O error"))

    def delivered() -> bool:
        engine = world.worker.book.journal._engine
        if not sa.event.contains(engine, "before_cursor_execute", refuse):
            sa.event.listen(engine, "before_cursor_execute", refuse)
        return not world.worker.book.unfinished and not world.files("inbox")

    world.run(delivered, seconds=9000)
    return asked


def statements_of(journal: Journal) -> list[str]:
    """The SQL statements from now on."""
    said: list[str] = []
    sa.event.listen(journal._engine, "before_cursor_execute", lambda *it: said.append(it[2]))
    return said


def test_a_recording_without_a_twin_is_not_asked_about_again_until_one_comes(world: World) -> None:
    with world.journal() as journal:
        book = Book(journal, world.clock, Rules())
        first = book.add(a_job(b"a.mp3", content_hash=CONTENT, parameters="{}"), events.Received(1))
        said = statements_of(journal)
        assert book.twins(first, "{}") == ()
        assert said
        said.clear()
        assert book.twins(first, "{}") == ()
        assert said == []

        second = book.add(a_job(b"a.mp3", content_hash=CONTENT, parameters="{}"), events.Received(1))
        assert book.twins(first, "{}") == (second,)
        assert book.twins(second, "{}") == (first,)


@pytest.mark.parametrize("event", [events.Hashed(CONTENT), events.Uploaded("http://a/1", CONTENT, "http://a", "k")])
def test_a_recording_whose_content_becomes_known_is_a_twin_from_then_on(world: World, event: events.Event) -> None:
    with world.journal() as journal:
        book = Book(journal, world.clock, Rules())
        first = book.add(a_job(b"a.mp3", content_hash=CONTENT, parameters="{}"), events.Received(1))
        other = book.add(a_job(b"a.mp3"), events.Received(1))
        assert book.twins(first, "{}") == ()

        book.record(other, event)

        assert [twin.id for twin in book.twins(first, "{}")] == [other.id]


def test_a_recording_alone_is_asked_about_again_where_other_parameters_are_asked_for(world: World) -> None:
    with world.journal() as journal:
        book = Book(journal, world.clock, Rules())
        paid = {"state": State.DELIVERED, "transcript_id": "f" * 36, "parameters": '{"language_code":"de"}'}
        book.add(a_job(b"b.mp3", content_hash=CONTENT, retired_at=1.0, **paid), events.Received(1))
        first = book.add(a_job(b"a.mp3", content_hash=CONTENT), events.Received(1))
        assert book.twins(first, "{}") == ()
        assert len(book.twins(first, '{"language_code":"de"}')) == 1


def test_the_numbers_of_a_stem_are_asked_for_again_only_when_another_job_of_it_changes(world: World) -> None:
    with world.journal() as journal:
        book = Book(journal, world.clock, Rules())
        mine = book.add(a_job(b"a.mp3", stem=b"a", state=State.TRANSCRIBED), events.Received(1))
        other = book.add(a_job(b"x/a.mp3", state=State.TRANSCRIBED), events.Received(1))
        said = statements_of(journal)
        assert book.numbers_taken(b"a", mine.id) == set()
        assert said
        said.clear()
        assert book.numbers_taken(b"a", mine.id) == set()
        assert said == []

        named = book.record(other, events.Named(b"a", 1, ("txt",)))
        assert book.numbers_taken(b"a", mine.id) == {1}
        book.record(book.record(named, events.Delivered()), events.Retired(b"/archive/a.mp3"))
        assert book.numbers_taken(b"a", mine.id) == {1}, "only the journal knows it now"
        assert book.numbers_taken(b"a", other.id) == set()


def test_standing_in_line_for_longer_than_its_patience_fails_no_recording(world: World) -> None:
    with world.journal() as journal:
        book = Book(journal, world.clock, Rules(patience_seconds=3600.0))
        hashed = book.record(book.attempt(book.add(a_job(), events.Received(1))), events.Hashed(CONTENT))
        world.clock.moved += 7200.0

        tried = book.record(book.attempt(hashed), events.Deferred("the line broke"))
        assert tried.state is State.RECEIVED
        world.clock.moved += 3601.0
        assert book.record(book.attempt(tried), events.Deferred("the line broke")).state is State.FAILED


def test_of_very_many_recordings_of_one_name_only_the_newest_are_asked_about(world: World) -> None:
    with world.journal() as journal:
        named = [a_job(b"rec.mp3", id=n, stem=b"/o/rec", number=n, state=State.DELIVERED) for n in range(1, 12_001)]
        journal.write([Change(job, None, (Happening(job, events.Received(1), 1.0),)) for job in named])
        taken = journal.numbers_taken(b"/o/rec", 12_001)
        assert len(taken) <= files.MANY_NUMBERS
        assert files.free_number(lambda _: [], taken) == 12_001


def test_the_answers_that_are_remembered_are_bounded(world: World) -> None:
    with world.journal() as journal:
        book = Book(journal, world.clock, Rules())
        for number in range(REMEMBERED + 5):
            job = a_job(b"%d" % number, id=number, content_hash=f"{number:064}", stem=b"%d" % number)
            assert book.twins(job, "{}") == ()
            assert book.numbers_taken(b"%d" % number, number) == set()
        assert max(len(book._alone), len(book._numbers)) <= REMEMBERED


class Apart(Mailbox):
    """A mailbox whose messages come a moment apart, as the ends of steps on threads do."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._at: deque[float] = deque()

    def put(self, message: object) -> None:
        last = self._at[-1] if self._at else 0.0
        self._at.append(max(last, self._clock.moved) + 0.0005)
        super().put(message)

    def get(self, *, timeout: float) -> object:
        if self._at and self._at[0] > self._clock.moved + timeout:
            self._clock.moved += timeout
            raise queue.Empty
        if self._at:
            self._clock.moved = max(self._clock.moved, self._at.popleft())
        return super().get(timeout=timeout)


def test_steps_that_end_a_moment_apart_are_written_in_one_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("world.Mailbox", Apart)
    for number in range(8):
        world.drop(f"{number}.mp3")
    before = world.commits_left

    assert world.run() == 0

    assert world.states() == [State.DELIVERED] * 8
    commits = before - world.commits_left
    assert commits < 8 * 3, f"{commits} commits for 8 recordings, which take 7 steps each"


class SlowToLook(World):
    """A share whose listing takes its time."""

    def watch(self, root: bytes) -> bool:
        self.clock.moved += 0.5
        return super().watch(root)


def test_a_run_once_takes_what_lies_in_a_new_inbox_whose_look_took_long(tmp_path: Path, api: FakeAssemblyAI) -> None:
    world = SlowToLook(tmp_path, api, Clock(), settle_seconds=0.0)
    world.drop("Talk.mp3")

    assert world.run() == 0
    assert [job.state for job in world.jobs()] == [State.DELIVERED]


class HeldUploads(World):
    """Uploads begin, each sends a little now and then, and none ends before they are let go."""

    def __init__(self, directory: Path, api: FakeAssemblyAI) -> None:
        super().__init__(directory, api, Clock(), settle_seconds=0.0, scan_seconds=3.0)
        self.held: list[Callable[[], None]] = []
        self.is_holding = True

    def executor(self, name: str, threads: int) -> Executor:
        return self if name.startswith("upload-") else super().executor(name, threads)

    def submit(self, work: Callable[[], None]) -> None:
        if self.is_holding:
            self.held.append(work)
        else:
            work()

    def send_a_little(self) -> None:
        for _, job in self.worker.dispatch.in_flight.values():
            self.worker.dispatch.uploads.began(job)(int(self.clock.moved))

    def let_go(self) -> None:
        self.is_holding = False
        for work in self.held:
            work()


def most_at_once(world: HeldUploads, seconds: float) -> int:
    """The number of uploads that are under way some time after the first; then all of them end."""
    seen = []

    def until() -> bool:
        world.send_a_little()
        if world.is_holding and world.held and world.clock.moved > seconds:
            seen.append(len(world.held))
            world.let_go()
        return world.states() == [State.DELIVERED] * 20

    world.run(until)
    return seen[0]


@pytest.mark.parametrize(
    ("frames", "seconds", "most"),
    [(40, 0.0, 8), (LIGHT_BYTES // 417 + 1, 0.0, FEWEST), (LIGHT_BYTES // 417 + 1, 3 * WINDOW_SECONDS, 2 * FEWEST)],
    ids=["light: all", "heavy: the fewest", "heavy: more are tried"],
)
def test_so_many_uploads_are_under_way_while_more_wait(
    tmp_path: Path, api: FakeAssemblyAI, frames: int, seconds: float, most: int
) -> None:
    world = HeldUploads(tmp_path, api)
    world.plan_options["uploads"] = 8
    for number in range(20):
        world.drop(f"{number}.mp3", mp3(str(number), frames=frames))

    assert most_at_once(world, seconds) == most


def test_a_light_recording_does_not_stand_behind_a_heavy_one_that_waits_for_the_line(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    world = HeldUploads(tmp_path, api)
    for number in range(2 * FEWEST):
        world.drop(f"heavy {number}.mp3", mp3(str(number), frames=LIGHT_BYTES // 417 + 1))

    def until() -> bool:
        world.send_a_little()
        if world.clock.moved > WINDOW_SECONDS and not (world.folders["inbox"] / "light.mp3").exists():
            world.drop("light.mp3")
        return len(world.held) > FEWEST

    world.run(until, seconds=2 * WINDOW_SECONDS)
    assert {job.path for _, job in world.worker.dispatch.in_flight.values()} >= {b"light.mp3"}
