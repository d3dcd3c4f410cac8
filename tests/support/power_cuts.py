"""A power cut at each file-changing call of the real process, on ext4 and XFS: nothing lost, nothing paid twice.

The daemon is killed at the k-th call by strace, FS_IOC_SHUTDOWN drops what is not on the disk (as xfstests cuts the
power), the file system is mounted again, and the daemon is started once more. What the API was asked and paid for is
held elsewhere. strace counts calls for each thread, so calls are also counted folder by folder: most folders belong to
one thread. Of a run that ended before its point no power was cut, and it is counted apart.

    python tests/support/power_cuts.py --seed 7 --points 250 ext4 xfs     exits 1 where anything was wrong

It needs root, strace, e2fsprogs and xfsprogs. Several may run at the same time, one for each file system say.
"""

import argparse
import collections
import fcntl
import functools
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from report import Report, say
from straced import CHANGING, Straced, calls_of
from waiting import wait_for
from world import mp3

FS_IOC_SHUTDOWN, NOLOGFLUSH = 0x8004587D, 2  # linux/fs.h, xfs_fs.h: EXT4_GOING_FLAGS_NOLOGFLUSH is the same number
DISK_BYTES = 320 << 20  # mkfs.xfs takes 300 MiB at least
NAMES = ("One.mp3", "Two.mp3")
FOLDERS = ("state", "state/transcripts", "outbox", "archive", "inbox")
COUNTED = tuple(name for name in CHANGING if name not in ("openat", "close"))
Point = tuple[str, str, int]  # (call, path or "", k)


class Disk:
    """A file system on a loop device, with a power switch."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.image, self.mount = folder / "image", folder / "mount"
        self.mount.mkdir()
        with self.image.open("wb") as file:
            file.truncate(DISK_BYTES)
        subprocess.run([f"mkfs.{kind}", "-q", self.image], check=True)

    def __enter__(self) -> Self:
        subprocess.run(["mount", "-o", "loop", self.image, self.mount], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        command = ["umount", str(self.mount)]  # refused while another thread's child, just forked, holds all that we do
        wait_for(lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0, "the unmounting")

    def cut(self) -> None:
        """Lose what is not on the disk at this moment."""
        folder = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, FS_IOC_SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(folder)
        self.__exit__()
        self.__enter__()


@contextmanager
def fresh(disk: Disk, notes: Path) -> Iterator[tuple[Straced, FakeAssemblyAI]]:
    """A daemon on the disk with its recordings durable there, and an API that knows nothing yet."""
    top = disk.mount / "daemon"
    shutil.rmtree(top, ignore_errors=True)
    with FakeAssemblyAI() as api, Straced(top, api.base_url, settle_seconds=0.02) as daemon:
        daemon.config["api"] |= {"poll_seconds": 0.02, "reconcile_seconds": 0.2}
        daemon.trace, daemon.log = notes / "trace", notes / "log"
        daemon.log.unlink(missing_ok=True)
        for name in NAMES:
            daemon.drop(name, mp3(name))
        for folder in daemon.folders.values():
            folder.mkdir(exist_ok=True)
        daemon.write_config()
        subprocess.run(["sync", "--file-system", disk.mount], check=True)
        yield daemon, api


def points_of(daemon: Straced) -> list[Point]:
    """Every k-th call of each name and, folder by folder, again: learnt from a run without a cut."""
    daemon.strace_arguments = ["-y", "-s", "40", "-e", f"trace={','.join(CHANGING)}"]
    daemon.start("--once")
    assert daemon.wait() == 0, daemon.log.read_text()
    top = str(daemon.directory)
    counts: collections.Counter[tuple[str, str, str]] = collections.Counter()
    for call in calls_of(daemon.traced()):
        folders = [call.path, *(os.path.dirname(name) for name in call.names)]
        near = {os.path.relpath(folder, top) for folder in folders if folder.startswith(top)}
        for path in {"", *near.intersection(FOLDERS)}:
            if path or call.name in COUNTED:
                counts[call.thread, call.name, path] += 1
    most: collections.Counter[tuple[str, str]] = collections.Counter()
    for (_, name, path), count in counts.items():
        most[name, path] = max(most[name, path], count)
    return sorted((name, path, k) for (name, path), n in most.items() for k in range(1, n + 1))


def tried_at(point: Point, disk: Disk, notes: Path) -> tuple[list[str], list[str]]:
    """What to count, and what is wrong, at this point."""
    wrong = cut_at(point, disk, notes)
    return ["the run ended before it" if wrong is None else "power cuts"], wrong or []


def cut_at(point: Point, disk: Disk, notes: Path) -> list[str] | None:
    """List what is wrong after a power cut at this point and a new start; None if this run had no such call."""
    name, path, k = point
    with fresh(disk, notes) as (daemon, api):
        where = ["-P", str(daemon.directory / path)] if path else []
        daemon.strace_arguments = [*where, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={k}"]
        daemon.start("--once")
        if daemon.wait() != -signal.SIGKILL:
            return None
        disk.cut()
        wrong = [f"partial after the cut: {name}" for name in partial(daemon)]
        daemon.strace_arguments = []
        daemon.start("--once")
        status = daemon.wait()
        if status != 0:
            wrong.append(f"the new start ended with {status}: {daemon.log.read_text()[-300:]}")
        return wrong + broken(daemon, api)


def partial(daemon: Daemon) -> list[str]:
    """Visible transcripts, kept ones included, that are not whole: none is empty, and all end in a line."""
    kept = [*(daemon.state / "transcripts").glob("*.json")] if daemon.state.exists() else []
    seen = [daemon.folders["outbox"] / name for name in daemon.files("outbox") if not name.startswith(".")]
    whole = [(path, b"}" if path in kept else b"\n") for path in [*kept, *seen] if not path.name.startswith(".")]
    return [path.name for path, end in whole if not path.read_bytes().endswith(end)]


def broken(daemon: Daemon, api: FakeAssemblyAI) -> list[str]:
    """The promises that do not hold in the end."""
    wrong = []
    if [daemon.files(folder) for folder in ("inbox", "archive", "failed")] != [[], [*NAMES], []]:
        wrong.append(f"a recording is not in one place: {[daemon.files(folder) for folder in daemon.folders]}")
    wanted = sorted(f"{Path(name).stem}.{suffix}" for name in NAMES for suffix in ("txt", "srt"))
    if daemon.files("outbox") != wanted or partial(daemon):
        wrong.append(f"the outbox is not whole: {daemon.files('outbox')}")
    if sorted(api.paid().values()) != [1] * len(NAMES):
        wrong.append(f"paid: {sorted(api.paid().values())}")
    if stray := [str(path.relative_to(daemon.directory)) for path in daemon.directory.rglob(".transcribed-*")]:
        wrong.append(f"stray temporaries: {stray}")
    return wrong


def sweep(kind: str, most: int, seed: int, at_once: int) -> bool:
    """Cut the power at up to `most` points of one kind of file system, on so many disks; whether all was well."""
    points = learn(kind)
    chosen = random.Random(seed).sample(points, min(most, len(points)))
    report = Report(f"{kind}, seed {seed}, {len(points)} points", len(chosen))

    def part(which: int) -> None:
        with disk_of(kind) as (disk, notes):
            for point in chosen[which::at_once]:
                report.tried(point, functools.partial(tried_at, point, disk, notes))

    with report.told(), ThreadPoolExecutor(at_once) as pool:  # after a cut most of the time is a wait for what is due
        for done in [pool.submit(part, which) for which in range(at_once)]:
            done.result()
    return not report.wrong


@contextmanager
def disk_of(kind: str) -> Iterator[tuple[Disk, Path]]:
    """A disk, and a folder that no cut reaches. In memory where it can be: what a cut takes is decided above that."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as top, Disk(kind, Path(top)) as disk:
        yield disk, Path(top)


def learn(kind: str) -> list[Point]:
    """Every point of a run that nobody disturbs."""
    with disk_of(kind) as (disk, notes), fresh(disk, notes) as (daemon, _):
        return points_of(daemon)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=250, help="at most so many, by chance")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("kinds", nargs="*", default=["ext4", "xfs"])
    options = parser.parse_args()
    say(f"--seed {options.seed}")
    wrong = [kind for kind in options.kinds if not sweep(kind, options.points, options.seed, options.at_once)]
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
