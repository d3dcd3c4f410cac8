"""The limits of what may be paid for in a day or a month: what reached one waits for the next, or for a person's word.

What was paid is read from the journal, once for each day and after a reload; what happens since is added. A recording
that is on its way counts with its own length, until the account says what it bills. So a limit is never passed by more
than the recordings that were under way when it was reached, and a restart changes nothing.
"""

import shlex
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import structlog

from transcribed import errors
from transcribed.job import Job, Sum, is_free
from transcribed.job.events import Event, Submitted, Transcribed
from transcribed.job.limits import Limits, Period, Spent
from transcribed.journal import day_begin, month_begin
from transcribed.worker.book import Book
from transcribed.worker.lanes import Lanes
from transcribed.worker.plan import Clock, Plan

log = structlog.get_logger()

_FACTS = "let:"  #: the beginning of the facts about limits that a person has let go; the value is the end of that


class Spending:
    """The sums of today and of this month. All of it belongs to the loop's thread; `resume` frees a lane."""

    def __init__(self, book: Book, lanes: Lanes, clock: Clock, resume: Callable[[str], None]) -> None:
        self._journal = journal = book.journal
        self._book = book
        self._lanes = lanes
        self._clock = clock
        self._resume = resume
        self._plan: Plan | None = None
        self._paid: dict[Period, dict[str, Sum]] = {}
        self._open: dict[int, Job] = {}  # submitted, and not billed yet
        self._ends: dict[Period, float] = {}  # of today and of this month, in seconds since the epoch
        self._let = {name.removeprefix(_FACTS): float(end) for name, end in journal.facts(_FACTS).items()}
        self._is_new = True  # something was paid, or let go, since the last look

    def happened(self, job: Job, event: Event) -> None:
        """This happened to the job, and is written."""
        if isinstance(event, Submitted):
            self._open[job.id] = job
        elif self._open.pop(job.id, None) is None:
            return
        elif isinstance(event, Transcribed) and event.billed_seconds is not None:
            self._add(job, event.billed_seconds)
        elif job.unfinished and job.transcript_id is not None:  # it waits still
            self._open[job.id] = job
        self._is_new = True

    def let(self, inbox: object) -> bool:
        """Let an inbox go on, or (None) all, until the day or the month ends whose limit is reached; False: none is.

        Raises Blocked(state).
        """
        held = [lane for lane in self._lanes.all() if lane.until and _is_of(lane.name, inbox)]
        let = {_word(period, x.name): end for x in held for period, end in self._ends.items() if x.until == end}
        self._journal.remember({_FACTS + word: f"{end:.0f}" for word, end in let.items()})
        self._let |= let
        self._is_new = True
        for lane in held:
            self._resume(lane.name)
        return bool(held)

    def look(self, plan: Plan, *, is_needed: bool) -> None:
        """Hold what has reached a limit, and let go of the rest. `is_needed`: a job is on its way.

        Raises Blocked(state).
        """
        now = self._clock.wall()
        if plan is not self._plan or now >= self._ends[Period.DAY]:
            self._read(plan, now)
        if not self._is_new and is_needed:
            return
        self._is_new = not is_needed
        under_way = self._under_way(plan)
        for lane, limits, inboxes in _limited(plan):
            found = self._reached(plan, lane, limits, inboxes, under_way) if is_needed and limits.any else None
            if found is None:
                self._resume(lane)
            elif self._lanes.hold(found[0], since=now, until=found[1]):
                log.info("lane.blocked", lane=lane, reason=found[0].message, hint=found[0].hint)

    def _read(self, plan: Plan, now: float) -> None:
        """Count from the journal what was paid for since the month began. Raises Blocked(state)."""
        self._ends = {Period.DAY: day_begin(now, days=1), Period.MONTH: month_begin(now, months=1)}
        self._plan, self._is_new = plan, True
        self._paid = {period: defaultdict(Sum) for period in Period}
        self._open = dict(self._book.submitted)
        today = time.strftime("%Y-%m-%d", time.localtime(now))
        for bill in self._journal.costs.of_month(now):
            for period in (Period.DAY, Period.MONTH) if bill.day == today else (Period.MONTH,):
                bill.add_to(self._paid[period][bill.inbox], plan.prices)

    def _add(self, job: Job, seconds: float) -> None:
        assert self._plan is not None
        price = self._plan.prices.per_hour(job.model, job.parameters)
        for period in Period:
            self._paid[period][job.inbox].add(1, 0, seconds, price, is_free=is_free(job.base_url, job.upload_url))

    def _reached(
        self, plan: Plan, lane: str, limits: Limits, inboxes: frozenset[str], under_way: Mapping[str, Sum]
    ) -> tuple[errors.Blocked, float] | None:
        """The block of a lane by the limit that is reached, and its end; None where none is, or it was let go."""
        for period in (Period.MONTH, Period.DAY):
            sums = [sums[name] for sums in (self._paid[period], under_way) for name in inboxes if name in sums]
            spent = Spent(sum(each.seconds for each in sums) / 3600, sum(each.money for each in sums))
            reason, end = limits.reached(period, spent, plan.currency), self._ends[period]
            if reason and self._let.get(_word(period, lane), 0.0) < end:
                return _limited_by(lane, reason, end), end
        return None

    def _under_way(self, plan: Plan) -> dict[str, Sum]:
        """The recordings that are submitted and not billed yet, by inbox, each with its own length."""
        sums: dict[str, Sum] = defaultdict(Sum)
        for job in self._open.values():
            price = plan.prices.per_hour(job.model, job.parameters)
            free = is_free(job.base_url, job.upload_url)
            sums[job.inbox].add(1, 1, job.duration_seconds or 0.0, price, is_free=free)
        return sums


def _word(period: Period, lane: str) -> str:
    """The name of a person's word that lets the limit of this period go on in a lane, and not that of the other."""
    return f"{period}:{lane}"


def _is_of(lane: str, inbox: object) -> bool:
    """True if a limit blocks this lane, of this inbox; None is any of them."""
    is_limit = lane == errors.LIMIT or lane.startswith(f"{errors.LIMIT}:")
    return is_limit if inbox is None else lane == f"{errors.LIMIT}:{inbox}"


def _limited(plan: Plan) -> Iterator[tuple[str, Limits, frozenset[str]]]:
    """Each lane that a limit may block, with its limit and the names of the inboxes that count for it."""
    yield errors.limit_lane(None), plan.limits, frozenset(route.name for route in plan.routes)
    for route in plan.routes:
        yield route.limit_lane, route.limits, frozenset({route.name})


def _limited_by(lane: str, reason: str, end: float) -> errors.Blocked:
    name = lane.removeprefix(errors.LIMIT).removeprefix(":")
    order = shlex.join(["transcribed", "accept", "--limits", *([name] if name else [])])
    return errors.Blocked(
        f"{reason}; it goes on at {time.strftime('%Y-%m-%d %H:%M', time.localtime(end))}",
        lane=lane,
        hint=f"who runs transcribed lets it go on at once by `{order}`",
        exit_status=errors.Exit.AGAIN,
        by_person=True,
    )
