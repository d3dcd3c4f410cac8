"""The end of a job's step: what happened, or the event that a problem makes of it."""

import threading
from collections.abc import Callable

from transcribed import errors
from transcribed.job import Job, State, Step
from transcribed.job.events import Cancelled, Deferred, Event, Failed, Lost, Released
from transcribed.worker.background import Outcome
from transcribed.worker.messages import StepEnded


def ended(job: Job, outcome: Outcome[Event | None]) -> StepEnded:
    """The end of a job's step, by the class of the problem that it met."""
    if outcome.problem is None:
        return StepEnded(job, outcome.result)
    return _raised(job, outcome.problem)


def unless_stopped(stop: threading.Event, work: Callable[[], Event | None]) -> Event | None:
    """The event of `work`, which stood ready for its thread; once the daemon stops it is not begun any more."""
    return Released("the daemon stopped") if stop.is_set() else work()


def _raised(job: Job, error: errors.TranscribedError) -> StepEnded:
    match error:
        case errors.Blocked():
            return StepEnded(job, Released(error.message, error.lane, refused=error.refused), error)
        case errors.Stopped():
            return StepEnded(job, Released(error.message, refused=error.refused))
        case errors.Withdrawn() if job.place is None and job.state is State.RECEIVED:
            return StepEnded(job, Cancelled(error.message, withdrawn=True))
        case errors.Permanent() | errors.Withdrawn() if job.state not in (State.DELIVERED, State.FAILED):
            return StepEnded(job, Failed(error.message, error.hint, refused=error.refused))
        case errors.Lost() if job.in_flight is Step.SUBMIT:  # any other step knows nothing of the upload
            return StepEnded(job, Lost(error.message))
        case errors.Transient():
            again = error.retry_after_seconds
            return StepEnded(job, Deferred(error.message, error.hint, again, refused=error.refused))
    return StepEnded(job, Deferred(error.message, error.hint))
