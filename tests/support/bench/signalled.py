"""Line 10: signals at random moments to a process that waits as the daemon's loop does."""

import random
from collections.abc import Iterator

from bench.figures import Figure
from report import say
from signal_storm import storm

BOUND_SECONDS = 0.2


def signalled(*, signals: int) -> Iterator[Figure]:
    """The longest of the times after which each of so many signals was heard. The seed is printed."""
    seed = random.randrange(10**6)
    say(f"  10  seed {seed}")
    seconds = sorted(storm(signals, seed))
    middle = seconds[len(seconds) // 2]
    yield Figure("10", f"the latest of {signals} signals", seconds[-1], "s", "bound", BOUND_SECONDS, 1.0)
    yield Figure("10", "the latest signal", seconds[-1], "s", "the median", middle)
