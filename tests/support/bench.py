"""Measurements of speed: each figure with both of its sides from one run, and their ratio.

    make bench                      python tests/support/bench.py --files 100000 --folders 1000

1. First look at a large inbox, against `find -type f -printf '%s %T@\\n'`: best of three each, in turns.
2. Memory that this takes, in a process of its own.
3. System calls of a look at an inbox in which nothing has changed, against those of the first one (strace -c).
4. The processor time of a daemon that watches such an inbox, idle, over a minute.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from report import say
from waiting import wait_for
from world import recording_folder

LONG_AGO = 1_000_000_000
#: A process that looks so many times at the inbox that it is given, and says how its memory grew.
LOOKS = """
import os, sys
from world import recording_folder
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
box, before = recording_folder(os.fsencode(sys.argv[1]), lane="bench"), resident()
for number in range(int(sys.argv[2])):
    listing = box.look(whole=number == 0)
    print(len(listing.files), resident() - before)
    del listing
"""


def make_tree(root: Path, files: int, folders: int) -> None:
    for number in range(folders):
        folder = root / f"{number // 50:03}" / f"{number:05}"
        folder.mkdir(parents=True)
        for name in range(files // folders):
            (folder / f"recording {name:04}.mp3").write_bytes(b"not empty")
    for path, _, _ in os.walk(root):
        os.utime(path, (LONG_AGO, LONG_AGO))


def first_look(root: Path) -> None:
    find, look = [], []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(["find", root, "-type", "f", "-printf", r"%s %T@\n"], check=True, stdout=subprocess.DEVNULL)
        find.append(time.perf_counter() - began)
        box, began = recording_folder(os.fsencode(root), lane="bench"), time.perf_counter()
        box.look()
        look.append(time.perf_counter() - began)
    tell("first look", f"{min(look):.3f} s", "find", f"{min(find):.3f} s", min(look) / min(find))


def memory(root: Path) -> None:
    said = looks(root, 2).split()
    tell("memory after two looks", f"{int(said[3]) / 1e6:.1f} MB", "files", said[0], int(said[3]) / int(said[0]))


def idle_calls(root: Path) -> None:
    none, one, two = (calls(root, number) for number in (0, 1, 2))
    tell("calls of an idle look", two - one, "of the first one", one - none, (two - one) / (one - none))


def calls(root: Path, number: int) -> int:
    with tempfile.NamedTemporaryFile() as counted:
        looks(root, number, "strace", "-f", "-c", "-U", "name,calls", "-o", counted.name)
        return int(Path(counted.name).read_text().split()[-1])  # the line "total", which is the last one


def looks(root: Path, number: int, *before: str) -> str:
    command = [*before, sys.executable, "-c", LOOKS, str(root), str(number)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def idle_daemon(root: Path, seconds: float) -> None:
    """Its backlog waits for a person, so nothing happens to what lies there."""
    with (
        tempfile.TemporaryDirectory() as directory,
        FakeAssemblyAI() as api,
        Daemon(Path(directory) / "d", api.base_url) as daemon,
    ):
        daemon.config["api"]["accept_backlog_hours"] = 0
        daemon.config["inbox"][0] |= {"path": str(root), "settle_seconds": 5.0}
        for name in ("archive", "failed"):
            daemon.config["inbox"][0][name] = str(daemon.folders[name])
        daemon.start()
        wait_for(lambda: "lane.blocked" in daemon.events(), "the backlog's survey", 300.0)
        quiet = threading.Event()
        quiet.wait(15.0)  # what the start left to do
        before = processor_seconds(daemon)
        quiet.wait(seconds)
        used = processor_seconds(daemon) - before
    tell("processor of an idle daemon", f"{used:.2f} s", "over", f"{seconds:g} s", used / seconds)


def processor_seconds(daemon: Daemon) -> float:
    assert daemon.process is not None
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tell(what: str, measured: object, against: str, other: object, ratio: float) -> None:
    say(f"{what}: {measured}; {against}: {other}; ratio {ratio:.4g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--idle-seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "inbox"
        make_tree(root, options.files, options.folders)
        say(f"{options.files} files in {options.folders} folders")
        first_look(root)
        memory(root)
        idle_calls(root)
        idle_daemon(root, options.idle_seconds)


if __name__ == "__main__":
    main()
