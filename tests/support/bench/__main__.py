"""Measurements of speed: each figure with both of its sides from one run, and their ratio.

make bench BENCH_FLAGS="--short --only 1,2 --json figures.json"
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from bench import (
    backlog,
    bounds,
    costs,
    doubling,
    fairness,
    finished,
    looks,
    one_upload,
    rendering,
    signalled,
    slow_disk,
    throughput,
)
from bench.figures import Figure, to_json
from report import say

Line = Callable[[Path], Iterator[Figure]]


def lines(*, short: bool) -> Mapping[str, Line]:
    """The lines by their numbers."""
    return {
        "0": lambda at: looks.looks(
            at, files=5000 if short else 100_000, folders=50 if short else 1000, idle_seconds=3 if short else 60
        ),
        "1": lambda at: throughput.side_by_side(at, number=50 if short else 200, in_loops=1 if short else 10),
        "costs": lambda at: costs.costs(
            at,
            number=50 if short else 200,
            size=throughput.SIZE,
            processing_seconds=throughput.PROCESSING_SECONDS,
        ),
        "2": lambda at: throughput.growth(at, numbers=(20, 100) if short else (100, 1000, 10_000)),
        "3": lambda at: bounds.bounds(
            at, number=40 if short else 2000, uplink=4e6 if short else 8e6, slots=20 if short else 100
        ),
        "4": lambda at: backlog.backlog(at, number=200 if short else 100_000, idle_seconds=3 if short else 60),
        "5": lambda at: finished.finished(at, jobs=2000 if short else 1_000_000),
        "6": lambda at: slow_disk.slow_disk(
            at,
            number=10 if short else 5000,
            watched_seconds=1 if short else 120,
            stops=1 if short else 12,
            stopped_within_seconds=2.0 if short else 30.0,
        ),
        "7": lambda at: fairness.fairness(
            at, number=50 if short else 10_000, long_size=4_000_000 if short else 2_000_000_000, long_ones=(1, 5)
        ),
        "8": lambda at: one_upload.one_upload(at, size=150_000_000 if short else 1_500_000_000),
        "9": lambda at: rendering.rendering(at, words=2000 if short else 200_000),
        "10": lambda _: signalled.signalled(signals=1000 if short else 100_000),
        "11": lambda at: doubling.doubling(at, part=4 if short else 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="each line scaled down: under three minutes")
    parser.add_argument("--only", help="the numbers of the lines, such as 1,2")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was started is killed
    known = lines(short=options.short)
    chosen = options.only.split(",") if options.only else list(known)
    figures: list[Figure] = []
    failed = False
    for name in chosen:
        failed |= not _measure(name, known[name], figures)
        if options.json:
            options.json.write_text(to_json(figures, {"short": options.short, "only": chosen}) + "\n")
    return int(failed)


def _measure(name: str, line: Line, figures: list[Figure]) -> bool:
    """Measure a line into `figures`; False if it could not be measured to its end, which is said."""
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-") as directory:
        try:
            for figure in line(Path(directory)):
                figures.append(figure)
                say(figure.text())
        except Exception as error:  # noqa: BLE001  the other lines go on
            say(f"{name:>4}  not measured: {type(error).__name__}: {error}")
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
