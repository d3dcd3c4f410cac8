"""From a listing to jobs: one inbox's looks, the files that have settled there, and their way into the journal.

The listing is the truth; a look that a folder event asks for is the same as one that is merely due. A look reports only
what has changed, which is pending until it is a job's. What may be too much to pay for unasked is surveyed first.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import TypeVar

from transcribed import errors
from transcribed.folders import FACTS as FOLDERS
from transcribed.folders import facts_of, former_names
from transcribed.inbox import Found, Listing, listed_only
from transcribed.job import Fingerprint, Job, printable, shown
from transcribed.worker.access import access_of, anchors_of
from transcribed.worker.background import Background, Outcome
from transcribed.worker.book import Book
from transcribed.worker.intake.acceptance import Acceptance, Backlog, claim_of
from transcribed.worker.intake.admission import admit, retire_again, to_hash
from transcribed.worker.intake.candidates import inspect, is_unread
from transcribed.worker.intake.consents import Consents
from transcribed.worker.intake.inspection import Inspection
from transcribed.worker.intake.looking import LastLook, Looking, blocked, last_look, say_problems, say_unread
from transcribed.worker.intake.pace import Pace
from transcribed.worker.intake.share_orders import OrdersHere
from transcribed.worker.intake.sightings import Sightings
from transcribed.worker.intake.sweeps import HANGS_SECONDS, Sweeps
from transcribed.worker.intake.unsettled import Unsettled
from transcribed.worker.messages import Candidate, FilesInspected, InboxListed, InboxSurveyed, Looked
from transcribed.worker.people import failure_notes
from transcribed.worker.people.left_lying import LeftLying
from transcribed.worker.people.status import MOST_JOBS, InboxStatus, WaitingFile
from transcribed.worker.plan import Clock, Host, Plan, Route
from transcribed.worker.schedule import look_at

T = TypeVar("T")


class Arrivals:
    """One inbox as the loop sees it. All of it belongs to the loop's thread; looking itself is done on `executor`."""

    def __init__(
        self,
        route: Route,
        book: Book,
        background: Background,
        clock: Clock,
        host: Host,
        sweeps: Sweeps,
        *,
        state: bytes,
        routes: Iterable[Route] = (),
    ) -> None:
        self.route = route
        self.executor = background.executor(f"inbox-{route.name}", 1)
        background.met_in(route.lane, route.inbox)
        self.former = former_names(book.journal.facts(FOLDERS), route.inbox, {route.name, *(x.name for x in routes)})
        self._remembered = book.journal.facts(*map(facts_of, (*self.former, route.name)))
        self.anchors = anchors_of(route, self._remembered, claim_of(book.journal, clock.wall()), state, self.former)
        self.acceptance = Acceptance(book.journal, route, clock)
        self.is_lost = False  #: True if the last look could not reach its folders
        self._book = book
        self._background = background
        self._clock = clock
        self._sweeps = sweeps
        self._looking = Looking(route, self.anchors, access_of(route), clock, host)
        self._left_lying = LeftLying(route, clock)
        self._pace = Pace(clock.monotonic())
        self.consents = Consents(route, self.anchors, book.journal, background, self.executor)
        self.settling = Unsettled(route, book.journal, clock)
        self._sightings = Sightings(book.journal.lying_in(*self.former, route.name))
        self.orders = OrdersHere(route, book.journal, clock, self._sightings, self._looking.left)
        self.inspection = Inspection(route.name, book.journal, book.reading)
        self._coming: dict[int, tuple[Found, Job | None]] = {}  # admitted as this job, which is not written yet
        self._last: LastLook | None = None
        self._names_at = inf  # when what is passed over is to be looked into
        self._leaves_some = False  # settled files wait until what is being looked into is counted

    @property
    def looked_at(self) -> float | None:
        """The time of the last look that succeeded, in seconds since the epoch."""
        return self._last.at if self._last else None

    @property
    def settled(self) -> bool:
        """True if a look succeeded and nothing that it showed, or is swept, is still on its way."""
        waiting = self._pace.next_at() is None or self.settling.is_settling() or self.orders.next_at() < inf
        waiting = waiting or self._sightings.is_inspecting() or self.acceptance.is_weighing or self._leaves_some
        return self.acceptance.given and self._last is not None and not (waiting or self._sweeps.is_at_work(self.route))

    def status(self) -> InboxStatus:
        """This inbox for people."""
        lying = itertools.chain(self.settling.rows(self._sightings.unread()), self.orders.rows())
        last, hangs = self._last, self._sweeps.problem(self.route)
        return InboxStatus(
            name=self.route.name,
            path=shown(self.route.inbox),
            outbox=shown(self.route.outbox),
            looked_at=self.looked_at,
            file_system=printable(last.file_system) if last else "",
            watch="events" if last and last.events else "scan",
            overdue=self._clock.monotonic() - self._pace.waits_since() > HANGS_SECONDS,
            accepted=self.acceptance.given,
            backlog=self.acceptance.shown(self.anchors.of("inbox").anchor),
            unsettled=[WaitingFile(shown(path), why) for path, why in itertools.islice(lying, MOST_JOBS)],
            problems=[*(last.problems if last else ()), *([hangs] if hangs else [])],
            passed_over=self._left_lying.rows(last.passed_over if last else ()),
            passed_over_count=len(last.passed_over) if last else 0,
        )

    def leaves_files(self) -> bool:
        """True if a single run leaves files here that are not whole, or cannot be read: they are a line of the log."""
        return self.settling.leaves_files(self._sightings.unread())

    def told(self) -> str:
        """The paragraph for people at the share on files that lie there and are not taken, or wait for long."""
        unread = self.settling.settled_among(self._sightings.unread())
        passed_over, problems = (self._last.passed_over, self._last.problems) if self._last else ((), ())
        lying = self._left_lying.told(passed_over, unread, problems)
        return lying + self.settling.told() + self.consents.told() + self.orders.told()

    def forget(self, job: Job) -> None:
        """The job's recording no longer lies at its path: whatever lies there is new."""
        self._sightings.forget(job.path, job.id)
        if job.place is not None or self.route.after == "delete":  # else a person took it away
            self._looking.left(job.path)
            self.settling.moved(job.path)
        self.look_soon()

    def adopt(self, job: Job, earlier: Job) -> None:
        """The file at the path of `job` is the recording of an earlier one, touched."""
        self._sightings.adopt(job.path, earlier.id, job.fingerprint)

    def has_lost(self, job: Job) -> bool:
        """True if the job's recording was taken out of the inbox, or written over, by somebody else than us."""
        return self._sightings.has_lost(job.path, job.id, job.fingerprint.size)

    # -- looks

    def look_soon(self, *, whole: bool = False) -> None:
        """Something may have changed."""
        self._pace.ask(self._clock.monotonic(), whole=whole)

    def next_at(self) -> float | None:
        """The time of the next look (monotonic); None while one is on its way."""
        return self._pace.next_at()

    def look_if_due(self) -> None:
        """Begin a look where it is time for one. Raises Blocked where one does not come to its end."""
        now = self._clock.monotonic()
        self._sweeps.watch(self.route)
        if (at := self._pace.next_at()) is None:
            self._looking.raise_if_hanging(now)
        elif now >= at:
            self._begin_look(now)
        self._inspect_next()

    def _begin_look(self, now: float) -> None:
        names = now >= self._names_at and self.inspection.names.begin(self._clock.wall())
        whole, again, first = self._pace.begin(now), self._sightings.again(), self._last is None
        look = functools.partial(
            self._looking.look,
            first=first,
            whole=whole,
            again=again,
            watched=self._sightings.watched().union(self.settling.waiting(), self.orders.watched()),
            expected=self._sightings.paths() if first else frozenset(),
            names=names,
        )
        self._ask(look, lambda outcome: InboxListed(self, whole, again, outcome), doing="listing the inbox")

    def check(self) -> None:
        """Try the folders again, on the inbox's thread. Raises Blocked, or OSError."""
        self._looking.check()

    def _ask(self, work: Callable[[], T], answer: Callable[[Outcome[T]], object], *, doing: str) -> None:
        """Let the inbox's thread do this, with an answer to this inbox."""
        self._background.ask(self.executor, work, answer, doing=doing, lane=self.route.lane)

    def looked(self, message: InboxListed, accept_backlog_hours: float) -> bool:
        """Take in the result of a look; True if people said there what may be paid for. Raises Blocked without one."""
        self.inspection.names.ended()
        look = message.outcome.result
        self.is_lost = look is None
        if look is None:
            self._look_failed(message.outcome.problem)
            raise blocked(message.outcome.problem, self.route.lane)
        self._take_in(look, whole=message.whole, again=message.again)
        self._remember(look.folders)
        self.consents.given = look.consents
        self._sweeps.begin(self.route, self.anchors)
        if not self._is_idle_backlog(look.listing):
            self._take_settled(look, accept_backlog_hours)
        return not self.acceptance.is_early() and self.consents.obey(self.accept, is_asked=not self.acceptance.given)

    def _look_failed(self, problem: errors.TranscribedError | None) -> None:
        """Wait for the next look. A defect may have lost what the look found: then the next one is a first look."""
        self._pace.failed(self._clock.monotonic(), self.route.scan_seconds)
        if isinstance(problem, errors.Defect):
            self._last = None
        self._remember(self.anchors.facts())

    def _take_in(self, look: Looked, *, whole: bool, again: frozenset[bytes]) -> None:
        """Keep what the look reported, which no other look reports again. It cannot fail, so none of it is lost."""
        listing = look.listing
        for number in self._sightings.listed(listing.files, listing.gone, again):
            self._book.schedule.look_again(number)
        say_problems(listing.problems, self._last, self.route.name)
        self._last = last_look(look, self._clock.wall())
        self._book.schedule.happened(look_at(self.route.name))
        self._pace.end(
            look.at,
            look.ended_at,
            whole=whole,
            scan_seconds=self.route.scan_seconds,
            events=look.events,
            active=not self._is_quiet(listing) or bool(self._sightings.unread()),
        )
        self.orders.listed(look)
        self._names_at = inf if look.again_at is None or self.inspection.names.rests else look.again_at
        self._pace.soon(min(self._names_at, self.orders.next_at()))

    def _is_quiet(self, listing: Listing) -> bool:
        """True if nothing came or went, and no file is still on its way to being settled."""
        return not (listing.files or listing.gone) and self.settling.is_quiet()

    def _is_idle_backlog(self, listing: Listing) -> bool:
        """True if a backlog waits for a person and nothing comes to it: then a look at it costs nothing more."""
        return self.acceptance.is_asked and self._is_quiet(listing)

    def _remember(self, folders: Mapping[str, str]) -> None:
        """Remember which folders these are, for the next process too.

        Raises Blocked(state): then the next look brings them again.
        """
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

    # -- from a settled file to a job

    def _take_settled(self, look: Looked, accept_backlog_hours: float) -> None:
        """Go on with the files that have settled by this look: look into them, or survey an inbox not yet accepted."""
        pending = self._sightings.pending()
        found = self.settling.observe(pending, look)
        self._look_when_next_settles()
        if self.acceptance.given:
            self._take([each for each in found if self._is_new(each)], accept_backlog_hours)
        elif self.acceptance.wants_survey(pending):
            self._survey(pending)

    def _take(self, found: Sequence[Found], least_hours: float) -> None:
        """Have these files looked into; where they may be too much to be paid for unasked, they are surveyed first."""
        taken, weighed = self.acceptance.unasked(found, self._sightings.inspecting(), least_hours)
        self._leaves_some = len(taken) + len(weighed) < len(found)
        self._inspect(taken)
        if weighed:
            self._survey({each.path: each.fingerprint for each in weighed})

    def _look_if_counted(self) -> None:
        """Look for the files that were left, once all that was being looked into is counted."""
        if self._leaves_some and not self._sightings.is_inspecting():
            self._look_at_once()

    def _look_when_next_settles(self) -> None:
        if (settles_at := self.settling.next_at()) is not None:
            self._pace.soon(settles_at)

    def _is_new(self, found: Found) -> bool:
        """True if nobody has this settled file yet. A job that had given it up as taken away is to retire it again."""
        if self._sightings.is_inspecting(found.path):
            return False
        number = self._sightings.job_of(found.path, found.fingerprint)
        if number is None:
            return True
        if self.route.after == "archive" and number not in self._book.unfinished:
            retire_again(number, found.fingerprint, self.route, self._book)
        self._sightings.pass_over(found.path)
        return False

    def _inspect(self, found: Sequence[Found]) -> None:
        """Have these files looked into, some at a time: what is done for the first ones comes in between."""
        aside = self.inspection.set_aside(found)
        say_unread(aside, self._sightings.unread(), self.route.name)
        self._sightings.inspected(aside, aside, again=())
        wanted = [each for each in found if each.path not in aside]
        self._sightings.inspect(each.path for each in wanted)
        self.inspection.add(wanted)
        self._inspect_next()
        self._look_if_counted()

    def _inspect_next(self) -> None:
        if batch := self.inspection.begin():
            answer = functools.partial(FilesInspected, self, batch)
            alike = to_hash(batch, self.route.name, self._book)
            self._ask(functools.partial(inspect, batch, self._looking, alike), answer, doing="reading a recording")

    def inspected(self, message: FilesInspected) -> None:
        """Admit the files that were looked into. Raises Blocked where the inbox cannot be reached."""
        self.inspection.ended()
        inspected, must_wait = message.outcome.result or {}, self.settling.must_wait
        coming = [each.result for each in inspected.values() if each.result and not must_wait(each.result)]
        admitted = {each.found.path for each in coming}
        self._note_unread([item.path for item in message.asked if item.path not in admitted], inspected)
        try:
            for each in coming:
                job, earlier = admit(each, self.route.name, self._book, is_known=self.acceptance.is_known(each.found))
                self._coming[job.id] = each.found, earlier
        except errors.Blocked:
            self._give_up(admitted.difference(found.path for found, _ in self._coming.values()))
            raise
        self.settling.remember()
        self._look_when_next_settles()
        problems = [message.outcome.problem, *(each.problem for each in inspected.values())]
        if problem := next((each for each in problems if isinstance(each, errors.Blocked)), message.outcome.problem):
            self._give_up()
            raise blocked(problem, self.route.lane)
        self._inspect_next()
        self._look_if_counted()

    def _note_unread(self, asked: Sequence[bytes], inspected: Mapping[bytes, Outcome[Candidate]]) -> None:
        """Keep which files cannot be read: each look tries them again, and each problem is said once."""
        unread = {path: each.problem.message for path, each in inspected.items() if is_unread(each.problem)}
        missed = {path for path, each in inspected.items() if isinstance(each.problem, errors.Gone)}
        unread |= {path: listed_only(path) for path in self._sightings.missed_again(missed)}
        say_unread(unread, self._sightings.unread(), self.route.name)
        read = {path for path, each in inspected.items() if each.problem is None}
        self._sightings.inspected(asked, unread, again={*asked} - unread.keys() - read, missed=missed)

    def written(self, job: Job) -> None:
        """Something happened to this job, and is written: a file that was admitted is one from now on."""
        self.orders.happened(job)
        found, earlier = self._coming.pop(job.id, (None, None))
        if found is None:
            return
        self._sightings.inspected([found.path], {}, again=())
        self._sightings.take(found.path, job.id, found.fingerprint)
        self.settling.taken(found)
        self._look_if_counted()
        if earlier is not None and earlier.path != found.path:
            take_back = functools.partial(failure_notes.take_back, earlier, self.route, self.anchors)  # its path is new
            self._background.do(self.executor, take_back, doing="removing a note", lane=self.route.lane)

    def unwritten(self) -> None:
        """The files that were admitted could not be written: they are no job's, and the next look reports them."""
        coming, self._coming = [found.path for found, _ in self._coming.values()], {}
        self._sightings.inspected(coming, {}, again=coming)

    def _give_up(self, paths: Iterable[bytes] = ()) -> None:
        """These files, and those that were still to be looked into, are left to the next look."""
        paths = [*paths, *self.inspection.give_up()]
        self._sightings.inspected(paths, {}, again=paths)

    # -- what may not be paid for without asking

    def _survey(self, files: Mapping[bytes, Fingerprint]) -> None:
        """Find out how much audio there is, before anything of it is taken."""
        reads, unread = self.inspection.survey.begin(self._clock.wall()), not self.acceptance.given
        survey = functools.partial(self._looking.survey, dict(files), unread=unread, reads=reads)
        self._ask(survey, functools.partial(InboxSurveyed, self, len(files)), doing="surveying the inbox")

    def surveyed(self, message: InboxSurveyed, plan: Plan) -> str:
        """Go on with what lies there; the lane that is free then. Raises Blocked where a person must be asked."""
        self.inspection.survey.ended()
        if self.acceptance.given and not self.acceptance.is_weighing:
            return self.route.backlog_lane
        if (hours := message.outcome.result) is None:
            self.acceptance.failed()
            raise blocked(message.outcome.problem, self.route.lane)
        try:
            self.acceptance.surveyed(Backlog(message.count, hours), plan)
        except errors.Blocked as error:
            if not (error.by_person and self.consents.obey(self.accept, is_asked=True)):
                raise
        self._look_at_once()
        return self.route.backlog_lane

    def accept(self, order: Mapping[str, object]) -> str:
        """Let what this order names be paid for; the reason why not, else empty. Raises Blocked(state)."""
        why_not = self.acceptance.why_not(order, self.anchors.of("inbox").anchor)
        if not why_not and not self.acceptance.given:
            self.acceptance.give()
            self._look_at_once()
        return why_not

    def _look_at_once(self) -> None:
        self._pace.ask_at_once(self._clock.monotonic())  # that look takes what lies here; without it all seems done
