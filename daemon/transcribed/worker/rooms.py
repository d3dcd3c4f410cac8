"""The room that there is for steps, and the lanes that each step needs free."""

from collections import Counter
from collections.abc import Mapping
from enum import IntEnum
from typing import Protocol

from transcribed import errors
from transcribed.job import Job, Step, is_suspect
from transcribed.worker.background import AUDIO_CALLS, CALLS
from transcribed.worker.plan import Route
from transcribed.worker.reading import READS
from transcribed.worker.schedule import Line

FOLDER_STEPS = 32  # at once in one inbox: one at work, the others ready: in one pass as many end as its fsyncs take
FETCHES = 32  # at once: CALLS at work, the others ready for the same reason
LONG_BYTES = 200_000_000  # one room for uploads is kept free of recordings longer than this, for the short ones
HUNG = 4  # times the uploads at once, those that hang in their shares too: the pool's other threads are for all else
ALONE = -1  # the weight of a line of recordings that are tried alone
WITH_AUDIO = 1  # that of fetches which bring a redacted recording: no other transcript waits behind one
_AUDIO_ROOM = f"{Step.FETCH} with audio"
LIGHT_BYTES = 2_000_000  # so little does not fill a line: round trips count, and more at once are always worth it

_HELD = (errors.PAUSE, "its pause", errors.LIMIT, "its limit", "its model")
_TO_SUBMIT = (errors.STATE, "inbox", errors.API, errors.SUBMIT, "parameters", *_HELD)
_LANES: Mapping[Step, tuple[str, ...]] = {
    Step.HASH: (errors.STATE, "inbox"),
    # An upload that cannot be submitted soon expires, so what blocks the one blocks the other.
    Step.UPLOAD: (*_TO_SUBMIT, errors.HOURS),
    # Nor is what was uploaded paid for while its inbox is another journal's, or cannot be looked at to know.
    Step.SUBMIT: (*_TO_SUBMIT, "its first answer"),
    Step.LOOK_UP: (errors.STATE, errors.API),
    Step.FETCH: (errors.STATE, errors.API),
    Step.NAME: (errors.STATE, "inbox"),
    Step.DELIVER: (errors.STATE, "inbox"),
    Step.RETIRE: (errors.STATE, "inbox"),
}
IN_FOLDERS = frozenset({Step.HASH, Step.NAME, Step.DELIVER, Step.RETIRE})
_SUBMITS = frozenset({Step.SUBMIT, Step.LOOK_UP})
_TO_PAY = frozenset({Step.UPLOAD, Step.SUBMIT})
#: The steps that share a room, the last of a recording first: what was begun is ended, so that the first transcripts of
#: a large drop do not wait for all the others. What shares no room with these is one stage.
_STAGES: Mapping[Step, int] = {Step.RETIRE: 0, Step.DELIVER: 1}


def stage_of(line: Line) -> int:
    """The place of a line's step in the order of service. What is to be tried alone asks first."""
    return -1 if line.weight == ALONE else _STAGES.get(line.step, len(_STAGES))


def lanes_of(step: Step, route: Route | None) -> tuple[str, ...]:
    """The lanes that a step of a job of this route needs free; without a route it is one at the API alone."""
    own = {}
    if route is not None:
        own = {
            "inbox": route.lane,
            "parameters": route.parameters_lane,
            "its pause": route.pause_lane,
            "its limit": route.limit_lane,
            "its model": route.model_lane,
            "its first answer": route.first_lane,
        }
    return tuple(own.get(name, name) for name in _LANES[step])


class Weight(IntEnum):
    """Sizes of recordings by what their uploads do to the line: nothing to speak of, fill it, fill it for long."""

    LIGHT = 0
    HEAVY = 1
    LONG = 2


class Money(Protocol):
    """The holds of what costs money, as they are asked about each single recording."""

    def may_begin(self, step: Step, job: Job) -> bool:
        """True if this upload or submit may start."""

    def began(self, step: Step, job: Job) -> None:
        """This step starts, or is on its way; said more than once."""


class Rooms:
    """The steps that may start in one pass: uploads (in all, by inbox), submits, fetches, steps in each inbox.

    `uploads` is the bound of them; those that fill the line are `at_once`, as many as it carries.
    """

    def __init__(self, uploads: int, at_once: int, money: Money | None = None) -> None:
        self._money = money
        self._uploads = uploads
        self._at_once = at_once
        self._most: dict[str, int] = {Step.UPLOAD: uploads, Step.SUBMIT: CALLS, Step.FETCH: FETCHES}
        self._most[_AUDIO_ROOM] = AUDIO_CALLS
        self._taken: Counter[str] = Counter()
        self._uploads_of: Counter[str] = Counter()
        self._weights: Counter[Weight] = Counter()  # of the uploads

    @property
    def is_full(self) -> bool:
        """True if as many uploads fill the line as are at once."""
        return self._heavy() >= self._at_once

    def take(self, step: Step, job: Job, *, hangs: bool = False) -> None:
        """A step of this job is on its way. An upload that hangs in its share takes room only from its own inbox."""
        self._uploads_of[job.inbox] += step is Step.UPLOAD
        self._taken[_room(step, job)] += not hangs
        self._weights[weight_of(job)] += step is Step.UPLOAD and not hangs
        if self._money is not None:
            self._money.began(step, job)

    def has_one(self, step: Step, job: Job) -> bool:
        """True if this step may start too."""
        if self._money is not None and step in _TO_PAY and not self._money.may_begin(step, job):
            return False
        room = _room(step, job)
        is_free = self._taken[room] < self._most.get(room, FOLDER_STEPS)
        if step is not Step.UPLOAD:
            return is_free
        has_thread = self._uploads_of[job.inbox] < self._uploads and self._uploads_of.total() < HUNG * self._uploads
        return is_free and has_thread and self._helps(weight_of(job))

    def _helps(self, weight: Weight) -> bool:
        """True if the line has use for this upload. Long ones do not take all rooms, and no other waits for them."""
        if weight is Weight.LIGHT:
            return True
        if weight is Weight.LONG and self._weights[weight] >= max(self._uploads - 1, 1):
            return False
        return self._heavy() < self._at_once or not (weight is Weight.LONG or self._weights[weight])

    def _heavy(self) -> int:
        return self._weights[Weight.HEAVY] + self._weights[Weight.LONG]


def weight_of(job: Job) -> Weight:
    """The weight of the job's upload."""
    size = job.fingerprint.size
    return Weight.LIGHT if size <= LIGHT_BYTES else Weight.LONG if size > LONG_BYTES else Weight.HEAVY


def line_weight(step: Step, job: Job) -> int:
    """The weight of the line in which the job stands for this step: that of its upload, ALONE, or WITH_AUDIO."""
    if step is Step.UPLOAD:
        return weight_of(job)
    if step in READS and is_suspect(job):
        return ALONE
    return WITH_AUDIO if step is Step.FETCH and job.brings_audio else 0


def _room(step: Step, job: Job) -> str:
    """The room that a step takes: one of its own, or that of all steps in the folders of its inbox.

    A long recording is hashed for a minute: that is done on another thread, and takes no room from the others. Nor does
    a redacted recording, which a slow storage may send for hours.
    """
    if step is Step.HASH:
        return f"{step} in {job.inbox}"
    if step in IN_FOLDERS:
        return f"in {job.inbox}"
    if step is Step.FETCH and job.brings_audio:
        return _AUDIO_ROOM
    return Step.SUBMIT if step in _SUBMITS else step
