"""Kills the real daemon where it hurts, and looks from outside at what is left: its folders and the API's ledger.

1. calls: at each system call that changes a file below the daemon's folders. One traced run says which there are (the
   interpreter's own opens are not among them); then one run for each is slowed at that kind of call by strace and
   killed while the call waits to begin. strace's own `signal=KILL:when=k` counts for each thread by itself, so that it
   never meets the k-th call of a thread that is not the busiest: here a point is told by its place and its number.
2. errors: one error in each of those calls, of each kind that it can meet; it must go on by itself.
3. talk: at each point of each request that the API can see, half an answer among them.
4. soak: at random moments, over many recordings, while the API misbehaves in every way that it can.
5. two daemons: with a state directory each over one inbox, they start and die at random moments (two_daemons.py).

Each daemon is forked warm (warm.py) and waits as little as the rules allow, so that most of its life is what is tried.
After each kill no recording is lost or doubled, nothing is paid for twice, and what is visible in the outbox is whole.
At the end everything is delivered, no temporary is left and no job waits. Threads make the points differ a little from
run to run: a point that a run does not reach is counted, and what must be true must be true all the same.

    python tests/support/torture.py --seed 7 --kills 1000 --recordings 300      exits 1 where anything was wrong
"""

import argparse
import itertools
import random
import re
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import one_error
from fake_assemblyai import FakeAssemblyAI, Fault
from ordeal import Ordeal
from report import Report, say
from straced import call_of
from transcribed.job import State
from transcribed.worker import drop
from two_daemons import two_daemons
from world import mp3

P = TypeVar("P", "Point", one_error.Point)

CALLS = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "linkat"),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "ftruncate"),
)
ROUTES = (
    *("POST /v2/upload", "POST /v2/transcript", "GET /v2/transcript", "GET /v2/transcript/{id}"),
    "DELETE /v2/transcript/{id}",
)
RANDOM = r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=transcribed-)[0-9a-f]{16}"  # in the name of a file
SLOW_SECONDS = 0.005  # of each call of a kind, for the kill to be in time
PARTS = ("calls", "errors", "talk", "soak", "two daemons")
MOMENTS = ("received", "read", "taken", "half an answer", "answered")
REACHED_SECONDS = 600.0  # for a daemon to come to a point of its talk, on a machine with much other work
PARKED = "times in a row"  # in the reason of a job that was in flight at three ends of the process

_OFTEN = (
    *(Fault.answer(500, "Internal server error"), Fault.answer(503, "Service unavailable", Retry_After="1")),
    *(Fault.answer(429, "Too many requests", Retry_After="1"), Fault.answer(408, body=b"<html>")),
    *(Fault.answer(502, body=b"<html>Bad gateway", taken=True), Fault.answer(504, body=b"", taken=True)),
    *(Fault.lost_answer("reset"), Fault.lost_answer("close"), Fault.lost_answer("silence"), Fault.cut(100)),
    *(Fault.half_json(), Fault.half_headers(), Fault.html(), Fault.html(taken=True), Fault.drip(0.01)),
)
_SELDOM = (  # each of them stops the daemon for a while
    *(Fault.answer(401, "Authentication error, API token missing/invalid"), Fault.redirect("http://127.0.0.1:9/")),
    *(Fault.answer(429, "Too many requests"), Fault.answer(403, "Rate limit exceeded")),
    *(Fault.hang(), Fault.huge(), Fault.drip(0.01, headers=True)),
)
_ANYWHERE = (*((0.015, fault) for fault in _OFTEN), *((0.004, fault) for fault in _SELDOM))
_NO_BALANCE = Fault.answer(400, "Your current account balance is negative. Please top up to continue using the API.")
_NO_UPLOAD = Fault.answer(403, "Cannot access uploaded file")
_UNKNOWN_STATUS = Fault.answer(200, body=b'{"id": "11111111-2222-4333-8444-555555555555", "status": "dreaming"}')
FAULTS = {
    **dict.fromkeys(ROUTES, _ANYWHERE),
    "POST /v2/transcript": (*_ANYWHERE, (0.01, _NO_BALANCE), (0.01, _NO_UPLOAD)),
    "GET /v2/transcript/{id}": (*_ANYWHERE, (0.02, _UNKNOWN_STATUS)),
}
ENDS = (  # in an error, which is free
    "Download error, unable to download. Please make sure the file exists and is accessible.",
    *("Transcoding failed. File does not appear to contain audio.", "Server error, developers have been alerted"),
)
LONGEST_LAG_SECONDS = 0.15  # of the list; half of reconcile_seconds here, as 60 is of 120


@dataclass(frozen=True, order=True)
class Point:
    """The `nth` system call of this kind at this place (the files it names, below the daemon's directory)."""

    call: str
    place: str
    nth: int


# 1. At each system call.


def points_of(said: IO[bytes], root: Path) -> Iterator[Point]:
    """The points of a traced run, each as soon as it is there; ends when the process does."""
    seen: Counter[tuple[str, str]] = Counter()
    line = b""
    counted = False  # whether the line that is not at its end yet was taken already
    while block := said.read(65536):
        *whole, rest = (line + block).split(b"\n")
        for text in [*whole, rest]:
            place = None if counted else place_of(text.decode(errors="replace"), str(root))
            counted = False
            if place:
                seen[place] += 1
                yield Point(*place, seen[place])
        line, counted = rest, bool(rest)


def place_of(text: str, root: str) -> tuple[str, str] | None:
    """The call in a line of strace and the files below `root` that it changes, or None; what is random is a star."""
    call = call_of(text)
    if call is None or (call.name == "openat" and "O_CREAT" not in text):
        return None
    names = dict.fromkeys((call.path, *call.names))
    ours = [name.removeprefix(root + "/") for name in names if name.startswith(root + "/")]
    return (call.name, re.sub(RANDOM, "*", " ".join(ours))) if ours else None


def learn(directory: Path) -> list[Point]:
    """Every point of one run that nobody disturbs."""
    with FakeAssemblyAI() as api, Ordeal(directory, api, settle_seconds=0.05) as ordeal:
        ordeal.drop_the_usual()
        with ordeal.told(CALLS, 0.0001) as said:
            points = list(points_of(said, directory))
        assert ordeal.wait() in (0, 1), ordeal.log.read_text()
        assert not ordeal.broken() + ordeal.unfinished()
        return points


def kill_at_call(point: Point, directory: Path) -> tuple[list[str], list[str]]:
    """Return what to count, and what is wrong, after a kill while the call of `point` waits to begin."""
    with FakeAssemblyAI() as api, Ordeal(directory, api, settle_seconds=0.05) as ordeal:
        ordeal.drop_the_usual()
        reached, rest = False, b""
        with ordeal.told([point.call], SLOW_SECONDS) as said:
            for at in points_of(said, directory):
                if at == point:
                    ordeal.signal(signal.SIGKILL)
                    reached, rest = True, said.read(65536)
                    break
            while said.read(65536):
                pass
        ordeal.wait()
        how = "the run ended before it" if not reached else "before the call" if b"= ?" in rest else "in or after it"
        return [f"killed at {point.call}", f"killed {how}"], ordeal.broken() + ordeal.finish()


def spread(points: Iterable[P], count: int, seed: int) -> list[P]:
    """So many of the points, drawn by `seed`, of each kind of call as many as of any other."""
    kinds: dict[str, list[P]] = defaultdict(list)
    for point in sorted(points):
        kinds[point.call].append(point)
    for kind in kinds.values():
        random.Random(seed).shuffle(kind)
    rounds = itertools.zip_longest(*kinds.values())
    return [point for one in rounds for point in one if point is not None][:count]


# 2. One error in each.


def errors(directory: Path, count: int, seed: int, at_once: int) -> Report:
    """Let a daemon meet each error at each point, or so many of them; most of the time it waits for its probe."""
    points, whole = one_error.clean_run(directory / "clean")

    def one_error_at(point: one_error.Point, folder: Path) -> tuple[list[str], list[str]]:
        return [f"{point.error} in {point.call}"], one_error.meet(point, folder, whole)

    return sweep(one_error_at, spread(points, count, seed), 4 * at_once)


# 3. At each point of the talk.


def kill_in_talk(point: tuple[str, str], directory: Path) -> tuple[list[str], list[str]]:
    """Return what to count, and what is wrong, after a kill while a request of this route is held at this moment."""
    route, moment = point
    with FakeAssemblyAI(processing_seconds=0.3) as api, Ordeal(directory, api, settle_seconds=0.05) as ordeal:
        ordeal.drop_the_usual()
        if moment == "half an answer":
            api.script(route, [Fault.drip(0.2)])
        else:
            api.hold(route, moment)
        ordeal.start()
        passed = f"{route} {'taken' if moment == 'half an answer' else moment}"
        api.wait_for(lambda: passed in api.passed, REACHED_SECONDS)
        if moment == "half an answer":
            ordeal.lives(0.3)  # the first bytes are on their way
        ordeal.kill()
        api.release()
        return [f"killed at {route} {moment}"], ordeal.broken() + ordeal.finish()


# 4. At any moment.


def soak(directory: Path, kills: int, recordings: int, seed: int, spacing_seconds: float) -> Report:
    """So many kills, on the average so far apart, while so many recordings arrive and the API misbehaves."""
    report, chance = Report("soak", kills), random.Random(seed)
    with FakeAssemblyAI(processing_seconds=0.5) as api, Ordeal(directory, api) as ordeal, report.told():
        api.chance(seed, FAULTS)
        for kill in range(1, kills + 1):
            ordeal.start()
            _drop_until(ordeal, recordings * kill // kills)
            if chance.random() < 0.05:
                api.end_with_error(chance.choice(ENDS))
            api.list_lag_seconds = chance.choice((0.0, 0.0, LONGEST_LAG_SECONDS))
            api.duration_of = chance.choice((lambda _: 10, lambda _: 0.1, lambda _: None))
            if not ordeal.lives(chance.expovariate(1 / spacing_seconds)):
                report.blame(f"kill {kill}", [f"the daemon ended by itself, {ordeal.wait()}"])
            ordeal.kill()
            report.add(f"kill {kill}", [], ordeal.broken())
            retry_failed(ordeal, report)
        wrong = ordeal.finish()
        while retry_failed(ordeal, report) and report.figures["rounds at the end"] < 5:
            wrong = ordeal.finish()
            report.figures["rounds at the end"] += 1
        report.blame("the end", wrong)
        counted = {"recordings": len(ordeal.dropped), "submits": len(api.submits), "uploads": len(api.uploads)}
        free = sum(submit.end_error is not None for submit in api.submits)
        counted |= {"requests": len(api.requests), "mishaps": api.mishaps, "submits that ended in an error": free}
        report.figures.update(counted)
    return report


def _drop_until(ordeal: Ordeal, count: int) -> None:
    """Every tenth is a copy of the one before, every seventh lies below a folder, some are of one size, some links."""
    for number in range(len(ordeal.dropped), count):
        content = number - 1 if number % 10 == 9 else number
        name = f"{'deep/' if number % 7 == 6 else ''}{number:04}"
        if content % 5 == 3:
            ordeal.drop_link(f"{name}.url", f"https://example.org/{content}.mp3")
        else:
            ordeal.drop(f"{name}.mp3", mp3(f"recording {content}", frames=40 + content % 50))


def retry_failed(ordeal: Ordeal, report: Report) -> int:
    """Order a retry of each failed job, as a person would; how many there were."""
    failed = [job for job in ordeal.jobs() if job.state is State.FAILED]
    report.figures.update("parked, and retried" if PARKED in job.reason else f"failed: {job.reason}" for job in failed)
    if failed:
        drop(str(ordeal.state), {"order": "retry", "jobs": [job.id for job in failed]})
    return len(failed)


def sweep(kill: Callable[[Any, Path], tuple[list[str], list[str]]], points: Sequence[Any], at_once: int) -> Report:
    """Kill at each point, each with a daemon and an API of its own."""
    report = Report(kill.__name__.replace("_", " "), len(points))

    def one(point: object) -> None:
        with tempfile.TemporaryDirectory() as directory:
            report.tried(point, lambda: kill(point, Path(directory) / "daemon"))

    with report.told(), ThreadPoolExecutor(at_once) as pool:
        for done in [pool.submit(one, point) for point in points]:
            done.result()
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--recordings", type=int, default=300)
    parser.add_argument("--spacing-seconds", type=float, default=2.5)
    parser.add_argument("--points", type=int, default=10**6, help="at most so many system calls")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--only", choices=PARTS)
    options = parser.parse_args()
    say(f"--seed {options.seed}")
    parts = (options.only,) if options.only else PARTS
    wrong = [part for part in parts if _part(part, options).wrong]
    sys.exit(1 if wrong else 0)


def _part(part: str, options: argparse.Namespace) -> Report:
    with tempfile.TemporaryDirectory() as directory:
        if part == "soak":
            whole = Path(directory) / part
            return soak(whole, options.kills, options.recordings, options.seed, options.spacing_seconds)
        if part == "two daemons":
            return two_daemons(options.kills // 10, options.kills // 10, options.seed)
        if part == "errors":
            return errors(Path(directory), options.points, options.seed, options.at_once)
        if part == "talk":
            return sweep(kill_in_talk, list(itertools.product(ROUTES, MOMENTS)), options.at_once)
        points = set(learn(Path(directory) / part))
    say(f"{len(points)} points in a clean run")
    return sweep(kill_at_call, spread(points, options.points, options.seed), options.at_once)


if __name__ == "__main__":
    main()
