"""The report of a long run: what is wrong at once, its figures each half minute, and all of it at the end.

So a run that is killed half way has told what it found.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

EVERY_SECONDS = 30.0


@dataclass
class Report:
    """A report: what was done, what came of it, and what was wrong."""

    name: str
    planned: int
    done: int = 0
    figures: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, where: object, counted: Iterable[str], wrong: Iterable[str]) -> None:
        """One more is done."""
        with self._lock:
            self.done += 1
            self.figures.update(counted)
        self.blame(where, wrong)

    def tried(self, where: object, trial: Callable[[], tuple[Iterable[str], Iterable[str]]]) -> None:
        """One more is tried. What it raises is wrong too, and does not keep the others from their trial."""
        try:
            counted, wrong = trial()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told with its place
            counted, wrong = (), [repr(error)]
        self.add(where, counted, wrong)

    def blame(self, where: object, wrong: Iterable[str]) -> None:
        for what in wrong:
            self.wrong.append(f"{where}: {what}")
            say(f"WRONG {self.name}, {self.wrong[-1]}")

    def line(self) -> str:
        seconds = time.monotonic() - self.began
        with self._lock:
            figures = "".join(f"; {what}: {count}" for what, count in sorted(self.figures.items()))
        return f"{self.name}: {self.done} of {self.planned}, {len(self.wrong)} wrong, {seconds:.0f} s{figures}"

    @contextmanager
    def told(self) -> Iterator[None]:
        """While this lasts, its line is said again and again, and once more when it ends."""
        ended = threading.Event()
        teller = threading.Thread(target=self._tell, args=(ended,), daemon=True)
        teller.start()
        try:
            yield
        finally:
            ended.set()
            teller.join()
            say(self.line())

    def _tell(self, ended: threading.Event) -> None:
        while not ended.wait(EVERY_SECONDS):
            say(self.line())


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
