"""Line 9: a very long transcript, all its formats, and the loop meanwhile."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import recordings
from bench.figures import Figure
from bench.ours import Ours
from bench.process import Process
from bench.server import Server

SIZE = 200_000
FORMATS = ("txt", "md", "srt", "vtt", "lrc", "tsv", "csv", "podcast", "labels", "html", "docx", "json")
BEFORE_SECONDS = 64.0  # for 200,000 words and all formats on this kind of machine, before it was made faster
_POKE_SECONDS = 0.02
_PINGS_SECONDS = 0.02


def rendering(directory: Path, *, words: int) -> Iterator[Figure]:
    with Server(processing_seconds=0, words=words) as server:
        ours = Ours(directory, server, inbox={"formats": list(FORMATS)})
        with ours.process(watchdog_seconds=_PINGS_SECONDS) as process:
            process.wait_ready(60)
            quiet_at = time.monotonic()
            _poke(process, ours, lambda: time.monotonic() > quiet_at + 3)
            quiet = process.longest_silence(quiet_at + 1, time.monotonic())
            (one,) = recordings.make(directory / "beside", 1, SIZE)
            one.rename(ours.folder("inbox") / one.name)
            archived = ours.folder("archive") / one.name
            _poke(process, ours, archived.exists)
            ended_at = time.monotonic()
            fetched_at = server.since(0.0, "fetch")
            silence = process.longest_silence(fetched_at, ended_at)
            memory = process.memory_mb(peak=True)
    assert ours.delivered() == len(FORMATS), f"{ours.delivered()} files"
    what, before = f"{words} words in {len(FORMATS)} formats", BEFORE_SECONDS * words / 200_000
    yield Figure("9", f"{what}, fetch to put away", ended_at - fetched_at, "s", "before", before, 0.5)
    yield Figure("9", "the loop's longest wait meanwhile", silence * 1000, "ms", "wanted", 100, 1)
    yield Figure("9", "the loop's longest wait meanwhile", silence * 1000, "ms", "with nothing to do", quiet * 1000)
    yield Figure("9", "memory, peak", memory, "MB", "428 MB before", 428)


def _poke(process: Process, ours: Ours, until: Callable[[], bool]) -> None:
    """Give the loop something to hear again and again, so that a pass that it does not make is seen."""
    poked = ours.state / "commands" / ".poked"

    def look() -> bool:
        poked.write_bytes(b"")
        return until()

    process.wait_for(look, "the renderings", 600, between=_POKE_SECONDS)
