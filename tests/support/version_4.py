"""The state directory of version 4 in tests/data, and the world round it: its folders, its recordings and the API.

`make_version_4` made it with the code of commit 7a00462. Here it is put somewhere else, so paths, addresses, inode
numbers and times of change are those of the new place; nothing else of the journal is touched.
"""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from fake_assemblyai import FakeAssemblyAI, Submit, Upload
from world import Clock, World

DATA = Path(__file__).parents[1] / "data" / "version-4"
TABLES = ("jobs", "events", "inboxes", "settings", "tails", "erasures", "facts")
IN_THE_WAY = {("archive", "away"), ("outbox", "out"), ("failed", "no")}  # files that kept some jobs from going on


def journal_of(directory: Path) -> Path:
    """A copy of the state directory alone, in this directory; the path of its journal."""
    shutil.copytree(DATA, directory, dirs_exist_ok=True)
    (directory / "world.json").unlink()
    return directory / "journal.db"


def made_older(path: Path, version: int) -> None:
    """The journal of today at `path` as this version (1 to 11) would have kept it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as journal:
        journal.execute("DROP TABLE sent_questions")
        if version < 11:
            journal.execute("DROP TABLE questions")
        if version < 10:
            journal.execute("DROP INDEX payments_by_time")
        if version < 9:
            journal.execute("DROP TABLE days")
        for table in ("jobs", "payments") if version < 8 else ():
            journal.execute(f"DROP INDEX {table}_by_audio")
            journal.execute(f"ALTER TABLE {table} DROP COLUMN audio_hash")
        if version < 7:
            for table in ("payments", "names"):
                journal.execute(f"DROP TABLE {table}")
            journal.execute("DELETE FROM facts WHERE name = 'payments'")
            journal.execute("DROP INDEX jobs_put_away")
        if version < 6:
            for index in ("jobs_by_state", "jobs_unfinished", "jobs_lying", "jobs_paid"):
                journal.execute(f"DROP INDEX {index}")
            journal.execute("ALTER TABLE jobs DROP COLUMN gone")
        if version < 5:
            _made_older_than_5(journal, version)
        journal.execute(f"PRAGMA user_version = {version}")


def _made_older_than_5(journal: sqlite3.Connection, version: int) -> None:
    for table, old, column, since in (("settings", "said", "settings", 3), ("tails", "tail", "tail", 4)):
        if version >= since:
            journal.execute(f"CREATE TABLE {table} (job INTEGER PRIMARY KEY REFERENCES jobs (id), {old} NOT NULL)")
            journal.execute(f"INSERT INTO {table} SELECT id, {column} FROM jobs WHERE length({column}) > 0")
    for column in ("settings", "tail", "renderings", "model"):
        journal.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
    for table, since in (("facts", 2), ("erasures", 4)):
        if version < since:
            journal.execute(f"DROP TABLE {table}")


def world_of(directory: Path, api: FakeAssemblyAI, clock: Clock) -> World:
    """The whole world as it was left, without what lay in some jobs' way."""
    text = (DATA / "world.json").read_text()
    was = json.loads(text)
    facts = json.loads(text.replace(was["base_url"], api.base_url))
    world = World(directory, api, clock, delete_remote=True, output_name="{stem}.{lang}.{ext}")
    clock.moved = facts["moved"]
    api.results = {"language_code": "en_us"}
    api.uploads += [Upload(**each) for each in facts["uploads"]]
    api.submits += [Submit(**each) for each in facts["submits"]]
    path = journal_of(world.state)
    for name, files in facts["folders"].items():
        for below, kept in files.items():
            if (name, below) not in IN_THE_WAY:
                _lay(world.folders[name] / os.fsdecode(below.encode("latin-1")), *kept)
    with closing(sqlite3.connect(path, isolation_level=None)) as journal:
        _move(journal, was, world)
    return world


def _lay(path: Path, content: str, size: int, mtime_ns: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("latin-1")
    path.write_bytes(data * (size // len(data)) if data else b"")
    os.utime(path, ns=(mtime_ns, mtime_ns))


def _move(journal: sqlite3.Connection, made: dict[str, Any], world: World) -> None:
    was, now = made["directory"], str(world.directory)
    for column in ("stem", "place"):
        moved = f"CAST(replace({column}, CAST(? AS BLOB), CAST(? AS BLOB)) AS BLOB)"
        journal.execute(f"UPDATE jobs SET {column} = {moved} WHERE {column} != x''", (was, now))
    journal.execute("UPDATE facts SET name = replace(name, ?, ?)", (was, now))
    for column in ("base_url", "upload_url"):
        journal.execute(f"UPDATE jobs SET {column} = replace({column}, ?, ?)", (made["base_url"], world.api.base_url))
    for number, path in journal.execute("SELECT id, path FROM jobs").fetchall():
        recording = world.folders["inbox"] / os.fsdecode(path)
        if recording.exists():
            seen = recording.stat()
            where = (str(seen.st_ctime_ns), str(seen.st_ino), number)
            journal.execute("UPDATE jobs SET ctime_ns = ?, inode = ? WHERE id = ?", where)
