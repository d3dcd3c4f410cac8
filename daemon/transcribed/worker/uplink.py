"""The number of uploads at once that helps: learnt from what so many carried.

Twice as many are worth it where they carry clearly more: a line on which each connection has its bound, or a round trip
before each answer. Where all share one bandwidth they are not, and the first of them ends later. Pure: bytes and times
are arguments, monotonic.
"""

FEWEST = 2  # one upload leaves the line idle until the next one begins
GAIN = 1.1  # more at once are kept where they carry so much more
WINDOW_SECONDS = 5.0  # of a measurement: buffers on the way fill in the first of them, and say nothing of the line
RESTS = 12  # measurements before more are tried again


class Uplink:
    """The line as it was found: `at_once` uploads are worth it."""

    def __init__(self) -> None:
        self.at_once = FEWEST
        self._fewer: list[tuple[int, float]] = []  # the numbers before it, and what each carried a second
        self._since: tuple[float, float] | None = None  # the bytes and the time at its start
        self._is_new = True  # it has changed since the last measurement
        self._rests = 0

    def saw(self, carried: float, now: float, *, most: int, is_full: bool) -> None:
        """So many bytes were carried in all up to `now`. `is_full`: `at_once` are under way, and more wait."""
        if self.at_once > most:
            self._try(most)
        if not is_full or self._since is None:
            self._since = (carried, now) if is_full else None
            return
        before, began_at = self._since
        if now - began_at < WINDOW_SECONDS:
            return
        self._since = carried, now
        if self._is_new:
            self._is_new = False
        else:
            self._measured((carried - before) / (now - began_at), most)

    def begin_again(self) -> None:
        """Measure from now on: the bytes since the last measurement say nothing."""
        self._since = None

    def _measured(self, rate: float, most: int) -> None:
        if self._fewer and rate < self._fewer[-1][1] * GAIN:
            fewer, _ = self._fewer.pop()
            self._rests = RESTS
            self._try(fewer)
        elif self._rests:
            self._rests -= 1
        elif self.at_once < most:
            self._fewer.append((self.at_once, rate))
            self._try(min(2 * self.at_once, most))

    def _try(self, number: int) -> None:
        self.at_once, self._since, self._is_new = number, None, True
        self._fewer = [each for each in self._fewer if each[0] < number]
