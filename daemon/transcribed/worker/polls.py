"""The looks at the transcripts that wait: one list request for all of them.

A look writes nothing; its next time is in memory. It comes soon after a submit and more seldom the longer nothing ends.
"""

import functools
from collections.abc import Iterable

import structlog

from transcribed import errors
from transcribed.job import Job
from transcribed.worker.background import Background
from transcribed.worker.messages import TranscriptsListed
from transcribed.worker.plan import Clock, Plan
from transcribed.worker.steps.lookup import differs

log = structlog.get_logger()

LONGEST_SECONDS = 60.0
SHARE = 0.1  # of the time that the youngest has waited: a job of ten minutes is looked at each minute


class Polls:
    """The looks at AssemblyAI's list. All of it belongs to the loop's thread; a look itself is done off it."""

    def __init__(self, background: Background, clock: Clock) -> None:
        self._background = background
        self._clock = clock
        self._looking = False
        self._looked_at: float | None = None

    def look_if_due(self, waiting: dict[int, Job], plan: Plan) -> None:
        """Begin a look where one is due: at those that this account can be asked about."""
        at = self.next_at(waiting, plan)
        if at is None or at > self._clock.monotonic():
            return
        here = (None, plan.client.base_url)
        asked = frozenset(x.transcript_id for x in waiting.values() if x.transcript_id and x.base_url in here)
        self._looking, self._looked_at = bool(asked), self._clock.monotonic()
        if not asked:
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
        now = self._clock.monotonic()
        if self._looked_at is None:
            self._looked_at = now  # AssemblyAI needs some seconds for the shortest recording
        youngest = self._clock.wall() - waiting[next(reversed(waiting))].changed_at
        return self._looked_at + min(max(plan.poll_seconds, youngest * SHARE), LONGEST_SECONDS)

    def heard(self, message: TranscriptsListed, waiting: Iterable[Job]) -> set[str]:
        """The ids to fetch, as a look shows them. Raises the problem of a failed look; a passing one blocks the api."""
        self._looking = False
        self._looked_at = self._clock.monotonic()
        if isinstance(problem := message.outcome.problem, errors.Transient):
            again = problem.retry_after_seconds
            raise errors.Blocked(problem.message, lane=errors.API, hint=problem.hint, retry_after_seconds=again)
        if problem is not None:
            raise problem
        _say_differing(message, waiting)
        return to_fetch(message)


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
