"""The questions about transcripts that are paid for: one at a time, each paid once.

Rules: that a question is sent is written before it is, and cleared only by a definite refusal. There is no list to look
a lost answer up in, so a question in doubt is never sent again until a person says so. A kept answer is found again
whatever the journal knows of it. Pauses and limits hold what is to be sent, and nothing else. A question is sent in the
pass after it was seen, for the limits are looked at only while something waits. All of it belongs to the loop's thread,
except for the steps.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from transcribed import errors
from transcribed.assemblyai import AssemblyAI, Throttled
from transcribed.job import State, printable, shown
from transcribed.job.rules import canonical
from transcribed.journal import Question, QuestionBill, Transcripts
from transcribed.journal.questions import WAITING, ForPerson
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.lanes import Lanes
from transcribed.worker.limits import Spending
from transcribed.worker.messages import QuestionStepEnded
from transcribed.worker.people.amounts import QuestionForPerson, QuestionsForPerson, QuestionsStatus
from transcribed.worker.people.month import Month
from transcribed.worker.plan import Clock, Plan, Route
from transcribed.worker.steps import asking

log = structlog.get_logger()

AGAIN_SECONDS = 60.0  # after a step that did not succeed
LONGEST_SECONDS = 3600.0  # between two tries while none is taken
MOST_REFUSED = 3  # in a row, of those that ask the same: then the newest is tried, and all wait if that is refused too
MOST_TOLD = 3  # of each inbox that wait for a person
_IN_DOUBT = "nobody knows if it was paid: `transcribed understand --again ID` asks, and perhaps pays, once more"
_FACTS = "refused:"  #: the beginning of the facts that count refusals in a row, by the request
_SHARED = tuple(lane for lane in errors.ASKING if lane not in (errors.STATE, errors.QUESTIONS))


class Questions:
    """The questions of the journal."""

    def __init__(
        self,
        book: Book,
        lanes: Lanes,
        kept: Transcripts,
        background: Background,
        clock: Clock,
        spending: Spending,
        *,
        month: Month,
    ) -> None:
        self._book = book
        self._lanes = lanes
        self._kept = kept
        self._background = background
        self._clock = clock
        self._spending = spending
        self._month = month
        self._free: tuple[str, ...] = ()  # the inboxes whose questions may be sent
        self._next: Question | None = None  # of those that may go on
        self._first: Question | None = None  # of all that wait
        self._waiting = 0  # to be sent
        self._is_read = False
        self._for_person: list[QuestionsForPerson] | None = None  # None: it is to be read
        self._at_work: int | None = None
        self._begin: Callable[[], None] | None = None  # once what was written is durable
        self._later_at = 0.0  # the server asked to wait until then
        self._tries = 0  # in a row that AssemblyAI did not take, whatever was asked
        refused = book.journal.facts(_FACTS)
        self._refused = {name.removeprefix(_FACTS): int(count) for name, count in refused.items()}

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
            self._for_person = None
        else:
            log.warning("order.refused", reason="it asks nothing")
        self._is_read = False

    def next_at(self) -> float | None:
        """The time of what is due next (monotonic)."""
        if self._at_work is not None or not (self._next or self._waiting):
            return None
        later_at = self._put_off_until()
        due_at = later_at if self._next is None else self._next.due_at or 0.0
        wait = due_at - self._clock.wall()
        return None if self._next is None and wait <= 0 else self._clock.monotonic() + max(0.0, wait)

    def is_busy(self) -> bool:
        """True while a question is at work, or could be now."""
        due = self._next is not None and (self._next.due_at or 0.0) <= self._clock.wall()
        return self._at_work is not None or (due and self._lanes.blocking((errors.STATE,)) is None)

    def status(self) -> QuestionsStatus:
        """The questions that are to be sent, with what the first of them waits for, and those that need a person."""
        return replace(self._waits(), for_person=self._for_person or [])

    def paragraph(self, route: Route) -> str:
        """The paragraph on the questions of an inbox that wait for a person; empty where no question does."""
        now = self._clock.wall()
        mine = (each for each in self._for_person or () if each.inbox == route.name and each.is_for_share(now))
        return "".join(f"{each.words}\nWhat to do: {each.hint}\n" for each in mine)

    def _waits(self) -> QuestionsStatus:
        first = self._first
        if first is None or first.state != "open":
            return QuestionsStatus(self._waiting)
        own = (errors.pause_lane(first.inbox), errors.limit_lane(first.inbox), errors.inbox_lane(first.inbox or ""))
        lane = self._lanes.blocking((*errors.ASKING, *own))
        if lane is not None:
            return QuestionsStatus(self._waiting, lane.reason, lane.hint)
        is_free = self._put_off_until() > self._clock.wall() or first.inbox in self._free
        why = (first.reason or "") if is_free else f"the inbox {first.inbox} is not in the configuration"
        return QuestionsStatus(self._waiting, printable(why))

    def _put_off_until(self) -> float:
        """The time of the next try, where AssemblyAI takes none."""
        lane = self._lanes.blocking((errors.QUESTIONS,))
        return self._later_at if lane is None or lane.until is None else max(self._later_at, lane.until)

    def _may_send(self, plan: Plan) -> tuple[str, ...]:
        """The inboxes whose questions may be sent."""
        if self._put_off_until() > self._clock.wall() or self._lanes.blocking(_SHARED) is not None:
            return ()
        lanes = {each.name: (each.lane, each.pause_lane, each.limit_lane) for each in plan.routes}
        return tuple(name for name, its in lanes.items() if self._lanes.blocking(its) is None)

    def _read(self, plan: Plan) -> None:
        """Learn what may go on. Raises Blocked(state)."""
        free, asks = self._may_send(plan), self._book.journal.questions
        if self._for_person is None:
            self._for_person = _by_inbox(asks.for_person(MOST_TOLD))
        if self._is_read and free == self._free:
            return
        self._next, self._first, self._waiting = asks.next_due(free), asks.next_due(), asks.waiting()
        self._free, self._is_read = free, True
        self._spending.question_is(waiting=self._waiting > 0)
        if not self._waiting:
            self._spending.resume(errors.QUESTIONS)

    def look_if_due(self, plan: Plan, inboxes: Mapping[str, Arrivals]) -> None:
        """Begin the next step of the question that is due. Raises Blocked(state)."""
        if self._at_work is not None or self._lanes.blocking((errors.STATE,)) is not None:
            return
        limits_looked_at = self._spending.question_waits
        self._read(plan)
        question = self._next
        if question is None or (question.due_at or 0.0) > self._clock.wall():
            return
        match question.state:
            case "open":
                if limits_looked_at:
                    self._send(question, plan.client)
            case "sent":
                work = functools.partial(asking.look, question, self._kept)
                self._do(question, "looked", work)
            case _:
                self._deliver(question, inboxes)

    def _send(self, question: Question, client: AssemblyAI) -> None:
        """The intent is written here, and the POST begins in `go`."""
        now, job = self._clock.wall(), self._book.job(question.job)
        length = None if job is None else job.duration_seconds
        seconds = self._book.journal.questions.send(question, length, client.base_url, now)
        measured = (0, seconds) if seconds is not None else (1, 0.0)
        bill = QuestionBill(question.inbox or "", question.request, "", False, 1, *measured)
        self._spending.question_sent(bill)
        self._month.changed()
        self._is_read = False
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
            self._spending.question_is_free()
        self._is_read, self._for_person = False, None

    def heard(self, message: QuestionStepEnded) -> None:
        """A step has ended. Raises Blocked(state)."""
        question, result, problem = message.question, message.outcome.result, message.outcome.problem
        self._at_work = None
        if problem is not None:
            self._failed(question, message.step, problem)
        elif message.step == "delivered":
            self._change(question, state="delivered", due_at=None, reason=asking.shown_left(result or []) or None)
            log.info("question.delivered", question=question.id, job=question.job)
        elif isinstance(result, asking.Answered):
            self._answered(question, result)
        elif result is None:
            why = f"{question.reason or 'the daemon ended before the answer came'}: {_IN_DOUBT}"
            self._change(question, state="doubtful", due_at=None, reason=why)
            log.error("question.doubtful", question=question.id, job=question.job, reason=why)
        else:
            self._answered(question, asking.Answered(result, is_paid=True))

    def _answered(self, question: Question, answer: asking.Answered) -> None:
        now, sha256 = self._clock.wall(), answer.sha256
        facts = {"state": "answered", "answered_at": now, "due_at": now, "sha256": sha256, "reason": None}
        self._settle(question, now if answer.is_paid else None, facts)
        self._taken()
        if self._refused.pop(question.request, 0):
            self._book.journal.remember({_FACTS + question.request: None})
            self._book.journal.questions.put_off(question.request, now, None)
        log.info("question.answered", question=question.id, job=question.job)

    def _settle(self, question: Question, paid_at: float | None, facts: Mapping[str, Any]) -> None:
        """The question that was sent is known to be paid, or (None) not to be."""
        self._book.journal.questions.settle(question.id, paid_at, **facts)
        self._changed(facts)
        self._month.changed()
        if paid_at is None:
            self._spending.question_is_free()

    def _failed(self, question: Question, step: str, problem: errors.TranscribedError) -> None:
        now = self._clock.wall()
        if step == "delivered" and isinstance(problem, errors.Permanent):
            self._change(question, state="delivered", due_at=None, reason=problem.message)
        elif step != "asked":
            self._change(question, due_at=now + AGAIN_SECONDS, reason=problem.message)
        elif not problem.refused:  # the kept answer, if there is one, is found by a look
            self._change(question, due_at=now, reason=problem.message)
        elif isinstance(problem, errors.Permanent):
            self._refuse(question, problem)
        else:
            facts = {"state": "open", "due_at": now + AGAIN_SECONDS, "sent_at": None, "reason": problem.message}
            self._settle(question, None, facts)
            if isinstance(problem, errors.Blocked):
                self._wait(problem)
        log.warning("question.deferred", question=question.id, job=question.job, reason=problem.message)

    def _refuse(self, question: Question, problem: errors.Permanent) -> None:
        """This question was refused, or all that ask the same are: then they wait, and do not fail one by one."""
        now, asks, request = self._clock.wall(), self._book.journal.questions, question.request
        self._taken()
        self._refused[request] = count = self._refused.get(request, 0) + 1
        self._book.journal.remember({_FACTS + request: str(count)})
        waits = count >= MOST_REFUSED and asks.bring_forward(request, 0.0)
        facts = {"state": "failed", "due_at": None, "sent_at": None, "reason": problem.message}
        if count <= MOST_REFUSED or not waits:
            self._settle(question, None, facts)
            return
        self._settle(question, None, facts | {"state": "open"})
        asks.put_off(request, now + LONGEST_SECONDS, f"{problem.message}; so were {count - 1} others before it")
        if count == MOST_REFUSED + 1:
            log.error("questions.refused", reason=problem.message, hint=problem.hint, waiting=self._waiting)

    def _taken(self) -> None:
        """AssemblyAI takes questions."""
        self._tries = 0
        self._spending.resume(errors.QUESTIONS)

    def _wait(self, problem: errors.Blocked) -> None:
        """AssemblyAI takes no question at all for now, and that is told once."""
        now = self._clock.wall()
        if isinstance(problem, Throttled):
            self._later_at = now + min(problem.retry_after_seconds or AGAIN_SECONDS, LONGEST_SECONDS)
            return
        wait = min(AGAIN_SECONDS * 2.0 ** min(self._tries, 10), LONGEST_SECONDS)
        self._tries += 1
        held = self._lanes.blocking((errors.QUESTIONS,))
        why = errors.Blocked(
            problem.message, lane=errors.QUESTIONS, hint=problem.hint, exit_status=problem.exit_status, by_person=True
        )
        if self._lanes.hold(why, since=now if held is None else held.since, until=now + wait):
            log.error("lane.blocked", lane=why.lane, reason=why.message, hint=why.hint)

    def _change(self, question: Question, **facts: Any) -> None:
        self._book.journal.questions.change(question.id, **facts)
        self._changed(facts)

    def _changed(self, facts: Mapping[str, Any]) -> None:
        self._is_read = False
        if facts.get("state") in WAITING:
            self._for_person = None


def _by_inbox(waiting: Iterable[ForPerson]) -> list[QuestionsForPerson]:
    """The questions that wait for a person, as people are told of them; those of one inbox come together."""
    told = []
    for (inbox, count), rows in itertools.groupby(waiting, key=lambda row: (row.inbox, row.whole)):
        newest = [_told(row) for row in rows]
        told.append(QuestionsForPerson(inbox, count, newest))
    return told


def _told(row: ForPerson) -> QuestionForPerson:
    return QuestionForPerson(row.job, shown(row.path), row.state, printable(row.reason or row.state), row.since)
