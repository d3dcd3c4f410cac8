"""Line 7: a full inbox beside an idle one, and a short recording behind long ones."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.process import Process
from bench.server import Server

SMALL = 20_000
_TEN_MINUTES = 9_600_000  # at 128 kbit/s


def fairness(directory: Path, *, number: int, long_size: int, long_ones: tuple[int, ...]) -> Iterator[Figure]:
    yield _into_an_idle_inbox(directory / "inboxes", number)
    for count in long_ones:
        yield _behind_long_ones(directory / f"long-{count}", count, long_size)


def _into_an_idle_inbox(directory: Path, number: int) -> Figure:
    """The longest time from a drop into B to its submit, early and late while `number` recordings wait in A."""
    moments = (1, number // 100 + 1, number // 10 + 1)
    with Server(processing_seconds=2.0) as server:
        ours = Ours(directory, server, inboxes=("A", "B"))
        recordings.make(ours.folder("inbox", "A"), number, SMALL)
        drops = recordings.make(directory / "beside", len(moments), 3 * SMALL, "one")
        with ours.process() as process:
            process.wait_ready(60)
            seconds = [_one_into_b(process, server, ours, *each) for each in zip(moments, drops, strict=True)]
    return Figure("7", f"into B beside {number} in A, to its submit", max(seconds), "s", "wanted", 10.0, 1)


def _one_into_b(process: Process, server: Server, ours: Ours, submits: int, one: Path) -> float:
    """The time from a drop into B, after so many submits, to its own."""
    process.wait_for(lambda: server.asked().counts.get("submit", 0) >= submits, f"{submits} submits", 3600, 0.2)
    dropped_at, size = time.monotonic(), one.stat().st_size
    one.rename(ours.folder("inbox", "B") / one.name)
    return process.wait_for(lambda: server.since(dropped_at, "submit", size), "B's submit", 3600) - dropped_at


def _behind_long_ones(directory: Path, count: int, size: int) -> Figure:
    """The time from a drop to the delivery, on a line for which all the long ones are 200 s, or more, of work."""
    uplink = max(size / 200, 1_000_000)
    short_size = min(_TEN_MINUTES, size // 20)
    with Server(processing_seconds=0, uplink=uplink) as server:
        ours = Ours(directory, server, api={"poll_seconds": 1.0})
        for place in range(count):
            recordings.make_sparse(ours.folder("inbox") / f"long {place}.mp3", size)
        (one,) = recordings.make(directory / "beside", 1, short_size, "short")
        with ours.process() as process:
            process.wait_ready(60)
            process.wait_for(lambda: server.since(0.0, "begin"), "the first long upload", 300)
            process.watch(2.0)
            dropped_at = time.monotonic()
            one.rename(ours.folder("inbox") / one.name)
            transcript = ours.folder("outbox") / f"{one.stem}.txt"
            process.wait_for(transcript.exists, "its transcript", 240 + count * size / uplink)
            seconds = time.monotonic() - dropped_at
    what = f"{short_size / 1e6:.3g} MB dropped after {count} of {size / 1e6:.4g} MB, to its transcript"
    return Figure("7", what, seconds, "s", "one long one alone on the line", size / uplink, 1.0)
