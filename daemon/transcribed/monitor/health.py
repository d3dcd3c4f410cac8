"""The one rule of health: from what can be seen of a daemon, is it healthy, and why.

It knows no file and no clock. A wait that has a name is healthy: to start the daemon again would not end it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from transcribed import errors

RUNNING, STARTING, SILENT, DEAD, STOPPED, NEVER = "running", "starting", "silent", "dead", "stopped", "never"
LIVES = (RUNNING, STARTING, SILENT, DEAD, STOPPED, NEVER)
SILENT_SECONDS = 180.0  # three times what is between two signs of life in files
_TOUCHED_SECONDS = 5.0  # a status is written within a second of its time
STUCK_SECONDS = 1800.0  # longer than any one step may take without a change that shows
_AT_WORK = ("received", "uploaded", "transcribed")  # the states in which the next step is ours


class Evidence(NamedTuple):
    """All that can be seen of a daemon. Times are in seconds since the epoch.

    `fields` is its status, None if it has written none, and `status_at` the time of that; `seen_at` is the last sign of
    life. `is_locked`: a process holds the lock on the state directory; None: that cannot be seen. `has_process`: the
    process of the status is there.
    """

    fields: Mapping[str, Any] | None
    seen_at: float = 0.0
    status_at: float = 0.0
    is_locked: bool | None = True
    locked_at: float = 0.0
    has_process: bool = False
    has_journal: bool = False
    problem: str = ""  #: why something of this cannot be seen
    silent_seconds: float = SILENT_SECONDS


class Health(NamedTuple):
    """The judgement: what the daemon's life is, if that is healthy, and what waits, a sentence each."""

    life: str
    is_healthy: bool
    why: str
    waits: tuple[str, ...] = ()

    def line(self) -> str:
        """The judgement in one line."""
        waits = f"; waits: {'; '.join(self.waits)}" if self.waits else ""
        return f"{'healthy' if self.is_healthy else 'UNHEALTHY'}: {self.why}{waits}"

    def plain(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"healthy": self.is_healthy, "life": self.life, "why": self.why, "waits": list(self.waits)}


def judged(seen: Evidence, now: float, *, strict: bool = False) -> Health:
    """The health of this daemon at `now`.

    With `strict`, one that waits for a person or a server is not healthy, unless people have planned the wait.
    """
    life, why = life_of(seen, now)
    if life == STARTING:
        return Health(life, True, why)
    if life != RUNNING:
        return Health(life, False, why)
    fields = seen.fields or {}
    is_touched = _is_touched(seen)
    waits = tuple(_waits(fields, is_touched=is_touched))
    if stuck := _stuck(fields, now):
        return Health(life, False, stuck, waits)
    is_planned = all(errors.is_planned(str(row.get("lane"))) for row in _rows(fields, "blocked")) and not is_touched
    return Health(life, not strict or is_planned, f"the daemon is running; {_counts(fields)}", waits)


def life_of(seen: Evidence, now: float) -> tuple[str, str]:
    """One of LIVES, and a sentence on it."""
    age = now - seen.seen_at
    is_of_this = _is_of_this(seen)
    if seen.is_locked and not is_of_this:
        if now - seen.locked_at <= seen.silent_seconds:
            return STARTING, "the daemon has just started"
        return SILENT, f"the daemon started {_ago(now - seen.locked_at)} ago and has said nothing since"
    is_there = seen.is_locked or (is_of_this and _may_lack_lock(seen))
    if is_there and age <= seen.silent_seconds:
        return RUNNING, "the daemon is running"
    if is_there:
        return SILENT, f"the daemon is there, but has given no sign of life for {_ago(age)}: it hangs, or its disk does"
    return _gone(seen, is_of_this=is_of_this)


def _is_of_this(seen: Evidence) -> bool:
    """True if the status is of the daemon that is there, or was there last, and this has not taken its leave."""
    fields = seen.fields or {}
    is_later = not seen.is_locked or seen.seen_at >= seen.locked_at
    return bool(fields) and is_later and (not fields.get("ended") or _is_touched(seen))


def _is_touched(seen: Evidence) -> bool:
    """True if the daemon gave a sign of life without being able to write its status."""
    return bool(seen.is_locked) and seen.seen_at - seen.status_at > _TOUCHED_SECONDS


def _may_lack_lock(seen: Evidence) -> bool:
    """True where nobody can see the lock, or where the daemon waits for the disk that the lock lies on."""
    waits_for_disk = any(row.get("lane") == "state" for row in _rows(seen.fields or {}, "blocked"))
    return seen.has_process and (seen.is_locked is None or waits_for_disk)


def _gone(seen: Evidence, *, is_of_this: bool) -> tuple[str, str]:
    """Nobody is there, as far as can be seen."""
    if seen.is_locked is None and seen.fields is None:
        return NEVER, f"no daemon can be seen: {seen.problem}"
    if is_of_this:
        return DEAD, "the daemon is not running: it died, or was killed, without having stopped"
    if seen.fields or seen.has_journal:
        return STOPPED, "the daemon is not running: it was stopped"
    return NEVER, "the daemon has not run with this configuration"


def _waits(fields: Mapping[str, Any], *, is_touched: bool) -> Iterator[str]:
    """A sentence for each lane that is blocked, and one where the status cannot be written."""
    if is_touched:
        yield "state: its status cannot be written -- fix: free some space, or look at the disk (the rest may be old)"
    for lane in _rows(fields, "blocked"):
        hint = f" -- fix: {lane['hint']}" if lane.get("hint") else ""
        yield f"{lane.get('lane')}: {lane.get('reason')}{hint}"


def _stuck(fields: Mapping[str, Any], now: float) -> str:
    """A sentence where nothing moves that should; empty where all is as it should be."""
    moved_at = fields.get("moved_at")
    if not isinstance(moved_at, int | float) or now - moved_at <= STUCK_SECONDS:
        return ""
    due = [row for row in _rows(fields, "open") if _should_move(row, now)]
    if not due:
        return ""
    first = f"job {due[0].get('id')}, {due[0].get('file')}"
    return f"nothing has moved for {_ago(now - moved_at)}, though {len(due)} jobs wait for nothing ({first})"


def _should_move(row: Mapping[str, Any], now: float) -> bool:
    """True for a job that has a step on its way, or that waits for nothing."""
    if row.get("step"):
        return True
    due_at = row.get("due_at")
    is_due = isinstance(due_at, int | float) and due_at <= now
    return is_due and row.get("state") in _AT_WORK and not row.get("reason")


def _rows(fields: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = fields.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _counts(fields: Mapping[str, Any]) -> str:
    jobs = fields.get("jobs")
    counts = jobs if isinstance(jobs, Mapping) else {}
    done, failed = counts.get("delivered", 0), counts.get("failed", 0)
    return f"{fields.get('open_count', 0)} in progress, {done} delivered, {failed} failed"


def _ago(seconds: float) -> str:
    """A time that has passed, as people say it."""
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
