"""The limits of what may be paid for in a day or a month: what reached one waits for the next, or for a person's word.

What was paid is read from the journal, once for each day and after a reload; what happens since is added. A recording
counts with its own length from the moment at which its submit starts, until the account says what it bills; and none is
submitted once a limit is reached. So a limit is passed by one recording at most, and by what the account finds to be
longer than its file says. A restart changes nothing. A question about a transcript costs money too: it counts from when
it is sent, also where nobody knows if it was paid.
"""

import shlex
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import structlog

from transcribed import errors
from transcribed.files import consents
from transcribed.job import Job, Sum, is_free
from transcribed.job.events import Event, Submitted, Transcribed
from transcribed.job.limits import Limits, Period, Reached, Spent
from transcribed.journal import QuestionBill, day_begin, month_begin
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.lanes import Lanes
from transcribed.worker.plan import Clock, Plan, Route

log = structlog.get_logger()

_FACTS = "let:"  #: the beginning of the facts about limits that a person has let go; the value is the end of that
#: People at the share answer for no share but theirs.
_OF_ALL = "it is the limit of all inboxes together: no file at the share lets it go"


class Spending:
    """The sums of today and of this month. All of it belongs to the loop's thread; `resume` frees a lane."""

    def __init__(self, book: Book, lanes: Lanes, clock: Clock, resume: Callable[[str], None]) -> None:
        self._journal = journal = book.journal
        self._book = book
        self._lanes = lanes
        self._clock = clock
        self.resume = resume
        self._plan: Plan | None = None
        self._paid: dict[Period, dict[str, Sum]] = {}
        self._open: dict[int, Job] = {}  # submitted, and not billed yet
        self._sent: dict[int, Job] = {}  # their submits have started, and it is not known yet if they were taken
        self._under_way: dict[str, Sum] = defaultdict(Sum)  # both of these, by inbox
        self._ends: dict[Period, float] = {}  # of today and of this month, in seconds since the epoch
        self._began = 0.0  # today
        self._let = {name.removeprefix(_FACTS): float(end) for name, end in journal.facts(_FACTS).items()}
        self._asked: dict[str, Reached] = {}  # the limit that holds a lane, by its name
        self._names: dict[str, str] = {}  # of inboxes that were renamed: the one before, and the one of now
        self._is_new = True  # something was paid, or let go, since the last look
        self.question_waits: bool | None = None  #: one is to be sent; None: not known yet

    def happened(self, job: Job, event: Event) -> None:
        """This happened to the job, and is written."""
        now = self._book.unfinished.get(job.id)  # its submit may have started since, in the same pass
        if (now is None or not now.doubtful) and self._sent.pop(job.id, None) is not None:
            self._is_new = True
        if isinstance(event, Submitted):
            self._open[job.id] = job
        elif self._open.pop(job.id, None) is None:
            return
        elif isinstance(event, Transcribed) and event.billed_seconds is not None:
            self._add(job, event.billed_seconds)
        elif job.unfinished and job.transcript_id is not None:  # it waits still
            self._open[job.id] = job
        self._is_new = True

    def may_submit(self, job: Job) -> bool:
        """True if no limit of this recording is reached by what was paid for, and what is on its way."""
        if self._plan is None:  # the journal could not be read yet
            return False
        mine = [each for each in _limited(self._plan) if each[1].any and (each[2] is None or each[2].name == job.inbox)]
        return not any(self._reached(limits, route) for _, limits, route in mine)

    def submits(self, job: Job) -> None:
        """The submit of this recording starts: it counts from now on."""
        if job.id not in self._sent and job.id not in self._open:
            self._sent[job.id] = job
            self._add_under_way(job)
            self._is_new = True

    def question_is(self, *, waiting: bool) -> None:
        """From now on a question is to be sent, or none is."""
        self._is_new = self._is_new or waiting is not self.question_waits
        self.question_waits = waiting

    def question_sent(self, question: QuestionBill) -> None:
        """A question is sent, and perhaps paid."""
        if self._plan is not None:
            for period in Period:
                question.add_to(self._paid[period][question.inbox], self._plan.prices)
        self._is_new = True

    def question_is_free(self) -> None:
        """A question was not paid after all: the sums are read from the journal again."""
        self._plan = None

    def let(self, inbox: object) -> bool:
        """Let an inbox go on, or (None) all, until the day or the month ends whose limit is reached; False: none is.

        Only the limits go that are reached now: another one of the same inbox is asked about by itself. Raises
        Blocked(state).
        """
        held = [lane.name for lane in self._lanes.all() if lane.name in self._asked and _is_of(lane.name, inbox)]
        let = {_word(self._asked[name].name, name): self._ends[self._asked[name].period] for name in held}
        self._journal.remember({_FACTS + word: f"{end:.0f}" for word, end in let.items()})
        self._let |= let
        self._is_new = True
        for name in held:
            self.resume(name)
        return bool(held)

    def asked(self, lane: str) -> set[str]:
        """The question that people at the share can answer while a limit of theirs holds this lane."""
        held = self._asked.get(lane)
        return set() if held is None or lane == errors.LIMIT else {self._question(held)}

    def accept(self, route: Route, question: str) -> str:
        """Let the limit of one inbox go that people at the share name; the reason why not, else empty.

        One that was let go before needs no other word. Raises Blocked(state).
        """
        if question in self.asked(route.limit_lane):
            self.let(route.name)
            return ""
        ends = {day: end for end in self._ends.values() for day in [_day(end)]}
        name, _, day = question.removeprefix("limit-").partition("-until-")
        if day in ends and self._is_let(name, route, ends[day]):
            return ""
        is_of_all = errors.LIMIT in self._asked and self._question(self._asked[errors.LIMIT]) == question
        return _OF_ALL if is_of_all else "no such limit of this inbox is reached now"

    def _question(self, held: Reached) -> str:
        return f"limit-{held.name}-until-{_day(self._ends[held.period])}"

    def look(self, plan: Plan, inboxes: Mapping[str, Arrivals], *, is_needed: bool) -> None:
        """Hold what has reached a limit, and let go of the rest. `is_needed`: a job is on its way.

        Raises Blocked(state).
        """
        if self.question_waits is None:
            self.question_waits = self._journal.questions.waiting() > 0
        now, is_needed = self._clock.wall(), is_needed or self.question_waits
        if plan is not self._plan or not self._began <= now < self._ends[Period.DAY]:  # a clock may be set back
            self._read(plan, now)
            self._names = {old: name for name, inbox in inboxes.items() for old in inbox.former}
        if not self._is_new and is_needed:
            return
        self._is_new = not is_needed
        self._under_way = defaultdict(Sum)
        is_limited = any(limits.any for _, limits, _ in _limited(plan))
        for job in (self._open | self._sent).values() if is_limited else ():  # thousands may be under way
            self._add_under_way(job)
        for lane, limits, route in _limited(plan):
            found = self._reached(limits, route) if is_needed and limits.any else None
            if found is None:
                self._asked.pop(lane, None)
                self.resume(lane)
            else:
                self._hold(lane, found, route, now)

    def _hold(self, lane: str, found: Reached, route: Route | None, now: float) -> None:
        self._asked[lane] = found
        end, ways = self._ends[found.period], _who_lets_go(route, self._question(found))
        held = errors.Blocked(
            f"{found.told}; it goes on at {time.strftime('%Y-%m-%d %H:%M', time.localtime(end))}",
            lane=lane,
            hint=ways,
            exit_status=errors.Exit.AGAIN,
            by_person=True,
        )
        if self._lanes.hold(held, since=now, until=end):
            log.info("lane.blocked", lane=lane, reason=held.message, hint=held.hint)

    def _read(self, plan: Plan, now: float) -> None:
        """Count from the journal what was paid for since the month began. Raises Blocked(state)."""
        bills = list(self._journal.costs.of_month(now))  # nothing is changed where it cannot be read
        self._began = day_begin(now)
        self._ends = {Period.DAY: day_begin(now, days=1), Period.MONTH: month_begin(now, months=1)}
        self._plan, self._is_new = plan, True
        self._paid = {period: defaultdict(Sum) for period in Period}
        self._open = dict(self._book.submitted)
        self._sent = {job.id: job for job in self._book.unfinished.moving() if job.doubtful}
        today = time.strftime("%Y-%m-%d", time.localtime(now))
        for bill in bills:
            for period in (Period.DAY, Period.MONTH) if bill.day == today else (Period.MONTH,):
                bill.add_to(self._paid[period][bill.inbox], plan.prices)

    def _add(self, job: Job, seconds: float) -> None:
        if self._plan is None:  # it is read from the journal
            return
        price = self._plan.prices.per_hour(job.model, job.parameters)
        for period in Period:
            self._paid[period][job.inbox].add(1, 0, seconds, price, is_free=is_free(job.base_url, job.upload_url))

    def _reached(self, limits: Limits, route: Route | None) -> Reached | None:
        """The limit of an inbox, or (None) of all, that is reached; None where none is, or each was let go."""
        assert self._plan is not None
        for period in (Period.MONTH, Period.DAY):
            pairs = [pair for sums in (self._paid[period], self._under_way) for pair in sums.items()]
            sums = [each for name, each in pairs if route is None or route.name == self._names.get(name, name)]
            money = sum(each.money + each.perhaps_money for each in sums)
            spent = Spent(sum(each.seconds for each in sums) / 3600, money)
            for found in limits.reached(period, spent, self._plan.currency):
                if not self._is_let(found.name, route, self._ends[period]):
                    return found
        return None

    def _is_let(self, limit: str, route: Route | None, end: float) -> bool:
        """True if a person let this limit go until then: a word is for its day or month only, and outlives a name."""
        names = (
            [None] if route is None else [route.name, *(old for old, now in self._names.items() if now == route.name)]
        )
        return any(self._let.get(_word(limit, errors.limit_lane(name))) == end for name in names)

    def _add_under_way(self, job: Job) -> None:
        """Count a recording that is not billed yet, with its own length."""
        assert self._plan is not None
        price = self._plan.prices.expected(job.model, job.parameters)
        free = is_free(job.base_url, job.upload_url)
        self._under_way[job.inbox].add(1, 1, job.duration_seconds or 0.0, price, is_free=free)


def _word(limit: str, lane: str) -> str:
    """The name of a person's word that lets this limit go on in a lane, and no other one."""
    return f"{limit}:{lane}"


def _day(end: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(end))


def _is_of(lane: str, inbox: object) -> bool:
    """True if a limit blocks this lane, of this inbox; None is any of them."""
    is_limit = lane == errors.LIMIT or lane.startswith(f"{errors.LIMIT}:")
    return is_limit if inbox is None else lane == f"{errors.LIMIT}:{inbox}"


def _limited(plan: Plan) -> Iterator[tuple[str, Limits, Route | None]]:
    """Each lane that a limit may block, its limit, and the inbox that it is of.

    Without an inbox it is that of all: also of those that have left the configuration, or have another name now.
    """
    yield errors.limit_lane(None), plan.limits, None
    for route in plan.routes:
        yield route.limit_lane, route.limits, route


def _who_lets_go(route: Route | None, question: str) -> str:
    """The ways to let the limit of an inbox go, or (None) that of all: by a command, and of one inbox at the share."""
    order = shlex.join(["transcribed", "accept", "--limits", *([route.name] if route else [])])
    by_order = f"who runs transcribed lets it go on at once by `{order}`"
    if route is None:
        return f"{by_order}; {_OF_ALL}"
    return (
        f"{by_order}; or {consents.told(consents.to_held(question), route.name)}" if route.accept_at_share else by_order
    )
