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
    """Write a new job, the event that made it, and what happened to it at once; return it as it is written."""
    number, (now, _) = journal.next_number(), then[-1] if then else (job, event)
    told = ((job, event), *then)
    happened = tuple(Happening(replace(each, id=number), what, job.received_at) for each, what in told)
    journal.write([Change(replace(now, id=number), None, happened)])
    added = journal.job(number)
    assert added is not None
    return added


def unfinished(journal: Journal) -> list[Job]:
    """The jobs that have a step left, oldest first."""
    waiting = journal.unfinished.numbered([*journal.unfinished.waiting()])
    return sorted([*journal.unfinished.moving(), *waiting], key=lambda job: job.id)


def save_job(journal: Journal, before: Job, *changes: tuple[Job, events.Event | None], now: float) -> None:
    """Write `changes`, in order: each is a job as it is then, and what happened to it. `before` must be as it is."""
    told: dict[int, Change] = {}
    for job, event in changes:
        known = told.get(job.id) or Change(job, before.state if job.id == before.id else _state(journal, job.id), ())
        happened = () if event is None else (Happening(job, event, now),)
        told[job.id] = Change(job, known.was, known.happened + happened)
    journal.write([*told.values()])


def _state(journal: Journal, number: int) -> State:
    job = journal.job(number)
    return State.RECEIVED if job is None else job.state
