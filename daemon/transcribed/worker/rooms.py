"""The room that there is for steps, and the lanes that each step needs free."""

from collections import Counter
from collections.abc import Mapping

from transcribed import errors
from transcribed.job import Job, Step
from transcribed.worker.background import CALLS
from transcribed.worker.plan import Route
from transcribed.worker.schedule import Line

FOLDER_STEPS = 8  # at once in one inbox: one at work, the others ready, for a pass of the loop lets more than one end
LONG_BYTES = 200_000_000  # one room for uploads is kept free of recordings longer than this, for the short ones
LIGHT_BYTES = 2_000_000  # so little does not fill a line: round trips count, and more at once are always worth it

_LANES: Mapping[Step, tuple[str, ...]] = {
    Step.HASH: (errors.STATE, "inbox"),
    # An upload that cannot be submitted soon expires, so what blocks the one blocks the other.
    Step.UPLOAD: (errors.STATE, "inbox", errors.API, errors.SUBMIT, "parameters"),
    Step.SUBMIT: (errors.STATE, errors.API, errors.SUBMIT, "parameters"),
    Step.LOOK_UP: (errors.STATE, errors.API),
    Step.FETCH: (errors.STATE, errors.API),
    Step.NAME: (errors.STATE, "inbox"),
    Step.DELIVER: (errors.STATE, "inbox"),
    Step.RETIRE: (errors.STATE, "inbox"),
}
IN_FOLDERS = frozenset({Step.HASH, Step.NAME, Step.DELIVER, Step.RETIRE})
_SUBMITS = frozenset({Step.SUBMIT, Step.LOOK_UP})


#: The steps that share a room, the last of a recording first: what was begun is ended, so that the first transcripts of
#: a large drop do not wait for all the others. What shares no room with these is one stage.
_STAGES: Mapping[Step, int] = {Step.RETIRE: 0, Step.DELIVER: 1, Step.NAME: 2}


def stage_of(line: Line) -> int:
    """The place of a line's step in the order of service."""
    return _STAGES.get(line.step, len(_STAGES))


def lanes_of(step: Step, route: Route) -> tuple[str, ...]:
    """The lanes that a step of a job of this route needs free."""
    own = {"inbox": route.lane, "parameters": route.parameters_lane}
    return tuple(own.get(name, name) for name in _LANES[step])


class Rooms:
    """The steps that may start in one pass: uploads (in all, by inbox), submits, fetches, steps in each inbox.

    `uploads` is the bound of them; those that fill the line are `at_once`, as many as it carries.
    """

    def __init__(self, uploads: int, at_once: int) -> None:
        self._uploads = uploads
        self._at_once = at_once
        self._most = {str(Step.UPLOAD): uploads, str(Step.SUBMIT): CALLS, str(Step.FETCH): CALLS}
        self._taken: Counter[str] = Counter()
        self._uploads_of: Counter[str] = Counter()
        self._heavy: Counter[bool] = Counter()  # uploads that fill the line, by whether they are long

    @property
    def is_full(self) -> bool:
        """True if as many uploads fill the line as are at once."""
        return self._heavy.total() == self._at_once

    def take(self, step: Step, job: Job, *, hangs: bool = False) -> None:
        """A step of this job is on its way. An upload that hangs in its share takes room only from its own inbox."""
        self._uploads_of[job.inbox] += step is Step.UPLOAD
        self._taken[_kind(step, job.inbox)] += not hangs
        if step is Step.UPLOAD and job.fingerprint.size > LIGHT_BYTES and not hangs:
            self._heavy[_is_long(job)] += 1

    def has_one(self, step: Step, job: Job) -> bool:
        """True if this step may start too. A long upload does not take the last room."""
        kind = _kind(step, job.inbox)
        free = self._most.get(kind, FOLDER_STEPS) - self._taken[kind]
        if step is not Step.UPLOAD:
            return free > 0
        keeps_one = _is_long(job) and self._uploads > 1
        return free > keeps_one and self._uploads_of[job.inbox] < self._uploads and self._helps(job)

    def _helps(self, job: Job) -> bool:
        """True if the line has use for this upload, or if only long ones are before it: it waits for none of them."""
        if job.fingerprint.size <= LIGHT_BYTES or self._heavy.total() < self._at_once:
            return True
        return not _is_long(job) and not self._heavy[False]


def _is_long(job: Job) -> bool:
    return job.fingerprint.size > LONG_BYTES


def _kind(step: Step, inbox: str) -> str:
    """The room that a step takes: one of its own, or that of all steps in the folders of its inbox."""
    if step in IN_FOLDERS:
        return f"in {inbox}"
    return str(Step.SUBMIT if step in _SUBMITS else step)
