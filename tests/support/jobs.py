"""A job as the journal takes it, with every fact that a test does not care for already there."""

from dataclasses import replace
from typing import Any

from transcribed.job import Fingerprint, Job, State, events
from transcribed.journal import Change, Happening, Journal

NOW = 1_800_000_000.0
RECEIVED = events.Received(1000)


def a_job(path: bytes = b"Talk.mp3", **facts: Any) -> Job:
    fixed = {"id": 0, "inbox": "talks", "fingerprint": Fingerprint(1000, 5), "state": State.RECEIVED}
    return Job(path=path, **{**fixed, "received_at": NOW, "changed_at": NOW, "due_at": NOW, **facts})


def add_job(journal: Journal, job: Job, event: events.Event, *then: tuple[Job, events.Event]) -> Job:
    """Write a new job, the event that made it, and what happened to it at once; return it with its `id`."""
    number, (now, _) = journal.next_number(), then[-1] if then else (job, event)
    told = ((event, job.state), *((what, later.state) for later, what in then))
    added = replace(now, id=number)
    journal.write([Change(added, None, tuple(Happening(what, state, job.received_at) for what, state in told))])
    return added


def save_job(journal: Journal, before: Job, *changes: tuple[Job, events.Event | None], now: float) -> None:
    """Write `changes` of one job, in order: each is the job as it is then, and what happened to it."""
    told = tuple(Happening(event, job.state, now) for job, event in changes if event is not None)
    journal.write([Change(changes[-1][0], before.state, told)])
