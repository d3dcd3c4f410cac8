"""Waiting for a condition, with a bound: no test sleeps."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

BOUND_SECONDS = 60.0


def wait_for(condition: Callable[[], T], what: str, seconds: float = BOUND_SECONDS) -> T:
    """Return what the condition gives once it holds; after `seconds`, raise an AssertionError."""
    began = time.monotonic()
    between_looks = threading.Event()
    while not (seen := condition()):
        waited = time.monotonic() - began
        assert waited < seconds, f"in vain for {seconds} s: {what}"
        between_looks.wait(0.01 if waited < 1 else 0.05)  # a look reads a whole log, and many wait 15 s for a probe
    return seen
