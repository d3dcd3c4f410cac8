"""Lines 1 and 2: many recordings by ours, by the SDK and by the tutorial, and the cost of each as they grow."""

import sys
from collections.abc import Iterator
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.process import Process, Usage
from bench.server import Server

PROCESSING_SECONDS = 2.0
SIZE = 200_000
SMALL = 20_000


def side_by_side(directory: Path, *, number: int, in_loops: int) -> Iterator[Figure]:
    """Line 1. The loops take recordings one by one: so few of them, each of the same cost."""
    ours = ours_for(directory / "ours", number, SIZE)
    group = rival("sdk_group", directory / "group", number, SIZE)
    what = f"{number} recordings of 200 kB"
    mine, theirs = ours.after_ready_seconds, group.after_ready_seconds
    yield Figure("1", f"{what}, makespan from READY", mine, "s", "SDK's group", theirs, 0.65)
    yield Figure("1", f"{what}, makespan with the start", ours.seconds, "s", "SDK's group", group.seconds)
    yield Figure("1", "start-up", ours.ready_seconds, "s", "SDK's group", group.ready_seconds)
    yield Figure("1", "processor time", ours.processor_seconds, "s", "SDK's group", group.processor_seconds, 1.0)
    yield Figure("1", "memory", ours.memory_mb, "MB", "SDK's group", group.memory_mb)
    yield Figure("1", "threads", ours.threads, "", "SDK's group", group.threads)
    yield Figure("1", "makespan from READY", mine, "s", "processing alone", PROCESSING_SECONDS)
    for name, title in (("sdk_loop", "SDK's plain loop"), ("tutorial", "tutorial's loop")):
        loop = rival(name, directory / name, in_loops, SIZE)
        each = loop.after_ready_seconds / in_loops
        yield Figure("1", "seconds a recording", mine / number, "s", title, each)


def growth(directory: Path, *, numbers: tuple[int, ...]) -> Iterator[Figure]:
    """Line 2. The start-up's processor time is left out: it is measured with an empty inbox."""
    empty = ours_for(directory / "empty", 0, SMALL)
    runs = {number: ours_for(directory / str(number), number, SMALL) for number in numbers}
    first, *others = numbers
    for number in others:
        one, many = runs[first], runs[number]
        before = (one.processor_seconds - empty.processor_seconds) / first * 1000
        after = (many.processor_seconds - empty.processor_seconds) / number * 1000
        against = f"with {first}"
        yield Figure("2", f"processor time a recording, {number} recordings", after, "ms", against, before, 1.10)
        yield Figure(
            "2", f"memory beyond that {against}, {number}", many.memory_mb - one.memory_mb, "MB", "wanted", 60, 1
        )
        yield Figure("2", f"threads, {number}", many.threads, "", against, one.threads, 1.0)
        yield Figure(
            "2", f"makespan from READY, {number}", many.after_ready_seconds, "s", against, one.after_ready_seconds
        )


def ours_for(directory: Path, number: int, size: int, server: Server | None = None) -> Usage:
    """What `run --once` used for so many recordings."""
    with server or Server(processing_seconds=PROCESSING_SECONDS) as api:
        ours = Ours(directory, api)
        recordings.make(ours.folder("inbox"), number, size)
        usage = ours.once(120 + number)
        assert ours.delivered() == number, f"{ours.delivered()} of {number} delivered"
        return usage


def rival(name: str, directory: Path, number: int, size: int, server: Server | None = None) -> Usage:
    """What this one used for so many recordings."""
    outbox = directory / "outbox"
    outbox.mkdir(parents=True)
    paths = recordings.make(directory / "inbox", number, size)
    with server or Server(processing_seconds=PROCESSING_SECONDS) as api:
        command = [sys.executable, "-m", f"bench.rivals.{name}", str(outbox), *map(str, paths)]
        with Process(command, api.environ, log=str(directory / "log")) as process:
            usage = process.end(120 + 10 * number)
    assert usage.status == 0, (directory / "log").read_text()[-2000:]
    return usage
