"""Names on a real exFAT file system, which folds case and refuses what Windows refuses."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shares import exfat, needs_exfat
from transcribed import files
from transcribed.job import State
from world import World, changed, mp3

pytestmark = pytest.mark.route(formats=("txt",))


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Path]:
    """A share that folds case and refuses what Windows refuses."""
    with exfat(tmp_path) as point:
        yield point


def put_on(share: Path, world: World) -> World:
    """The same world, whose outbox, archive and failed folder lie on a share."""
    for name in ("outbox", "archive", "failed"):
        world.folders[name] = share / name
        world.folders[name].mkdir()
    paths: dict[str, Any] = {name: os.fsencode(share / name) for name in ("outbox", "archive", "failed")}
    world.route = changed(world.route, **paths)
    world.routes = [world.route]
    return world


@needs_exfat
def test_every_portable_name_can_be_written_where_windows_names_count(share):
    hostile = [bytes([byte]) for byte in range(1, 256) if byte != ord("/")]
    hostile += [b"CON", b"a.", b"a ", b"\xff" * 200, "会".encode() * 85, "🎤".encode() * 60]
    for number, name in enumerate(hostile):
        path = files.portable(b"%d/%b/Talk" % (number, name))
        files.publish(os.path.join(os.fsencode(share), path), b"words", root=os.fsencode(share))
    assert len(list(share.rglob("Talk"))) == len(hostile)


@needs_exfat
def test_a_name_that_the_outbox_refuses_is_said_with_its_fix_and_goes_on_once_that_is_done(world, share):
    world = put_on(share, world)
    for name in ("Why?.mp3", os.fsdecode(b"caf\xe9/\xff.mp3"), "plain.mp3"):
        world.drop(name)

    world.run(lambda: sum(job.attempts >= 2 for job in world.jobs()) == 2)

    refused = [job for job in world.jobs() if job.state is State.TRANSCRIBED]
    assert len(refused) == 2
    for job in refused:
        assert "refuses the name" in job.reason
        assert job.hint == 'set names = "portable" for this inbox'
    assert world.files("outbox") == ["plain.txt"]
    assert "blocked" in world.published[-1]
    assert world.published[-1]["blocked"] == []

    world.routes = [changed(world.route, names="portable")]
    assert world.run() == 0
    assert world.files("outbox") == ["Why_.txt", "caf%E9/%FF.txt", "plain.txt"]
    assert world.files("archive") == ["Why_.mp3", "caf%E9/%FF.mp3", "plain.mp3"]


@needs_exfat
@pytest.mark.parametrize("content", ["same", "different"])
def test_case_twins_that_are_delivered_together_stay_two_where_case_is_folded(world, share, content):
    """With the same bytes the file of the one would be taken for the other's, and its recording for moved."""
    world = put_on(share, world)
    world.routes = [changed(world.route, duplicates="transcribe")]  # else the one waits for the other
    for name in ("a/Talk.mp3", "a/talk.mp3"):
        world.drop(name, mp3(name if content == "different" else "Talk"))

    assert world.run() == 0

    assert sorted(name.lower() for name in world.files("outbox")) == ["a/talk (2).txt", "a/talk.txt"]
    assert sorted(name.lower() for name in world.files("archive")) == ["a/talk (2).mp3", "a/talk.mp3"]
    assert world.files("inbox") == []
