"""Kills the real daemon where it hurts, and looks from outside at what is left: its folders and the API's ledger.

1. calls: at each system call that changes a file below the daemon's folders. One traced run says which there are (the
   interpreter's own opens are not among them); then one run for each is slowed at that kind of call by strace and
   killed while the call waits to begin. strace's own `signal=KILL:when=k` counts for each thread by itself, so that it
   never meets the k-th call of a thread that is not the busiest: here a point is told by its place and its number.
2. talk: at each point of each request that the API can see, half an answer among them.
3. soak: at random moments, over many recordings, while the API misbehaves in every way that it can.

After each kill no recording is lost or doubled, nothing is paid for twice, and what is visible in the outbox is whole.
At the end everything is delivered, no temporary is left and no job waits. Threads make the points differ a little from
run to run: a point that a run does not reach is counted, and what must be true must be true all the same.

    python tests/torture.py --seed 7 --kills 1000 --recordings 300      exits 1 where anything was wrong
"""

import argparse
import contextlib
import hashlib
import itertools
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from daemon_process import Daemon
from fake_account import words_of
from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed import errors
from transcribed.job import Job, State
from transcribed.worker import drop
from world import mp3

CALLS = (
    *("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "renameat", "renameat2", "linkat"),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "ftruncate"),
)
ROUTES = ("POST /v2/upload", "POST /v2/transcript", "GET /v2/transcript", "GET /v2/transcript/{id}")
MOMENTS = ("received", "read", "taken", "half an answer", "answered")
TEMPORARY = ".transcribed-"
PARKED = "times in a row"  # in the reason of a job that was in flight at three ends of the process

_OFTEN = (
    *(Fault.answer(500, "Internal server error"), Fault.answer(503, "Service unavailable", Retry_After="1")),
    *(
        Fault.answer(429, "Too many requests", Retry_After="1"),
        Fault.answer(502, body=b"<html>Bad gateway", taken=True),
    ),
    *(Fault.lost_answer("reset"), Fault.lost_answer("close"), Fault.lost_answer("silence"), Fault.cut(100)),
    *(Fault.half_json(), Fault.half_headers(), Fault.html(), Fault.html(taken=True), Fault.drip(0.01)),
)
_SELDOM = (  # each of them stops the daemon for a while
    *(Fault.answer(401, "Authentication error, API token missing/invalid"), Fault.redirect("http://127.0.0.1:9/")),
    *(Fault.hang(), Fault.huge(), Fault.drip(0.01, headers=True)),
)
_ANYWHERE = (*((0.015, fault) for fault in _OFTEN), *((0.004, fault) for fault in _SELDOM))
FAULTS = dict.fromkeys(ROUTES, _ANYWHERE)
FREE_ERROR = "Download error, unable to download. Please make sure the file exists and is accessible."


@dataclass(frozen=True, order=True)
class Point:
    """The `nth` system call of this kind at this place (the files it names, below the daemon's directory)."""

    call: str
    place: str
    nth: int


@dataclass
class Report:
    """What was done, what came of it, and what was wrong."""

    figures: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, where: object, counted: Iterable[str], wrong: Iterable[str]) -> None:
        self.figures.update(counted)
        self.wrong += [f"{where}: {what}" for what in wrong]


class Ordeal(Daemon):
    """A daemon, its API, what was dropped, and what must be true of all three."""

    def __init__(self, directory: Path, api: FakeAssemblyAI) -> None:
        super().__init__(directory, api.base_url)
        self.api = api
        self.dropped: dict[str, bytes] = {}  # recordings by name
        self.junk: dict[str, bytes] = {}  # what is no recording

    def drop(self, name: str, data: bytes) -> None:
        self.dropped[name] = data
        super().drop(name, data)

    def drop_the_usual(self) -> None:
        """Two recordings, one of them below a folder; a copy; and what is no recording and must fail."""
        self.drop("Talk.mp3", mp3("Talk"))
        self.drop("a/Other.mp3", mp3("Other", frames=60))
        self.drop("Copy.mp3", mp3("Talk"))
        self.junk["junk.mp3"] = b"no recording\n" * 500
        super().drop("junk.mp3", self.junk["junk.mp3"])

    # What must be true.

    def broken(self) -> list[str]:
        """What may be at no moment, and is."""
        wanted = Counter(map(_hash, [*self.dropped.values(), *self.junk.values()]))
        found = Counter(itertools.chain.from_iterable(map(self._hashes, ("inbox", "archive", "failed"))))
        wrong = [f"{self._names(sha)} is there {found[sha]} times" for sha in wanted if found[sha] != wanted[sha]]
        wrong += [f"{self._names(sha)} was paid for {n} times" for sha, n in self.api.paid().items() if n > 1]
        return wrong + [f"{name} in the outbox is not whole" for name in self._visible() if not self._is_whole(name)]

    def unfinished(self) -> list[str]:
        """What may not be at the end, and is."""
        stems = {name.removesuffix(".mp3") for name in self.dropped}
        wanted = {
            "inbox": set(),
            "outbox": {f"{stem}.{suffix}" for stem in stems for suffix in ("txt", "srt")},
            "archive": set(self.dropped),
            "failed": {*self.junk, *(f"{name}.error.txt" for name in self.junk)},
        }
        wrong = [f"{name} is missing in {place}" for place in wanted for name in wanted[place] - self._files(place)]
        wrong += [f"{name} is too much in {place}" for place in wanted for name in self._files(place) - wanted[place]]
        wrong += [f"job {job.id} still waits, {job.state}: {job.reason}" for job in self.jobs() if job.open]
        return wrong + [f"{path} was left" for path in self.directory.rglob(f"{TEMPORARY}*")]

    def jobs(self) -> list[Job]:
        """None where the daemon was killed before it had a journal."""
        with contextlib.suppress(errors.TranscribedError):
            return super().jobs()
        return []

    def _files(self, folder: str) -> set[str]:
        return set(self.files(folder))

    def _visible(self) -> list[str]:
        return [name for name in self._files("outbox") if not os.path.basename(name).startswith(TEMPORARY)]

    def _hashes(self, folder: str) -> Iterator[str]:
        for name in self._files(folder):
            if not os.path.basename(name).startswith(TEMPORARY) and not name.endswith(".error.txt"):
                yield _hash((self.folders[folder] / name).read_bytes())

    def _names(self, sha: str) -> str:
        return " = ".join(n for n, data in {**self.dropped, **self.junk}.items() if _hash(data) == sha) or "a stranger"

    def _is_whole(self, name: str) -> bool:
        """Whether it holds all the words of the recording that it is named after, and only those."""
        stem, suffix = os.path.splitext(name)
        data = self.dropped.get(re.sub(r" \(\d+\)$", "", stem) + ".mp3")
        lines = (self.folders["outbox"] / name).read_text().splitlines()
        if suffix == ".srt":
            lines = [line for line in lines if "-->" not in line and not line.isdigit()]
        said = " ".join(" ".join(lines).split())
        return data is not None and said == " ".join(word["text"] for word in words_of(_hash(data)))

    # What is done to it.

    def finish(self) -> list[str]:
        """Let the daemon come to an end in peace; what is wrong then."""
        self.api.clear()
        self.api.release()
        for _ in range(3):
            self.start("--once")
            status = self.wait(600)
            if status in (0, 1):
                return self.broken() + self.unfinished()
        return [f"`run --once` still ends with {status}", *self.broken(), *self.unfinished()]

    def lives(self, seconds: float) -> bool:
        """Whether the daemon is there still after so long."""
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=seconds)
        return self.process.poll() is None

    def trace(self, calls: Sequence[str], slow_seconds: float) -> BinaryIO:
        """Start `run --once` under strace; what it says, each call as soon as it waits to begin."""
        told, teller = os.pipe()
        strace = ["strace", "-D", "-f", "-qq", "-y", "-s", "0", "--seccomp-bpf", "-o", f"/proc/self/fd/{teller}"]
        named = ",".join(calls)
        strace += ["-e", f"trace={named}", "-e", f"inject={named}:delay_enter={slow_seconds * 1e6:.0f}"]
        command = [sys.executable, "-m", "transcribed", "--config", str(self.write_config()), "run", "--once"]
        environ = {**os.environ, "ASSEMBLYAI_API_KEY": self.key}
        with self.log.open("ab") as log:  # -D: strace is the grandchild, so that this process is the daemon itself
            self.process = subprocess.Popen([*strace, *command], stderr=log, env=environ, pass_fds=(teller,))
        os.close(teller)
        return os.fdopen(told, "rb", buffering=0)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# 1. At each system call.


def points_of(said: BinaryIO, root: Path) -> Iterator[Point]:
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
    began = re.match(r"\d+ +(\w+)\((.*)", text)
    if not began or root + "/" not in text or (began[1] == "openat" and "O_CREAT" not in text):
        return None
    names = [one or other for one, other in re.findall(r'<(/[^>]*)>|"([^"]+)"', began[2])]
    ours = [name.removeprefix(root + "/") for name in names if name.startswith(root) or not name.startswith("/")]
    return began[1], re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=transcribed-)[0-9a-f]{16}", "*", " ".join(ours))


def learn(directory: Path) -> list[Point]:
    """Every point of one run that nobody disturbs."""
    with FakeAssemblyAI() as api, Ordeal(directory, api) as ordeal:
        ordeal.drop_the_usual()
        with ordeal.trace(CALLS, 0.0001) as said:
            points = list(points_of(said, directory))
        assert ordeal.wait() in (0, 1), ordeal.log.read_text()
        assert not ordeal.broken() + ordeal.unfinished()
        return points


def kill_at_call(point: Point, directory: Path) -> tuple[list[str], list[str]]:
    """What to count, and what is wrong, after a kill while the call of `point` waits to begin."""
    with FakeAssemblyAI() as api, Ordeal(directory, api) as ordeal:
        ordeal.drop_the_usual()
        reached, rest = False, b""
        with ordeal.trace([point.call], 0.001 if point.call == "openat" else 0.005) as said:
            for at in points_of(said, directory):
                if at == point:
                    ordeal.kill()
                    reached, rest = True, said.read(65536)
                    break
            while said.read(65536):
                pass
        ordeal.wait()
        how = "the run ended before it" if not reached else "before the call" if b"= ?" in rest else "in or after it"
        return [f"killed at {point.call}", f"killed {how}"], ordeal.broken() + ordeal.finish()


def spread(points: Iterable[Point], count: int, seed: int) -> list[Point]:
    """So many of the points, drawn by `seed`, of each kind of call as many as of any other."""
    kinds: dict[str, list[Point]] = defaultdict(list)
    for point in sorted(points):
        kinds[point.call].append(point)
    for kind in kinds.values():
        random.Random(seed).shuffle(kind)
    rounds = itertools.zip_longest(*kinds.values())
    return [point for one in rounds for point in one if point is not None][:count]


# 2. At each point of the talk.


def kill_in_talk(point: tuple[str, str], directory: Path) -> tuple[list[str], list[str]]:
    """What to count, and what is wrong, after a kill while a request of this route is held at this moment."""
    route, moment = point
    with FakeAssemblyAI(processing_seconds=0.3) as api, Ordeal(directory, api) as ordeal:
        ordeal.drop_the_usual()
        if moment == "half an answer":
            api.script(route, [Fault.drip(0.2)])
        else:
            api.hold(route, moment)
        ordeal.start()
        passed = f"{route} {'taken' if moment == 'half an answer' else moment}"
        api.wait_for(lambda: passed in api.passed, 60)
        if moment == "half an answer":
            ordeal.lives(0.3)  # the first bytes are on their way
        ordeal.kill()
        api.release()
        return [f"killed at {route} {moment}"], ordeal.broken() + ordeal.finish()


# 3. At any moment.


def soak(directory: Path, kills: int, recordings: int, seed: int, spacing_seconds: float) -> Report:
    """So many kills, on the average so far apart, while so many recordings arrive and the API misbehaves."""
    report, chance = Report(), random.Random(seed)
    with FakeAssemblyAI(processing_seconds=0.5) as api, Ordeal(directory, api) as ordeal:
        api.chance(seed, FAULTS)
        for kill in range(1, kills + 1):
            ordeal.start()
            _drop_until(ordeal, recordings * kill // kills)
            if chance.random() < 0.05:
                api.end_with_error(FREE_ERROR)
            if not ordeal.lives(chance.expovariate(1 / spacing_seconds)):
                report.add(kill, [], [f"the daemon ended by itself, {ordeal.wait()}"])
            ordeal.kill()
            report.add(f"kill {kill}", ["kills"], ordeal.broken())
            retry_failed(ordeal, report)
        wrong = ordeal.finish()
        while retry_failed(ordeal, report) and report.figures["rounds at the end"] < 5:
            wrong = ordeal.finish()
            report.figures["rounds at the end"] += 1
        report.add("the end", [], wrong)
        counted = {"recordings": len(ordeal.dropped), "submits": len(api.submits), "uploads": len(api.uploads)}
        free = sum(submit.end_error is not None for submit in api.submits)
        counted |= {"requests": len(api.requests), "mishaps": api.mishaps, "submits that ended in an error": free}
        report.figures.update(counted)
    return report


def _drop_until(ordeal: Ordeal, count: int) -> None:
    """Every tenth recording is a copy of the one before, every seventh lies below a folder, some are of one size."""
    for number in range(len(ordeal.dropped), count):
        content = number - 1 if number % 10 == 9 else number
        ordeal.drop(
            f"{'deep/' if number % 7 == 6 else ''}{number:04}.mp3",
            mp3(f"recording {content}", frames=40 + content % 50),
        )


def retry_failed(ordeal: Ordeal, report: Report) -> int:
    """Order a retry of each failed job, as a person would; how many there were."""
    failed = [job for job in ordeal.jobs() if job.state is State.FAILED]
    report.figures.update("parked, and retried" if PARKED in job.reason else f"failed: {job.reason}" for job in failed)
    if failed:
        drop(str(ordeal.state), {"order": "retry", "jobs": [job.id for job in failed]})
    return len(failed)


def sweep(kill: Callable[[Any, Path], tuple[list[str], list[str]]], points: Sequence[Any], at_once: int) -> Report:
    """Kill at each point, each with a daemon and an API of its own."""

    def one(point: object) -> tuple[list[str], list[str]]:
        with tempfile.TemporaryDirectory() as directory:
            return kill(point, Path(directory) / "daemon")

    report = Report()
    with ThreadPoolExecutor(at_once) as pool:
        for point, (counted, wrong) in zip(points, pool.map(one, points), strict=True):
            report.add(point, counted, wrong)
    return report


def tell(name: str, report: Report, began: float) -> None:
    lines = [f"{name}: {len(report.wrong)} wrong, {time.monotonic() - began:.0f} s"]
    lines += [f"  {count:6} {what}" for what, count in sorted(report.figures.items())]
    lines += [f"  WRONG {what}" for what in report.wrong[:50]]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--recordings", type=int, default=300)
    parser.add_argument("--spacing-seconds", type=float, default=2.5)
    parser.add_argument("--points", type=int, default=10**6, help="at most so many system calls")
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--only", choices=("calls", "talk", "soak"))
    options = parser.parse_args()
    sys.stdout.write(f"--seed {options.seed}\n")
    failed = False
    for part in (options.only,) if options.only else ("calls", "talk", "soak"):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as directory:
            report = _part(part, Path(directory) / part, options)
        tell(part, report, began)
        failed |= bool(report.wrong)
    return int(failed)


def _part(part: str, directory: Path, options: argparse.Namespace) -> Report:
    if part == "calls":
        points = set(learn(directory))
        report = sweep(kill_at_call, spread(points, options.points, options.seed), options.at_once)
        report.figures["points seen in a clean run"] = len(points)
        return report
    if part == "talk":
        return sweep(kill_in_talk, list(itertools.product(ROUTES, MOMENTS)), options.at_once)
    return soak(directory, options.kills, options.recordings, options.seed, options.spacing_seconds)


if __name__ == "__main__":
    sys.exit(main())
