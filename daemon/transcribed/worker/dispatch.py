"""The start of each job's next step, as `decisions` has decided.

Dispatch gathers the facts and does what was decided. Before a step starts, the job is saved, so that a crash inside the
step is an attempt like any other. A job is looked at only when something happened that it waits for; then it stands in
line for its step, and the lines of the inboxes take turns.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby, islice
from typing import NamedTuple
from weakref import WeakKeyDictionary

from transcribed import errors
from transcribed.assemblyai import AssemblyAI
from transcribed.job import Job, Step, is_link
from transcribed.job.events import Event, Named, Released, Submitted
from transcribed.journal import Transcripts
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.decisions import (
    AT_API_ALONE,
    Decision,
    Facts,
    Happened,
    InboxFacts,
    Start,
    Touched,
    Wait,
    asks_for_size,
    asks_for_twins,
    decide,
    is_late,
    next_step,
)
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.lanes import Lanes
from transcribed.worker.plan import Clock, Executor, Plan
from transcribed.worker.rooms import IN_FOLDERS, Money, Rooms, lanes_of, line_weight, stage_of
from transcribed.worker.schedule import Line, end_of_transcript
from transcribed.worker.steps import api
from transcribed.worker.steps.doubts import told_doubts
from transcribed.worker.steps.ends import ended, unless_stopped
from transcribed.worker.steps.folders import FolderSteps
from transcribed.worker.steps.lookup import look_up, looks_back_to
from transcribed.worker.uploads import Uploads

LOOKED_AT_ONCE = 500  # jobs in one pass, so that no pass is long, whatever was waited for has come
JUMP_SECONDS = 1.0  # the two clocks differ by so much from one pass to the next: the time of day was set

#: While a job stands in line for one of these, another job of its content may be paid.
_DECIDED_AGAIN = frozenset({Step.UPLOAD, Step.SUBMIT})


class _Begun(NamedTuple):
    """A step that starts as soon as its intent is written."""

    job: Job
    executor: Executor
    work: Callable[[], Event | None]
    lane: str


class Dispatch:
    """Starts steps. All of it belongs to the loop's thread."""

    def __init__(self, book: Book, lanes: Lanes, kept: Transcripts, background: Background, clock: Clock) -> None:
        self.in_flight: dict[int, tuple[Step, Job]] = {}
        self.uploads = Uploads(clock)
        self._book = book
        self._schedule = book.schedule
        self._lanes = lanes
        self._kept = kept
        self._background = background
        self._clock = clock
        self._plan: Plan | None = None
        self._inboxes: Mapping[str, Arrivals] = {}
        self._renamed: dict[str, str] = {}  # names that inboxes had before, each with that of now
        self._ended: set[str] = set()  # transcript_ids that the list shows as ended, or does not show
        self._waits: dict[int, str] = {}  # the reason of a job's wait, where the journal does not have it
        self._clashes: dict[int, set[int]] = {}  # numbers that a job chose and another one had
        self._begun: list[_Begun] = []
        self._steps_of: WeakKeyDictionary[Arrivals, FolderSteps] = WeakKeyDictionary()
        self._sized: set[int] = set()  # jobs whose size was looked for in the journal, and was nobody else's
        self._ahead_seconds = 0.0  # of the time of day before the monotonic one, at the last pass

    # -- what may start

    def start(self, plan: Plan, inboxes: Mapping[str, Arrivals], money: Money) -> None:
        """Begin the steps that may start now; `go` starts them, once what was decided is written."""
        if plan is not self._plan:
            self._plan, self._inboxes = plan, inboxes
            self._renamed = {old: name for name, inbox in inboxes.items() for old in inbox.former}
            self._schedule.all_again()
        if self._lanes.blocking((errors.STATE,)) is not None:
            return
        self._see_time_pass()
        self._book.unfinished.fetch(islice(self._schedule.fresh(), LOOKED_AT_ONCE))
        for _ in range(LOOKED_AT_ONCE):
            if (number := self._schedule.first()) is None:
                break
            self._look_at(number)
        self._book.reading.look_again()
        rooms = Rooms(plan.uploads, self.uploads.at_once, money)
        for step, job in self.in_flight.values():
            rooms.take(step, job, hangs=step is Step.UPLOAD and self.uploads.hangs(job))
        self._serve(rooms)
        waits = any(line.step is Step.UPLOAD for line in self._schedule.lines())
        self.uploads.watch(most=plan.uploads, is_full=rooms.is_full and waits)

    def go(self) -> None:
        """Start the steps that were begun: their intents are written."""
        begun, self._begun = self._begun, []
        for job, executor, work, lane in begun:
            answer = functools.partial(ended, job)
            self._background.ask(executor, work, answer, doing="working at a recording", lane=lane)

    def let_go(self) -> None:
        """The intents of the steps that were begun could not be written: none of them starts."""
        begun, self._begun = self._begun, []
        for job, *_ in begun:
            self.finished(job.id)

    def next_at(self) -> float | None:
        """The next time of day at which a job is due; 0 if there is something to look at now."""
        if self._lanes.blocking((errors.STATE,)) is not None:
            return None
        return 0.0 if self._schedule.is_fresh else self._schedule.next_at()

    def reason_of(self, job: Job) -> str:
        """The reason of a job's wait; empty where the journal has it, or nothing is worth telling."""
        inbox, line = self._inboxes.get(job.inbox), self._schedule.line_of(job.id)
        step = job.step if line is None else line.step
        lane = None if inbox is None or step is None else self._lanes.blocking(lanes_of(step, inbox.route))
        return self._waits.get(job.id, "") if lane is None else lane.reason

    def all_wait(self) -> bool:
        """True if every unfinished job waits for a lane, or has a reason that its journal lacks. None is in a step."""
        if not all(self._is_blocked(line) for line in self._schedule.lines()):
            return False
        elsewhere = (each for each in self._book.unfinished if self._schedule.line_of(each) is None)
        return all(each in self._waits or self.reason_of(self._book.unfinished[each]) for each in elsewhere)

    def _is_blocked(self, line: Line) -> bool:
        """True if a lane holds up all that stand in this line."""
        inbox = self._inboxes.get(line.inbox)
        return inbox is not None and self._lanes.blocking(lanes_of(line.step, inbox.route)) is not None

    def heard(self, ended: Iterable[str]) -> None:
        """The list shows these transcripts as ended, or does not show them: they are to be fetched."""
        for transcript_id in ended:
            self._ended.add(transcript_id)
            self._schedule.happened(end_of_transcript(transcript_id))
        for job in self._book.submitted.values():
            if is_late(job, self._clock.wall()):
                self._schedule.look_again(job.id)

    def _see_time_pass(self) -> None:
        now = self._clock.wall()
        before, self._ahead_seconds = self._ahead_seconds, now - self._clock.monotonic()
        if abs(self._ahead_seconds - before) > JUMP_SECONDS:
            self._schedule.all_again()
        self._schedule.passed(now)

    def _look_at(self, number: int) -> None:
        """Decide about a job that something happened to. One in a step is looked at again when that ends."""
        job = self._book.unfinished.get(number)
        if job is None or number in self.in_flight or self._book.is_held(number):
            self._schedule.forget(number)
        else:
            self._do(job, self._decision(job))

    def _decision(self, job: Job) -> Decision:
        assert self._plan is not None
        self._waits.pop(job.id, None)
        return decide(job, self._facts(job, self._plan, self._inboxes.get(job.inbox)))

    def _do(self, job: Job, decision: Decision) -> None:
        match decision:
            case Wait(reason, until):
                if reason:
                    self._waits[job.id] = reason
                if until is None:
                    self._schedule.until(job.id, job.due_at)
                else:
                    self._schedule.until_fact(job.id, until)
            case Start(step):
                size = job.fingerprint.size if step in (Step.UPLOAD, Step.HASH) else 0
                line = Line(step, job.inbox, line_weight(step, job))
                self._schedule.until_room(job.id, line, now=self._clock.monotonic(), size=size)
            case Happened(event):
                self._book.record(job, event)
            case Touched(earlier):
                self._book.touched(job, earlier)
                if (inbox := self._inboxes.get(job.inbox)) is not None:
                    inbox.adopt(job, earlier)

    def _facts(self, job: Job, plan: Plan, inbox: Arrivals | None) -> Facts:
        """All that the decision about a job depends on; the journal is asked only where it does."""
        now = self._clock.wall()
        is_due = job.is_due(now, self._book.rules)
        parameters = "" if inbox is None or not job.unpaid else inbox.route.settings_of(job).parameters
        return Facts(
            now=now,
            is_due=is_due,
            account=plan.client.account,
            inbox=None if inbox is None else self._inbox_facts(job, inbox, parameters),
            step=next_step(job, has_another_of_size=self._has_another_of_size(job)),
            twins=self._book.twins(job, parameters) if asks_for_twins(job, is_due=is_due) else (),
            transcript_ended=job.transcript_id in self._ended,
            put_off=self._book.put_off.get(job.id, job.reason),
            renamed_to=self._renamed.get(job.inbox, ""),
        )

    def _inbox_facts(self, job: Job, inbox: Arrivals, parameters: str) -> InboxFacts:
        outbox, others = inbox.route.outbox, self._inboxes.items()
        return InboxFacts(
            looked_at=inbox.looked_at is not None,
            has_lost=inbox.has_lost(job),
            duplicates=inbox.route.duplicates,
            parameters=parameters,
            of_outbox=frozenset(name for name, other in others if other.route.outbox == outbox),
        )

    def _has_another_of_size(self, job: Job) -> bool:
        if not asks_for_size(job) or job.id in self._sized:
            return False
        if self._book.journal.has_another_of_size(job.fingerprint.size, but=job.id):
            return True
        self._sized.add(job.id)
        return False

    # -- room

    def _serve(self, rooms: Rooms) -> None:
        """Let the lines for the same stage take turns until there is no room for any of them; the last stage first."""
        for _, of_stage in groupby(sorted(self._schedule.lines(), key=stage_of), key=stage_of):
            lines = list(of_stage)
            while lines:
                lines = [line for line in lines if self._serve_one(line, rooms)]

    def _serve_one(self, line: Line, rooms: Rooms) -> bool:
        """Begin the step of the first in line; False where it has no room, or its lanes are blocked."""
        inbox = self._inboxes.get(line.inbox)
        if inbox is None and line.step not in AT_API_ALONE:
            return False
        if self._lanes.blocking(lanes_of(line.step, None if inbox is None else inbox.route)) is not None:
            return False
        if (number := self._schedule.first_in(line)) is None:
            return False
        if self._book.unfinished.is_far(number):
            self._book.unfinished.fetch(self._schedule.next_in(line))
        job = self._book.unfinished[number]
        if not (rooms.has_one(line.step, job) and self._book.reading.may_begin(line.step, job)):
            return False
        decision = self._decision(job) if line.step in _DECIDED_AGAIN else Start(line.step)
        if decision == Start(line.step):
            self._begin(job, line.step, inbox, rooms)
            self._schedule.took_turn(line)
        else:
            self._do(job, decision)
        return True

    # -- a step

    def _begin(self, job: Job, step: Step, inbox: Arrivals | None, rooms: Rooms) -> None:
        assert self._plan is not None
        attempted = self._saved(job, step, inbox, self._plan.client)
        work = self._work(attempted, step, self._plan, inbox)  # it may ask the journal: until then the job is in line
        if step in IN_FOLDERS:  # many stand ready for one thread
            work = functools.partial(unless_stopped, self._background.stop, work)
        self._schedule.forget(job.id)
        self.in_flight[job.id] = step, attempted
        rooms.take(step, attempted)
        self._book.reading.began(step, job)
        lane = errors.API if inbox is None or step not in {*IN_FOLDERS, Step.UPLOAD} else inbox.route.lane
        self._begun.append(_Begun(attempted, self._executor(job, step, self._plan, inbox), work, lane))

    def _executor(self, job: Job, step: Step, plan: Plan, inbox: Arrivals | None) -> Executor:
        """The threads that a step runs on. An inbox has its own for each kind: a share that hangs keeps only those."""
        if step is Step.FETCH and not job.brings_audio:
            return self._background.fetches
        if inbox is None or step not in {*IN_FOLDERS, Step.UPLOAD}:
            return self._background.calls
        if step is Step.RETIRE:  # on the thread that looks, so that no look tells of what was there before
            return inbox.executor
        if step in IN_FOLDERS:
            return self._background.executor(f"{'hash' if step is Step.HASH else 'folders'}-{inbox.route.name}", 1)
        return self._background.executor(f"upload-{inbox.route.name}", plan.uploads)

    def _saved(self, job: Job, step: Step, inbox: Arrivals | None, client: AssemblyAI) -> Job:
        """The job as saved before its step; a look at a waiting transcript is saved only when it changes something."""
        if step is Step.FETCH:
            return job
        if step is not Step.SUBMIT or inbox is None:
            return self._book.attempt(job)
        sent_at = client.sent_at(self._clock.wall())
        return self._book.attempt(job, sent_at=sent_at, parameters=inbox.route.settings_of(job).parameters)

    def _work(self, job: Job, step: Step, plan: Plan, inbox: Arrivals | None) -> Callable[[], Event | None]:
        if inbox is None:
            return self._call(job, step, plan.client)
        folders, client = self._steps(inbox), plan.client
        match step:
            case Step.HASH:
                return lambda: folders.hash(job)
            case Step.UPLOAD:
                sent = self.uploads.began(job)
                if is_link(job.path):
                    return lambda: api.link(client, folders.source(job))
                return lambda: api.upload(job, client, folders.source(job), sent)
            case Step.SUBMIT:
                waiting, lane = len(self._book.submitted), inbox.route.parameters_lane
                return lambda: api.submit(job, client, self._kept, lane, waiting=waiting)
            case Step.LOOK_UP | Step.FETCH:
                return self._call(job, step, client)
            case Step.NAME:
                taken, earlier = self._taken(job, inbox), self._earlier(job, inbox)
                return lambda: folders.name(job, taken, earlier)
            case Step.DELIVER:
                taken, doubts = self._taken(job, inbox), self._doubts(job)
                return lambda: folders.deliver(job, taken, doubts)
            case Step.RETIRE:
                taken = self._taken(job, inbox) if job.number is None else set()
                earlier = self._earlier(job, inbox)
                return lambda: folders.retire(job, taken, earlier)

    def _call(self, job: Job, step: Step, client: AssemblyAI) -> Callable[[], Event | None]:
        """A step that asks only the API, and the journal before that."""
        if step is Step.LOOK_UP:
            ours, answered = self._book.journal.upload_urls(looks_back_to(job)), self._answered(job)
            return lambda: look_up(job, client, ours, answered)
        assert step is Step.FETCH
        erased, payer = self._is_erased(job), self._book.journal.payer(job)
        fetched = self._book.journal.forgotten.was_transcribed(job.transcript_id)
        return lambda: api.fetch(job, client, self._kept, payer, erased=erased, was_fetched=fetched)

    def _steps(self, inbox: Arrivals) -> FolderSteps:
        if inbox not in self._steps_of:
            self._steps_of[inbox] = FolderSteps(inbox.route, inbox.anchors, self._kept)
        return self._steps_of[inbox]

    def _is_erased(self, job: Job) -> bool:
        """True if its transcript was deleted at AssemblyAI on our order."""
        erasure = self._book.journal.erasure(job.transcript_id or "")
        return erasure is not None and erasure[1] is not None

    def _answered(self, job: Job) -> set[str]:
        """The ids of all submits of this job's content, those that were given up or ended in an error among them."""
        journal = self._book.journal
        twins = [job, *(journal.with_content(job.content_hash) if job.content_hash else [])]
        known = {twin.transcript_id for twin in twins if twin.transcript_id}  # a rebuilt one has no story
        told = (happened for twin in twins for happened in journal.story(twin.id))
        return known | {each["transcript_id"] for each in told if each["event"] == Submitted.name()}

    def _doubts(self, job: Job) -> list[str]:
        """The doubts about its recording, and about its transcript, of which the job that paid for it knows."""
        story = self._book.journal.story
        return told_doubts(story(job.id), story(job.reused_from) if job.reused_from else [])

    def _taken(self, job: Job, inbox: Arrivals) -> set[int]:
        """The numbers taken by other jobs, and those that this job lost to another one before."""
        stem = self._steps(inbox).stem(job)
        return self._book.numbers_taken(stem, job.id) | self._clashes.get(job.id, set())

    def _earlier(self, job: Job, inbox: Arrivals) -> tuple[Job, ...]:
        """The other jobs of its content and of its transcript, where a known recording is not delivered twice.

        A copy that was delivered again, because the first text had gone, is among those of its transcript only.
        """
        if job.reused_from is None or job.content_hash is None or inbox.route.duplicates != "skip":
            return ()
        twins = self._book.twins(job, inbox.route.settings_of(job).parameters)
        return tuple({other.id: other for other in (*twins, *self._book.of_transcript(job))}.values())

    def finished(self, number: int) -> None:
        """The job's step ended."""
        step, job = self.in_flight.pop(number, (None, None))
        self._book.reading.ended(number)
        if job is not None:
            self.uploads.ended(job)
        if step is Step.FETCH and job is not None and job.transcript_id is not None:
            self._ended.discard(job.transcript_id)
        if number in self._book.unfinished:
            self._schedule.look_again(number)

    def named(self, job: Job, event: Named) -> Event:
        """The choice of its names, or that another job took the number first."""
        if event.number in self._book.numbers_taken(event.stem, job.id):
            self._clashes.setdefault(job.id, set()).add(event.number)
            return Released("another job took the number first")
        self._clashes.pop(job.id, None)
        return event

    def forget(self, number: int) -> None:
        """The job has ended, and is put away."""
        self._waits.pop(number, None)
        self._sized.discard(number)
        self._clashes.pop(number, None)
