"""The holds that are no fault of a server or a disk: pauses, the hours of uploads, limits, and a journal that was lost.

A pause is a fact of the journal, so it survives a restart. While it lasts nothing is uploaded and nothing is submitted;
what was submitted, and perhaps paid for, goes on to its end. The hours hold up uploads alone, and only while some job
is on its way: where nothing waits, nobody is told of a wait.
"""

import functools
import itertools
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from pydantic import TypeAdapter, ValidationError

from transcribed import errors
from transcribed.job import Job, Step
from transcribed.job.events import Event
from transcribed.job.hours import hours_in, is_within
from transcribed.journal import unaccepted
from transcribed.worker.book import Book
from transcribed.worker.intake.arrivals import Arrivals
from transcribed.worker.lanes import Lanes
from transcribed.worker.limits import Spending
from transcribed.worker.new_models import NewModels
from transcribed.worker.plan import Clock, Plan, Route

log = structlog.get_logger()

_FACTS = "hold:"  #: the beginning of the names of the facts that hold pauses, one for each lane


@dataclass(frozen=True, slots=True)
class _Pause:
    """Its times in seconds since the epoch; without an end, a person ends it."""

    since: float = 0.0
    until: float | None = None


_AS_JSON = TypeAdapter(_Pause)


class Holds:
    """The pauses and the hours. All of it belongs to the loop's thread; `resume` frees a lane."""

    def __init__(self, book: Book, lanes: Lanes, clock: Clock, resume: Callable[[str], None]) -> None:
        self._journal = journal = book.journal
        self.spending = Spending(book, lanes, clock, resume)
        self.models = NewModels(book, lanes, clock)
        self._lanes = lanes
        self._clock = clock
        self.resume_lane = resume
        self._pauses = {name.removeprefix(_FACTS): _read(text) for name, text in journal.facts(_FACTS).items()}

    def check_loss(self, plan: Plan) -> None:
        """A journal that may not know of all that was paid for submits nothing that costs until a person accepts it.

        Raises Blocked(submit) where it may not.
        """
        if (loss := self._journal.loss()) and not plan.client.account.is_free:
            raise unaccepted(loss)

    def may_begin(self, step: Step, job: Job) -> bool:
        """True if nothing holds up this upload or submit; what holds up a whole lane is not asked here."""
        return self.models.may_begin(step, job) and (step is not Step.SUBMIT or self.spending.may_submit(job))

    def began(self, step: Step, job: Job) -> None:
        """This step starts, or is on its way."""
        if step is Step.SUBMIT:
            self.spending.submits(job)
            self.models.submits(job)

    def happened(self, job: Job, event: Event) -> None:
        """This happened to the job, and is written. Raises Blocked(state)."""
        self.spending.happened(job, event)
        self.models.happened(job, event)

    def pause(self, inbox: str | None, until: float | None) -> None:
        """Hold up an inbox, or (None) all, until a time or until a person ends it. Raises Blocked(state)."""
        lane = errors.pause_lane(inbox)
        since = self._pauses[lane].since if lane in self._pauses else self._clock.wall()
        pause = _Pause(since, until)
        self._journal.remember({_FACTS + lane: _AS_JSON.dump_json(pause).decode()})
        self._pauses[lane] = pause

    def resume(self, inbox: str | None) -> None:
        """Let an inbox go on, or (None) all, whatever each of them was paused by. Raises Blocked(state)."""
        self._end([*self._pauses] if inbox is None else [errors.pause_lane(inbox)])

    def _end(self, lanes: list[str]) -> None:
        self._journal.remember({_FACTS + lane: None for lane in lanes})
        for lane in lanes:
            self._pauses.pop(lane, None)
            self.resume_lane(lane)

    def look(self, plan: Plan, inboxes: Mapping[str, Arrivals], jobs: int) -> None:
        """Hold what is to be held now, and let go of the rest. `jobs`: the number of those that are on their way.

        Raises Blocked(state).
        """
        now = self._clock.wall()
        self._rename(inboxes)
        if over := [lane for lane, each in self._pauses.items() if each.until is not None and each.until <= now]:
            self._end(over)
        names = {errors.PAUSE: "everything", **{each.pause_lane: f"the inbox {each.name}" for each in plan.routes}}
        for lane in self._pauses.keys() & names.keys():
            self._hold(
                _paused(lane, names[lane], self._pauses[lane]), self._pauses[lane].since, self._pauses[lane].until
            )
        self.spending.look(plan, inboxes, is_needed=bool(jobs))
        for lane in self.models.look(plan, inboxes):
            self.resume_lane(lane)
        self._hear_people(inboxes)
        opens_at = _opens_at(plan.upload_hours, int(now // 60)) if plan.upload_hours and jobs else None
        if plan.upload_hours is None or opens_at is None:
            self.resume_lane(errors.HOURS)
        else:
            held = self._lanes.blocking((errors.HOURS,))
            self._hold(_closed(plan.upload_hours, opens_at), now if held is None else held.since, opens_at)

    def _hear_people(self, inboxes: Mapping[str, Arrivals]) -> None:
        """Obey what people at the share say of the holds of their inbox. Raises Blocked(state)."""
        for inbox in inboxes.values():
            asked = self.spending.asked(inbox.route.limit_lane) | self.models.asked(inbox.route)
            inbox.consents.obey_held(asked, functools.partial(self._accept, inbox.route))

    def _accept(self, route: Route, question: str) -> str:
        room = self.models if question.startswith("model-") else self.spending
        return room.accept(route, question)

    def _rename(self, inboxes: Mapping[str, Arrivals]) -> None:
        """A paused inbox that has another name in the configuration now is still paused. Raises Blocked(state)."""
        lanes = ((errors.pause_lane(old), errors.pause_lane(name)) for name in inboxes for old in inboxes[name].former)
        for old, new in [each for each in lanes if each[0] in self._pauses]:
            pause = self._pauses.get(new, self._pauses[old])
            self._journal.remember({_FACTS + old: None, _FACTS + new: _AS_JSON.dump_json(pause).decode()})
            self._pauses[new] = pause
            del self._pauses[old]

    def _hold(self, why: errors.Blocked, since: float, until: float | None) -> None:
        if self._lanes.hold(why, since=since, until=until):
            log.info("lane.blocked", lane=why.lane, reason=why.message, hint=why.hint)


def _read(text: str) -> _Pause:
    """A pause as it was remembered; one that another version wrote has no end but a person's."""
    try:
        return _AS_JSON.validate_json(text)
    except ValidationError:
        return _Pause()


def _paused(lane: str, what: str, pause: _Pause) -> errors.Blocked:
    until = "" if pause.until is None else f" until {_minute(pause.until)}"
    name = lane.removeprefix(errors.PAUSE).removeprefix(":")
    resume = f"transcribed resume {shlex.quote(name)}" if name else "transcribed resume"
    return errors.Blocked(
        f"{what} is paused{until}: nothing is uploaded or submitted",
        lane=lane,
        hint=f"who runs transcribed ends it by `{resume}`",
        exit_status=errors.Exit.AGAIN,
        by_person=True,
    )


def _closed(hours: str, opens_at: float) -> errors.Blocked:
    return errors.Blocked(
        f"recordings are uploaded at {hours} only (upload_hours), next from {_minute(opens_at)} on",
        lane=errors.HOURS,
        exit_status=errors.Exit.AGAIN,
        by_person=True,
    )


@functools.lru_cache(maxsize=4)  # each pass of the loop asks
def _opens_at(hours: str, minute: int) -> float | None:
    """The time from which recordings are uploaded again, in seconds since the epoch; None: they are in this minute.

    The minutes are tried one by one, so that no rule is needed for a day on which the clocks change. Such a day may
    have no minute of a span; then it is the next day.
    """
    spans = hours_in(hours)
    if is_within(spans, _minute_of_day(minute)):
        return None
    return 60.0 * next(each for each in itertools.count(minute + 1) if is_within(spans, _minute_of_day(each)))


def _minute_of_day(minute: int) -> int:
    """The minute of the local day, for one since the epoch."""
    local = time.localtime(60 * minute)
    return 60 * local.tm_hour + local.tm_min


def _minute(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
