"""Questions to the command line while a share hangs: they are answered in seconds, and name it.

sshfs is the share, and its server is stopped: whoever asks it anything waits, and cannot be ended, not even by SIGKILL.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon_process import Daemon
from fake_assemblyai import KEY, FakeAssemblyAI
from shares import Sshfs, needs_sshfs
from waiting import BOUND_SECONDS, wait_for
from world import mp3

pytestmark = needs_sshfs


class Hanging:
    """Two inboxes, `talks` on a share that hangs once `hang` is called, and `local` beside it."""

    def __init__(self, daemon: Daemon, share: Sshfs, top: Path) -> None:
        self.daemon, self.share = daemon, share
        self.people, self.local = share.served, top / "local"
        for name, seen, people in (("talks", share.point, self.people), ("local", self.local, self.local)):
            (people / "inbox").mkdir(parents=True)
            folders = {key: str(seen / key) for key in ("outbox", "archive", "failed")}
            inbox = {"name": name, "path": str(seen / "inbox"), "settle_seconds": 0.2, "scan_seconds": 1.0}
            daemon.config["inbox"].append(inbox | folders)

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

    def asks(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "transcribed", "--config", str(self.daemon.write_config()), *words]
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("TRANSCRIBED", "ASSEMBLYAI"))}
        return subprocess.Popen(
            command,
            env=environ | {"ASSEMBLYAI_API_KEY": KEY},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def answer(self, *words: str) -> tuple[int, str]:
        """The exit status and what was said, once the command has ended: while the share still hangs."""
        process = self.asks(*words)
        said, _ = process.communicate(timeout=BOUND_SECONDS)
        return process.returncode, said


@pytest.fixture
def hanging(tmp_path: Path, api: FakeAssemblyAI) -> Iterator[Hanging]:
    (tmp_path / "nas").mkdir()
    with Sshfs(tmp_path / "nas", "dir_cache=no") as share, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.config["inbox"] = []
        yield Hanging(daemon, share, tmp_path)


def test_check_names_the_share_that_hangs_tries_all_else_and_ends(hanging: Hanging) -> None:
    hanging.hang()

    status, said = hanging.answer("check")

    share = hanging.share.point
    assert status == 69
    for folder in ("inbox", "outbox", "archive", "failed"):
        assert f"{share}/{folder} (on fuse.sshfs) gives no answer" in said
    assert f'ok: inbox "local": {hanging.local}/inbox: listed' in said
    assert f'ok: inbox "local".outbox: {hanging.local}/outbox: written' in said
    assert "ok: API: " in said
    assert "ok: clock: " in said


def test_check_as_json_answers_too(hanging: Hanging) -> None:
    hanging.hang()

    status, said = hanging.answer("check", "--json")

    findings = [json.loads(line) for line in said.splitlines()]
    assert status == 69
    assert len([each for each in findings if "gives no answer" in each["said"]]) == 4


def test_a_share_that_is_mounted_inside_an_inbox_and_hangs_is_named_for_that_inbox(hanging: Hanging) -> None:
    folders = {key: str(hanging.local / f"of talks/{key}") for key in ("outbox", "archive", "failed")}
    hanging.daemon.config["inbox"][0] |= {"path": str(hanging.share.point.parent), **folders}
    hanging.share.freeze()

    status, said = hanging.answer("check")

    assert status == 69
    assert f'inbox "talks": {hanging.share.point} (on fuse.sshfs) gives no answer' in said
    assert 'ok: inbox "local": ' in said


def test_explain_knows_a_recording_by_its_path_and_says_of_a_strange_file_that_nobody_can_look(
    hanging: Hanging,
) -> None:
    hanging.hang()
    point = hanging.share.point

    status, said = hanging.answer("explain", f"{point}/archive/Talk.mp3", "--json")
    assert status == 0, said
    assert json.loads(said)["job"]["state"] == "delivered"
    status, said = hanging.answer("explain", f"{point}/inbox/notes.odt")
    assert status == 0, said
    assert "nobody can look if it is there" in said
    assert f"{point}/inbox (on fuse.sshfs) gives no answer" in said
    status, said = hanging.answer("explain", f"{hanging.local}/inbox/notes.odt")
    assert "it is not taken: not a recording" in said


def test_explain_of_a_job_says_that_nobody_can_look_where_its_files_are(hanging: Hanging) -> None:
    hanging.hang()

    said = [hanging.answer("explain", number)[1] for number in ("1", "2")]

    on_share = next(each for each in said if str(hanging.share.point) in each)
    on_disk = next(each for each in said if str(hanging.local) in each)
    assert "Talk.txt (nobody can look: " in on_share
    assert "not there any more" not in on_share + on_disk
    assert "nobody can look" not in on_disk


@pytest.mark.parametrize("words", [["check"], ["explain", "1"]])
def test_it_can_be_interrupted_while_it_waits_for_the_share(hanging: Hanging, words: list[str]) -> None:
    hanging.hang()
    process = hanging.asks(*words)

    wait_for(lambda: left_behind(process.pid), "the process that asks")
    os.killpg(process.pid, signal.SIGINT)

    process.communicate(timeout=BOUND_SECONDS)
    assert process.returncode != 0


def left_behind(pid: int) -> bool:
    """True if this process has a child: the one that asks."""
    with contextlib.suppress(FileNotFoundError):
        return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text())
    return False


def test_a_share_whose_program_has_ended_is_told_for_what_it_is(hanging: Hanging) -> None:
    hanging.share.disconnect()

    status, said = hanging.answer("check")

    assert status == 69
    assert f"{hanging.share.point}/inbox: the program that mounted the share has ended (fuse.sshfs)" in said
    assert "fix: mount it again" in said
    assert "gives no answer" not in said


def test_the_daemon_tells_of_a_share_whose_program_has_ended_for_what_it_is(hanging: Hanging) -> None:
    daemon = hanging.daemon
    daemon.start()
    wait_for(lambda: [each for each in daemon.status().get("inboxes", []) if each["looked_at"]], "a look")

    hanging.share.disconnect()

    wait_for(lambda: daemon.status()["blocked"], "the inbox that waits")
    (lane,) = daemon.status()["blocked"]
    assert lane["lane"] == "inbox:talks"
    assert "the program that mounted the share has ended (fuse.sshfs)" in lane["reason"]
    assert lane["hint"] == "mount it again"
