"""A job as the journal takes it, with every fact that a test does not care for already there."""

from typing import Any

from transcribed.job import Fingerprint, Job, State, events

NOW = 1_800_000_000.0
RECEIVED = events.Received(1000)


def a_job(path: bytes = b"Talk.mp3", **facts: Any) -> Job:
    fixed = {"id": 0, "inbox": "talks", "fingerprint": Fingerprint(1000, 5), "state": State.RECEIVED}
    return Job(path=path, **{**fixed, "received_at": NOW, "changed_at": NOW, "due_at": NOW, **facts})
