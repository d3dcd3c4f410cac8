"""The unfinished jobs in memory, and the one way in which they change: written to the journal first, believed after.

An event that the journal cannot take now is held until it can: nothing that happened is forgotten, and the job takes no
further step until it is written. One line is logged for each thing that happened to a job.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import structlog

from transcribed import files
from transcribed.job import DEATHS, Fingerprint, Job, Rules, State, Step, after, bounded, is_free, printable, shown
from transcribed.job.events import Cancelled, Deferred, Delivered, Event, Failed, Released, Retired, Submitted, Touched
from transcribed.journal import Change, Happening, Journal
from transcribed.worker.plan import Clock
from transcribed.worker.reading import Reading
from transcribed.worker.schedule import Schedule, change_of
from transcribed.worker.unfinished import Unfinished

log = structlog.get_logger()

_Key = TypeVar("_Key")
_Answer = TypeVar("_Answer")

REMEMBERED = 1000  # answers of the journal, of each kind
_WARNINGS = {"job.deferred", "job.lost", "job.unlisted", "job.missing", "job.returned", "job.altered"}


@dataclass(slots=True)
class _Unwritten:
    """A job that changed in this group: as it was before (None: it is new), as it is now, and what happened to it."""

    before: Job | None
    now: Job
    happened: list[Happening] = field(default_factory=list)


class Book:
    """The unfinished jobs by number. All of it belongs to the loop's thread.

    What happens `together` is one transaction. Until it is written, nobody outside the loop may rely on it: `written`
    is called for each thing that happened, once it is durable.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        rules: Rules,
        written: Callable[[Job, Event], None] = lambda _job, _event: None,
    ) -> None:
        self.journal = journal
        self.rules = rules
        self.reading = Reading(clock)  #: what is at work that may end the process
        self.schedule = Schedule()  #: where each unfinished job waits
        self.unfinished = Unfinished(journal.unfinished.numbered)
        self.submitted: dict[int, Job] = {}  #: those of them that wait for their transcript
        self.failures = 0  #: jobs that failed in this process's time
        self.put_off: dict[int, str] = {}  #: the last reason why an ended job's recording stays where it was
        self._clock = clock
        self._written = written
        self._unwritten: dict[int, _Unwritten] = {}
        self._order: list[tuple[Job, Event]] = []  # what happened in this group, in order, and each job after it
        self._depth = 0
        self._held: list[tuple[int, Event]] = []
        self._held_of: Counter[int] = Counter()
        self._since: dict[int, float] = {}  # monotonic: from when a job's waiting counts against its patience
        self._stems: dict[str, set[int]] = defaultdict(set)  # of the unfinished: folded stem -> jobs
        self._numbers: dict[bytes, tuple[int, set[int]]] = {}  # stem -> the job that asked, and the journal's answer
        self._alone: dict[str, tuple[int, str]] = {}  # a hash -> the job (and its parameters) that had no twin

    @property
    def unwritten(self) -> int:
        """The number of jobs that have changed and are not written yet."""
        return len(self._unwritten)

    @contextmanager
    def together(self) -> Iterator[None]:
        """All that happens to jobs within is written at the end, whole or not at all.

        Raises Blocked(state) where the journal does not take it. Then what happened is held until it can be written,
        and the job takes no further step until then. Of a job that is finished, or new, nothing is held: it has no
        step, so what is asked of it is an order or a look at its file, and both come again.
        """
        self._depth += 1
        try:
            yield
            if self._depth == 1:
                self._write()
        except BaseException:
            if self._depth == 1:
                self._give_back()
            raise
        finally:
            self._depth -= 1

    def _write(self) -> None:
        if self._unwritten:
            each_job = self._unwritten.values()
            self.journal.write([Change(each.now, _state(each.before), tuple(each.happened)) for each in each_job])
        self._unwritten = {}
        self.unfinished.let_go()
        happened, self._order = self._order, []
        for job, event in happened:
            self.failures += isinstance(event, Failed)
            _say(job, event)
            self._written(job, event)

    def _give_back(self) -> None:
        """Believe again what the journal has, and hold what happened to unfinished jobs since."""
        unwritten, self._unwritten = self._unwritten, {}
        happened, self._order = self._order, []
        for each in unwritten.values():
            self._believe(each.before or each.now, known=each.before)
        for job, event in happened:
            if job.id in self.unfinished:
                self._held.append((job.id, event))
                self._held_of[job.id] += 1
        if self.journal.is_damaged:
            self.journal.keep_payments(job for job, event in happened if isinstance(event, Submitted))

    def recover(self) -> None:
        """Take up where the last process ended; a job that was read alone at one more end in a row is parked.

        Raises Blocked(state): then all of it is known, and the next save of each job writes what could not be written.
        """
        moving, waiting = self.journal.unfinished.moving(), self.journal.unfinished.waiting()
        for job in moving:
            self._believe(job, known=job)
        self.unfinished.put_far(waiting)
        for number in waiting:
            self.schedule.look_again(number)
        with self.together():
            for job in moving:
                if job.in_flight:
                    self._died(job)

    def _died(self, job: Job) -> None:
        died = self._change(job.died())
        if died.deaths > DEATHS and not died.has_ended:
            reason = f"the daemon ended {died.deaths} times in a row while it read this recording, at last it alone"
            self.record(died, Failed(reason, "if the recording plays, retry it; else look at the log of those times"))

    def add(self, job: Job, event: Event, *then: Event) -> Job:
        """A new job, and what happened to it at once. Raises Blocked(state): then there is none."""
        with self.together():
            added = replace(job, id=self.journal.next_number())
            self._unwritten[added.id] = _Unwritten(None, added)
            self._note(added, event)
            self._believe(added, known=added)
            return self.record(added, *then) if then else added

    def attempt(self, job: Job, *, sent_at: float | None = None, **facts: Any) -> Job:
        """The job as saved before its step starts. The step must not start before that is written.

        `sent_at`: the time of a submit by AssemblyAI's clock, where that is known.
        """
        with self.together():
            attempted = self._change(replace(job, **facts).attempted(self._clock.wall(), self.rules, sent_at))
            self._since.setdefault(job.id, self._clock.monotonic())
            log.debug("job.attempted", job=job.id, inbox=job.inbox, file=shown(job.path), attempts=attempted.attempts)
            return attempted

    def record(self, job: Job, *happened: Event) -> Job:
        """The job after what happened, written with all of its group. Raises Blocked(state) as `together` does."""
        with self.together():
            for what in happened:
                event = bounded(job, self._timed(job, what), self.rules)
                job = self._change(after(job, event, self._clock.wall(), self.rules))
                self._note(job, event)
            return job

    def _change(self, job: Job) -> Job:
        """The job, as it is from now on."""
        if job.id in self._unwritten:
            self._unwritten[job.id].now = job
        else:
            self._unwritten[job.id] = _Unwritten(self.job(job.id), job)
        self._believe(job, known=job)
        return job

    def _note(self, job: Job, event: Event) -> None:
        """Write and tell it with the group; that a recording still cannot be put away, only if the reason is new."""
        if isinstance(event, Deferred) and job.step is Step.RETIRE:
            if self.put_off.get(job.id) == event.reason:
                return
            self.put_off[job.id] = event.reason
        self._unwritten[job.id].happened.append(Happening(job, event, self._clock.wall()))
        self._order.append((job, event))

    def touched(self, job: Job, earlier: Job) -> None:
        """`job` turned out to be `earlier`'s recording, touched: one job goes on, and nothing is done twice."""
        same = Cancelled(f"it is the recording of job {earlier.id}, touched", withdrawn=True)
        with self.together():
            self.record(job, same)
            self.record(earlier, Touched(job.fingerprint))

    def save_held(self) -> None:
        """Write what was held, in order. Raises Blocked(state) where that still fails: then it is held again."""
        self.unfinished.fetch(number for number, _ in self._held)
        held, self._held = self._held, []
        self._held_of.clear()
        with self.together():
            for number, event in held:
                self.record(self.unfinished[number], event)

    @property
    def holds(self) -> bool:
        """True if something happened that could not be written yet."""
        return bool(self._held)

    def is_held(self, number: int) -> bool:
        """True if something happened to this job that is not written yet, and could not be."""
        return self._held_of[number] > 0

    def unblocked(self) -> None:
        """A lane resumed: what was waited so far was not the jobs' own doing."""
        self._since.clear()

    def twins(self, job: Job, parameters: str) -> tuple[Job, ...]:
        """The other jobs of the same content, or the same audio, that can matter to this one, as they are now."""
        assert job.content_hash is not None
        if all(self._alone.get(each) == (job.id, parameters) for each in job.hashes):
            return ()
        others = self._but(job, self.journal.twins(job, parameters), lambda other: other.has_content_of(job))
        if not others:
            for each in job.hashes:
                _remember(self._alone, each, (job.id, parameters))
        return tuple(others)

    def of_transcript(self, job: Job) -> list[Job]:
        """The last of the other jobs that have its transcript, and names in the folders, as they are now."""
        assert job.transcript_id is not None
        written = self.journal.search.named_by_transcript(job.transcript_id)
        return self._but(job, written, lambda other: other.transcript_id == job.transcript_id)

    def _but(self, job: Job, written: Iterable[Job], is_one: Callable[[Job], bool]) -> list[Job]:
        """The jobs that the journal found, and those that were written since, but for `job`: as they are now."""
        changed = {number: each.now for number, each in self._unwritten.items()}
        found = [*(other for other in written if other.id not in changed), *filter(is_one, changed.values())]
        return sorted((other for other in found if other.id != job.id), key=lambda other: other.id)

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

    def job(self, number: int) -> Job | None:
        """The job with this number, finished or not, as it is now."""
        unwritten = self._unwritten.get(number)
        return unwritten.now if unwritten else self.unfinished.get(number) or self.journal.job(number)

    def failed_like(self, inbox: str, fingerprint: Fingerprint) -> list[Job]:
        """The failed jobs of an inbox whose recording has this size and time, oldest first."""
        return [job for job in self.journal.failed_like(inbox, fingerprint) if job.id not in self._unwritten]

    def failed(self) -> list[Job]:
        """The failed jobs whose recording is still to be put away."""
        return [job for job in self.unfinished.moving() if job.state is State.FAILED]

    def numbers_taken(self, stem: bytes, but: int) -> set[int]:
        """The numbers that jobs other than `but` have committed for the names of `stem`.

        Also counts unfinished jobs whose names differ only in case or Unicode form: on some file systems their files
        would collide, and neither exists yet when the number is chosen.
        """
        alike = (self.unfinished[number] for number in self._stems.get(files.folded(stem), ()) if number != but)
        asker, written = self._numbers.get(stem, (None, set()))
        if asker != but:
            written = self.journal.numbers_taken(stem, but)
            _remember(self._numbers, stem, (but, written))
        return {job.number for job in alike if job.number} | written

    def _timed(self, job: Job, event: Event) -> Event:
        if not isinstance(event, Deferred):
            if not isinstance(event, Released):
                self._since.pop(job.id, None)  # it went on: that it stands in line now is not its own doing
            return event
        now = self._clock.monotonic()
        since = self._since.get(job.id, now)
        self._since[job.id] = now
        return replace(event, waited_seconds=now - since)

    def _believe(self, job: Job, *, known: Job | None) -> None:
        """Keep an unfinished job and what is found by it, let go of a finished one (and of one that is not `known`)."""
        self._forget_stem(self.unfinished.get(job.id))
        self._forget_answers(job)
        if job.state is not State.SUBMITTED or known is None:
            self.submitted.pop(job.id, None)
        self.schedule.happened(change_of(job.id))
        if known is None or not job.unfinished:
            self.unfinished.remove(job.id)
            self.schedule.forget(job.id)
            self._since.pop(job.id, None)
            self.put_off.pop(job.id, None)
            return
        self.unfinished.put(job)
        self.schedule.look_again(job.id)
        if job.state is State.SUBMITTED:
            self.submitted[job.id] = job
        if job.stem is not None:
            self._stems[files.folded(job.stem)].add(job.id)

    def _forget_answers(self, job: Job) -> None:
        """A change of this job may matter to another one of its content, or of its stem."""
        for each in job.hashes:
            if self._alone.get(each, (job.id, ""))[0] != job.id or not job.unfinished:
                self._alone.pop(each, None)
        asker, _ = self._numbers.get(job.stem or b"", (job.id, None))
        if job.stem is not None and (asker != job.id or not job.unfinished):
            self._numbers.pop(job.stem, None)

    def _forget_stem(self, job: Job | None) -> None:
        if job is None or job.stem is None:
            return
        alike = files.folded(job.stem)
        self._stems[alike].discard(job.id)
        if not self._stems[alike]:
            del self._stems[alike]


def _remember(answers: dict[_Key, _Answer], key: _Key, answer: _Answer) -> None:
    """Keep the answer with the last ones: very many jobs may wait."""
    if len(answers) >= REMEMBERED:
        answers.clear()
    answers[key] = answer


def _state(before: Job | None) -> State | None:
    return None if before is None else before.state


def _say(job: Job, event: Event) -> None:
    """One line for each thing that happened to a job."""
    if not event.noted:
        return
    facts = {key: _plain(value) for key, value in event.data().items() if value not in (None, "", (), False)}
    if "billed_seconds" in facts and is_free(job.base_url, job.upload_url):
        facts["heard_seconds"] = facts.pop("billed_seconds")
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
