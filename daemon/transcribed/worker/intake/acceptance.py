"""The right to pay for what lies in a folder: its journal has it, once that is accepted.

Acceptance is the folder's, whatever the name of its inbox is now.
"""

import contextlib
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from transcribed.errors import Blocked, Exit
from transcribed.folders import FACTS as FOLDERS
from transcribed.folders import Claim, anchors_in, facts_of
from transcribed.job import shown
from transcribed.journal import Journal
from transcribed.worker.people.status import BacklogStatus
from transcribed.worker.plan import Route

FACTS = "accepted:"  #: the beginning of the facts about accepted folders; the value is the name of the inbox


def claim_of(journal: Journal, now: float) -> Claim:
    """The claim of this journal, as it was started last, to an inbox."""
    known = journal.starts.known()
    anchors = anchors_in(journal.facts(FOLDERS))
    return Claim(known.journal, known.number, known.mark, frozenset(known.marks), anchors, journal.directory, at=now)


def is_accepted(journal: Journal, route: Route) -> bool:
    """True if what lies in the folder of this inbox may be paid for without asking."""
    accepted = journal.facts(FACTS)
    if journal.is_accepted(route.name) and route.name not in accepted.values():
        accepted |= _by_name(journal, route)
    return FACTS + _text(route.inbox) in accepted


def accept(journal: Journal, route: Route, now: float) -> None:
    """Let what lies in the folder of this inbox be paid for, from now on. Raises Blocked(state)."""
    journal.saw_inbox(route.name, now, accepted=True)
    journal.remember({FACTS + _text(route.inbox): route.name})


@dataclass(frozen=True, slots=True)
class Backlog:
    """The recordings that lie in an inbox that was never accepted: their number, and the hours of audio in them."""

    count: int
    hours: float


class Acceptance:
    """The question whether what lies in one inbox may be paid for. It belongs to the loop's thread."""

    def __init__(self, journal: Journal, route: Route) -> None:
        self.given = is_accepted(journal, route)
        self.backlog: Backlog | None = None  #: set while it waits for a person
        self._journal = journal
        self._route = route
        self._names: frozenset[bytes] = frozenset()  # the files of the survey that is on its way, or was too much

    @property
    def is_asked(self) -> bool:
        """True if a survey is on its way, or a backlog waits for a person."""
        return not self.given and bool(self._names)

    def wants_survey(self, pending: Collection[bytes]) -> bool:
        """True if these files are to be surveyed now: they are not those of the last survey."""
        names = frozenset(pending)
        if self._names == names and names:
            return False
        self._names, self.backlog = names, None
        return True

    def surveyed(self, found: Backlog, limit_hours: float) -> None:
        """Take in a survey. Raises Blocked where it is more than may be paid for without asking."""
        names, self._names = self._names, frozenset()  # what the journal does not take now is asked again
        if found.hours <= limit_hours and (limit_hours or not found.count):
            return
        self._names, self.backlog = names, found
        what = f"{found.count} recordings ({found.hours:.1f} hours) lay in the inbox at its first start"
        raise Blocked(
            f"{what}, more than accept_backlog_hours = {limit_hours:g}",
            lane=self._route.lane,
            hint=f"`transcribed accept {shlex.quote(self._route.name)}` lets them be transcribed, and paid for",
            exit_status=Exit.AGAIN,
            by_person=True,
        )

    def shown(self, anchor: str) -> BacklogStatus | None:
        """The backlog that waits, for the status; `anchor` is the folder's."""
        waits = self.backlog
        return None if waits is None else BacklogStatus(waits.count, waits.hours, anchor)

    def failed(self) -> None:
        """A survey did not come to its end: the next look begins one again."""
        self._names = frozenset()

    def is_early(self) -> bool:
        """True if a person's word has to wait until it is known what lies here."""
        return not self.given and self.backlog is None

    def why_not(self, order: Mapping[str, object], anchor: str) -> str:
        """The reason why this order to accept is not about what lies here now; empty if it is."""
        if self.given:
            return ""
        if self.backlog is None:
            return "what lies in the inbox is not known yet"
        if order.get("path", shown(self._route.inbox)) != shown(self._route.inbox):
            return "the inbox is another folder now"
        if order.get("anchor", anchor) != anchor:
            return "another folder lies at the path of the inbox now"
        count, hours = order.get("count", self.backlog.count), order.get("hours", self.backlog.hours)
        if not (isinstance(count, int) and isinstance(hours, int | float)):
            return "it does not say how much it accepts"
        if self.backlog.count > count or self.backlog.hours > hours:
            return f"more lies there now: {self.backlog.count} recordings ({self.backlog.hours:.1f} hours)"
        return ""

    def give(self, now: float) -> None:
        """Let what lies here be paid for, from now on. Raises Blocked(state)."""
        accept(self._journal, self._route, now)
        self.given, self.backlog = True, None


def _by_name(journal: Journal, route: Route) -> dict[str, str]:
    """The folders that an older version, which remembered only the name, accepted: those that it worked in."""
    begin = f"{facts_of(route.name)}inbox:"
    folders = [name.removeprefix(begin) for name in journal.facts(begin)] or [_text(route.inbox)]
    accepted = {FACTS + folder: route.name for folder in folders}
    with contextlib.suppress(Blocked):  # they are found again by the next start
        journal.remember(dict(accepted))
    return accepted


def _text(folder: bytes) -> str:
    """The path as the facts about folders have it."""
    return folder.decode(errors="backslashreplace")
