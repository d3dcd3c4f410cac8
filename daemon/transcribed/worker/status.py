"""What the daemon says of itself: is it alive, what waits and why, what is in flight and how far.

A snapshot is plain data, ready for JSON; every name in it is escaped. The file it is written to is the host's business.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from transcribed.job import ENDED, Job, printable, shown
from transcribed.worker.arrivals import Arrivals
from transcribed.worker.book import Book
from transcribed.worker.dispatch import Dispatch
from transcribed.worker.lanes import Lane, Lanes
from transcribed.worker.plan import Clock, Plan

MOST_JOBS = 500  # so that a backlog of a hundred thousand is no file of a hundred megabytes
STEADY_SECONDS = 60.0
QUICKEST_SECONDS = 1.0


class Report:
    """When the status is written: on a change, at most once a second, and at least once a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = -STEADY_SECONDS
        self._last: dict[str, Any] | None = None

    def due(self, snapshot: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """The snapshot to be written now, with its time and process; None where none is due."""
        now = self._clock.monotonic()
        if self._last is not None and now - self._at < QUICKEST_SECONDS:
            return None
        fresh = snapshot()
        if fresh == self._last and now - self._at < STEADY_SECONDS:
            return None
        self._at, self._last = now, fresh
        return self.now(fresh)

    def now(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        """A snapshot with its time and process."""
        return {"updated_at": self._clock.wall(), "pid": os.getpid(), **snapshot}

    def next_at(self) -> float:
        """When a change would be written (monotonic)."""
        return self._at + QUICKEST_SECONDS


def snapshot(
    plan: Plan, book: Book, lanes: Lanes, dispatch: Dispatch, inboxes: Mapping[str, Arrivals]
) -> dict[str, Any]:
    """Everything a person may ask, as plain data."""
    jobs = list(book.open.values())
    return {
        "base_url": plan.client.base_url,
        "jobs": book.journal.counts(),
        "blocked": [_lane(lane) for lane in lanes.all()],
        "inboxes": [_inbox(arrivals) for arrivals in inboxes.values()],
        "open": [_job(job, dispatch) for job in jobs[:MOST_JOBS]],
        "open_count": len(jobs),
    }


def _lane(lane: Lane) -> dict[str, Any]:
    return {"lane": lane.name, "reason": lane.reason, "hint": lane.hint, "since": lane.since, "probes": lane.probes}


def _inbox(arrivals: Arrivals) -> dict[str, Any]:
    return {
        "name": arrivals.route.name,
        "path": shown(arrivals.route.inbox),
        "outbox": shown(arrivals.route.outbox),
        "looked_at": arrivals.looked_at,
        "file_system": printable(arrivals.file_system),
        "watch": "events" if arrivals.watched else "scan",
        "overdue": arrivals.is_overdue,
        "accepted": arrivals.accepted,
        "unsettled": arrivals.waiting(MOST_JOBS),
        "problems": list(arrivals.problems),
    }


def _job(job: Job, dispatch: Dispatch) -> dict[str, Any]:
    step, _ = dispatch.in_flight.get(job.id, (None, None))
    row: dict[str, Any] = {
        "id": job.id,
        "inbox": job.inbox,
        "file": shown(job.path),
        "state": str(job.state),
        "since": job.changed_at,
        "due_at": job.due_at,
        "attempts": job.attempts,
        "reason": dispatch.waits.get(job.id) or job.reason,
        "hint": job.hint,
    }
    if step is not None:
        row["step"] = str(step)
    if job.id in dispatch.progress:
        row["sent_bytes"] = dispatch.progress[job.id]
        row["size_bytes"] = job.fingerprint.size
    return row


def line(snapshot: Mapping[str, Any]) -> str:
    """The state of things in one line, for `systemctl status`."""
    counts = snapshot["jobs"]
    waiting = sum(count for state, count in counts.items() if state not in set(map(str, ENDED)))
    parts = [f"{waiting} in progress", f"{counts.get('delivered', 0)} delivered", f"{counts.get('failed', 0)} failed"]
    parts += [f"{lane['lane']} blocked: {lane['reason']}" for lane in snapshot["blocked"]]
    return "; ".join(parts)
