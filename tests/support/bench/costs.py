"""Line 1 in detail: the processor time of each step."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.server import Server
from bench.stopwatch import START, TIMED


def costs(directory: Path, *, number: int, size: int, processing_seconds: float) -> Iterator[Figure]:
    """The processor time of each kind of work beside that of the whole process, for each recording."""
    with Server(processing_seconds=processing_seconds) as api:
        ours = Ours(directory, api)
        recordings.make(ours.folder("inbox"), number, size)
        told = directory / "costs.json"
        arguments = ours.command("run", "--once")[3:]
        usage = ours.timed([sys.executable, "-m", "bench.stopwatch", str(told), *arguments], 120 + number)
    spent = json.loads(told.read_text())
    spent["all else"] = usage.processor_seconds - sum(spent.values())
    whole = usage.processor_seconds / number * 1e3
    for kind in (START, *TIMED, "all else"):
        yield Figure("1", f"of a recording: {kind}", spent.get(kind, 0.0) / number * 1e3, "ms", "all of it", whole)
