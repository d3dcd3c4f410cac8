"""The deletions that are due after a delivery: at AssemblyAI, and of kept transcripts here.

At AssemblyAI a transcript is deleted with its upload if its inbox asks for that. The order is written with the
delivery, and its end is remembered, so that the answer for a deleted one is never taken for a text. Here a transcript
is kept for `transcripts_days` after its last delivery; what was paid, and for what, is known for ever.
All of it belongs to the loop's thread, except for the deleting itself.
"""

import functools
from collections.abc import Sequence

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

    def look_if_due(self, plan: Plan) -> None:
        """Begin the next deletion, and the next look at what is kept, where it is time for one."""
        now = self._clock.monotonic()
        if plan.transcripts_days is not None and now >= self._sweep_at and not self._sweeping:
            self._sweeping, self._sweep_at = True, now + SWEEP_SECONDS
            before = self._clock.wall() - plan.transcripts_days * DAY_SECONDS
            list_old = functools.partial(self._kept.older_than, before)
            answer = functools.partial(OldTranscriptsListed, before)
            self._background.ask(self._background.state, list_old, answer, doing="reading the kept transcripts")
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

    def next_at(self, plan: Plan) -> float | None:
        """The time at which the next of them is due (monotonic); None if none is."""
        times = [] if plan.transcripts_days is None or self._sweeping else [self._sweep_at]
        return min([*times, *self._due(plan.client).values()], default=None)

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
        found = message.outcome.result or []
        for start in range(0, len(found), AT_ONCE):
            asked = found[start : start + AT_ONCE]
            self._remove(_unneeded(self._book.journal, asked, message.before))

    def _remove(self, transcript_ids: Sequence[str]) -> None:
        if transcript_ids:
            log.info("transcripts.removed", count=len(transcript_ids), transcript_ids=transcript_ids)
            remove = functools.partial(self._kept.remove, transcript_ids)
            self._background.do(self._background.state, remove, doing="removing old transcripts")


def _unneeded(journal: Journal, transcript_ids: Sequence[str], before: float) -> list[str]:
    """Those of these transcripts all of whose jobs were delivered before, and are done with."""
    needed = {job.transcript_id for job in journal.with_transcripts(transcript_ids) if _needs(job, before)}
    return [each for each in transcript_ids if each not in needed]


def _needs(job: Job, before: float) -> bool:
    return job.unfinished or job.state is State.FAILED or job.changed_at > before
