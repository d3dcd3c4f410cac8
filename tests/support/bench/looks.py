"""Line 0: looks at a large inbox in which nothing happens, against `find` and against the first look."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.ours import Ours
from bench.server import Server

LONG_AGO = 1_000_000_000
_BOUND_SECONDS = 300.0
#: A process that looks so many times at the inbox that it is given, and says how long it took and how its memory grew.
LOOKS = """
import os, sys, time
from world import recording_folder
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
box, before = recording_folder(os.fsencode(sys.argv[1]), lane="bench"), resident()
for number in range(int(sys.argv[2])):
    began = time.perf_counter()
    listing = box.look(whole=number == 0)
    print(len(listing.files), resident() - before, time.perf_counter() - began)
    del listing
"""


def looks(directory: Path, *, files: int, folders: int, idle_seconds: float) -> Iterator[Figure]:
    root = directory / "inbox"
    _make_tree(root, files, folders)
    yield _first_look(root)
    yield Figure("0", f"memory after two looks at {files} files", _look(root, 2)[1][1] / 1e6, "MB", "wanted", 60)
    none, one, two = (_calls(root, number) for number in (0, 1, 2))
    yield Figure("0", "system calls of an idle look", two - one, "", "of the first look", one - none)
    yield _idle(directory, root, idle_seconds)


def _make_tree(root: Path, files: int, folders: int) -> None:
    for number in range(folders):
        folder = root / f"{number // 50:03}" / f"{number:05}"
        folder.mkdir(parents=True)
        for name in range(files // folders):
            (folder / f"recording {name:04}.mp3").write_bytes(b"not empty")
    for path, _, _ in os.walk(root):
        os.utime(path, (LONG_AGO, LONG_AGO))


def _first_look(root: Path) -> Figure:
    """Best of three each, in turns."""
    find, look = [], []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(["find", root, "-type", "f", "-printf", r"%s %T@\n"], check=True, stdout=subprocess.DEVNULL)
        find.append(time.perf_counter() - began)
        look.append(_look(root, 1)[0][2])
    return Figure("0", "first look", min(look), "s", "find", min(find))


def _calls(root: Path, number: int) -> int:
    with tempfile.NamedTemporaryFile() as counted:
        _look(root, number, "strace", "-f", "-c", "-U", "name,calls", "-o", counted.name)
        return int(Path(counted.name).read_text().split()[-1])  # the line "total", which is the last one


def _look(root: Path, number: int, *before: str) -> list[list[float]]:
    """Of each look: the files, the bytes of memory that it took, the seconds."""
    command = [*before, sys.executable, "-c", LOOKS, str(root), str(number)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_BOUND_SECONDS).stdout
    return [[float(word) for word in line.split()] for line in said.splitlines()]


def _idle(directory: Path, root: Path, seconds: float) -> Figure:
    """A daemon whose backlog waits for a person: nothing happens to what lies there."""
    with Server() as server:
        inbox = {"path": str(root), "settle_seconds": 1.0}
        ours = Ours(directory / "d", server, api={"accept_backlog_hours": 0}, inbox=inbox)
        with ours.process() as process:
            process.wait_for(lambda: "lane.blocked" in ours.log.read_text(), "the backlog's survey", _BOUND_SECONDS)
            process.watch(min(15.0, 2 * seconds))  # what the start left to do
            before = process.processor_seconds()
            process.watch(seconds)
            used = process.processor_seconds() - before
    return Figure("0", f"processor of an idle daemon over {seconds:g} s", used, "s", "a whole core", seconds, 0.01)
