"""The places in which jobs wait, so that a pass of the loop costs what is due and what happened, not what waits.

An unfinished job that is in no step is in one place: it is to be looked at; or it waits for a time, for a fact, or in
the line for its step. What it waits for puts it among those to be looked at again. Pure: no clock, no I/O.
"""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from transcribed.job import Step

BYTES_PER_SECOND = 1e6  # a recording stands in line as if it had come later by its size: short ones go first, and
#                         nothing waits for ever, for those that come later stand further back


_LEFT = 100  # in the order of a line, so many that have left it are no matter
_SOON = 30  # jobs: reading so many at once takes a quarter of the time of reading each


class Fact(NamedTuple):
    """A fact that jobs wait for: a kind of thing, and which one."""

    kind: str
    of: str


def end_of_transcript(transcript_id: str) -> Fact:
    """AssemblyAI's list shows the end of this transcript."""
    return Fact("transcript", transcript_id)


def change_of(job: int) -> Fact:
    """Something happens to another job."""
    return Fact("job", str(job))


def look_at(inbox: str) -> Fact:
    """The inbox is looked into for the first time."""
    return Fact("look", inbox)


CONFIGURATION = Fact("configuration", "")  #: a reload brings another one


class Line(NamedTuple):
    """The jobs that wait for room for one step, in one inbox; those of a `weight`, where that has room of its own."""

    step: Step
    inbox: str
    weight: int = 0


@dataclass(slots=True)
class _Queue:
    """One line. `served`: when it had its last turn. `ranks` is its order, and holds some that have left it."""

    line: Line
    served: int = 0
    length: int = 0
    ranks: list[tuple[float, int]] = field(default_factory=list)


class Schedule:
    """The waiting jobs by number, each in one place."""

    def __init__(self) -> None:
        self._fresh: dict[int, None] = {}  # to be looked at, in order
        self._times: list[tuple[float, int]] = []
        self._timed: dict[int, float] = {}
        self._facts: dict[Fact, dict[int, None]] = {}
        self._fact_of: dict[int, Fact] = {}
        self._lines: dict[Line, _Queue] = {}
        self._line_of: dict[int, Line] = {}
        self._turn = itertools.count(1)

    # -- into a place, out of every other

    def look_again(self, number: int) -> None:
        """Something happened that may matter to this job."""
        self.forget(number)
        self._fresh[number] = None

    def until(self, number: int, due_at: float) -> None:
        """The job waits for this time."""
        self.forget(number)
        self._timed[number] = due_at
        heapq.heappush(self._times, (due_at, number))

    def until_fact(self, number: int, fact: Fact) -> None:
        """The job waits for this fact."""
        self.forget(number)
        self._fact_of[number] = fact
        self._facts.setdefault(fact, {})[number] = None

    def until_room(self, number: int, line: Line, *, now: float, size: int = 0) -> None:
        """The job waits for its turn. One that stands in this line already keeps its place."""
        if self._line_of.get(number) == line:
            return
        self.forget(number)
        queue = self._lines.setdefault(line, _Queue(line))
        self._line_of[number] = queue.line  # the same one for all of them
        queue.length += 1
        if len(queue.ranks) > 2 * queue.length + _LEFT:
            queue.ranks = sorted({n: (rank, n) for rank, n in queue.ranks if self._line_of.get(n) == line}.values())
        heapq.heappush(queue.ranks, (now + size / BYTES_PER_SECOND, number))

    def forget(self, number: int) -> None:
        """The job waits no longer: it is in a step, or has ended."""
        if self._fresh.pop(number, self) is None and not self._fresh:
            self._fresh.clear()  # or the room that a hundred thousand took is kept for ever
        self._timed.pop(number, None)
        if (fact := self._fact_of.pop(number, None)) is not None:
            waiting = self._facts[fact]
            del waiting[number]
            if not waiting:
                del self._facts[fact]
        if (line := self._line_of.pop(number, None)) is not None:
            self._leave(line, number)

    def _leave(self, line: Line, number: int) -> None:
        queue = self._lines[line]
        queue.length -= 1
        if not queue.length:
            queue.ranks.clear()

    # -- what is to be looked at

    def happened(self, fact: Fact) -> None:
        """Look again at all that waited for this fact."""
        for number in self._facts.pop(fact, {}):
            del self._fact_of[number]
            self._fresh[number] = None

    def passed(self, now: float) -> None:
        """Look again at all whose time has come."""
        while self._times and self._times[0][0] <= now:
            due_at, number = heapq.heappop(self._times)
            if self._timed.get(number) == due_at:
                self.look_again(number)

    def all_again(self) -> None:
        """Look again at everything that waits: the clock has jumped, or the configuration is another one."""
        for number in [*self._timed, *self._fact_of, *self._line_of]:
            self.look_again(number)

    def first(self) -> int | None:
        """The next job to be looked at; it stays so until it is put elsewhere."""
        return next(iter(self._fresh), None)

    def fresh(self) -> Iterator[int]:
        """The jobs to be looked at, in order."""
        return iter(self._fresh)

    def next_at(self) -> float | None:
        """The next time that a job waits for."""
        while self._times and self._timed.get(self._times[0][1]) != self._times[0][0]:
            heapq.heappop(self._times)
        return self._times[0][0] if self._times else None

    @property
    def is_fresh(self) -> bool:
        """True if a job is to be looked at."""
        return bool(self._fresh)

    # -- lines

    def lines(self) -> Iterator[Line]:
        """The lines in which somebody stands; the one that has waited longest for its turn is the first."""
        return iter(sorted((line for line, queue in self._lines.items() if queue.length), key=self._served))

    def _served(self, line: Line) -> int:
        return self._lines[line].served

    def first_in(self, line: Line) -> int | None:
        """The job whose turn it is in this line; it stays where it is until it is put elsewhere."""
        ranks = self._lines[line].ranks if line in self._lines else []
        while ranks and self._line_of.get(ranks[0][1]) != line:
            heapq.heappop(ranks)
        return ranks[0][1] if ranks else None

    def next_in(self, line: Line) -> Iterator[int]:
        """The first in this line, and some of those whose turn comes soon."""
        return (number for _, number in self._lines[line].ranks[:_SOON])

    def took_turn(self, line: Line) -> None:
        """This line had its turn: the others come before it."""
        self._lines[line].served = next(self._turn)

    def line_of(self, number: int) -> Line | None:
        """The line in which the job stands."""
        return self._line_of.get(number)
