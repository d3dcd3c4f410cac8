"""The files of one inbox that have not settled: the rule for them, what outlives the process, and what people are told.

The longest pause of a file that grows is remembered in the journal: a copy that stalls while the daemon starts again is
a paused copy still. So is since when a file is known to lack bytes, or single runs would never take it. To lose these
is no error. All of it belongs to the loop's thread.
"""

import itertools
import json
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import structlog

from transcribed.inbox import WRITTEN, Found, Settling, Waiting
from transcribed.job import Fingerprint, is_link, shown
from transcribed.journal import Journal
from transcribed.worker.messages import Candidate, Looked
from transcribed.worker.plan import Clock, Route

log = structlog.get_logger()

FACT = "pauses:"  #: the beginning of the names of the facts that hold pauses, one for each inbox
HOLLOW = "hollow:"  #: and of those that hold which files lack bytes
MOST_FILES = 1000  # of each kind that are remembered
STEP_SECONDS = 5.0  # pauses are remembered rounded up, or each look would write a little more
TOLD_AFTER_SECONDS = 3600.0  # without a change; chosen: a slow copy is nobody's business, and a lost hour is
MOST_TOLD = 10
#: The reasons of which people at the share are told, until when it waits, and what they can do.
SENTENCES: Mapping[str, str] = {
    "written": f"{WRITTEN}, so nobody knows if it is whole. It is taken some seconds after that program has closed it, "
    "however long that takes. What to do: end the copy, or close the program that writes it, on this machine or on the "
    "computer that sends it. If it is whole already, copy it here under another name, and delete this one.",
    "unfinished": "{beside} lies beside it, as downloads and copies leave it there until they have ended. It is taken "
    "some seconds after {beside} is gone, however long that takes. What to do: let the download end. If it was given "
    "up, delete {beside}; to have {file} transcribed as it is, put an empty file named {file}.ready beside it.",
    "empty": "it is empty. It is taken once it has content, however long that takes. What to do: copy it again. If "
    "nothing is to come, delete it.",
}
#: The reasons for which a single run leaves files behind, in its one sentence on them.
LEFT: Mapping[str, str] = {
    "written": WRITTEN,
    "unfinished": "an unfinished file of its name lies beside it",
    "empty": "it is empty",
    "hollow": "its bytes are not all there: it is taken ten minutes after that was found, if they do not come",
}

LEFT_HINT = "run it again later, or let the daemon run: it waits for them"


class Unsettled:
    """The unsettled files of one inbox."""

    def __init__(self, route: Route, journal: Journal, clock: Clock) -> None:
        self._route = route
        self._journal = journal
        self._clock = clock
        self._fact, self._hollow_fact = FACT + quote(route.name), HOLLOW + quote(route.name)
        self._remembered = _read(journal.facts(self._fact).get(self._fact, ""))
        hollow = _read_hollow(journal.facts(self._hollow_fact).get(self._hollow_fact, ""))
        self._hollow = hollow.keys()
        self._rule = Settling(route.settle_seconds, self._remembered, self._by_other_clock(hollow, to_wall=False))
        self._told = ""

    def observe(self, pending: Mapping[bytes, Fingerprint], look: Looked) -> list[Found]:
        """Take in a look; the files that have settled. Raises Blocked(state), after all is taken in."""
        listing = look.listing
        scan_seconds = 0.0 if listing.mount.is_local else self._route.scan_seconds
        found = self._rule.observe(pending, look.at, listing.markers, look.evidence, scan_seconds)
        self._told = _told(self._rule.waiting(), look.at)
        self.remember()
        return found

    def taken(self, found: Found) -> None:
        """As Settling.taken."""
        self._rule.taken(found)

    def moved(self, path: bytes) -> None:
        """As Settling.moved."""
        self._rule.moved(path)

    def came_back(self, path: bytes, pause: float) -> None:
        """As Settling.came_back."""
        self._rule.came_back(path, pause, self._clock.monotonic())

    def must_wait(self, candidate: Candidate) -> bool:
        """True if the file shows that its bytes are not all there, or may not be, and has to wait for them."""
        lacks, whole = candidate.probe.incomplete, candidate.probe.whole or is_link(candidate.found.path)
        words = f"it is not complete: {lacks}" if lacks else ""
        return self._rule.looked_into(candidate.found, lacks=words, whole=whole)

    def waiting(self) -> Mapping[bytes, Waiting]:
        """As Settling.waiting."""
        return self._rule.waiting()

    def rows(self, unread: Mapping[bytes, str]) -> Iterator[tuple[bytes, str]]:
        """Each file that is not taken yet, with the reason; `unread` cannot be read."""
        yield from self.settled_among(unread).items()
        yield from ((path, why.words or why.reason) for path, why in self.waiting().items())

    def settled_among(self, unread: Mapping[bytes, str]) -> dict[bytes, str]:
        """Those of the files that cannot be read that do not wait by a reason of their own."""
        waiting = self.waiting()
        return {path: why for path, why in unread.items() if path not in waiting}

    def next_at(self) -> float | None:
        """As Settling.next_at."""
        return self._rule.next_at()

    def is_settling(self) -> bool:
        """True if a file waits for a time that is worth waiting for: not one that lacks bytes."""
        return any(each.ready_at < math.inf and each.reason != "hollow" for each in self.waiting().values())

    def leaves_files(self, unread: Mapping[bytes, str]) -> bool:
        """True if a single run leaves files: how many, and why, is one line of the log. `unread` cannot be read."""
        left = {path: LEFT[each.reason] for path, each in self.waiting().items() if each.reason in LEFT}
        left |= dict.fromkeys(self.settled_among(unread), "it cannot be read")
        if left:
            log.warning("inbox.left", inbox=self._route.name, reason=_summary(left), hint=LEFT_HINT)
        return bool(left)

    def is_quiet(self) -> bool:
        """True if no file waits for a time, or for what no event tells: a lease, a file beside it that goes away."""
        return self.next_at() is None and not any(
            each.reason in ("written", "unfinished") for each in self.waiting().values()
        )

    def told(self) -> str:
        """The paragraph for people at the share on files that wait for long; empty where there is none."""
        return self._told

    def remember(self) -> None:
        """Write what the next process has to know. Raises Blocked(state)."""
        pauses = _rounded(self._rule.pauses())
        if pauses != self._remembered:
            text = json.dumps({os.fsdecode(path): seconds for path, seconds in pauses.items()})
            self._journal.remember({self._fact: text if pauses else None})
            self._remembered = pauses
        hollow = dict(itertools.islice(self._rule.hollow().items(), MOST_FILES))
        if hollow.keys() != self._hollow:
            text = _hollow_text(self._by_other_clock(hollow, to_wall=True))
            self._journal.remember({self._hollow_fact: text if hollow else None})
            self._hollow = hollow.keys()

    def _by_other_clock(self, times: Mapping[Found, float], *, to_wall: bool) -> dict[Found, float]:
        """Monotonic times as times of day, or the other way round; none lies in the future."""
        wall, now = self._clock.wall(), self._clock.monotonic()
        here, there = (now, wall) if to_wall else (wall, now)
        return {found: there - max(here - at, 0.0) for found, at in times.items()}


def _told(waiting: Mapping[bytes, Waiting], now: float) -> str:
    first = list(itertools.islice(_sentences(waiting, now), MOST_TOLD + 1))
    more = ["And more."] if len(first) > MOST_TOLD else []
    return "\n".join([*first[:MOST_TOLD], *more, ""]) if first else ""


def _sentences(waiting: Mapping[bytes, Waiting], now: float) -> Iterator[str]:
    for path, each in waiting.items():
        if each.reason in SENTENCES and now - each.changed_at >= TOLD_AFTER_SECONDS:
            names = {"file": shown(os.path.basename(path)), "beside": shown(os.path.basename(each.beside))}
            yield f"{shown(path)} is not transcribed yet: {SENTENCES[each.reason].format(**names)}"


def _rounded(pauses: Mapping[bytes, float]) -> dict[bytes, float]:
    first = itertools.islice(pauses.items(), MOST_FILES)
    return {path: STEP_SECONDS * math.ceil(seconds / STEP_SECONDS) for path, seconds in first}


def _summary(left: Mapping[bytes, str]) -> str:
    """One sentence on the files that are left, each with its reason: how many there are, and the first of each kind."""
    by_reason: dict[str, list[bytes]] = defaultdict(list)
    for path, why in left.items():
        by_reason[why].append(path)
    kinds = (f"{len(paths)} ({shown(paths[0])}): {why}" for why, paths in by_reason.items())
    return f"{len(left)} left in the inbox: {'; '.join(kinds)}"


def _hollow_text(times: Mapping[Found, float]) -> str:
    rows = ((found.path, found.fingerprint, at) for found, at in times.items())
    return json.dumps([[os.fsdecode(path), looks.size, looks.mtime_ns, at] for path, looks, at in rows])


def _read_hollow(text: str) -> dict[Found, float]:
    rows = json.loads(text or "[]")
    return {Found(os.fsencode(path), Fingerprint(size, mtime_ns)): at for path, size, mtime_ns, at in rows}


def _read(text: str) -> dict[bytes, float]:
    return {os.fsencode(path): float(seconds) for path, seconds in json.loads(text or "{}").items()}
