"""The only rules by which a job may change.

Each pair of state and event that may happen is in TRANSITIONS. Any other pair is a defect (IllegalEvent).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from transcribed.job.events import (
    Altered,
    Cancelled,
    Deferred,
    Delivered,
    Event,
    Failed,
    Hashed,
    Known,
    Linked,
    Lost,
    Missing,
    Named,
    Released,
    Renamed,
    Rendered,
    Requeued,
    Retired,
    Returned,
    Skipped,
    Submitted,
    Touched,
    Transcribed,
    Unlisted,
    Uploaded,
)
from transcribed.job.model import ENDED, Job, Rules, State

UPLOAD_LIFE_SECONDS = 20 * 3600.0  # AssemblyAI may begin to delete an unused upload at 24 h (assemblyai-api.md, 2)
ROUNDS = 3  # times that an upload may be lost before a person must look
DEATHS = 3  # times in a row that the process may die in a step that reads the same recording; then it is tried alone


class IllegalEvent(Exception):
    """An event that may not happen to a job in this state: a defect."""


S = State
#: Each event that may happen, and the states that it may lead to (more than one only if a person decides).
TRANSITIONS: Mapping[State, Mapping[type[Event], tuple[State, ...]]] = {
    S.RECEIVED: {
        Hashed: (S.RECEIVED,),
        Uploaded: (S.UPLOADED,),
        Linked: (S.UPLOADED,),
        Known: (S.TRANSCRIBED,),
        Touched: (S.RECEIVED,),
        Renamed: (S.RECEIVED,),
        Deferred: (S.RECEIVED,),
        Released: (S.RECEIVED,),
        Failed: (S.FAILED,),
        Cancelled: (S.CANCELLED,),
    },
    S.UPLOADED: {
        Submitted: (S.SUBMITTED,),
        Known: (S.TRANSCRIBED,),
        Unlisted: (S.UPLOADED,),
        Lost: (S.RECEIVED,),
        Touched: (S.UPLOADED,),
        Renamed: (S.UPLOADED,),
        Deferred: (S.UPLOADED,),
        Released: (S.UPLOADED,),
        Failed: (S.FAILED,),
        Cancelled: (S.CANCELLED,),
    },
    S.SUBMITTED: {
        Transcribed: (S.TRANSCRIBED,),
        Lost: (S.RECEIVED,),
        Touched: (S.SUBMITTED,),
        Renamed: (S.SUBMITTED,),
        Deferred: (S.SUBMITTED,),
        Released: (S.SUBMITTED,),
        Failed: (S.FAILED,),
    },
    S.TRANSCRIBED: {
        Named: (S.TRANSCRIBED,),
        Rendered: (S.TRANSCRIBED,),
        Delivered: (S.DELIVERED,),
        Skipped: (S.DELIVERED,),
        Missing: (S.SUBMITTED,),
        Touched: (S.TRANSCRIBED,),
        Renamed: (S.TRANSCRIBED,),
        Deferred: (S.TRANSCRIBED,),
        Released: (S.TRANSCRIBED,),
        Failed: (S.FAILED,),
    },
    S.DELIVERED: {
        Named: (S.DELIVERED,),
        Retired: (S.DELIVERED,),
        Returned: (S.DELIVERED,),
        Altered: (S.DELIVERED,),
        Touched: (S.DELIVERED,),
        Renamed: (S.DELIVERED,),
        Deferred: (S.DELIVERED,),
        Released: (S.DELIVERED,),
    },
    S.FAILED: {
        Named: (S.FAILED,),
        Retired: (S.FAILED,),
        Returned: (S.FAILED,),
        Altered: (S.FAILED,),
        Touched: (S.FAILED,),
        Renamed: (S.FAILED,),
        Deferred: (S.FAILED,),
        Released: (S.FAILED,),
        Requeued: (S.RECEIVED, S.UPLOADED, S.SUBMITTED),
    },
    S.CANCELLED: {
        Requeued: (S.RECEIVED, S.UPLOADED),
    },
}


def target(state: State, event: Event) -> State:
    """The state that `event` leads to from `state`. Raises IllegalEvent if the pair may not happen."""
    allowed = TRANSITIONS[state].get(type(event), ())
    wanted = event.to if isinstance(event, Requeued) else next(iter(allowed), None)
    if wanted is None or wanted not in allowed:
        raise IllegalEvent(f"{event.name()} cannot happen to a job that is {state}")
    return wanted


def bounded(job: Job, event: Event, rules: Rules) -> Event:
    """`event`, or the failure that it becomes at a limit: too many lost uploads, or no patience left."""
    if isinstance(event, Lost) and event.charged and job.rounds >= ROUNDS:
        reason = f"{event.reason} (after {ROUNDS} more tries)"
        hint = event.hint or "look at the recording and at AssemblyAI's status page, then retry"
        return Failed(reason, hint, void=True, transcript_id=event.transcript_id)
    if isinstance(event, Deferred) and job.state in (State.RECEIVED, State.UPLOADED):
        waited = job.waited_seconds + event.waited_seconds
        if waited > rules.patience_seconds:
            reason = f"{event.reason} (tried for {waited / 86400:.1f} days)"
            return Failed(reason, event.hint or "fix the cause, then retry", refused=event.refused)
    return event


def resumption(job: Job, now: float, *, pay_again: bool = False) -> Requeued:
    """The event that tries a failed or cancelled job again, from the furthest state that its facts allow, for free."""
    if pay_again:
        return Requeued(State.RECEIVED, pay_again=True)
    if job.transcript_id is not None:
        return Requeued(State.SUBMITTED)
    fresh = job.uploaded_at is not None and now - job.uploaded_at < UPLOAD_LIFE_SECONDS
    if job.upload_url is not None and (job.submit_sent_at is not None or fresh):
        return Requeued(State.UPLOADED)
    return Requeued(State.RECEIVED)


def is_suspect(job: Job) -> bool:
    """True if the process died so often in a step that read this recording that it is tried alone."""
    return job.deaths >= DEATHS and job.state not in ENDED


def canonical(parameters: Mapping[str, Any]) -> str:
    """The parameters of a request as JSON text. Equal parameters always give the same text."""
    return json.dumps(parameters, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def after(job: Job, event: Event, now: float, rules: Rules) -> Job:
    """`job` after `event`. Raises IllegalEvent for a pair that is not in TRANSITIONS."""
    state = target(job.state, event)
    changes: dict[str, Any] = {"state": state, "in_flight": None, "deaths": 0}
    if state is not job.state:
        changes |= {"changed_at": now, "due_at": now, "attempts": 0, "reason": "", "hint": ""}
    return replace(job, **{**changes, **event.facts(job, now, rules)})  # once: each copy costs 20 µs
