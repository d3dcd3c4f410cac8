"""The orders of people that lie in one inbox: which have settled, what is known of each, and what people are told.

An order that is refused stays as it is, and is looked at again once its file, or a recording of its name, has changed.
One that waits for a recording on its way is about that one, whatever has the name later: this is remembered in the
journal, as is which orders were obeyed and stay (`after = "keep"`). All of it belongs to the loop's thread.
"""

import itertools
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

import structlog

from transcribed.inbox import WRITTEN, Found, Settling, order_forms, order_named
from transcribed.job import LINKS, Fingerprint, Job, printable, shown
from transcribed.journal import Journal
from transcribed.worker.intake.sightings import Sightings
from transcribed.worker.messages import Looked, ShareOrder
from transcribed.worker.plan import Clock, Route

log = structlog.get_logger()

FACT = "share-orders:"  #: the beginning of the facts about orders, one for each inbox
MOST = 1000  # that are looked at in one inbox
MOST_TOLD = 20
AFTER_SECONDS = 60.0  # a shorter wait is not worth telling
#: The reasons for which one may never settle, in words.
_UNSETTLED: Mapping[str, str] = {"empty": "it is empty", "written": WRITTEN}
_TO_DO = "What to do: change such a file and save it, or take it away."


@dataclass(slots=True)
class Lying:
    """An order that has settled. `due_at` is monotonic; infinite: until something happens."""

    order: ShareOrder
    since: float
    why: str = ""  #: the reason why it waits, or is not obeyed
    is_refused: bool = False
    is_obeyed: bool = False
    request: str = ""  #: the question that it asks, once it is read
    is_asked: bool = False
    due_at: float = 0.0


@dataclass(slots=True)
class _Kept:
    """An order as the journal remembers it: its file's size and time, the job that it is about, if that is known."""

    size: int
    mtime_ns: int
    job: int | None = None
    obeyed: bool = False

    def is_of(self, fingerprint: Fingerprint) -> bool:
        """True if the file is that one, on any file system."""
        return (self.size, self.mtime_ns) == (fingerprint.size, fingerprint.mtime_ns)


class OrdersHere:
    """The orders in one inbox; `left` hears of the path of each that was put away."""

    def __init__(
        self,
        route: Route,
        journal: Journal,
        clock: Clock,
        sightings: Sightings,
        left: Callable[[bytes], object],
    ) -> None:
        self._route = route
        self._journal = journal
        self._clock = clock
        self._sightings = sightings
        self._left = left
        self._rule = Settling(route.settle_seconds)
        self._fact = FACT + quote(route.name)
        self._kept = _read(journal.facts(self._fact).get(self._fact, "{}"))
        self._there: Mapping[bytes, Fingerprint] = {}  # as the last look found them
        self._lying: dict[bytes, Lying] = {}
        self._unsettled: frozenset[bytes] = frozenset()
        self._more = 0

    # -- looks

    def listed(self, look: Looked) -> None:
        """Take in a look."""
        self._there = there = look.listing.orders
        new = {path: each for path, each in there.items() if not self._is_done(path, each)}
        self._more = max(0, len(new) - MOST)
        new = dict(itertools.islice(new.items(), MOST))
        scan_seconds = 0.0 if look.listing.mount.is_local else self._route.scan_seconds
        settled = self._rule.observe(new, look.at, (), look.evidence, scan_seconds)
        before, self._lying = self._lying, {}
        for found in settled:
            known = before.get(found.path)
            is_same = known is not None and known.order.fingerprint == found.fingerprint
            self._lying[found.path] = known if known and is_same else self._settled(found)
        self._unsettled = frozenset(new.keys() - self._lying.keys())
        if look.listing.files or look.listing.gone:
            self._ask_again(each for each in self._lying.values() if self.job_of(each.order) is None)

    def _settled(self, found: Found) -> Lying:
        named = order_named(found.path)
        assert named is not None
        return Lying(ShareOrder(self._route.name, found.path, found.fingerprint, *named), self._clock.monotonic())

    def watched(self) -> frozenset[bytes]:
        """The orders that may be written over in place, and must be seen to be."""
        return self._unsettled.union(self._lying)

    def next_at(self) -> float:
        """The time at which the next one settles (monotonic); infinite where none waits for a time."""
        return math.inf if (at := self._rule.next_at()) is None else at

    # -- what is known

    def due(self) -> Lying | None:
        """One that is to be looked into now."""
        now = self._clock.monotonic()
        return next((each for each in self._lying.values() if each.due_at <= now), None)

    def due_at(self) -> float:
        """The time at which the next one is due (monotonic)."""
        return min((each.due_at for each in self._lying.values()), default=math.inf)

    def at(self, order: ShareOrder) -> Lying | None:
        """The record of this order; None where its file has changed or gone."""
        known = self._lying.get(order.path)
        return known if known is not None and known.order == order else None

    def is_expected(self, stem: bytes) -> bool:
        """True if a recording of this name lies in the inbox, and is no job yet."""
        endings = (each for ending in (*self._route.extensions, *LINKS) for each in (ending, ending.upper()))
        names = [form + ending for ending in (b"", *endings) for form in order_forms(stem)]
        return any(map(self._sightings.is_pending, names))

    def job_of(self, order: ShareOrder) -> int | None:
        """The job that it is about, once that is settled."""
        kept = self._kept.get(order.path)
        return kept.job if kept is not None and kept.is_of(order.fingerprint) else None

    def _is_done(self, path: bytes, fingerprint: Fingerprint) -> bool:
        kept = self._kept.get(path)
        return kept is not None and kept.obeyed and kept.is_of(fingerprint)

    # -- what happens

    def happened(self, job: Job) -> None:
        """Something happened to a job of this inbox: what waits for it, or was refused for want of it, is due."""
        if self._lying:
            names = [os.path.splitext(job.path)[0], (job.stem or b"").removeprefix(self._route.outbox + b"/")]
            beginnings = tuple(filter(None, names))
            lying = self._lying.values()
            about = (x for x in lying if any(form.startswith(beginnings) for form in order_forms(x.order.stem)))
            self._ask_again(each for each in about if not each.is_obeyed)

    def questions_changed(self) -> None:
        """Something happened to a question: orders that ask one are due."""
        self._ask_again(each for each in self._lying.values() if each.request)

    def _ask_again(self, some: Iterator[Lying]) -> None:
        for each in some:
            if each.why and not each.is_obeyed:
                each.due_at = 0.0

    def about(self, order: ShareOrder, job: Job) -> None:
        """The order is about this job from now on. Raises Blocked(state)."""
        if self.job_of(order) != job.id:
            self._remember({**self._kept, order.path: _Kept(*_looks(order), job=job.id)})

    def waits(self, lying: Lying, why: str, due_at: float = math.inf) -> None:
        """It waits for this, until something happens, or until then."""
        self._say(lying, why, due_at)
        lying.is_refused = False

    def refuse(self, lying: Lying, why: str) -> None:
        """It is not obeyed, for this reason: said once."""
        if lying.why != why:
            log.warning("order.refused", inbox=self._route.name, file=shown(lying.order.path), reason=why)
        self._say(lying, why, math.inf)
        lying.is_refused = True

    def _say(self, lying: Lying, why: str, due_at: float) -> None:
        if lying.why != why:
            lying.why, lying.since = why, self._clock.monotonic()
        lying.due_at = due_at

    def ended(self, order: ShareOrder) -> None:
        """It was obeyed and put away; where it stays, it is known. Raises Blocked(state)."""
        if self._route.after == "keep":
            self._remember({**self._kept, order.path: _Kept(*_looks(order), obeyed=True)})
        elif self.job_of(order) is not None:
            self._remember({path: kept for path, kept in self._kept.items() if path != order.path})
        self._lying.pop(order.path, None)
        self._left(order.path)

    def _remember(self, kept: Mapping[bytes, _Kept]) -> None:
        """Remember these, but for those that have gone. Raises Blocked(state)."""
        kept = {path: each for path, each in kept.items() if path in self._there}
        rows = {os.fsdecode(path): [each.size, each.mtime_ns, each.job, each.obeyed] for path, each in kept.items()}
        self._journal.remember({self._fact: json.dumps(rows) if rows else None})
        self._kept = kept

    # -- for people

    def rows(self) -> Iterator[tuple[bytes, str]]:
        """Each order that is not obeyed yet, with the reason where people are to know it."""
        long_ago = self._clock.monotonic() - AFTER_SECONDS
        for path, each in self._lying.items():
            if each.is_refused:
                yield path, f"not obeyed: {printable(each.why)}"
            elif each.why and each.since <= long_ago:
                yield path, f"waits: {printable(each.why)}"
        for path, waiting in self._rule.waiting().items():
            if waiting.reason in _UNSETTLED and waiting.changed_at <= long_ago:
                yield path, f"waits: {_UNSETTLED[waiting.reason]}"

    def told(self) -> str:
        """The paragraph for people with only the share; empty where there is nothing to tell."""
        rows = [f"  {shown(path)} ({why})\n" for path, why in self.rows()]
        if not rows:
            return ""
        more = len(rows) - MOST_TOLD + self._more
        end = f"  and {more} more\n" if more > 0 else ""
        end += f"At most {MOST} are looked at: the others wait until some of these are gone.\n" if self._more else ""
        head = f'Orders in the inbox "{printable(self._route.name)}":\n'
        to_do = f"{_TO_DO}\n" if any(each.is_refused for each in self._lying.values()) else ""
        return f"{head}{''.join(rows[:MOST_TOLD])}{end}{to_do}"


def _looks(order: ShareOrder) -> tuple[int, int]:
    return order.fingerprint.size, order.fingerprint.mtime_ns


def _read(text: str) -> dict[bytes, _Kept]:
    return {os.fsencode(path): _Kept(*row) for path, row in json.loads(text).items()}
