"""The deletions that are due after a delivery: at AssemblyAI, and of what is kept here.

At AssemblyAI a transcript is deleted with its upload if its inbox asks for that. The order is written with the
delivery, and its end is remembered, so that the answer for a deleted one is never taken for a text. Here a transcript
is kept for `transcripts_days` after its last delivery, and a job for `jobs_days` after its end; what was paid, and for
what, is known for ever.
All of it belongs to the loop's thread, except for the deleting itself.
"""

import functools
import heapq
import itertools
import math
from collections.abc import Iterator, Sequence

import structlog

from transcribed import errors
from transcribed.assemblyai import AssemblyAI, UnknownTranscript
from transcribed.job import Account, Job, State
from transcribed.job.events import Delivered, Event
from transcribed.journal import Journal, Transcripts
from transcribed.worker.background import Background
from transcribed.worker.book import Book
from transcribed.worker.lanes import Lanes
from transcribed.worker.messages import OldTranscriptsListed, RemoteDeleted
from transcribed.worker.people.searching import Searching
from transcribed.worker.plan import Clock, Plan

log = structlog.get_logger()

AGAIN_SECONDS = 60.0  # after a deletion that did not succeed, doubled each time: nobody waits for it
LONGEST_AGAIN_SECONDS = 3600.0
SWEEP_SECONDS = 3600.0  # between two looks at how old the kept transcripts are
DAY_SECONDS = 86400.0
AT_ONCE = 200  # transcripts that the journal is asked about in one query
_FIRST = (0.0, "")  # before the first order of all
FORGET_AT_ONCE = 50  # jobs that it forgets in one transaction, for which all else waits
FORGET_SECONDS, FORGET_REST = 1.0, 9.0  # at least so long between two of these, or so many times what one took
FORGET_ONCE_SECONDS = 30.0  # after its start, a run with `--once` stays no longer only to forget old jobs


class _ToErase:
    """Transcripts that are to be deleted, by the time from which each may be (monotonic); the first come first."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._queue: list[tuple[float, int, str]] = []
        self._count = itertools.count()

    def __contains__(self, transcript_id: str) -> bool:
        return transcript_id in self._at

    def put(self, transcript_id: str, at: float) -> None:
        """Have it due at `at`, whatever was said before."""
        self._at[transcript_id] = at
        heapq.heappush(self._queue, (at, next(self._count), transcript_id))

    def drop(self, transcript_id: str) -> None:
        """It is not to be deleted, or is no longer there."""
        self._at.pop(transcript_id, None)

    def first(self) -> tuple[float, str] | None:
        """The one that is due first, and its time."""
        while self._queue and self._at.get(self._queue[0][2]) != self._queue[0][0]:
            heapq.heappop(self._queue)  # said otherwise since
        return (self._queue[0][0], self._queue[0][2]) if self._queue else None


class Deletions:
    """The deletions that are due, one at a time, and the looks at what is kept."""

    def __init__(
        self,
        book: Book,
        lanes: Lanes,
        kept: Transcripts,
        background: Background,
        clock: Clock,
        search: Searching,
    ) -> None:
        self.erasing: str | None = None  #: the transcript that is being deleted at AssemblyAI
        self._book = book
        self._lanes = lanes
        self._kept = kept
        self._background = background
        self._clock = clock
        self._search = search
        self._orders = _ToErase()
        self._account: Account | None = None  # whose transcripts they are
        self._read_to: tuple[float, str] | None = None  # the last that was read of the journal's; None: all were
        self._waited: dict[str, float] = {}  # those that did not succeed: seconds until they are tried again
        self._sweep_at = clock.monotonic()
        self._sweeping = False
        self._forget_at = self._began_at = clock.monotonic()
        self._has_old = False  # there are more jobs to be forgotten soon
        self._forgotten = 0  # since the line in the log

    def look_if_due(self, plan: Plan) -> None:
        """Begin the next deletion, and the next look at what is kept, where it is time for one."""
        now = self._clock.monotonic()
        if now >= self._sweep_at and not self._sweeping:
            self._sweeping, self._sweep_at = True, now + SWEEP_SECONDS
            self._sweep(plan)
            self._search.look()
            self._book.journal.check_beside()
        self._search.put_if_due()
        if now >= self._forget_at and self._lanes.blocking((errors.STATE,)) is None:
            self._forget(plan)
        if self.erasing is None and self._lanes.blocking((errors.STATE, errors.API)) is None:
            self._erase(plan.client, now)

    def _erase(self, client: AssemblyAI, now: float) -> None:
        """Begin the next deletion at AssemblyAI, if one is due. Raises Blocked(state)."""
        self._read_orders(client.account, now)
        at, transcript_id = self._orders.first() or (math.inf, "")
        if at > now:
            return
        key = self._book.journal.key_to_erase(transcript_id, client.base_url)
        if key is None:
            self._done_with(transcript_id)
        elif any(job.transcript_id == transcript_id for job in self._book.submitted.values()):
            self._orders.put(transcript_id, now + AGAIN_SECONDS)  # it is to be fetched, perhaps again
        else:
            self.erasing = transcript_id
            self._background.ask(
                self._background.calls,
                functools.partial(client.delete, transcript_id),
                lambda outcome: RemoteDeleted(transcript_id, key == client.key_fingerprint, outcome.problem),
                doing="deleting a transcript at AssemblyAI",
                lane=errors.API,
            )

    def _read_orders(self, account: Account, now: float) -> None:
        """Read some of the journal's orders for its address, where no other is due. Raises Blocked(state)."""
        if account != self._account:
            self._account, self._orders, self._read_to = account, _ToErase(), _FIRST
        at, _ = self._orders.first() or (math.inf, "")
        if self._read_to is None or at <= now:
            return
        read = self._book.journal.to_erase(account.base_url, self._read_to, AT_ONCE)
        for _, transcript_id in read:
            if transcript_id not in self._orders:
                self._orders.put(transcript_id, now)
        self._read_to = read[-1] if len(read) == AT_ONCE else None

    def ordered(self, job: Job, event: Event) -> None:
        """This has happened, and is written: a transcript is searched from now on, and is perhaps to be deleted."""
        if isinstance(event, Delivered) and job.transcript_id is not None:
            self._search.delivered(job.transcript_id)
        if isinstance(event, Delivered) and event.delete_remote and job.transcript_id is not None:
            self._orders.put(job.transcript_id, self._clock.monotonic())

    def _sweep(self, plan: Plan) -> None:
        list_old = functools.partial(_old, self._kept, plan, self._clock)
        doing = "reading the kept transcripts"
        self._background.ask(self._background.calls, list_old, OldTranscriptsListed, doing=doing)

    def _forget(self, plan: Plan) -> None:
        """Let the journal forget some old jobs. Raises Blocked(state)."""
        began_at = self._clock.monotonic()
        self._forget_at, self._has_old = began_at + SWEEP_SECONDS, False
        before = self._clock.wall() - plan.jobs_days * DAY_SECONDS
        count = self._book.journal.forget(before, FORGET_AT_ONCE)
        self._forgotten += count
        if count:
            self._search.forgotten(before)
        if count == FORGET_AT_ONCE:
            now = self._clock.monotonic()
            self._forget_at, self._has_old = now + max(FORGET_SECONDS, FORGET_REST * (now - began_at)), True
        elif self._forgotten:
            log.info("jobs.forgotten", count=self._forgotten)
            self._forgotten = 0

    def next_at(self) -> float:
        """The time at which the next of them is due (monotonic)."""
        times = [self._forget_at] if self._sweeping else [self._forget_at, self._sweep_at]
        return min([*times, self._erase_at(), self._search.next_at()])

    def leave(self) -> None:
        """The daemon ends: what was delivered is put into the index now."""
        self._search.put_now()

    def is_busy(self) -> bool:
        """True while there is something to delete now, or to forget. What failed is left to a later time."""
        return self.erasing is not None or self._erase_at() <= self._clock.monotonic() or self._is_forgetting()

    def _is_forgetting(self) -> bool:
        """True while old jobs are left, and it is not long since the start."""
        is_early = self._clock.monotonic() - self._began_at < FORGET_ONCE_SECONDS
        return self._has_old and is_early and self._lanes.blocking((errors.STATE,)) is None

    def _erase_at(self) -> float:
        """The time of the next deletion at AssemblyAI (monotonic); infinite while one is on its way."""
        if self.erasing is not None or self._lanes.blocking((errors.STATE, errors.API)) is not None:
            return math.inf
        at, _ = self._orders.first() or (math.inf, "")
        return at if self._read_to is None else -math.inf

    def heard(self, message: RemoteDeleted | OldTranscriptsListed) -> None:
        """A deletion, or a look at what is kept, has ended."""
        if isinstance(message, RemoteDeleted):
            self._erased(message)
        else:
            self._aged(message)

    def _erased(self, message: RemoteDeleted) -> None:
        """A deletion has ended. Raises Blocked where the API or the journal cannot be reached."""
        self.erasing = None
        if isinstance(message.problem, errors.Blocked) and not isinstance(message.problem, UnknownTranscript):
            raise message.problem
        is_unknown = isinstance(message.problem, UnknownTranscript)
        if message.problem is not None and not (is_unknown and message.is_ours):
            wait = min(2 * self._waited.get(message.transcript_id, AGAIN_SECONDS / 2), LONGEST_AGAIN_SECONDS)
            wait = DAY_SECONDS if is_unknown else wait  # another project may have it: its key may come back
            self._waited[message.transcript_id] = wait
            self._orders.put(message.transcript_id, self._clock.monotonic() + wait)
            log.warning("transcript.not_erased", transcript_id=message.transcript_id, reason=str(message.problem))
            return
        self._book.journal.erased(message.transcript_id, self._clock.wall())
        self._done_with(message.transcript_id)
        log.info("transcript.erased", transcript_id=message.transcript_id)

    def _done_with(self, transcript_id: str) -> None:
        self._orders.drop(transcript_id)
        self._waited.pop(transcript_id, None)

    def _aged(self, message: OldTranscriptsListed) -> None:
        """These kept transcripts are old enough, by their files: remove those that nothing needs any more."""
        self._sweeping = False
        if message.outcome.problem is not None:
            raise message.outcome.problem
        before, transcripts, descriptions = message.outcome.result or (0.0, [], [])
        for asked in _some_of(transcripts):
            self._remove(_unneeded(self._book.journal, asked, before))
        for asked in _some_of(descriptions):
            forget = functools.partial(self._kept.forget, _forgotten(self._book.journal, asked))
            self._background.do(self._background.state, forget, doing="removing old descriptions")

    def _remove(self, transcript_ids: Sequence[str]) -> None:
        if transcript_ids:
            log.info("transcripts.removed", count=len(transcript_ids), transcript_ids=transcript_ids)
            self._search.take_out(transcript_ids)
            remove = functools.partial(self._kept.remove, transcript_ids)
            self._background.do(self._background.state, remove, doing="removing old transcripts")


def _old(kept: Transcripts, plan: Plan, clock: Clock) -> tuple[float, list[str], list[str]]:
    """The time before which a kept transcript is old, those that are, and the old descriptions without one.

    Our clock may be years ahead: what is old by it has to be so by AssemblyAI's too. Raises OSError, and as `check`.
    """
    old = _older(kept, plan, clock.wall())
    if any(old[1:]):
        plan.client.check()  # its answer says what time it is
        old = _older(kept, plan, plan.client.sent_at(clock.wall()))
    return old


def _older(kept: Transcripts, plan: Plan, now: float) -> tuple[float, list[str], list[str]]:
    days = math.inf if plan.transcripts_days is None else plan.transcripts_days
    before = now - days * DAY_SECONDS
    return before, kept.older_than(before), kept.described_alone(now - plan.jobs_days * DAY_SECONDS)


def _some_of(transcript_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (transcript_ids[start : start + AT_ONCE] for start in range(0, len(transcript_ids), AT_ONCE))


def _forgotten(journal: Journal, transcript_ids: Sequence[str]) -> list[str]:
    """Those of these transcripts of which the journal has no job any more, and knows what was paid."""
    known = {job.transcript_id for job in journal.with_transcripts(transcript_ids)}
    return [each for each in transcript_ids if each not in known and journal.forgotten.payer(each) is not None]


def _unneeded(journal: Journal, transcript_ids: Sequence[str], before: float) -> list[str]:
    """Those of these transcripts all of whose jobs were delivered before, and are done with."""
    needed = {job.transcript_id for job in journal.with_transcripts(transcript_ids) if _needs(job, before)}
    return [each for each in transcript_ids if each not in needed]


def _needs(job: Job, before: float) -> bool:
    return job.unfinished or job.state is State.FAILED or job.changed_at > before
