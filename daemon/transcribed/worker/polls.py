"""The looks at the transcripts that wait: one list request for all of them.

A look writes nothing; its next time is in memory. `turnaround` has the rule for it.
"""

import functools
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import structlog

from transcribed import errors
from transcribed.job import Job
from transcribed.worker.background import Background
from transcribed.worker.messages import TranscriptsListed
from transcribed.worker.plan import Clock, Plan
from transcribed.worker.steps.lookup import differs
from transcribed.worker.turnaround import Turnaround

if TYPE_CHECKING:
    from transcribed.assemblyai import Progress

log = structlog.get_logger()


class Polls:
    """The looks at AssemblyAI's list. All of it belongs to the loop's thread; a look itself is done off it."""

    def __init__(self, background: Background, clock: Clock) -> None:
        self._background = background
        self._clock = clock
        self._looking = False
        self._turnaround = Turnaround()
        self._ended: set[str] = set()  # that the last look showed: one that cannot be fetched is no new end
        self._progress: dict[str, Progress] = {}  # of those that are heard, by transcript_id, as the last look showed

    def look_if_due(self, waiting: dict[int, Job], plan: Plan) -> None:
        """Begin a look where one is due: at those that this account can be asked about."""
        at = self.next_at(waiting, plan)
        if at is None or at > self._clock.monotonic():
            return
        here = (None, plan.client.base_url)
        asked = frozenset(x.transcript_id for x in waiting.values() if x.transcript_id and x.base_url in here)
        self._looking = bool(asked)
        if not asked:
            self._turnaround.looked(self._clock.monotonic(), [])
            return
        find = functools.partial(plan.client.find, asked)
        self._background.ask(
            self._background.calls,
            find,
            lambda outcome: TranscriptsListed(asked, outcome),
            doing="asking for the transcripts that wait",
            lane=errors.API,
        )

    def next_at(self, waiting: dict[int, Job], plan: Plan) -> float | None:
        """The time of the next look (monotonic); None if nothing waits or a look is on its way.

        The last of those that wait is the youngest.
        """
        if self._looking or not waiting:
            return None
        youngest_at = self._asked_at(waiting[next(reversed(waiting))])
        return self._turnaround.next_at(self._clock.monotonic(), youngest_at, len(waiting), plan.poll_seconds)

    def _asked_at(self, job: Job) -> float:
        """The time at which its transcript was asked for (monotonic), if the time of day was not set since."""
        return self._clock.monotonic() - max(0.0, self._clock.wall() - job.changed_at)

    def heard(self, message: TranscriptsListed, waiting: Collection[Job]) -> set[str]:
        """The ids to fetch, as a look shows them. Raises the problem of a failed look; a passing one blocks the api."""
        self._looking = False
        ended = to_fetch(message) if message.outcome.problem is None else set()
        self._learn(message)
        new, self._ended = ended - self._ended, ended if message.outcome.problem is None else self._ended
        left = [self._asked_at(job) for job in waiting if job.transcript_id not in new]
        self._turnaround.looked(self._clock.monotonic(), left, len(new))
        if isinstance(problem := message.outcome.problem, errors.Transient):
            again = problem.retry_after_seconds
            raise errors.Blocked(problem.message, lane=errors.API, hint=problem.hint, retry_after_seconds=again)
        if problem is not None:
            raise problem
        _say_differing(message, waiting)
        return ended

    def progress_of(self, job: Job) -> "Progress | None":
        """The part of its recording that was heard, if the API tells."""
        return self._progress.get(job.transcript_id or "")

    def _learn(self, message: TranscriptsListed) -> None:
        listed = message.outcome.result or []
        self._progress = {item.transcript_id: item.progress for item in listed if item.progress is not None}
        for item in listed:
            if item.status == "completed" and item.created_at is not None and item.completed_at is not None:
                self._turnaround.ended_after(item.completed_at - item.created_at)


def _say_differing(message: TranscriptsListed, waiting: Iterable[Job]) -> None:
    """Log each transcript that the list shows with another audio_url than was sent: a lost submit is not found so."""
    own = [job for job in waiting if job.reused_from is None]
    ours = {job.transcript_id: job.upload_url for job in own if job.transcript_id and job.upload_url}
    for item in message.outcome.result or []:
        if differs(item, ours):
            sent = ours[item.transcript_id]
            log.error("api.unlike", transcript_id=item.transcript_id, sent=sent, shown=item.audio_url)


def to_fetch(message: TranscriptsListed) -> set[str]:
    """The ids to fetch: those that the list shows as ended, and those that it does not show at all."""
    shown = {item.transcript_id: item.status for item in (message.outcome.result or [])}
    ended = {number for number in message.asked if shown.get(number) in ("completed", "error")}
    return ended | (message.asked - shown.keys())
