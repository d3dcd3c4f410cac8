"""A power cut at each file-changing call of the real process, on ext4 and XFS: nothing lost, nothing paid twice.

The daemon is killed at the k-th call by strace, FS_IOC_SHUTDOWN drops what is not on the disk (as xfstests cuts the
power), the file system is mounted again, and the daemon is started once more. What the API was asked and paid for is
held elsewhere. strace counts calls for each thread, so calls are also counted folder by folder: most folders belong to
one thread.

    python tests/power_cuts.py [--points N] [--seed S] [ext4] [xfs]     as root; needs strace, e2fsprogs, xfsprogs
"""

import argparse
import collections
import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from straced import CHANGING, Straced, calls_of
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
        subprocess.run(["umount", self.mount], check=True)

    def cut(self) -> None:
        """What is not on the disk at this moment is gone."""
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
    with FakeAssemblyAI() as api, Straced(top, api.base_url) as daemon:
        daemon.trace, daemon.log = notes / "trace", notes / "log"
        daemon.log.unlink(missing_ok=True)
        for name in NAMES:
            daemon.drop(name, mp3(name))
        for folder in daemon.folders.values():
            folder.mkdir(exist_ok=True)
        daemon.write_config()
        os.sync()
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
    each = {(name, path): 8 if name == "pwrite64" else 1 for name, path in most}  # a commit is some twenty of those
    return sorted((name, path, k) for (name, path), n in most.items() for k in range(1, n + 1, each[name, path]))


def cut_at(point: Point, disk: Disk, notes: Path) -> list[str] | None:
    """What is wrong after a power cut at this point and a new start; None where this run had no such call."""
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
    if stray := [path.name for path in daemon.directory.rglob(".transcribed-*")]:
        wrong.append(f"stray temporaries: {stray}")
    return wrong


def sweep(kind: str, most: int, seed: int) -> int:
    """Cut the power at up to `most` points of one kind of file system; how many of them showed something wrong."""
    began, bad, cuts = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as top:
        notes = Path(top)
        with Disk(kind, notes) as disk:
            with fresh(disk, notes) as (daemon, _):
                points = points_of(daemon)
            chosen = random.Random(seed).sample(points, min(most, len(points)))
            for point in chosen:
                wrong = cut_at(point, disk, notes)
                bad += bool(wrong)
                cuts += wrong is not None
                for what in wrong or ():
                    say(f"{kind} {point}: {what}")
    seconds = time.monotonic() - began
    say(f"{kind}: {cuts} power cuts at {len(chosen)} of {len(points)} points, seed {seed}: {bad} bad, {seconds:.0f} s")
    return bad


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=120, help="at most so many, by chance")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("kinds", nargs="*", default=["ext4", "xfs"])
    options = parser.parse_args()
    sys.exit(sum(sweep(kind, options.points, options.seed) for kind in options.kinds) > 0)


if __name__ == "__main__":
    main()
