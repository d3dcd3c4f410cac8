"""The unfinished jobs in memory, and the one way in which they change: written to the journal first, believed after.

An event that the journal cannot take now is held until it can: nothing that happened is forgotten, and the job takes no
further step until it is written. One line is logged for each thing that happened to a job.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import structlog

from transcribed import errors, files
from transcribed.job import DEATHS, Job, Rules, State, Step, after, bounded, printable, shown
from transcribed.job.events import Cancelled, Deferred, Delivered, Event, Failed, Retired, Touched
from transcribed.journal import Journal
from transcribed.worker.plan import Clock

log = structlog.get_logger()

_WARNINGS = {"job.deferred", "job.lost", "job.unlisted", "job.missing"}


class Book:
    """The unfinished jobs by number. All of it belongs to the loop's thread."""

    def __init__(
        self, journal: Journal, clock: Clock, rules: Rules, put_away: Callable[[Job], None] = lambda _job: None
    ) -> None:
        self.journal = journal
        self.rules = rules
        self.unfinished: dict[int, Job] = {}
        self.failures = 0  #: jobs that failed in this process's time
        self.put_off: dict[int, str] = {}  #: the last reason why an ended job's recording stays where it was
        self._clock = clock
        self._put_away = put_away
        self._unsaved: list[tuple[int, Event]] = []
        self._since: dict[int, float] = {}  # monotonic: from when a job's waiting counts against its patience

    def recover(self) -> None:
        """Take up where the last process ended; a job that was in flight at three ends in a row is parked.

        Raises Blocked(state): then all of it is known, and the next save of each job writes what could not be written.
        """
        blocked: errors.Blocked | None = None
        for job in self.journal.unfinished_jobs():
            self.unfinished[job.id] = job
            try:
                if job.in_flight:
                    self._died(job)
            except errors.Blocked as error:
                blocked = error
        if blocked is not None:
            raise blocked

    def _died(self, job: Job) -> None:
        died = self.unfinished[job.id] = job.died()
        self.journal.save(job, (died, None), now=self._clock.wall())
        if died.deaths >= DEATHS and job.state not in (State.DELIVERED, State.FAILED):
            reason = f"the daemon ended {died.deaths} times in a row while it worked at this recording"
            self.record(died, Failed(reason, "if the recording plays, retry it; else look at the log of those times"))

    def add(self, job: Job, event: Event, *then: Event) -> Job:
        """A new job, and what happened to it at once. Raises Blocked(state): then there is none."""
        changes = self._changes(job, then)
        added = self.journal.add(job, event, *changes)
        self._believe(added)
        _say(added, event)
        for each, what in changes:
            self._tell(replace(each, id=added.id), what)
        return added

    def attempt(self, job: Job, **facts: Any) -> Job:
        """The job as saved before its step starts. Raises Blocked(state): then the step must not start."""
        attempted = replace(job, **facts).attempted(self._clock.wall(), self.rules)
        self.journal.save(job, (attempted, None), now=self._clock.wall())
        self.unfinished[job.id] = attempted
        self._since.setdefault(job.id, self._clock.monotonic())
        return attempted

    def record(self, job: Job, *happened: Event) -> Job:
        """The job after what happened, written whole or not at all, and logged.

        Raises Blocked(state): then it is held until it can be written. Of a job that is finished nothing is held: it
        has no step, so what is asked of it is an order or a look at its file, and both come again.
        """
        changes = self._changes(job, happened)
        try:
            self.journal.save(job, *changes, now=self._clock.wall())
        except errors.Blocked:
            if job.id in self.unfinished:
                self._unsaved += [(job.id, event) for _, event in changes]
            raise
        changed, _ = changes[-1]
        self._believe(changed)
        for each, event in changes:
            self._tell(each, event)
        return changed

    def _changes(self, job: Job, happened: tuple[Event, ...]) -> list[tuple[Job, Event]]:
        """The job after each of these events, and the event as it is written."""
        changes: list[tuple[Job, Event]] = []
        for what in happened:
            event = bounded(job, self._timed(job, what), self.rules)
            job = after(job, event, self._clock.wall(), self.rules)
            changes.append((job, event))
        return changes

    def _tell(self, job: Job, event: Event) -> None:
        self.failures += isinstance(event, Failed)
        if isinstance(event, Retired):
            self._put_away(job)
        if not self._said_before(job, event):
            _say(job, event)

    def _said_before(self, job: Job, event: Event) -> bool:
        """True if the recording still cannot be put away, for the same reason. It is tried for ever, but said once."""
        if not isinstance(event, Deferred) or job.step is not Step.RETIRE:
            return False
        before = self.put_off.get(job.id)
        self.put_off[job.id] = event.reason
        return before == event.reason

    def touched(self, job: Job, earlier: Job) -> None:
        """`job` turned out to be `earlier`'s recording, touched: one job goes on, and nothing is done twice."""
        now = self._clock.wall()
        adopted = after(earlier, Touched(job.fingerprint), now, self.rules)
        same = Cancelled(f"it is the recording of job {earlier.id}, touched", withdrawn=True)
        ended = after(job, same, now, self.rules)
        self.journal.save(job, (ended, same), (adopted, Touched(job.fingerprint)), now=now)
        self._believe(ended)
        self._believe(adopted)
        _say(ended, same)

    def save_held(self) -> Iterator[int]:
        """Write what was held, in order; each job that it was about. Raises Blocked(state) where that still fails."""
        held, self._unsaved = self._unsaved, []
        while held:
            number, event = held[0]
            try:
                self.record(self.unfinished[number], event)
            except errors.Blocked:
                self._unsaved = held  # record() has put the first one back too: keep each once
                raise
            del held[0]
            yield number

    def is_held(self, number: int) -> bool:
        """True if something happened to this job that is not written yet."""
        return any(held == number for held, _ in self._unsaved)

    def unblocked(self) -> None:
        """A lane resumed: what was waited so far was not the jobs' own doing."""
        self._since.clear()

    def is_the_end(self, job: Job) -> bool:
        """True the first time the recording is put away after its delivery or failure.

        One that is touched later is put away again, and that is no second end.
        """
        names = [happened["event"] for happened in self.journal.story(job.id)]
        ends = [place for place, name in enumerate(names) if name in (Delivered.name(), Failed.name())]
        return bool(ends) and names[ends[-1] :].count(Retired.name()) == 1

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock.wall()

    def in_state(self, state: State) -> list[Job]:
        """The unfinished jobs in one state."""
        return [job for job in self.unfinished.values() if job.state is state]

    def numbers_taken(self, stem: bytes, but: int) -> set[int]:
        """The numbers that jobs other than `but` have committed for the names of `stem`.

        Also counts unfinished jobs whose names differ only in case or Unicode form: on some file systems their files
        would collide, and neither exists yet when the number is chosen.
        """
        alike = files.folded(stem)
        named = [(x.stem, x.number) for x in self.unfinished.values() if x.id != but]
        near = {number for other, number in named if other and number and files.folded(other) == alike}
        return near | self.journal.numbers_taken(stem, but)

    def _timed(self, job: Job, event: Event) -> Event:
        if not isinstance(event, Deferred):
            return event
        now = self._clock.monotonic()
        since = self._since.get(job.id, now)
        self._since[job.id] = now
        return replace(event, waited_seconds=now - since)

    def _believe(self, job: Job) -> None:
        if job.unfinished:
            self.unfinished[job.id] = job
        else:
            self.unfinished.pop(job.id, None)
            self._since.pop(job.id, None)
            self.put_off.pop(job.id, None)


def _say(job: Job, event: Event) -> None:
    """One line for each thing that happened to a job."""
    if not event.noted:
        return
    facts = {key: _plain(value) for key, value in event.data().items() if value not in (None, "", (), False)}
    level = "error" if isinstance(event, Failed) else "warning" if event.name() in _WARNINGS else "info"
    if isinstance(event, Deferred) and job.step is not Step.FETCH:
        facts["attempts"] = job.attempts
    getattr(log, level)(event.name(), job=job.id, inbox=job.inbox, file=shown(job.path), **facts)


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return shown(value)
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | float) else printable(os.fsdecode(str(value)))
