"""`transcribed health`: the daemon's health, for a container's HEALTHCHECK and for scripts.

It is run every half a minute, so its plain form is answered before the command line is loaded (`early`).
"""

import json
import os
import sys
import time
from collections.abc import Sequence

from transcribed import places
from transcribed.monitor.evidence import seen_of
from transcribed.monitor.health import judged

HEALTHY, UNHEALTHY = 0, 1


def answered_early(option: str | None, words: Sequence[str]) -> int | None:
    """The exit status, where `words` after the verb need nothing of the whole command line; else None."""
    if not set(words) <= {"--json", "--strict"}:
        return None
    return answer(option, strict="--strict" in words, as_json="--json" in words)


def answer(option: str | None, *, strict: bool, as_json: bool) -> int:
    """Print the judgement, and return the exit status."""
    directory = places.state_directory(places.config_file(option, os.environ), os.environ)
    health = judged(seen_of(directory, os.environ), time.time(), strict=strict)
    line = json.dumps(health.plain()) if as_json else _printable(health.line())
    sys.stdout.write(line + "\n")
    return HEALTHY if health.is_healthy else UNHEALTHY


def _printable(line: str) -> str:
    """One line that no name can break. The daemon has escaped each name already."""
    if line.isprintable():
        return line
    from transcribed.job import printable  # noqa: PLC0415  it costs as much as all the rest

    return printable(line)
