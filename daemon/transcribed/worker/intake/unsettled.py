"""The files of one inbox that have not settled: the rule for them, what outlives the process, and what people are told.

The longest pause of a file that grows is remembered in the journal: a copy that stalls while the daemon starts again is
a paused copy still. To lose it is no error. All of it belongs to the loop's thread.
"""

import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from transcribed.inbox import WRITTEN, Found, Settling, Waiting
from transcribed.job import Fingerprint, shown
from transcribed.journal import Journal
from transcribed.worker.messages import Looked
from transcribed.worker.plan import Route

FACT = "pauses:"  #: the beginning of the names of the facts that hold pauses, one for each inbox
MOST_FILES = 1000  # that grow at once, and are remembered
STEP_SECONDS = 5.0  # pauses are remembered rounded up, or each look would write a little more
TOLD_AFTER_SECONDS = 3600.0  # without a change; chosen: a slow copy is nobody's business, and a lost hour is
MOST_TOLD = 10
#: The reasons of which people at the share are told, and what they can do.
SENTENCES: Mapping[str, str] = {
    "written": f"{WRITTEN}. It is taken once that program has closed it.",
    "unfinished": "an unfinished download of that name lies beside it. It is taken once that file is gone.",
    "empty": "it is empty. It is taken once it has content. If nothing is to come, it can be deleted.",
}


class Unsettled:
    """The unsettled files of one inbox."""

    def __init__(self, route: Route, journal: Journal) -> None:
        self._route = route
        self._journal = journal
        self._fact = FACT + quote(route.name)
        self._remembered = _read(journal.facts(self._fact).get(self._fact, ""))
        self._rule = Settling(route.settle_seconds, self._remembered)
        self._told = ""

    def observe(self, pending: Mapping[bytes, Fingerprint], look: Looked) -> list[Found]:
        """Take in a look; the files that have settled. Raises Blocked(state), after all is taken in."""
        listing = look.listing
        scan_seconds = 0.0 if listing.mount.is_local else self._route.scan_seconds
        found = self._rule.observe(pending, look.at, listing.markers, look.evidence, scan_seconds)
        self._told = _told(self._rule.waiting(), look.at)
        self._remember()
        return found

    def taken(self, found: Found) -> None:
        """As Settling.taken."""
        self._rule.taken(found)

    def hollow(self, found: Found, words: str) -> bool:
        """As Settling.hollow."""
        return self._rule.hollow(found, words)

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

    def is_quiet(self) -> bool:
        """True if no file waits for a time, or for what no event tells: a lease, a file beside it that goes away."""
        return self.next_at() is None and not any(
            each.reason in ("written", "unfinished") for each in self.waiting().values()
        )

    def told(self) -> str:
        """The paragraph for people at the share on files that wait for long; empty where there is none."""
        return self._told

    def _remember(self) -> None:
        pauses = _rounded(self._rule.pauses())
        if pauses != self._remembered:
            text = json.dumps({os.fsdecode(path): seconds for path, seconds in pauses.items()})
            self._journal.remember({self._fact: text if pauses else None})
            self._remembered = pauses


def _told(waiting: Mapping[bytes, Waiting], now: float) -> str:
    first = list(itertools.islice(_sentences(waiting, now), MOST_TOLD + 1))
    more = ["And more."] if len(first) > MOST_TOLD else []
    return "\n".join([*first[:MOST_TOLD], *more, ""]) if first else ""


def _sentences(waiting: Mapping[bytes, Waiting], now: float) -> Iterator[str]:
    for path, each in waiting.items():
        if each.reason in SENTENCES and now - each.changed_at >= TOLD_AFTER_SECONDS:
            yield f"{shown(path)} is not transcribed yet: {SENTENCES[each.reason]}"


def _rounded(pauses: Mapping[bytes, float]) -> dict[bytes, float]:
    first = itertools.islice(pauses.items(), MOST_FILES)
    return {path: STEP_SECONDS * math.ceil(seconds / STEP_SECONDS) for path, seconds in first}


def _read(text: str) -> dict[bytes, float]:
    return {os.fsencode(path): float(seconds) for path, seconds in json.loads(text or "{}").items()}
