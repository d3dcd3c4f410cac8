"""The rule by which a file has stopped changing.

A pure function of the listings seen so far and of a monotonic `now`: no clock, no file. Nothing is ever compared with a
file's own times, because copies keep old ones and clocks differ. A file that still grows is waited for without end.
People may say what no listing shows: a marker beside a recording holds it, or releases it at once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from transcribed.inbox.names import HOLD, READY
from transcribed.job import Fingerprint

#: A copy that has paused may pause as long again; three times is the habit of the rule, not a measured figure.
_PAUSES = 3
#: A file unchanged for longer than this was not a paused copy. If it changes again, that is a new edit, and the
#: three-times rule does not apply.
#: Chosen, not measured.
_LONGEST_PAUSE_SECONDS = 600.0
#: An empty file is most often the first moment of a copy, so it gets a minute before it is judged by its emptiness.
_EMPTY_SECONDS = 60.0
#: A file that holds zeros, or less than its header says, was most often given its size in advance or cut, and waits
#: for its bytes. Some recordings are so; they are taken after a time in which any copy would have gone on. Chosen.
_HOLLOW_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Found:
    """A file in an inbox: its path relative to the inbox, with `/`, and what it looked like."""

    path: bytes
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Waiting:
    """The reason why a file is not taken yet; times are monotonic.

    "growing" once it was seen to change, "hollow" where its bytes are not there yet, "held" by a marker, when
    `ready_at` is infinite; else "settling". `words`: what shows that it is hollow.
    """

    reason: Literal["growing", "settling", "hollow", "held"]
    since: float
    ready_at: float
    words: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    fingerprint: Fingerprint
    since: float
    changed_at: float
    longest_pause: float = 0.0
    hollow: str = ""  #: the words for what shows that its bytes are not there yet

    def after(self, fingerprint: Fingerprint, now: float) -> "_Seen":
        """The knowledge of the file after it was seen with `fingerprint` at `now`."""
        if fingerprint == self.fingerprint:
            return self
        pause = now - self.changed_at
        if pause > _LONGEST_PAUSE_SECONDS:
            return _Seen(fingerprint, now, now)
        return _Seen(fingerprint, self.since, now, max(self.longest_pause, pause))

    def ready_at(self, settle_seconds: float) -> float:
        least = _EMPTY_SECONDS if self.fingerprint.size == 0 else _HOLLOW_SECONDS if self.hollow else 0.0
        return self.changed_at + max(settle_seconds, _PAUSES * self.longest_pause, least)


class Settling:
    """The files of one inbox between their first sight and their last change.

    A file has settled when its fingerprint was the same for `settle_seconds` and for three times the longest pause that
    was seen between two of its changes. Paths that leave the listing are forgotten.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._seen: dict[bytes, _Seen] = {}
        self._markers: Collection[bytes] = ()
        self._now = float("-inf")
        self._waiting: dict[bytes, Waiting] | None = {}  # None: to be worked out again

    def observe(self, listing: Mapping[bytes, Fingerprint], now: float, markers: Collection[bytes] = ()) -> list[Found]:
        """Takes in what was listed at `now` and the markers there; every settled file of it, at each look again."""
        self._seen = {path: seen for path, seen in self._seen.items() if path in listing}  # a dict never shrinks
        for path, fingerprint in listing.items():
            seen = self._seen.get(path)
            self._seen[path] = seen.after(fingerprint, now) if seen else _Seen(fingerprint, now, now)
        self._now, self._markers, self._waiting = now, markers, None
        return [Found(path, seen.fingerprint) for path, seen in self._seen.items() if self._ready_at(path, seen) <= now]

    def hollow(self, found: Found, words: str) -> bool:
        """A settled file turned out to lack its bytes, as these words say; whether it has to wait for them."""
        seen = self._seen.get(found.path)
        if seen is None or seen.fingerprint != found.fingerprint:
            return True  # it has changed since: its time starts again
        self._seen[found.path] = again = replace(seen, hollow=words)
        self._waiting = None
        return self._ready_at(found.path, again) > self._now

    def waiting(self) -> Mapping[bytes, Waiting]:
        """The files that had not settled at the last look."""
        if self._waiting is None:
            self._waiting = {
                path: Waiting(self._reason(path, seen), seen.since, self._ready_at(path, seen), seen.hollow)
                for path, seen in self._seen.items()
                if self._ready_at(path, seen) > self._now
            }
        return self._waiting

    def next_at(self) -> float | None:
        """The monotonic time at which the next file settles if nothing changes; None where none waits for a time."""
        times = [waiting.ready_at for waiting in self.waiting().values()]
        return min((time for time in times if time < inf), default=None)

    def _reason(self, path: bytes, seen: _Seen) -> Literal["growing", "settling", "hollow", "held"]:
        if path + HOLD in self._markers:
            return "held"
        return "hollow" if seen.hollow else "growing" if seen.longest_pause else "settling"

    def _ready_at(self, path: bytes, seen: _Seen) -> float:
        if path + HOLD in self._markers:
            return inf
        return seen.since if path + READY in self._markers else seen.ready_at(self._settle_seconds)
