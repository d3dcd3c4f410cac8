"""From a listing to jobs: one inbox's looks, what has settled there, and what is admitted to the journal.

The listing is the truth; a look that a folder event asks for is the same as one that is merely due. A look tells what
has changed; what it told is pending until it is a job's, and is looked at each time. An inbox that was never accepted
is surveyed first: more audio than the plan allows waits for a person's word.
What this module does not know: what happens to a job once it is admitted.
"""

import contextlib
import functools
import itertools
from collections.abc import Mapping
from dataclasses import replace

import structlog

from transcribed import errors
from transcribed.inbox import Found, Listing, Settling
from transcribed.job import Fingerprint, Job, State, resumption, shown
from transcribed.job.events import Failed, Received, Touched
from transcribed.worker.anchors import facts_of
from transcribed.worker.book import Book
from transcribed.worker.candidates import looked_into, verdict
from transcribed.worker.folders import Folders
from transcribed.worker.pace import Pace
from transcribed.worker.plan import Candidate, Clock, Executor, Host, Looked, Mailbox, Plan, Probed, Route, Surveyed

log = structlog.get_logger()

HANGS_SECONDS = 60.0  # a share that has not answered for so long is worth a word; it is asked again by the same call
PROBES_AT_ONCE = 50  # so that a large drop shows its first jobs soon, and no message is huge


class Arrivals:
    """One inbox as the loop sees it. All of it belongs to the loop's thread; looking itself is done on `executor`."""

    def __init__(
        self,
        route: Route,
        book: Book,
        executor: Executor,
        mailbox: Mailbox,
        clock: Clock,
        host: Host,
    ) -> None:
        self._remembered = book.journal.facts(facts_of(route.name))
        self.folders = Folders(route, self._remembered)
        self.executor = executor
        self.looked_at: float | None = None  #: seconds since the epoch
        self.is_lost = False  #: whether the last look found its folders not to be had
        self.problems: tuple[str, ...] = ()
        self.file_system = ""  #: of the inbox, as the last look saw it
        self.watched = False  #: whether events come, so that looks of our own may be rare
        self.accepted = book.journal.is_accepted(route.name)
        self._book = book
        self._mailbox = mailbox
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
    def route(self) -> Route:
        """The route whose inbox this is."""
        return self.folders.route

    @property
    def settled(self) -> bool:
        """Whether a look was had and nothing that it showed is still on its way into the journal."""
        waiting = self._looking_since is not None or self._probing or self._settling.next_at() is not None
        return self.accepted and self.looked_at is not None and not waiting

    def waiting(self, most: int) -> list[dict[str, object]]:
        """So many of the files that are not taken yet, and why, for people."""
        settling = ((path, why.reason) for path, why in self._settling.waiting().items())
        every = itertools.chain(self._unread.items(), settling)
        return [{"file": shown(path), "why": why} for path, why in itertools.islice(every, most)]

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

    @property
    def is_overdue(self) -> bool:
        """Whether the last look is older than it should be: one hangs, or none has been had."""
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
            self.executor.submit(lambda: self._look(whole, again, watched, expected))

    def _raise_if_hanging(self, now: float) -> None:
        """A look that waits for its turn does not hang: hashing or moving a large recording takes its time."""
        began_at = self._began_at
        if began_at is not None and now - began_at > HANGS_SECONDS:
            why = f"the inbox {shown(self.route.inbox)} has not answered for more than {HANGS_SECONDS:g} s"
            raise errors.Blocked(why, lane=self.route.lane, hint="look at its file server, and at the network")

    def _look(
        self, whole: bool, again: frozenset[bytes], watched: frozenset[bytes], expected: frozenset[bytes]
    ) -> None:
        """On the inbox's thread: one look, once events are asked for, so that nothing is missed in between."""
        listing, problem = None, None
        self._began_at = at = self._clock.monotonic()
        try:
            self.folders.anchors.recognise()
            if self.looked_at is None:
                self.folders.sweep(self._started_at)
            at = self._clock.monotonic()
            events = self.folders.wants_events() and bool(self._host.watch(self.route.inbox))
            listing = self.folders.look(whole=whole, again=again, watched=watched, expected=expected)
        except errors.TranscribedError as error:
            events, problem = False, error
        except OSError as error:
            events, problem = False, errors.from_os_error(error, lane=self.route.lane, doing="listing the inbox")
        ended_at, folders = self._clock.monotonic(), self.folders.anchors.facts()
        self._mailbox.put(Looked(self, listing, at, ended_at, whole, events, again, problem, folders))

    def looked(self, message: Looked) -> None:
        """Take in what a look found. Raises what kept it from being had."""
        self._looking_since = self._began_at = None
        listing = message.listing
        self.is_lost = listing is None
        if listing is None:
            assert message.problem is not None
            self._pace.failed(message.ended_at, self.route.scan_seconds)
            self._remember(message.folders)
            raise self._blocked(message.problem)
        self._pace.end(
            message.at,
            message.ended_at,
            whole=message.whole,
            scan_seconds=self.route.scan_seconds,
            events=message.events,
            active=bool(listing.files or listing.gone or self._unread or self._settling.next_at() is not None),
        )
        self.looked_at = self._clock.wall()
        self.watched, self.file_system = message.events, listing.mount.kind.decode(errors="replace")
        self._say_problems(listing)
        self._take_in(listing, message.again)  # first, for nothing tells of it twice
        self._remember(message.folders)
        quiet = self._settling.next_at() is None and not (listing.files or listing.gone)
        if not self.accepted and self._surveyed and quiet:
            return  # a backlog that waits for a person costs nothing while nothing comes to it
        found = self._settling.observe(self._pending, message.at, listing.markers)
        if (settles_at := self._settling.next_at()) is not None:
            self._pace.soon(settles_at)
        if not self.accepted:
            self._survey()
            return
        new = [item for item in found if self._is_new(item)]
        for start in range(0, len(new), PROBES_AT_ONCE):
            self._probe(tuple(new[start : start + PROBES_AT_ONCE]))

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
        self.executor.submit(self.folders.anchors.forget)
        self.look_soon()

    def _say_problems(self, listing: Listing) -> None:
        if listing.problems != self.problems:
            for problem in set(listing.problems) - set(self.problems):
                log.warning("inbox.problem", inbox=self.route.name, problem=problem)
            self.problems = listing.problems

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
        self.executor.submit(lambda: self._mailbox.put(self._probed(found)))

    def _probed(self, found: tuple[Found, ...]) -> Probed:
        """On the inbox's thread: look into each settled file."""
        candidates: list[Candidate] = []
        unread: dict[bytes, str] = {}
        asked, ask = tuple(item.path for item in found), functools.partial(self._host.settings, self.route.name)
        for item in found:
            try:
                candidates.append(looked_into(item, self.folders, ask))
            except errors.Withdrawn:
                continue  # what lies there now is seen by the next look
            except errors.Transient as error:
                unread[item.path] = error.message
            except errors.TranscribedError as error:
                return Probed(self, asked, tuple(candidates), unread, error)
            except OSError as error:
                problem = errors.from_os_error(error, lane=self.route.lane, doing="reading a recording")
                return Probed(self, asked, tuple(candidates), unread, problem)
        return Probed(self, asked, tuple(candidates), unread)

    def probed(self, message: Probed) -> None:
        """Admit the files that were looked into. Raises what kept the others from it, or Blocked(state)."""
        self._probing -= set(message.asked)
        self._again |= set(message.asked) - {each.found.path for each in message.candidates} - message.unread.keys()
        self._say_unread(message)
        for each in message.candidates:
            if not (each.probe.hollow and self._settling.hollow(each.found)):
                self._admit(each)
        if (settles_at := self._settling.next_at()) is not None:
            self._pace.soon(settles_at)
        if message.problem is not None:
            raise self._blocked(message.problem)

    def _say_unread(self, message: Probed) -> None:
        """A file that cannot be read is tried again at each look, and said once."""
        for path in message.asked:
            why = message.unread.get(path)
            if why is not None and self._unread.get(path) != why:
                log.warning("inbox.problem", inbox=self.route.name, problem=why)
            self._unread.pop(path, None)
        self._unread.update(message.unread)

    def _blocked(self, problem: errors.TranscribedError) -> errors.Blocked:
        """A folder that cannot be looked at blocks its inbox, whatever the cause."""
        if isinstance(problem, errors.Blocked):
            return problem
        return errors.Blocked(problem.message, lane=self.route.lane, hint=problem.hint)

    def _admit(self, candidate: Candidate) -> None:
        """What is no recording fails in the same breath: a crash in between must not have it sent and paid for."""
        found, failures = candidate.found, verdict(candidate)
        job = self._dragged_back(candidate, failures) or self._new_job(candidate, failures)
        self._known[found.path] = (job.id, found.fingerprint)
        if self._pending.get(found.path) == found.fingerprint:
            del self._pending[found.path]

    def _new_job(self, candidate: Candidate, failures: tuple[Failed, ...]) -> Job:
        now, found, probe = self._clock.wall(), candidate.found, candidate.probe
        job = Job(
            id=0,
            inbox=self.route.name,
            path=found.path,
            fingerprint=found.fingerprint,
            state=State.RECEIVED,
            received_at=now,
            changed_at=now,
            due_at=now,
            duration_seconds=probe.duration_seconds,
            settings=candidate.settings,
        )
        return self._book.add(job, Received(found.fingerprint.size, probe.warnings), *failures)

    def _dragged_back(self, candidate: Candidate, failures: tuple[Failed, ...]) -> Job | None:
        """The failed job whose recording this is, moved back into the inbox: dragging it back is the retry."""
        found = candidate.found
        for job in reversed(self._book.journal.failed_like(self.route.name, found.fingerprint)):
            if job.place is not None and job.retired_at is not None:
                event = replace(
                    resumption(job, self._clock.wall()),
                    path=found.path,
                    fingerprint=found.fingerprint,
                    settings=candidate.settings,
                )
                again = self._book.record(job, event, *(failures if event.to is State.RECEIVED else ()))
                if found.path != job.path:  # else its note goes when it succeeds: by its name, which is lost here
                    self._take_back_note(job)
                return again
        return None

    def _take_back_note(self, job: Job) -> None:
        def take_back() -> None:
            with contextlib.suppress(OSError):  # a note too many is no reason to fail
                self.folders.take_back_note(job)

        self.executor.submit(take_back)

    def _survey(self) -> None:
        """Before anything of this inbox is taken for the first time: how much is it?"""
        files = dict(self._pending)
        names = frozenset(files)
        if self._surveyed == names and names:
            return
        self._surveyed = names

        def survey() -> None:
            hours = self.folders.survey(files)
            self._mailbox.put(Surveyed(self, len(names), hours))

        self.executor.submit(survey)

    def surveyed(self, message: Surveyed, plan: Plan) -> None:
        """Accept what lies there, or raise Blocked: too much to be paid for without asking."""
        if self.accepted:
            return
        names, self._surveyed = self._surveyed, frozenset()  # what the journal does not take now is asked again
        if message.hours > plan.accept_backlog_hours or (message.count and not plan.accept_backlog_hours):
            what = f"{message.count} recordings ({message.hours:.1f} hours) lay in the inbox at its first start"
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
