"""What lies at the name of a note or an anchor of ours, and is none: it stops no inbox and keeps no descriptor open.

And an error of one file is that file's alone, in virtual time.
"""

import errno
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog

from transcribed.assemblyai import AssemblyAI
from transcribed.folders import ANCHOR
from transcribed.worker.intake import candidates
from world import World

HOUR = 3600.0
RIGHT = b'formats = ["txt"]\n'
WRONG = b'formats = ["poem"]\n'
NOTE = "transcribed.toml.error.txt"
NOTICE = "_transcribed.txt"


pytestmark = pytest.mark.route(formats=("txt",), scan_seconds=60.0)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    """By the descriptor of its folder, for the name of a socket may have 107 bytes."""
    folder = os.open(path.parent, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as unheard:
        unheard.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


of_each_kind = pytest.mark.parametrize("make", [make_folder, make_pipe, make_socket])


def put(world: World, name: str, make: Callable[[Path], None], folder: str) -> Path:
    """Something that is not ours at a name of ours."""
    path = world.folders[folder] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    return path


def descriptors(directory: Path) -> list[str]:
    """What this process has open in these folders; the state directory has its own files open."""
    shown = []
    for number in os.listdir("/proc/self/fd"):
        try:
            shown.append(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:  # the one of the listing itself
            continue
    return [path for path in shown if path.startswith(str(directory)) and "/state/" not in path]


def run_on(world: World, *, seconds: float = HOUR) -> Sequence[Mapping[str, Any]]:
    """Let the daemon run for so long, and return its log. No descriptor may be left open at the end."""
    ends_at = world.clock.moved + seconds
    left: list[str] = []

    def is_over() -> bool:
        if world.clock.moved < ends_at:
            return False
        left.extend(descriptors(world.directory))
        return True

    with structlog.testing.capture_logs() as lines:
        world.run(is_over, seconds=seconds + 3600)
    assert left == []
    return lines


def assert_nothing_was_blocked(lines: Sequence[Mapping[str, Any]]) -> None:
    assert [line for line in lines if line["event"] in ("lane.blocked", "inbox.lost")] == []


@of_each_kind
def test_a_stranger_at_the_note_of_a_right_settings_file_stops_nothing(world, make):
    world.drop("transcribed.toml", RIGHT)
    world.drop("Talk.mp3")
    stranger = put(world, NOTE, make, "inbox")

    lines = run_on(world)

    assert world.files("outbox") == ["Talk.txt"]
    assert os.path.lexists(stranger)
    assert_nothing_was_blocked(lines)


@of_each_kind
def test_a_stranger_at_the_note_of_a_wrong_settings_file_holds_that_folder_alone(world, make):
    world.drop("a/transcribed.toml", WRONG)
    world.drop("a/Held.mp3")
    world.drop("b/Good.mp3")
    stranger = put(world, f"a/{NOTE}", make, "inbox")

    lines = run_on(world)
    assert world.files("outbox") == [NOTICE, "b/Good.txt"]
    assert_nothing_was_blocked(lines)
    (held,) = world.published[-1]["inboxes"][0]["unsettled"]
    assert held["file"] == "a/Held.mp3"
    assert "poem" in held["why"]

    world.drop("a/transcribed.toml", RIGHT)
    run_on(world, seconds=600)
    assert world.files("outbox") == ["a/Held.txt", "b/Good.txt"]
    assert os.path.lexists(stranger)


@of_each_kind
def test_a_stranger_at_the_note_of_a_failure_costs_no_paid_transcript(world, api, make):
    world.drop("Talk.mp3")
    stranger = put(world, "Talk.mp3.error.txt", make, "failed")

    lines = run_on(world)

    (name,) = world.files("outbox")
    assert name in ("Talk.txt", "Talk (2).txt")
    assert len(api.submits) == 1
    assert world.files("inbox") == []
    assert os.path.lexists(stranger)
    assert_nothing_was_blocked(lines)


@of_each_kind
def test_a_recording_that_fails_gets_its_note_beside_a_stranger_of_that_name(world, make):
    world.drop("Text.mp3", b"a text, and no recording")
    world.drop("Talk.mp3")
    put(world, "Text.mp3.error.txt", make, "failed")

    lines = run_on(world)

    assert world.files("outbox") == ["Talk.txt"]
    notes = [path for path in world.folders["failed"].rglob("*.error.txt") if path.is_file()]
    assert [path.read_bytes().startswith(b"transcribed could not deliver") for path in notes] == [True]
    assert_nothing_was_blocked(lines)


@of_each_kind
def test_a_stranger_at_the_notice_in_the_outbox_stops_nothing_while_a_lane_is_blocked_and_after(world, make):
    stranger = put(world, "_transcribed.txt", make, "outbox")
    world.drop("Talk.mp3")
    key, world.key = world.key, "0" * 32

    run_on(world)
    assert world.published[-1]["blocked"], "it is for this that the notice is"
    world.key = key
    run_on(world)

    assert "Talk.txt" in world.files("outbox")
    assert os.path.lexists(stranger)


@of_each_kind
@pytest.mark.parametrize("folder", ["inbox", "outbox", "archive", "failed"])
def test_a_stranger_at_the_name_of_an_anchor_stops_nothing(world, make, folder):
    put(world, os.fsdecode(ANCHOR), make, folder)
    world.drop("Talk.mp3")

    lines = run_on(world)

    assert [name for name in world.files("outbox") if ANCHOR.decode() not in name] == ["Talk.txt"]
    assert_nothing_was_blocked(lines)


@pytest.mark.parametrize("number", [errno.EISDIR, errno.EIO, errno.ESTALE, errno.EACCES, errno.EPERM, errno.EINVAL])
def test_an_error_of_one_file_is_that_files_alone(world, monkeypatch, number):
    """The first of its batch cannot be read, as on a disk with a bad sector: all others are taken."""
    read = candidates.looked_into

    def ill(found, *rest):
        if found.path == b"1 Ill.mp3":
            raise OSError(number, os.strerror(number))
        return read(found, *rest)

    monkeypatch.setattr(candidates, "looked_into", ill)
    for name in ("1 Ill.mp3", "2 Good.mp3", "3 Good.mp3"):
        world.drop(name)

    lines = run_on(world)

    assert world.files("outbox") == ["2 Good.txt", "3 Good.txt", NOTICE]
    assert_nothing_was_blocked(lines)
    assert [each["file"] for each in world.published[-1]["inboxes"][0]["unsettled"]] == ["1 Ill.mp3"]
    assert [line["event"] for line in lines].count("inbox.problem") == 1

    monkeypatch.undo()
    run_on(world, seconds=600)
    assert world.files("outbox") == ["1 Ill.txt", "2 Good.txt", "3 Good.txt"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EINVAL])
def test_a_recording_that_cannot_be_read_to_its_end_keeps_no_other_from_being_sent(world, monkeypatch, number):
    """Its upload meets the error, as on a disk with a bad sector behind what the probe reads."""
    upload = AssemblyAI.upload

    def ill(self, file, *rest):
        if file.read(1 << 20).find(b"1 Ill") >= 0:
            raise OSError(number, os.strerror(number))
        file.seek(0)
        return upload(self, file, *rest)

    monkeypatch.setattr(AssemblyAI, "upload", ill)
    for name in ("1 Ill.mp3", "2 Good.mp3"):
        world.drop(name)

    lines = run_on(world)

    assert world.files("outbox") == ["2 Good.txt"]
    assert_nothing_was_blocked(lines)

    monkeypatch.undo()
    run_on(world, seconds=7200)
    assert world.files("outbox") == ["1 Ill.txt", "2 Good.txt"]
