"""The probes of blocked lanes: a GET, or a small write where the lane's folders or the journal lie."""

import functools

from transcribed import errors
from transcribed.assemblyai import AssemblyAI
from transcribed.journal import Journal
from transcribed.worker.background import Background, Outcome, tried
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.messages import LaneChecked

_DOING = "trying the folders again"


class Probes:
    """Begins probes. The journal is probed at once, for it is the loop's thread's only; the rest answer by message."""

    def __init__(self, journal: Journal, background: Background) -> None:
        self._journal = journal
        self._background = background

    def begin(self, lane: str, inbox: Arrivals | None, client: AssemblyAI) -> LaneChecked | None:
        """Probe this lane, that of `inbox` if there is one; the answer, where it is known at once."""
        if lane == errors.STATE:
            return LaneChecked(lane, tried(self._journal.touch, doing=_DOING, lane=lane).problem)
        executor, check = (self._background.calls, client.check) if inbox is None else (inbox.executor, inbox.check)
        self._background.ask(executor, check, functools.partial(_checked, lane), doing=_DOING, lane=lane)
        return None


def _checked(lane: str, outcome: Outcome[None]) -> LaneChecked:
    return LaneChecked(lane, outcome.problem)
