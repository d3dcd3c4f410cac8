"""The daemon where the threads for folder events die under it, by an error in the kernel's own call (strace)."""

import subprocess
import time
from pathlib import Path

import pytest

import voices
from abilities import needs_strace
from daemon_process import Daemon
from ends import killed
from fake_assemblyai import FakeAssemblyAI
from transcribed import worker
from waiting import wait_for
from world import mp3

#: The next read of folder events fails, and no other call.
FAILS = ["-e", "trace=read", "-P", "anon_inode:inotify", "-e", "inject=read:error=EIO:when=1"]


@pytest.mark.slow
@needs_strace
def test_a_daemon_whose_threads_for_folder_events_died_is_healthy_and_has_new_ones_at_its_next_look(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    with Daemon(tmp_path / "daemon", api.base_url) as daemon, voices.of(daemon) as all_of_them:
        daemon.start()
        wait_for(lambda: daemon.has_inotify_below("inbox"), "the first watch")
        assert daemon.process is not None
        log = daemon.directory / "trace"
        command = ["strace", "-f", "-qq", "-p", str(daemon.process.pid), "-o", str(log), *FAILS]
        with killed(subprocess.Popen(command)):
            wait_for(lambda: is_traced(daemon), "strace")
            daemon.drop("ends the thread.txt", b"no recording")
            thread = wait_for(lambda: refused(log), "the error")
            wait_for(lambda: not Path(f"/proc/{daemon.process.pid}/task/{thread}").exists(), "the end of the thread")
            assert all_of_them.health().is_healthy
            page = all_of_them.page("/healthz")
            assert page is not None
            assert page[0] == 200
            wait_for(all_of_them.ping, "a ping for the watchdog")

            before = time.time()
            worker.drop(str(daemon.state), {"order": "scan"})
            wait_for(lambda: looked_at(daemon) > before, "the next look")
            daemon.drop("Talk.mp3", mp3("Talk"))
            wait_for(lambda: daemon.files("archive") == ["Talk.mp3"], "a delivery, long before a look without events")


def looked_at(daemon: Daemon) -> float:
    """The time of the last look, once the status is written and tells of one."""
    return max((each["looked_at"] or 0.0 for each in daemon.status().get("inboxes", [])), default=0.0)


def is_traced(daemon: Daemon) -> bool:
    assert daemon.process is not None
    return "\nTracerPid:\t0\n" not in Path(f"/proc/{daemon.process.pid}/status").read_text()


def refused(log: Path) -> str:
    """The thread whose read failed, by strace's log; empty where none did yet."""
    return next((line.split()[0] for line in log.read_text().splitlines() if "EIO" in line), "")
