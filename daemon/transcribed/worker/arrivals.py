"""From a listing to jobs: one inbox's looks, what has settled there, and what is admitted to the journal.

The listing is the truth; a look that a folder event asks for is the same as one that is merely due. An inbox that was
never accepted is surveyed first: more audio than the plan allows waits for a person's word.
What this module does not know: what happens to a job once it is admitted.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import replace

import structlog

from transcribed import errors
from transcribed.inbox import Found, Listing, Probe, Settling
from transcribed.job import Fingerprint, Job, State, resumption, shown
from transcribed.job.events import Failed, Received, Touched
from transcribed.worker.anchors import facts_of
from transcribed.worker.book import Book
from transcribed.worker.folders import Folders
from transcribed.worker.plan import Clock, Executor, Looked, Mailbox, Plan, Probed, Route, Surveyed

log = structlog.get_logger()

PROBES_AT_ONCE = 50  # so that a large drop shows its first jobs soon, and no message is huge


class Arrivals:
    """One inbox as the loop sees it. All of it belongs to the loop's thread; looking itself is done on `executor`."""

    def __init__(self, route: Route, book: Book, executor: Executor, mailbox: Mailbox, clock: Clock) -> None:
        self._remembered = book.journal.facts(facts_of(route.name))
        self.folders = Folders(route, self._remembered)
        self.executor = executor
        self.looked_at: float | None = None  #: seconds since the epoch
        self.is_lost = False  #: whether the last look found its folders not to be had
        self.problems: tuple[str, ...] = ()
        self.accepted = book.journal.is_accepted(route.name)
        self._book = book
        self._mailbox = mailbox
        self._clock = clock
        self._started_at = clock.wall()
        self._settling = Settling(route.settle_seconds)
        self._known = {job.path: (job.id, job.fingerprint) for job in book.journal.lying_in(route.name)}
        self._probing: set[bytes] = set()
        self._unread: dict[bytes, str] = {}  # settled files that cannot be read, and why
        self._surveyed: frozenset[bytes] = frozenset()
        self._look_at = clock.monotonic()
        self._looking = False

    @property
    def route(self) -> Route:
        """The route whose inbox this is."""
        return self.folders.route

    @property
    def settled(self) -> bool:
        """Whether a look was had and nothing that it showed is still on its way into the journal."""
        waiting = self._looking or self._probing or self._settling.waiting()
        return self.accepted and self.looked_at is not None and not waiting

    def waiting(self) -> list[dict[str, object]]:
        """The files that have not settled yet, for people."""
        settling = {path: why.reason for path, why in self._settling.waiting().items()}
        return [{"file": shown(path), "why": why} for path, why in {**settling, **self._unread}.items()]

    def forget(self, job: Job) -> None:
        """The job's recording is no longer what lies at its path: whatever lies there is new."""
        if self._known.get(job.path, (None,))[0] == job.id:
            del self._known[job.path]
        self.look_soon()

    def adopt(self, job: Job, earlier: Job) -> None:
        """What lies at the path of `job` is the recording of an earlier one, touched."""
        self._known[job.path] = (earlier.id, job.fingerprint)

    def look_soon(self) -> None:
        """Something may have changed."""
        self._look_at = min(self._look_at, self._clock.monotonic())

    def next_at(self) -> float | None:
        """When the next look is due (monotonic); None while one is on its way."""
        return None if self._looking else self._look_at

    def look_if_due(self) -> None:
        """Begin a look where it is time for one."""
        if self._looking or self._clock.monotonic() < self._look_at:
            return
        self._looking = True
        self.executor.submit(self._look)

    def _look(self) -> None:
        """On the inbox's thread: one listing."""
        listing, problem = None, None
        at = self._clock.monotonic()
        try:
            self.folders.anchors.recognise()
            if self.looked_at is None:
                self.folders.sweep(self._started_at)
            at = self._clock.monotonic()
            listing = self.folders.look()
        except errors.TranscribedError as error:
            problem = error
        except OSError as error:
            problem = errors.from_os_error(error, lane=self.route.lane, doing="listing the inbox")
        self._mailbox.put(Looked(self.route.name, listing, at, problem, self.folders.anchors.facts()))

    def looked(self, message: Looked, plan: Plan) -> None:
        """Take in a listing. Raises what kept it from being had."""
        self._looking = False
        self._look_at = self._clock.monotonic() + plan.scan_seconds
        self.is_lost = message.problem is not None
        self._remember(message.folders)
        if message.problem is not None:
            raise self._blocked(message.problem)
        assert message.listing is not None
        self.looked_at = self._clock.wall()
        self._say_problems(message.listing)
        if not self.accepted:
            self._survey(message.listing)
            return
        found = self._settling.observe(message.listing.files, message.at)
        self._unread = {path: why for path, why in self._unread.items() if path in message.listing.files}
        settles_at = self._settling.next_at()
        if settles_at is not None:
            self._look_at = min(self._look_at, settles_at)
        new = [item for item in found if self._is_new(item)]
        for start in range(0, len(new), PROBES_AT_ONCE):
            self._probe(tuple(new[start : start + PROBES_AT_ONCE]))

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
        probes: list[tuple[Found, Probe]] = []
        unread: dict[bytes, str] = {}
        asked = tuple(item.path for item in found)
        for item in found:
            try:
                probes.append((item, self.folders.probe(item)))
            except errors.Withdrawn:
                continue  # what lies there now is seen by the next look
            except errors.Transient as error:
                unread[item.path] = error.message
            except errors.TranscribedError as error:
                return Probed(self.route.name, asked, tuple(probes), unread, error)
            except OSError as error:
                problem = errors.from_os_error(error, lane=self.route.lane, doing="reading a recording")
                return Probed(self.route.name, asked, tuple(probes), unread, problem)
        return Probed(self.route.name, asked, tuple(probes), unread)

    def probed(self, message: Probed) -> None:
        """Admit the files that were looked into. Raises what kept the others from it, or Blocked(state)."""
        self._probing -= set(message.asked)
        self._say_unread(message)
        for found, probe in message.probes:
            self._admit(found, probe)
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

    def _admit(self, found: Found, probe: Probe) -> None:
        """What is no recording fails in the same breath: a crash in between must not have it sent and paid for."""
        reason = Failed(probe.reason, "drop the recording itself, whole, as an MP3")
        verdict = () if probe.audio else (reason,)
        job = self._dragged_back(found, verdict) or self._new_job(found, probe, verdict)
        self._known[found.path] = (job.id, found.fingerprint)

    def _new_job(self, found: Found, probe: Probe, verdict: tuple[Failed, ...]) -> Job:
        now = self._clock.wall()
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
        )
        return self._book.add(job, Received(found.fingerprint.size, probe.warnings), *verdict)

    def _dragged_back(self, found: Found, verdict: tuple[Failed, ...]) -> Job | None:
        """The failed job whose recording this is, moved back into the inbox: dragging it back is the retry."""
        for job in reversed(self._book.journal.with_size(found.fingerprint.size)):
            same = job.inbox == self.route.name and job.fingerprint.mtime_ns == found.fingerprint.mtime_ns
            if same and job.state is State.FAILED and job.place is not None and job.retired_at is not None:
                event = replace(resumption(job, self._clock.wall()), path=found.path, fingerprint=found.fingerprint)
                again = self._book.record(job, event, *(verdict if event.to is State.RECEIVED else ()))
                if found.path != job.path:  # else its note goes when it succeeds: by its name, which is lost here
                    self._take_back_note(job)
                return again
        return None

    def _take_back_note(self, job: Job) -> None:
        def take_back() -> None:
            with contextlib.suppress(OSError):  # a note too many is no reason to fail
                self.folders.take_back_note(job)

        self.executor.submit(take_back)

    def _survey(self, listing: Listing) -> None:
        """Before anything of this inbox is taken for the first time: how much is it?"""
        names = frozenset(listing.files)
        if self._surveyed == names and names:
            return
        self._surveyed = names

        def survey() -> None:
            hours = self.folders.survey(listing.files)
            self._mailbox.put(Surveyed(self.route.name, len(names), hours))

        self.executor.submit(survey)

    def surveyed(self, message: Surveyed, plan: Plan) -> None:
        """Accept what lies there, or raise Blocked: too much to be paid for without asking."""
        if self.accepted:
            return
        names, self._surveyed = self._surveyed, frozenset()  # what the journal does not take now is asked again
        if message.hours > plan.accept_backlog_hours:
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
