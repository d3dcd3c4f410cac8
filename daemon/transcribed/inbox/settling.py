"""The rule by which a file has stopped changing.

A pure function of the listings seen so far, of what is known of the files' writers, and of a monotonic `now`: no clock,
no file. Nothing is ever compared with a file's own times, because copies keep old ones and clocks differ. A file that
still grows, or that a program has open for writing, is waited for without end, and so is an empty one: it has nothing
to lose by waiting, and most often something is about to become of it.
People may say what no listing shows: a marker beside a recording holds it, or releases it at once, unless a program has
it open. An unfinished file beside it holds it too. A marker releases an empty file only once that has settled, and
nothing near is about to become it. One that was there before its recording says nothing of it: it was left behind, or
came first.
"""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

from transcribed.inbox.names import HOLD, READY, becomes
from transcribed.job import Fingerprint

#: A copy that has paused may pause as long again; three times is the habit of the rule, not a measured figure.
_PAUSES = 3
#: A file unchanged for longer than this was not a paused copy. If it changes again, that is a new edit, and the
#: three-times rule does not apply.
#: Chosen, not measured.
_LONGEST_PAUSE_SECONDS = 600.0
#: A file that holds zeros, or less than its header says, was most often given its size in advance or cut, and waits
#: for its bytes. Some recordings are so; they are taken after a time in which any copy would have gone on. Chosen.
_HOLLOW_SECONDS = 600.0
#: A file that was seen written, and not closed: a program may have changed it without ever having it open (truncate(2)
#: with a path), so that is believed for an hour without a change. Chosen.
_UNCLOSED_SECONDS = 3600.0
#: Where another machine may write, so many looks must find a file the same: the first ones may be answered by a cache.
_LOOKS = 3
#: The longest time between two such looks that is asked for, however rarely people let their folders be looked at.
_LONGEST_APART_SECONDS = 10.0

#: What is known of a file's writers. The kernel says that a program has it "open" for writing, or that nobody has:
#: "closed". Or it was seen to be written: "unclosed", or "left" once it was closed after that.
Evidence = Literal["open", "unclosed", "closed", "left"]
#: The reason why a file is not taken yet: "held" by a marker, "unfinished" while a file of that kind lies beside it,
#: "written" while a program has it open for writing, "empty", "hollow" where its bytes are not there yet, "growing"
#: once it was seen to change, else "settling".
Reason = Literal["growing", "settling", "hollow", "held", "written", "unfinished", "empty"]


@dataclass(frozen=True, slots=True)
class Found:
    """A file in an inbox: its path relative to the inbox, with `/`, and what it looked like."""

    path: bytes
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Waiting:
    """The reason why a file is not taken yet; times are monotonic. `ready_at` is infinite where no time ends it.

    `words`: what shows that it is hollow. `beside`: the path of the unfinished file for which it waits.
    """

    reason: Reason
    since: float
    changed_at: float
    ready_at: float
    words: str = ""
    beside: bytes = b""


@dataclass(frozen=True, slots=True)
class _Seen:
    fingerprint: Fingerprint
    since: float
    changed_at: float
    longest_pause: float = 0.0
    hollow: str = ""  #: the words for what shows that its bytes are not there yet
    looks: int = 1  #: that found it as it is, up to _LOOKS
    writer: Evidence | None = None  #: as the last look found it
    silent: bool = False  #: True once it was looked into, and did not say itself that it is whole
    left: bool = False  #: True once its writer was seen to have it open, and then to have closed it
    returns: bool = False  #: True if it changed after that: its writer comes and goes

    def after(self, fingerprint: Fingerprint, now: float) -> "_Seen":
        """The knowledge of the file after it was seen with `fingerprint` at `now`."""
        if fingerprint == self.fingerprint:
            return self if self.looks == _LOOKS else replace(self, looks=self.looks + 1)
        if self.left and not _was_written(self.fingerprint, fingerprint):
            return replace(self, fingerprint=fingerprint, changed_at=now, looks=1)
        pause = now - self.changed_at
        if pause > _LONGEST_PAUSE_SECONDS:
            return _Seen(fingerprint, now, now)
        longest = max(self.longest_pause, pause) if self.fingerprint.size else self.longest_pause
        returns = self.returns or self.left
        return _Seen(fingerprint, self.since, now, longest, writer=self.writer, returns=returns)

    def with_writer(self, evidence: Evidence | None) -> "_Seen":
        """The knowledge of the file with what a look found out about its writers."""
        was_open = self.left or self.writer in ("open", "unclosed")
        left = not self.returns and (evidence == "left" or (evidence == "closed" and was_open))
        return self if (evidence, left) == (self.writer, self.left) else replace(self, writer=evidence, left=left)

    def is_written(self, now: float) -> bool:
        """True if a program has it open for writing, as far as is known."""
        return self.writer == "open" or (self.writer == "unclosed" and now < self.changed_at + _UNCLOSED_SECONDS)

    def settles_at(self, settle_seconds: float, apart_seconds: float) -> float:
        """The time at which it has been the same for long enough.

        One that says itself that it is whole need not wait for another pause: it is looked into for that.
        """
        pauses = _PAUSES * self.longest_pause if self.silent and not self.left else 0.0
        hollow = _HOLLOW_SECONDS if self.hollow else 0.0
        return self.changed_at + max(settle_seconds, pauses, hollow, (_LOOKS - 1) * apart_seconds)


class Settling:
    """The files of one inbox between their first sight and their last change.

    A file has settled when its fingerprint was the same for `settle_seconds` and for three times the longest pause that
    was seen between two of its changes; that pause does not count once the program that wrote it was seen to close it,
    nor where the file says itself that it is whole. Paths that leave the listing are forgotten, but for those that a
    job took: what grows there within ten minutes is the same file, of which only a part was taken.
    `pauses`: the longest pauses that an earlier process has seen. `hollow`: the files that it found to lack bytes, and
    since when.
    """

    def __init__(
        self,
        settle_seconds: float,
        pauses: Mapping[bytes, float] | None = None,
        hollow: Mapping[Found, float] | None = None,
    ) -> None:
        self._settle_seconds = settle_seconds
        self._pauses = pauses or {}  # until the first look
        self._back: dict[bytes, tuple[float, float]] = {}  # of what came back, and was not seen yet: pause, and when
        self._hollow = hollow or {}
        self._seen: dict[bytes, _Seen] = {}
        self._taken: dict[bytes, _Seen] = {}  # what jobs took and still lies there, oldest first
        self._markers: Collection[bytes] = ()
        self._early: frozenset[bytes] = frozenset()  # markers that were there without their recordings
        self._unfinished: Mapping[bytes, bytes] = {}  # by the path of what each is to become
        self._apart_seconds = 0.0
        self._now = float("-inf")
        self._waiting: dict[bytes, Waiting] | None = {}  # None: to be worked out again

    def observe(
        self,
        listing: Mapping[bytes, Fingerprint],
        now: float,
        markers: Collection[bytes] = (),
        evidence: Mapping[bytes, Evidence] | None = None,
        scan_seconds: float = 0.0,
    ) -> list[Found]:
        """Takes in what was listed at `now`, the markers there, and what is known of writers.

        Returns every settled file of it, at each look again. `scan_seconds`: the time between two looks where other
        machines may write, 0 where none can.
        """
        known = evidence or {}
        self._forget_old(now - _LONGEST_PAUSE_SECONDS)
        self._seen = {path: self._after(path, found, now, known.get(path)) for path, found in listing.items()}
        self._pauses = {}
        self._now, self._waiting = now, None
        self._early = frozenset(marker for marker in markers if self._is_early(marker))
        self._markers = frozenset(markers).difference(self._early)
        self._apart_seconds = min(scan_seconds, _LONGEST_APART_SECONDS)
        self._unfinished = {path: marker for marker in markers if (path := becomes(marker)) is not None}
        return [Found(path, seen.fingerprint) for path, seen in self._seen.items() if self._ready_at(path, seen) <= now]

    def _is_early(self, marker: bytes) -> bool:
        """True if it would release a recording, and was seen without it."""
        path = marker.removesuffix(READY)
        return path != marker and (marker in self._early or path not in self._seen)

    def _after(self, path: bytes, fingerprint: Fingerprint, now: float, evidence: Evidence | None) -> _Seen:
        before = self._seen.get(path) or self._taken_before(path, fingerprint, now)
        if before is None:
            pause, _ = self._back.pop(path, (0.0, now))
            before = _Seen(fingerprint, now, now, max(self._pauses.get(path, 0.0), pause), looks=0)
        return before.after(fingerprint, now).with_writer(evidence)

    def _taken_before(self, path: bytes, fingerprint: Fingerprint, now: float) -> _Seen | None:
        """The knowledge of a file that a job took and that has grown since, where it lies: its writer only paused."""
        seen = self._taken.pop(path, None)
        if seen is None or fingerprint.size <= seen.fingerprint.size:
            return None
        return replace(seen, since=now, returns=True)

    def _forget_old(self, before: float) -> None:
        self._back = {path: each for path, each in self._back.items() if each[1] >= before}
        old = itertools.takewhile(lambda item: item[1].changed_at < before, self._taken.items())
        for path, _ in list(old):
            del self._taken[path]

    def taken(self, found: Found) -> None:
        """This settled file is a job's now. A newer one at its path goes on settling.

        If it grows where it lies, that was a pause of its writer: it waits for another, or each part would be paid for.
        """
        seen = self._seen.get(found.path)
        if seen is not None and seen.fingerprint == found.fingerprint:
            self._taken[found.path] = self._seen.pop(found.path)

    def moved(self, path: bytes) -> None:
        """The file that a job took was put away: what comes to its path is another one."""
        self._taken.pop(path, None)

    def came_back(self, path: bytes, pause: float, now: float) -> None:
        """A recording that was put away lies here again: its writer went on after that pause, and may pause again."""
        self._back[path] = min(pause, _LONGEST_PAUSE_SECONDS), now

    def looked_into(self, found: Found, *, lacks: str, whole: bool) -> bool:
        """A settled file was looked into; True if it has to wait after all.

        `lacks`: the words for what shows that its bytes are not all there. `whole`: it says itself that they are.
        """
        seen = self._seen.get(found.path)
        if seen is None or seen.fingerprint != found.fingerprint:
            return bool(lacks)  # it has changed since: its time starts again
        since = self._hollow.get(_as_listed(found), seen.changed_at) if lacks else seen.changed_at
        again = replace(seen, hollow=lacks, silent=not whole, changed_at=min(seen.changed_at, since))
        self._seen[found.path], self._waiting = again, None
        return self._ready_at(found.path, again) > self._now

    def hollow(self) -> dict[Found, float]:
        """The files that lack bytes, and the time since which each does, for the next process."""
        seen = ((path, seen) for path, seen in self._seen.items() if seen.hollow)
        return {_as_listed(Found(path, each.fingerprint)): each.changed_at for path, each in seen}

    def waiting(self) -> Mapping[bytes, Waiting]:
        """The files that had not settled at the last look."""
        if self._waiting is None:
            self._waiting = {
                path: self._why(path, seen)
                for path, seen in self._seen.items()
                if self._ready_at(path, seen) > self._now
            }
        return self._waiting

    def _why(self, path: bytes, seen: _Seen) -> Waiting:
        reason = self._reason(path, seen)
        words = seen.hollow if reason == "hollow" else ""
        beside = self._unfinished.get(path, b"") if reason == "unfinished" else b""
        return Waiting(reason, seen.since, seen.changed_at, self._ready_at(path, seen), words, beside)

    def next_at(self) -> float | None:
        """The monotonic time at which the next file settles if nothing changes; None where none waits for a time."""
        times = [waiting.ready_at for waiting in self.waiting().values()]
        return min((time for time in times if time < inf), default=None)

    def pauses(self) -> dict[bytes, float]:
        """The longest pause of each file that was seen to grow, for the next process."""
        return {path: seen.longest_pause for path, seen in self._seen.items() if seen.longest_pause}

    def _reason(self, path: bytes, seen: _Seen) -> Reason:
        if path + HOLD in self._markers:
            return "held"
        if path in self._unfinished:
            return "unfinished"
        if seen.is_written(self._now):
            return "written"
        if seen.fingerprint.size == 0:
            return "empty"
        return "hollow" if seen.hollow else "growing" if seen.longest_pause else "settling"

    def _ready_at(self, path: bytes, seen: _Seen) -> float:
        if path + HOLD in self._markers or seen.writer == "open":
            return inf
        is_empty, is_released = seen.fingerprint.size == 0, path + READY in self._markers
        if is_released and not is_empty:
            return seen.since
        if path in self._unfinished or seen.is_written(self._now) or (is_empty and not is_released):
            return inf
        settles_at = seen.settles_at(self._settle_seconds, self._apart_seconds)
        return settles_at if seen.looks == _LOOKS or not self._apart_seconds else max(settles_at, self._next_look())

    def _next_look(self) -> float:
        return self._now + self._apart_seconds


def _was_written(before: Fingerprint, now: Fingerprint) -> bool:
    """True if bytes may have changed between the two, and not only the file's time or rights, as copies set them last.

    A write sets a time that is not before any that the file had. Where that is not known, each new time counts.
    """
    is_new = now.mtime_ns != before.mtime_ns and (before.ctime_ns is None or now.mtime_ns >= before.ctime_ns)
    return now.size != before.size or is_new


def _as_listed(found: Found) -> Found:
    """The file by its size and time only, as another process knows it again on any file system."""
    return Found(found.path, Fingerprint(found.fingerprint.size, found.fingerprint.mtime_ns))
