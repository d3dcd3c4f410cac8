"""Files as they arrive, in virtual time: what is done at which time, and what the daemon says of them meanwhile."""

from collections.abc import Callable, Sequence

from transcribed.job import State
from world import Clock, World

Act = tuple[float, Callable[[], object]]  #: what is done at a time


def at_times(clock: Clock, acts: Sequence[Act], end: Callable[[], bool]) -> Callable[[], bool]:
    """Does each of these as soon as its time has come, within one run, and ends it once all is done and `end` holds."""
    waiting = list(acts)

    def until() -> bool:
        while waiting and clock.moved >= waiting[0][0]:
            waiting.pop(0)[1]()
        return not waiting and end()

    return until


def unsettled(world: World) -> dict[str, str]:
    return {row["file"]: row["why"] for row in world.published[-1]["inboxes"][0]["unsettled"]}


def is_delivered(world: World) -> bool:
    return [job.state for job in world.jobs() if job.retired_at is not None] == [State.DELIVERED]
