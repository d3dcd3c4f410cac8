"""The time that transcripts take, and from it the time of the next look at those that wait. Pure: no clock, no I/O.

A look is worth its request from the moment on at which a transcript may have ended: none has ended sooner than the
quickest of the last ones. The longer it takes after that moment, the rarer the looks at it become. Where others end all
the time (many wait for their turn at AssemblyAI), the next end is worth a look too.
"""

import math
from collections import deque
from collections.abc import Sequence

from transcribed.assemblyai import PAGE_ITEMS

REMEMBERED = 20  # transcripts
SHARE = 0.15  # of the time that it has taken already
LONGEST_SECONDS = 60.0  # between two looks: those at a transcript that takes seven minutes and more


class Turnaround:
    """The looks at transcripts that wait. All times are of one clock, in seconds."""

    def __init__(self) -> None:
        self._last: deque[float] = deque(maxlen=REMEMBERED)
        self._looked_at: float | None = None
        self._due_at: float | None = None  # of those that the last look found unfinished
        self._between = math.inf  # two ends, as the last look that found some saw them
        self._ended_at = -math.inf  # when that was

    def ended_after(self, seconds: float) -> None:
        """A transcript took so long."""
        self._last.append(max(0.0, seconds))

    @property
    def quickest_seconds(self) -> float:
        """The shortest time that one of the last took, at most that between two looks; 0 where none is known."""
        return min(min(self._last, default=0.0), LONGEST_SECONDS)

    def looked(self, now: float, asked_at: Sequence[float], ended: int = 0) -> None:
        """A look has ended, and found so many `ended`.

        `asked_at`: the times at which those that go on waiting were asked for, in order.
        """
        if ended and self._looked_at is not None:
            self._between, self._ended_at = (now - self._looked_at) / ended, now
        self._looked_at, self._due_at = now, None
        for began_at in reversed(asked_at):
            if began_at + self.quickest_seconds <= now:
                next_end = max(self._between, now - self._ended_at)
                later = now + min(SHARE * (now - began_at), next_end, LONGEST_SECONDS)
                self._due_at = min(later, self._due_at or later)
                return
            self._due_at = began_at + self.quickest_seconds

    def next_at(self, now: float, youngest_at: float, waiting: int, shortest_seconds: float) -> float:
        """The time of the next look at so many, of which the youngest was asked for at `youngest_at`."""
        if self._looked_at is None:
            self._looked_at = now
        may_end_at = youngest_at + self.quickest_seconds
        if youngest_at > self._looked_at and (self._due_at is None or may_end_at < self._due_at):
            self._due_at = may_end_at
        # a look at more than a page asks for more pages, and comes the later
        at_least = shortest_seconds * -(-waiting // PAGE_ITEMS)
        return max(self._looked_at + at_least, self._due_at or 0.0)
