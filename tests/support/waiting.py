"""Waiting for a condition, with a bound: no test sleeps."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

BOUND_SECONDS = 60.0


def wait_for(condition: Callable[[], T], what: str, seconds: float = BOUND_SECONDS) -> T:
    """Return what the condition gives once it holds; after `seconds`, raise an AssertionError."""
    deadline = time.monotonic() + seconds
    between_looks = threading.Event()
    while not (seen := condition()):
        assert time.monotonic() < deadline, f"in vain for {seconds} s: {what}"
        between_looks.wait(0.01)
    return seen
