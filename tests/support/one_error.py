"""One system call of the real process fails once: it says so, waits, and goes on by itself.

Which calls there are is learnt from a run without a fault. strace counts calls for each thread by itself, so a point is
told by its path too where the call has one.
"""

import collections
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from straced import CHANGING, Straced, calls_of
from transcribed import errors
from transcribed.job import State
from waiting import wait_for
from world import mp3

ERRORS = {
    "write": ("ENOSPC", "EDQUOT", "EIO"),
    "pwrite64": ("ENOSPC", "EDQUOT", "EIO"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT"),
    "fdatasync": ("EIO", "ENOSPC"),
    "renameat": ("ENOSPC", "EROFS", "EACCES", "EIO"),
    "renameat2": ("ENOSPC", "EROFS", "EACCES", "EXDEV", "EIO"),
    "openat": ("EMFILE", "EACCES", "ENOSPC", "EROFS", "EIO"),
}
BOUND_SECONDS = 400.0  # each thread of the pool meets an error of its own, and each block is longer than the last
STOPS, STOP_SECONDS = 6, 20.0  # so often, and so long for each


@dataclass(frozen=True, order=True)
class Point:
    """The k-th call of one name, in each thread by itself, fails; where there is a path, only calls about it count."""

    call: str
    error: str
    k: int
    path: str = ""

    def strace_arguments(self, folder: Path) -> list[str]:
        path = ["-P", str(folder / self.path)] if self.path else []
        return [*path, "-e", f"trace={self.call}", "-e", f"inject={self.call}:error={self.error}:when={self.k}"]


def points_of(daemon: Straced) -> list[Point]:
    """The points where a call about our own files can fail, learnt from a run without a fault."""
    top = str(daemon.directory)
    counts: collections.Counter[tuple[str, str, str]] = collections.Counter()
    found: set[Point] = set()
    for call in calls_of(daemon.traced()):
        names = [name for name in (call.path, *call.names) if name.startswith(f"{top}/")]
        if call.name == "openat":
            paths = {os.path.relpath(call.path if call.path in names else name, top) for name in names[:1]}
        else:
            paths = {""}
        for path in paths:
            counts[call.thread, call.name, path] += 1
            if names and call.name in ERRORS and path not in ("log", "config.toml"):
                k = counts[call.thread, call.name, path]
                found |= {Point(call.name, error, k, path) for error in ERRORS[call.name]}
    # A state directory that may not be written is a mistake in the configuration, and said with status 78.
    mistakes = {Point("openat", error, 1, "state/lock") for error in ("EACCES", "EROFS")}
    return sorted(found - mistakes, key=lambda point: (point.call, point.path, point.k, point.error))


@contextmanager
def one_that_meets(point: Point, folder: Path) -> Iterator[tuple[Straced, FakeAssemblyAI]]:
    """A daemon with one recording, and one error ahead of it."""
    with FakeAssemblyAI() as api, Straced(folder, api.base_url) as daemon:
        daemon.strace_arguments = point.strace_arguments(folder)
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        yield daemon, api


def clean_run(folder: Path) -> tuple[list[Point], dict[str, bytes]]:
    """The points of a run without a fault, and what it delivers."""
    with FakeAssemblyAI() as api, Straced(folder, api.base_url) as daemon:
        daemon.strace_arguments = ["-y", "-s", "40", "-e", f"trace={','.join(CHANGING)}"]
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        daemon.wait_for_archive(1)
        wait_for(lambda: "job.retired" in daemon.events(), "the end of the job")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        return points_of(daemon), outputs(daemon)


def outputs(daemon: Daemon) -> dict[str, bytes]:
    """The transcripts that people see in the outbox. A notice of a long wait may lie beside them, and go again."""
    names = [name for name in daemon.files("outbox") if not name.startswith((".", "_transcribed"))]
    return {name: (daemon.folders["outbox"] / name).read_bytes() for name in names}


def _retired(daemon: Daemon) -> bool:
    with contextlib.suppress(errors.TranscribedError):  # there is no journal yet
        return any(job.retired_at is not None for job in daemon.jobs())
    return False


def wrong_with(daemon: Straced, api: FakeAssemblyAI, whole: dict[str, bytes]) -> list[str]:
    """List what is wrong with a daemon that met an error and should have delivered, and stop it."""
    assert daemon.process is not None
    wrong = []

    def delivered() -> bool:
        if any(data != whole.get(name) for name, data in outputs(daemon).items()):
            wrong.append("a partial or strange transcript is visible")
            return True
        # Not by the log: the call that fails may be the one that writes the line.
        return daemon.process.poll() is not None or _retired(daemon)  # type: ignore[union-attr]  # started above

    try:
        wait_for(delivered, "the delivery", BOUND_SECONDS)
    except AssertionError:
        wrong.append(f"not delivered in {BOUND_SECONDS} s: {daemon.status().get('blocked')}")
    status = daemon.process.poll()
    if status is not None:
        return [*wrong, f"it ended by itself with {status}: {daemon.log.read_text()[-300:]}"]
    if stopped(daemon) != 0:
        wrong.append("it did not stop cleanly")
    # A stop in the middle of a lane's trial leaves its hidden file, which a later start removes.
    archived = [name for name in daemon.files("archive") if not name.startswith(".transcribed-")]
    if outputs(daemon) != whole or archived != ["Talk.mp3"] or daemon.files("inbox"):
        wrong.append(f"in the end: {[daemon.files(name) for name in daemon.folders]}")
    if max(api.paid().values(), default=0) > 1 or len(api.submits) != 1:
        wrong.append(f"paid: {len(api.submits)}")
    if "job.failed" in daemon.events() or [job.state for job in daemon.jobs()] != [State.DELIVERED]:
        wrong.append("a job was counted as failed")
    return wrong


def stopped(daemon: Straced) -> int | None:
    """Its status after SIGTERM; None where it does not end.

    The error may hit the byte that tells the daemon of the signal, in a pipe, which no disk's error does. So it is sent
    again.
    """
    for _ in range(STOPS):
        daemon.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return daemon.wait(STOP_SECONDS)
    return None


def meet(point: Point, folder: Path, whole: dict[str, bytes]) -> list[str]:
    """List what is wrong after one error at this point."""
    with one_that_meets(point, folder) as (daemon, api):
        return wrong_with(daemon, api, whole)
