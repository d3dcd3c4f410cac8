"""The steps that read a recording's bytes in our own process, and the one that is tried alone.

Only such a step can end the daemon by what is in a recording. After DEATHS ends in a row the next try of it has company
of no other such step, so that one more end is its own doing, and no recording fails for what another did.
"""

from transcribed.job import Job, Step, is_suspect
from transcribed.worker.plan import Clock

READS = frozenset({Step.HASH, Step.NAME, Step.DELIVER})
LONGEST_SECONDS = 60.0  # so long one waits for the other: a step that hangs in its share must not hold up all inboxes


class Reading:
    """The steps under way that read. All of it belongs to the loop's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: dict[int, tuple[float, bool]] = {}  # by job: monotonic, and is it tried alone
        self._is_awaited = False  # one that is to be tried alone waits for the others

    def look_again(self) -> None:
        """A pass begins: nobody is waited for until somebody asks."""
        self._is_awaited = False

    def may_begin(self, step: Step, job: Job) -> bool:
        """True if this step may start too. One that is to be alone has to ask first."""
        if step not in READS:
            return True
        now = self._clock.monotonic()
        others = [alone for began_at, alone in self._began.values() if now - began_at < LONGEST_SECONDS]
        if is_suspect(job):
            self._is_awaited = bool(others)
            return not others
        return not (self._is_awaited or any(others))

    def began(self, step: Step, job: Job) -> None:
        """This step starts."""
        if step in READS:
            self._began[job.id] = self._clock.monotonic(), is_suspect(job)

    def ended(self, number: int) -> None:
        """The job's step has ended."""
        self._began.pop(number, None)
