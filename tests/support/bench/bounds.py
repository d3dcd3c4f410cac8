"""Line 3: a shared line, slots of processing, both, and round trips, against the makespan that nobody can pass."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure
from bench.server import Server
from bench.throughput import PROCESSING_SECONDS, ours_for, rival

SIZE = 200_000
ROUND_TRIP_SECONDS = 0.1


@dataclass(frozen=True)
class Limits:
    """An `uplink` in bytes a second that all uploads share, and `slots` of processing; 0 is no limit.

    A `round_trip` in seconds lies before each answer; the bound takes it for nothing.
    """

    uplink: float = 0
    slots: int = 0
    round_trip: float = 0

    def server(self) -> Server:
        return Server(
            processing_seconds=PROCESSING_SECONDS, uplink=self.uplink, slots=self.slots, round_trip=self.round_trip
        )

    def bound(self, number: int, size: int) -> float:
        """The makespan if the line and the slots are never idle, and all else takes no time."""
        free: list[float] = []
        done_at = 0.0
        for place in range(1, number + 1):
            uploaded_at = place * size / self.uplink if self.uplink else 0.0
            begins_at = heapq.heappop(free) if self.slots and len(free) == self.slots else 0.0
            done_at = max(begins_at, uploaded_at) + PROCESSING_SECONDS
            heapq.heappush(free, done_at)
        return done_at


def bounds(directory: Path, *, number: int, uplink: float, slots: int) -> Iterator[Figure]:
    """Line 3, the SDK's group beside it."""
    for letter, title, limits in (
        ("a", f"a line of {uplink / 1e6:g} MB/s", Limits(uplink=uplink)),
        ("b", f"{slots} slots", Limits(slots=slots)),
        ("c", "both", Limits(uplink, slots)),
        ("d", f"that line, round trips of {ROUND_TRIP_SECONDS:g} s", Limits(uplink, round_trip=ROUND_TRIP_SECONDS)),
    ):
        line, bound = f"3{letter}", limits.bound(number, SIZE)
        ours = ours_for(directory / letter / "ours", number, SIZE, limits.server())
        what = f"{number} recordings, {title}, makespan from READY"
        mine = ours.after_ready_seconds
        yield Figure(line, what, mine, "s", "bound", bound, 1.10)
        yield Figure(line, "processor time a recording", ours.processor_seconds / number, "s", "a core", mine / number)
        group = rival("sdk_group", directory / letter / "group", number, SIZE, limits.server())
        yield Figure(line, "the SDK's group", group.after_ready_seconds, "s", "bound", bound)
