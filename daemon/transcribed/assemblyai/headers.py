"""The headers of an answer that tell of time."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime

_LONGEST_RETRY_AFTER_SECONDS = 3600.0  # chosen: a mistake of the server costs no more
_AGREE_SECONDS = 60.0  # a Date has whole seconds, and an answer takes its time: by less no clock is wrong


def retry_after_seconds(header: str) -> float | None:
    """The seconds of a Retry-After header. Its other form is a date, for which two clocks would have to agree."""
    digits = header.strip()  # of more than float would take away
    if not (digits.isascii() and digits.isdigit()):
        return None
    return min(float(digits[:20]), _LONGEST_RETRY_AFTER_SECONDS)


class ServerClock:
    """The time of day at the server, by the Date of its answers (RFC 9110, section 6.6.1)."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._ahead_seconds = 0.0  # of the server before us

    def heard(self, date: str) -> None:
        """An answer came with this header. One that is no date says nothing."""
        try:
            self._ahead_seconds = parsedate_to_datetime(date).timestamp() - self._wall()
        except (ValueError, OverflowError):
            return

    def earlier(self, now: float) -> float:
        """The earlier of our time `now` and the server's, so that neither of two clocks is believed alone."""
        return now + self._ahead_seconds if self._ahead_seconds < -_AGREE_SECONDS else now
