"""A folder whose share is away, late, another one or read-only is never taken for an empty one, restart or not."""

import errno
import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_assemblyai import FakeAssemblyAI
from transcribed.errors import Blocked
from transcribed.folders import ANCHOR, Ground, Identity, anchor_text
from transcribed.folders.anchors import FACTS, facts_of
from transcribed.folders.identity import judged
from transcribed.folders.mounts import Mount
from transcribed.journal import Journal
from transcribed.worker import drop
from world import World, changed, work_for

pytestmark = pytest.mark.route(formats=("txt",))

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
    ("with the anchor of another, copied into it", Identity(OURS, ROOT, 7, 9), Identity(ANOTHER, ROOT, 7, 9)),
    ("by way of a link, the very same", Identity(OURS, ROOT, 7, 9, b"/a"), Identity(OURS, ROOT, 7, 9, b"/b")),
    ("on a disk that is another device now", Identity(OURS, ROOT, 7, 9), Identity("", again(ROOT), 7, 9)),
    ("made again, with its anchor", Identity(OURS, ROOT, 7, 9, b"/a"), Identity(OURS, ROOT, 7, 8, b"/a")),
    ("made again where inodes do not last", Identity(OURS, SHARE, 0, 0), Identity("", SHARE, 0, 0)),
    ("remembered by an older version", Identity(OURS, ROOT, 7), Identity("", ROOT, 7, 9, b"/a")),
    ("in other letters", Identity(OURS, SHARE, 0, 0, b"/Inbox"), Identity(OURS, SHARE, 0, 0, b"/inbox")),
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
    ("made since, without an anchor", Identity(OURS, ROOT, 7, 9), Identity("", ROOT, 7, 8), "made since"),
    (
        "by way of a link, without an anchor",
        Identity(OURS, SHARE, 0, 0, b"/a"),
        Identity("", SHARE, 0, 0, b"/b"),
        "a link leads to /b",
    ),
    (
        "by way of a link, with a copy of the anchor",
        Identity(OURS, ROOT, 7, 9, b"/a"),
        Identity(OURS, ROOT, 7, 8, b"/b"),
        "a link leads to /b",
    ),
    (
        "by way of a link, on a mount below",
        Identity(OURS, ROOT, 7, 9, b"/a"),
        Identity("", STICK, 8, 9, b"/b"),
        "a link leads to /b",
    ),
    (
        "with the anchor of another, on a stick with the same inode",
        Identity(OURS, STICK, 7, 9),
        Identity(ANOTHER, STICK, 8, 9),
        ".transcribed.anchor",
    ),
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
IDENTITIES = st.builds(
    Identity,
    st.sampled_from(["", OURS, ANOTHER]),
    MOUNTS,
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from([b"", b"/a", b"/b"]),
)


@given(IDENTITIES, IDENTITIES)
def test_whatever_is_seen_is_either_taken_as_it_is_or_refused_with_a_reason(was: Identity, seen: Identity) -> None:
    identity, why_not, made_since = judged(was, seen)

    assert (identity is None) == bool(why_not)
    assert not (made_since and (identity or seen.anchor))
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


def test_a_folder_that_is_not_there_is_blocked_with_its_fix(tmp_path: Path) -> None:
    ground = Ground(os.fsencode(tmp_path / "gone"), lane="inbox:talks", what="outbox")

    with pytest.raises(Blocked, match=r"the outbox .* is not there") as blocked:
        ground.check()

    assert "see that its share is mounted" in blocked.value.hint


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.ENOTDIR, errno.EACCES, errno.ENODEV])
def test_whatever_is_met_at_the_folder_itself_blocks_its_inbox_with_a_fix(number: int) -> None:
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
def test_a_folder_that_is_gone_at_a_restart_is_waited_for_and_not_made_again(
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


def test_a_folder_that_the_configuration_names_again_is_a_new_one(world: World) -> None:
    work_for(world, 100)
    elsewhere = world.directory / "elsewhere"
    world.routes = [changed(world.route, outbox=os.fsencode(elsewhere))]
    world.drop("Talk.mp3")

    assert world.run() == 0

    assert (elsewhere / "Talk.txt").exists()


def test_an_anchor_that_somebody_deletes_is_written_again_as_it_was_and_said(world: World) -> None:
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
    world.lose("outbox")
    world.folders["outbox"].mkdir()
    (world.folders["outbox"] / ANCHOR_NAME).write_bytes(anchor_text(ANOTHER))
    work_for(world, 1000)
    [(_, reason)] = blocked_lanes(world)
    assert "is not the folder that it was" in reason
    assert ANCHOR_NAME in reason
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

    world.lose("outbox")
    world.folders["outbox"].mkdir()
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
