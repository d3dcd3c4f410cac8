"""The loop: it takes in messages, begins all that is due, and then waits until the next thing is due.

All that happens comes through the mailbox. Only the loop's thread writes the journal, and it does no other I/O.
"""

import contextlib
import functools
import itertools
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from transcribed import errors
from transcribed.job import Job
from transcribed.job.events import Event, Named, Released
from transcribed.journal import Journal, Transcripts
from transcribed.worker import messages
from transcribed.worker.background import Background, WorkEnded
from transcribed.worker.book import Book
from transcribed.worker.deletions import Deletions
from transcribed.worker.dispatch import Dispatch
from transcribed.worker.drafts import Drafts
from transcribed.worker.holds import Holds
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.intake.sweeps import Sweeps
from transcribed.worker.lanes import Lanes
from transcribed.worker.orders import Orders
from transcribed.worker.people import endings, heartbeat, hooks, models, pages, status
from transcribed.worker.people.digest import News
from transcribed.worker.people.outbox_notice import OutboxNotices
from transcribed.worker.plan import Clock, Host, Mailbox, Plan, kept_lanes
from transcribed.worker.polls import Polls
from transcribed.worker.probes import Probes
from transcribed.worker.questions import Questions
from transcribed.worker.second_looks import SecondLooks
from transcribed.worker.share_orders import ShareOrders
from transcribed.worker.verdict import verdict

log = structlog.get_logger()

GRACE_SECONDS = 8.0  # for the steps in flight at a stop; with the last status 10 s were promised
MESSAGES_AT_ONCE, CHANGES_AT_ONCE, LONGEST_PASS_SECONDS = 200, 500, 0.5  # in one pass
GATHER_SECONDS = 0.005  # while steps are at work: what ends about now is one transaction, not one for each
LONGEST_WAIT_SECONDS = 15.0  # so that the host's watchdog hears of us, and a clock that jumped is noticed


class Worker:
    """The daemon's heart. Make one, then `run` it in the thread that is to own the journal."""

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        host: Host,
        *,
        directory: str,
        mailbox: Mailbox,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self._plan, self._clock, self._host, self._mailbox = plan, clock, host, mailbox
        self._stop, self._stopping = stop, False
        self.lanes = Lanes()
        self.book = Book(journal, clock, plan.rules, self._written)
        self._background = background = Background(mailbox, host.executor, stop)
        kept = Transcripts(directory)
        self.dispatch = Dispatch(self.book, self.lanes, kept, background, clock)
        self._holds = holds = Holds(self.book, self.lanes, clock, self._resume)
        self._pages = pages.Pages(journal, kept, background, clock)
        context = (self.book, self.lanes, kept, background, clock)
        asked = Questions(*context, holds.spending, month=self._pages.month)
        share = ShareOrders(*context, host, questions=asked, search=self._pages.search)
        self._orders = Orders(directory, self.book, self.dispatch, background, clock, holds, share=share)
        self._polls, self._probes = Polls(background, clock), Probes(journal, background)
        self._hooks, self._sweeps = hooks.Hooks(background, stop), Sweeps(background, clock)
        self._deletions = Deletions(self.book, self.lanes, kept, background, clock, self._pages.search)
        self._second_looks = SecondLooks(self.book, kept, background, clock)
        self._drafts = Drafts(self.book, self.lanes, background, clock)
        self._news = News(plan, host, background, clock)
        self._heartbeat = heartbeat.Heartbeat(host, background, clock, self._pages.show)
        self._models = models.Models(journal, clock, self._news)
        self._endings = endings.Endings(self.book, self._news, self._hooks, self._models, self._pages)
        self._notices = OutboxNotices(background, clock, self._models.paragraph, asked.paragraph)
        self.inboxes: dict[str, Arrivals] = {}
        self._gone: set[str] = set()  # lanes of inboxes that could not be listed
        self._failing: dict[str, str] = {}  # why background work that nobody waits for failed, by its name

    def run(self, *, once: bool = False) -> int:
        """Work until a Stop arrives or, `once`, until nothing is left that could move; the exit status."""
        self._guarded(self.book.recover)
        self._adopt(self._plan)
        self._host.watch(self._orders.folder)
        self._host.notify(READY="1")
        self._pass(self._tend)
        while not (self._stopping or (once and self._idle())):
            self._pass(lambda: self._take_in(self._wait_seconds()), self._tend)
        self._leave()
        return verdict(self.lanes, self.inboxes.values(), self.book) if once else 0

    def _pass(self, *actions: Callable[[], object]) -> None:
        """One pass of the loop: what happens in it is one transaction, and the steps that it begins start after it."""
        self._guarded(functools.partial(self._together, actions))
        self._heartbeat.beat(self._snapshot)

    def _together(self, actions: Iterable[Callable[[], object]]) -> None:
        """Raises Blocked(state) where what happened could not be written."""
        try:
            with self.book.together():
                for action in actions:
                    self._guarded(action)
        except errors.Blocked:
            self.dispatch.let_go()
            self._orders.let_go()
            for inbox in self.inboxes.values():
                inbox.unwritten()
            raise
        self.dispatch.go()
        self._orders.go()

    # -- what is due -------------------------------------------------------------------------------------------------

    def _tend(self) -> None:
        """Begin everything that is due, unless it is time to leave."""
        if self._stopping:
            return
        for lane in self.lanes.due(self._clock.monotonic()):
            self._probe(lane.name)
        for inbox in self.inboxes.values():
            self._guarded(inbox.look_if_due)
        self._guarded(functools.partial(self._holds.look, self._plan, self.inboxes, len(self.book.unfinished)))
        self._guarded(functools.partial(self._orders.look_if_due, self._plan, self.inboxes))
        self._polls.look_if_due(self._waiting(), self._plan)
        self.dispatch.start(self._plan, self.inboxes, self._holds)
        self._notices.keep(self.lanes, self.inboxes.values())
        self._pages.keep(self._plan, self.inboxes.values())
        self._deletions.look_if_due(self._plan)
        self._second_looks.look_if_due(self.inboxes, self._plan)
        self._guarded(functools.partial(self._drafts.look_if_due, self._plan, self.inboxes))
        self._news.look(self.lanes)

    def _waiting(self) -> dict[int, Job]:
        """The transcripts that can be asked about now."""
        return self.book.submitted if self.lanes.blocking((errors.STATE, errors.API)) is None else {}

    def _probe(self, name: str) -> None:
        """Try a blocked lane by a GET or a small write, never by a job."""
        inbox = next((x for x in self.inboxes.values() if x.route.lane == name), None)
        if name.startswith("inbox:") and inbox is None:
            self.lanes.resume(name, now=self._clock.monotonic())
            return
        self.lanes.probing(name)
        if (answer := self._probes.begin(name, inbox, self._plan.client)) is not None:
            self._lane_checked(answer)

    def _wait_seconds(self) -> float:
        """Until the next thing is due."""
        now = self._clock.monotonic()
        at = [*(inbox.next_at() for inbox in self.inboxes.values()), self._news.next_at(), self._deletions.next_at()]
        at += [self.lanes.next_at(), self._orders.next_at(), self._polls.next_at(self._waiting(), self._plan)]
        at += [self._second_looks.next_at(), self._drafts.next_at()]
        waits = [x - now for x in at if x is not None] + [x for x in [self._heartbeat.next_at() - now] if x > 0]
        if (due_at := self.dispatch.next_at()) is not None:
            waits.append(due_at - self._clock.wall())
        return 0.0 if due_at == 0.0 else max(0.01, min([*waits, LONGEST_WAIT_SECONDS]))

    # -- what arrives ------------------------------------------------------------------------------------------------

    def _take_in(self, timeout: float) -> None:
        """Wait for a message, and handle it with those that came with it: so many that the pass stays short."""
        with contextlib.suppress(queue.Empty):
            message, began_at = self._mailbox.get(timeout=timeout), self._clock.monotonic()
            self._guarded(functools.partial(self._handle, message))
            for _ in range(MESSAGES_AT_ONCE):
                taken = self._clock.monotonic() - began_at
                if self.book.unwritten > CHANGES_AT_ONCE or taken > LONGEST_PASS_SECONDS:
                    return
                gather_seconds = GATHER_SECONDS if self.dispatch.in_flight else 0.0
                message = self._mailbox.get(timeout=max(0.0, gather_seconds - taken))
                self._guarded(functools.partial(self._handle, message))

    def _handle(self, message: object) -> None:  # noqa: C901, PLR0912 - one line for each kind of message
        match message:
            case messages.StepEnded():
                self._step_ended(message)
            case messages.Look():
                self._look(message)
            case messages.InboxListed():
                self._inbox_listed(message)
            case messages.InboxSurveyed():
                if (inbox := self._asker(message)) is not None:
                    self._resume(inbox.surveyed(message, self._plan))
            case messages.FilesInspected():
                if (inbox := self._asker(message)) is not None:
                    inbox.inspected(message)
            case messages.TranscriptsListed():
                self.dispatch.heard(self._polls.heard(message, self._waiting().values()))
            case messages.LaneChecked():
                self._lane_checked(message)
            case messages.OrdersListed() | messages.QuestionStepEnded() | messages.ShareOrderEnded():
                self._orders.heard(message, self.inboxes)
            case messages.LookedAgain() | messages.LookedClosely() | messages.ArchiveAged():
                self._second_looks.heard(message, self.inboxes)
            case messages.RemoteDeleted() | messages.OldTranscriptsListed():
                self._deletions.heard(message)
            case messages.DraftStepEnded():
                self._drafts.heard(message)
            case messages.HookEnded():
                self._hooks.ended()
            case messages.DigestSent():
                self._news.told(message)
            case WorkEnded():
                self._work_ended(message)
            case messages.Reload():
                self._reload()
            case messages.Reloaded():
                self._reloaded(message)
            case messages.Stop():
                self._stopping = True
            case _:
                raise TypeError(f"nobody knows this message: {message!r}")

    def _guarded(self, action: Callable[[], object]) -> None:
        """Block the lane of which `action` says that it is blocked; any other problem of its is a line in the log."""
        try:
            action()
        except errors.Blocked as error:
            self._block(error)
        except errors.TranscribedError as error:
            log.warning("background.failed", reason=error.message, hint=error.hint)

    def _work_ended(self, message: WorkEnded) -> None:
        """Work that nobody waits for has ended: a failure is told once, until it succeeds."""
        why = None if message.problem is None else message.problem.message
        if why is not None and self._failing.get(message.doing) != why:
            log.warning("background.failed", doing=message.doing, reason=why)
        self._failing = {**self._failing, message.doing: why or ""}

    def _block(self, error: errors.Blocked) -> None:
        if self.lanes.block(error, wall=self._clock.wall(), now=self._clock.monotonic()):
            log.error("lane.blocked", lane=error.lane, reason=error.message, hint=error.hint)

    def _resume(self, name: str) -> None:
        """A lane is free again: what was held is written, and what may have come meanwhile is looked for."""
        if (lane := self.lanes.resume(name, now=self._clock.monotonic())) is None:
            return
        event = "inbox.found" if name in self._gone else "lane.resumed"
        self._gone.discard(name)
        log.info(event, lane=name, blocked_seconds=round(self._clock.wall() - lane.since, 1))
        self.book.unblocked()
        if name == errors.STATE:
            self.book.save_held()
        for inbox in self.inboxes.values():
            inbox.look_soon()

    def _lane_checked(self, message: messages.LaneChecked) -> None:
        if message.problem is None:
            self._resume(message.lane)
        else:
            self.lanes.still(message.lane, message.problem, now=self._clock.monotonic())

    def _step_ended(self, message: messages.StepEnded) -> None:
        """A step has ended. A job that changed meanwhile (a person cancelled it) has no use for its event."""
        self.dispatch.finished(message.job.id)
        job, event = self.book.unfinished.get(message.job.id), message.event
        if job is None or job.state is not message.job.state or event is None:
            return
        self.book.record(job, self.dispatch.named(job, event) if isinstance(event, Named) else event)
        self.lanes.proved(job, event)
        if message.blocked is not None:
            raise message.blocked

    def _written(self, job: Job, event: Event) -> None:
        """This happened to the job, and is durable: those who wait for it are told."""
        self._guarded(functools.partial(self._tell_of, job, event))
        if not job.unfinished:
            self.dispatch.forget(job.id)

    def _tell_of(self, job: Job, event: Event) -> None:
        inbox = self.inboxes.get(job.inbox)
        self._deletions.ordered(job, event)
        self._second_looks.ended(job, event, inbox)
        self._drafts.happened(job, event)
        self._holds.happened(job, event)
        self._endings.tell(job, event, None if inbox is None else inbox.route, self._plan.tell)
        if inbox is not None:
            inbox.written(job)
            if job.retired_at is not None and not job.lies_in_inbox:
                inbox.forget(job)

    def _look(self, message: messages.Look) -> None:
        if message.root == self._orders.folder:
            self._orders.look_soon()
        for inbox in self.inboxes.values():
            if inbox.route.inbox == message.root:
                inbox.look_soon()

    def _asker(self, message: messages.OfInbox) -> Arrivals | None:
        """The inbox that asked for this; None where a reload has replaced it."""
        return next((inbox for inbox in self.inboxes.values() if inbox is message.asker), None)

    def _inbox_listed(self, message: messages.InboxListed) -> None:
        if (inbox := self._asker(message)) is None:
            return
        problem = message.outcome.problem
        if isinstance(problem, errors.Blocked) and inbox.route.lane not in self._gone:
            self._gone.add(inbox.route.lane)
            log.error("inbox.lost", inbox=inbox.route.name, reason=problem.message)
        came_back = inbox.is_lost and problem is None
        if (look := message.outcome.result) is not None:
            self._second_looks.listed(inbox, look.listing.leaving)
        if inbox.looked(message, self._plan.accept_backlog_hours):
            self._resume(inbox.route.backlog_lane)
        if came_back:
            self.lanes.hurry(inbox.route.lane, now=self._clock.monotonic())

    # -- configuration, status, end ----------------------------------------------------------------------------------

    def _reload(self) -> None:
        self._host.notify(RELOADING="1")
        read, doing = self._host.read_plan, "reading the configuration"
        self._background.ask(self._background.state, read, messages.Reloaded, doing=doing)

    def _reloaded(self, message: messages.Reloaded) -> None:
        if (plan := message.outcome.result) is not None:
            self._adopt(plan)
            log.info("config.reloaded", inboxes=[route.name for route in plan.routes])
        elif (problem := message.outcome.problem) is not None:
            log.error("config.refused", reason=problem.message, hint="the old configuration stays in force")
            self.lanes.block(errors.refused_reload(problem), wall=self._clock.wall(), now=self._clock.monotonic())
        self._host.notify(READY="1")

    def _adopt(self, plan: Plan) -> None:
        """Work by this plan from now on; an inbox that is as it was keeps what is known of its files."""
        kept = kept_lanes(self._plan, plan, [inbox.route for inbox in self.inboxes.values()])
        for name in [lane.name for lane in self.lanes.all() if lane.name not in kept]:
            self._resume(name)
        self._guarded(functools.partial(self._holds.check_loss, plan))
        if plan.unusable is not None:
            self._block(plan.unusable)
        self._plan = plan
        self.book.rules = plan.rules
        self._news.adopt(plan)
        before, self.inboxes = self.inboxes, {}
        for route in plan.routes:
            if (old := before.get(route.name)) is not None and old.route == route:
                self.inboxes[route.name] = old
                continue
            context = (self.book, self._background, self._clock, self._host, self._sweeps)
            self.inboxes[route.name] = Arrivals(route, *context, state=self._orders.directory, routes=plan.routes)

    def _snapshot(self) -> status.Status:
        unfinished = self.book.unfinished
        shown = [*self.dispatch.in_flight, *itertools.islice(unfinished, status.MOST_JOBS)]
        self._guarded(functools.partial(unfinished.fetch, shown))
        known = status.snapshot(
            self._plan.client.base_url,
            self.book.journal.counts(),
            self.lanes.all(),
            [replace(each.status(), open_count=unfinished.count_of(name)) for name, each in self.inboxes.items()],
            unfinished.at_hand(shown),
            steps={number: step for number, (step, _) in self.dispatch.in_flight.items()},
            reason_of=self.dispatch.reason_of,
            far_of=lambda job: status.Far(self.dispatch.uploads.sent.get(job.id), self._polls.progress_of(job)),
        )
        month, asked = self._pages.month.status(self._plan), self._orders.questions.status()
        return replace(known, open_count=len(unfinished), month=month, questions=asked)

    def _leave(self) -> None:
        """Let go of the steps in flight: what they did by the deadline is written, the rest is free to be redone."""
        self._host.notify(STOPPING="1")
        self._stop.set()
        self._news.hurry()
        deadline = self._clock.monotonic() + GRACE_SECONDS
        while self._busy() and self._clock.monotonic() < deadline:
            take_in = functools.partial(self._take_in, deadline - self._clock.monotonic())
            self._guarded(functools.partial(self._together, [take_in]))
        for number in list(self.dispatch.in_flight):
            if (job := self.book.unfinished.get(number)) is not None and job.in_flight:
                self._guarded(functools.partial(self.book.record, job, Released("the daemon stopped")))
        self._guarded(functools.partial(self._together, [inbox.inspection.leave for inbox in self.inboxes.values()]))
        self._news.leave()
        self._deletions.leave()
        self._pages.month.hurry()
        self._heartbeat.last(self._snapshot())

    def _busy(self) -> bool:
        return bool(self.dispatch.in_flight or self._hooks.waiting or self._news.waiting or self._deletions.erasing)

    def _idle(self) -> bool:
        """True if nothing can move any more without a change in the world (for `run --once`)."""
        at_work = self.dispatch.in_flight or self._hooks.waiting or self._deletions.is_busy() or self._orders.is_busy()
        at_work = at_work or self._second_looks.is_late() or self._drafts.is_removing()
        if at_work or self.dispatch.next_at() == 0.0 or self.book.holds:
            return False
        open_routes = [inbox.route for inbox in self.inboxes.values() if not inbox.settled]
        return all(self.lanes.blocking((x.lane, x.backlog_lane)) for x in open_routes) and self.dispatch.all_wait()
