"""When an inbox is looked at next, and whether that look lists everything.

Where events come, looks of their own become rare while nothing happens, up to five minutes: they are for what events
miss. Where none come, a look every `scan_seconds` is all there is. A look that lists everything also sees what was
written over in place; it comes once an hour, and after an event as soon as it costs no more than a hundredth of a core.
Pure: `now` is an argument, monotonic.
"""

LONGEST_SECONDS = 300.0
WHOLE_SECONDS = 3600.0
SHARE = 100.0  # of the time that a whole look took, from one to the next


class Pace:
    """The looks at one inbox; the first one is due at once, and lists everything."""

    def __init__(self, now: float) -> None:
        self.look_at = now
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

    def soon(self, at: float) -> None:
        """A look is wanted at `at` already."""
        self.look_at = min(self.look_at, at)

    def begin(self, now: float) -> bool:
        """A look begins; whether it is to list everything."""
        self._asked = False
        return now >= self._whole_by or (self._touched and now >= self._whole_after)

    def failed(self, now: float, scan_seconds: float) -> None:
        """A look found nothing out."""
        self.look_at = now if self._asked else now + scan_seconds

    def end(self, began_at: float, now: float, *, whole: bool, scan_seconds: float, events: bool, active: bool) -> None:
        """A look is over. `events`: more of them will come; `active`: it found something, or something waits."""
        grown = min(max(2 * self._pause_seconds, scan_seconds), max(LONGEST_SECONDS, scan_seconds))
        self._pause_seconds = grown if events and not active else scan_seconds
        self.look_at = now + self._pause_seconds
        if whole:
            self._touched = self._asked
            self._whole_after, self._whole_by = now + SHARE * (now - began_at), now + WHOLE_SECONDS
        elif self._touched:
            self.soon(self._whole_after)
        if self._asked:
            self.soon(now)
