"""A second Unix user at the share, where both may write: nothing of what it does reaches what is the daemon's alone."""

import codecs
import ctypes
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fake_assemblyai import FakeAssemblyAI
from transcribed import errors, files
from transcribed.folders import Anchors, Claim, Places
from world import Clock, World, work_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs leave to become two users")

DAEMON, ATTACKER, SHARE = 60_001, 60_002, 60_000
EXCHANGES = int(os.environ.get("EXCHANGES", "20000"))
_EXCHANGE = 2  # linux/fs.h


for codec in ("ascii", "latin-1", "cp1252", "utf-8-sig", "utf-16", "idna"):
    codecs.lookup(codec)  # while this process may read where Python lies


@contextmanager
def the_daemon() -> Iterator[None]:
    """This process is the daemon's user, in the group of the share."""
    before = os.getgroups()
    os.setgroups([SHARE])
    os.setegid(DAEMON)
    os.seteuid(DAEMON)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def attacker(does: Callable[[], object]) -> int:
    """Begin this as the other user of the share, in a process of its own; its id."""
    child = os.fork()
    if child:
        return child
    try:
        os.setgroups([SHARE])
        os.setgid(ATTACKER)
        os.setuid(ATTACKER)
        does()
        os._exit(0)
    finally:
        os._exit(1)


def attacked(does: Callable[[], object]) -> None:
    """The other user does this, and may."""
    assert os.waitpid(attacker(does), 0)[1] == 0


@pytest.fixture
def share(root: bytes) -> Path:
    """A folder of both users, as a share is."""
    folder = Path(os.fsdecode(root)) / "share"
    folder.mkdir()
    os.chown(folder, DAEMON, SHARE)
    folder.chmod(0o2775)
    return folder


@pytest.fixture
def private(root: bytes) -> Path:
    """A folder of the daemon's only, on the same file system, with another inbox's recording."""
    folder = Path(os.fsdecode(root)) / "private"
    (folder / "2026").mkdir(parents=True)
    (folder / "2026" / "dismissal.mp3").write_bytes(b"secret")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, DAEMON, DAEMON)
    folder.chmod(0o700)
    return folder


@pytest.fixture
def world(share: Path, private: Path) -> Iterator[World]:
    """A daemon of the one user; what is done as the other one is done `as_root` first."""
    clock = Clock()
    with the_daemon():
        old = os.umask(0o002)
        try:
            with FakeAssemblyAI(clock=clock.wall) as api:
                world = World(share, api, clock, formats=("txt",))
                work_for(world, 10)
                yield world
        finally:
            os.umask(old)


def as_root(does: Callable[[], object]) -> None:
    os.seteuid(0)
    try:
        does()
    finally:
        os.seteuid(DAEMON)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["inbox", "outbox", "archive"])
def test_who_swaps_a_folder_for_a_link_to_a_private_one_gets_nothing_of_it(
    world: World, private: Path, name: str
) -> None:
    def swap() -> None:
        folder = world.folders[name]
        folder.rename(folder.with_suffix(".old"))
        folder.symlink_to(private / "2026")

    before = tree(private)
    as_root(lambda: attacked(swap))
    if name != "inbox":
        world.drop("Talk.mp3")

    work_for(world, 130)

    assert tree(private) == before
    assert world.api.uploads == []
    [row] = world.published[-1]["blocked"]
    assert "a link leads to" in row["reason"]


@pytest.mark.parametrize("name", ["outbox", "archive"])
def test_a_sub_folder_that_another_user_made_refuses_one_job_by_its_path_and_the_others_go_on(
    world: World, name: str
) -> None:
    place = world.folders[name] / "a"

    def make() -> None:
        place.mkdir()
        place.chmod(0o755)

    as_root(lambda: attacked(make))
    world.drop("a/x.mp3")
    world.drop("victim.mp3")

    work_for(world, 60)

    assert world.published[-1]["blocked"] == []
    assert "victim.mp3" in world.files("archive")
    [job] = [job for job in world.jobs() if job.path == b"a/x.mp3"]
    assert str(place) in job.reason
    assert "let the daemon's user write" in job.hint


@pytest.mark.parametrize("is_anchored", [False, True])
def test_a_root_that_is_exchanged_all_the_time_leads_no_file_into_a_private_folder(
    share: Path, private: Path, is_anchored: bool, record_property: Callable[[str, object], None]
) -> None:
    """Files are published, replaced, moved and removed as long as outbox and archive change places with links."""
    libc = ctypes.CDLL(None, use_errno=True)
    pairs = []
    with the_daemon():
        os.umask(0o002)
        for name in ("inbox", "outbox", "archive", "failed"):
            (share / name).mkdir()
            (share / name).chmod(0o2775)
        places = Places(*(os.fsencode(share / name) for name in ("inbox", "outbox", "archive", "failed")))
        claim = Claim("ours", 1, "m1", frozenset({"m1"}), frozenset(), "/state", 0.0)
        anchors = Anchors("talks", places, files.Access(), {}, claim, archives=True, apart=b"")
        anchors.recognise()
        if is_anchored:
            (private / ".transcribed.anchor").write_bytes((share / "inbox" / ".transcribed.anchor").read_bytes())
    for name in ("outbox", "archive"):
        (share / f"{name}-link").symlink_to(private)
        pairs.append((os.fsencode(share / name), os.fsencode(share / f"{name}-link")))
    before = tree(private)

    def swap() -> None:
        for _ in range(EXCHANGES // 2):
            for one, other in pairs:
                assert libc.renameat2(-100, one, -100, other, _EXCHANGE) == 0

    child, done, refused, began = attacker(swap), 0, 0, time.monotonic()
    with the_daemon():
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            try:
                _deliver(anchors, places, done)
                done += 1
            except errors.Blocked:
                refused += 1
    record_property(
        "exchanges", f"{EXCHANGES} in {time.monotonic() - began:.0f} s, {done} delivered, {refused} refused"
    )

    assert tree(private) == before
    assert done > 0
    assert refused > 0
    outbox, archive = (
        share / name if not (share / name).is_symlink() else share / f"{name}-link" for name in ("outbox", "archive")
    )
    assert len(list((outbox / "a").glob("*.txt"))) == len(list((archive / "a").glob("*.mp3")))


def _deliver(anchors: Anchors, places: Places, number: int) -> None:
    """As the steps do: a rendering, a note that is replaced and removed, and the recording's move."""
    name = b"a/%d" % number
    opened = anchors.opened
    with opened(places.outbox) as outbox, opened(places.archive) as archive, opened(places.inbox) as inbox:
        files.publish(places.inbox + b"/%d.mp3" % number, b"sound", root=inbox)
        files.publish(os.path.join(places.outbox, name + b".txt"), b"words", root=outbox)
        note = os.path.join(places.outbox, b"a/note.txt")
        files.replace(note, b"news", root=outbox)
        outbox.forget(note)
        target = os.path.join(places.archive, name + b".mp3")
        files.move(inbox.descriptor, b"%d.mp3" % number, target, root=archive)
