"""Recordings that are left alone for their names: people are told, in the status and at the share."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from transcribed.cli import show
from transcribed.worker.people.status import from_json
from world import World, mp3, work_for

pytestmark = pytest.mark.route(formats=("txt",))

CONFLICT = "Talk.sync-conflict-20260101-120000-ABCDEFG.mp3"


def inbox_of(world: World) -> dict[str, Any]:
    inbox: dict[str, Any] = world.published[-1]["inboxes"][0]
    return inbox


def told(world: World) -> dict[str, str]:
    """The recordings that the status tells of, each with its reason."""
    return {row["file"]: row["why"] for row in inbox_of(world)["passed_over"]}


def notice(world: World) -> str:
    path = world.folders["outbox"] / "_transcribed.txt"
    return path.read_text() if path.exists() else ""


def test_what_plays_and_is_not_taken_for_its_name_is_told_in_the_status_and_in_the_outbox(world: World) -> None:
    ending = "this inbox takes .mp3"
    conflict = "Syncthing's copy of a conflict (.sync-conflict-)"
    whys = {"New Recording 7.m4a": ending, "sub/Talk.mp3 ": ending, "Talk": ending, CONFLICT: conflict}
    for name in whys:
        world.drop(name)
    world.drop("notes.txt", b"of the meeting")
    world.drop("README", b"no sound at all\n" * 20)
    world.drop("index", bytes(range(3, 251)) * 40)
    world.drop("empty.m4a", b"")

    work_for(world, 90)

    assert told(world) == whys
    assert inbox_of(world)["passed_over_count"] == len(whys)
    said = notice(world)
    assert 'In the inbox "talks" 4 recordings will not be transcribed' in said
    for name, why in whys.items():
        assert f"  {name} ({why})\n" in said
    assert "README" not in said
    assert "index" not in said
    assert "empty.m4a" not in said


@pytest.mark.parametrize(("name", "helps"), [(CONFLICT, False), ("Talk.m4a", True)])
def test_the_notice_tells_of_extensions_only_for_an_ending_not_taken(world: World, name: str, helps: bool) -> None:
    world.drop(name)

    work_for(world, 90)

    assert ("add its ending to" in notice(world)) is helps


def test_nothing_is_told_of_a_file_before_it_has_lain_for_a_minute(world: World) -> None:
    world.drop("a.m4a")

    work_for(world, 50)

    assert told(world) == {}
    assert notice(world) == ""


@pytest.mark.parametrize("end", [lambda path: path.unlink(), lambda path: path.rename(path.with_suffix(".mp3"))])
def test_the_notice_goes_away_when_the_file_is_taken_away_or_has_a_name_that_is_taken(world: World, end: Any) -> None:
    path = world.drop("a.m4a")
    work_for(world, 90)
    assert notice(world)

    end(path)
    work_for(world, 60)

    assert told(world) == {}
    assert notice(world) == ""


def test_of_thousands_of_such_files_a_count_and_some_names_are_told(world: World) -> None:
    for number in range(1200):
        world.drop(f"{number:04}.m4a", mp3("the same", 4))

    work_for(world, 400)

    assert len(told(world)) == 20
    assert inbox_of(world)["passed_over_count"] == 1000
    assert "and 980 more\n" in notice(world)
    written = from_json(json.dumps(world.published[-1]).encode())
    assert "  and 980 more that are not taken for their names" in list(show._lines(written))


def test_a_status_of_a_version_that_knew_nothing_of_them_is_read() -> None:
    row: dict[str, Any] = {"name": "talks", "path": "/in", "outbox": "/out", "looked_at": None}
    row |= {"file_system": "", "watch": "scan"}
    row |= {"overdue": False, "accepted": True, "unsettled": [], "problems": []}
    old = {"base_url": "", "jobs": {}, "blocked": [], "inboxes": [row], "open": [], "open_count": 0}
    assert from_json(json.dumps(old).encode()).inboxes[0].passed_over == []


def test_a_recording_that_cannot_be_read_is_told_at_the_share_after_a_minute_and_no_longer_than_it_lasts(
    world: World,
) -> None:
    world.drop("Talk.mp3")
    mistake = world.drop("transcribed.toml", b"formats = 7\n")
    work_for(world, 40)
    assert notice(world) == ""

    work_for(world, 90)
    assert 'In the inbox "talks" 1 recording cannot be taken:\n  transcribed.toml: ' in notice(world)
    assert "\nWhat to do: if a settings file is named, fix that." in notice(world)

    mistake.unlink()
    work_for(world, 60)
    assert notice(world) == ""
    assert world.files("archive") == ["Talk.mp3"]


def test_a_recording_that_is_listed_and_not_there_when_it_is_opened_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CIFS with a wrong iocharset lists a name with ? for letters, and its size, and knows none of that name."""
    talk = world.drop("Talk.mp3")
    elsewhere = world.folders["inbox"].parent / "elsewhere"
    elsewhere.mkdir()
    inbox, real = talk.parent.stat().st_ino, os.scandir
    talk.rename(elsewhere / "Talk.mp3")

    def wrong(folder: Any = ".") -> Any:
        listed = elsewhere if isinstance(folder, int) and os.fstat(folder).st_ino == inbox else folder
        return real(listed)

    monkeypatch.setattr(os, "scandir", wrong)
    work_for(world, 120)
    assert [row["file"] for row in inbox_of(world)["unsettled"]] == ["Talk.mp3"]
    assert 'In the inbox "talks" 1 recording cannot be taken:' in notice(world)
    assert "  Talk.mp3: its folder lists this name, but no file of this name can be opened" in notice(world)

    monkeypatch.undo()
    (elsewhere / "Talk.mp3").rename(talk)
    work_for(world, 120)
    assert notice(world) == ""
    assert world.files("archive") == ["Talk.mp3"]


def symbolic_link(path: Path) -> None:
    target = path.parent.parent / "Elsewhere.mp3"
    target.write_bytes(mp3("elsewhere"))
    path.symlink_to(target)


def bound_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


@pytest.mark.parametrize(
    ("make", "kind"),
    [(symbolic_link, "a symbolic link"), (os.mkfifo, "not a regular file"), (bound_socket, "not a regular file")],
)
def test_what_has_the_name_of_a_recording_and_is_no_file_is_told_at_the_share_while_it_lies_there(
    world: World, make: Any, kind: str
) -> None:
    path = world.folders["inbox"] / "Talk.mp3"
    make(path)
    work_for(world, 40)
    assert notice(world) == ""

    work_for(world, 90)
    assert 'Left alone in the inbox "talks":\n' in notice(world)
    assert f"  Talk.mp3: not taken: {kind} (put the recording itself here)\n" in notice(world)
    assert "\nWhat to do: copy the recording itself into the inbox." in notice(world)

    path.unlink()
    work_for(world, 60)
    assert notice(world) == ""


def test_of_very_many_such_entries_twenty_are_told_at_the_share(world: World) -> None:
    for number in range(130):
        (world.folders["inbox"] / f"{number:03}.mp3").symlink_to("nowhere")

    work_for(world, 120)

    assert notice(world).count("a symbolic link") == 20
    assert "\n  and more\n" in notice(world)
