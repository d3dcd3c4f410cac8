"""The work that reads a recording's bytes in our own process, before it is a job and after; and what is tried alone.

Only such a step can end the daemon by what is in a recording. After DEATHS ends in a row the next try of it has company
of no other such step, so that one more end is its own doing, and no recording fails for what another did.
"""

import uuid

from transcribed.job import Job, Step, is_suspect
from transcribed.worker.plan import Clock

READS = frozenset({Step.HASH, Step.NAME, Step.DELIVER})
LONGEST_SECONDS = 60.0  # so long one waits for the other: a step that hangs in its share must not hold up all inboxes


class Reading:
    """The steps under way that read. All of it belongs to the loop's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.life = uuid.uuid4().hex  #: of this process, as what it leaves behind names it
        self._began: dict[int | str, tuple[float, bool]] = {}  # by job, or inbox: monotonic, and is it tried alone
        self._is_awaited = False  # one that is to be tried alone waits for the others
        self._asked: dict[str, float] = {}  # by inbox: when one of its files last waited to be looked into alone

    def look_again(self) -> None:
        """A pass begins: no step is waited for until it asks."""
        self._is_awaited = False

    def may_begin(self, step: Step, job: Job) -> bool:
        """True if this step may start too. One that is to be alone has to ask first."""
        if step not in READS:
            return True
        now = self._clock.monotonic()
        others = self._others(now)
        if is_suspect(job):
            self._is_awaited = bool(others)
            return not others
        return not (self._is_awaited or self._is_asked(now) or any(others))

    def may_probe(self, inbox: str, *, alone: bool) -> bool:
        """True if settled files of this inbox may be looked into too, or one of them alone."""
        now = self._clock.monotonic()
        others = self._others(now)
        if alone and others:
            self._asked[inbox] = now  # it asks again in each pass, for as long as it waits
        return not (others if alone else self._is_asked(now) or any(others))

    def probing(self, inbox: str, *, alone: bool) -> None:
        """Files of this inbox are looked into from now on."""
        self._asked.pop(inbox, None)
        self._began[inbox] = self._clock.monotonic(), alone

    def probed(self, inbox: str) -> None:
        """The files of this inbox were looked into."""
        self._began.pop(inbox, None)

    def _is_asked(self, now: float) -> bool:
        return any(now - at < LONGEST_SECONDS for at in self._asked.values())

    def _others(self, now: float) -> list[bool]:
        """Those at work, but for what hangs: True for each that is tried alone."""
        return [alone for began_at, alone in self._began.values() if now - began_at < LONGEST_SECONDS]

    def began(self, step: Step, job: Job) -> None:
        """This step starts."""
        if step in READS:
            self._began[job.id] = self._clock.monotonic(), is_suspect(job)

    def ended(self, number: int) -> None:
        """The job's step has ended."""
        self._began.pop(number, None)
