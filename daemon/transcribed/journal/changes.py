"""The changes of jobs, as they are written."""

from typing import NamedTuple

from transcribed.job import Job, State
from transcribed.job.events import Event


class Happening(NamedTuple):
    """A thing that happened to a job, the job after it, and its time (seconds since the epoch)."""

    job: Job
    event: Event
    at: float


class Change(NamedTuple):
    """A job as it is to be written, and what happened to it, in order. `was`: its state in the journal; None: new."""

    job: Job
    was: State | None
    happened: tuple[Happening, ...]
