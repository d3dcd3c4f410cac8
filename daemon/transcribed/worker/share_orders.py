"""The orders of people at the share: each is about the transcript of one recording, is obeyed, and put away.

Rules: the name of an order says what it is about: a recording on its way, for whose delivery it waits; else the
transcript of that name in the outbox; else the newest transcript of a recording of that name. One order of an inbox at
a time. All of it belongs to the loop's thread, except for the steps.
"""

import functools
import json
import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

import structlog

from transcribed import errors, files
from transcribed.inbox import CORRECTED_MD, CORRECTED_TXT, UNDERSTAND, order_forms
from transcribed.job import Job, State, printable, shown
from transcribed.job.questions import can_be_asked
from transcribed.journal import Transcripts
from transcribed.journal.questions import WAITING
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.intake.share_orders import Lying
from transcribed.worker.lanes import Lanes
from transcribed.worker.messages import ShareOrder, ShareOrderEnded
from transcribed.worker.outputs import output_path
from transcribed.worker.people.searching import Searching
from transcribed.worker.plan import Clock, Host, Route
from transcribed.worker.questions import Questions
from transcribed.worker.steps import share_orders as steps

log = structlog.get_logger()

AGAIN_SECONDS = 60.0  # after a step that did not succeed
FAR_SECONDS = 15.0  # between two looks while nothing can be written
READ, OBEYED, PUT_AWAY = "read", "obeyed", "put away"
_WAITS: Mapping[str, str] = {"failed": "was refused", "doubtful": "the answer was lost"}
_LOCAL = "it was heard by a recogniser on this machine, and AssemblyAI has no transcript to ask about"
_NUMBER = re.compile(rb" \(([1-9][0-9]{0,8})\)")
_NONE = (
    "no recording of this name was transcribed here: put it into the folder where the recording lay, and give it the "
    "recording's name"
)


class _Meant(NamedTuple):
    """The job that an order is about, once it is delivered; else the reason why it waits, or is not obeyed."""

    job: Job | None
    why: str = ""
    waits: bool = False


class ShareOrders:
    """The orders at the share, of all inboxes."""

    def __init__(
        self,
        book: Book,
        lanes: Lanes,
        kept: Transcripts,
        background: Background,
        clock: Clock,
        host: Host,
        *,
        questions: Questions,
        search: Searching,
    ) -> None:
        self.questions = questions
        self.search = search
        self._book = book
        self._lanes = lanes
        self._kept = kept
        self._background = background
        self._clock = clock
        self._host = host
        self._at_work: dict[str, Job | None] = {}  # by inbox: the job that its order is about, once that is known
        self._due_at = math.inf

    def next_at(self) -> float:
        """The time of what is due next (monotonic)."""
        return self._due_at

    def is_busy(self) -> bool:
        """True while an order is at work, or is to be looked into now."""
        return bool(self._at_work) or (self._due_at <= self._clock.monotonic() and not self._is_held())

    def _is_held(self) -> bool:
        return self._lanes.blocking((errors.STATE,)) is not None

    def look_if_due(self, inboxes: Mapping[str, Arrivals]) -> None:
        """Look into the orders that are due. Raises Blocked(state)."""
        if self._is_held():
            self._due_at = self._clock.monotonic() + FAR_SECONDS
            return
        idle = [inbox for name, inbox in inboxes.items() if name not in self._at_work]
        for inbox in idle:
            while inbox.route.name not in self._at_work and (lying := inbox.orders.due()) is not None:
                self._look_into(lying, inbox)
        self._due_at = min((x.orders.due_at() for x in idle if x.route.name not in self._at_work), default=math.inf)

    def _look_into(self, lying: Lying, inbox: Arrivals) -> None:
        order = lying.order
        if lying.is_obeyed:
            self._do(order, PUT_AWAY, functools.partial(steps.put_away, order, inbox.route, inbox.anchors), inbox)
            return
        meant = self._meant(order, inbox)
        if meant.job is not None and order.kind == UNDERSTAND:
            self._ask(lying, meant.job, inbox)
        elif meant.job is not None:
            route, anchors = inbox.route, inbox.anchors
            obey = functools.partial(steps.obey, order, meant.job, route, anchors, self._kept, self._host)
            self._do(order, OBEYED, obey, inbox, meant.job)
        elif meant.waits:
            inbox.orders.waits(lying, meant.why)
        else:
            inbox.orders.refuse(lying, meant.why)

    def _ask(self, lying: Lying, job: Job, inbox: Arrivals) -> None:
        """Ask the question that is in the order, once; go on with it by what became of it. Raises Blocked(state)."""
        order, route = lying.order, inbox.route
        if why_not := _why_not_asked(job, route):
            inbox.orders.refuse(lying, why_not)
            return
        if not lying.request:
            read = functools.partial(steps.question, order, route, inbox.anchors, self._host)
            self._do(order, READ, read, inbox)
            return
        asked = self._book.journal.questions.of(job.transcript_id or "")
        question = next((each for each in asked if each.request == lying.request), None)
        if question is not None and question.state in WAITING:
            inbox.orders.refuse(lying, f"it was asked, and {_WAITS[question.state]}: {question.reason or ''}")
        elif not lying.is_asked:
            self.questions.asked([job.id], {"request": json.loads(lying.request)})
            lying.is_asked = True
            inbox.orders.waits(lying, "the question is on its way")
        elif question is not None and question.state == "delivered":
            left = functools.partial(steps.tell_left, order, job, question.reason or "", route, inbox.anchors)
            self._do(order, OBEYED, left if question.reason else list[bytes], inbox)
        else:
            why = None if question is None else question.reason
            inbox.orders.waits(lying, why or "the question is on its way")

    def question_changed(self, inboxes: Mapping[str, Arrivals]) -> None:
        """Something happened to a question."""
        for inbox in inboxes.values():
            inbox.orders.questions_changed()

    def _do(
        self, order: ShareOrder, step: str, work: Callable[[], object], inbox: Arrivals, job: Job | None = None
    ) -> None:
        self._at_work[order.inbox] = job
        answer = functools.partial(ShareOrderEnded, order, step)
        executor = self._background.executor(f"answers-{order.inbox}", 1)
        doing = f"obeying {shown(order.path)}"
        self._background.ask(executor, work, answer, doing=doing, lane=inbox.route.lane)

    def heard(self, message: ShareOrderEnded, inboxes: Mapping[str, Arrivals]) -> None:
        """A step has ended. Raises Blocked(state)."""
        order, problem = message.order, message.outcome.problem
        job = self._at_work.pop(order.inbox, None)
        if job is not None and order.kind in (CORRECTED_MD, CORRECTED_TXT):
            self.search.corrected(job.transcript_id or "")  # they may be kept, whatever was met then
        self._due_at = -math.inf
        inbox = inboxes.get(order.inbox)
        lying = None if inbox is None else inbox.orders.at(order)
        if inbox is None or lying is None:
            return  # its file has changed, or the inbox has: what lies there is another order
        if problem is not None:
            self._failed(lying, message.step, problem, inbox)
        elif message.step == READ:
            lying.request, lying.due_at = message.outcome.result or "", 0.0
        elif message.step == OBEYED:
            left = [shown(path) for path in message.outcome.result or ()]
            log.info("order.obeyed", inbox=order.inbox, file=shown(order.path), left=left)
            lying.is_obeyed, lying.due_at = True, 0.0
        else:
            inbox.orders.ended(order)

    def _failed(self, lying: Lying, step: str, problem: errors.TranscribedError, inbox: Arrivals) -> None:
        if isinstance(problem, errors.Withdrawn):
            inbox.orders.waits(lying, "its file changed as it was read", self._clock.monotonic() + AGAIN_SECONDS)
            inbox.look_soon()
        elif isinstance(problem, errors.Permanent):
            inbox.orders.refuse(lying, problem.message)
        else:
            why = f"it was obeyed, and cannot be put away: {problem.message}" if step == PUT_AWAY else problem.message
            inbox.orders.waits(lying, why, self._clock.monotonic() + AGAIN_SECONDS)

    # -- which job

    def _meant(self, order: ShareOrder, inbox: Arrivals) -> _Meant:
        """The job that the order is about. Raises Blocked(state)."""
        names = (*inbox.former, inbox.route.name)
        found = self._of_recording(order, names)
        number = inbox.orders.job_of(order)
        bound = None if number is None else self._book.job(number)
        coming = next((job for job in found if not job.has_ended and (bound is None or job.id > bound.id)), None)
        if coming is not None and (bound is None or bound.state is not State.DELIVERED):
            inbox.orders.about(order, coming)
            return self._judged(coming, inbox)
        if bound is not None:
            return self._judged(bound, inbox)
        if inbox.orders.is_expected(order.stem):
            return _Meant(None, "the recording of its name is not taken yet", waits=True)
        named = self._of_output(order, names, inbox)
        delivered = [job for job in found if job.state is State.DELIVERED]
        job = next(iter([*named, *delivered, *found]), None)
        return _Meant(None, _NONE) if job is None else self._judged(job, inbox)

    def _of_recording(self, order: ShareOrder, names: Collection[str]) -> list[Job]:
        """The jobs of recordings that lay where the order lies, and have its name, newest first."""
        search = self._book.journal.search
        for stem in order_forms(order.stem):
            named = search.of_recording(names, stem) or search.about([(name, stem) for name in names], [])[::-1]
            if named:
                return self._as_they_are(named)
        return []

    def _as_they_are(self, found: Iterable[Job]) -> list[Job]:
        return [job for each in found if (job := self._book.job(each.id)) is not None]

    def _of_output(self, order: ShareOrder, names: Iterable[str], inbox: Arrivals) -> list[Job]:
        """The jobs whose files in the outbox have the name of the order, newest first."""
        found = (self._of_stem(stem, names, inbox.route) for stem in order_forms(order.stem))
        return next(filter(None, found), [])

    def _of_stem(self, stem: bytes, names: Iterable[str], route: Route) -> list[Job]:
        stem = files.portable(stem) if route.names == "portable" else stem
        path = os.path.join(route.outbox, stem)
        begin = len(path) - len(os.path.basename(path))
        stems = [path[:end] for end in range(begin + 1, len(path) + 1)]
        numbers = {1, *(int(number) for number in _NUMBER.findall(os.path.basename(path))[:3])}
        search = self._book.journal.search
        found = [job for number in numbers for job in search.of_output([*names], stems, number)]
        alike = [job for job in self._as_they_are(found) if output_path(job, b"") == path]
        return sorted(alike, key=lambda job: -job.id)

    def _judged(self, job: Job, inbox: Arrivals) -> _Meant:
        if not job.has_ended:
            return _Meant(None, f"{shown(job.path)} is not transcribed yet", waits=True)
        if job.skipped and job.reused_from is not None:
            job = self._book.job(job.reused_from) or job
        if job.state is State.FAILED:
            return _Meant(None, f"{shown(job.path)} failed, and has no transcript: {printable(job.reason)}")
        if job.state is State.CANCELLED:
            return _Meant(None, f"{shown(job.path)} was not transcribed: {printable(job.reason)}")
        if job.stem is None or not job.stem.startswith(inbox.route.outbox + b"/"):
            return _Meant(None, f"the transcript of {shown(job.path)} is in another outbox")
        return _Meant(job)


def _why_not_asked(job: Job, route: Route) -> str:
    """The reason why people at the share may not ask about this job; empty if they may."""
    if not route.accept_at_share:
        return "a question is paid for, and the configuration says accept_at_share = false"
    return "" if can_be_asked(job) else _LOCAL
