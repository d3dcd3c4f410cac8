"""A recording that changes on the server after it was taken: while it is sent, after its submit, in the archive."""

import os
import time
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path

from nas.judge import Verdict, judged, lacking
from nas.scene import Scene, idle_seconds
from nas.shares import Share

LARGE = 15_000  # frames, 6 MB: far more than the connection holds
WHOLE, PART_BYTES = 600, 150 * 417  # the frames of a recording, and the bytes of its first part
OLD_SECONDS = 150  # after so long NFS believes its cached attributes for as long as it ever does


def during_the_upload(scene: Scene) -> Iterator[tuple[str, str, Verdict]]:
    """Overwritten in place by as many bytes, while a part of it is sent: those that are sent at once, then the next."""
    left = scene.drop("D1", frames=LARGE)
    until = idle_seconds() + 180
    while left and idle_seconds() < until:
        scene.api.hold("POST /v2/upload", "received")
        scene.wait(lambda: scene.sending("D1") & left.keys(), 10)
        scene.rest(5)  # until the connections take no more, and the status says whose they are
        _overwrite(scene, {name: left.pop(name) for name in scene.sending("D1") & left.keys()}, "D1", LARGE)
        scene.api.release()
        scene.rest(3)  # one that was overwritten is sent again, and may stand in the way of the others
    for row, name, verdict in _judged_at_last(scene, "D1", LARGE):
        yield row, name, Verdict("-", "it was not overwritten in time") if name in left else verdict


def after_the_submit(scene: Scene) -> Iterator[tuple[str, str, Verdict]]:
    """Overwritten in place by as many bytes, at once after its submit."""
    scene.api.processing_seconds = 20
    yield from _overwritten_once_submitted(scene, "D2", scene.drop("D2"))


def after_the_submit_of_an_old_one(scene: Scene) -> Iterator[tuple[str, str, Verdict]]:
    """The same for a recording that has lain there for long, so its attributes are long believed."""
    scene.api.processing_seconds = 20
    held = {share.name: share.place("inbox") / f"D2old-{share.name}.mp3.hold" for share in scene.shares}
    for marker in held.values():
        marker.touch()
    placed = scene.drop("D2old")
    time.sleep(OLD_SECONDS)
    for marker in held.values():
        marker.unlink()
    yield from _overwritten_once_submitted(scene, "D2old", placed)


def _overwritten_once_submitted(
    scene: Scene, case: str, placed: Mapping[str, Path]
) -> Iterator[tuple[str, str, Verdict]]:
    """Each as soon as its own submit was taken."""

    def overwritten(share: Share) -> bool:
        if "submitted" not in scene.states(share, case):
            return False
        _overwrite(scene, {share.name: placed[share.name]}, case, 40)
        return True

    done = scene.wait_for_all(overwritten, 150)
    scene.api.processing_seconds = 0
    for row, name, verdict in _judged_at_last(scene, case, 40):
        yield row, name, verdict if name in done else Verdict("-", "it was not overwritten in time")


def _overwrite(scene: Scene, placed: Mapping[str, Path], case: str, frames: int) -> None:
    for name, path in placed.items():
        with path.open("r+b") as file:
            file.write(scene.recording(f"{case} anew {name}", frames))
            file.flush()
            os.fsync(file.fileno())


def _judged_at_last(scene: Scene, case: str, frames: int, seconds: float = 180) -> Iterator[tuple[str, str, Verdict]]:
    """Each mount's verdict, once nothing is lacking or the time is up."""
    wanted = {share.name: [scene.recording(f"{case} anew {share.name}", frames)] for share in scene.shares}
    scene.wait_for_all(lambda share: not lacking(scene, share, case, wanted[share.name]), seconds)
    for share in scene.shares:
        yield case, share.name, judged(scene, share, case, wanted=wanted[share.name])


def after_it_was_archived(scene: Scene) -> Iterator[tuple[str, str, Verdict]]:
    """Written on, by a writer on the server who has had it open all the time, once it lies in the archive.

    Where the daemon can tell that there is a writer, it waits: then it is written on after a while.
    """
    whole = {share.name: scene.recording(f"D3 anew {share.name}", WHOLE) for share in scene.shares}
    opened = {}
    for share in scene.shares:
        opened[share.name] = (share.place("inbox") / f"D3-{share.name}.mp3").open("wb", buffering=0)
        opened[share.name].write(whole[share.name][:PART_BYTES])

    def written_on(share: Share) -> bool:
        if any(job.retired_at for job in scene.jobs(share, "D3")):
            _write_on(opened.pop(share.name), whole[share.name])
        return share.name not in opened

    scene.wait_for_all(written_on, 120)
    for name, file in opened.items():
        _write_on(file, whole[name])
    yield from _judged_at_last(scene, "D3", WHOLE, seconds=240)


def _write_on(file: FileIO, whole: bytes) -> None:
    with file:
        file.write(whole[PART_BYTES:])
