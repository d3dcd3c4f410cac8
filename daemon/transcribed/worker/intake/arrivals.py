"""From a listing to jobs: one inbox's looks, what has settled there, and what is admitted to the journal.

The listing is the truth; a look that a folder event asks for is the same as one that is merely due. A look tells what
has changed; what it told is pending until it is a job's, and is looked at each time. An inbox that was never accepted
is surveyed first: more audio than the plan allows waits for a person's word.
What this module does not know: what happens to a job once it is admitted.
"""

import functools
import itertools
from collections.abc import Callable, Collection, Mapping
from typing import TypeGuard, TypeVar

import structlog

from transcribed import errors
from transcribed.folders import Anchors, Places, facts_of
from transcribed.inbox import Found, Listing, Settling
from transcribed.job import Fingerprint, Job, State, printable, shown
from transcribed.job.events import Touched
from transcribed.worker import outputs
from transcribed.worker.access import access_of
from transcribed.worker.background import Background, Outcome
from transcribed.worker.book import Book
from transcribed.worker.intake.admission import admit
from transcribed.worker.intake.candidates import inspect
from transcribed.worker.intake.looking import Looking
from transcribed.worker.intake.pace import Pace
from transcribed.worker.messages import Candidate, FilesInspected, InboxListed, InboxSurveyed, Looked
from transcribed.worker.people import failure_notes
from transcribed.worker.people.status import MOST_JOBS, InboxStatus, WaitingFile
from transcribed.worker.plan import Clock, Executor, Host, Plan, Route

log = structlog.get_logger()

T = TypeVar("T")

HANGS_SECONDS = 60.0  # a share that has not answered for so long is worth a word; it is asked again by the same call
INSPECTED_AT_ONCE = 50  # so that a large drop shows its first jobs soon, and no message is huge


class Arrivals:
    """One inbox as the loop sees it. All of it belongs to the loop's thread; looking itself is done on `executor`."""

    def __init__(
        self,
        route: Route,
        book: Book,
        executor: Executor,
        background: Background,
        clock: Clock,
        host: Host,
    ) -> None:
        self.route = route
        self.executor = executor
        self._remembered = book.journal.facts(facts_of(route.name))
        access, places = access_of(route), Places(route.inbox, route.outbox, route.archive, route.failed)
        self.anchors = Anchors(route.name, places, access, self._remembered, archives=route.after == "archive")
        self._looking = Looking(route, self.anchors, access)
        self.looked_at: float | None = None  #: seconds since the epoch
        self.is_lost = False  #: whether the last look found its folders not to be had
        self._problems: tuple[str, ...] = ()
        self._file_system = ""  #: of the inbox, as the last look saw it
        self._watched = False  #: whether events come, so that looks of our own may be rare
        self.accepted = book.journal.is_accepted(route.name)
        self._book = book
        self._background = background
        self._clock = clock
        self._host = host
        self._started_at = clock.wall()
        self._pace = Pace(clock.monotonic())
        self._settling = Settling(route.settle_seconds)
        self._known = {job.path: (job.id, job.fingerprint) for job in book.journal.lying_in(route.name)}
        self._pending: dict[bytes, Fingerprint] = {}  # what lies there and is no job's yet
        self._absent: set[bytes] = set()  # known paths at which nothing lies any more
        self._again: set[bytes] = set()  # what lies at these paths is to be told of anew
        self._probing: set[bytes] = set()
        self._unread: dict[bytes, str] = {}  # settled files that cannot be read, and why
        self._surveyed: frozenset[bytes] = frozenset()
        self._looking_since: float | None = None
        self._began_at: float | None = None  # when the look that is on its way had its turn on the inbox's thread

    @property
    def settled(self) -> bool:
        """Whether a look was had and nothing that it showed is still on its way into the journal."""
        waiting = self._looking_since is not None or self._probing or self._settling.next_at() is not None
        return self.accepted and self.looked_at is not None and not waiting

    def status(self) -> InboxStatus:
        """This inbox for people."""
        settling = ((path, why.reason) for path, why in self._settling.waiting().items())
        waiting = itertools.islice(itertools.chain(self._unread.items(), settling), MOST_JOBS)
        return InboxStatus(
            name=self.route.name,
            path=shown(self.route.inbox),
            outbox=shown(self.route.outbox),
            looked_at=self.looked_at,
            file_system=printable(self._file_system),
            watch="events" if self._watched else "scan",
            overdue=self._is_overdue(),
            accepted=self.accepted,
            unsettled=[WaitingFile(shown(path), why) for path, why in waiting],
            problems=list(self._problems),
        )

    def forget(self, job: Job) -> None:
        """The job's recording is no longer what lies at its path: whatever lies there is new."""
        if self._known.get(job.path, (None,))[0] == job.id:
            del self._known[job.path]
            self._absent.discard(job.path)
            self._again.add(job.path)
        self.look_soon()

    def adopt(self, job: Job, earlier: Job) -> None:
        """What lies at the path of `job` is the recording of an earlier one, touched."""
        self._known[job.path] = (earlier.id, job.fingerprint)

    def has_lost(self, job: Job) -> bool:
        """Whether the job's recording was taken out of the inbox, by somebody else than us."""
        return job.path in self._absent and self._known.get(job.path, (None,))[0] == job.id

    def look_soon(self, *, whole: bool = False) -> None:
        """Something may have changed."""
        self._pace.ask(self._clock.monotonic(), whole=whole)

    def next_at(self) -> float | None:
        """When the next look is due (monotonic); None while one is on its way."""
        return None if self._looking_since is not None else self._pace.look_at

    def _is_overdue(self) -> bool:
        """True if the last look is older than it should be: one hangs, or there was none."""
        began = self._pace.look_at if self._looking_since is None else self._looking_since
        return self._clock.monotonic() - began > HANGS_SECONDS

    def look_if_due(self) -> None:
        """Begin a look where it is time for one. Raises Blocked where one does not come to its end."""
        now = self._clock.monotonic()
        if self._looking_since is not None:
            self._raise_if_hanging(now)
        elif now >= self._pace.look_at:
            self._looking_since = now
            whole, again = self._pace.begin(now), frozenset(self._again)
            watched = frozenset({*self._settling.waiting(), *self._unread, *self._probing})
            expected = frozenset(self._known if self.looked_at is None else ())
            look = functools.partial(self._look, whole, again, watched, expected)
            self._ask(look, lambda outcome: InboxListed(self, whole, again, outcome), doing="listing the inbox")

    def check(self) -> None:
        """Try the folders again, on the inbox's thread. Raises Blocked, or OSError."""
        self._looking.check()

    def _ask(self, work: Callable[[], T], answer: Callable[[Outcome[T]], object], *, doing: str) -> None:
        """Let the inbox's thread do this, with an answer to this inbox."""
        self._background.ask(self.executor, work, answer, doing=doing, lane=self.route.lane)

    def _raise_if_hanging(self, now: float) -> None:
        """A look that waits for its turn does not hang: hashing or moving a large recording takes its time."""
        began_at = self._began_at
        if began_at is not None and now - began_at > HANGS_SECONDS:
            why = f"the inbox {shown(self.route.inbox)} has not answered for more than {HANGS_SECONDS:g} s"
            raise errors.Blocked(why, lane=self.route.lane, hint="look at its file server, and at the network")

    def _look(
        self, whole: bool, again: frozenset[bytes], watched: frozenset[bytes], expected: frozenset[bytes]
    ) -> Looked:
        """On the inbox's thread: one look, once events are asked for, so that nothing is missed in between."""
        self._began_at = self._clock.monotonic()
        self.anchors.recognise()
        if self.looked_at is None:
            self._looking.sweep(self._started_at)
        at = self._clock.monotonic()
        events = self._looking.wants_events() and bool(self._host.watch(self.route.inbox))
        listing = self._looking.look(whole=whole, again=again, watched=watched, expected=expected)
        return Looked(listing, at, self._clock.monotonic(), events, self.anchors.facts())

    def looked(self, message: InboxListed) -> None:
        """Take in the result of a look. Raises Blocked where there is none."""
        self._looking_since = self._began_at = None
        look = message.outcome.result
        self.is_lost = look is None
        if look is None:
            self._pace.failed(self._clock.monotonic(), self.route.scan_seconds)
            self._remember(self.anchors.facts())
            raise self._blocked(message.outcome.problem)
        listing = look.listing
        self._pace.end(
            look.at,
            look.ended_at,
            whole=message.whole,
            scan_seconds=self.route.scan_seconds,
            events=look.events,
            active=bool(listing.files or listing.gone or self._unread or self._settling.next_at() is not None),
        )
        self.looked_at = self._clock.wall()
        self._watched, self._file_system = look.events, listing.mount.kind.decode(errors="replace")
        self._say_problems(listing)
        self._take_in(listing, message.again)  # first, for nothing tells of it twice
        self._remember(look.folders)
        quiet = self._settling.next_at() is None and not (listing.files or listing.gone)
        if not self.accepted and self._surveyed and quiet:
            return  # a backlog that waits for a person costs nothing while nothing comes to it
        found = self._settling.observe(self._pending, look.at, listing.markers)
        if (settles_at := self._settling.next_at()) is not None:
            self._pace.soon(settles_at)
        if not self.accepted:
            self._survey()
            return
        new = [item for item in found if self._is_new(item)]
        for start in range(0, len(new), INSPECTED_AT_ONCE):
            self._probe(tuple(new[start : start + INSPECTED_AT_ONCE]))

    def _take_in(self, listing: Listing, again: frozenset[bytes]) -> None:
        """What has come is pending until it is a job's; what has gone is nobody's, or its job's loss."""
        self._again -= again
        self._pending.update(listing.files)
        self._absent.difference_update(listing.files)
        for path in listing.gone:
            self._pending.pop(path, None)
            if path in self._known:
                self._absent.add(path)
        self._unread = {path: why for path, why in self._unread.items() if path in self._pending}

    def _remember(self, folders: Mapping[str, str]) -> None:
        """Which folders these are, for the next process too. Raises Blocked(state): the next look brings it again."""
        changed = {name: text for name, text in folders.items() if self._remembered.get(name) != text}
        if changed:
            self._book.journal.remember(changed)
            self._remembered |= changed

    def take_folders_as_they_are(self) -> None:
        """A person has said that the folders moved: nothing of them is remembered any more. Raises Blocked(state)."""
        self._book.journal.remember(dict.fromkeys(self._remembered))
        self._remembered = {}
        self._background.do(self.executor, self.anchors.forget, doing="forgetting the folders", lane=self.route.lane)
        self.look_soon()

    def _say_problems(self, listing: Listing) -> None:
        if listing.problems != self._problems:
            for problem in set(listing.problems) - set(self._problems):
                log.warning("inbox.problem", inbox=self.route.name, problem=problem)
            self._problems = listing.problems

    def _is_new(self, found: Found) -> bool:
        """Whether a settled file is nobody's yet; one that a job had given up as taken away is to be retired again."""
        if found.path in self._probing:
            return False
        number, fingerprint = self._known.get(found.path, (None, None))
        if number is None or fingerprint != found.fingerprint:
            return True
        if self.route.after == "archive" and number not in self._book.open:
            self._retire_again(number, found.fingerprint)
        del self._pending[found.path]
        return False

    def _retire_again(self, number: int, fingerprint: Fingerprint) -> None:
        job = self._book.journal.job(number)
        if job is not None and job.state in (State.DELIVERED, State.FAILED) and job.place is None:
            self._book.record(job, Touched(fingerprint))

    def _probe(self, found: tuple[Found, ...]) -> None:
        self._probing |= {item.path for item in found}
        ask = functools.partial(self._host.settings, self.route.name)
        work = functools.partial(inspect, found, self._looking, ask)
        self._ask(work, lambda outcome: FilesInspected(self, found, outcome), doing="reading a recording")

    def inspected(self, message: FilesInspected) -> None:
        """Admit the files that were looked into. Raises Blocked where the inbox, or the journal, cannot be reached."""
        asked = {item.path for item in message.asked}
        inspected = message.outcome.result or {}
        unread = {path: each.problem.message for path, each in inspected.items() if _is_unread(each.problem)}
        self._probing -= asked
        self._again |= {path for path in asked - unread.keys() if path not in inspected or inspected[path].problem}
        self._say_unread(asked, unread)
        for each in inspected.values():
            if each.result is not None and not (each.result.probe.hollow and self._settling.hollow(each.result.found)):
                self._admit(each.result)
        if (settles_at := self._settling.next_at()) is not None:
            self._pace.soon(settles_at)
        problems = [message.outcome.problem, *(each.problem for each in inspected.values())]
        if blocked := next((each for each in problems if isinstance(each, errors.Blocked)), message.outcome.problem):
            raise self._blocked(blocked)

    def _say_unread(self, asked: Collection[bytes], unread: Mapping[bytes, str]) -> None:
        """A file that cannot be read is tried again at each look, and said once."""
        for path in asked:
            why = unread.get(path)
            if why is not None and self._unread.get(path) != why:
                log.warning("inbox.problem", inbox=self.route.name, problem=why)
            self._unread.pop(path, None)
        self._unread.update(unread)

    def _blocked(self, problem: errors.TranscribedError | None) -> errors.Blocked:
        """A folder that cannot be looked at blocks its inbox, whatever the cause."""
        assert problem is not None
        if isinstance(problem, errors.Blocked):
            return problem
        return errors.Blocked(problem.message, lane=self.route.lane, hint=problem.hint)

    def _admit(self, candidate: Candidate) -> None:
        found = candidate.found
        admitted = admit(candidate, self.route.name, self._book)
        self._known[found.path] = (admitted.job.id, found.fingerprint)
        if self._pending.get(found.path) == found.fingerprint:
            del self._pending[found.path]
        if admitted.earlier is not None and found.path != admitted.earlier.path:
            self._take_back_note(
                admitted.earlier
            )  # else it goes when the job succeeds: by its name, which is lost here

    def _take_back_note(self, job: Job) -> None:
        take_back = functools.partial(failure_notes.take_back, outputs.note(job, self.route))
        self._background.do(self.executor, take_back, doing="removing a note", lane=self.route.lane)

    def _survey(self) -> None:
        """Before anything of this inbox is taken for the first time: how much is it?"""
        files = dict(self._pending)
        names = frozenset(files)
        if self._surveyed == names and names:
            return
        self._surveyed = names
        survey = functools.partial(self._looking.survey, files)
        self._ask(survey, lambda outcome: InboxSurveyed(self, len(names), outcome), doing="surveying the inbox")

    def surveyed(self, message: InboxSurveyed, plan: Plan) -> None:
        """Accept what lies there, or raise Blocked: too much to be paid for without asking."""
        if self.accepted:
            return
        names, self._surveyed = self._surveyed, frozenset()  # what the journal does not take now is asked again
        hours = message.outcome.result
        if hours is None:
            raise self._blocked(message.outcome.problem)
        if hours > plan.accept_backlog_hours or (message.count and not plan.accept_backlog_hours):
            what = f"{message.count} recordings ({hours:.1f} hours) lay in the inbox at its first start"
            self._book.journal.saw_inbox(self.route.name, self._clock.wall(), accepted=False)
            self._surveyed = names
            raise errors.Blocked(
                f"{what}, more than accept_backlog_hours = {plan.accept_backlog_hours:g}",
                lane=self.route.lane,
                hint="`transcribed accept` lets them be transcribed, and paid for",
                exit_status=75,
                by_person=True,
            )
        self.accept()

    def accept(self) -> None:
        """What lies in this inbox may be paid for, now and from now on. Raises Blocked(state)."""
        self._book.journal.saw_inbox(self.route.name, self._clock.wall(), accepted=True)
        self.accepted = True
        self.look_soon()


def _is_unread(problem: errors.TranscribedError | None) -> TypeGuard[errors.TranscribedError]:
    """True if the problem is the file's own, and the file is still there: each look tries it again."""
    return problem is not None and not isinstance(problem, errors.Blocked | errors.Withdrawn)
