"""Two daemons with a state directory each over one inbox: whatever moments they start and die at, one of them has it.

1. races: both start at about the same time on an inbox that is nobody's.
2. the inbox is the first one's: the second one starts beside it, and by hand (`run --once`), again and again, while
   either of them is killed and recordings arrive.

No recording is paid for twice, and only the owner takes any.
"""

import random
import tempfile
import time
from pathlib import Path

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from ordeal import Ordeal
from report import Report
from waiting import BOUND_SECONDS, wait_for
from world import mp3

LONGEST_OFFSET_SECONDS = 0.1
REFUSED = 75


def beside(owner: Ordeal, directory: Path) -> Daemon:
    """A daemon over the same inbox, with another state directory."""
    other = Daemon(directory, owner.api.base_url)
    other.config |= {"api": owner.config["api"], "inbox": owner.config["inbox"]}
    return other


def two_daemons(races: int, rounds: int, seed: int) -> Report:
    """So many races for an inbox, then so many rounds with a stranger beside its owner."""
    report, chance = Report("two daemons", races + rounds), random.Random(seed)
    with report.told():
        for race in range(1, races + 1):
            with tempfile.TemporaryDirectory() as directory:
                report.add(f"race {race}", *_race(Path(directory), chance))
        with tempfile.TemporaryDirectory() as directory:
            _live_beside(Path(directory), rounds, chance, report)
    return report


def _race(directory: Path, chance: random.Random) -> tuple[list[str], list[str]]:
    with FakeAssemblyAI() as api, Ordeal(directory / "one", api, after="keep") as one:
        one.drop("Talk.mp3", mp3("Talk"))
        with beside(one, directory / "two") as two:
            first, second = chance.sample((one, two), 2)
            first.start("--once")
            time.sleep(chance.uniform(0.0, LONGEST_OFFSET_SECONDS))  # the moment is what is tried
            second.start("--once")
            ends = [first.wait(BOUND_SECONDS), second.wait(BOUND_SECONDS)]
            wrong = [] if sorted(ends) == [0, REFUSED] else [f"they ended with {ends}"]
            wrong += [] if list(api.paid().values()) == [1] else [f"it was paid for: {list(api.paid().values())}"]
            wrong += [] if _takers(one, two) == 1 else [f"{_takers(one, two)} of them took it"]
            return [f"taken by the {'first' if ends[0] == 0 else 'second'} to start"], wrong


def _takers(*daemons: Daemon) -> int:
    return sum("job.received" in each.events() for each in daemons)


def _live_beside(directory: Path, rounds: int, chance: random.Random, report: Report) -> None:
    with FakeAssemblyAI(processing_seconds=0.2) as api, Ordeal(directory / "owner", api) as owner:
        owner.start()
        wait_for((owner.folders["inbox"] / ".transcribed.owner").exists, "the owner's first look")
        with beside(owner, directory / "stranger") as stranger:
            for number in range(1, rounds + 1):
                owner.drop(f"{number:04}.mp3", mp3(f"recording {number}"))
                stranger.start(*chance.choice(([], ["--once"])))
                owner.lives(chance.uniform(0.0, 0.5))
                if chance.random() < 0.5:
                    owner.kill()
                    owner.start()
                owner.lives(chance.uniform(0.0, 0.5))
                stranger.kill()
                report.add(f"round {number}", ["the stranger was killed"], owner.broken())
            stranger.start("--once")
            ended = stranger.wait(BOUND_SECONDS)
            report.blame("the stranger", [] if ended == REFUSED else [f"it ended with {ended}"])
            report.blame("the stranger", ["it took a recording"] if _takers(stranger) else [])
        owner.kill()
        report.blame("the end", owner.finish())
