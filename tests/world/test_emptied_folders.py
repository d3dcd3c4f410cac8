"""Folders in an inbox that our moves have emptied: they are removed where that is wanted, and no others."""

import os

import pytest

from world import World, work_for

pytestmark = pytest.mark.route(formats=("txt",), remove_empty_folders=True, scan_seconds=60.0)


def folders(world: World) -> list[str]:
    inbox = world.folders["inbox"]
    return sorted(str(path.relative_to(inbox)) for path in inbox.rglob("*") if path.is_dir())


def test_folders_that_our_moves_emptied_go_after_an_hour_with_those_above_them(world: World) -> None:
    for name in ("a/b/One.mp3", "a/b/Two.mp3", "a/Three.mp3", "c/Four.mp3", "Five.mp3"):
        world.drop(name)

    def hour_later() -> None:
        assert world.files("inbox") == []
        assert folders(world) == ["a", "a/b", "c"]

    def is_away() -> bool:
        if world.clock.moved > 600 and world.clock.moved < 3500:
            hour_later()
        return not folders(world)

    world.run(is_away, seconds=3 * 3600)

    assert world.clock.moved >= 3600
    assert world.folders["inbox"].is_dir()
    assert world.files("archive") == ["Five.mp3", "a/Three.mp3", "a/b/One.mp3", "a/b/Two.mp3", "c/Four.mp3"]


def test_a_folder_that_was_never_filled_one_that_holds_a_file_and_one_that_is_filled_again_stay(world: World) -> None:
    for folder in ("never filled", "kept/beside"):
        (world.folders["inbox"] / folder).mkdir(parents=True)
    for name in ("kept/One.mp3", "noted/Two.mp3", "again/Three.mp3"):
        world.drop(name)
    world.drop("noted/notes.txt", b"of the meeting")
    filled = False

    def is_over() -> bool:
        nonlocal filled
        if world.clock.moved > 3000 and not filled:
            filled = True
            world.drop("again/later.txt", b"and removed").unlink()
            os.utime(world.folders["inbox"] / "again")
        return world.clock.moved > 3600 + 1800

    world.run(is_over, seconds=9000)

    assert folders(world) == ["again", "kept", "kept/beside", "never filled", "noted"]


@pytest.mark.route(remove_empty_folders=False, scan_seconds=60.0)
def test_by_default_no_folder_is_removed(world: World) -> None:
    world.drop("a/One.mp3")
    work_for(world, 5400)
    assert folders(world) == ["a"]


def test_a_folder_that_a_person_emptied_stays(world: World, api: object) -> None:
    world.drop("mine/One.mp3")
    world.run(lambda: bool(world.published and world.worker.book.unfinished))
    (world.folders["inbox"] / "mine/One.mp3").unlink()

    work_for(world, 5400)

    assert folders(world) == ["mine"]
