"""Line 7: a full inbox beside an idle one, and a short recording behind long ones."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.server import Server

SMALL = 20_000
_TEN_MINUTES = 9_600_000  # at 128 kbit/s


def fairness(directory: Path, *, number: int, long_size: int, long_ones: tuple[int, ...]) -> Iterator[Figure]:
    yield _into_an_idle_inbox(directory / "inboxes", number)
    for count in long_ones:
        yield _behind_long_ones(directory / f"long-{count}", count, long_size)


def _into_an_idle_inbox(directory: Path, number: int) -> Figure:
    """The time from a drop into B to its submit, while `number` recordings wait in A."""
    with Server(processing_seconds=2.0) as server:
        ours = Ours(directory, server, inboxes=("A", "B"))
        recordings.make(ours.folder("inbox", "A"), number, SMALL)
        (one,) = recordings.make(directory / "beside", 1, 3 * SMALL, "one")
        with ours.process() as process:
            process.wait_ready(60)
            process.wait_for(lambda: server.since(0.0, "submit"), "the first submit from A", 600)
            dropped_at, size = time.monotonic(), one.stat().st_size
            one.rename(ours.folder("inbox", "B") / one.name)
            submitted_at = process.wait_for(lambda: server.since(dropped_at, "submit", size), "B's submit", 3600)
    return Figure("7", f"into B beside {number} in A, to its submit", submitted_at - dropped_at, "s", "wanted", 10.0, 1)


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
