"""The order in which the real process makes things durable, read from its own system calls.

A power cut at any instant finds on the disk only what an fsync before it has put there, so an outcome proves little:
most missing fsyncs are masked by the next one. Here the calls themselves are judged, and the judge is judged too.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from abilities import needs_strace
from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from straced import CHANGING, Call, Straced, calls_of
from world import mp3

TEMPORARY = ".transcribed-"
RENAMES = {"rename", "renameat", "renameat2"}
SYNCS = {"fsync", "fdatasync"}
POST = '"POST /v2/transcript HTTP'


def is_recording(path: str, inbox: str) -> bool:
    """True if it lies in the inbox, and is no temporary of ours."""
    return path.startswith(f"{inbox}/") and not Path(path).name.startswith(TEMPORARY)


class Life:
    """The calls of one job's life, and what is wrong with their order."""

    def __init__(self, log: str, daemon: Daemon) -> None:
        self.calls = [call for call in calls_of(log) if not call.failed]
        self.wal = str(daemon.state / "journal.db-wal")
        self.transcripts = str(daemon.state / "transcripts")
        self.folders = {name: str(folder) for name, folder in daemon.folders.items()}

    def problems(self) -> list[str]:
        published = [call for call in self.calls if call.name in RENAMES and TEMPORARY in call.names[0]]
        return [
            *(problem for call in published for problem in self._published(call)),
            *(problem for name, call in self.effects() for problem in self._journalled(name, call)),
            *self._left_last(),
            *self._told(),
        ]

    def effects(self) -> list[tuple[str, Call]]:
        """The acts that must wait until the journal says so, in the order of a job's life."""
        return [
            ("the submit", self._first(lambda x: x.name in {"sendto", "write"} and POST in x.arguments)),
            ("the kept transcript", self._first(lambda x: self._opens_in(self.transcripts, x))),
            ("the first rendering", self._first(lambda x: self._opens_in(self.folders["outbox"], x))),
            ("the retiring", self._departure()),
        ]

    def _first(self, wanted: Callable[[Call], bool]) -> Call:
        return next(call for call in self.calls if wanted(call))

    def _opens_in(self, folder: str, call: Call) -> bool:
        return call.name == "openat" and "O_CREAT" in call.arguments and call.names[0].startswith(f"{folder}/")

    def _departure(self) -> Call:
        """The recording leaves the inbox, or the copy that will stand for it on another file system is begun."""
        archive, inbox = self.folders["archive"], self.folders["inbox"]
        return self._first(
            lambda x: self._opens_in(archive, x) or (x.name in RENAMES and is_recording(x.names[0], inbox))
        )

    def _published(self, rename: Call) -> list[str]:
        """A temporary is written, made durable and renamed, and then its folder is made durable."""
        temporary, final = rename.names[:2]
        written = max((x.ended for x in self.calls if x.name == "write" and x.path == temporary), default=None)
        if written is None:
            return [f"{final} is renamed without having been written"]
        wrong = []
        if not self._synced(temporary, written, rename.began):
            wrong.append(f"{final} is renamed before its bytes are durable")
        if not final.endswith("status.json") and not self._synced(  # of a status nothing is believed
            str(Path(final).parent), rename.ended, self._next_commit(rename.ended)
        ):
            wrong.append(f"{final} is believed before its folder is durable")
        return wrong

    def _synced(self, path: str, after: int, before: int) -> bool:
        return any(x.name in SYNCS and x.path == path and after < x.began and x.ended < before for x in self.calls)

    def syncs_of(self, path: str) -> int:
        """The number of times that a file or a folder is made durable."""
        return sum(x.name in SYNCS and x.path == path for x in self.calls)

    def _next_commit(self, after: int) -> int:
        """The next write to the journal; nothing may be said there that is not durable yet."""
        return min((x.began for x in self.calls if x.path == self.wal and x.began > after), default=1 << 60)

    def _journalled(self, name: str, effect: Call) -> list[str]:
        """The journal was written since the effect before this one, and all of it is durable."""
        earlier = [call.ended for _, call in self.effects() if call.ended < effect.began]
        writes = [x for x in self.calls if x.path == self.wal and x.name == "pwrite64" and x.ended < effect.began]
        if not writes or writes[-1].ended < max(earlier, default=0):
            return [f"{name} comes without a word in the journal before it"]
        if not self._synced(self.wal, writes[-1].ended, effect.began):
            return [f"{name} comes before the journal's word of it is durable"]
        return []

    def _left_last(self) -> list[str]:
        """The recording's name goes last: after each transcript is durable, and a copy of it where it is carried."""
        inbox, archive, outbox = (self.folders[name] for name in ("inbox", "archive", "outbox"))
        left = self._first(lambda x: x.name in {*RENAMES, "unlink", "unlinkat"} and is_recording(x.names[0], inbox))
        wrong = []
        if any(x.name in RENAMES and x.names[1].startswith(f"{outbox}/") and x.began > left.began for x in self.calls):
            wrong.append("a transcript appears after the recording left the inbox")
        is_moved = left.name in RENAMES and left.names[1].startswith(f"{archive}/")  # else it only gets a hidden name
        if is_moved and not self._synced(archive, left.ended, self._next_commit(left.ended)):
            wrong.append("the recording is archived before the archive's folder is durable")
        if is_moved and not self._synced(inbox, left.ended, self._next_commit(left.ended)):
            wrong.append("the recording is archived before the inbox's folder is durable")
        carried = [x.ended for x in self.calls if x.name in RENAMES and x.names[1].startswith(f"{archive}/")]
        if not is_moved and not (carried and self._synced(archive, carried[0], left.began)):
            wrong.append("the recording is unlinked before its copy's folder is durable")
        return wrong

    def _told(self) -> list[str]:
        """The last act is in the journal too, durably."""
        left = self.effects()[-1][1]
        commit = self._next_commit(left.ended)
        return [] if self._synced(self.wal, commit, 1 << 60) else ["the retiring is never made durable in the journal"]


def life_of_one_job(daemon: Straced) -> str:
    """The trace of `run --once` with one recording, in folders that have their anchors since an earlier run."""
    daemon.start("--once")
    assert daemon.wait() == 0
    daemon.strace_arguments = ["-y", "-s", "40", "-e", f"trace={','.join([*CHANGING, 'sendto'])}"]
    daemon.drop("Talk.mp3", mp3("Talk"))
    daemon.start("--once")
    assert daemon.wait() == 0
    assert daemon.files("archive") == ["Talk.mp3"]
    return daemon.traced()


def without_sync(log: str, path: str, *, which: int = -1, before: int = 1 << 60) -> str:
    """The log without one fsync of `path` (a pattern): the last one, or `which`, of those before a line."""
    lines = log.splitlines()
    found = [n for n, line in enumerate(lines[:before]) if re.search(rf"f(?:data)?sync\(\d+<{path}>", line)]
    assert found, f"there is no fsync of {path} to be taken out"
    # In place of the line stands a call of no meaning, so that the numbers of the other lines stay as they were.
    lines[found[which]] = f"{lines[found[which]].split()[0]} close(99) = 0"
    return "\n".join(lines)


@pytest.mark.slow
@needs_strace
def test_each_file_is_durable_before_its_name_and_each_fact_before_the_effect_that_relies_on_it(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    with Straced(tmp_path / "daemon", api.base_url) as daemon:
        log = life_of_one_job(daemon)
    life = Life(log, daemon)
    assert life.problems() == []
    for shared in (daemon.folders["outbox"], daemon.state / "transcripts"):
        assert life.syncs_of(str(shared)) == 1, "files that appear together share the fsync of their folder"

    # And the judge sees each fsync that is missing:
    state = re.escape(str(daemon.state))
    folders = {name: re.escape(str(folder)) for name, folder in daemon.folders.items()}
    one_less = {
        "Talk.txt is renamed before": without_sync(log, rf"{folders['outbox']}/{TEMPORARY}\w+", which=0),
        "Talk.srt is renamed before": without_sync(log, rf"{folders['outbox']}/{TEMPORARY}\w+"),
        ".json is renamed before": without_sync(log, rf"{state}/transcripts/{TEMPORARY}\w+", which=0),
        ".meta.json is renamed before": without_sync(log, rf"{state}/transcripts/{TEMPORARY}\w+"),
        "status.json is renamed before": without_sync(log, rf"{state}/{TEMPORARY}\w+"),
        "Talk.srt is believed before": without_sync(log, folders["outbox"]),
        ".meta.json is believed before": without_sync(log, rf"{state}/transcripts"),
        "archived before the archive's folder": without_sync(log, folders["archive"]),
        "archived before the inbox's folder": without_sync(log, folders["inbox"]),
    }
    for name, effect in life.effects():
        one_less[f"{name} comes before"] = without_sync(log, rf"{state}/journal\.db-wal", before=effect.began)
    for expected, mutilated in one_less.items():
        assert any(expected in problem for problem in Life(mutilated, daemon).problems()), expected


@needs_strace
def test_a_recording_that_is_carried_to_another_file_system_is_unlinked_only_when_its_copy_is_durable(
    tmp_path: Path, api: FakeAssemblyAI, elsewhere: Path
) -> None:
    with Straced(tmp_path / "daemon", api.base_url) as daemon:
        daemon.folders["archive"] = elsewhere
        daemon.config["inbox"][0]["archive"] = str(elsewhere)
        log = life_of_one_job(daemon)
    life = Life(log, daemon)
    assert elsewhere.stat().st_dev != tmp_path.stat().st_dev
    assert life.problems() == []

    one_less = {
        "Talk.mp3 is renamed before its bytes": without_sync(log, rf"{re.escape(str(elsewhere))}/{TEMPORARY}\w+"),
        "unlinked before its copy's folder": without_sync(
            without_sync(log, re.escape(str(elsewhere))), re.escape(str(elsewhere))
        ),
    }
    for expected, mutilated in one_less.items():
        assert any(expected in problem for problem in Life(mutilated, daemon).problems()), expected
