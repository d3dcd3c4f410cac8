"""A line of fixed bandwidth that all uploads share."""

CREDIT_SECONDS = 0.02  # a timer that wakes late loses nothing of the line


class Uplink:
    """The line: each piece that was read is on its way until those before it and itself have passed."""

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free_at = 0.0

    def passed_at(self, size: int, now: float) -> float:
        """The time at which a piece of `size` bytes that was read at `now` has passed."""
        if not self._rate:
            return now
        self._free_at = max(self._free_at, now - CREDIT_SECONDS) + size / self._rate
        return self._free_at
