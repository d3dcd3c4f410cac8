"""A recording that cannot be moved is delivered all the same, stays, is not taken again, and the status says why."""

import fcntl
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog

from abilities import needs_mounts
from transcribed.job import State
from world import World, changed

pytestmark = pytest.mark.route(formats=("txt",))

GET_FLAGS, SET_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10  # linux/fs.h: FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, +i
HOUR = 3600.0


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    """A file that nobody may move, remove or change, not even root (chattr +i)."""
    _set_immutable(path, wanted=True)
    try:
        yield
    finally:
        _set_immutable(path, wanted=False)


def _set_immutable(path: Path, *, wanted: bool) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        [flags] = struct.unpack("l", fcntl.ioctl(descriptor, GET_FLAGS, bytes(8)))
        flags = flags | IMMUTABLE if wanted else flags & ~IMMUTABLE
        fcntl.ioctl(descriptor, SET_FLAGS, struct.pack("l", flags))
    finally:
        os.close(descriptor)


def _can_make_immutable() -> bool:
    with tempfile.NamedTemporaryFile() as file:
        try:
            with immutable(Path(file.name)):
                return True
        except OSError:
            return False


needs_immutable = pytest.mark.skipif(not _can_make_immutable(), reason="needs leave to make a file immutable")


def told(world: World, name: str) -> str:
    """The reason that the status gives for a recording."""
    [row] = [row for row in world.published[-1]["open"] if row["file"] == name]
    return str(row["reason"])


@needs_immutable
@pytest.mark.route(formats=("txt",), scan_seconds=60.0)
@pytest.mark.parametrize("after", ["archive", "delete"])
def test_one_that_cannot_be_moved_stays_with_its_reason_and_the_others_go_on(world, api, clock, after):
    world.routes = [changed(world.route, after=after)]
    stuck = world.drop("stuck.mp3")
    with immutable(stuck), structlog.testing.capture_logs() as log:
        end = clock.monotonic() + 2 * HOUR
        world.run(lambda: clock.monotonic() > end, seconds=3 * HOUR)
        world.drop("Talk.mp3")
        world.run(lambda: len(world.files("outbox")) == 2 and world.files("inbox") == ["stuck.mp3"])

        assert world.published[-1]["blocked"] == []
        assert "cannot be" in told(world, "stuck.mp3")
        assert "Operation not permitted" in told(world, "stuck.mp3")
        assert len(api.submits) == 2, "it is not taken again"
        assert [row["event"] for row in log].count("job.deferred") == 1, "it is tried for ever, and said once"
        assert world.run() == 75, "and a run that is to end does"
        assert stuck.exists()

    world.run(lambda: world.files("inbox") == [], seconds=2 * HOUR)
    assert world.files("archive") == (["Talk.mp3", "stuck.mp3"] if after == "archive" else [])


@needs_mounts
def test_out_of_an_inbox_that_may_only_be_read_everything_is_delivered_and_nothing_is_copied(world, api):
    """As a container has it whose inbox is mounted with `:ro`."""
    inbox = world.folders["inbox"]
    for name in ("a/Talk.mp3", "Walk.mp3"):
        world.drop(name)
    for options in ("bind", "remount,ro,bind"):
        subprocess.run(["mount", "-o", options, str(inbox), str(inbox)], check=True)
    try:
        assert world.run() == 75

        assert world.files("outbox") == ["Walk.txt", "a/Talk.txt"]
        assert world.files("archive") == []
        assert world.published[-1]["blocked"] == []
        assert "cannot be moved" in told(world, "a/Talk.mp3")
        assert world.run() == 75
        assert len(api.submits) == 2
    finally:
        subprocess.run(["umount", str(inbox)], check=True)


@needs_immutable
def test_why_a_recording_failed_is_not_hidden_by_why_it_cannot_be_moved(world):
    world.drop("stuck.mp3", b"no audio at all")
    with immutable(world.folders["inbox"]):
        assert world.run() == 75
        [job] = world.jobs()
        assert job.state is State.FAILED
        assert "cannot be moved" in told(world, "stuck.mp3")

    world.run(lambda: world.files("inbox") == [], seconds=2 * HOUR)
    note = (world.folders["failed"] / "stuck.mp3.error.txt").read_text()
    assert job.reason in note
    assert "cannot be moved" not in note


@needs_immutable
def test_where_the_archive_takes_nothing_it_is_the_inbox_that_waits(world):
    world.drop("Talk.mp3")
    with immutable(world.folders["archive"]):
        world.run(lambda: bool(world.published and world.published[-1]["blocked"]))
        [lane] = world.published[-1]["blocked"]
        assert lane["lane"] == "inbox:talks"

    assert world.run() == 0
    assert world.files("archive") == ["Talk.mp3"]
