"""The start of each job's next step, as `decisions` has decided.

Dispatch gathers the facts and does what was decided. Before a step starts, the job is saved, so that a crash inside the
step is an attempt like any other.
"""

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from weakref import WeakKeyDictionary

from transcribed import errors
from transcribed.assemblyai import AssemblyAI
from transcribed.job import Job, State, Step, is_link
from transcribed.job.events import Cancelled, Deferred, Event, Failed, Lost, Released, Submitted
from transcribed.journal import Transcripts
from transcribed.worker.background import CALLS, Background, Outcome
from transcribed.worker.book import Book
from transcribed.worker.decisions import (
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
    next_step,
)
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.lanes import Lanes
from transcribed.worker.messages import StepEnded
from transcribed.worker.plan import Clock, Executor, Plan, Route
from transcribed.worker.steps import api
from transcribed.worker.steps.folders import FolderSteps
from transcribed.worker.steps.lookup import look_up, looks_back_to

FOLDER_STEPS = 2  # at once in one inbox: one at work, one ready
HANGING_SECONDS = 10.0  # without a byte of the recording; a network that is as slow costs some uploads more at once

_LANES: Mapping[Step, tuple[str, ...]] = {
    Step.HASH: (errors.STATE, "inbox"),
    # An upload that cannot be submitted soon expires, so what blocks the one blocks the other.
    Step.UPLOAD: (errors.STATE, "inbox", errors.API, errors.SUBMIT, "parameters"),
    Step.SUBMIT: (errors.STATE, errors.API, errors.SUBMIT, "parameters"),
    Step.LOOK_UP: (errors.STATE, errors.API),
    Step.FETCH: (errors.STATE, errors.API),
    Step.NAME: (errors.STATE, "inbox"),
    Step.DELIVER: (errors.STATE, "inbox"),
    Step.RETIRE: (errors.STATE, "inbox"),
}
_IN_FOLDERS = frozenset({Step.HASH, Step.NAME, Step.DELIVER, Step.RETIRE})


class Dispatch:
    """Starts steps. All of it belongs to the loop's thread, but for the progress of uploads, which they write."""

    def __init__(self, book: Book, lanes: Lanes, kept: Transcripts, background: Background, clock: Clock) -> None:
        self.in_flight: dict[int, tuple[Step, Job]] = {}
        self.progress: dict[int, int] = {}  #: bytes sent, by job
        self.ended: set[str] = set()  #: transcript_ids that the list shows as ended, or does not show
        self.clashes: dict[int, set[int]] = {}  #: numbers that a job chose and another one had
        self.waits: dict[int, str] = {}  #: the reason of a job's wait, where the journal does not have it
        self._book = book
        self._lanes = lanes
        self._kept = kept
        self._background = background
        self._clock = clock
        self._steps_of: WeakKeyDictionary[Arrivals, FolderSteps] = WeakKeyDictionary()
        self._moved_at: dict[int, float] = {}  # monotonic: when an upload in flight last went on
        self._sized: set[int] = set()  # jobs whose size was looked for in the journal, and was nobody else's

    def start(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> None:
        """Start every step that may start now. Raises Blocked(state) where the journal does not take an intent."""
        self.waits.clear()
        room = self._room(plan, inboxes)
        for job in list(self._book.unfinished.values()):
            if job.id not in self.in_flight and not self._book.is_held(job.id):
                inbox = inboxes.get(job.inbox)
                self._do(job, decide(job, self._facts(job, plan, inbox, room)), plan, inbox, room)

    def _do(self, job: Job, decision: Decision, plan: Plan, inbox: Arrivals | None, room: Counter[str]) -> None:
        match decision:
            case Wait(reason) if reason:
                self.waits[job.id] = reason
            case Start(step) if inbox is not None:
                self._begin(job, step, plan, inbox, room)
            case Happened(event):
                changed = self._book.record(job, event)
                if inbox is not None and changed.withdrawn:
                    inbox.forget(changed)
            case Touched(earlier) if inbox is not None:
                self._book.touched(job, earlier)
                inbox.adopt(job, earlier)

    def _facts(self, job: Job, plan: Plan, inbox: Arrivals | None, room: Counter[str]) -> Facts:
        """All that the decision about a job depends on; the journal is asked only where it does."""
        now, step = self._clock.wall(), next_step(job, has_another_of_size=self._has_another_of_size(job))
        is_due = job.is_due(now, self._book.rules)
        journal_is_free = self._lanes.blocking((errors.STATE,)) is None
        lane = None if inbox is None else self._lanes.blocking(_lanes(step, inbox.route))
        asks = asks_for_twins(job, is_due=is_due, journal_is_free=journal_is_free)
        twins = self._twins(job) if asks else ()
        return Facts(
            now=now,
            is_due=is_due,
            account=plan.client.account,
            inbox=None if inbox is None else _inbox_facts(job, inbox, asks_for_parameters=bool(twins)),
            step=step,
            journal_is_free=journal_is_free,
            twins=twins,
            blocked=None if lane is None else lane.reason,
            has_room=room[_kind(step, job)] > 0 and (step is not Step.UPLOAD or room[_uploads_of(job.inbox)] > 0),
            transcript_ended=job.transcript_id in self.ended,
            put_off=self._book.put_off.get(job.id, job.reason),
        )

    def _has_another_of_size(self, job: Job) -> bool:
        if not asks_for_size(job) or job.id in self._sized:
            return False
        if self._book.journal.has_another_of_size(job.fingerprint.size, but=job.id):
            return True
        self._sized.add(job.id)
        return False

    def _twins(self, job: Job) -> tuple[Job, ...]:
        """The other jobs of the same content."""
        found = self._book.journal.with_content(job.content_hash) if job.content_hash else []
        return tuple(other for other in found if other.id != job.id)

    def _room(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> Counter[str]:
        """The number of steps of each kind that may start: uploads (in all, by inbox), calls, folder steps by inbox.

        An upload that hangs in its share takes room only from its own inbox.
        """
        room = Counter({"upload": plan.uploads, "call": CALLS, **dict.fromkeys(inboxes, FOLDER_STEPS)})
        room.update({_uploads_of(name): plan.uploads for name in inboxes})
        for step, job in self.in_flight.values():
            self._take(room, step, job)
        return room

    def _take(self, room: Counter[str], step: Step, job: Job) -> None:
        if step is Step.UPLOAD:
            room[_uploads_of(job.inbox)] -= 1
        if not self._hangs(step, job):
            room[_kind(step, job)] -= 1

    def _hangs(self, step: Step, job: Job) -> bool:
        """True if an upload has waited long for bytes of its recording. One that is all sent waits for the API."""
        since = self._moved_at.get(job.id)
        if step is not Step.UPLOAD or since is None or self.progress.get(job.id, 0) >= job.fingerprint.size:
            return False
        return self._clock.monotonic() - since > HANGING_SECONDS

    def _begin(self, job: Job, step: Step, plan: Plan, inbox: Arrivals, room: Counter[str]) -> None:
        attempted = self._saved(job, step, inbox)
        self.in_flight[job.id] = step, attempted
        self._moved_at[job.id] = self._clock.monotonic()
        self._take(room, step, job)
        work = self._work(attempted, step, plan, inbox)
        lane = inbox.route.lane if step in _IN_FOLDERS or step is Step.UPLOAD else errors.API
        answer = functools.partial(ended, attempted)
        self._background.ask(self._executor(step, plan, inbox), work, answer, doing="working at a recording", lane=lane)

    def _executor(self, step: Step, plan: Plan, inbox: Arrivals) -> Executor:
        """The threads that a step runs on. Uploads have some for each inbox: a share that hangs keeps its readers."""
        if step is Step.UPLOAD:
            return self._background.executor(f"upload-{inbox.route.name}", plan.uploads)
        return inbox.executor if step in _IN_FOLDERS else self._background.calls

    def _saved(self, job: Job, step: Step, inbox: Arrivals) -> Job:
        """The job as saved before its step; a look at a waiting transcript is saved only when it changes something."""
        if step is Step.FETCH:
            return job
        facts = {"parameters": inbox.route.settings_of(job).parameters} if step is Step.SUBMIT else {}
        return self._book.attempt(job, **facts)

    def _work(self, job: Job, step: Step, plan: Plan, inbox: Arrivals) -> Callable[[], Event | None]:
        folders, client = self._steps(inbox), plan.client
        match step:
            case Step.HASH:
                return lambda: folders.hash(job)
            case Step.UPLOAD if is_link(job.path):
                return lambda: api.link(client, folders.source(job))
            case Step.UPLOAD:
                return lambda: api.upload(job, client, folders.source(job), self._progress(job))
            case Step.SUBMIT:
                return lambda: api.submit(job, client, inbox.route.parameters_lane)
            case Step.LOOK_UP:
                ours, answered = self._book.journal.upload_urls(looks_back_to(job)), self._answered(job)
                return lambda: look_up(job, client, ours, answered)
            case Step.FETCH:
                erased, is_ours = self._is_erased(job), self._is_ours(job, client)
                fetched = self._book.journal.forgotten.was_transcribed(job.transcript_id)
                return lambda: api.fetch(job, client, self._kept, erased=erased, is_ours=is_ours, was_fetched=fetched)
            case Step.NAME:
                taken = self._taken(job, inbox)
                return lambda: folders.name(job, taken)
            case Step.DELIVER:
                taken = self._taken(job, inbox)
                return lambda: folders.deliver(job, taken)
            case Step.RETIRE:
                return lambda: folders.retire(job)

    def _steps(self, inbox: Arrivals) -> FolderSteps:
        if inbox not in self._steps_of:
            self._steps_of[inbox] = FolderSteps(inbox.route, inbox.anchors, self._kept)
        return self._steps_of[inbox]

    def _is_erased(self, job: Job) -> bool:
        """True if its transcript was deleted at AssemblyAI on our order."""
        erasure = self._book.journal.erasure(job.transcript_id or "")
        return erasure is not None and erasure[1] is not None

    def _is_ours(self, job: Job, client: AssemblyAI) -> bool:
        """True if this account can have made its transcript. A rebuilt job lacks the key."""
        payer = self._book.journal.payer(job)
        return payer is not None and client.account.may_have(payer.base_url, payer.key_fingerprint)

    def _answered(self, job: Job) -> set[str]:
        """The ids of all submits of this job's content, those that were given up or ended in an error among them."""
        journal = self._book.journal
        twins = (job, *self._twins(job))
        known = {twin.transcript_id for twin in twins if twin.transcript_id}  # a rebuilt one has no story
        told = (happened for twin in twins for happened in journal.story(twin.id))
        return known | {each["transcript_id"] for each in told if each["event"] == Submitted.name()}

    def _taken(self, job: Job, inbox: Arrivals) -> set[int]:
        """The numbers taken by other jobs, and those that this job lost to another one before."""
        stem = self._steps(inbox).stem(job)
        return self._book.numbers_taken(stem, job.id) | self.clashes.get(job.id, set())

    def _progress(self, job: Job) -> Callable[[int], None]:
        def sent(count: int) -> None:
            self.progress[job.id] = count
            self._moved_at[job.id] = self._clock.monotonic()

        return sent

    def finished(self, number: int) -> None:
        """The job's step ended, and what came of it is written."""
        step, job = self.in_flight.pop(number, (None, None))
        self.progress.pop(number, None)
        self._moved_at.pop(number, None)
        if step is Step.FETCH and job is not None and job.transcript_id is not None:
            self.ended.discard(job.transcript_id)


def ended(job: Job, outcome: Outcome[Event | None]) -> StepEnded:
    """The end of a job's step, by the class of the problem that it met."""
    if outcome.problem is None:
        return StepEnded(job, outcome.result)
    return _raised(job, outcome.problem)


def _raised(job: Job, error: errors.TranscribedError) -> StepEnded:
    match error:
        case errors.Blocked():
            return StepEnded(job, Released(error.message, error.lane, refused=error.refused), error)
        case errors.Stopped():
            return StepEnded(job, Released(error.message, refused=error.refused))
        case errors.Withdrawn() if job.place is None and job.state is State.RECEIVED:
            return StepEnded(job, Cancelled(error.message, withdrawn=True))
        case errors.Permanent() | errors.Withdrawn() if job.state not in (State.DELIVERED, State.FAILED):
            return StepEnded(job, Failed(error.message, error.hint, refused=error.refused))
        case errors.Lost():
            return StepEnded(job, Lost(error.message))
        case errors.Transient():
            again = error.retry_after_seconds
            return StepEnded(job, Deferred(error.message, error.hint, again, refused=error.refused))
    return StepEnded(job, Deferred(error.message, error.hint))


def _lanes(step: Step, route: Route) -> tuple[str, ...]:
    """The lanes that a step of a job of this route needs free."""
    own = {"inbox": route.lane, "parameters": route.parameters_lane}
    return tuple(own.get(name, name) for name in _LANES[step])


def _kind(step: Step, job: Job) -> str:
    if step in _IN_FOLDERS:
        return job.inbox
    return "upload" if step is Step.UPLOAD else "call"


def _uploads_of(inbox: str) -> str:
    return f"upload:{inbox}"


def _inbox_facts(job: Job, inbox: Arrivals, *, asks_for_parameters: bool) -> InboxFacts:
    return InboxFacts(
        looked_at=inbox.looked_at is not None,
        has_lost=inbox.has_lost(job),
        duplicates=inbox.route.duplicates,
        parameters=inbox.route.settings_of(job).parameters if asks_for_parameters else "",
    )
