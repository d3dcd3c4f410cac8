"""Line 6: a disk whose fsync takes 50 to 200 ms, and thousands of files that are moved in at once."""

import os
import random
import secrets
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.process import Process
from bench.server import Server
from report import say

SIZE = 20_000
_SHIM = Path(__file__).with_name("slow_disk.c")
_PINGS_SECONDS = 4.0  # of the watchdog: it is pinged each second then


def slow_disk(
    directory: Path, *, number: int, watched_seconds: float, stops: int, stopped_within_seconds: float
) -> Iterator[Figure]:
    """So many stops, each of a process of its own, at a random moment after its start."""
    library = str(directory / "slow_disk.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, str(_SHIM), "-ldl"], check=True, timeout=60)
    recordings.make(directory / "beside", number, SIZE)
    with Server(processing_seconds=0) as server:
        ours = Ours(directory / "d", server)
        with ours.process(watchdog_seconds=_PINGS_SECONDS, LD_PRELOAD=library) as process:
            process.wait_ready(300)
            yield from _moved_in(process, ours, directory / "beside", watched_seconds)
            yield _stop(process, "after that", watched_seconds + 600)
        yield from _stopped_at_random(ours, library, stops, stopped_within_seconds)


def _stopped_at_random(ours: Ours, library: str, number: int, within_seconds: float) -> Iterator[Figure]:
    seed = secrets.randbelow(1_000_000)
    say(f"   6  {number} stops at random moments, seed {seed}")
    moments = random.Random(seed)
    stops, silences = [], []
    for _ in range(number):
        with ours.process(watchdog_seconds=_PINGS_SECONDS, LD_PRELOAD=library) as process:
            process.watch(moments.uniform(0.0, within_seconds))
            stops.append(_stop_seconds(process, 600))
            if process.ready_at:
                last = max(at for at, _ in process.heard)
                silences.append(process.longest_silence(process.ready_at, last))
    what = f"of {number} stops within {within_seconds:g} s of the start (seed {seed})"
    yield Figure("6", f"the longest {what}", max(stops), "s", "wanted", 10.0, 1)
    yield Figure("6", f"the longest {what}", max(stops), "s", "the median", statistics.median(stops))
    if silences:
        yield Figure("6", "the longest silence before one of them", max(silences), "s", "wanted", 10.0, 1)


def _moved_in(process: Process, ours: Ours, beside: Path, seconds: float) -> Iterator[Figure]:
    moved_at, names = time.monotonic(), os.listdir(beside)
    for name in names:
        os.rename(beside / name, ours.folder("inbox") / name)
    process.wait_for(ours.delivered, "the first delivery", 3600)
    delivered_at = time.monotonic()
    process.watch(seconds)
    now = time.monotonic()
    what = f"{len(names)} files moved in, fsync of 50 to 200 ms"
    yield Figure("6", f"{what}, first delivery", delivered_at - moved_at, "s", "wanted", 60.0, 1)
    silence = process.longest_silence(moved_at, now)
    yield Figure("6", f"{what}, the longest silence", silence, "s", "wanted", 10.0, 1)
    rate = (now - moved_at) / ours.delivered()
    yield Figure("6", f"{what}, seconds a delivery", rate, "s", "a mean fsync", 0.125)


def _stop(process: Process, when: str, seconds: float) -> Figure:
    return Figure("6", f"a stop {when}", _stop_seconds(process, seconds), "s", "wanted", 10.0, 1)


def _stop_seconds(process: Process, most: float) -> float:
    asked_at = time.monotonic()
    process.signal(signal.SIGTERM)
    process.end(most)
    return time.monotonic() - asked_at
