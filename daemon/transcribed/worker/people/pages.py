"""The page in each outbox, for people who have only the share: `_transcribed.html`.

It is written on the inbox's thread, at most each few seconds and only where it would show something else; while there
is work, also each ten minutes, so that an old page tells of a daemon that is silent. A file of that name that is not
ours stays as it is. Nothing waits for a page that cannot be written: the notice, the status and the log say the same.
"""

import contextlib
import functools
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from transcribed import errors, files, overview
from transcribed.folders import Anchors
from transcribed.job import Job, State, Sum, shown
from transcribed.journal import Journal, Transcripts
from transcribed.worker.access import access_of
from transcribed.worker.background import Background
from transcribed.worker.indexing import Indexing
from transcribed.worker.outputs import outputs
from transcribed.worker.people.amounts import QuestionsForPerson, how_to_ask_again, lasting, questions
from transcribed.worker.people.month import Month
from transcribed.worker.people.outbox_notice import Inbox, concerned, reason_at_share
from transcribed.worker.people.search_pages import NAME as SEARCH_PAGE
from transcribed.worker.people.search_pages import SearchPages, put
from transcribed.worker.people.searching import Searching
from transcribed.worker.people.status import UNSETTLED, JobStatus, LaneStatus, Status
from transcribed.worker.plan import Clock, Plan, Route

NAME = b"_transcribed.html"
MARK = files.Mark("overview", ())
QUICKEST_SECONDS = 5.0
STEADY_SECONDS = 600.0  # well below overview.SILENT_MINUTES
MOST = 20  # recordings that ended, of each inbox
_REMEMBERED_SECONDS = 30 * 86400.0


@dataclass(slots=True)
class _Written:
    """A page as it was written and last looked at, at monotonic times; `shown` is None where there is none.

    `has_failed` is set by the inbox's thread.
    """

    shown: overview.Overview | None
    at: float
    looked_at: float
    looked: Status
    has_failed: bool = False


class Pages:
    """The pages of all outboxes. All of it belongs to the loop's thread; the inboxes' threads write."""

    def __init__(self, journal: Journal, kept: Transcripts, background: Background, clock: Clock) -> None:
        self._journal = journal
        self._background = background
        self._clock = clock
        self._status: Status | None = None
        self._ended: dict[str, dict[int, Job]] = {}  # the last of each inbox that was read
        self._written: dict[bytes, _Written] = {}
        self.month = Month(journal, clock)
        self.search = Searching(Indexing(kept, background, clock), SearchPages(journal, kept, background, clock))

    def show(self, status: Status) -> None:
        """Let the pages show this from now on."""
        self._status = status

    def heard(self, job: Job) -> None:
        """Something happened to this job, and is written."""
        self.month.changed()
        self.search.pages.heard(job)
        of_inbox = self._ended.get(job.inbox)
        if of_inbox is None:
            return
        of_inbox.pop(job.id, None)
        if job.state in (State.DELIVERED, State.FAILED):
            of_inbox[job.id] = job
            while len(of_inbox) > MOST:
                del of_inbox[next(iter(of_inbox))]

    def keep(self, plan: Plan, inboxes: Iterable[Inbox]) -> None:
        """Bring each outbox's page up to date. Raises Blocked(state)."""
        if self._status is None:
            return
        sharing: dict[bytes, list[Inbox]] = defaultdict(list)
        for inbox in inboxes:
            sharing[inbox.route.outbox].append(inbox)
        for users in sharing.values():
            if all(user.looked_at is not None and not user.anchors.is_anothers for user in users):
                self._keep_one(plan, self._status, users)
                self.search.pages.keep(users)

    def _keep_one(self, plan: Plan, status: Status, users: Sequence[Inbox]) -> None:
        route, now = users[0].route, self._clock.monotonic()
        before = self._written.get(route.outbox)
        if before is not None and (now - before.looked_at < QUICKEST_SECONDS or before.looked is status):
            return
        routes = [user.route for user in users if user.route.page]
        fresh = self._overview(plan, status, routes) if routes else None
        is_old = fresh is not None and fresh.is_busy and before is not None and now - before.at >= STEADY_SECONDS
        if before is not None and fresh == before.shown and not is_old and not before.has_failed:
            before.looked_at, before.looked = now, status
        else:
            written = self._written[route.outbox] = _Written(fresh, now, now, status)
            page = None if fresh is None else _page(fresh, self._clock.wall())
            write = functools.partial(_write, route, users[0].anchors, page, written)
            self._background.do(users[0].executor, write, doing="writing the page in the outbox")

    def _overview(self, plan: Plan, status: Status, routes: Sequence[Route]) -> overview.Overview:
        names = [route.name for route in routes]
        here = {lane.reason: reason_at_share(lane.lane, lane.reason, lane.again_at) for lane in status.blocked}
        mine = (row for row in status.open if row.inbox in names)
        rows = [replace(row, reason=here.get(row.reason, row.reason)) for row in mine]
        lanes = concerned(routes) | {errors.CONFIGURATION}
        ended = sorted(self._of(names), key=lambda job: job.changed_at, reverse=True)
        outbox = routes[0].outbox
        return overview.Overview(
            title=f"Transcripts: {', '.join(names)}",
            blocks=[_block(lane) for lane in status.blocked if lane.lane in lanes],
            under_way=[_row(row) for row in rows],
            open_count=sum(inbox.open_count for inbox in status.inboxes if inbox.name in names),
            lying=[*_lying(status, names)],
            failed=[_failed(job) for job in ended if job.state is State.FAILED],
            delivered=[_delivered(job, outbox) for job in ended if job.state is State.DELIVERED][:MOST],
            month=self._month(plan, names),
            may_ask=any(route.accept_at_share and not route.is_free for route in routes),
            search_page=os.fsdecode(SEARCH_PAGE) if any(route.search_page for route in routes) else "",
            asked=[*self._asked(status, names)],
            asked_count=sum(each.count for each in self._for_person(status, names)),
        )

    def _for_person(self, status: Status, names: Sequence[str]) -> Iterator[QuestionsForPerson]:
        asked, now = [] if status.questions is None else status.questions.for_person, self._clock.wall()
        return (each for each in asked if each.inbox in names and each.is_for_share(now))

    def _asked(self, status: Status, names: Sequence[str]) -> Iterator[overview.Row]:
        for of_inbox in self._for_person(status, names):
            for each in of_inbox.newest:
                yield overview.Row(each.file, each.words, how_to_ask_again([each.job]), _at(each.since))

    def _of(self, names: Sequence[str]) -> Iterator[Job]:
        for name in names:
            if name not in self._ended:
                since = self._clock.wall() - _REMEMBERED_SECONDS
                last = self._journal.search.put_away_since(since, MOST, inbox=name)
                self._ended[name] = {job.id: job for job in sorted(last, key=lambda job: job.changed_at)}
            yield from self._ended[name].values()

    def _month(self, plan: Plan, names: Sequence[str]) -> overview.Month:
        now = time.localtime(self._clock.wall())
        hours, sum_ = [0.0] * now.tm_mday, Sum()
        for bill in self.month.bills():
            day, of_day = int(bill.day[-2:] or 0), Sum()
            if bill.inbox in names and 0 < day <= now.tm_mday:
                bill.add_to(of_day, plan.prices)
                hours[day - 1] += (of_day.seconds + of_day.free_seconds) / 3600
                sum_.include(of_day)
        money = f"{sum_.money:.2f} {plan.currency}" if sum_.money else ""
        asked = questions(sum_.questions) if sum_.questions else ""
        return overview.Month(time.strftime("%B %Y", now), tuple(round(each, 3) for each in hours), money, asked)


def _block(lane: LaneStatus) -> overview.Block:
    again = f"It goes on at about {_at(lane.again_at)}." if lane.asked and lane.again_at is not None else ""
    reason = reason_at_share(lane.lane, lane.reason, lane.again_at)
    return overview.Block(_at(lane.since), reason, lane.hint, again)


def _row(row: JobStatus) -> overview.Row:
    again = f"; it is tried again at {_at(row.due_at)}" if row.reason and row.due_at > row.since else ""
    return overview.Row(row.file, f"{row.words}{again}", row.hint, f"since {_at(row.since)}", row.sent_percent)


def _lying(status: Status, names: Sequence[str]) -> Iterator[overview.Row]:
    for inbox in status.inboxes:
        if inbox.name in names:
            yield from (overview.Row(row.file, UNSETTLED.get(row.why, row.why)) for row in inbox.unsettled)
            yield from (overview.Row(row.file, f"not taken: {row.why}") for row in inbox.passed_over)
            yield from (overview.Row(problem, "") for problem in inbox.problems)


def _failed(job: Job) -> overview.Row:
    return overview.Row(shown(job.path), job.reason, job.hint, _at(job.changed_at))


def _delivered(job: Job, outbox: bytes) -> overview.Delivered:
    paths = [path.removeprefix(outbox + b"/") for path in outputs(job) if path.startswith(outbox + b"/")]
    links = [(os.fsdecode(os.path.splitext(path)[1][1:]), os.fsdecode(path)) for path in paths]
    length = "" if job.duration_seconds is None else lasting(job.duration_seconds / 3600)
    return overview.Delivered(shown(job.path), _at(job.changed_at), tuple(links), length)


def _at(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _page(shown_now: overview.Overview, at: float) -> bytes:
    return overview.html(shown_now, written_at=at, written=_at(at))


def _write(route: Route, anchors: Anchors, page: bytes | None, written: _Written) -> None:
    """On the inbox's thread: put the page there, or take it back; not in a folder that is not the remembered one."""
    try:
        with contextlib.suppress(files.NameTaken), anchors.opened(route.outbox) as root:
            put(root, os.path.join(route.outbox, NAME), MARK, page, access_of(route))
    except (OSError, errors.TranscribedError):
        written.has_failed = True
