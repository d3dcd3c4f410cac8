"""When a file has stopped changing.

A pure function of the listings seen so far and of a monotonic `now`: no clock, no file. Nothing is ever compared with a
file's own times, for copies keep old ones and clocks differ. A file that still grows is waited for without end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from transcribed.job import Fingerprint

#: A copy that has paused may pause as long again; three times is the habit of the rule, not a measured figure.
_PAUSES = 3
#: What lay still for longer is no paused copy: a change to it is a new edit, which need not be waited out threefold.
#: Chosen, not measured.
_LONGEST_PAUSE_SECONDS = 600.0
#: An empty file is most often the first moment of a copy, so it gets a minute before it is judged by its emptiness.
_EMPTY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """A file in an inbox: its path relative to the inbox, with `/`, and what it looked like."""

    path: bytes
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a file is not taken yet: "growing" once it was seen to change, else "settling". Times are monotonic."""

    reason: Literal["growing", "settling"]
    since: float
    ready_at: float


@dataclass(frozen=True, slots=True)
class _Seen:
    fingerprint: Fingerprint
    since: float
    changed_at: float
    longest_pause: float = 0.0

    def after(self, fingerprint: Fingerprint, now: float) -> "_Seen":
        """What is known of the file once it was seen with `fingerprint` at `now`."""
        if fingerprint == self.fingerprint:
            return self
        pause = now - self.changed_at
        if pause > _LONGEST_PAUSE_SECONDS:
            return _Seen(fingerprint, now, now)
        return _Seen(fingerprint, self.since, now, max(self.longest_pause, pause))

    def ready_at(self, settle_seconds: float) -> float:
        least = _EMPTY_SECONDS if self.fingerprint.size == 0 else 0.0
        return self.changed_at + max(settle_seconds, _PAUSES * self.longest_pause, least)


class Settling:
    """The files of one inbox between their first sight and their last change.

    A file has settled when its fingerprint was the same for `settle_seconds` and for three times the longest pause that
    was seen between two of its changes. Paths that leave the listing are forgotten.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._seen: dict[bytes, _Seen] = {}
        self._now = float("-inf")

    def observe(self, listing: Mapping[bytes, Fingerprint], now: float) -> list[Found]:
        """Takes in what was listed at `now` and returns every settled file of it, at each look anew."""
        new = {path: _Seen(fingerprint, now, now) for path, fingerprint in listing.items()}
        old = self._seen
        self._seen = {
            path: old[path].after(seen.fingerprint, now) if path in old else seen for path, seen in new.items()
        }
        self._now = now
        return [Found(path, seen.fingerprint) for path, seen in self._seen.items() if self._ready_at(seen) <= now]

    def waiting(self) -> Mapping[bytes, Waiting]:
        """The files that had not settled at the last look."""
        return {
            path: Waiting("growing" if seen.longest_pause else "settling", seen.since, self._ready_at(seen))
            for path, seen in self._seen.items()
            if self._ready_at(seen) > self._now
        }

    def next_at(self) -> float | None:
        """The monotonic time at which the next file settles if nothing changes; None where none waits."""
        return min((waiting.ready_at for waiting in self.waiting().values()), default=None)

    def _ready_at(self, seen: _Seen) -> float:
        return seen.ready_at(self._settle_seconds)
