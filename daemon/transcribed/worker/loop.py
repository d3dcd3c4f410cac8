"""The loop: what arrives is taken in, what is due is begun, and then it waits exactly as long as nothing is due.

All that happens to the daemon comes through the mailbox. The loop's thread alone writes the journal; it does no other
I/O.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

import structlog

from transcribed import errors
from transcribed.job import Job, State
from transcribed.job.events import Named, Released
from transcribed.journal import Journal
from transcribed.worker import status
from transcribed.worker.arrivals import Arrivals
from transcribed.worker.book import Book
from transcribed.worker.dispatch import CALLS, Dispatch
from transcribed.worker.hooks import Hooks
from transcribed.worker.kept import Kept
from transcribed.worker.lanes import Lanes, problem_of
from transcribed.worker.news import News
from transcribed.worker.notices import Notices
from transcribed.worker.orders import Orders
from transcribed.worker.plan import (
    Aged,
    Clock,
    Done,
    Erased,
    Hooked,
    Host,
    Look,
    Looked,
    Mailbox,
    Ordered,
    Plan,
    Polled,
    Probed,
    Reload,
    Reloaded,
    Stop,
    Surveyed,
    Told,
    Tried,
)
from transcribed.worker.polls import Polls
from transcribed.worker.rebuild import unaccepted
from transcribed.worker.remains import Remains

log = structlog.get_logger()

GRACE_SECONDS = 8.0  # for the steps in flight at a stop; with what follows it is within the 10 s that were promised
LAST_WORD_SECONDS = 1.0
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
        self._plan = plan
        self._host = host
        self._mailbox = mailbox
        self._clock = clock
        self._stop, self._stopping = stop, False
        self.lanes = Lanes()
        self.book = Book(journal, clock, plan.rules, self._put_away)
        self._state_executor = host.executor("state", 1)
        self._calls = host.executor("api", CALLS + 2)  # a poll and a probe beside the steps
        self._orders = Orders(directory, self._state_executor, mailbox, clock)
        kept = Kept(directory)
        self.dispatch = Dispatch(self.book, self.lanes, kept, mailbox, clock, self._calls, executors=host.executor)
        self._polls = Polls(mailbox, clock, self._calls)
        self._hooks = Hooks(host.executor("hooks", 1), mailbox, stop)
        self._remains = Remains(
            self.book, self.lanes, kept, mailbox, clock, calls=self._calls, state=self._state_executor
        )
        self._news = News(plan, host, mailbox, clock)
        self.inboxes: dict[str, Arrivals] = {}
        self._gone: set[str] = set()  # lanes of inboxes that could not be listed
        self._report = status.Report(clock)
        self._notices = Notices(clock)
        self._handlers = self._by_message()

    def _by_message(self) -> dict[type, Callable[[Any], None]]:
        """What is done about each kind of message."""
        return {
            Aged: self._remains.aged,
            Done: self._done,
            Erased: self._remains.erased,
            Hooked: lambda _: self._hooks.ended(),
            Look: self._look,
            Looked: self._looked,
            Ordered: lambda m: self._orders.obey(m, self),
            Polled: self._polled,
            Probed: self._looked_into,
            Reload: self._reload,
            Reloaded: self._reloaded,
            Stop: self._stop_now,
            Surveyed: self._looked_into,
            Told: self._news.told,
            Tried: self._tried,
        }

    def run(self, *, once: bool = False) -> int:
        """Work until Stop arrives or, `once`, until nothing is left that could move; the exit status."""
        self._guarded(self.book.recover)
        self._adopt(self._plan)
        self._host.watch(self._orders.folder)
        self._host.notify(READY="1")
        while not self._stopping:
            self._guarded(self._tend)
            self._tell()
            if once and self._idle():
                break
            self._take_in(self._wait_seconds())
        self._leave()
        return self._verdict() if once else 0

    # -- what is due -------------------------------------------------------------------------------------------------

    def _tend(self) -> None:
        """Begin everything that is due."""
        for lane in self.lanes.due(self._clock.monotonic()):
            self._probe(lane.name)
        for inbox in self.inboxes.values():
            self._guarded(inbox.look_if_due)
        self._orders.look_if_due()
        self._polls.look_if_due(self._waiting(), self._plan)
        self.dispatch.start(self._plan, self.inboxes)
        self._notices.keep(self.lanes, self.inboxes)
        self._remains.look_if_due(self._plan)
        self._news.look(self.lanes)

    def _waiting(self) -> list[Job]:
        """The transcripts that this account can be asked about now."""
        if self.lanes.blocking((errors.STATE, errors.API)) is not None:
            return []
        here = (None, self._plan.client.base_url)
        return [job for job in self.book.in_state(State.SUBMITTED) if job.base_url in here]

    def _probe(self, name: str) -> None:
        """Try a blocked lane by a GET or a small write, never by a job."""
        inbox = next((x for x in self.inboxes.values() if x.route.lane == name), None)
        if name.startswith("inbox:") and inbox is None:
            self.lanes.resume(name, now=self._clock.monotonic())
            return
        self.lanes.probing(name)
        if name == errors.STATE:
            self._tried(Tried(name, problem_of(self.book.journal.touch, name)))  # the journal is the loop's alone
        elif inbox is not None:
            inbox.executor.submit(lambda: self._mailbox.put(Tried(name, problem_of(inbox.folders.check, name))))
        else:
            check = self._plan.client.check
            self._calls.submit(lambda: self._mailbox.put(Tried(name, problem_of(check, name))))

    def _wait_seconds(self) -> float:
        """Until the next thing is due."""
        now = self._clock.monotonic()
        at = [inbox.next_at() for inbox in self.inboxes.values()]
        at += [self.lanes.next_at(), self._orders.look_at, self._polls.next_at(self._waiting(), self._plan)]
        at += [self._news.next_at(), self._remains.next_at(self._plan)]
        waits = [x - now for x in at if x is not None]
        waits += [x for x in [self._report.next_at() - now] if x > 0]
        wall = self._clock.wall()
        held = {*self.dispatch.in_flight, *self.dispatch.waits}
        waits += [x.due_at - wall for x in self.book.open.values() if x.id not in held and x.due_at > wall]
        return max(0.01, min([*waits, LONGEST_WAIT_SECONDS]))

    # -- what arrives ------------------------------------------------------------------------------------------------

    def _take_in(self, timeout: float) -> None:
        """Wait for a message and handle it, with all that came with it."""
        try:
            while True:
                message = self._mailbox.get(timeout=timeout)
                self._guarded(lambda m=message: self._handlers[type(m)](m))  # type: ignore[misc]
                timeout = 0.0
        except queue.Empty:
            return

    def _guarded(self, action: Callable[[], None]) -> None:
        """What is found blocked blocks its lane."""
        try:
            action()
        except errors.Blocked as error:
            self._block(error)

    def _block(self, error: errors.Blocked) -> None:
        if self.lanes.block(error, wall=self._clock.wall(), now=self._clock.monotonic()):
            log.error("lane.blocked", lane=error.lane, reason=error.message, hint=error.hint)

    def resume(self, name: str) -> None:
        """A lane is free again: what was held is written, and what may have come meanwhile is looked for."""
        lane = self.lanes.resume(name, now=self._clock.monotonic())
        if lane is None:
            return
        event = "inbox.found" if name in self._gone else "lane.resumed"
        self._gone.discard(name)
        log.info(event, lane=name, blocked_seconds=round(self._clock.wall() - lane.since, 1))
        self.book.unblocked()
        if name == errors.STATE:
            for number in self.book.save_held():
                self.dispatch.finished(number)
        for inbox in self.inboxes.values():
            inbox.look_soon()

    def _tried(self, message: Tried) -> None:
        if message.problem is None:
            self.resume(message.lane)
        else:
            self.lanes.still(message.lane, message.problem, now=self._clock.monotonic())

    def _done(self, message: Done) -> None:
        """What came of a step. A job that changed meanwhile (a person cancelled it) has no use for it."""
        job = self.book.open.get(message.job.id)
        event = message.event
        if job is None or job.state is not message.job.state or event is None:
            self.dispatch.finished(message.job.id)
            return
        if isinstance(event, Named) and event.number in self.book.numbers_taken(event.stem, job.id):
            self.dispatch.clashes.setdefault(job.id, set()).add(event.number)
            event = Released("another job took the number first")
        elif isinstance(event, Named):
            self.dispatch.clashes.pop(job.id, None)
        changed = self.book.record(job, event)
        self.dispatch.finished(job.id)
        self._tell_inbox(changed, event)
        if message.blocked is not None:
            raise message.blocked

    def _put_away(self, job: Job) -> None:
        """A job's recording was put away, and that is written."""
        self._news.ended(job, self.book.journal)
        if (inbox := self.inboxes.get(job.inbox)) is not None:
            self._hooks.tell(job, inbox.route, self.book.journal)

    def _tell_inbox(self, job: Job, event: object) -> None:
        inbox = self.inboxes.get(job.inbox)
        if inbox is not None and (job.withdrawn or (job.retired_at is not None and job.place is not None)):
            inbox.forget(job)

    def _look(self, message: Look) -> None:
        if message.root == self._orders.folder:
            self._orders.look_soon()
        for inbox in self.inboxes.values():
            if inbox.route.inbox == message.root:
                inbox.look_soon()

    def _asker(self, message: Looked | Surveyed | Probed) -> Arrivals | None:
        """Who asked for this; None where a reload has replaced him."""
        return next((inbox for inbox in self.inboxes.values() if inbox is message.asker), None)

    def _looked(self, message: Looked) -> None:
        if (inbox := self._asker(message)) is None:
            return
        if isinstance(message.problem, errors.Blocked) and inbox.route.lane not in self._gone:
            self._gone.add(inbox.route.lane)
            log.error("inbox.lost", inbox=inbox.route.name, reason=message.problem.message)
        came_back = inbox.is_lost and message.problem is None
        inbox.looked(message)
        if came_back:
            self.lanes.hurry(inbox.route.lane, now=self._clock.monotonic())

    def _looked_into(self, message: Surveyed | Probed) -> None:
        inbox = self._asker(message)
        if inbox is not None and isinstance(message, Surveyed):
            inbox.surveyed(message, self._plan)
        elif inbox is not None and isinstance(message, Probed):
            inbox.probed(message)

    def _polled(self, message: Polled) -> None:
        self.dispatch.ended |= self._polls.heard(message, self._waiting())

    # -- configuration, status, end ----------------------------------------------------------------------------------

    def _reload(self, _message: Reload) -> None:
        self._host.notify(RELOADING="1")
        self._state_executor.submit(self._read_plan)

    def _read_plan(self) -> None:
        """On the state's thread: the configuration, read again."""
        try:
            self._mailbox.put(Reloaded(self._host.read_plan()))
        except errors.TranscribedError as error:
            self._mailbox.put(Reloaded(None, error))

    def _reloaded(self, message: Reloaded) -> None:
        if message.plan is None:
            assert message.problem is not None
            log.error("config.refused", reason=message.problem.message, hint="the old configuration stays in force")
        else:
            self._adopt(message.plan)
            log.info("config.reloaded", inboxes=[route.name for route in message.plan.routes])
        self._host.notify(READY="1")

    def _adopt(self, plan: Plan) -> None:
        """Work by this plan from now on; an inbox that is as it was keeps what is known of its files."""
        if (
            plan.client.key_fingerprint != self._plan.client.key_fingerprint
            or plan.client.base_url != self._plan.client.base_url
        ):
            for name in (errors.API, errors.SUBMIT):
                self.resume(name)
        self._guarded(self._hold_after_loss)
        self._plan = plan
        self.book.rules = plan.rules
        self._news.adopt(plan)
        before, self.inboxes = self.inboxes, {}
        for route in plan.routes:
            if (old := before.get(route.name)) is not None and old.route == route:
                self.inboxes[route.name] = old
                continue
            self.resume(route.parameters_lane)
            executor = old.executor if old is not None else self._host.executor(f"inbox-{route.name}", 1)
            self.inboxes[route.name] = Arrivals(route, self.book, executor, self._mailbox, self._clock, self._host)

    def _hold_after_loss(self) -> None:
        """A journal that may not know of all that was paid for submits nothing until a person accepts it."""
        if loss := self.book.journal.loss():
            raise unaccepted(loss)

    def _tell(self) -> None:
        """Keep the host informed: alive at each pass, and the status when it changed or grew old."""
        self._host.notify(WATCHDOG="1")
        snapshot = self._report.due(self._snapshot)
        if snapshot is not None:
            self._host.notify(STATUS=status.line(snapshot))
            self._state_executor.submit(lambda: self._host.publish(snapshot))

    def _snapshot(self) -> dict[str, Any]:
        return status.snapshot(self._plan, self.book, self.lanes, self.dispatch, self.inboxes)

    def _stop_now(self, _message: Stop) -> None:
        self._stopping = True

    def _leave(self) -> None:
        """Let go of the steps in flight: what they did by the deadline is written, the rest is free to be redone."""
        self._host.notify(STOPPING="1")
        self._stopping = True
        self._stop.set()
        self._news.hurry()
        deadline = self._clock.monotonic() + GRACE_SECONDS
        while self._busy() and self._clock.monotonic() < deadline:
            self._take_in(deadline - self._clock.monotonic())
        for number in list(self.dispatch.in_flight):
            if (job := self.book.open.get(number)) is not None and job.in_flight:
                self._guarded(lambda job=job: self._let_go(job))  # type: ignore[misc]
        self._news.leave()
        said, snapshot = threading.Event(), self._report.now(self._snapshot())
        self._state_executor.submit(lambda: self._say_last(snapshot, said))
        said.wait(LAST_WORD_SECONDS)  # after a status that is being written still: its temporary must not stay

    def _busy(self) -> bool:
        return bool(self.dispatch.in_flight or self._hooks.waiting or self._news.waiting or self._remains.erasing)

    def _say_last(self, snapshot: dict[str, Any], said: threading.Event) -> None:
        """On the state's thread: a last word that a full disk does not take is no reason to stop unwell."""
        with contextlib.suppress(OSError):
            self._host.publish(snapshot)
        said.set()

    def _let_go(self, job: Job) -> None:
        self.book.record(job, Released("the daemon stopped"))

    def _idle(self) -> bool:
        """Whether nothing is left that could move without a change in the world (for `run --once`)."""
        if self.dispatch.in_flight or self._hooks.waiting or self._remains.is_busy(self._plan):
            return False
        for inbox in self.inboxes.values():
            if not inbox.settled and self.lanes.blocking((inbox.route.lane,)) is None:
                return False
        return all(job.id in self.dispatch.waits for job in self.book.open.values())

    def _verdict(self) -> int:
        """How `run --once` ended: 0 all delivered, 1 some failed, else why it is blocked."""
        blocked = self.lanes.all()
        if blocked:
            return blocked[0].exit_status
        if self.book.open:
            return 75
        return 1 if self.book.failures else 0
