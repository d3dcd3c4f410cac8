"""The daemon's status: if it runs, what waits and why, and how far each step on its way is.

A status is plain data for JSON, and every name in it is escaped. It is written and read by this module only; where
its file lies is the host's business. Scripts read it too: it may gain fields, and never loses or renames one.
"""

import functools
import itertools
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from transcribed import errors
from transcribed.assemblyai import Progress
from transcribed.job import ENDED, Job, Step, is_link, shown
from transcribed.worker.lanes import Lane
from transcribed.worker.people.amounts import MonthStatus, QuestionsStatus
from transcribed.worker.plan import Clock

VERSION = 1  #: raised when a field changes its meaning
MOST_JOBS = 500  # else a backlog of a hundred thousand jobs would be a file of a hundred megabytes
STEADY_SECONDS = 60.0
QUICKEST_SECONDS = 1.0


#: The reason for a job's waiting where nothing else is said.
_WAITS: Mapping[str, str] = {
    "received": "waits to be uploaded",
    "uploaded": "waits to be submitted",
    "submitted": "it is being transcribed",
    "transcribed": "waits to be delivered",
    "delivered": "its recording waits to leave the inbox",
    "failed": "its recording waits to leave the inbox",
}

#: The reason why a file in an inbox is no job yet, by its word in the status file; other reasons are sentences already.
UNSETTLED: Mapping[str, str] = {
    "settling": "settling",
    "growing": "growing",
    "held": "held by the .hold file beside it",
    "written": "open for writing in some program",
    "unfinished": "not complete, for an unfinished download of its name lies beside it",
    "empty": "empty so far",
}


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """A blocked lane. `since` and `again_at` are in seconds since the epoch.

    It is tried again at `again_at`; None: a person ends it. `asked`: the server named that time (Retry-After).
    """

    lane: str
    reason: str
    hint: str
    since: float
    probes: int
    again_at: float | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """A file in an inbox that has no job yet, and why."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class BacklogStatus:
    """The recordings that wait until a person accepts them; `anchor` names the folder that they were found in."""

    count: int
    hours: float
    anchor: str


@dataclass(frozen=True, slots=True)
class InboxStatus:
    """One inbox. `watch` is events or scan; `looked_at` is in seconds since the epoch, None before the first look."""

    name: str
    path: str
    outbox: str
    looked_at: float | None
    file_system: str
    watch: str
    overdue: bool
    accepted: bool
    unsettled: list[WaitingFile]
    problems: list[str]
    passed_over: list[WaitingFile] = field(default_factory=list)  #: recordings left alone for their names: the first
    passed_over_count: int = 0
    backlog: BacklogStatus | None = None
    open_count: int = 0  #: its jobs with a step left


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job with a step left. `step`, `sent_bytes` and `size_bytes` are there only while a step is on its way.

    `heard_seconds`, of `audio_seconds`: only while a local API hears it.
    """

    id: int
    inbox: str
    file: str
    state: str
    since: float
    due_at: float
    attempts: int
    reason: str
    hint: str
    step: str | None = None
    sent_bytes: int | None = None
    size_bytes: int | None = None
    heard_seconds: float | None = None
    audio_seconds: float | None = None

    @property
    def heard(self) -> str | None:
        """The part of the recording that was heard, in words; None where nobody knows, as with AssemblyAI."""
        if self.heard_seconds is None:
            return None
        of = "" if self.audio_seconds is None else f" of {self.audio_seconds:.0f} s"
        return f"heard {self.heard_seconds:.0f} s{of}"

    @property
    def words(self) -> str:
        """The step that the job is at, or what it waits for."""
        if (percent := self.sent_percent) is not None:
            return f"{self.step}, {percent} %"
        if self.step is not None:
            return f"{self.step} is under way"
        if not self.reason and self.heard is not None:
            return f"the recogniser has {self.heard}"
        return self.reason or self._wait

    @property
    def _wait(self) -> str:
        if self.state == "received" and is_link(os.fsencode(self.file)):
            return "waits for its address to be read"
        return _WAITS.get(self.state, "waits")

    @property
    def sent_percent(self) -> int | None:
        """The part of the recording that is uploaded; None while no upload is on its way."""
        if self.sent_bytes is None or self.size_bytes is None:
            return None
        return 100 * self.sent_bytes // max(self.size_bytes, 1)


class Far(NamedTuple):
    """The way that a step has come: the bytes that were uploaded, and the sound that a local API has heard."""

    sent_bytes: int | None = None
    heard: Progress | None = None


NOWHERE = Far()


@dataclass(frozen=True, slots=True)
class Status:
    """The whole status. `jobs` counts them by state; `open` holds the first of `open_count` jobs."""

    base_url: str
    jobs: dict[str, int]
    blocked: list[LaneStatus]
    inboxes: list[InboxStatus]
    open: list[JobStatus]
    open_count: int
    version: int = VERSION
    updated_at: float = 0.0  #: seconds since the epoch
    pid: int = 0
    moved_at: float = 0.0  #: the last change of a job, or of what is sent of one; seconds since the epoch
    ended: bool = False  #: the last word of a daemon that stopped
    month: MonthStatus | None = None
    questions: QuestionsStatus | None = None

    def plain(self) -> dict[str, Any]:
        """The status as JSON has it. It is written each second, so nothing is copied that is plain already."""
        whole = {name: getattr(self, name) for name in _names(Status)}
        whole["blocked"] = [asdict(lane) for lane in self.blocked]
        whole["month"] = None if self.month is None else asdict(self.month)
        whole["questions"] = None if self.questions is None else asdict(self.questions)
        whole["inboxes"] = [asdict(inbox) for inbox in self.inboxes]
        rows = ({name: getattr(job, name) for name in _names(JobStatus)} for job in self.open)
        whole["open"] = [{key: value for key, value in row.items() if value is not None} for row in rows]
        return whole

    def line(self) -> str:
        """The state of things in one line, for `systemctl status`."""
        waiting = sum(count for state, count in self.jobs.items() if state not in set(map(str, ENDED)))
        done, failed = self.jobs.get("delivered", 0), self.jobs.get("failed", 0)
        parts = [f"{waiting} in progress", f"{done} delivered", f"{failed} failed"]
        parts += [f"{lane.lane} blocked: {lane.reason}" for lane in self.blocked]
        return "; ".join(parts)


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


def to_json(status: Status) -> bytes:
    """A status as it is written; `from_json` reads it."""
    return json.dumps(status.plain()).encode() + b"\n"


def from_json(data: bytes) -> Status:
    """The status that a daemon wrote, of this version or a newer one. Raises ValueError where it is none."""
    try:
        return TypeAdapter(Status).validate_python(fields_of(data))
    except ValidationError as error:
        raise ValueError(f"{error.error_count()} fields are missing or wrong") from error


def fields_of(data: bytes) -> dict[str, Any]:
    """All that a daemon wrote, with the fields that only a newer version knows. Raises ValueError."""
    try:
        fields = json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(fields, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - of the content, not of an argument
    return fields


@dataclass(slots=True)
class Report:
    """The times at which the status is written: on a change, at most once a second, at least once a minute."""

    clock: Clock
    _at: float = field(default=-STEADY_SECONDS, init=False)
    _last: Status | None = field(default=None, init=False)
    _moved_at: float = field(default=0.0, init=False)

    def due(self, snapshot: Callable[[], Status]) -> Status | None:
        """The status to be written now, with its time and process; None where none is due."""
        now = self.clock.monotonic()
        if self._last is not None and now - self._at < QUICKEST_SECONDS:
            return None
        fresh = snapshot()
        if self._last is None or (fresh.jobs, fresh.open) != (self._last.jobs, self._last.open):
            self._moved_at = self.clock.wall()
        if fresh == self._last and now - self._at < STEADY_SECONDS:
            return None
        self._at, self._last = now, fresh
        return self.now(fresh)

    def now(self, snapshot: Status) -> Status:
        """A status with its time and process."""
        return replace(snapshot, updated_at=self.clock.wall(), pid=os.getpid(), moved_at=self._moved_at)

    def next_at(self) -> float:
        """The time (monotonic) from which a change is written."""
        return self._at + QUICKEST_SECONDS


def snapshot(
    base_url: str,
    counts: dict[str, int],
    lanes: Iterable[Lane],
    inboxes: list[InboxStatus],
    jobs: Mapping[int, Job],
    *,
    steps: Mapping[int, Step],
    reason_of: Callable[[Job], str],
    far_of: Callable[[Job], Far],
) -> Status:
    """The status of now. Of the open `jobs`, `steps` are on their way, and are shown first.

    `reason_of` gives the reason of a wait that the journal lacks: that of a lane, or one that has no hint.
    """
    lanes = list(lanes)
    hints = {lane.reason: lane.hint for lane in lanes}
    on_their_way = (jobs[number] for number in steps if number in jobs)
    waiting = (job for number, job in jobs.items() if number not in steps)
    shown_first = itertools.islice(itertools.chain(on_their_way, waiting), MOST_JOBS)
    return Status(
        base_url=base_url,
        jobs=counts,
        blocked=[of_lane(each) for each in lanes],
        inboxes=inboxes,
        open=[of_job(x, steps.get(x.id), _why(x, reason_of(x), hints), far_of(x)) for x in shown_first],
        open_count=len(jobs),
    )


def waiting_for_disk(error: errors.Blocked, since: float) -> Status:
    """The status of a daemon whose journal cannot be opened yet, since a time in seconds since the epoch."""
    now, lane = time.time(), LaneStatus(error.lane, error.message, error.hint, since, probes=0)
    return Status("", {}, [lane], [], [], 0, updated_at=now, pid=os.getpid(), moved_at=now)


def _why(job: Job, wait: str, hints: Mapping[str, str]) -> tuple[str, str]:
    """The reason of a job's wait, and the hint that belongs to this very reason, not to another one."""
    if not wait:
        return job.reason, job.hint
    return wait, hints.get(wait, job.hint if wait == job.reason else "")


def of_lane(lane: Lane) -> LaneStatus:
    """The status of a blocked lane."""
    return LaneStatus(lane.name, lane.reason, lane.hint, lane.since, lane.probes, lane.again_at, lane.asked)


def of_job(
    job: Job,
    step: Step | None = None,
    why: tuple[str, str] | None = None,
    far: Far = NOWHERE,
) -> JobStatus:
    """The status of one open job, on its way with a `step` or waiting; `why`: a reason and its hint, else its own."""
    reason, hint = why or (job.reason, job.hint)
    return JobStatus(
        id=job.id,
        inbox=job.inbox,
        file=shown(job.path),
        state=str(job.state),
        since=job.changed_at,
        due_at=job.due_at,
        attempts=job.attempts,
        reason=reason,
        hint=hint,
        step=None if step is None else str(step),
        sent_bytes=far.sent_bytes,
        size_bytes=None if far.sent_bytes is None else job.fingerprint.size,
        heard_seconds=None if far.heard is None else far.heard.heard_seconds,
        audio_seconds=None if far.heard is None else far.heard.of_seconds or job.duration_seconds,
    )
