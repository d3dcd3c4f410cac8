"""Disks that are full, that fail, or that refuse, under the real process: it says so, waits, and goes on by itself.

One error in one call, by strace; and file systems that are really full, small ones that are mounted for the test.
"""

import collections
import errno
import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from abilities import needs_mounts, needs_strace
from daemon_process import Daemon, wait_for
from fake_assemblyai import FakeAssemblyAI
from straced import CHANGING, Straced, calls_of
from transcribed.job import State
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
OF_EACH: dict[str, int] = {}  # more than one point of a call to try, by its name
SEED = int(os.environ.get("SEED", "1"))
BOUND_SECONDS = 100.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
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
    """Where a call about our own files can fail, learnt from a run without a fault."""
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


def some_of(points: list[Point]) -> list[Point]:
    """A few points of each call, by chance."""
    chance = random.Random(SEED)
    by_call = collections.defaultdict(list)
    for point in points:
        by_call[point.call].append(point)
    return [point for call, found in by_call.items() for point in chance.sample(found, OF_EACH.get(call, 1))]


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
    """What people see in the outbox."""
    names = [name for name in daemon.files("outbox") if not name.startswith(".")]
    return {name: (daemon.folders["outbox"] / name).read_bytes() for name in names}


def wrong_with(daemon: Straced, api: FakeAssemblyAI, whole: dict[str, bytes]) -> list[str]:
    """What is wrong with a daemon that met an error and should have delivered; it is stopped."""
    assert daemon.process is not None
    wrong = []

    def delivered() -> bool:
        if any(data != whole.get(name) for name, data in outputs(daemon).items()):
            wrong.append("a partial or strange transcript is visible")
            return True
        return daemon.process.poll() is not None or daemon.events().count("job.retired") == 1  # type: ignore[union-attr]  # started above

    try:
        wait_for(delivered, "the delivery", BOUND_SECONDS)
    except AssertionError:
        wrong.append(f"not delivered in {BOUND_SECONDS} s: {daemon.status().get('blocked')}")
    status = daemon.process.poll()
    if status is not None:
        return [*wrong, f"it ended by itself with {status}: {daemon.log.read_text()[-300:]}"]
    daemon.signal(signal.SIGTERM)
    if daemon.wait() != 0:
        wrong.append("it did not stop cleanly")
    if outputs(daemon) != whole or daemon.files("archive") != ["Talk.mp3"] or daemon.files("inbox"):
        wrong.append(f"in the end: {[daemon.files(name) for name in daemon.folders]}")
    if max(api.paid().values(), default=0) > 1 or len(api.submits) != 1:
        wrong.append(f"paid: {len(api.submits)}")
    if "job.failed" in daemon.events() or [job.state for job in daemon.jobs()] != [State.DELIVERED]:
        wrong.append("a job was counted as failed")
    return wrong


@needs_strace
@pytest.mark.timeout(240)
def test_after_one_error_in_any_call_it_delivers_by_itself_pays_once_and_fails_no_job(tmp_path: Path) -> None:
    points, whole = clean_run(tmp_path / "clean")
    chosen = some_of(points)
    print(f"seed {SEED}, {len(chosen)} of {len(points)} points")  # noqa: T201 - pytest shows it with a failure

    def meet(number: int) -> list[str]:
        with one_that_meets(chosen[number], tmp_path / str(number)) as (daemon, api):
            return wrong_with(daemon, api, whole)

    with ThreadPoolExecutor(len(chosen)) as at_once:  # each waits 15 s for its probe, nearly all of its time
        wrong = dict(zip(chosen, at_once.map(meet, range(len(chosen))), strict=True))

    assert {point: what for point, what in wrong.items() if what} == {}


@pytest.fixture
def api() -> Iterator[FakeAssemblyAI]:
    with FakeAssemblyAI() as server:
        yield server


@contextmanager
def small_disk(daemon: Daemon, folder: Path) -> Iterator[Path]:
    """A file system of 8 MB of its own at `folder`, for as long as the daemon lives; gives the path for a ballast."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "none", folder], check=True)
    try:
        yield folder / "ballast"
    finally:
        daemon.kill()
        subprocess.run(["umount", folder], check=True)


def fill(ballast: Path) -> None:
    """Leave no byte free."""
    with ballast.open("ab", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as full:
            assert full.errno == errno.ENOSPC  # noqa: PT017 - that it ends so is the purpose


def cpu_seconds(daemon: Daemon) -> float:
    assert daemon.process is not None
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND  # utime and stime, proc_pid_stat(5)


def blocked(daemon: Daemon) -> list[str]:
    """The lanes that the status shows as blocked; it is kept where $RUNTIME_DIRECTORY says."""
    try:
        status = json.loads((daemon.directory / "runtime" / "status.json").read_bytes())
    except FileNotFoundError:
        return []
    return [lane["lane"] for lane in status["blocked"] if "full" in lane["reason"]]


@contextmanager
def waits_calmly(daemon: Daemon) -> Iterator[None]:
    """Over the whole wait inside, the daemon lives, says little and needs little."""
    assert daemon.process is not None
    used, said = cpu_seconds(daemon), len(daemon.events())
    yield
    assert daemon.process.poll() is None
    assert cpu_seconds(daemon) - used < 3
    assert len(daemon.events()) - said < 12
    assert daemon.events().count("lane.blocked") == 1


@pytest.fixture
def daemon(tmp_path: Path, api: FakeAssemblyAI) -> Iterator[Daemon]:
    with Daemon(tmp_path / "daemon", api.base_url) as process:
        (process.directory / "runtime").mkdir()
        process.environ = {"RUNTIME_DIRECTORY": str(process.directory / "runtime")}
        yield process


@needs_mounts
@pytest.mark.parametrize("folder", ["outbox", "archive"])
def test_a_full_outbox_or_archive_is_waited_for_and_named(daemon: Daemon, api: FakeAssemblyAI, folder: str) -> None:
    with small_disk(daemon, daemon.folders[folder]) as ballast:
        fill(ballast)
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        wait_for(lambda: blocked(daemon) == ["inbox:talks"], "a blocked lane that names the full disk")
        assert daemon.files("inbox") == ["Talk.mp3"]
        assert daemon.files(folder) == ["ballast"]

        with waits_calmly(daemon):
            ballast.unlink()
            wait_for(lambda: "job.retired" in daemon.events(), "the delivery")

        assert daemon.files("outbox") == ["Talk.srt", "Talk.txt"]
        assert daemon.files("archive") == ["Talk.mp3"]
        assert len(api.submits) == 1
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


@needs_mounts
def test_a_transcript_that_cannot_be_kept_yet_stays_submitted_and_is_kept_when_there_is_room(
    daemon: Daemon, api: FakeAssemblyAI
) -> None:
    with small_disk(daemon, daemon.state) as ballast:
        api.hold("GET /v2/transcript/{id}", "received")
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        api.wait_for(lambda: "GET /v2/transcript/{id} received" in api.passed, 30)
        fill(ballast)
        api.release()
        wait_for(lambda: blocked(daemon) == ["state"], "a blocked lane that names the full disk")
        assert [job.state for job in daemon.jobs()] == [State.SUBMITTED]

        with waits_calmly(daemon):
            ballast.unlink()
            wait_for(lambda: "job.retired" in daemon.events(), "the delivery")

        assert len(api.submits) == 1
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


@needs_mounts
def test_a_disk_that_is_full_at_start_up_is_waited_for(daemon: Daemon, api: FakeAssemblyAI) -> None:
    with small_disk(daemon, daemon.state) as ballast:
        api.hold("POST /v2/transcript", "taken")
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        api.wait_for(lambda: "POST /v2/transcript taken" in api.passed, 30)
        daemon.kill()
        api.release()
        fill(ballast)
        daemon.start()
        wait_for(lambda: "lane.blocked" in daemon.events(), "word of the full disk")

        with waits_calmly(daemon):
            ballast.unlink()
            wait_for(lambda: "job.retired" in daemon.events(), "the delivery")

        assert len(api.submits) == 1
        assert daemon.files("archive") == ["Talk.mp3"]


@needs_mounts
def test_a_stop_while_the_disk_is_full_is_a_clean_stop(daemon: Daemon, api: FakeAssemblyAI) -> None:
    with small_disk(daemon, daemon.directory / "runtime") as ballast:
        daemon.start()
        wait_for((daemon.directory / "runtime" / "status.json").exists, "a status")
        fill(ballast)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


@needs_strace
def test_a_journal_that_does_not_take_the_first_word_after_a_crash_is_waited_for(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    with Straced(tmp_path / "daemon", api.base_url) as daemon:
        api.hold("POST /v2/transcript", "taken")
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        api.wait_for(lambda: "POST /v2/transcript taken" in api.passed, 30)
        daemon.kill()
        api.release()
        first_word = Point("pwrite64", "ENOSPC", 1, "state/journal.db-wal")
        daemon.strace_arguments = first_word.strace_arguments(daemon.directory)
        daemon.start()
        wait_for(lambda: "job.retired" in daemon.events(), "the delivery")
        assert "lane.blocked" in daemon.events()
        assert len(api.submits) == 1


@needs_strace
def test_an_inbox_whose_first_survey_the_journal_does_not_take_is_surveyed_again(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    with Straced(tmp_path / "daemon", api.base_url) as daemon:
        third = Point("fdatasync", "EIO", 3, "state/journal.db-wal")  # after the file's own header and the tables
        daemon.strace_arguments = third.strace_arguments(daemon.directory)
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        wait_for(lambda: "job.retired" in daemon.events(), "the delivery")
        assert "lane.blocked" in daemon.events()
        assert daemon.events().index("lane.blocked") < daemon.events().index("job.received")
