"""Every recording is found though events are not asked for, never come, or are lost by the thousand."""

import contextlib
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from daemon_process import Daemon
from ends import killed
from fake_assemblyai import FakeAssemblyAI
from transcribed.job import State
from waiting import wait_for
from world import Clock, World, mp3

STAY, WRITERS, COME_AND_GO = 2000, 4, 6000  # three events each; the kernel keeps 16,384
FOLDERS = 10
#: Creates and removes files around those that stay, in folders that are watched; and then a folder.
WRITER = """
import os, sys
root, number, stay, come_and_go = os.fsencode(sys.argv[1]), *map(int, sys.argv[2:])
for i in range(come_and_go):
    folder = root + b"/%d/%d" % (number, i % 10)
    with open(folder + b"/passing %d.mp3" % i, "wb"):
        pass
    if i % (come_and_go // stay) == 0:
        with open(folder + b"/%d-%d.mp3" % (number, i), "wb") as file:
            file.write(b"\\xff\\xfb\\x90\\x00 %d %d" % (number, i) + bytes(413))
    os.unlink(folder + b"/passing %d.mp3" % i)
os.mkdir(root + b"/%d/late" % number)
"""


def test_without_an_observer_a_look_finds_what_came(tmp_path: Path, api: FakeAssemblyAI) -> None:
    with Daemon(tmp_path, api.base_url, watch="scan", scan_seconds=0.1) as daemon:
        daemon.start()
        wait_for(lambda: "daemon.started" in daemon.events(), "the start")
        for number in range(5):
            daemon.drop(f"{number}/new/{number}.mp3", mp3(str(number)))
        daemon.wait_for_archive(5)
        assert daemon.status()["inboxes"][0]["watch"] == "scan"
        assert not daemon.has_inotify_below("inbox")


class Deaf(World):
    """A host that says that events will come; none ever does."""

    def watch(self, root: bytes) -> bool:
        return True


def test_where_every_event_is_dropped_a_recording_waits_five_minutes_at_most(tmp_path: Path) -> None:
    clock = Clock()
    with FakeAssemblyAI(clock=clock.wall, processing_seconds=1) as api:
        world, dropped = Deaf(tmp_path, api, clock), False

        def is_delivered() -> bool:
            nonlocal dropped
            if clock.moved > 10_000 and not dropped:
                world.drop("late/Talk.mp3")
                dropped = True
            return [job.state for job in world.jobs()] == [State.DELIVERED]

        world.run(is_delivered, seconds=20_000)

    assert clock.moved < 10_000 + 300 + 60


@pytest.mark.slow
def test_after_the_kernel_lost_events_every_recording_is_found_and_new_folders_are_watched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody, Daemon(tmp_path, "http://127.0.0.1:1") as daemon:
        daemon.base_url = daemon.config["api"]["base_url"] = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        nobody.close()  # no API: what is found becomes a job, and waits
        for number in range(WRITERS * FOLDERS):
            (daemon.folders["inbox"] / str(number % WRITERS) / str(number // WRITERS)).mkdir(parents=True)
        daemon.config["inbox"][0]["scan_seconds"] = 3600.0  # so that nothing but events and their loss asks for looks
        daemon.start()
        wait_for(lambda: daemon.status().get("inboxes", [{}])[0].get("watch") == "events", "the watch")

        daemon.signal(signal.SIGSTOP)  # the queue of the kernel fills while nobody reads it
        write_in_parallel(daemon.folders["inbox"])
        daemon.signal(signal.SIGCONT)

        wait_for(lambda: "inbox.events_lost" in daemon.events(), "the overflow")
        wait_for(lambda: known(daemon) == STAY, "every recording that stayed", 150.0)
        daemon.drop("0/late/one more.mp3", mp3("one more"))  # into a folder that came while events were lost
        wait_for(lambda: known(daemon) == STAY + 1, "one more, by its event")


def write_in_parallel(inbox: Path) -> None:
    counts = (str(STAY // WRITERS), str(COME_AND_GO))
    command = [sys.executable, "-c", WRITER, str(inbox)]
    with contextlib.ExitStack() as stack:
        commands = [[*command, str(number), *counts] for number in range(WRITERS)]
        writers = [stack.enter_context(killed(subprocess.Popen(each))) for each in commands]
        assert [writer.wait(timeout=100) for writer in writers] == [0] * WRITERS


def known(daemon: Daemon) -> int:
    with contextlib.suppress(KeyError):
        return sum(daemon.status()["jobs"].values())
    return 0
