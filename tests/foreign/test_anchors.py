"""Folders that are mount points, with real mounts: neither a bare mount point nor another share is taken for it."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from abilities import needs_mounts
from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from transcribed.cli.app import app
from transcribed.folders import ANCHOR, OWNER
from transcribed.job import State
from waiting import wait_for
from world import World, changed, mp3, work_for

pytestmark = pytest.mark.route(formats=("txt",))

ANCHOR_NAME = os.fsdecode(ANCHOR)


def tree(folder: Path) -> list[str]:
    """All that lies below it, anchors too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def blocked_lanes(world: World) -> list[tuple[str, str]]:
    return [(row["lane"], row["reason"]) for row in world.published[-1]["blocked"]]


class Share:
    """A file system that is mounted at a folder, taken away and brought back: a tmpfs, seen through a bind mount."""

    def __init__(self, place: Path, behind: Path) -> None:
        self.place, self.behind = place, behind
        place.mkdir(exist_ok=True)
        behind.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "none", behind], check=True)

    def mount(self) -> None:
        subprocess.run(["mount", "--bind", self.behind, self.place], check=True)

    def mount_another(self) -> None:
        """Another, empty one."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "none", self.place], check=True)

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,bind,{options}", self.place], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", self.place], check=True)

    def remove(self) -> None:
        while subprocess.run(["umount", "--lazy", self.place], check=False, capture_output=True).returncode == 0:
            continue
        subprocess.run(["umount", "--lazy", self.behind], check=True)


@contextmanager
def share(folder: Path, *, mounted: bool = True) -> Iterator[Share]:
    made = Share(folder, folder.with_name(f"{folder.name}-behind"))
    try:
        if mounted:
            made.mount()
        yield made
    finally:
        made.remove()


@needs_mounts
@pytest.mark.parametrize("folder", ["inbox", "outbox", "archive", "failed"])
def test_the_bare_mount_point_is_not_taken_for_the_folder_by_a_daemon_at_work(
    world: World, api: FakeAssemblyAI, folder: str
) -> None:
    with share(world.folders[folder]) as nas:
        world.drop("Talk.mp3")
        inbox = nas.behind if folder == "inbox" else world.folders["inbox"]
        unmount, end = [nas.unmount], world.clock.monotonic() + 4000

        def in_vain() -> bool:
            """Once the first recording is put away the share goes, and another recording comes."""
            if unmount and any(job.retired_at for job in world.jobs()):
                unmount.pop()()
                (inbox / "Walk.mp3").write_bytes(mp3("Walk"))
            return world.clock.monotonic() > end

        world.run(in_vain, seconds=9000)

        assert "is not mounted" in blocked_lanes(world)[0][1]
        assert tree(world.folders[folder]) == []
        assert len(api.submits) == 1

        nas.mount()
        assert world.run() == 0
        assert world.files("archive") == ["Talk.mp3", "Walk.mp3"]


@needs_mounts
@pytest.mark.parametrize("folder", ["inbox", "outbox", "archive", "failed"])
def test_the_bare_mount_point_is_not_taken_for_the_folder_after_a_restart_either(
    world: World, api: FakeAssemblyAI, folder: str
) -> None:
    with share(world.folders[folder]) as nas:
        assert world.run() == 0
        if folder != "inbox":
            world.drop("Talk.mp3")
        nas.unmount()

        assert world.run() == 69
        logs = work_for(world, 4000)

        assert "is not mounted" in blocked_lanes(world)[0][1]
        assert [row["event"] for row in logs].count("lane.blocked") == 1
        assert tree(world.folders[folder]) == []
        assert api.uploads == []

        nas.mount()
        if folder == "inbox":
            world.drop("Talk.mp3")
        assert world.run() == 0
        assert world.files("archive") == ["Talk.mp3"]


@needs_mounts
def test_a_recording_that_waits_in_a_share_that_is_away_is_not_counted_as_taken_away(
    world: World, api: FakeAssemblyAI
) -> None:
    with share(world.folders["inbox"]) as nas:
        world.drop("Talk.mp3")
        api.down()
        world.run(lambda: world.states() == [State.RECEIVED])
        nas.unmount()
        work_for(world, 4000)
        assert world.states() == [State.RECEIVED]
        assert "withdrawn" not in str(world.story(1))

        nas.mount()
        api.up()
        assert world.run() == 0
        assert world.files("archive") == ["Talk.mp3"]


@needs_mounts
def test_another_share_in_its_place_is_not_taken_and_nothing_is_touched_there(
    world: World, api: FakeAssemblyAI
) -> None:
    with share(world.folders["outbox"]) as nas:
        assert world.run() == 0
        nas.unmount()
        nas.mount_another()
        world.drop("Talk.mp3")

        work_for(world, 4000)

        assert "another file system is mounted" in blocked_lanes(world)[0][1]
        assert tree(world.folders["outbox"]) == []

        nas.unmount()
        nas.mount()
        assert world.run() == 0
        assert world.files("outbox") == ["Talk.txt"]


@needs_mounts
@pytest.mark.parametrize("folder", ["inbox", "outbox"])
def test_a_share_that_is_mounted_late_is_taken(world: World, folder: str) -> None:
    with share(world.folders[folder], mounted=False) as nas:
        work_for(world, 100)
        nas.mount()
        world.drop("Talk.mp3")

        assert world.run() == 0

        assert world.files("archive") == ["Talk.mp3"]
        nas.unmount()
        assert world.run() == 69, "and from then on it is the one that is waited for"
        assert tree(world.folders[folder]) == [ANCHOR_NAME, *([os.fsdecode(OWNER)] if folder == "inbox" else [])]


@needs_mounts
def test_a_read_only_inbox_takes_no_anchor_and_is_known_by_its_mount(world: World, api: FakeAssemblyAI) -> None:
    world.routes = [changed(world.route, after="keep")]
    with share(world.folders["inbox"]) as nas:
        world.drop("Talk.mp3")
        nas.remount("ro")
        assert world.run() == 0
        assert not (world.folders["inbox"] / ANCHOR_NAME).exists()
        nas.unmount()
        assert world.run() == 69
        assert tree(world.folders["inbox"]) == []
        nas.mount()
        nas.remount("ro")

        assert world.run() == 0
        assert len(api.submits) == 1


@needs_mounts
def test_an_outbox_that_becomes_read_only_is_waited_for_said_once_and_comes_back(
    world: World, api: FakeAssemblyAI
) -> None:
    with share(world.folders["outbox"]) as nas:
        assert world.run() == 0
        nas.remount("ro")
        world.drop("Talk.mp3")

        logs = work_for(world, 4000)

        assert "read-only" in blocked_lanes(world)[0][1]
        assert [row["event"] for row in logs].count("lane.blocked") == 1
        nas.remount("rw")
        assert world.run() == 0
        assert world.files("outbox") == ["Talk.txt"]
        assert len(api.submits) == 1


@pytest.mark.slow
@needs_mounts
@pytest.mark.parametrize("folder", ["inbox", "outbox"])
def test_a_daemon_that_is_restarted_while_the_share_is_away_goes_on_by_itself_when_it_is_back(
    tmp_path: Path, folder: str
) -> None:
    with (
        FakeAssemblyAI() as api,
        Daemon(tmp_path / "daemon", api.base_url) as daemon,
        share(daemon.folders[folder]) as nas,
    ):
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start("--once")
        assert daemon.wait() == 0
        nas.unmount()
        if folder != "inbox":
            daemon.drop("Walk.mp3", mp3("Walk"))

        daemon.start()
        wait_for(lambda: "lane.blocked" in daemon.events(), "word of the share that is away")
        assert tree(daemon.folders[folder]) == []
        _, _, said = check(daemon)
        assert re.search(f"problem: .*{folder}.* is not mounted", said)
        assert tree(daemon.folders[folder]) == []

        nas.mount()
        if folder == "inbox":
            daemon.drop("Walk.mp3", mp3("Walk"))
        wait_for(lambda: daemon.events().count("job.retired") == 2, "the delivery")
        assert len(api.submits) == 2
        daemon.kill()
        assert "problem" not in check(daemon)[2]


def check(daemon: Daemon) -> tuple[int, Daemon, str]:
    """`transcribed check`: its exit status and what it says."""
    config = str(daemon.write_config())
    result = CliRunner().invoke(app, ["--config", config, "check"], env={"ASSEMBLYAI_API_KEY": daemon.key})
    return result.exit_code, daemon, result.stdout


@needs_mounts
@pytest.mark.route(formats=("txt",), page=True)
def test_a_page_that_could_not_be_written_is_written_soon_after_it_can_be(world: World) -> None:
    page = world.folders["outbox"] / "_transcribed.html"
    with share(world.folders["outbox"]) as nas:
        world.drop("Notes.wav")
        nas.remount("ro")
        closed_at = None

        def is_told() -> bool:
            nonlocal closed_at
            told = world.published and "Notes.wav" in str(world.published[-1]["inboxes"])
            closed_at = world.clock.moved if told and closed_at is None else closed_at
            if closed_at is not None and world.clock.moved > closed_at + 60:
                nas.remount("rw")
            return page.exists() and "Notes.wav" in page.read_text()

        world.run(until=is_told)
        assert closed_at is not None
        assert world.clock.moved < closed_at + 300
