"""The right to pay for what lies in a folder: its journal has it, once that is accepted.

Acceptance is the folder's, whatever the name of its inbox is now. It is asked for at the first look, and again where
far more comes at once than the inbox is used to (`usual`): then that waits, and jobs that are there already go on.
"""

import contextlib
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from transcribed.errors import Blocked, Exit
from transcribed.files import consents
from transcribed.folders import FACTS as FOLDERS
from transcribed.folders import Claim, anchors_in, facts_of, text_of
from transcribed.inbox import Found
from transcribed.job import Fingerprint, is_link, shown
from transcribed.journal import DAY_SECONDS, Day, Journal
from transcribed.worker.intake.looking import SECONDS_OF_A_LINK
from transcribed.worker.intake.usual import came_hours, room_hours
from transcribed.worker.people.amounts import counted, lasting
from transcribed.worker.people.status import BacklogStatus
from transcribed.worker.plan import Clock, Plan, Route

FACTS = "accepted:"  #: the beginning of the facts about accepted folders; the value is the name of the inbox
#: The beginning of the facts about folders in which too much has come; the value is the hours that may go on unasked.
ASKED = "asked:"
FEWEST_BYTES_PER_SECOND = 2000.0  # of speech at 16 kbit/s: what cannot be too much by this needs no survey


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
    return FACTS + text_of(route.inbox) in accepted


@dataclass(frozen=True, slots=True)
class Backlog:
    """The recordings that lie in an inbox and are not accepted: their number, and the hours of audio in them."""

    count: int
    hours: float


def who_accepts(route: Route, found: Backlog) -> str:
    """The ways to let this be paid for: by a command, and at the share if the configuration says so."""
    order = f"`transcribed accept {shlex.quote(route.name)}`"
    by_order = f"the person who runs transcribed has them transcribed, and paid for, by {order}"
    at_share = consents.told(consents.to_backlog(found.count, found.hours), route.name)
    ways = f"{by_order}; or {at_share}" if route.accept_at_share else by_order
    return f"{ways}; or take out of the inbox what is not to be transcribed"


class Acceptance:
    """The question whether what lies in one inbox may be paid for. It belongs to the loop's thread."""

    def __init__(self, journal: Journal, route: Route, clock: Clock) -> None:
        self._journal = journal
        self._route = route
        self._clock = clock
        self._folder = text_of(route.inbox)
        asked = journal.facts(ASKED).get(ASKED + self._folder)
        self._room_hours = None if asked is None else float(asked)  # set while too much has come at once
        self.given = route.is_free or (is_accepted(journal, route) and asked is None)
        self.backlog: Backlog | None = None  #: set while it waits for a person
        self._names: frozenset[bytes] = frozenset()  # the files of the survey that is on its way, or was too much
        self._weighed: frozenset[Found] = frozenset()  # settled files whose survey is on its way
        self._cleared: frozenset[Found] = frozenset()  # settled files that were surveyed, and are not too much
        self._known: frozenset[Found] = frozenset()  # files that seem to be paid for, and were not surveyed

    @property
    def is_asked(self) -> bool:
        """True if a survey is on its way, or a backlog waits for a person."""
        return not self.given and bool(self._names)

    @property
    def is_weighing(self) -> bool:
        """True if settled files of an accepted inbox are being surveyed."""
        return bool(self._weighed)

    def unasked(
        self, found: Sequence[Found], inspecting: Mapping[bytes, Fingerprint], least_hours: float
    ) -> tuple[list[Found], list[Found]]:
        """Those of the settled files that may be taken now, and those that are to be surveyed before.

        The others wait until what is being looked into is counted. Raises Blocked(state).
        """
        if self._route.is_free or not found:
            return list(found), []
        coming = [*found, *(Found(path, fingerprint) for path, fingerprint in inspecting.items())]
        cleared = [each for each in found if each in self._cleared]
        if len(cleared) == len(found) or _most_hours(coming) <= self._room(least_hours):
            return list(found), []
        if cleared or inspecting or self._weighed:
            return cleared, []
        if known := self._known_among(found):
            self._known = frozenset(known)
            return known, []
        self._weighed = frozenset(found)
        return [], list(found)

    def is_known(self, found: Found) -> bool:
        """True if this file counts for nothing: it was seen to be a recording that is paid for, or none is paid for."""
        return self._route.is_free or found in self._known

    def _known_among(self, found: Sequence[Found]) -> list[Found]:
        """Those that look like recordings that were paid for here, as a mirror sends them again."""
        if self._route.duplicates == "transcribe":
            return []
        files, parameters = {each.path: each.fingerprint for each in found}, self._route.settings.parameters
        alike = self._journal.search.paid_alike(self._route.name, files, parameters)
        return [each for each in found if each.path in alike]

    def wants_survey(self, pending: Collection[bytes]) -> bool:
        """True if these files are to be surveyed now: they are not those of the last survey."""
        names = frozenset(pending)
        if self._names == names and names:
            return False
        self._names, self.backlog = names, None
        return True

    def surveyed(self, found: Backlog, plan: Plan) -> None:
        """Take in a survey. Raises Blocked where it is more than may be paid for without asking, or Blocked(state)."""
        if self.given:
            self._weigh(found, plan)
            return
        names, self._names = self._names, frozenset()  # what the journal does not take now is asked again
        limit_hours = plan.accept_backlog_hours if self._room_hours is None else self._room_hours
        if found.hours <= limit_hours and (limit_hours or not found.count):
            self._go_on(found)
            return
        self._names, self.backlog = names, found
        raise self._too_much(found, plan)

    def _weigh(self, found: Backlog, plan: Plan) -> None:
        """Take in a survey of settled files of an accepted inbox. Raises Blocked where they are too much."""
        weighed, self._weighed = self._weighed, frozenset()
        room_hours = self._room(plan.accept_backlog_hours)
        if found.hours <= room_hours:
            self._cleared = weighed
            return
        self._journal.remember({ASKED + self._folder: f"{room_hours:.6f}"})
        self.given, self._room_hours = False, room_hours
        self._names, self.backlog = frozenset(each.path for each in weighed), found
        raise self._too_much(found, plan)

    def _too_much(self, found: Backlog, plan: Plan) -> Blocked:
        """The block of what lies in the inbox."""
        money = plan.prices.told(found.hours, self._route.settings.parameters, plan.currency)
        what, most_hours = counted(found.count, found.hours, money), plan.accept_backlog_hours
        why = f"{what} lay in the inbox at its first start, more than accept_backlog_hours = {most_hours:g}"
        if self._room_hours is not None:
            usual = f"{lasting(self._room_hours)} more would be taken unasked, by what came before"
            why = f"{what} came into the inbox, far more at once than it is used to: {usual}"
        return Blocked(
            why,
            lane=self._route.backlog_lane,
            hint=who_accepts(self._route, found),
            exit_status=Exit.AGAIN,
            by_person=True,
        )

    def shown(self, anchor: str) -> BacklogStatus | None:
        """The backlog that waits, for the status; `anchor` is the folder's."""
        waits = self.backlog
        return None if waits is None else BacklogStatus(waits.count, waits.hours, anchor)

    def failed(self) -> None:
        """A survey did not come to its end: the next look begins one again."""
        self._names, self._weighed = frozenset(), frozenset()

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
            return f"more lies there now: {counted(self.backlog.count, self.backlog.hours)}"
        return ""

    def give(self) -> None:
        """Let what waits be paid for, and count it as usual from now on. Raises Blocked(state)."""
        assert self.backlog is not None
        self._count_as_usual(self.backlog)
        self._give()

    def _go_on(self, found: Backlog) -> None:
        """So much needs no person's word. Raises Blocked(state)."""
        if self._room_hours is None:
            self._count_as_usual(found)
        self._give()

    def _give(self) -> None:
        self._journal.saw_inbox(self._route.name, self._clock.wall(), accepted=True)
        self._journal.remember({FACTS + self._folder: self._route.name, ASKED + self._folder: None})
        self.given, self.backlog, self._room_hours = True, None, None

    def _count_as_usual(self, accepted: Backlog) -> None:
        now = self._clock.wall()
        hours = came_hours(self._days(), now / DAY_SECONDS) + accepted.hours
        self._journal.days.accept(self._route.name, now, hours)

    def _room(self, least_hours: float) -> float:
        return room_hours(self._days(), self._clock.wall() / DAY_SECONDS, least_hours)

    def _days(self) -> dict[int, Day]:
        """The days of the folder, also under the name that its inbox had when it was accepted."""
        before = self._journal.facts(FACTS).get(FACTS + self._folder, self._route.name)
        return self._journal.days.of({self._route.name, before})


def _most_hours(found: Iterable[Found]) -> float:
    """The hours that these files hold at most, by their sizes."""
    links, sizes = 0, 0
    for each in found:
        links, sizes = links + is_link(each.path), sizes + each.fingerprint.size
    return (links * SECONDS_OF_A_LINK + sizes / FEWEST_BYTES_PER_SECOND) / 3600


def _by_name(journal: Journal, route: Route) -> dict[str, str]:
    """The folders that an older version, which remembered only the name, accepted: those that it worked in."""
    begin = f"{facts_of(route.name)}inbox:"
    folders = [name.removeprefix(begin) for name in journal.facts(begin)] or [text_of(route.inbox)]
    accepted = {FACTS + folder: route.name for folder in folders}
    with contextlib.suppress(Blocked):  # they are found again by the next start
        journal.remember(dict(accepted))
    return accepted
