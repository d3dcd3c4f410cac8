"""Archived recordings are deleted after `archive_days`, where an inbox asks for that. By default none ever is.

The journal tells which are old, in the order in which they were put away, so no archive is listed. How far that went
is a fact of the journal: what was left, because it is not surely ours, is told once and not looked at again. A few are
done at a time, on a thread of their own. Our clock may be years ahead: what is old by it has to be so by AssemblyAI's.
"""

import functools
import json
import math
from collections.abc import Mapping
from urllib.parse import quote

import structlog

from transcribed import errors
from transcribed.assemblyai import AssemblyAI
from transcribed.job import Job, State, shown
from transcribed.journal import Transcripts
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.messages import ArchiveAged, Ended
from transcribed.worker.plan import Clock, Plan
from transcribed.worker.steps.aged import deleted

log = structlog.get_logger()

NOT_BEFORE = 1767225600.0  # 2026-01-01: this program is not older, so a clock that said less was wrong
SWEEP_SECONDS = 3600.0  # between two questions to the journal
REST_SECONDS = 1.0  # between two of them while there is more
SOME = 200  # jobs that are asked for at once, of whatever inbox
FEW = 10  # recordings that are read and deleted at once
_FACTS = "archive:"
_DAY_SECONDS = 86400.0
_Place = tuple[float, int]  # in the order in which recordings were put away: a time, and the number of a job


class Aging:
    """The archives that have a retention. All of it belongs to the loop's thread, but for the deleting itself."""

    def __init__(self, book: Book, kept: Transcripts, background: Background, clock: Clock) -> None:
        self._book = book
        self._kept = kept
        self._background = background
        self._clock = clock
        self._at: dict[str, float] = {}  # when the journal is asked next, by inbox (monotonic); not while deleting
        self._said: dict[str, str] = {}  # why an archive could not be worked in, by inbox

    def next_at(self) -> float | None:
        """The time of the next question (monotonic)."""
        return min(self._at.values(), default=None)

    def look_if_due(self, inboxes: Mapping[str, Arrivals], plan: Plan) -> None:
        """Begin the deletions that are due. Raises Blocked(state)."""
        now = self._clock.monotonic()
        self._at = {name: at for name, at in self._at.items() if name in inboxes}
        for name, inbox in inboxes.items():
            if inbox.route.archive_days and self._at.setdefault(name, now) <= now:
                self._begin(inbox, plan.client, now)

    def _begin(self, inbox: Arrivals, client: AssemblyAI, now: float) -> None:
        route, before = inbox.route, self._clock.wall() - inbox.route.archive_days * _DAY_SECONDS
        jobs = self._book.journal.search.put_away_between(self._read_to(route.name), before, SOME)
        self._at[route.name] = now + SWEEP_SECONDS
        if not jobs:
            return
        ours, place = _first_few(jobs, inbox)
        if not ours:
            self._done(route.name, place)
            return
        self._at[route.name] = math.inf  # until it has ended
        work = functools.partial(_delete, ours, inbox, client, self._clock, self._kept)
        answer = functools.partial(ArchiveAged, route.name, place)
        executor = self._background.executor(f"aging-{route.name}", 1)
        self._background.ask(executor, work, answer, doing="deleting old archived recordings", lane=route.lane)

    def heard(self, message: ArchiveAged, inboxes: Mapping[str, Arrivals]) -> None:
        """Some were deleted, or stay; or none could be looked at, and all are tried again. Raises Blocked(state)."""
        name, problem = message.inbox, message.outcome.problem
        self._at[name] = self._clock.monotonic() + SWEEP_SECONDS
        if problem is not None:
            if self._said.get(name) != problem.message:
                log.warning("archive.not_aged", inbox=name, reason=problem.message, hint=problem.hint)
            self._said[name] = problem.message
            return
        self._said.pop(name, None)
        for job, end in message.outcome.result or ():
            if isinstance(end, str):
                log.warning("archive.kept", job=job.id, inbox=name, file=shown(job.place or b""), reason=end)
            elif self._book.job(job.id) == job:
                self._book.record(job, end)
        self._done(name, message.upto)

    def _done(self, name: str, place: _Place) -> None:
        self._book.journal.remember({_fact(name): json.dumps(place)})
        self._at[name] = self._clock.monotonic() + REST_SECONDS

    def _read_to(self, name: str) -> _Place:
        at, number = json.loads(self._book.journal.facts(_fact(name)).get(_fact(name), f"[{NOT_BEFORE}, 0]"))
        return at, number


def _fact(name: str) -> str:
    return _FACTS + quote(name)


def _first_few(jobs: list[Job], inbox: Arrivals) -> tuple[list[Job], _Place]:
    """The first of them that lie in the archive of this inbox, and how far those go among all."""
    ours: list[Job] = []
    last = jobs[0]
    for last in jobs:
        is_archived = (last.place or b"").startswith(inbox.route.archive + b"/")
        if last.inbox == inbox.route.name and last.state is State.DELIVERED and is_archived:
            ours.append(last)
        if len(ours) == FEW:
            break
    return ours, (last.retired_at or 0.0, last.id)


def _delete(jobs: list[Job], inbox: Arrivals, client: AssemblyAI, clock: Clock, kept: Transcripts) -> list[Ended]:
    """Delete those that are old by AssemblyAI's clock too. Raises what keeps all of them from being looked at."""
    client.check()  # its answer says what time it is
    before = client.sent_at(clock.wall()) - inbox.route.archive_days * _DAY_SECONDS
    if any(job.retired_at is None or job.retired_at > before for job in jobs):
        raise errors.Transient("our clock is ahead of AssemblyAI's", hint="set it by NTP; nothing is deleted meanwhile")
    return [(job, deleted(job, inbox.route, inbox.anchors, kept)) for job in jobs]
