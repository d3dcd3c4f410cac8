"""Recordings that were put away are looked at again for some minutes, and not longer, so that disks may sleep.

The looks come at growing distances, for all recordings of an inbox together, on a thread of their own. Nothing is
written for one that finds nothing. The journal has when each was put away, so a restart within those minutes goes on.
"""

import functools
import os
from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import structlog

from transcribed import errors
from transcribed.files import leaves_for
from transcribed.job import Fingerprint, Job, State, is_link, shown
from transcribed.job.events import Altered, Event, Retired, Returned
from transcribed.journal import Transcripts
from transcribed.worker.aging import Aging
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.messages import ArchiveAged, LookedAgain, LookedClosely, PutAway
from transcribed.worker.plan import Clock, Plan
from transcribed.worker.steps import leaving
from transcribed.worker.steps.afterwards import look_closely, other_than_they_were

log = structlog.get_logger()

AFTER_SECONDS = (20.0, 60.0, 180.0, 600.0)  # since it was put away; chosen: writers were seen to pause for 75 s
MOST = 10_000  # of one inbox; of more, the oldest are looked at no more
ONCE_SECONDS = 3600.0  # in so long a time a recording comes back once
TOGETHER_SECONDS = 5.0  # a look takes all that are due by then
LATE_SECONDS = 60.0  # one that is leaving, and was to be looked at so long ago, is taken up again


@dataclass(slots=True)
class _Watched:
    """The recordings of one inbox: for each distance those that wait for that look, with its time (monotonic)."""

    stages: tuple[deque[tuple[float, PutAway]], ...] = field(
        default_factory=lambda: tuple(deque() for _ in AFTER_SECONDS)
    )
    asking: bool = False
    rested_at: float = 0.0

    def add(self, recording: PutAway, since: float, now: float) -> float:
        """Look at it next at the first distance that is still to come; that time.

        Too late for all of them: no more, but for one that is leaving, which is looked at now.
        """
        stages = zip(self.stages, AFTER_SECONDS, strict=True)
        at, stage = next(((since + after, stage) for stage, after in stages if since + after > now), (now, None))
        if stage is not None:
            stage.append((at, recording))
        elif recording.leaving:
            self.stages[-1].appendleft((at, recording))
        if sum(map(len, self.stages)) > MOST:
            next(stage for stage in reversed(self.stages) if stage).popleft()
        return at

    def due(self, now: float) -> list[tuple[float, PutAway]]:
        """Those whose look is due, each with the time since when it is put away; they are in no line any more."""
        due = []
        for stage, after in zip(self.stages, AFTER_SECONDS, strict=True):
            while stage and stage[0][0] <= now:
                at, recording = stage.popleft()
                due.append((at - after, recording))
        return due

    def next_at(self) -> float | None:
        """The time of the next look; None where there is none, or one is on its way."""
        at = min((stage[0][0] for stage in self.stages if stage), default=None)
        return None if at is None or self.asking else max(at, self.rested_at)


class SecondLooks:
    """The looks of all inboxes. All of it belongs to the loop's thread; the folders are asked on others."""

    def __init__(self, book: Book, kept: Transcripts, background: Background, clock: Clock) -> None:
        self._aging = Aging(book, kept, background, clock)
        self._book = book
        self._background = background
        self._clock = clock
        self._of: dict[str, _Watched] = defaultdict(_Watched)
        self._is_new = True
        self._returned: dict[tuple[str, bytes], float] = {}  # when (monotonic) one came back, by inbox and path
        self._leaving: dict[str, dict[bytes, float]] = defaultdict(dict)  # their next looks, by inbox and hidden path

    def ended(self, job: Job, event: Event, inbox: Arrivals | None) -> None:
        """This happened to the job: where its recording was put away, or is kept, it is looked at again."""
        if isinstance(event, Retired) and inbox is not None:
            self._watch(job, inbox, self._clock.monotonic())

    def next_at(self) -> float | None:
        """The time of the next look (monotonic)."""
        times = (self._aging.next_at(), *(each.next_at() for each in self._of.values()))
        return min((at for at in times if at is not None), default=None)

    def look_if_due(self, inboxes: Mapping[str, Arrivals], plan: Plan) -> None:
        """Begin the looks that are due; the first time, take up those that the last process left."""
        now = self._clock.monotonic()
        self._aging.look_if_due(inboxes, plan)
        if self._is_new:
            self._is_new = False
            self._take_up(inboxes, now)
        for gone in self._of.keys() - inboxes.keys():
            self._of.pop(gone)
            self._leaving.pop(gone, None)
        for name, watched in self._of.items():
            inbox, at = inboxes.get(name), watched.next_at()
            if inbox is not None and at is not None and at <= now:
                self._look(inbox, watched, now)

    def _take_up(self, inboxes: Mapping[str, Arrivals], now: float) -> None:
        wall = self._clock.wall()
        for job in self._book.journal.search.put_away_since(wall - AFTER_SECONDS[-1], MOST):
            if (inbox := inboxes.get(job.inbox)) is not None and job.retired_at is not None:
                self._watch(job, inbox, now - max(wall - job.retired_at, 0.0))

    def _watch(self, job: Job, inbox: Arrivals, since: float) -> None:
        nowhere = job.gone or job.place == b"" or job.state is State.CANCELLED
        if nowhere or is_link(job.path):
            return
        self._add(job, job.fingerprint, inbox, since)

    def _add(self, job: Job, looks: Fingerprint, inbox: Arrivals, since: float) -> None:
        recording = PutAway(job.id, _path_of(job, inbox), looks.size, looks.mtime_ns)
        self._of[job.inbox].add(recording, since, self._clock.monotonic())

    def _look(self, inbox: Arrivals, watched: _Watched, now: float) -> None:
        due = watched.due(now)
        watched.asking, watched.rested_at = True, now + TOGETHER_SECONDS
        executor = self._background.executor(f"after-{inbox.route.name}", 1)
        work = functools.partial(other_than_they_were, [recording for _, recording in due])
        answer = functools.partial(LookedAgain, inbox.route.name, tuple(due))
        self._background.ask(executor, work, answer, doing="looking at archived recordings", lane=inbox.route.lane)

    def listed(self, inbox: Arrivals, hidden: Collection[bytes]) -> None:
        """Recordings of the inbox are leaving under these names: take up those that nobody is to look at."""
        now, known = self._clock.monotonic(), self._leaving[inbox.route.name]
        for path in known.keys() - hidden:
            del known[path]
        for path in hidden:
            if known.get(path, -LATE_SECONDS) + LATE_SECONDS <= now:
                self._take_up_leaving(path, inbox, known)

    def _take_up_leaving(self, path: bytes, inbox: Arrivals, known: dict[bytes, float]) -> None:
        job = self._book.job(leaves_for(os.path.basename(path)) or 0)
        if job is None:
            known[path] = float("inf")
            problem = f"{shown(path)} is a recording that another journal put away: rename it, and it is a new one"
            log.warning("inbox.problem", inbox=inbox.route.name, problem=problem)
        elif job.retired_at is not None:  # else its move has not ended
            since = self._clock.monotonic() - max(self._clock.wall() - job.retired_at, 0.0)
            self._see_off(job, path, job.fingerprint, inbox, since)

    def _see_off(self, job: Job, path: bytes, looks: Fingerprint, inbox: Arrivals, since: float) -> None:
        """Have one that is leaving looked at next."""
        name, whole = inbox.route.name, os.path.join(inbox.route.inbox, path)
        recording = PutAway(job.id, whole, looks.size, looks.mtime_ns, leaving=True)
        self._leaving[name][path] = self._of[name].add(recording, since, self._clock.monotonic())

    def is_late(self) -> bool:
        """True while the look at one that is leaving is due, or on its way."""
        now = self._clock.monotonic()
        return any(at <= now < at + LATE_SECONDS for each in self._leaving.values() for at in each.values())

    def heard(self, message: LookedAgain | LookedClosely | ArchiveAged, inboxes: Mapping[str, Arrivals]) -> None:
        """A look has ended."""
        if isinstance(message, ArchiveAged):
            self._aging.heard(message, inboxes)
        elif isinstance(message, LookedAgain):
            self._looked(message, inboxes)
        else:
            self._looked_closely(message, inboxes)

    def _looked(self, message: LookedAgain, inboxes: Mapping[str, Arrivals]) -> None:
        """Look closely at those that look different; all others wait for their next look."""
        watched, now = self._of[message.inbox], self._clock.monotonic()
        watched.asking = False
        other = set(message.outcome.result or ())
        inbox = inboxes.get(message.inbox)
        for since, recording in message.asked:
            is_last = recording.leaving and since + AFTER_SECONDS[-1] <= now
            job = self._book.job(recording.number) if is_last or recording in other else None
            if job is None or inbox is None:
                watched.add(recording, since, now)
            elif job.retired_at is not None and (recording.leaving or recording.path == _path_of(job, inbox)):
                self._look_closely(job, recording, since, inbox, is_last=is_last)

    def _look_closely(self, job: Job, recording: PutAway, since: float, inbox: Arrivals, *, is_last: bool) -> None:
        before = self._returned.get((job.inbox, job.path), -ONCE_SECONDS)
        returns = self._clock.monotonic() - before >= ONCE_SECONDS
        closed = self._was_closed(job)
        work = functools.partial(look_closely, job, inbox.route, inbox.anchors, returns=returns, closed=closed)
        if recording.leaving:
            context = (job, recording, inbox.route, inbox.anchors)
            work = functools.partial(leaving.look, *context, returns=returns, is_last=is_last)
        answer = functools.partial(LookedClosely, job, recording, since)
        self._background.ask(inbox.executor, work, answer, doing="looking at a recording", lane=inbox.route.lane)

    def _was_closed(self, job: Job) -> bool:
        """True if the kernel said that nobody had it open for writing as it was put away."""
        return job.place is not None and bool(self._book.journal.search.last_told(job.id, Retired).get("closed"))

    def _looked_closely(self, message: LookedClosely, inboxes: Mapping[str, Arrivals]) -> None:
        """Write down that it changed; one that has its bytes still, or could not be judged, waits for its next look."""
        job, found, problem = message.job, message.outcome.result, message.outcome.problem
        inbox = inboxes.get(job.inbox)
        if inbox is None or self._book.job(job.id) != job:
            return
        if isinstance(found, Returned):
            self._book.record(job, found)
            self._remember(job, found)
            inbox.forget(job)
            inbox.settling.came_back(found.path, self._clock.monotonic() - message.since)
        elif problem is not None:
            log.warning("recording.changed", job=job.id, file=shown(job.path), reason=problem.message)
            if not message.recording.leaving:
                self._watch(job, inbox, self._once_more(message.since, problem))
        elif isinstance(found, Altered):
            self._look_later(self._told(job, found), found.lies, inbox, message)
        elif isinstance(found, Fingerprint):
            self._look_later(job, found, inbox, message)
        elif message.recording.leaving:
            inbox.forget(job)

    def _once_more(self, since: float, problem: errors.TranscribedError) -> float:
        """Since when it counts as put away: what is blocked now has a look to come always, so it is told in the end."""
        is_blocked = isinstance(problem, errors.Blocked)
        return max(since, self._clock.monotonic() - AFTER_SECONDS[-2]) if is_blocked else since

    def _look_later(self, job: Job, looks: Fingerprint, inbox: Arrivals, message: LookedClosely) -> None:
        if message.recording.leaving:
            path = os.path.relpath(message.recording.path, inbox.route.inbox)
            self._see_off(job, path, looks, inbox, message.since)
        else:
            self._add(job, looks, inbox, message.since)

    def _told(self, job: Job, altered: Altered) -> Job:
        """The job, with what lies there now in its story: once, though it is found again after a restart."""
        told = self._book.journal.search.last_told(job.id, Altered)
        return job if told == altered.data() else self._book.record(job, altered)

    def _remember(self, job: Job, returned: Returned) -> None:
        """It comes back once: a program that stamps all that appears in the archive would have it paid each time."""
        if len(self._returned) >= MOST:
            self._returned.clear()
        for path in (job.path, returned.path):
            self._returned[job.inbox, path] = self._clock.monotonic()


def _path_of(job: Job, inbox: Arrivals) -> bytes:
    """The path at which its recording was put away, or is kept."""
    return job.place or inbox.route.inbox + b"/" + job.path
