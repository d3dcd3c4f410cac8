"""The questions about transcripts that are paid for: one at a time, each paid once.

Rules: that a question is sent is written before it is, and cleared only by a definite refusal. There is no list to look
a lost answer up in, so a question in doubt is never sent again until a person says so. A kept answer is found again
whatever the journal knows of it. All of it belongs to the loop's thread, except for the steps.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from transcribed import errors
from transcribed.assemblyai import AssemblyAI
from transcribed.job import State
from transcribed.job.rules import canonical
from transcribed.journal import Question, Transcripts
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.lanes import Lanes
from transcribed.worker.messages import QuestionStepEnded
from transcribed.worker.plan import Clock, Plan
from transcribed.worker.steps import asking

log = structlog.get_logger()

AGAIN_SECONDS = 60.0  # after a step that did not succeed
FAR_SECONDS = 15.0  # between two looks while nothing can be asked
_IN_DOUBT = "nobody knows if it was paid: `transcribed understand --again ID` asks, and perhaps pays, once more"
_LANES = (errors.STATE, errors.API, errors.SUBMIT, errors.pause_lane(None), errors.limit_lane(None))


class Questions:
    """The questions of the journal."""

    def __init__(self, book: Book, lanes: Lanes, kept: Transcripts, background: Background, clock: Clock) -> None:
        self._book = book
        self._lanes = lanes
        self._kept = kept
        self._background = background
        self._clock = clock
        self._next: Question | None = None
        self._is_read = False
        self._at_work: int | None = None
        self._begin: Callable[[], None] | None = None  # once what was written is durable

    def asked(self, jobs: Sequence[int], order: Mapping[str, Any]) -> None:
        """A person asks this of these jobs. Raises Blocked(state)."""
        found = [job for number in jobs if (job := self._book.job(number)) is not None]
        meant = {job.transcript_id: job.id for job in found if job.state is State.DELIVERED and job.transcript_id}
        if len(meant) < len(jobs):
            log.warning("order.refused", reason="only what was delivered can be asked about")
        asks = self._book.journal.questions
        if (request := asking.request_of(order)) is not None:
            asks.ask([(job, its) for its, job in meant.items()], canonical(request), self._clock.wall())
        elif again := asking.again_of(order):
            asks.ask_again(again, self._clock.wall())
        else:
            log.warning("order.refused", reason="it asks nothing")
        self._is_read = False

    def next_at(self) -> float | None:
        """The time of what is due next (monotonic)."""
        if self._at_work is not None or self._next is None or self._next.due_at is None:
            return None
        wait = max(0.0, self._next.due_at - self._clock.wall())
        return self._clock.monotonic() + (FAR_SECONDS if self._is_held() else wait)

    def is_busy(self) -> bool:
        """True while a question is at work, or could be now."""
        due = self._next is not None and (self._next.due_at or 0.0) <= self._clock.wall()
        return self._at_work is not None or (due and not self._is_held())

    def _is_held(self) -> bool:
        return self._lanes.blocking(_LANES) is not None

    def look_if_due(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> None:
        """Begin the next step of the question that is due. Raises Blocked(state)."""
        if self._at_work is not None or self._lanes.blocking((errors.STATE,)) is not None:
            return
        if not self._is_read:
            self._next, self._is_read = self._book.journal.questions.next_due(), True
        question = self._next
        if question is None or (question.due_at or 0.0) > self._clock.wall() or self._is_held():
            return
        match question.state:
            case "open":
                self._send(question, plan.client)
            case "sent":
                work = functools.partial(asking.look, question, self._kept)
                self._do(question, "looked", work)
            case _:
                self._deliver(question, inboxes)

    def _send(self, question: Question, client: AssemblyAI) -> None:
        """The intent is written here, and the POST begins in `go`."""
        now = self._clock.wall()
        self._change(question, state="sent", sent_at=now, due_at=now, base_url=client.base_url)
        self._do(question, "asked", functools.partial(asking.ask, question, self._kept, client))

    def _deliver(self, question: Question, inboxes: Mapping[str, Arrivals]) -> None:
        job = self._book.job(question.job)
        inbox = None if job is None else inboxes.get(job.inbox)
        if job is None or inbox is None or job.state is not State.DELIVERED:
            why = "its answer is kept; the job, or its inbox, is not there to deliver it"
            self._change(question, state="delivered", due_at=None, reason=why)
            return
        work = functools.partial(asking.deliver, job, inbox.route, inbox.anchors, self._kept)
        self._do(question, "delivered", work, inbox)

    def _do(self, question: Question, step: str, work: Callable[[], Any], inbox: Arrivals | None = None) -> None:
        background = self._background
        executor = background.calls if inbox is None else background.executor(f"answers-{inbox.route.name}", 1)
        answer = functools.partial(QuestionStepEnded, question, step)
        lane = errors.STATE if inbox is None else inbox.route.lane
        self._at_work = question.id
        self._begin = functools.partial(background.ask, executor, work, answer, doing="asking", lane=lane)

    def go(self) -> None:
        """Begin what was chosen: its intent is written."""
        begin, self._begin = self._begin, None
        if begin is not None:
            begin()

    def let_go(self) -> None:
        """Nothing was written: what was chosen is chosen again later."""
        if self._begin is not None:
            self._begin = self._at_work = None
        self._is_read = False

    def heard(self, message: QuestionStepEnded) -> None:
        """A step has ended. Raises Blocked(state)."""
        question, result, problem = message.question, message.outcome.result, message.outcome.problem
        self._at_work = None
        now = self._clock.wall()
        if problem is not None:
            self._failed(question, message.step, problem)
        elif message.step == "delivered":
            self._change(question, state="delivered", due_at=None, reason=asking.shown_left(result or []) or None)
            log.info("question.delivered", question=question.id, job=question.job)
        elif result is None:
            why = f"{question.reason or 'the daemon ended before the answer came'}: {_IN_DOUBT}"
            self._change(question, state="doubtful", due_at=None, reason=why)
            log.error("question.doubtful", question=question.id, job=question.job, reason=why)
        else:
            self._change(question, state="answered", answered_at=now, due_at=now, sha256=result, reason=None)
            log.info("question.answered", question=question.id, job=question.job)

    def _failed(self, question: Question, step: str, problem: errors.TranscribedError) -> None:
        again_at = self._clock.wall() + AGAIN_SECONDS
        if step == "delivered" and isinstance(problem, errors.Permanent):
            self._change(question, state="delivered", due_at=None, reason=problem.message)
        elif step != "asked":
            self._change(question, due_at=again_at, reason=problem.message)
        elif not problem.refused:  # the kept answer, if there is one, is found by a look
            self._change(question, due_at=self._clock.wall(), reason=problem.message)
        elif isinstance(problem, errors.Permanent):
            self._change(question, state="failed", due_at=None, sent_at=None, reason=problem.message)
        else:
            self._change(question, state="open", due_at=again_at, sent_at=None, reason=problem.message)
        log.warning("question.deferred", question=question.id, job=question.job, reason=problem.message)

    def _change(self, question: Question, **facts: Any) -> None:
        self._book.journal.questions.change(question.id, **facts)
        self._is_read = False
