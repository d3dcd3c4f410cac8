"""The half-written files that a crash left in the folders that deliveries go to are removed, beside the work.

An archive may hold the recordings of years, and listing it may take minutes: a thread of its own does it, and nothing
waits for it. Each folder is swept once in the life of the daemon. One that hangs is named, and blocks nothing.
"""

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from transcribed import errors, files
from transcribed.folders import Anchors
from transcribed.job import shown
from transcribed.worker.background import Background
from transcribed.worker.plan import Clock, Route

log = structlog.get_logger()

HANGS_SECONDS = 60.0  # a folder that has not answered for so long is worth a word; the same call is waited for
HINT = "look at its file server, and at the network"


class Asked(NamedTuple):
    """A folder that is being asked, with the word for it, since `at` (monotonic)."""

    what: str
    path: bytes
    at: float

    def hangs(self, now: float) -> str:
        """The problem for people where it has not answered for long; else empty."""
        if now - self.at <= HANGS_SECONDS:
            return ""
        return f"the {self.what} {shown(self.path)} has not answered for more than {HANGS_SECONDS:g} s"


@dataclass(slots=True)
class _Sweep:
    """The sweeps of one inbox's folders: so many were begun and have ended, and what is asked now."""

    begun: int = 0
    ended: int = 0
    begun_at: float = 0.0  #: monotonic, of the last
    asked: Asked | None = None  #: set by the thread that sweeps
    said: str = ""  #: the problem that people were told of


class Sweeps:
    """The sweeps for all inboxes. It belongs to the loop's thread; the folders are listed on others."""

    def __init__(self, background: Background, clock: Clock) -> None:
        self._background = background
        self._clock = clock
        self._started_at = clock.wall()
        self._known: set[bytes] = set()  # folders that are swept, or will be
        self._of: dict[str, _Sweep] = {}  # by the inbox

    def begin(self, route: Route, anchors: Anchors) -> None:
        """Sweep the folders of this inbox that were not swept yet."""
        folders = (("outbox", route.outbox), ("archive", route.archive), ("failed folder", route.failed))
        new = [(what, path) for what, path in folders if path not in self._known]
        if not new:
            return
        self._known.update(path for _, path in new)
        sweep = self._of.setdefault(route.name, _Sweep())
        sweep.begun, sweep.begun_at = sweep.begun + 1, self._clock.monotonic()
        work = functools.partial(self._sweep, sweep, new, anchors)
        executor = self._background.executor(f"sweep-{route.name}", 1)
        self._background.do(executor, work, doing="removing what a crash left", lane=route.lane)

    def _sweep(self, sweep: _Sweep, folders: Sequence[tuple[str, bytes]], anchors: Anchors) -> None:
        """On a thread of the inbox's own. A folder that is missing has nothing to sweep."""
        try:
            for what, path in folders:
                asked = functools.partial(self._ask, sweep, what, path)
                asked()
                with contextlib.suppress(OSError, errors.Blocked), anchors.opened_if_there(path) as root:
                    if root is not None:
                        files.sweep(root, self._started_at, 0.0, listed=asked)
        finally:
            sweep.asked = None
            sweep.ended += 1

    def _ask(self, sweep: _Sweep, what: str, path: bytes) -> None:
        sweep.asked = Asked(what, path, self._clock.monotonic())

    def problem(self, route: Route) -> str:
        """The folder of this inbox that hangs while it is swept, for people; empty where none does."""
        asked = self._of.get(route.name, _Sweep()).asked
        return "" if asked is None else asked.hangs(self._clock.monotonic())

    def is_at_work(self, route: Route) -> bool:
        """True while folders of this inbox are swept, and answer; one that waits for a thread counts for a while."""
        sweep = self._of.get(route.name, _Sweep())
        waits = sweep.asked is None and self._clock.monotonic() - sweep.begun_at > HANGS_SECONDS
        return sweep.ended < sweep.begun and not waits and not self.problem(route)

    def watch(self, route: Route) -> None:
        """Say it in the log where a folder that is swept hangs, and where it answers again."""
        problem, sweep = self.problem(route), self._of.get(route.name, _Sweep())
        if problem and not sweep.said:
            log.warning("folder.unanswered", inbox=route.name, reason=problem, hint=HINT)
        elif sweep.said and not problem:
            log.info("folder.answered", inbox=route.name)
        sweep.said = problem
