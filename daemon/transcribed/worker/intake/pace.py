"""The times of the looks at an inbox, and which of them list everything.

Where events come, looks of our own become rare while nothing happens, up to five minutes: they are for what events
miss. Where none come, a look every `scan_seconds` is all there is. A look that lists everything also sees what was
written over in place; it comes once an hour, and after an event as soon as it costs no more than a hundredth of a core.
Pure: `now` is an argument, monotonic.
"""

LONGEST_SECONDS = 300.0
WHOLE_SECONDS = 3600.0
REST = 4.0  # the pause after a look, in times of its length: each delivery asks for the next look
LONGEST_REST_SECONDS = 5.0
SHARE = 100.0  # of the time that a whole look took, from one to the next


class Pace:
    """The looks at one inbox; the first one is due at once, and lists everything."""

    def __init__(self, now: float) -> None:
        self.look_at = now
        self._rested_at = now
        self._began_at: float | None = None  # of the look that is on its way
        self._touched = True  # since the last look that listed everything
        self._asked = False  # since the look began that is on its way
        self._pause_seconds = 0.0
        self._whole_after = self._whole_by = now

    def ask(self, now: float, *, whole: bool = False) -> None:
        """Something may have changed."""
        self._touched = self._asked = True
        self.soon(now)
        if whole:
            self._whole_by = now

    def ask_at_once(self, now: float) -> None:
        """Something waits for nothing but the next look: it comes without a rest."""
        self.ask(now)
        self._rested_at = now

    def soon(self, at: float) -> None:
        """A look is wanted at `at` already."""
        self.look_at = min(self.look_at, at)

    def next_at(self) -> float | None:
        """The time of the next look; None while one is on its way."""
        return max(self.look_at, self._rested_at) if self._began_at is None else None

    def waits_since(self) -> float:
        """The time since when there is something to wait for: a look that was begun, or one that is due."""
        return self.look_at if self._began_at is None else self._began_at

    def begin(self, now: float) -> bool:
        """A look begins; True if it is to list everything."""
        self._began_at = now
        self._asked = False
        return now >= self._whole_by or (self._touched and now >= self._whole_after)

    def failed(self, now: float, scan_seconds: float) -> None:
        """A look found nothing out."""
        self._began_at = None
        self.look_at = now if self._asked else now + scan_seconds

    def end(self, began_at: float, now: float, *, whole: bool, scan_seconds: float, events: bool, active: bool) -> None:
        """A look is over. `events`: more of them will come; `active`: it found something, or something waits.

        `began_at`: when it had its turn, which may be long after `begin`.
        """
        self._began_at = None
        self._rested_at = now + min(REST * (now - began_at), LONGEST_REST_SECONDS)
        if whole:
            self._listed_everything(began_at, now)
        self._pause_seconds = self._longer_pause(scan_seconds) if events and not active else scan_seconds
        self.look_at = now + self._pause_seconds
        if self._asked:
            self.soon(now)
        elif self._touched:
            self.soon(self._whole_after)

    def _listed_everything(self, began_at: float, now: float) -> None:
        self._touched = self._asked
        self._whole_after = now + SHARE * (now - began_at)
        self._whole_by = now + WHOLE_SECONDS

    def _longer_pause(self, scan_seconds: float) -> float:
        """Twice the last pause, within bounds; a pace slower than the longest pause stays as it is."""
        longest = max(LONGEST_SECONDS, scan_seconds)
        return min(max(2 * self._pause_seconds, scan_seconds), longest)
