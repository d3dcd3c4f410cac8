"""A folder whose share is away, late, another one or read-only is never taken for an empty one, restart or not."""

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from abilities import needs_mounts
from daemon_process import Daemon, wait_for
from fake_assemblyai import FakeAssemblyAI
from transcribed.cli.app import app
from transcribed.errors import Blocked
from transcribed.inbox import ANCHOR, Ground, Identity, anchor_text
from transcribed.inbox.identity import judged
from transcribed.inbox.mounts import Mount
from transcribed.job import State
from transcribed.journal import Journal
from transcribed.worker import drop
from transcribed.worker.anchors import FACTS, facts_of
from world import Clock, World, mp3

ANCHOR_NAME = os.fsdecode(ANCHOR)
OURS, ANOTHER = "a" * 32, "b" * 32

# -- the rule ---------------------------------------------------------------------------------------------------------

ROOT = Mount(b"8:1", b"/", b"ext4")
SHARE = Mount(b"0:50", b"/srv/nas", b"nfs4")
STICK = Mount(b"8:17", b"/srv/nas", b"ext4")
TMPFS = Mount(b"0:60", b"/srv/nas", b"tmpfs")


def again(mount: Mount) -> Mount:
    """The same share at its next mount: its device number is another one."""
    return mount._replace(device=b"0:99")


SAME = [
    ("the same in every way", Identity(OURS, SHARE), Identity(OURS, SHARE)),
    ("mounted again", Identity(OURS, SHARE), Identity(OURS, again(SHARE))),
    ("by another protocol", Identity(OURS, SHARE), Identity(OURS, again(SHARE)._replace(kind=b"cifs"))),
    ("moved to another disk with its anchor", Identity(OURS, STICK, 7), Identity(OURS, ROOT, 8)),
    ("its anchor was deleted", Identity(OURS, SHARE), Identity("", SHARE)),
    (
        "its anchor was deleted, and the disk has another number",
        Identity(OURS, STICK, 7),
        Identity("", again(STICK), 7),
    ),
    ("it never took an anchor, and is mounted again", Identity("", SHARE), Identity("", again(SHARE))),
    ("it takes an anchor at last", Identity("", SHARE), Identity(OURS, SHARE)),
    ("mounted late", Identity(OURS, ROOT, 7), Identity("", SHARE)),
    ("mounted late, with an anchor of an earlier life", Identity(OURS, ROOT, 7), Identity(ANOTHER, SHARE)),
    ("nobody says any more where it lies", Identity("", SHARE), Identity("", Mount(b"0:99", b"/", b"unknown"))),
]
GONE = [
    ("the bare mount point", Identity(OURS, SHARE), Identity("", ROOT, 7), "/srv/nas is not mounted"),
    (
        "the bare mount point of what took no anchor",
        Identity("", SHARE),
        Identity("", ROOT, 7),
        "/srv/nas is not mounted",
    ),
    (
        "a bare mount point on the same disk",
        Identity(OURS, STICK, 7),
        Identity("", STICK._replace(point=b"/"), 7),
        "not",
    ),
    ("another folder of ours", Identity(OURS, SHARE), Identity(ANOTHER, SHARE), "another folder"),
    ("another share in its place", Identity(OURS, SHARE), Identity("", again(SHARE)), "another file system is mounted"),
    ("another stick", Identity("", STICK, 7), Identity("", STICK, 8), "another file system is mounted"),
    ("another stick, with an anchor lost", Identity(OURS, STICK, 7), Identity("", STICK, 8), "another file system"),
    ("another kind of file system", Identity("", SHARE), Identity("", again(TMPFS)), "another file system is mounted"),
    ("another tmpfs of the same number", Identity(OURS, TMPFS, 7), Identity("", TMPFS, 8), "another file system"),
]


@pytest.mark.parametrize(("remembered", "seen"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_it_is_the_folder_that_it_was(remembered: Identity, seen: Identity) -> None:
    identity = judged(remembered, seen).identity

    assert identity is not None
    assert identity.mount == seen.mount


@pytest.mark.parametrize(("remembered", "seen", "why"), [case[1:] for case in GONE], ids=[case[0] for case in GONE])
def test_it_is_not_the_folder_that_it_was(remembered: Identity, seen: Identity, why: str) -> None:
    verdict = judged(remembered, seen)

    assert verdict.identity is None
    assert why in verdict.why_not


def test_an_anchor_that_was_deleted_is_remembered_still() -> None:
    assert judged(Identity(OURS, SHARE), Identity("", SHARE)).identity == Identity(OURS, SHARE)


MOUNTS = st.builds(
    Mount,
    st.sampled_from([b"8:1", b"0:50"]),
    st.sampled_from([b"/", b"/srv", b"/srv/nas"]),
    st.sampled_from([b"ext4", b"nfs4", b"tmpfs", b"unknown"]),
)
IDENTITIES = st.builds(Identity, st.sampled_from(["", OURS, ANOTHER]), MOUNTS, st.integers(0, 2))


@given(IDENTITIES, IDENTITIES)
def test_whatever_is_seen_is_either_taken_as_it_is_or_refused_with_a_reason(was: Identity, seen: Identity) -> None:
    identity, why_not = judged(was, seen)

    assert (identity is None) == bool(why_not)
    assert judged(was, was).identity == was
    assert judged(None, seen).identity == seen
    if identity is not None:
        assert judged(identity, seen).identity == identity, "what was taken once is taken again"


@given(IDENTITIES, st.binary(max_size=20))
def test_what_is_remembered_is_read_as_it_was_written(identity: Identity, point: bytes) -> None:
    identity = identity._replace(mount=identity.mount._replace(point=point))

    assert Identity.from_text(identity.to_text()) == identity


@given(
    st.text() | st.sampled_from(["{}", "[]", "null", '{"anchor": 1, "device": 2, "point": 3, "kind": 4}', "[" * 9999])
)
def test_what_cannot_be_read_is_not_remembered(text: str) -> None:
    assert Identity.from_text(text) is None


# -- one folder -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a folder", "a link", "a pipe", "something else", "nobody's"])
def test_a_stranger_at_the_place_of_the_anchor_is_left_alone_and_holds_nothing_up(
    world: World, api: FakeAssemblyAI, kind: str
) -> None:
    place = world.folders["outbox"] / ANCHOR_NAME
    match kind:
        case "a folder":
            place.mkdir()
        case "a link":
            place.symlink_to(world.directory / "nowhere")
        case "a pipe":
            os.mkfifo(place)
        case "something else":
            place.write_text("mine")
        case "nobody's":
            place.write_bytes(b"")
    before = place.lstat().st_ino, place.lstat().st_mtime_ns
    world.drop("Talk.mp3")

    assert world.run() == 0
    assert world.run() == 0

    assert (place.lstat().st_ino, place.lstat().st_mtime_ns) == before
    assert world.files("archive") == ["Talk.mp3"]


def test_a_folder_that_is_not_there_is_blocked_with_its_mend(tmp_path: Path) -> None:
    ground = Ground(os.fsencode(tmp_path / "gone"), lane="inbox:talks", what="outbox")

    with pytest.raises(Blocked, match=r"the outbox .* is not there") as blocked:
        ground.check()

    assert "see that its share is mounted" in blocked.value.hint


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.ENOTDIR, errno.EACCES, errno.ENODEV])
def test_whatever_is_met_at_the_folder_itself_blocks_its_inbox_with_a_mend(number: int) -> None:
    known = Ground(b"/srv/nas", lane="inbox:talks", what="outbox").blocked(OSError(number, os.strerror(number)))

    assert known.lane == "inbox:talks"
    assert known.hint
    assert "the outbox /srv/nas" in known.message


def test_no_inbox_is_taken_for_another_by_what_is_remembered_of_its_folders(tmp_path: Path) -> None:
    names = ["a", "A", "a:b", "a%3Ab", "a_", "ab", "a:inbox", "\N{LATIN SMALL LETTER E WITH ACUTE}"]
    with closing(Journal.open(str(tmp_path))) as journal:
        journal.remember({f"{facts_of(name)}inbox:/x": name for name in names})

        assert [list(journal.facts(facts_of(name)).values()) for name in names] == [[name] for name in names]

        journal.remember({f"{facts_of('a')}inbox:/x": None, f"{facts_of('ab')}inbox:/x": "anew"})
        assert journal.facts(facts_of("a")) == {}
        assert list(journal.facts(facts_of("ab")).values()) == ["anew"]
        assert len(journal.facts(FACTS)) == len(names) - 1
        assert journal.loss() == ""


# -- in virtual time --------------------------------------------------------------------------------------------------


@pytest.fixture
def api(clock: Clock) -> Iterator[FakeAssemblyAI]:
    with FakeAssemblyAI(clock=clock.wall) as server:
        yield server


@pytest.fixture
def world(tmp_path: Path, api: FakeAssemblyAI, clock: Clock) -> World:
    return World(tmp_path, api, clock, formats=("txt",))


def work_for(world: World, seconds: float) -> list[Any]:
    """Let the daemon work for so long; what it logged."""
    end = world.clock.monotonic() + seconds
    with structlog.testing.capture_logs() as logs:
        world.run(lambda: world.clock.monotonic() >= end, seconds=seconds + 9000)
    return logs


def tree(folder: Path) -> list[str]:
    """All that lies below it, anchors too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def blocked_lanes(world: World) -> list[tuple[str, str]]:
    return [(row["lane"], row["reason"]) for row in world.published[-1]["blocked"]]


def test_each_folder_gets_one_anchor_that_says_to_people_what_it_is(world: World) -> None:
    work_for(world, 100)
    first = {name: (folder / ANCHOR_NAME).read_text() for name, folder in world.folders.items()}
    work_for(world, 100)

    assert len(set(first.values())) == 4
    assert all("belongs to transcribed" in text for text in first.values())
    assert {name: (folder / ANCHOR_NAME).read_text() for name, folder in world.folders.items()} == first


def test_at_the_first_start_what_is_missing_is_made_but_for_the_inbox(world: World) -> None:
    for folder in world.folders.values():
        folder.rmdir()
    work_for(world, 100)
    assert not any(folder.exists() for folder in world.folders.values())

    world.folders["inbox"].mkdir()
    world.drop("Talk.mp3")
    assert world.run() == 0
    assert world.files("outbox") == ["Talk.txt"]
    assert world.files("archive") == ["Talk.mp3"]


@pytest.mark.parametrize("folder", ["outbox", "archive", "inbox"])
def test_a_folder_that_is_gone_at_a_restart_is_waited_for_and_not_made_anew(
    world: World, api: FakeAssemblyAI, folder: str
) -> None:
    work_for(world, 100)
    if folder != "inbox":
        world.drop("Talk.mp3")
    away = world.lose(folder)

    logs = work_for(world, 3600)

    assert not world.folders[folder].exists()
    assert [row["event"] for row in logs].count("lane.blocked") == 1
    [(lane, reason)] = blocked_lanes(world)
    assert (lane, "is not there" in reason) == ("inbox:talks", True)
    assert api.submits == []

    away.rename(world.folders[folder])
    if folder == "inbox":
        world.drop("Talk.mp3")
    assert world.run() == 0
    assert world.files("outbox") == ["Talk.txt"]


def test_a_share_that_was_away_for_long_is_found_by_the_next_look(world: World) -> None:
    work_for(world, 100)
    away = world.lose("inbox")
    work_for(world, 7000)
    back_at = world.clock.monotonic() + 7000

    def back() -> bool:
        if world.clock.monotonic() > back_at and away.exists():
            away.rename(world.folders["inbox"])
        return not away.exists() and not blocked_lanes(world)

    world.run(back, seconds=9000)

    assert world.clock.monotonic() - back_at < 60


def test_a_folder_that_the_configuration_names_anew_is_a_new_one(world: World) -> None:
    work_for(world, 100)
    elsewhere = world.directory / "elsewhere"
    world.routes = [replace(world.route, outbox=os.fsencode(elsewhere))]
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert (elsewhere / "Talk.txt").exists()


def test_an_anchor_that_somebody_deletes_is_written_anew_as_it_was_and_said(world: World) -> None:
    work_for(world, 100)
    anchor = world.folders["outbox"] / ANCHOR_NAME
    text = anchor.read_text()
    anchor.unlink()

    logs = work_for(world, 100)

    assert anchor.read_text() == text
    assert [row["event"] for row in logs if row["event"] == "folder.anchored"] == ["folder.anchored"]


def test_who_deletes_an_anchor_again_and_again_is_answered_once(world: World) -> None:
    work_for(world, 100)
    anchor = world.folders["outbox"] / ANCHOR_NAME
    deletions = []

    def deleted_often() -> bool:
        if anchor.exists():
            anchor.unlink()
            deletions.append(world.clock.monotonic())
        return world.clock.monotonic() > end

    end = world.clock.monotonic() + 1000
    world.run(deleted_often, seconds=9000)

    assert len(deletions) == 2
    assert blocked_lanes(world) == []


def test_a_folder_with_the_anchor_of_another_is_not_taken_and_a_person_can_say_that_it_moved(
    world: World, api: FakeAssemblyAI
) -> None:
    work_for(world, 100)
    world.drop("Talk.mp3")
    (world.folders["outbox"] / ANCHOR_NAME).write_bytes(anchor_text(ANOTHER))
    work_for(world, 1000)
    [(_, reason)] = blocked_lanes(world)
    assert "is not the folder that it was" in reason
    assert "transcribed accept --folders talks" in world.published[-1]["blocked"][0]["hint"]
    assert world.files("outbox") == []

    drop(str(world.state), {"order": "accept", "folders": "another"})
    work_for(world, 1000)
    assert len(blocked_lanes(world)) == 1

    drop(str(world.state), {"order": "accept", "folders": "talks"})
    assert world.run(lambda: world.files("archive") == ["Talk.mp3"]) == 0
    assert (world.folders["outbox"] / ANCHOR_NAME).read_bytes() == anchor_text(ANOTHER)
    assert world.run() == 0


def test_folders_that_moved_are_not_a_backlog_that_may_be_paid_for(world: World, api: FakeAssemblyAI) -> None:
    world.plan_options = {"accept_backlog_hours": 0.0}
    world.drop("Talk.mp3")
    work_for(world, 100)

    drop(str(world.state), {"order": "accept", "folders": "talks"})
    work_for(world, 100)

    assert api.uploads == []


def test_after_the_loss_of_the_journal_the_folders_are_known_by_the_anchors_that_are_there(world: World) -> None:
    work_for(world, 100)
    before = {name: (folder / ANCHOR_NAME).read_bytes() for name, folder in world.folders.items()}
    shutil.rmtree(world.state)
    work_for(world, 100)
    assert {name: (folder / ANCHOR_NAME).read_bytes() for name, folder in world.folders.items()} == before

    (world.folders["outbox"] / ANCHOR_NAME).write_bytes(anchor_text(ANOTHER))
    work_for(world, 100)
    assert len(blocked_lanes(world)) == 1


def test_an_outbox_that_two_inboxes_share_has_one_anchor_that_both_know(world: World) -> None:
    world.second_inbox(outbox=world.route.outbox)
    work_for(world, 100)
    work_for(world, 100)

    assert blocked_lanes(world) == []
    assert len(list(world.directory.rglob(ANCHOR_NAME))) == 7


def test_what_a_crash_left_of_an_anchor_in_the_inbox_is_swept_and_nothing_below_it_is_touched(world: World) -> None:
    world.drop(".transcribed-0123456789abcdef", b"half")
    world.drop("a/.transcribed-mine.mp3")
    world.clock.moved += 1000

    assert world.run() == 0

    assert world.files("inbox") == ["a/.transcribed-mine.mp3"]


def test_what_the_journal_does_not_take_now_is_remembered_later(world: World) -> None:
    assert world.crash_at_commit(2)
    work_for(world, 100)
    world.lose("outbox")
    work_for(world, 100)

    assert len(blocked_lanes(world)) == 1


# -- with real mounts -------------------------------------------------------------------------------------------------


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
        unmount, end = iter([nas.unmount]), world.clock.monotonic() + 4000

        def in_vain() -> bool:
            """Once the first recording is put away the share goes, and another recording comes."""
            if [job.retired_at for job in world.jobs() if job.retired_at]:
                for away in unmount:
                    away()
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
        assert tree(world.folders[folder]) == [ANCHOR_NAME]


@needs_mounts
def test_a_read_only_inbox_takes_no_anchor_and_is_known_by_its_mount(world: World, api: FakeAssemblyAI) -> None:
    world.routes = [replace(world.route, after="keep")]
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


# -- the real process -------------------------------------------------------------------------------------------------


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


def test_check_says_of_a_folder_that_is_remembered_and_gone_that_it_is_a_problem_and_makes_nothing(
    tmp_path: Path,
) -> None:
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.start("--once")
        assert daemon.wait() == 0
        assert check(daemon)[0] == 0
        shutil.rmtree(daemon.folders["outbox"])

        status, _, said = check(daemon)

        assert status == 69
        assert 'problem: inbox "talks".outbox: the outbox' in said
        assert not daemon.folders["outbox"].exists()


def test_the_order_that_the_folders_moved_is_about_one_inbox_of_the_configuration(tmp_path: Path) -> None:
    with FakeAssemblyAI() as api, Daemon(tmp_path / "daemon", api.base_url) as daemon:
        daemon.start("--once")
        assert daemon.wait() == 0
        command = ["--config", str(daemon.write_config()), "accept", "--folders"]

        assert CliRunner().invoke(app, [*command, "walks"]).exit_code == 2
        assert CliRunner().invoke(app, [*command, "talks"]).exit_code == 0
        assert len(os.listdir(daemon.state / "commands")) == 1
