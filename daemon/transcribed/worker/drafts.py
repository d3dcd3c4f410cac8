"""The drafts: what the recogniser on this machine hears of a recording lies in the outbox until its transcript does.

A draft costs nothing and delays nothing: no job, no lane and nobody waits for one, and one that fails is a line in the
log, and a fact for `explain`. One is made at a time. Its path and hash are a fact of the journal before its file is
written, until the file is removed: once the transcript is delivered, or the job is cancelled. Beside a recording that
failed it stays. All of it belongs to the loop's thread.
"""

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import structlog

from transcribed import errors
from transcribed.assemblyai import AssemblyAI
from transcribed.job import Job, State, shown
from transcribed.job.events import Event, Received, Requeued
from transcribed.worker import outputs
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.lanes import Lanes
from transcribed.worker.messages import DraftStepEnded
from transcribed.worker.plan import Clock, Plan
from transcribed.worker.steps.drafting import FACTS, Draft, is_wanted, look, publish, remove, send

log = structlog.get_logger()

LOOK_SECONDS = 1.0  # between two looks at what is heard: the recogniser is on this machine
REST_SECONDS = 30.0  # where the recogniser is not up, or a share is away
AGAIN_SECONDS = 60.0  # after a removal that did not succeed: nobody waits for it
LOOKED_AT_ONCE = 500  # jobs in one pass
MOST_NAMES = 20


@dataclass(slots=True)
class _AtWork:
    """The draft that is being made."""

    number: int
    transcript_id: str = ""
    look_at: float | None = None  # monotonic; None: a step of it is on its way
    text: bytes = b""
    name: int = 1


class Drafts:
    """The drafts of all inboxes."""

    def __init__(self, book: Book, lanes: Lanes, background: Background, clock: Clock) -> None:
        self._book = book
        self._lanes = lanes
        self._background = background
        self._clock = clock
        self._recogniser: AssemblyAI | None = None
        self._is_new = True
        self._inboxes: Mapping[str, Arrivals] = {}
        self._waiting: dict[int, None] = {}  # the jobs that may want one, in the order in which they came
        self._made: dict[int, Draft] = {}  # as the journal has them
        self._at_work: _AtWork | None = None
        self._rest_until = 0.0  # monotonic
        self._due: dict[int, float] = {}  # drafts to be removed, and when (monotonic)
        self._removing: set[int] = set()

    def happened(self, job: Job, event: Event) -> None:
        """This happened to the job, and is written. Raises Blocked(state)."""
        if job.has_ended:
            self._ended(job)
        elif isinstance(event, Received | Requeued) and job.id not in self._made:
            self._waiting[job.id] = None

    def _ended(self, job: Job) -> None:
        self._waiting.pop(job.id, None)
        if self._at_work is not None and self._at_work.number == job.id:
            self._forget_there(self._at_work.transcript_id)
            self._at_work = None
        draft = self._made.get(job.id)
        if draft is None or job.id in self._removing:
            return
        if not draft.path:
            self._remember(job.id, None)
        elif job.state is not State.FAILED:
            self._due.setdefault(job.id, self._clock.monotonic())

    def next_at(self) -> float | None:
        """The time of what is due next (monotonic); None while the journal cannot be written."""
        if self._lanes.blocking((errors.STATE,)) is not None:
            return None
        at = list(self._due.values())
        if self._at_work is not None and self._at_work.look_at is not None:
            at.append(self._at_work.look_at)
        elif self._at_work is None and self._waiting:
            at.append(self._rest_until)
        return min(at, default=None)

    def is_removing(self) -> bool:
        """True while a draft is being removed, or is to be now."""
        return bool(self._removing) or any(at <= self._clock.monotonic() for at in self._due.values())

    def look_if_due(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> None:
        """Begin what is due; the first time, take up what the last process left. Raises Blocked(state)."""
        self._recogniser, self._inboxes = plan.recogniser, inboxes
        if self._lanes.blocking((errors.STATE,)) is not None:
            return
        if self._is_new:
            self._take_up()
            self._is_new = False
        now = self._clock.monotonic()
        for number in [number for number, at in self._due.items() if at <= now]:
            self._remove(number)
        if plan.recogniser is None:
            self._waiting.clear()
            self._at_work = None
        elif self._at_work is None and now >= self._rest_until:
            self._begin_next(plan.recogniser)
        elif self._at_work is not None and self._at_work.look_at is not None and self._at_work.look_at <= now:
            self._look(self._at_work, plan.recogniser)

    def _take_up(self) -> None:
        """Go on with those that the journal has."""
        for fact, text in self._book.journal.facts(FACTS).items():
            number, draft = int(fact.removeprefix(FACTS)), Draft.from_json(text)
            self._made[number] = draft
            self._take_up_one(number, draft, self._book.job(number))
        self._waiting.update(dict.fromkeys(number for number in self._book.unfinished if number not in self._made))

    def _take_up_one(self, number: int, draft: Draft, job: Job | None) -> None:
        """One that may not have been published is removed first, and made again; one that is being heard goes on."""
        now = self._clock.monotonic()
        if job is None:  # it failed long ago, and is forgotten
            self._remember(number, None)
        elif job.has_ended and (job.state is not State.FAILED or not draft.path):
            self._forget_there(draft.transcript_id)
            self._due[number] = now
        elif draft.path and not (draft.is_published or draft.why_not):
            self._due[number] = now
        elif draft.transcript_id and not draft.path and not draft.why_not:
            self._at_work = _AtWork(number, draft.transcript_id, now)

    # -- one after another

    def _begin_next(self, client: AssemblyAI) -> None:
        for number in list(islice(self._waiting, LOOKED_AT_ONCE)):
            del self._waiting[number]
            if (found := self._wanted(number)) is not None:
                job, inbox = found
                self._at_work = _AtWork(number)
                self._ask(inbox, number, "sent", functools.partial(send, job, inbox.route, inbox.anchors, client))
                return

    def _wanted(self, number: int) -> tuple[Job, Arrivals] | None:
        """The job and its inbox, if a draft is of use."""
        job = self._book.unfinished.get(number)
        inbox = None if job is None else self._inboxes.get(job.inbox)
        return None if job is None or inbox is None or not is_wanted(job, inbox.route) else (job, inbox)

    def _look(self, at_work: _AtWork, client: AssemblyAI) -> None:
        at_work.look_at = None
        if at_work.text:  # the journal could not be written
            self._publish(at_work)
            return
        if (found := self._wanted(at_work.number)) is None:
            self._at_work = None
            self._forget_there(at_work.transcript_id)
            self._remember(at_work.number, None)
            return
        job, inbox = found
        work = functools.partial(look, job, inbox.route, at_work.transcript_id, client)
        self._ask(inbox, at_work.number, "heard", work)

    def _publish(self, at_work: _AtWork) -> None:
        """Commit the path and the hash, and then write the file. Raises Blocked(state)."""
        if (found := self._wanted(at_work.number)) is None:
            self._at_work = None
            self._remember(at_work.number, None)
            return
        job, inbox = found
        path = outputs.draft(job, inbox.route, at_work.name)
        at_work.look_at = self._clock.monotonic() + REST_SECONDS
        self._remember(job.id, Draft(path=path, sha256=hashlib.sha256(at_work.text).hexdigest()))
        at_work.look_at = None
        work = functools.partial(publish, path, at_work.text, inbox.route, inbox.anchors)
        self._ask(inbox, job.id, "published", work)

    def _remove(self, number: int) -> None:
        del self._due[number]
        draft, job = self._made.get(number, Draft()), self._book.job(number)
        inbox = None if job is None else self._inboxes.get(job.inbox)
        if not draft.path or inbox is None or not draft.path.startswith(inbox.route.outbox + b"/"):
            self._remember(number, None)  # there is none, or it lies where this inbox no longer delivers
            return
        self._removing.add(number)
        self._ask(inbox, number, "removed", functools.partial(remove, draft, inbox.route, inbox.anchors))

    def _ask(
        self,
        inbox: Arrivals,
        number: int,
        step: Literal["sent", "heard", "published", "removed"],
        work: Callable[[], Any],
    ) -> None:
        """Do a step on the inbox's own thread for drafts: a share that hangs keeps only these."""
        executor = self._background.executor(f"drafts-{inbox.route.name}", 1)
        answer = functools.partial(DraftStepEnded, number, step)
        self._background.ask(executor, work, answer, doing="making a draft", lane=inbox.route.lane)

    # -- what becomes of it

    def heard(self, message: DraftStepEnded) -> None:
        """A step has ended. Raises Blocked(state)."""
        number, result, problem = message.number, message.outcome.result, message.outcome.problem
        if message.step == "removed":
            self._removed(number, is_ours=result, problem=problem)
            return
        at_work = self._at_work
        if at_work is None or at_work.number != number:  # its job ended meanwhile
            if message.step == "sent" and result is not None:
                self._forget_there(result)
        elif problem is not None:
            self._failed(at_work, problem)
        elif message.step == "published":
            self._published(at_work, is_there=bool(result))
        elif message.step == "heard" and result is not None:
            at_work.text = result
            self._publish(at_work)
        else:
            at_work.look_at = self._clock.monotonic() + LOOK_SECONDS
            if message.step == "sent":
                at_work.transcript_id = str(result)
                self._remember(number, Draft(at_work.transcript_id))

    def _published(self, at_work: _AtWork, *, is_there: bool) -> None:
        if is_there:
            self._at_work = None
            draft = self._made[at_work.number]._replace(is_published=True)
            log.info("draft.delivered", job=at_work.number, file=shown(draft.path))
            self._remember(at_work.number, draft)
        elif at_work.name < MOST_NAMES:
            at_work.name += 1
            self._publish(at_work)
        else:
            self._failed(at_work, errors.Permanent("others have all of its names"))

    def _failed(self, at_work: _AtWork, problem: errors.TranscribedError) -> None:
        """Nobody waits for it. Where the recogniser or a share is away, it is tried again."""
        number, now, may_lie_there = at_work.number, self._clock.monotonic(), bool(at_work.text)
        if isinstance(problem, errors.Blocked):
            log.debug("draft.deferred", job=number, reason=problem.message)
            if at_work.transcript_id and not may_lie_there:
                at_work.look_at = now + REST_SECONDS
                return
            self._at_work, self._rest_until = None, now + REST_SECONDS
            if may_lie_there:  # it is removed first, and made again
                self._due[number] = now + AGAIN_SECONDS
            else:
                self._waiting[number] = None
            return
        self._at_work = None
        if not isinstance(problem, errors.Stopped):
            log.warning("draft.failed", job=number, reason=problem.message, hint="its transcript comes all the same")
            self._remember(number, self._made.get(number, Draft())._replace(why_not=problem.message))

    def _removed(self, number: int, *, is_ours: bool | None, problem: errors.TranscribedError | None) -> None:
        self._removing.discard(number)
        if problem is not None:
            self._due[number] = self._clock.monotonic() + AGAIN_SECONDS
            log.debug("draft.deferred", job=number, reason=problem.message)
            return
        what = "draft.removed" if is_ours else "draft.kept"  # kept: a person has changed it
        log.info(what, job=number, file=shown(self._made[number].path))
        self._remember(number, None)
        if self._wanted(number) is not None:
            self._waiting[number] = None

    def _forget_there(self, transcript_id: str) -> None:
        """The recogniser need not keep this."""
        if transcript_id and self._recogniser is not None:
            forget = functools.partial(self._recogniser.delete, transcript_id)
            self._background.do(self._background.calls, forget, doing="deleting a draft's transcript")

    def _remember(self, number: int, draft: Draft | None) -> None:
        self._book.journal.remember({f"{FACTS}{number}": None if draft is None else draft.to_json()})
        if draft is None:
            self._made.pop(number, None)
        else:
            self._made[number] = draft
