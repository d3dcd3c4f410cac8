"""`transcribed` as ever, with the functions that do the steps timed from outside.

python -m bench.stopwatch FILE ARGUMENTS... runs `transcribed ARGUMENTS`, and writes the processor time of each kind
of work to FILE, in seconds.
"""

import functools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transcribed.assemblyai import AssemblyAI
from transcribed.cli import main as transcribed
from transcribed.journal import Journal
from transcribed.worker import Worker
from transcribed.worker.intake.looking import Looking
from transcribed.worker.steps import api
from transcribed.worker.steps.folders import FolderSteps

TIMED: dict[str, tuple[Any, str]] = {
    "look": (Looking, "look"),
    "hash": (FolderSteps, "hash"),
    "upload": (api, "upload"),
    "submit": (api, "submit"),
    "looks at the list": (AssemblyAI, "find"),
    "fetch and keep": (api, "fetch"),
    "name": (FolderSteps, "name"),
    "deliver": (FolderSteps, "deliver"),
    "retire": (FolderSteps, "retire"),
    "journal, payments and their fsyncs": (Journal, "write"),
    "all else of the loop": (Worker, "_pass"),
}
START = "start"


class Stopwatch:
    """Thread times by kind of work; what one kind calls of another counts as the other's."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._inner = threading.local()

    def times(self, kind: str, owner: Any, name: str) -> None:
        """Time this function of `owner` from now on."""
        setattr(owner, name, self._timed(kind, getattr(owner, name)))

    def _timed(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            outer, self._inner.seconds = getattr(self._inner, "seconds", 0.0), 0.0
            began = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                seconds = time.thread_time() - began
                with self._lock:
                    self.spent[kind] += seconds - self._inner.seconds
                self._inner.seconds = outer + seconds

        return timed


def main() -> None:
    file, *arguments = sys.argv[1:]
    watch = Stopwatch()
    for kind, (owner, name) in TIMED.items():
        watch.times(kind, owner, name)
    run = Worker.run

    def told(self: Worker, **options: Any) -> int:
        watch.spent[START] = time.process_time()
        try:
            return run(self, **options)
        finally:
            Path(file).write_text(json.dumps(watch.spent))

    Worker.run = told  # type: ignore[method-assign]
    sys.argv = ["transcribed", *arguments]
    transcribed()


if __name__ == "__main__":
    main()
