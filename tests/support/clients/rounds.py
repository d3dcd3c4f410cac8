"""The rounds: cases that run at once, for all rows at once, and what the daemon goes through meanwhile."""

import itertools
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from clients import cases, judge
from clients.cases import CannotError, Case, Pauses
from clients.rows import Row
from clients.trial import Desk, InVainError, Trial, pause, waited_out
from report import say

_ORDER = (
    *(judge.FAILED, judge.UNWANTED, judge.EARLY, judge.STUCK, judge.TWICE, judge.UNTOLD),
    *(judge.WHOLE_LATER, judge.OK),
)
KILLS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)
GATHER_SECONDS = 30.0
FORGOTTEN_SECONDS = 11.0  #: twice the time to settle: enough for a daemon that has forgotten to be wrong


@dataclass(frozen=True)
class Cell:
    """What came of one case of one client; `word` is "-" where it cannot do that."""

    word: str
    seconds: float = 0.0
    status: int = 0

    def __str__(self) -> str:
        took = f" {self.seconds:.0f} s" if self.word not in {judge.STUCK, "-"} and self.seconds >= 1 else ""
        return self.word + took + (f" (the client ends with {self.status})" if self.status else "")


@dataclass
class Rounds:
    """A trial that goes through its rounds, and the desks that have been at work."""

    trial: Trial
    desks: dict[tuple[Row, str], Desk | None] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def run(self, chosen: Mapping[str, Case], meanwhile: Callable[[], None] = lambda: None) -> None:
        """All these cases for all rows, each on a thread of its own; an interrupt does not wait for them."""
        pairs = itertools.product(self.trial.rows, chosen)
        threads = [
            threading.Thread(target=self._try, args=(row, name, chosen[name]), daemon=True) for row, name in pairs
        ]
        for thread in threads:
            thread.start()
        meanwhile()
        for thread in threads:
            thread.join()

    def _try(self, row: Row, name: str, case: Case) -> None:
        self.desks[row, name] = desk = self.trial.desk(row)
        try:
            case(desk)
            say(f"{row.name}, {name}: {max(desk.seconds):.0f} s")
        except CannotError:
            self.desks[row, name] = None
        except InVainError:
            desk.is_in_vain = True
            say(f"{row.name}, {name}: in vain")
        except Exception as error:  # noqa: BLE001  the other cases go on, and the table tells of this one
            self.broken.append(f"{row.name}, {name}: {error!r}")
            say(f"WRONG {self.broken[-1]}")

    def cells(self) -> dict[tuple[Row, str], Cell]:
        """The table, by what is there now."""
        seen = self.trial.evidence()
        return {key: _cell(desk, seen[key[0]]) for key, desk in self.desks.items()}


def _cell(desk: Desk | None, seen: judge.Evidence) -> Cell:
    if desk is None:
        return Cell("-")
    words = [judge.verdict(wish, seen) for wish in desk.wishes]
    worst = min(words, key=_ORDER.index, default=judge.STUCK)
    if worst == judge.OK and desk.is_in_vain:
        worst = judge.LATE
    return Cell(worst, max(desk.seconds, default=0), next(filter(None, desk.statuses), 0))


def all_rounds(rounds: Rounds, chosen: Sequence[str], pauses: Pauses) -> Iterator[str]:
    """Go through them, and tell the name of each before it begins."""
    for several in (cases.AT_ONCE, cases.slow(pauses)):
        if wanted := {name: case for name, case in several.items() if name in chosen}:
            yield ", ".join(wanted)
            rounds.run(wanted)
    if "restarted" in chosen:
        yield "restarted"
        restarted(rounds)
    if "nested" in chosen:
        yield "nested"
        nested(rounds)


CASES = (*cases.AT_ONCE, *cases.slow(Pauses()), "restarted", "nested")


def restarted(rounds: Rounds) -> None:
    """All clients are in the middle and stopped; the daemon is ended and started; then all go on."""
    at_gate = threading.Semaphore(0)
    go_on = threading.Event()

    def meanwhile() -> None:
        at_gate.release()
        go_on.wait()

    def restart() -> None:
        try:
            for _ in rounds.trial.rows:
                at_gate.acquire(timeout=GATHER_SECONDS)
            rounds.trial.restart(signal.SIGTERM)
            pause(FORGOTTEN_SECONDS)
        finally:
            go_on.set()

    rounds.run({"restarted": cases.restarted(meanwhile)}, restart)


def nested(rounds: Rounds) -> None:
    """The daemon is killed, ended and killed while the trees come in."""
    trial = rounds.trial
    before, a_fifth = len(trial.api.submits), sum(row.nested for row in trial.rows) / 5

    def left_of(fifths: int) -> Callable[[], float]:
        return lambda: max(0.0, before + fifths * a_fifth - len(trial.api.submits))

    def kill() -> None:
        for fifths, number in enumerate(KILLS, 1):
            waited_out(left_of(fifths), GATHER_SECONDS)
            trial.restart(number)

    rounds.run({"nested": cases.nested}, kill)
