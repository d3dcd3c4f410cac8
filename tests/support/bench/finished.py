"""Line 5: a journal of very many finished jobs, against an empty one."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.process import Process
from bench.server import Server

SIZE = 200_000
_FILL = "import sys; from pathlib import Path; from many_jobs import fill; fill(Path(sys.argv[1]), int(sys.argv[2]))"
_FILL_SECONDS = 3600.0


@dataclass(frozen=True)
class _Run:
    ready_seconds: float
    memory_mb: float  # at READY and a little after
    drop_seconds: float  # from a recording's drop to its transcript
    reload_seconds: float
    jobs_mb: float
    jobs_seconds: float


def finished(directory: Path, *, jobs: int) -> Iterator[Figure]:
    with Server(processing_seconds=0) as server:
        empty, full = (Ours(directory / name, server, api={"poll_seconds": 0.2}) for name in ("empty", "full"))
        full.state.mkdir(mode=0o700)
        fill = [sys.executable, "-c", _FILL, str(full.state), str(jobs)]
        subprocess.run(fill, check=True, timeout=_FILL_SECONDS)
        before, after = _measured(empty), _measured(full)
    what, against = f"{jobs} finished jobs", "empty journal"
    grown = after.memory_mb - before.memory_mb
    yield Figure("5", f"{what}, start to READY", after.ready_seconds, "s", against, before.ready_seconds)
    yield Figure("5", f"{what}, start to READY", after.ready_seconds, "s", "wanted", 3.0, 1)
    yield Figure("5", f"{what}, memory beyond that with an empty journal", grown, "MB", "wanted", 150, 1)
    yield Figure("5", f"{what}, reload", after.reload_seconds, "s", "wanted", 1.0, 1)
    yield Figure("5", f"{what}, drop to transcript", after.drop_seconds, "s", against, before.drop_seconds, 1.2)
    yield Figure("5", f"{what}, memory of `jobs --json`", after.jobs_mb, "MB", "wanted", 100, 1)
    yield Figure("5", f"{what}, time of `jobs --json`", after.jobs_seconds, "s", against, before.jobs_seconds)


def _measured(ours: Ours) -> _Run:
    with ours.process() as process:
        ready_seconds = process.wait_ready(600)
        process.watch(3.0)
        memory_mb = process.memory_mb(peak=True)
        drop_seconds = min(_drop_seconds(process, ours, number) for number in range(5))
        ours.change_inbox(formats=["txt", "srt"])
        asked_at = time.monotonic()
        process.signal(signal.SIGHUP)
        reloaded_at = process.wait_for(lambda: process.heard_after(b"READY=1", asked_at), "the reload", 300)
    listed = ours.asked("jobs", "--json")
    reload_seconds = reloaded_at - asked_at
    return _Run(ready_seconds, memory_mb, drop_seconds, reload_seconds, listed.memory_mb, listed.seconds)


def _drop_seconds(process: Process, ours: Ours, number: int) -> float:
    """The time from a recording's arrival to its transcript."""
    (made,) = recordings.make(ours.directory / "beside", 1, SIZE, f"dropped {number}")
    dropped_at = time.monotonic()
    made.rename(ours.folder("inbox") / made.name)
    transcript = ours.folder("outbox") / f"{made.stem}.txt"
    process.wait_for(transcript.exists, "a transcript", 300)
    return time.monotonic() - dropped_at
