"""An idle daemon lets disks sleep: it writes to nothing but its status, which a container keeps in memory."""

import os
from pathlib import Path

HOUR_SECONDS = 3600.0


def written(directory: Path) -> dict[str, tuple[int, int, int]]:
    """The times and the size of each file and folder; access times are left to the mount (relatime: once a day)."""
    found = [directory, *directory.rglob("*")]
    return {str(path): _times(os.lstat(path)) for path in found}


def _times(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size


def test_an_idle_hour_writes_nothing_to_the_state_directory_and_nothing_to_the_share(world):
    world.drop("Talk.mp3")
    world.run(lambda: any(name.startswith("Talk") for name in world.files("archive")))
    begin = world.clock.monotonic() + HOUR_SECONDS  # the looks at what was put away are over by then
    seen: list[dict[str, tuple[int, int, int]]] = []

    def an_hour_is_over() -> bool:
        if world.clock.monotonic() >= begin + len(seen) * HOUR_SECONDS:
            seen.append(written(world.directory))
        return len(seen) == 2

    looks = len(world.published)
    world.run(an_hour_is_over, seconds=3 * HOUR_SECONDS)
    assert seen[0] == seen[1]
    assert len(world.published) - looks > 60  # it was at work all the time
