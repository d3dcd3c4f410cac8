"""Line 6: a disk whose fsync takes 50 to 200 ms, and thousands of files that are moved in at once."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.process import Process
from bench.server import Server

SIZE = 20_000
_SHIM = Path(__file__).with_name("slow_disk.c")
_PINGS_SECONDS = 4.0  # of the watchdog: it is pinged each second then


def slow_disk(directory: Path, *, number: int, watched_seconds: float, stops: tuple[float, ...]) -> Iterator[Figure]:
    library = str(directory / "slow_disk.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, str(_SHIM), "-ldl"], check=True, timeout=60)
    recordings.make(directory / "beside", number, SIZE)
    with Server(processing_seconds=0) as server:
        ours = Ours(directory / "d", server)
        with ours.process(watchdog_seconds=_PINGS_SECONDS, LD_PRELOAD=library) as process:
            process.wait_ready(300)
            yield from _moved_in(process, ours, directory / "beside", watched_seconds)
            yield _stop(process, "after that", watched_seconds + 600)
        for seconds in stops:
            with ours.process(watchdog_seconds=_PINGS_SECONDS, LD_PRELOAD=library) as process:
                ready_at = process.began_at + process.wait_ready(300)
                process.watch(seconds)
                yield _stop(process, f"{seconds:g} s after READY", 600)
                silence = process.longest_silence(ready_at, max(at for at, _ in process.heard))
                yield Figure("6", "the longest silence before it", silence, "s", "wanted", 10.0, 1)


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
    asked_at = time.monotonic()
    process.signal(signal.SIGTERM)
    process.end(seconds)
    return Figure("6", f"a stop {when}", time.monotonic() - asked_at, "s", "wanted", 10.0, 1)
