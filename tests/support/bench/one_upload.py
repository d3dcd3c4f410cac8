"""Line 8: one large upload, against `curl -T`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.process import Process, Usage
from bench.server import Server

_TURNS = 3


@dataclass(frozen=True)
class _Run:
    """Seconds to the end of the upload: from its first byte, from READY, from the start of the process."""

    on_the_line: float
    from_ready: float
    from_start: float
    usage: Usage


def one_upload(directory: Path, *, size: int) -> Iterator[Figure]:
    """Best of three each, in turns."""
    (recording,) = recordings.make(directory / "beside", 1, size, "large")
    curls, runs = [], []
    for turn in range(_TURNS):
        curls.append(_curl(recording))
        runs.append(_ours(directory / str(turn), recording))
    curl, processor = min(curl.seconds for curl in curls), min(curl.processor_seconds for curl in curls)
    on_the_line, memory = min(run.on_the_line for run in runs), max(run.usage.memory_mb for run in runs)
    used = min(run.usage.processor_seconds for run in runs)
    yield Figure("8", f"one upload of {size / 1e6:.4g} MB", on_the_line, "s", "curl -T", curl, 1 / 0.9)
    yield Figure("8", "from READY to its end", min(run.from_ready for run in runs), "s", "curl -T", curl)
    yield Figure("8", "from the start to its end", min(run.from_start for run in runs), "s", "curl -T", curl)
    yield Figure("8", "memory", memory, "MB", "wanted", 100, 1)
    yield Figure("8", "processor time of the whole run", used, "s", "curl -T", processor)


def _curl(recording: Path) -> Usage:
    with Server(processing_seconds=0) as server:
        url = f"{server.base_url}/v2/upload"
        command = [
            "curl",
            "--silent",
            "--show-error",
            "--fail",
            "--noproxy",
            "*",
            "-X",
            "POST",
            "-T",
            str(recording),
            url,
        ]
        with Process(command, server.environ) as process:
            usage = process.end(600)
        assert usage.status == 0, f"curl: {usage.status}"
        assert server.asked().times("upload", recording.stat().st_size), "curl sent something else"
        return usage


def _ours(directory: Path, recording: Path) -> _Run:
    with Server(processing_seconds=0) as server:
        ours = Ours(directory, server)
        size = recording.stat().st_size
        (ours.folder("inbox") / recording.name).hardlink_to(recording)
        with ours.process("run", "--once") as process:
            usage = process.end(600)
        assert usage.status == 0, ours.log.read_text()[-500:]
        (begins,), (ends,) = server.asked().times("begin", size), server.asked().times("upload", size)
        return _Run(ends - begins, ends - process.ready_at, ends - process.began_at, usage)
