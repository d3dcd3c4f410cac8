"""Makes tests/data/version-4: a state directory as the code of commit 7a00462 left it, with jobs in every state.

It is kept to show what the data is. Run it with the code and the tests of that commit, never with those beside it:

    git archive 7a00462 | tar -x -C OLD
    PYTHONPATH=OLD/daemon:OLD/tests python -P tests/support/make_version_4.py WORLD DATA

WORLD is where the folders of that daemon are made. In DATA is kept what is needed of them: the state directory, and in
`world.json` what the API holds and what lies in each folder.
"""

import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from fake_assemblyai import FakeAssemblyAI, Fault
from transcribed.job import Job, State
from transcribed.worker import drop
from world import FRAME, START, Clock, World, changed, mp3

BUSY = Fault.answer(422, body=b"Upload failed, please try again.")
SETTINGS = b"formats = ['srt', 'json']\nspeakers = { A = 'Ana' }\n[transcript]\nspeaker_labels = true\n"
NO_UTF_8 = os.fsdecode(b"caf\xe9.mp3")


def job_of(world: World, name: str) -> Job | None:
    """The newest job of this recording."""
    return next((job for job in reversed(world.jobs()) if job.path == os.fsencode(name)), None)


def run_until(world: World, name: str, state: State, *, attempts: int = 0) -> None:
    def is_there() -> bool:
        job = job_of(world, name)
        return job is not None and job.state is state and job.attempts >= attempts and job.in_flight is None

    world.run(is_there)


def ended(world: World) -> None:
    """Jobs that have ended: delivered (one with settings, one named by bytes, one at no cost) and failed."""
    world.drop("Old.mp3")
    world.drop("Old.mp3.toml", SETTINGS)
    world.drop(NO_UTF_8)
    world.run()
    world.routes[0] = world.route = changed(world.route, output_name="{stem}.{lang}.{ext}")
    world.drop("Old again.mp3", mp3("Old.mp3"))
    world.drop("Old again.mp3.toml", SETTINGS)
    world.drop("Named.mp3")
    world.drop("Mended.mp3")
    world.drop("Mended.mp3.toml", b"format = ['srt']\n")
    world.run()
    world.api.end_with_error("language_detection cannot be performed on files with no spoken audio.")
    world.drop("Silent.mp3")
    world.run()
    (world.folders["failed"] / "Mended.mp3.toml").unlink()
    world.drop("Mended.mp3.toml", SETTINGS)
    (world.folders["failed"] / "Mended.mp3").rename(world.folders["inbox"] / "Mended.mp3")
    world.run()


def cancelled(world: World) -> None:
    """One by order, one whose recording was taken away."""
    world.api.script("POST /v2/upload", [BUSY] * 2)
    world.drop("By order.mp3")
    world.drop("Taken away.mp3", mp3("Taken away", frames=41))
    run_until(world, "Taken away.mp3", State.RECEIVED, attempts=1)
    (world.folders["inbox"] / "Taken away.mp3").unlink()
    found = job_of(world, "By order.mp3")
    assert found is not None
    drop(str(world.state), {"order": "cancel", "jobs": [found.id]})
    run_until(world, "Taken away.mp3", State.CANCELLED)


def unfinished(world: World) -> None:
    """A job in each state that has a step left, kept in it by what lies in its way."""
    for folder, name in (("archive", "away"), ("outbox", "out"), ("failed", "no")):
        (world.folders[folder] / name).write_bytes(b"a file where a folder should be")
    world.api.script("DELETE /v2/transcript/{id}", [Fault.answer(500, "later")] * 50)
    world.drop("away/Delivered.mp3")
    run_until(world, "away/Delivered.mp3", State.DELIVERED, attempts=1)
    world.drop("out/Transcribed.mp3")
    world.drop("out/Transcribed.mp3.toml", SETTINGS)
    run_until(world, "out/Transcribed.mp3", State.TRANSCRIBED, attempts=1)
    world.drop("no/Failed.mp3", b"no recording")
    run_until(world, "no/Failed.mp3", State.FAILED, attempts=1)
    world.api.processing_seconds = 36000
    world.drop("Submitted.mp3")
    world.drop("Submitted.mp3.toml", SETTINGS)
    run_until(world, "Submitted.mp3", State.SUBMITTED)
    world.api.list_lag_seconds = 36000
    world.api.script("POST /v2/transcript", [Fault.lost_answer(), Fault.answer(429, "too many", Retry_After="3600")])
    world.drop("In doubt.mp3")
    run_until(world, "In doubt.mp3", State.UPLOADED, attempts=1)
    world.drop("Uploaded.mp3")
    world.drop("Uploaded.mp3.toml", SETTINGS)
    run_until(world, "Uploaded.mp3", State.UPLOADED)
    world.drop("Received.mp3")
    world.drop("Received.mp3.toml", SETTINGS)
    run_until(world, "Received.mp3", State.RECEIVED)


def kept(path: Path) -> list[object]:
    """A file: of a recording, whose frames are all alike, the first of them; its size and time."""
    data, status = path.read_bytes(), path.stat()
    content = data[: len(FRAME)] if data[:2] == FRAME[:2] else data
    return [content.decode("latin-1"), status.st_size, status.st_mtime_ns]


def keep(world: World, data: Path) -> None:
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    with closing(sqlite3.connect(world.state / "journal.db", isolation_level=None)) as journal:
        journal.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(world.state / "journal.db", data)
    shutil.copy(world.state / "lock", data)
    shutil.copytree(world.state / "transcripts", data / "transcripts")
    lying = {
        name: {
            os.fsencode(path.relative_to(folder)).decode("latin-1"): kept(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        for name, folder in world.folders.items()
    }
    api = world.api
    held = {"uploads": [asdict(each) for each in api.uploads], "submits": [asdict(each) for each in api.submits]}
    facts = {"directory": str(world.directory), "base_url": api.base_url, "moved": world.clock.moved}
    (data / "world.json").write_text(json.dumps({**facts, **held, "folders": lying}, indent=1) + "\n")


def main() -> None:
    directory, data = map(Path, sys.argv[1:])
    clock = Clock()
    with FakeAssemblyAI(clock=clock.wall, processing_seconds=30) as api:
        api.results = {"language_code": "en_us"}
        world = World(directory, api, clock, delete_remote=True)
        assert world.clock.wall() == START
        for make in (ended, cancelled, unfinished):
            make(world)
        keep(world, data)
        for job in world.jobs():
            sys.stdout.write(f"{job} {world.story(job.id)}\n")


if __name__ == "__main__":
    main()
