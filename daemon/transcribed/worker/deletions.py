"""The deletions that are due after a delivery: at AssemblyAI, and of what is kept here.

At AssemblyAI a transcript is deleted with its upload if its inbox asks for that. The order is written with the
delivery, and its end is remembered, so that the answer for a deleted one is never taken for a text. Here a transcript
is kept for `transcripts_days` after its last delivery, and a job for `jobs_days` after its end; what was paid, and for
what, is known for ever.
All of it belongs to the loop's thread, except for the deleting itself.
"""

import functools
import math
from collections.abc import Iterator, Sequence

import structlog

from transcribed import errors
from transcribed.assemblyai import AssemblyAI, UnknownTranscript
from transcribed.job import Job, State
from transcribed.journal import Journal, Transcripts
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.lanes import Lanes
from transcribed.worker.messages import OldTranscriptsListed, RemoteDeleted
from transcribed.worker.plan import Clock, Plan

log = structlog.get_logger()

AGAIN_SECONDS = 60.0  # after a deletion that did not succeed, doubled each time: nobody waits for it
LONGEST_AGAIN_SECONDS = 3600.0
SWEEP_SECONDS = 3600.0  # between two looks at how old the kept transcripts are
DAY_SECONDS = 86400.0
AT_ONCE = 200  # transcripts that the journal is asked about in one query
FORGET_AT_ONCE = 50  # jobs that it forgets in one transaction, for which all else waits
FORGET_SECONDS = 60.0  # between two transactions in which old jobs are forgotten, while there are more of them


class Deletions:
    """The deletions that are due, one at a time, and the looks at what is kept."""

    def __init__(self, book: Book, lanes: Lanes, kept: Transcripts, background: Background, clock: Clock) -> None:
        self.erasing: str | None = None  #: the transcript that is being deleted at AssemblyAI
        self._book = book
        self._lanes = lanes
        self._kept = kept
        self._background = background
        self._clock = clock
        self._later: dict[str, tuple[float, float]] = {}  # did not succeed: due again at (monotonic), after a wait
        self._sweep_at = clock.monotonic()
        self._sweeping = False
        self._forget_at = clock.monotonic()

    def look_if_due(self, plan: Plan) -> None:
        """Begin the next deletion, and the next look at what is kept, where it is time for one."""
        now = self._clock.monotonic()
        if now >= self._sweep_at and not self._sweeping:
            self._sweeping, self._sweep_at = True, now + SWEEP_SECONDS
            self._sweep(plan)
        if now >= self._forget_at and self._lanes.blocking((errors.STATE,)) is None:
            self._forget(plan, now)
        due = self._due(plan.client)
        transcript_id = min(due, key=due.__getitem__, default="")  # one that is refused holds up no other
        if transcript_id and due[transcript_id] <= now:
            self.erasing = transcript_id
            self._background.ask(
                self._background.calls,
                functools.partial(plan.client.delete, transcript_id),
                lambda outcome: RemoteDeleted(transcript_id, outcome.problem),
                doing="deleting a transcript at AssemblyAI",
                lane=errors.API,
            )

    def _sweep(self, plan: Plan) -> None:
        described = self._clock.wall() - plan.jobs_days * DAY_SECONDS
        days = math.inf if plan.transcripts_days is None else plan.transcripts_days
        before = self._clock.wall() - days * DAY_SECONDS
        list_old = functools.partial(_old, self._kept, before, described)
        answer = functools.partial(OldTranscriptsListed, before)
        self._background.ask(self._background.state, list_old, answer, doing="reading the kept transcripts")

    def _forget(self, plan: Plan, now: float) -> None:
        """Let the journal forget some old jobs. Raises Blocked(state)."""
        self._forget_at = now + SWEEP_SECONDS
        count = self._book.journal.forget(self._clock.wall() - plan.jobs_days * DAY_SECONDS, FORGET_AT_ONCE)
        if count:
            log.info("jobs.forgotten", count=count)
        if count == FORGET_AT_ONCE:
            self._forget_at = now + FORGET_SECONDS

    def next_at(self, plan: Plan) -> float:
        """The time at which the next of them is due (monotonic)."""
        times = [self._forget_at] if self._sweeping else [self._forget_at, self._sweep_at]
        return min([*times, *self._due(plan.client).values()])

    def is_busy(self, plan: Plan) -> bool:
        """True while a deletion is on its way or due now. One that failed is left to a later time."""
        if self.erasing is not None:
            return True
        return any(at <= self._clock.monotonic() for at in self._due(plan.client).values())

    def _due(self, client: AssemblyAI) -> dict[str, float]:
        """The time from which each transcript may be deleted (monotonic), by the client of the account that has it.

        They are in the order in which they were ordered; there are none while one is being deleted.
        """
        if self.erasing is not None or self._lanes.blocking((errors.STATE, errors.API)) is not None:
            return {}
        if not (wanted := self._book.journal.to_erase()):
            return {}
        coming = {job.transcript_id for job in self._book.submitted.values()}  # to be fetched, perhaps again
        mine = [name for name, owner in wanted if owner == client.account and name not in coming]
        return {name: self._later.get(name, (0.0, 0.0))[0] for name in mine}

    def erased(self, message: RemoteDeleted) -> None:
        """A deletion has ended. Raises Blocked where the API or the journal cannot be reached."""
        self.erasing = None
        if isinstance(message.problem, errors.Blocked) and not isinstance(message.problem, UnknownTranscript):
            raise message.problem
        gone = message.problem is None or isinstance(message.problem, UnknownTranscript)
        if not gone:
            _, waited = self._later.get(message.transcript_id, (0.0, AGAIN_SECONDS / 2))
            wait = min(2 * waited, LONGEST_AGAIN_SECONDS)
            self._later[message.transcript_id] = (self._clock.monotonic() + wait, wait)
            log.warning("transcript.not_erased", transcript_id=message.transcript_id, reason=str(message.problem))
            return
        self._book.journal.erased(message.transcript_id, self._clock.wall())
        self._later.pop(message.transcript_id, None)
        log.info("transcript.erased", transcript_id=message.transcript_id)

    def aged(self, message: OldTranscriptsListed) -> None:
        """These kept transcripts are old enough, by their files: remove those that nothing needs any more."""
        self._sweeping = False
        if message.outcome.problem is not None:
            raise message.outcome.problem
        transcripts, descriptions = message.outcome.result or ([], [])
        for asked in _some_of(transcripts):
            self._remove(_unneeded(self._book.journal, asked, message.before))
        for asked in _some_of(descriptions):
            forget = functools.partial(self._kept.forget, _forgotten(self._book.journal, asked))
            self._background.do(self._background.state, forget, doing="removing old descriptions")

    def _remove(self, transcript_ids: Sequence[str]) -> None:
        if transcript_ids:
            log.info("transcripts.removed", count=len(transcript_ids), transcript_ids=transcript_ids)
            remove = functools.partial(self._kept.remove, transcript_ids)
            self._background.do(self._background.state, remove, doing="removing old transcripts")


def _old(kept: Transcripts, before: float, described: float) -> tuple[list[str], list[str]]:
    """The kept transcripts, and the descriptions without one, that are older than this. Raises OSError."""
    return kept.older_than(before), kept.described_alone(described)


def _some_of(transcript_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (transcript_ids[start : start + AT_ONCE] for start in range(0, len(transcript_ids), AT_ONCE))


def _forgotten(journal: Journal, transcript_ids: Sequence[str]) -> list[str]:
    """Those of these transcripts of which the journal has no job any more, and knows what was paid."""
    known = {job.transcript_id for job in journal.with_transcripts(transcript_ids)}
    return [each for each in transcript_ids if each not in known and journal.forgotten.payer(each) is not None]


def _unneeded(journal: Journal, transcript_ids: Sequence[str], before: float) -> list[str]:
    """Those of these transcripts all of whose jobs were delivered before, and are done with."""
    needed = {job.transcript_id for job in journal.with_transcripts(transcript_ids) if _needs(job, before)}
    return [each for each in transcript_ids if each not in needed]


def _needs(job: Job, before: float) -> bool:
    return job.unfinished or job.state is State.FAILED or job.changed_at > before
