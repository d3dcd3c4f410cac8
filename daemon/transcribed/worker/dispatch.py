"""Which job may take its next step now, and the start of it.

Each job has one next step; a step starts when it is due, its lanes are free, there is room for it, and the content is
not known or on its way already. Before it starts the job is saved, so that a crash inside it is an attempt like any
other.
What this module does not know: what comes of a step.
"""

import functools
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from transcribed import errors
from transcribed.assemblyai import AssemblyAI
from transcribed.job import UPLOAD_LIFE_SECONDS, Job, State, Step, is_link, printable
from transcribed.job.events import Cancelled, Deferred, Event, Failed, Known, Lost, Released, Submitted
from transcribed.worker import speech
from transcribed.worker.arrivals import Arrivals
from transcribed.worker.book import Book
from transcribed.worker.kept import Kept
from transcribed.worker.lanes import Lanes
from transcribed.worker.own import wanted
from transcribed.worker.plan import Clock, Done, Executor, Mailbox, Plan, Route

log = structlog.get_logger()

CALLS = 4  # API steps at once beside the uploads: each is short
TRIES_AT_RETIRING = 3  # quick ones; then it is as good as blocked, for `run --once` too
FOLDER_STEPS = 2  # at once in one inbox: one at work, one ready
HANGING_SECONDS = 10.0  # without a byte of the recording; a network that is as slow costs some uploads more at once

_LANES: Mapping[Step, tuple[str, ...]] = {
    Step.HASH: (errors.STATE, "inbox"),
    # An upload that cannot be submitted soon expires, so what blocks the one blocks the other.
    Step.UPLOAD: (errors.STATE, "inbox", errors.API, errors.SUBMIT, "parameters"),
    Step.SUBMIT: (errors.STATE, errors.API, errors.SUBMIT, "parameters"),
    Step.LOOK_UP: (errors.STATE, errors.API),
    Step.POLL: (errors.STATE, errors.API),
    Step.NAME: (errors.STATE, "inbox"),
    Step.DELIVER: (errors.STATE, "inbox"),
    Step.RETIRE: (errors.STATE, "inbox"),
}
_IN_FOLDERS = frozenset({Step.HASH, Step.NAME, Step.DELIVER, Step.RETIRE})


class Dispatch:
    """Starts steps. All of it belongs to the loop's thread, but for the progress of uploads, which they write."""

    def __init__(
        self,
        book: Book,
        lanes: Lanes,
        kept: Kept,
        mailbox: Mailbox,
        clock: Clock,
        calls: Executor,
        *,
        executors: Callable[[str, int], Executor],
    ) -> None:
        self.in_flight: dict[int, tuple[Step, Job]] = {}
        self.progress: dict[int, int] = {}  #: bytes sent, by job
        self.ended: set[str] = set()  #: transcript_ids that the list shows as ended, or does not show
        self.clashes: dict[int, set[int]] = {}  #: numbers that a job chose and another one had
        self.waits: dict[int, str] = {}  #: why a job does not move, where the journal does not say
        self._book = book
        self._lanes = lanes
        self._kept = kept
        self._mailbox = mailbox
        self._clock = clock
        self._calls = calls
        self._executors = functools.cache(executors)
        self._moved_at: dict[int, float] = {}  # monotonic: when an upload in flight last went on
        self._sized: set[int] = set()  # jobs whose size was looked for in the journal, and was nobody else's

    def start(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> None:
        """Start every step that may start now. Raises Blocked(state) where the journal does not take an intent."""
        self.waits.clear()
        room = self._room(plan, inboxes)
        for job in list(self._book.open.values()):
            if job.id not in self.in_flight and not self._book.is_held(job.id):
                why = self._try(job, plan, inboxes.get(job.inbox), room)
                if why:
                    self.waits[job.id] = why

    def _room(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> Counter[str]:
        """How many steps of each kind may start: uploads, in all and by inbox, other calls, and folder steps by inbox.

        An upload that hangs in its share takes room from its own inbox alone.
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
        """Whether an upload has waited long for its recording; one that is all sent waits for the API."""
        since = self._moved_at.get(job.id)
        if step is not Step.UPLOAD or since is None or self.progress.get(job.id, 0) >= job.fingerprint.size:
            return False
        return self._clock.monotonic() - since > HANGING_SECONDS

    def _try(self, job: Job, plan: Plan, inbox: Arrivals | None, room: Counter[str]) -> str:
        """Start the job's next step, or say why not."""
        if inbox is None:
            return f"its inbox {printable(job.inbox)} is not in the configuration"
        step = self._next(job)
        due = job.is_due(self._clock.wall(), self._book.rules)
        settled = self._withdrawn(job, inbox)
        if settled is None and due:
            settled = self._known_content(job, inbox)  # before the lanes, for it needs no more than the journal
        if settled is not None:
            return settled
        lane = self._lanes.blocking(_lanes(step, inbox.route))
        if lane is not None:
            return lane.reason
        if not due:
            tried = step is Step.RETIRE and job.attempts >= TRIES_AT_RETIRING
            return self._book.put_off.get(job.id, job.reason) if tried else ""
        if room[_kind(step, job)] <= 0 or (step is Step.UPLOAD and room[_uploads_of(job.inbox)] <= 0):
            return ""
        if step is Step.POLL and job.transcript_id not in self.ended:
            return self._not_polled(job, plan)
        if step in (Step.SUBMIT, Step.UPLOAD) and self._expired(job, plan):
            return ""
        if step is Step.SUBMIT and (doubt := self._doubt_of(job)):
            return doubt
        self._begin(job, step, plan, inbox, room)
        return ""

    def _next(self, job: Job) -> Step:
        """The job's step; a recording of a size that is known is hashed before it is uploaded, a link never."""
        assert job.step is not None
        if is_link(job.path) or job.step is not Step.UPLOAD or job.content_hash is not None or job.id in self._sized:
            return job.step
        if self._book.journal.has_another_of_size(job.fingerprint.size, but=job.id):
            return Step.HASH
        self._sized.add(job.id)
        return Step.UPLOAD

    def _withdrawn(self, job: Job, inbox: Arrivals) -> str | None:
        """Cancel a job whose recording was taken out of the inbox before it was submitted, as people at the share do.

        None where it lies there, else why the job waits ("" where it was cancelled).
        """
        if not job.unpaid or job.place is not None or self._lanes.blocking((errors.STATE,)) is not None:
            return None
        if inbox.looked_at is None:
            return "its inbox has not been looked into yet"
        if not inbox.has_lost(job):
            return None
        inbox.forget(self._book.record(job, Cancelled("the recording was taken out of the inbox", withdrawn=True)))
        return ""

    def _not_polled(self, job: Job, plan: Plan) -> str:
        if job.base_url not in (None, plan.client.base_url):
            return f"it was submitted to {job.base_url}, and api.base_url is another now"
        return ""

    def _known_content(self, job: Job, inbox: Arrivals) -> str | None:
        """Deal with content that is known: None where it is new, else why this job waits ("" where it went on)."""
        if not job.unpaid or job.content_hash is None or self._lanes.blocking((errors.STATE,)) is not None:
            return None
        twins = [x for x in self._book.journal.with_content(job.content_hash) if x.id != job.id]
        for other in twins:
            if other.id < job.id and _same_file(job, other):
                if other.state in (State.DELIVERED, State.FAILED) and other.retired_at is None:
                    return f"job {other.id}, whose file this was or is, is just being put away"
                self._book.touched(job, other)
                inbox.adopt(job, other)
                return ""
        if job.pay_again or inbox.route.duplicates == "transcribe":
            return None
        for other in sorted(twins, key=lambda x: x.state is State.SUBMITTED):  # what is at hand before what is coming
            why = self._twin(job, other, wanted(job, inbox.route).parameters)
            if why is not None:
                return why
        return None

    def _twin(self, job: Job, other: Job, parameters: str) -> str | None:
        """What another job with this content and these parameters means for this one; None where nothing."""
        if other.parameters != parameters:
            return None
        if other.transcript_id is not None and other.state is not State.SUBMITTED:
            self._book.record(job, Known(other.transcript_id, other.reused_from or other.id))
        elif other.state is State.FAILED and other.doubtful:
            reason = f"the same recording is job {other.id}, of which nobody knows whether it was paid"
            self._book.record(job, Failed(reason, other.hint))
        elif other.transcript_id is not None or other.doubtful:
            return f"job {other.id} has the same content and is being transcribed"
        else:
            return None
        return ""

    def _expired(self, job: Job, plan: Plan) -> bool:
        """Whether the upload is too old, or lies with another region: then it is made anew, which is free.

        A link does not grow old; it is read anew for another account, where its submit will have to be looked for.
        """
        if job.state is not State.UPLOADED:
            return False
        assert job.uploaded_at is not None
        if is_link(job.path):
            here = (plan.client.base_url, plan.client.key_fingerprint)
            if moved := (job.base_url, job.key_fingerprint) != here:
                self._book.record(
                    job, Lost("api.base_url or the key has changed since the link was read", charged=False)
                )
            return moved
        if job.base_url != plan.client.base_url:
            self._book.record(job, Lost("api.base_url has changed since the upload", charged=False))
        elif self._clock.wall() - job.uploaded_at > UPLOAD_LIFE_SECONDS:
            self._book.record(job, Lost("the upload is too old to be submitted", charged=False))
        else:
            return False
        return True

    def _doubt_of(self, job: Job) -> str:
        """Why a link waits: the list could not tell its submit from another of the same address that is in doubt."""
        twins = self._book.journal.with_content(job.content_hash) if is_link(job.path) and job.content_hash else []
        other = next((x for x in twins if x.id != job.id and x.state is State.UPLOADED and x.doubtful), None)
        return f"job {other.id} has the same address, and its submit is not answered yet" if other else ""

    def _begin(self, job: Job, step: Step, plan: Plan, inbox: Arrivals, room: Counter[str]) -> None:
        attempted = self._saved(job, step, inbox)
        self.in_flight[job.id] = step, attempted
        self._moved_at[job.id] = self._clock.monotonic()
        self._take(room, step, job)
        work = self._work(attempted, step, plan, inbox)
        lane = inbox.route.lane if step in _IN_FOLDERS or step is Step.UPLOAD else errors.API
        self._executor(step, plan, inbox).submit(lambda: self._mailbox.put(outcome(attempted, work, lane)))

    def _executor(self, step: Step, plan: Plan, inbox: Arrivals) -> Executor:
        """Where a step runs; uploads by inbox, for a share that hangs keeps the threads that read from it."""
        if step is Step.UPLOAD:
            return self._executors(f"upload-{inbox.route.name}", plan.uploads)
        return inbox.executor if step in _IN_FOLDERS else self._calls

    def _saved(self, job: Job, step: Step, inbox: Arrivals) -> Job:
        """The job as saved before its step; a look at a waiting transcript is saved only when it changes something."""
        if step is Step.POLL:
            return job
        facts = {"parameters": wanted(job, inbox.route).parameters} if step is Step.SUBMIT else {}
        return self._book.attempt(job, **facts)

    def _work(self, job: Job, step: Step, plan: Plan, inbox: Arrivals) -> Callable[[], Event | None]:
        folders, client = inbox.folders, plan.client
        match step:
            case Step.HASH:
                return lambda: folders.hash(job)
            case Step.UPLOAD if is_link(job.path):
                return lambda: speech.link(client, folders.source(job))
            case Step.UPLOAD:
                return lambda: speech.upload(job, client, folders.source(job), self._progress(job))
            case Step.SUBMIT:
                return lambda: speech.submit(job, client, inbox.route.parameters_lane)
            case Step.LOOK_UP:
                ours, answered = self._ours(), self._answered(job)
                return lambda: speech.look_up(job, client, ours, answered)
            case Step.POLL:
                erased, is_ours = self._is_erased(job), self._is_ours(job, client)
                return lambda: speech.fetch(job, client, self._kept, erased=erased, is_ours=is_ours)
            case Step.NAME:
                taken = self._taken(job, inbox)
                return lambda: folders.name(job, taken, self._kept)
            case Step.DELIVER:
                taken = self._taken(job, inbox)
                return lambda: folders.deliver(job, self._kept, taken)
            case Step.RETIRE:
                return lambda: folders.retire(job)

    def _ours(self) -> dict[str, str]:
        """The upload_url that was sent for each transcript_id of which we are sure."""
        jobs = [job for job in self._book.journal.all() if job.reused_from is None]
        return {job.transcript_id: job.upload_url for job in jobs if job.transcript_id and job.upload_url}

    def _is_erased(self, job: Job) -> bool:
        """Whether its transcript was deleted at AssemblyAI, as was wanted."""
        erasure = self._book.journal.erasure(job.transcript_id or "")
        return erasure is not None and erasure[1] is not None

    def _is_ours(self, job: Job, client: AssemblyAI) -> bool:
        """Whether the account that is asked made its transcript, as far as is known: a rebuilt job lacks the key."""
        payer = self._book.journal.job(job.reused_from) if job.reused_from is not None else job
        if payer is None or payer.base_url != client.base_url:
            return False
        return payer.key_fingerprint in (None, client.key_fingerprint)

    def _answered(self, job: Job) -> set[str]:
        """The ids of all submits of this job's content, those that were given up or ended in an error among them."""
        journal = self._book.journal
        twins = journal.with_content(job.content_hash) if job.content_hash else []
        known = {twin.transcript_id for twin in twins if twin.transcript_id}  # a rebuilt one has no story
        told = (happened for twin in twins for happened in journal.story(twin.id))
        return known | {each["transcript_id"] for each in told if each["event"] == Submitted.name()}

    def _taken(self, job: Job, inbox: Arrivals) -> set[int]:
        """The numbers that it may not have; those that it could not have before, by a name that only the step knew."""
        stem, _ = inbox.folders.called(job)
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
        if step is Step.POLL and job is not None and job.transcript_id is not None:
            self.ended.discard(job.transcript_id)


def outcome(job: Job, work: Callable[[], Event | None], lane: str) -> Done:
    """What came of a step, by the class of what it raised. This is the one place that catches everything."""
    try:
        return Done(job, work())
    except errors.TranscribedError as error:
        return _raised(job, error)
    except OSError as error:
        return _raised(job, errors.from_os_error(error, lane=lane, doing="working at a recording"))
    except Exception as error:  # a defect of ours must cost one job one attempt, never the daemon
        log.exception("step.crashed", job=job.id, state=str(job.state))
        return Done(job, Deferred(f"a defect in transcribed: {type(error).__name__}", "please report it, with the log"))


def _raised(job: Job, error: errors.TranscribedError) -> Done:
    match error:
        case errors.Blocked():
            return Done(job, Released(error.message, error.lane, refused=error.refused), error)
        case errors.Stopped():
            return Done(job, Released(error.message, refused=error.refused))
        case errors.Withdrawn() if job.place is None and job.state is State.RECEIVED:
            return Done(job, Cancelled(error.message, withdrawn=True))
        case errors.Permanent() | errors.Withdrawn() if job.state not in (State.DELIVERED, State.FAILED):
            return Done(job, Failed(error.message, error.hint, refused=error.refused))
        case errors.Lost():
            return Done(job, Lost(error.message))
        case errors.Transient():
            again = error.retry_after_seconds
            return Done(job, Deferred(error.message, error.hint, again, refused=error.refused))
    return Done(job, Deferred(error.message, error.hint))


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


def _same_file(job: Job, other: Job) -> bool:
    """Whether `other` is about the very file that `job` is about, whose time was set after it was taken."""
    same_path = (job.inbox, job.path) == (other.inbox, other.path)
    return same_path and other.place is None and other.state is not State.CANCELLED and job.place is None
