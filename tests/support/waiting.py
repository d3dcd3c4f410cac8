"""Waiting for a condition, with a bound: no test sleeps."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

BOUND_SECONDS = 60.0
LONGEST_REST_SECONDS = 0.5


def wait_for(condition: Callable[[], T], what: str, seconds: float = BOUND_SECONDS) -> T:
    """Return what the condition gives once it holds; after `seconds`, raise an AssertionError.

    A look may read a whole log or open a journal, and many tests wait 15 s for a probe: so the looks take a twentieth
    of a core.
    """
    began = time.monotonic()
    between_looks = threading.Event()
    while True:
        at_work = time.thread_time()
        if seen := condition():
            return seen
        waited = time.monotonic() - began
        assert waited < seconds, f"in vain for {seconds} s: {what}"
        rest = 20 * (time.thread_time() - at_work)
        between_looks.wait(min(max(rest, 0.01 if waited < 1 else 0.05), LONGEST_REST_SECONDS))
