"""Questions to the command line while a share hangs: they are answered in seconds, and name it.

sshfs is the share, and its server is stopped: whoever asks it anything waits, and cannot be ended, not even by SIGKILL.
All questions are put to one share that hangs, and several at once: each waits for as long as a share is given.
"""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon_process import Daemon
from fake_assemblyai import KEY, FakeAssemblyAI
from shares import Sshfs, needs_sshfs
from waiting import BOUND_SECONDS, wait_for
from warm import Warm
from world import mp3

pytestmark = needs_sshfs


class Question:
    """A command of the command line, at work."""

    def __init__(self, daemon: Daemon, *words: str) -> None:
        self._said = daemon.directory / f"said to {' '.join(words).replace('/', '-')}"
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("TRANSCRIBED", "ASSEMBLYAI"))}
        command = ["--config", str(daemon.write_config()), *words]
        self.process = Warm(command, environ | {"ASSEMBLYAI_API_KEY": KEY}, self._said)

    def answer(self) -> tuple[int, str]:
        """The exit status and what was said, once the command has ended: while the share still hangs."""
        return self.process.wait(BOUND_SECONDS), self._said.read_text()


class Hanging:
    """Two inboxes, `talks` on a share that hangs once `hang` is called, and `local` beside it."""

    def __init__(self, daemon: Daemon, share: Sshfs, top: Path) -> None:
        self.daemon, self.share = daemon, share
        self.people, self.local = share.served, top / "local"
        for name, seen, people in (("talks", share.point, self.people), ("local", self.local, self.local)):
            (people / "inbox").mkdir(parents=True)
            inbox = {"name": name, "path": str(seen / "inbox"), "settle_seconds": 0.2, "scan_seconds": 1.0}
            daemon.config["inbox"].append(inbox | folders_in(seen))

    def hang(self) -> None:
        """Both inboxes have a recording that is put away, and a file that is not taken; then the share hangs."""
        for each in (self.people, self.local):
            (each / "inbox/Talk.mp3").write_bytes(mp3(each.name))
            (each / "inbox/notes.odt").write_bytes(b"no recording")
        self.daemon.start()
        for each in (self.people, self.local):
            wait_for((each / "archive/Talk.mp3").exists, "the recording in the archive")
        self.daemon.signal(signal.SIGTERM)
        assert self.daemon.wait(BOUND_SECONDS) == 0
        self.share.freeze()

    def asks(self, *words: str) -> Question:
        return Question(self.daemon, *words)


def folders_in(top: Path) -> dict[str, str]:
    return {key: str(top / key) for key in ("outbox", "archive", "failed")}


@pytest.fixture(scope="module")
def hanging(tmp_path_factory: pytest.TempPathFactory, any_server: FakeAssemblyAI) -> Iterator[Hanging]:
    """One for all tests: none of them changes anything."""
    with two_inboxes(tmp_path_factory.mktemp("hangs"), any_server) as both:
        both.hang()
        yield both


@contextlib.contextmanager
def two_inboxes(top: Path, api: FakeAssemblyAI) -> Iterator[Hanging]:
    (top / "nas").mkdir()
    with Sshfs(top / "nas", "dir_cache=no") as share, Daemon(top / "daemon", api.base_url) as daemon:
        daemon.config["inbox"] = []
        yield Hanging(daemon, share, top)


def test_check_names_the_share_that_hangs_tries_all_else_and_ends_and_as_json_too(hanging: Hanging) -> None:
    plain, as_json = hanging.asks("check"), hanging.asks("check", "--json")

    status, said = plain.answer()
    share = hanging.share.point
    assert status == 69
    for folder in ("inbox", "outbox", "archive", "failed"):
        assert f"{share}/{folder} (on fuse.sshfs) gives no answer" in said
    assert f'ok: inbox "local": {hanging.local}/inbox: listed' in said
    assert f'ok: inbox "local".outbox: {hanging.local}/outbox: written' in said
    assert "ok: API: " in said
    assert "ok: clock: " in said
    status, said = as_json.answer()
    findings = [json.loads(line) for line in said.splitlines()]
    assert status == 69
    assert len([each for each in findings if "gives no answer" in each["said"]]) == 4


def test_a_share_that_is_mounted_inside_an_inbox_and_hangs_is_named_for_that_inbox(
    hanging: Hanging, tmp_path: Path
) -> None:
    point, local = hanging.share.point, tmp_path / "local"
    (local / "inbox").mkdir(parents=True)
    with Daemon(tmp_path / "daemon", hanging.daemon.base_url) as daemon:
        daemon.config["inbox"] = [
            {"name": "talks", "path": str(point.parent), **folders_in(local / "of talks")},
            {"name": "local", "path": str(local / "inbox"), **folders_in(local)},
        ]
        status, said = Question(daemon, "check").answer()

    assert status == 69
    assert f'inbox "talks": {point} (on fuse.sshfs) gives no answer' in said
    assert 'ok: inbox "local": ' in said


def test_explain_knows_a_recording_by_its_path_and_says_of_a_strange_file_that_nobody_can_look(
    hanging: Hanging,
) -> None:
    point = hanging.share.point

    known = hanging.asks("explain", f"{point}/archive/Talk.mp3", "--json")
    strange = hanging.asks("explain", f"{point}/inbox/notes.odt")
    on_disk = hanging.asks("explain", f"{hanging.local}/inbox/notes.odt")

    status, said = known.answer()
    assert status == 0, said
    assert json.loads(said)["job"]["state"] == "delivered"
    status, said = strange.answer()
    assert status == 0, said
    assert "nobody can look if it is there" in said
    assert f"{point}/inbox (on fuse.sshfs) gives no answer" in said
    assert "it is not taken: not a recording" in on_disk.answer()[1]


def test_explain_of_a_job_says_that_nobody_can_look_where_its_files_are(hanging: Hanging) -> None:
    said = [each.answer()[1] for each in [hanging.asks("explain", number) for number in ("1", "2")]]

    on_share = next(each for each in said if str(hanging.share.point) in each)
    on_disk = next(each for each in said if str(hanging.local) in each)
    assert "Talk.txt (nobody can look: " in on_share
    assert "not there any more" not in on_share + on_disk
    assert "nobody can look" not in on_disk


@pytest.mark.parametrize("words", [["check"], ["explain", "1"]])
def test_it_can_be_interrupted_while_it_waits_for_the_share(hanging: Hanging, words: list[str]) -> None:
    process = hanging.asks(*words).process

    wait_for(lambda: left_behind(process.pid), "the process that asks")
    process.send_signal(signal.SIGINT)

    assert process.wait(BOUND_SECONDS) != 0


def left_behind(pid: int) -> bool:
    """True if this process has a child: the one that asks."""
    with contextlib.suppress(FileNotFoundError):
        return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text())
    return False


def test_a_share_whose_program_has_ended_is_told_for_what_it_is_by_the_daemon_and_by_check(
    tmp_path: Path, api: FakeAssemblyAI
) -> None:
    with two_inboxes(tmp_path, api) as both:
        daemon = both.daemon
        daemon.start()
        wait_for(lambda: [each for each in daemon.status().get("inboxes", []) if each["looked_at"]], "a look")

        both.share.disconnect()
        status, said = both.asks("check").answer()
        wait_for(lambda: daemon.status()["blocked"], "the inbox that waits")

        (lane,) = daemon.status()["blocked"]
        assert lane["lane"] == "inbox:talks"
        assert "the program that mounted the share has ended (fuse.sshfs)" in lane["reason"]
        assert lane["hint"] == "mount it again"
        assert status == 69
        assert f"{both.share.point}/inbox: the program that mounted the share has ended (fuse.sshfs)" in said
        assert "fix: mount it again" in said
        assert "gives no answer" not in said
