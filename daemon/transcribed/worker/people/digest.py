"""The news for people who are told by mail, ntfy and the like: they are collected, and sent as one digest.

The first piece of news waits a little for others, so that a burst is one digest; then there is at most one in
`digest_seconds`. News that could not be sent are kept, within a limit, and sent with the next; no job fails or waits
for it. A crash of the daemon may swallow news, and a stop sends at once what there is. All of it belongs to the loop's
thread, except for the sending.
"""

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from transcribed import errors
from transcribed.job import Job, State, printable, shown
from transcribed.worker.background import Background
from transcribed.worker.lanes import Lane, Lanes
from transcribed.worker.messages import DigestSent
from transcribed.worker.people.outbox_notice import AFTER_SECONDS
from transcribed.worker.plan import Clock, Host, Plan

log = structlog.get_logger()

BURST_SECONDS = 10.0  # recordings that were dropped together fail within a look or two of each other
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 60.0, 3600.0
MOST_LINES = 20
_MOST_CHARACTERS = 300  # of a line: what is told stays within a few screens
#: Each kind of news, as the title counts it, and its heading.
_HEADINGS = {
    "failed": "Failed",
    "blocked": "Blocked, and waiting",
    "free again": "No longer blocked",
    "delivered": "Delivered",
    "model changed": "Transcribed by another model",
}


@dataclass(slots=True)
class Kind:
    """The news of one kind: the first lines of it, and how many there are."""

    lines: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, lines: Sequence[str], count: int = 1) -> None:
        """Add news; what is beyond the lines that are shown is counted."""
        self.lines = [*self.lines, *lines][:MOST_LINES]
        self.count += count

    def text(self, heading: str) -> str:
        """The news under their heading."""
        more = [f"and {self.count - len(self.lines)} more"] if self.count > len(self.lines) else []
        return "\n".join([f"{heading}:", *(f"- {line}" for line in self.lines), *more])


@dataclass(slots=True)
class Digest:
    """All news between two digests, by kind: each has its place in the title, and its heading."""

    kinds: dict[str, Kind] = field(default_factory=lambda: {kind: Kind() for kind in _HEADINGS})

    @property
    def count(self) -> int:
        """The number of pieces of news."""
        return sum(kind.count for kind in self.kinds.values())

    def with_later(self, later: "Digest") -> "Digest":
        """This one, which was not told, with what has come since."""
        for name, kind in later.kinds.items():
            self.kinds[name].add(kind.lines, kind.count)
        return self

    def title(self) -> str:
        """One short line."""
        counts = (f"{kind.count} {name}" for name, kind in self.kinds.items() if kind.count)
        return "transcribed: " + ", ".join(counts)

    def body(self) -> str:
        """Plain text: no line of it is broken by a name."""
        return "\n\n".join(kind.text(_HEADINGS[name]) for name, kind in self.kinds.items() if kind.count)


class News:
    """The news to send, and the digest that is on its way."""

    def __init__(self, plan: Plan, host: Host, background: Background, clock: Clock) -> None:
        self.plan = plan
        self._host = host
        self._background = background
        self._clock = clock
        self._executor = background.executor("notify", 1)
        self._digest = Digest()
        self._being_told: Digest | None = None
        self._due_at: float | None = None  # monotonic
        self._told_at: float | None = None
        self._failures = 0  # digests in a row that nobody took
        self._last = False  # the daemon stops
        self._known: dict[str, Lane] = {}  # the lanes of which it was told that they are blocked
        self._free_at: dict[str, float] = {}  # since when those of them that are free are so (monotonic)

    # -- what happened

    def ended(self, job: Job) -> None:
        """A job has come to its end."""
        if str(job.state) in self.plan.tell:
            why = f": {job.reason}" if job.state is State.FAILED else ""
            fix = f". What to do: {job.hint}" if why and job.hint else ""
            self._add(str(job.state), f"{shown(job.path)} ({job.inbox}, job {job.id}){why}{fix}")

    def model_changed(self, inbox: str, what: str) -> None:
        """Another model transcribes an inbox's recordings: it is rare, and told to all who are told anything."""
        if self.plan.tell:
            self._add("model changed", f"{inbox}: {what}")

    def look(self, lanes: Lanes) -> None:
        """See which lanes are blocked for long, and which no longer are; and tell what is due."""
        blocked = {lane.name: lane for lane in lanes.all()}
        for lane in list(self._known.values()):
            if self._is_over(lane.name, blocked):
                del self._known[lane.name], self._free_at[lane.name]
                self._add("free again", f"{lane.name}, blocked since {_minute(lane.since)}")
        for lane in blocked.values():
            if errors.is_planned(lane.name):
                continue
            if "blocked" in self.plan.tell and lane.name not in self._known and self._is_long(lane):
                self._known[lane.name] = lane
                fix = f". What to do: {lane.hint}" if lane.hint else ""
                self._add("blocked", f"{lane.name}, since {_minute(lane.since)}: {lane.reason}{fix}")
        self._tell_if_due()

    def _is_long(self, lane: Lane) -> bool:
        return lane.since <= self._clock.wall() - AFTER_SECONDS

    def _is_over(self, name: str, blocked: Mapping[str, Lane]) -> bool:
        """True if a lane has been free for long. One that a probe frees and the next job blocks was never free."""
        if name in blocked:
            self._free_at.pop(name, None)
            return False
        now = self._clock.monotonic()
        return now - self._free_at.setdefault(name, now) >= AFTER_SECONDS

    def _add(self, kind: str, line: str) -> None:
        plain = printable(line)
        self._digest.kinds[kind].add([plain if len(plain) <= _MOST_CHARACTERS else plain[: _MOST_CHARACTERS - 1] + "…"])
        if self._due_at is None:
            soon = self._clock.monotonic() + BURST_SECONDS
            after_last = soon if self._told_at is None else self._told_at + self.plan.digest_seconds
            self._due_at = max(soon, after_last)
        if self._last:
            self._tell_if_due()

    # -- telling

    @property
    def waiting(self) -> bool:
        """True while a digest is on its way."""
        return self._being_told is not None

    def next_at(self) -> float | None:
        """The time of the next digest (monotonic)."""
        return None if self.waiting else self._due_at

    def adopt(self, plan: Plan) -> None:
        """Use this plan from now on: send again what could not be told, and keep nothing that nobody wants."""
        self.plan = plan
        self._failures = 0
        if not plan.tell:
            self._digest, self._due_at, self._known, self._free_at = Digest(), None, {}, {}
        elif self._due_at is not None:
            self._due_at = min(self._due_at, self._clock.monotonic() + BURST_SECONDS)

    def hurry(self) -> None:
        """The daemon stops: tell at once what there is."""
        self._last = True
        self._tell_if_due()

    def leave(self) -> None:
        """The daemon has stopped: what was not told is a line in the log."""
        untold = self._digest.count + (self._being_told.count if self._being_told else 0)
        if untold:
            log.warning("notify.skipped", news=untold, reason="the daemon stops")

    def _tell_if_due(self) -> None:
        if self.waiting or self._due_at is None or not (self._last or self._due_at <= self._clock.monotonic()):
            return
        digest, self._digest, self._due_at = self._digest, Digest(), None
        self._being_told = digest
        tell = functools.partial(self._host.tell, digest.title(), digest.body())
        self._background.ask(
            self._executor, tell, lambda outcome: DigestSent(outcome.problem), doing="telling people the news"
        )

    def told(self, message: DigestSent) -> None:
        """A digest was told, or could not be."""
        digest, self._being_told = self._being_told, None
        assert digest is not None
        if message.problem is None:
            self._told_at, self._failures = self._clock.monotonic(), 0
            log.info("notify.told", title=digest.title())
            if self._digest.count:
                self._due_at = self._told_at + self.plan.digest_seconds
                self._tell_if_due()
            return
        if not self._failures:
            log.warning("notify.failed", reason=message.problem.message, hint=message.problem.hint, news=digest.count)
        self._digest = digest.with_later(self._digest)
        self._failures += 1
        wait = min(FIRST_RETRY_SECONDS * 2.0 ** min(self._failures - 1, 20), LONGEST_RETRY_SECONDS)
        wait = max(wait, self.plan.digest_seconds)  # it may have arrived all the same, and be told again
        self._due_at = None if self._last else self._clock.monotonic() + wait


def _minute(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
