"""The lanes: each is blocked as one (api, submit, state, an inbox), with its reason, and tried again at a time.

A lane that blocks is said once and probed with growing waits by a GET or a small write, never by a job. A lane that
blocks again soon after it resumed goes on with the wait it had reached (and with the time since when, where the trouble
is the same): a probe that passes proves little (a negative balance lets every GET through). A step that ends well
proves a lane sound, and its waits begin again with the shortest. A server that asks for fewer requests says how long,
and no wait of that kind grows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from transcribed import errors
from transcribed.assemblyai import Throttled
from transcribed.job import Job
from transcribed.job.events import Event, Retired, Submitted, Transcribed, Uploaded

FIRST_PROBE_SECONDS = 15.0
SHORTEST_PROBE_SECONDS = 1.0  # where a server asks for less
LONGEST_PROBE_SECONDS = 600.0
RELAPSE_SECONDS = 1200.0  # a lane that blocks again within this time had not truly resumed
_PROVES: Mapping[type[Event], tuple[str, ...]] = {  # the lanes that are sound, by the good end of a step
    Uploaded: (errors.API,),
    Submitted: (errors.API, errors.SUBMIT),
    Transcribed: (errors.API, errors.STATE),
}


@dataclass(frozen=True, slots=True)
class Lane:
    """One blocked lane. `probe_at` is monotonic (None: only a person ends it), `since` is seconds since the epoch.

    `epoch` is where the monotonic clock began, as far as the time of day was known when it was blocked.
    """

    name: str
    reason: str
    hint: str
    since: float
    probes: int
    probe_at: float | None
    exit_status: errors.Exit  #: the exit status of `run --once` that leaves it blocked
    probing: bool = False
    throttled: bool = False  #: the server asked for fewer requests: the wait does not grow
    asked: bool = False  #: the server named the time of the next try
    epoch: float = 0.0
    until: float | None = None  #: the planned end, in seconds since the epoch

    @property
    def again_at(self) -> float | None:
        """The time of the next try or of the planned end, in seconds since the epoch; None: only a person ends it."""
        return self.until if self.probe_at is None else self.epoch + self.probe_at


class _Resumed(NamedTuple):
    """A lane as it resumed, at a monotonic time."""

    at: float
    probes: int
    since: float
    hint: str


class Lanes:
    """The lanes that are blocked now."""

    def __init__(self) -> None:
        self._blocked: dict[str, Lane] = {}
        self._resumed: dict[str, _Resumed] = {}  # until a step proves it sound

    def block(self, error: errors.Blocked, *, wall: float, now: float) -> bool:
        """Block a lane; True where it was free until now. A blocked one keeps its wait and takes the newer reason."""
        held = self._blocked.get(error.lane)
        if held is not None:
            self._blocked[error.lane] = _renewed(held, error)
            return False
        before = self._resumed.get(error.lane)
        if before is None or now - before.at > RELAPSE_SECONDS:
            before = _Resumed(now, 0, wall, error.hint)
        throttled = isinstance(error, Throttled)
        probe_at = None if error.by_person else now + _wait_seconds(error, before.probes, throttled=throttled)
        self._blocked[error.lane] = Lane(
            error.lane,
            error.message,
            error.hint,
            before.since if before.hint == error.hint else wall,  # the same fix means the same trouble
            before.probes,
            probe_at,
            error.exit_status,
            throttled=throttled,
            asked=error.retry_after_seconds is not None,
            epoch=wall - now,
        )
        return True

    def hold(self, error: errors.Blocked, *, since: float, until: float | None) -> bool:
        """Block a lane as planned, with times in seconds since the epoch; True where it was free until now.

        It is never probed: who planned it resumes it.
        """
        is_new = error.lane not in self._blocked
        self._blocked[error.lane] = Lane(
            error.lane, error.message, error.hint, since, 0, None, error.exit_status, until=until
        )
        return is_new

    def proved(self, job: Job, event: Event) -> None:
        """A step of this job ended with `event`: where that is a good end, some lanes are sound."""
        own = (errors.inbox_lane(job.inbox),) if isinstance(event, Retired) else ()  # it was read, and all was written
        for name in _PROVES.get(type(event), own):
            self._resumed.pop(name, None)

    def probing(self, name: str) -> None:
        """A probe of this lane is on its way."""
        self._blocked[name] = replace(self._blocked[name], probing=True)

    def hurry(self, name: str, *, now: float) -> None:
        """Probe the lane at once, because its block seems to be over. One that waits for a person goes on waiting."""
        lane = self._blocked.get(name)
        if lane is not None and lane.probe_at is not None:
            self._blocked[name] = replace(lane, probe_at=min(lane.probe_at, now))

    def still(self, name: str, error: errors.TranscribedError, *, now: float) -> None:
        """The probe failed: wait longer. What it found is the newer reason, where it speaks of this lane."""
        lane = self._blocked.get(name)
        if lane is None:
            return
        of_this = isinstance(error, errors.Blocked) and error.lane == name
        throttled = of_this and isinstance(error, Throttled)
        if isinstance(error, errors.Blocked) and of_this:
            lane = _renewed(lane, error)
        probes = lane.probes if throttled else lane.probes + 1
        probe_at = None if lane.probe_at is None else now + _wait_seconds(error, probes, throttled=throttled)
        asked = _asked_seconds(error) is not None
        self._blocked[name] = replace(
            lane, probes=probes, probe_at=probe_at, probing=False, throttled=throttled, asked=asked
        )

    def resume(self, name: str, *, now: float) -> Lane | None:
        """The lane is free again; what it was, or None where it was free already."""
        lane = self._blocked.pop(name, None)
        if lane is not None:
            probes = lane.probes if lane.throttled else lane.probes + 1
            self._resumed[name] = _Resumed(now, probes, lane.since, lane.hint)
        return lane

    def blocking(self, names: tuple[str, ...]) -> Lane | None:
        """The first of these lanes that is blocked."""
        return next((self._blocked[name] for name in names if name in self._blocked), None)

    def all(self) -> list[Lane]:
        """The blocked lanes, oldest first."""
        return list(self._blocked.values())

    def due(self, now: float) -> list[Lane]:
        """The lanes to be probed now."""
        return [lane for lane in self.all() if lane.probe_at is not None and lane.probe_at <= now and not lane.probing]

    def next_at(self) -> float | None:
        """The time of the next probe (monotonic)."""
        return min((x.probe_at for x in self.all() if x.probe_at is not None and not x.probing), default=None)


def _renewed(lane: Lane, error: errors.Blocked) -> Lane:
    """A blocked lane with a newer reason. One that waits for a person keeps waiting for a person, whatever follows."""
    if lane.probe_at is None and not error.by_person:
        return lane
    probe_at = None if error.by_person else lane.probe_at
    return replace(lane, reason=error.message, hint=error.hint, exit_status=error.exit_status, probe_at=probe_at)


def _asked_seconds(error: errors.TranscribedError) -> float | None:
    """The wait that the server asked for, if it did."""
    return error.retry_after_seconds if isinstance(error, errors.Blocked | errors.Transient) else None


def _wait_seconds(error: errors.TranscribedError, probes: int, *, throttled: bool) -> float:
    """The wait for a probe after so many in vain. A server that asks for less at once is heard only if it throttles."""
    asked = _asked_seconds(error)
    if throttled:
        wait = FIRST_PROBE_SECONDS if asked is None else max(asked, SHORTEST_PROBE_SECONDS)
    else:
        wait = max(FIRST_PROBE_SECONDS * 2.0 ** min(probes, 20), asked or 0.0)
    return min(wait, LONGEST_PROBE_SECONDS)
