"""A folder's root is opened once, judged, and worked in by that: swapped for another, at any moment, it leads nowhere.

The other one is a folder that only the daemon's user may use: another inbox's archive, or a place in the state
directory. Who swaps it may rename in the folder above, as people at a share often may.
"""

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fake_assemblyai import FakeAssemblyAI
from transcribed import files
from transcribed.folders import ANCHOR, anchor_text
from transcribed.worker import drop
from world import World, changed, work_for

pytestmark = pytest.mark.route(formats=("txt",))

FOLDERS = ("inbox", "outbox", "archive", "failed")
ANCHOR_NAME, ANOTHER = os.fsdecode(ANCHOR), "b" * 32
_EXCHANGE = 2  # linux/fs.h
_libc = ctypes.CDLL(None, use_errno=True)


def exchange(one: Path, other: Path) -> None:
    """Two names change places, in one step of the kernel."""
    if _libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), _EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


class Swaps:
    """A folder and a link that change places just before the `at`th call of the system that names a file.

    They change back before the next one, unless it is to stay.
    """

    def __init__(self) -> None:
        self.calls = self.at = 0
        self.pair: tuple[Path, Path] | None = None
        self.stays = self.is_swapped = False

    def heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.pair is None or event not in {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.listdir"}:
            return
        pair, self.pair = self.pair, None  # what is done here is not heard
        self.calls += 1
        if self.calls == self.at or (self.is_swapped and not self.stays):
            exchange(*pair)
            self.is_swapped = not self.is_swapped
        self.pair = pair

    @contextmanager
    def between(self, folder: Path, link: Path, at: int, *, stays: bool = False) -> Iterator[None]:
        self.calls, self.at, self.stays, self.is_swapped = 0, at, stays, False
        self.pair = folder, link
        try:
            yield
        finally:
            self.pair = None
            if self.is_swapped:
                exchange(folder, link)


@pytest.fixture(scope="module")
def swaps() -> Swaps:
    """The one hook of this process: a hook of sys cannot be taken back."""
    swaps = Swaps()
    sys.addaudithook(swaps.heard)
    return swaps


@pytest.fixture
def private(world: World) -> Path:
    """A folder that is not the people's, with a recording and a sub-folder in it."""
    folder = world.directory / "private"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "Secret.mp3").write_bytes(b"secret")
    return folder


def blocked_lanes(world: World) -> list[tuple[str, str]]:
    return [(row["lane"], row["reason"]) for row in world.published[-1]["blocked"]]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def swapped_for(world: World, name: str, target: Path) -> Path:
    """The folder is renamed, and a link to `target` lies in its place; where the folder is now."""
    away = world.lose(name)
    world.folders[name].symlink_to(target)
    return away


@pytest.mark.parametrize("anchor", [b"", anchor_text(ANOTHER)], ids=["bare", "anchored"])
@pytest.mark.parametrize("name", FOLDERS)
def test_a_root_that_is_swapped_for_a_link_is_not_the_folder(
    world: World, api: FakeAssemblyAI, private: Path, name: str, anchor: bytes
) -> None:
    if anchor:
        (private / ANCHOR_NAME).write_bytes(anchor)
    work_for(world, 100)
    before = tree(private)
    if name != "inbox":
        world.drop("a/Talk.mp3")
    away = swapped_for(world, name, private)

    work_for(world, 130)

    assert tree(private) == before
    assert api.uploads == []
    [(lane, reason)] = blocked_lanes(world)
    assert lane == "inbox:talks"
    assert f"a link leads to {private}" in reason

    world.folders[name].unlink()
    away.rename(world.folders[name])
    if name == "inbox":
        world.drop("a/Talk.mp3")
    assert world.run() == 0
    assert world.files("archive") == ["a/Talk.mp3"]


def test_what_a_person_accepts_is_taken_though_a_link_leads_to_it(world: World) -> None:
    work_for(world, 100)
    elsewhere = world.directory / "elsewhere"
    elsewhere.mkdir()
    swapped_for(world, "outbox", elsewhere)
    world.drop("Talk.mp3")
    work_for(world, 130)
    assert len(blocked_lanes(world)) == 1

    drop(str(world.state), {"order": "accept", "folders": "talks"})

    assert world.run() == 0
    assert (elsewhere / "Talk.txt").exists()


def test_a_link_that_the_configuration_names_is_a_folder_like_any_other(world: World) -> None:
    links = world.directory / "links"
    links.mkdir()
    for name in FOLDERS:
        (links / name).symlink_to(world.folders[name])
    world.routes = [changed(world.route, **{name: os.fsencode(links / name) for name in FOLDERS})]
    world.drop("a/Talk.mp3")

    assert world.run() == 0
    world.drop("b/Talk.mp3")
    assert world.run() == 0

    assert world.files("archive") == ["a/Talk.mp3", "b/Talk.mp3"]
    assert blocked_lanes(world) == []


@pytest.mark.parametrize(
    ("name", "where"),
    [("outbox", "state/commands"), ("archive", "state"), ("inbox", "state/transcripts"), ("outbox", "")],
)
def test_a_root_that_leads_into_or_around_the_state_directory_is_never_the_folder_not_even_if_accepted(
    world: World, api: FakeAssemblyAI, name: str, where: str
) -> None:
    work_for(world, 100)
    (world.state / "transcripts").mkdir(exist_ok=True)
    swapped_for(world, name, world.directory / where)
    if name != "inbox":
        world.drop("order.mp3")
    drop(str(world.state), {"order": "accept", "folders": "talks"})

    work_for(world, 130)

    [(_, reason)] = blocked_lanes(world)
    assert "leads into or around the state directory" in reason
    assert api.uploads == []


@pytest.mark.parametrize("name", ["Talk.json", "Talk.order", "1700000000.000000-0123abcd.json"])
def test_what_is_no_order_is_set_aside_said_once_and_never_obeyed(world: World, api: FakeAssemblyAI, name: str) -> None:
    """A rendering that a swapped outbox led there, or an order that an older command line has left."""
    world.plan_options = {"accept_backlog_hours": 0.0}
    world.drop("Talk.mp3")
    work_for(world, 100)
    text = b'{"order": "accept", "jobs": [1], "pay_again": true}'
    (world.state / "commands" / name).write_bytes(text)

    logs = work_for(world, 100)

    assert [row["file"] for row in logs if row["event"] == "order.unknown"] == [str(world.state / "commands" / name)]
    assert [path.read_bytes() for path in (world.state / "commands.aside").iterdir()] == [text]
    assert os.listdir(world.state / "commands") == []
    assert api.uploads == []


def test_a_folder_that_was_made_since_without_its_anchor_is_not_the_folder_until_a_person_accepts_it(
    world: World,
) -> None:
    work_for(world, 100)
    with files.opened_root(os.fsencode(world.folders["outbox"])):  # while that is open, nothing else gets its inode
        shutil.rmtree(world.folders["outbox"])
        world.folders["outbox"].mkdir()
    world.drop("Talk.mp3")

    work_for(world, 130)

    [(_, reason)] = blocked_lanes(world)
    assert "a folder that was made since lies there, without its hidden file .transcribed.anchor" in reason
    drop(str(world.state), {"order": "accept", "folders": "talks"})
    assert world.run() == 0
    assert world.files("outbox") == ["Talk.txt"]


@pytest.mark.parametrize("name", ["inbox", "outbox"])
def test_an_anchor_that_was_copied_into_the_right_folder_is_replaced_and_said_each_time(
    world: World, name: str
) -> None:
    work_for(world, 100)
    anchor = world.folders[name] / ANCHOR_NAME
    ours = anchor.read_bytes()

    for round_ in range(2):
        anchor.write_bytes((world.folders["archive"] / ANCHOR_NAME).read_bytes())
        world.drop(f"{round_}.mp3")
        logs = work_for(world, 130)

        assert anchor.read_bytes() == ours
        said = [(row["folder"], row["reason"]) for row in logs if row["event"] == "folder.anchored"]
        assert said == [(str(world.folders[name]), "it had the anchor of another folder")]
    assert world.files("archive") == ["0.mp3", "1.mp3"]


#: Of the calls, every so many is tried; 1 tries each.
_STEP = int(os.environ.get("SWAP_STEP", "397"))


@pytest.mark.parametrize("stays", [False, True], ids=["for one call", "until the end"])
@pytest.mark.parametrize("name", FOLDERS)
def test_a_root_that_is_swapped_before_any_call_of_the_system_leads_nothing_astray(
    world: World, api: FakeAssemblyAI, swaps: Swaps, private: Path, name: str, stays: bool
) -> None:
    """A recording is delivered and another is failed while the folder is swapped before this call, or before that."""
    (private / ANCHOR_NAME).write_bytes(anchor_text(ANOTHER))
    link = world.directory / "link"
    link.symlink_to(private)
    world.run()
    before, at, calls = tree(private), 1 + FOLDERS.index(name), 1

    while at <= calls:
        world.drop(f"a/{at}.mp3")
        world.drop(f"a/{at}-silence.mp3", b"no audio at all")
        with swaps.between(world.folders[name], link, at, stays=stays):
            world.run(seconds=120)
        calls = swaps.calls if at == 1 + FOLDERS.index(name) else calls
        assert tree(private) == before, f"swapped before call {at}"
        world.run()
        at += _STEP

    assert len(world.files("archive")) * 2 == len(world.jobs())
