"""The bytes that all uploads together may send in a second.

Each block has its turn: it is sent when those before it have had their time at this rate. So uploads share it evenly,
and none waits so long that a server takes it for dead.
"""

import threading
import time
from collections.abc import Callable

_TURN_SECONDS = 0.25  # of a block: with 32 uploads each sends something within 8 s


class Rate:
    """A bound on what uploads send, for any number of threads. It may be changed at any time; None: no bound."""

    def __init__(self, bytes_per_second: float | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.bytes_per_second = bytes_per_second
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._free_at = 0.0  # monotonic: when all blocks that have a turn are sent

    def block_bytes(self, most: int) -> int:
        """The size of the next block."""
        rate = self.bytes_per_second
        return most if rate is None else max(1, min(most, int(rate * _TURN_SECONDS)))

    def wait(self, size: int, stop: threading.Event) -> bool:
        """Wait for the turn of so many bytes; False where `stop` was set before it came."""
        return not stop.wait(self._turn_seconds(size)) if self.bytes_per_second else not stop.is_set()

    def _turn_seconds(self, size: int) -> float:
        """The seconds until the turn of so many bytes, which they have from now on."""
        with self._lock:
            now = self._monotonic()
            turn_at = max(self._free_at, now)
            self._free_at = turn_at + size / (self.bytes_per_second or float("inf"))
            return turn_at - now
