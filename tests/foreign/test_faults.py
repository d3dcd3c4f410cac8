"""A disk that refuses, by strace: the lane that waits is named, and nothing is lost or paid twice."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from abilities import needs_strace

PLACES = {  # the path that the failing calls are about, and the lane that waits
    "journal": ("state/journal.db-wal", "state"),
    "state directory": ("state/transcripts", "state"),
    "outbox": ("outbox", "inbox:talks"),
    "archive": ("archive", "inbox:talks"),
}
SAID = {
    "ENOSPC": "full",
    "EIO": "input/output error|disk I/O error",
    "EROFS": "read-only|disk I/O error",
    "EDQUOT": "quota|disk I/O error",
    "EMFILE": "too many files are open",
}
MET = [(error, place) for error in SAID for place in PLACES if (error, place) != ("EMFILE", "journal")]  # open by then
LIFE = """
import json, sys, threading
from pathlib import Path
import compiled
from fake_assemblyai import FakeAssemblyAI
from world import Clock, World

compiled.share()

def live(place):
    clock = Clock()
    with FakeAssemblyAI(clock=clock.wall, processing_seconds=30) as api:
        world = World(Path(sys.argv[1], place), api, clock)
        world.drop("Talk.mp3")
        world.run(lambda: bool(world.jobs()) and not world.worker.book.unfinished)
        blocked = [[row["lane"], row["reason"]] for status in world.published for row in status["blocked"]]
        files = {name: world.files(name) for name in world.folders}
        events = world.story(1)
        told = {"blocked": blocked, "files": files, "story": events, "submits": len(api.submits)}
        Path(sys.argv[1], place, "told.json").write_text(json.dumps(told))

threads = [threading.Thread(target=live, args=(place,)) for place in sys.argv[2:]]
for thread in threads:
    thread.start()
    thread.join()
"""


def lives_under(error: str, folder: Path) -> None:
    """A life in each place, in a thread of its own, for strace counts the calls of each thread by itself."""
    places = [place for named, place in MET if named == error]
    paths = [word for place in places for word in ("-P", str(folder / place / PLACES[place][0]))]
    # The first renameat2 is the anchor's, which no folder must take.
    # A probe renames too, by renameat: a folder whose probe passes is not read-only, whatever one file meets there.
    # The first 80 to 90 writes make the journal: with one that cannot be made, there is no world.
    calls = ["pwrite64:error={}:when=100..102", "renameat:error={}:when=1..2", "renameat2:error={}:when=1..2"]
    if error == "EMFILE":
        calls = ["openat:error={}:when=2..4"]
    traced = ["-e", "trace=pwrite64,renameat,renameat2,openat"]
    faults = [word for call in calls for word in ("-e", f"inject={call.format(error)}")]
    strace = ["strace", "-f", "-q", "--seccomp-bpf", "-o", str(folder / "trace"), *paths, *traced, *faults]
    subprocess.run(
        [*strace, sys.executable, "-c", LIFE, folder, *places],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=100,
    )


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("error", SAID)
def test_a_disk_that_refuses_is_named_and_waited_out_and_nothing_is_lost_or_paid_twice(
    tmp_path: Path, error: str
) -> None:
    lives_under(error, tmp_path)

    for place in [place for named, place in MET if named == error]:
        told = json.loads((tmp_path / place / "told.json").read_text())
        assert {lane for lane, _ in told["blocked"]} == {PLACES[place][1]}, place
        assert all(re.search(SAID[error], reason) for _, reason in told["blocked"]), place
        files = {"inbox": [], "outbox": ["Talk.srt", "Talk.txt"], "archive": ["Talk.mp3"], "failed": []}
        assert told["files"] == files, place
        assert {"delivered", "retired"} <= set(told["story"]), place
        assert {"deferred", "failed"}.isdisjoint(told["story"]), place
        assert told["submits"] == 1, place
