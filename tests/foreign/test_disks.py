"""Disks that are full, under the real process: it says so, waits, and goes on by itself.

The file systems are really full: small ones that are mounted for the test.
"""

import errno
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import voices
from abilities import needs_mounts, needs_strace
from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from one_error import Point
from straced import Straced
from transcribed.job import State
from transcribed.monitor.evidence import seen_of
from transcribed.monitor.health import RUNNING, Health, judged
from waiting import wait_for
from world import mp3

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


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


def health_of(daemon: Daemon) -> Health | None:
    """The health of a daemon that is there and waits for something."""
    health = judged(seen_of(str(daemon.state), daemon.environ), time.time())
    return health if health.life == RUNNING and health.waits else None


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


@pytest.mark.slow
@needs_mounts
@pytest.mark.parametrize("folder", ["outbox", "archive"])
def test_a_full_outbox_or_archive_is_waited_for_and_named(daemon: Daemon, api: FakeAssemblyAI, folder: str) -> None:
    with small_disk(daemon, daemon.folders[folder]) as ballast:
        fill(ballast)
        daemon.drop("Talk.mp3", mp3("Talk"))
        with voices.of(daemon) as all_of_them:
            daemon.start()
            wait_for(lambda: blocked(daemon) == ["inbox:talks"], "a blocked lane that names the full disk")
            all_of_them.name("inbox:talks")
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


@pytest.mark.slow
@needs_mounts
def test_a_transcript_that_cannot_be_kept_yet_stays_submitted_and_is_kept_when_there_is_room(
    daemon: Daemon, api: FakeAssemblyAI
) -> None:
    with small_disk(daemon, daemon.state) as ballast:
        api.hold("GET /v2/transcript/{id}", "received")
        daemon.drop("Talk.mp3", mp3("Talk"))
        with voices.of(daemon) as all_of_them:
            daemon.start()
            api.wait_for(lambda: "GET /v2/transcript/{id} received" in api.passed)
            fill(ballast)
            api.release()
            wait_for(lambda: blocked(daemon) == ["state"], "a blocked lane that names the full disk")
            all_of_them.name("state")
        assert [job.state for job in daemon.jobs()] == [State.SUBMITTED]

        with waits_calmly(daemon):
            ballast.unlink()
            wait_for(lambda: "job.retired" in daemon.events(), "the delivery")

        assert len(api.submits) == 1
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


@pytest.mark.slow
@needs_mounts
def test_a_disk_that_is_full_at_start_up_is_waited_for(daemon: Daemon, api: FakeAssemblyAI) -> None:
    with small_disk(daemon, daemon.state) as ballast:
        api.hold("POST /v2/transcript", "taken")
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        api.wait_for(lambda: "POST /v2/transcript taken" in api.passed)
        daemon.kill()
        api.release()
        fill(ballast)
        daemon.start()
        wait_for(lambda: "lane.blocked" in daemon.events(), "word of the full disk")
        health = wait_for(lambda: health_of(daemon), "a sign of life")
        assert health.is_healthy
        assert health.waits[0].startswith("state: ")
        daemon.signal(signal.SIGHUP)

        with waits_calmly(daemon):
            ballast.unlink()
            wait_for(lambda: {"job.retired", "config.reloaded"} <= set(daemon.events()), "the delivery and the reload")

        assert len(api.submits) == 1
        assert daemon.files("archive") == ["Talk.mp3"]


@needs_mounts
def test_a_status_that_a_full_disk_does_not_take_is_touched_and_health_sees_the_daemon(daemon: Daemon) -> None:
    with small_disk(daemon, daemon.directory / "runtime") as ballast:
        daemon.start()
        path = daemon.directory / "runtime" / "status.json"
        wait_for(path.exists, "a status")
        fill(ballast)
        os.utime(path, (0, 0))
        daemon.folders["inbox"].rename(daemon.directory / "away")  # the status changes, and cannot be written
        health = wait_for(lambda: health_of(daemon), "a sign of life")
        assert health.is_healthy
        assert "its status cannot be written" in health.line()


@needs_mounts
def test_a_stop_while_the_disk_is_full_is_a_clean_stop(daemon: Daemon, api: FakeAssemblyAI) -> None:
    with small_disk(daemon, daemon.directory / "runtime") as ballast:
        daemon.start()
        wait_for((daemon.directory / "runtime" / "status.json").exists, "a status")
        fill(ballast)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


@pytest.mark.slow
@needs_strace
def test_a_journal_that_does_not_take_the_first_word_after_a_crash_is_waited_for(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    with Straced(tmp_path / "daemon", api.base_url) as daemon:
        api.hold("POST /v2/transcript", "taken")
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start()
        api.wait_for(lambda: "POST /v2/transcript taken" in api.passed)
        daemon.kill()
        api.release()
        first_word = Point("pwrite64", "ENOSPC", 1, "state/journal.db-wal")
        daemon.strace_arguments = first_word.strace_arguments(daemon.directory)
        daemon.start()
        wait_for(lambda: "job.retired" in daemon.events(), "the delivery")
        assert "lane.blocked" in daemon.events()
        assert len(api.submits) == 1


@pytest.mark.slow
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
