"""The lanes: each is blocked as one (api, submit, state, an inbox), with its reason, and tried again at a time.

A lane that blocks is said once and probed with growing waits by a GET or a small write, never by a job. A lane that
blocks again soon after it resumed goes on with the wait it had reached: a probe that passes proves little (a negative
balance lets every GET through).
"""

from dataclasses import dataclass, replace

from transcribed import errors

FIRST_PROBE_SECONDS = 15.0
LONGEST_PROBE_SECONDS = 600.0
RELAPSE_SECONDS = 1200.0  # a lane that blocks again within this time had not truly resumed


@dataclass(frozen=True, slots=True)
class Lane:
    """One blocked lane. `probe_at` is monotonic (None: only a person ends it), `since` is seconds since the epoch."""

    name: str
    reason: str
    hint: str
    since: float
    probes: int
    probe_at: float | None
    exit_status: int  #: the exit status of `run --once` that leaves it blocked
    probing: bool = False


class Lanes:
    """The lanes that are blocked now."""

    def __init__(self) -> None:
        self._blocked: dict[str, Lane] = {}
        self._resumed: dict[str, tuple[float, int]] = {}  # name -> (monotonic time of resuming, probes until then)

    def block(self, error: errors.Blocked, *, wall: float, now: float) -> bool:
        """Block a lane; True where it was free until now. A blocked one keeps its wait and takes the newer reason."""
        held = self._blocked.get(error.lane)
        if held is not None:
            self._blocked[error.lane] = _renewed(held, error)
            return False
        resumed_at, probes = self._resumed.get(error.lane, (0.0, 0))
        if now - resumed_at > RELAPSE_SECONDS:
            probes = 0
        wait = max(_wait_seconds(probes), min(error.retry_after_seconds or 0.0, LONGEST_PROBE_SECONDS))
        probe_at = None if error.by_person else now + wait
        self._blocked[error.lane] = Lane(
            error.lane, error.message, error.hint, wall, probes, probe_at, error.exit_status
        )
        return True

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
        if isinstance(error, errors.Blocked) and error.lane == name:
            lane = _renewed(lane, error)
        wait = max(_wait_seconds(lane.probes + 1), getattr(error, "retry_after_seconds", None) or 0.0)
        probe_at = None if lane.probe_at is None else now + min(wait, LONGEST_PROBE_SECONDS)
        self._blocked[name] = replace(lane, probes=lane.probes + 1, probe_at=probe_at, probing=False)

    def resume(self, name: str, *, now: float) -> Lane | None:
        """The lane is free again; what it was, or None where it was free already."""
        lane = self._blocked.pop(name, None)
        if lane is not None:
            self._resumed[name] = (now, lane.probes + 1)
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


def _wait_seconds(probes: int) -> float:
    return min(LONGEST_PROBE_SECONDS, FIRST_PROBE_SECONDS * 2.0 ** min(probes, 20))
