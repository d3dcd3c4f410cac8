"""Line 4: very many recordings wait while the API is blocked."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.process import Process
from bench.server import Server

SIZE = 1_000
_PROBE_SECONDS = 700.0  # the longest time between two probes, and some more


def backlog(directory: Path, *, number: int, idle_seconds: float) -> Iterator[Figure]:
    with Server(processing_seconds=0) as server:
        server.answer_all(401)  # a key that is refused blocks all of the API
        ours = Ours(directory, server)
        recordings.make(ours.folder("inbox"), number, SIZE)
        with ours.process() as process:
            process.wait_ready(60)
            taken = process.wait_for(lambda: _received(ours, number), f"{number} are received", 120 + number / 20)
            yield Figure("4", f"{number} waiting, taken in", taken - process.ready_at, "s", "each 1 ms", number / 1000)
            yield from _idle(process, ours, number, idle_seconds)
            yield _released(process, server)


def _received(ours: Ours, number: int) -> float:
    """When the status file says that so many jobs wait; 0 while it does not."""
    status = ours.state / "status.json"
    if not status.exists():
        return 0.0
    told = json.loads(status.read_text())
    is_full = told["jobs"].get("received", 0) >= number and bool(told["blocked"])
    return time.monotonic() if is_full else 0.0


def _idle(process: Process, ours: Ours, number: int, seconds: float) -> Iterator[Figure]:
    process.watch(min(seconds, 15.0))  # what the drop left to do; recordings of one size are hashed, which takes longer
    process.wait_for(lambda: _is_quiet(process, ours), "all are hashed", 600 + number / 20, between=0.0)
    before = process.processor_seconds()
    process.watch(seconds)
    used = process.processor_seconds() - before
    yield Figure("4", f"processor over {seconds:g} s, nothing happens", used, "s", "a whole core", seconds, 0.01)
    yield Figure("4", f"memory with {number} waiting, peak", process.memory_mb(peak=True), "MB", "wanted", 200, 1)
    yield Figure("4", "`status`", ours.asked("status").seconds, "s", "wanted", 1.0, 1)


def _is_quiet(process: Process, ours: Ours) -> bool:
    """True if it did next to nothing in two seconds, and not because others had the processor."""
    before = process.processor_seconds(), _hashed(ours)
    process.watch(2.0)
    return process.processor_seconds() - before[0] < 0.2 and _hashed(ours) == before[1]


def _hashed(ours: Ours) -> int:
    with closing(sqlite3.connect(f"file:{ours.state}/journal.db?mode=ro", uri=True)) as journal:
        (count,) = journal.execute("SELECT count(content_hash) FROM jobs").fetchone()
    return int(count)


def _released(process: Process, server: Server) -> Figure:
    """The API works again: the time from the probe that finds it out to the first upload."""
    server.answer_all(0)
    now = time.monotonic()
    probed_at = process.wait_for(lambda: server.since(now, "list"), "a probe", _PROBE_SECONDS)
    began_at = process.wait_for(lambda: server.since(now, "begin"), "an upload", 300)
    return Figure("4", "first upload after the block", began_at - probed_at, "s", "wanted", 5.0, 1)
