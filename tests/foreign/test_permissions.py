"""The modes and groups of what is written, as they were asked for; and shares that refuse them."""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from abilities import needs_strace, umask, without_privileges
from daemon_process import Daemon
from fake_assemblyai import FakeAssemblyAI
from shares import exfat, needs_exfat
from straced import Straced, calls_of
from transcribed import files
from transcribed.job import State
from waiting import wait_for
from world import Clock, World, changed, mp3

GROUP = 100  # "users" in most places; only its number counts
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs leave to give a file to any group")


@pytest.fixture
def root() -> Iterator[bytes]:
    """A folder that every user can reach."""
    path = os.fsencode(tempfile.mkdtemp(prefix="permissions-"))
    os.chmod(path, 0o777)
    yield path
    shutil.rmtree(path)


def mode(path: bytes | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def group(path: bytes | Path) -> int:
    return os.lstat(path).st_gid


def refusals(daemon: Daemon) -> list[str]:
    """The refusals that were logged, in order."""
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines() if line.startswith("{")]
    return [line["refused"] for line in lines if line["event"] == "outbox.permissions"]


# What is asked for


@pytest.mark.parametrize("mask", [0o077, 0o000])
def test_a_new_file_and_its_new_folders_have_the_modes_that_were_asked_for_whatever_the_umask(root, mask):
    access = files.Access(file_mode=0o664, dir_mode=0o2775)
    with umask(mask):
        files.publish(root + b"/a/b/Talk.txt", b"words", root=root, access=access)

    assert [mode(root + b"/a"), mode(root + b"/a/b"), mode(root + b"/a/b/Talk.txt")] == [0o2775, 0o2775, 0o664]
    assert mode(root) == 0o777, "a folder that was there keeps what it has"


@needs_root
def test_a_new_file_and_its_new_folders_have_the_group_that_was_asked_for_and_no_other_owner(root):
    files.publish(root + b"/a/Talk.txt", b"words", root=root, access=files.Access(group=GROUP))

    assert [group(root + b"/a"), group(root + b"/a/Talk.txt")] == [GROUP, GROUP]
    assert os.stat(root + b"/a/Talk.txt").st_uid == os.geteuid()
    assert group(root) != GROUP


@needs_root
def test_the_group_that_a_folder_hands_down_stays_where_a_mode_is_set_without_it(root):
    os.mkdir(root + b"/share")
    os.chown(root + b"/share", -1, GROUP)
    os.chmod(root + b"/share", 0o2775)

    files.publish(root + b"/share/a/Talk.txt", b"words", root=root, access=files.Access(dir_mode=0o775))

    assert (mode(root + b"/share/a"), group(root + b"/share/a/Talk.txt")) == (0o2775, GROUP)


@needs_root
def test_a_new_folder_has_the_group_of_the_folder_above_also_where_that_hands_none_down(root):
    os.mkdir(root + b"/share")
    os.chown(root + b"/share", -1, GROUP)
    os.chmod(root + b"/share", 0o775)

    files.publish(root + b"/share/a/Talk.txt", b"words", root=root)

    assert (mode(root + b"/share/a"), group(root + b"/share/a")) == (0o775, GROUP)


def test_every_file_that_people_see_has_the_mode_that_was_asked_for(tmp_path, elsewhere):
    """Renderings, a note, and a recording that had to be copied to its archive."""
    clock = Clock()
    with FakeAssemblyAI(clock=clock.wall) as api:
        world = World(tmp_path, api, clock, file_mode=0o640, dir_mode=0o750)
        world.routes = [changed(world.route, archive=os.fsencode(elsewhere))]
        world.folders["archive"] = elsewhere
        world.drop("a/Talk.mp3")
        world.drop("a/silence.mp3", b"no audio at all")
        with umask(0o000):
            world.run()

    seen = [world.folders["outbox"] / "a/Talk.txt", elsewhere / "a/Talk.mp3"]
    assert elsewhere.stat().st_dev != tmp_path.stat().st_dev
    assert [mode(path) for path in seen] == [0o640, 0o640]
    assert mode(world.folders["failed"] / "a/silence.mp3.error.txt") == 0o640
    assert [mode(path.parent) for path in seen] == [0o750, 0o750]


def test_the_folders_made_at_the_first_start_have_the_mode_that_was_asked_for(tmp_path, api):
    with Daemon(tmp_path / "daemon", api.base_url, dir_mode="2770", file_mode="0660") as daemon:
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start("--once")
        assert daemon.wait() == 0

        assert [mode(daemon.folders[name]) for name in ("outbox", "archive", "failed")] == [0o2770] * 3
        assert mode(daemon.folders["outbox"] / "Talk.txt") == 0o660


@needs_strace
@needs_root
def test_a_file_has_its_mode_and_group_before_it_has_its_name(tmp_path, api):
    with Straced(tmp_path / "daemon", api.base_url, file_mode="0664", group=str(GROUP)) as daemon:
        daemon.strace_arguments = ["-y", "-e", "trace=fchown,fchmod,rename,renameat,renameat2"]
        daemon.drop("Talk.mp3", mp3("Talk"))
        daemon.start("--once")
        assert daemon.wait() == 0
        calls = [call for call in calls_of(daemon.traced()) if str(daemon.folders["outbox"]) in call.arguments]

    [first, *_] = [number for number, call in enumerate(calls) if '"Talk.txt"' in call.arguments]
    assert [call.name for call in calls[:first]][-2:] == ["fchown", "fchmod"]
    assert ", -1, 100" in calls[first - 2].arguments, "an owner is never changed"


@needs_strace
def test_where_nothing_is_asked_for_no_mode_and_no_group_is_touched(tmp_path, api):
    with Straced(tmp_path / "daemon", api.base_url) as daemon:
        daemon.strace_arguments = ["-y", "-e", "trace=chmod,fchmod,fchmodat,chown,fchown,fchownat,lchown"]
        daemon.drop("a/Talk.mp3", mp3("Talk"))
        daemon.start("--once")
        assert daemon.wait() == 0
        folders = tuple(str(folder) for folder in daemon.folders.values())
        touched = [call for call in calls_of(daemon.traced()) if any(folder in call.arguments for folder in folders)]

    assert touched == []


def test_a_group_that_this_machine_does_not_know_is_a_mistake_in_the_configuration(tmp_path, api):
    with Daemon(tmp_path / "daemon", api.base_url, group="no-such-group") as daemon:
        daemon.start("--once")

        assert daemon.wait() == 78
        assert "there is no group no-such-group here" in daemon.log.read_text()


# What is refused


@needs_root
def test_a_group_that_is_refused_is_told_and_fails_nothing(root):
    told: list[tuple[int, str, str]] = []
    access = files.Access(group=54321, refused=lambda *words: told.append(words))
    with without_privileges():
        files.publish(root + b"/Talk.txt", b"words", root=root, access=access)

    assert told == [(os.stat(root).st_dev, "setting the group", "Operation not permitted")]
    assert group(root + b"/Talk.txt") == group(root)


@needs_strace
@pytest.mark.parametrize(
    ("call", "errors", "said"),
    [
        ("fchmod", ("EPERM", "EOPNOTSUPP"), "setting the mode"),
        ("fchown", ("EPERM", "EINVAL"), "setting the group"),
        ("utimensat", ("EPERM", "EOPNOTSUPP"), "setting the time of a file"),
        ("fsync", ("EINVAL", "EOPNOTSUPP", "EPERM"), "syncing a folder"),
    ],
)
def test_what_a_share_refuses_is_said_once_and_everything_is_delivered(tmp_path, api, elsewhere, call, errors, said):
    """Archive and inbox are two file systems: a recording is carried there, which is when its time is set."""
    for error in errors:
        with Straced(tmp_path / error, api.base_url, file_mode="0606", group=str(GROUP)) as daemon:
            archive = elsewhere / error
            archive.mkdir()
            daemon.folders["archive"] = archive
            daemon.config["inbox"][0]["archive"] = str(archive)
            paths = ["-P", str(archive)] if call == "fsync" else []
            daemon.strace_arguments = [*paths, "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
            for name in ("Talk.mp3", "Walk.mp3"):
                daemon.drop(name, mp3(f"{error} {name}"))
            daemon.start("--once")

            assert daemon.wait() == 0
            assert [job.state for job in daemon.jobs()] == [State.DELIVERED] * 2
            assert daemon.files("archive") == ["Talk.mp3", "Walk.mp3"]
            file_systems = 1 if call in ("utimensat", "fsync") else 2
            assert [what for what in refusals(daemon) if what == said] == [said] * file_systems
            assert "lane.blocked" not in daemon.events()
            assert "job.deferred" not in daemon.events()


@needs_exfat
@needs_root
def test_a_file_system_without_modes_and_groups_gets_its_transcripts_and_the_log_two_lines(tmp_path, api):
    with (
        exfat(tmp_path) as share,
        Daemon(tmp_path / "daemon", api.base_url, file_mode="0640", dir_mode="0750", group=str(GROUP)) as daemon,
    ):
        for name in ("outbox", "archive", "failed"):
            daemon.folders[name] = share / name
            daemon.config["inbox"][0][name] = str(share / name)
        for name in ("a/Talk.mp3", "b/Walk.mp3"):
            daemon.drop(name, mp3(name))
        daemon.start()
        daemon.wait_for_archive(2)
        wait_for(lambda: daemon.events().count("job.retired") == 2, "the end of both jobs")
        daemon.kill()

        assert daemon.files("outbox") == ["a/Talk.srt", "a/Talk.txt", "b/Walk.srt", "b/Walk.txt"]
        assert sorted(refusals(daemon)) == ["setting the group", "setting the mode"]
