"""A journal of an older version is brought up to date whole or not at all, and every job in it goes on.

The journal of version 4 is a real one: tests/data/version-4, made by `make_version_4` with the code of that version.
"""

import json
import os
import re
import resource
import socket
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import version_4
from abilities import needs_mounts, needs_strace
from daemon_process import Daemon
from jobs import RECEIVED, a_job, add_job, save_job
from straced import attached, let_end
from transcribed.errors import Blocked
from transcribed.job import State
from transcribed.job.events import Retired
from transcribed.journal import VERSION, Journal
from waiting import BOUND_SECONDS, wait_for
from warm import Warm, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return version_4.journal_of(tmp_path / "state")


def rows_of(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file://{path}?mode=ro", uri=True)) as journal:
        return journal.execute(query).fetchall()


SAID_AND_TAILS = """
SELECT jobs.id, said, coalesce(tail, x'') FROM jobs
LEFT JOIN settings ON settings.job = jobs.id LEFT JOIN tails ON tails.job = jobs.id ORDER BY jobs.id
"""


# -- every job goes on ------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path, api, clock):
    return version_4.world_of(tmp_path, api, clock)


def test_the_journal_of_version_4_has_jobs_in_every_state_and_rows_in_every_table(path):
    states = {state for (state,) in rows_of(path, "SELECT state FROM jobs")}
    counts = {table: rows_of(path, f"SELECT count(*) FROM {table}")[0][0] for table in version_4.TABLES}

    assert rows_of(path, "PRAGMA user_version") == [(4,)]
    assert states == set(State)
    assert min(counts.values()) > 0, counts
    assert rows_of(path, "SELECT count(*) FROM jobs WHERE state = 'uploaded' AND submit_sent_at IS NOT NULL") == [(1,)]
    assert rows_of(path, "SELECT count(*) FROM jobs WHERE state = 'delivered' AND retired_at IS NULL") == [(1,)]


def test_every_job_of_version_4_goes_on_and_nothing_is_paid_again(world):
    before = {number: (said, tail) for number, said, tail in rows_of(world.state / "journal.db", SAID_AND_TAILS)}
    paid, uploads = world.api.paid(), len(world.api.uploads)

    assert world.run() == 0

    jobs = world.jobs()
    assert Counter(job.state for job in jobs) == {State.DELIVERED: 11, State.FAILED: 2, State.CANCELLED: 2}
    assert not any(job.unfinished for job in jobs)
    assert all(count == 1 for count in world.api.paid().values())
    assert len(world.api.paid()) == len(paid) + 2  # of the one uploaded and the one received
    assert len(world.api.uploads) == uploads + 1
    assert {job.id: job.settings for job in jobs} == {number: said for number, (said, _) in before.items()}
    assert all(job.tail == before[job.id][1] for job in jobs if before[job.id][1])
    for file in ("out/Transcribed.en.srt", "out/Transcribed.en.json", "Uploaded.en.srt", "Received.en.json"):
        assert file in world.files("outbox")
    assert {"away/Delivered.mp3", "caf\udce9.mp3", "In doubt.mp3", "Submitted.mp3"} <= set(world.files("archive"))
    assert "no/Failed.mp3" in world.files("failed")


# -- what becomes of the file -----------------------------------------------------------------------------------------


def all_of(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of a journal of version 4 or today's, its settings and tails as version 5 keeps them."""
    (version,) = rows_of(path, "PRAGMA user_version")[0]
    assert version in (4, VERSION)
    columns = ", ".join(name for _, name, *_ in rows_of(path, "PRAGMA table_info(jobs)")[:35])
    tables = {name: rows_of(path, f"SELECT * FROM {name}") for name in ("events", "inboxes", "erasures")}
    facts = rows_of(path, "SELECT * FROM facts WHERE name NOT IN ('loss', 'payments', 'starts')")
    said = rows_of(path, SAID_AND_TAILS if version == 4 else "SELECT id, settings, tail FROM jobs ORDER BY id")
    return {"jobs": rows_of(path, f"SELECT {columns} FROM jobs"), "said": said, "facts": facts, **tables}


Schema = dict[str, list[Any]]


def schema_of(path: Path) -> Schema:
    """What SQLite makes of each table and of its indexes, whatever the words by which they were made."""
    kinds = rows_of(path, "SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index')")
    tables = rows_of(path, "SELECT name, type, ncol, wr, strict FROM pragma_table_list WHERE schema = 'main'")
    return {"else": kinds, **{name: [how, *_table_of(path, name)] for name, *how in sorted(tables)}}


def _table_of(path: Path, name: str) -> Iterator[Any]:
    """Its columns with their types and defaults, its keys, and its indexes with their columns and conditions."""
    yield from rows_of(path, f"PRAGMA table_xinfo({name})")
    yield from rows_of(path, f"PRAGMA foreign_key_list({name})")
    for index, unique, origin, is_partial in sorted(
        rows_of(path, f"SELECT name, [unique], origin, partial FROM pragma_index_list('{name}')")
    ):
        said = rows_of(path, f"SELECT replace(lower(sql), char(10), ' ') FROM sqlite_master WHERE name = '{index}'")
        yield index, unique, origin, is_partial, said, rows_of(path, f"PRAGMA index_xinfo({index})")


@pytest.fixture
def of_today(tmp_path: Path) -> Schema:
    """The schema of a new journal."""
    Journal.open(str(tmp_path / "new")).close()
    return schema_of(tmp_path / "new" / "journal.db")


def assert_of_today(path: Path, of_today: Schema) -> None:
    """It has the tables of a new journal, and each is as it is there."""
    schema = schema_of(path)
    assert schema.keys() == of_today.keys()
    for name, table in of_today.items():
        assert schema[name] == table, name


def assert_one_of(path: Path, of_4: Schema, of_today: Schema) -> None:
    """It is wholly of version 4, or wholly of this one."""
    if rows_of(path, "PRAGMA user_version") == [(VERSION,)]:
        assert_of_today(path, of_today)
    else:
        assert schema_of(path) == of_4


def backups(directory: Path) -> list[Path]:
    return sorted(directory.glob("journal.db.v*"))


def test_what_was_kept_is_kept_on_and_what_was_not_known_yet_is_unknown(path, of_today):
    before = all_of(path)
    with closing(Journal.open(str(path.parent))) as journal:
        assert {(job.renderings, job.model) for job in journal.all()} == {(None, None)}
        assert journal.damage() == journal.loss() == ""

    assert all_of(path) == before
    assert_of_today(path, of_today)


SAID = "base_url, key_fingerprint, content_hash, size, parameters, upload_url, inbox, path, stem, number, model"
BY_JOBS = f"""
SELECT transcript_id, id, submit_sent_at, state = 'delivered', {SAID} FROM jobs
WHERE transcript_id IS NOT NULL AND reused_from IS NULL ORDER BY transcript_id
"""
BY_PAYMENTS = f"""
SELECT transcript_id, job, submitted_at, delivered_at IS NOT NULL, {SAID} FROM payments ORDER BY transcript_id
"""
ERASED = "SELECT transcript_id, erased_at FROM {} WHERE erased_at IS NOT NULL ORDER BY transcript_id"


def test_what_version_4_paid_is_a_row_for_each_transcript_and_says_what_its_job_says(path):
    Journal.open(str(path.parent)).close()

    paid = rows_of(path, BY_PAYMENTS)
    assert paid == rows_of(path, BY_JOBS)
    assert len(paid) > 5
    assert rows_of(path, ERASED.format("payments")) == rows_of(path, ERASED.format("erasures")) != []


RETIRED = {
    "deleted": (None, "deleted after delivery, as configured"),
    "taken away": (None, "Talk.mp3 is no longer in the inbox"),
    "replaced": (None, "Talk.mp3 is not the file that was found: another lies in its place, or it has changed"),
    "kept": (None, "kept in the inbox"),
    "archived": (b"/archive/Talk.mp3", ""),
}


def test_a_recording_that_an_older_version_deleted_or_missed_is_gone_and_any_other_is_where_it_was(tmp_path):
    path = tmp_path / "journal.db"
    with closing(Journal.open(str(tmp_path))) as journal:
        for name, (place, why) in RETIRED.items():
            job = add_job(journal, a_job(name.encode(), state=State.DELIVERED, number=1), RECEIVED)
            retired = replace(job, place=place, retired_at=1.0)
            save_job(journal, job, (retired, Retired(place, why)), now=1.0)
        add_job(journal, a_job(b"waits"), RECEIVED)
    version_4.made_older(path, 5)

    with closing(Journal.open(str(tmp_path))) as journal:
        assert [job.path for job in journal.all() if job.gone] == [b"deleted", b"taken away"]
        assert sorted(journal.lying_in("talks")) == [b"kept", b"replaced", b"waits"]


@pytest.mark.parametrize("version", range(1, VERSION))
def test_a_journal_brought_up_to_date_has_the_tables_of_a_new_one(tmp_path, version, of_today):
    old = tmp_path / "old" / "journal.db"
    Journal.open(str(old.parent)).close()
    version_4.made_older(old, version)
    if version < 5:
        with closing(sqlite3.connect(old, isolation_level=None)) as older:  # as the first journals of version 4 were
            older.execute("DROP INDEX IF EXISTS erasures_wanted")

    assert schema_of(old) != of_today

    Journal.open(str(old.parent)).close()

    assert_of_today(old, of_today)
    assert rows_of(old, "PRAGMA user_version") == [(VERSION,)]


QUESTIONS = [  # transcript, state, sent_at, answered_at; and what is known of its price then
    ("a", "delivered", 10.0, 11.0, ("talks", 60.0, 10.0, 11.0)),
    ("b", "answered", 20.0, 21.0, ("talks", 7.0, 20.0, 21.0)),
    ("c", "doubtful", 30.0, None, ("", None, 30.0, None)),
    ("d", "sent", 40.0, None, ("", None, 40.0, None)),
    ("e", "failed", None, None, None),
    ("f", "open", None, None, None),
]


def test_each_question_that_version_11_sent_is_counted_as_far_as_it_is_known(tmp_path):
    path = tmp_path / "journal.db"
    with closing(Journal.open(str(tmp_path))) as journal:
        job = add_job(journal, replace(a_job(b"Talk.mp3", state=State.DELIVERED), duration_seconds=7.0), RECEIVED)
    version_4.made_older(path, 11)
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        for number, (name, state, sent_at, answered_at, _) in enumerate(QUESTIONS):
            facts = (job.id if name == "b" else 100 + number, name, "{}", state, sent_at, answered_at)
            asked = "job, transcript_id, request, asked_at, state, sent_at, answered_at"
            older.execute(f"INSERT INTO questions ({asked}) VALUES (?, ?, ?, 1, ?, ?, ?)", facts)
        paid = (
            "INSERT INTO payments (transcript_id, job, size, inbox, path, billed_seconds) VALUES ('a', 9, 1, ?, ?, 60)"
        )
        older.execute(paid, ("talks", b"Old.mp3"))

    Journal.open(str(tmp_path)).close()

    known = rows_of(path, "SELECT transcript_id, inbox, seconds, sent_at, answered_at FROM sent_questions ORDER BY id")
    assert known == [(name, *facts) for name, *_, facts in QUESTIONS if facts is not None]


def test_an_inbox_of_an_older_journal_is_known_to_be_as_busy_as_it_was(path):
    hours = "SELECT sum(coalesce(duration_seconds, size / 16000.0)) / 3600 FROM jobs"
    (before,) = rows_of(path, f"{hours} GROUP BY inbox, CAST(received_at / 86400 AS INTEGER) ORDER BY 1 DESC")[0]

    with closing(Journal.open(str(path.parent))) as journal:
        (inbox,) = {job.inbox for job in journal.all()}
        assert max(day.came_hours for day in journal.days.of([inbox]).values()) == pytest.approx(before)


def test_the_version_before_sees_a_newer_journal_before_it_looks_into_it(path):
    """It reads the header and `user_version`, and refuses what is greater than its own number, 4."""
    before = path.read_bytes()
    Journal.open(str(path.parent)).close()
    after = path.read_bytes()

    assert int.from_bytes(before[60:64], "big") == 4
    assert int.from_bytes(after[60:64], "big") == VERSION > 4
    assert before[:16] == after[:16] == b"SQLite format 3\0"
    assert before[68:72] == after[68:72], "application_id"


def test_a_backup_is_kept_whole_beside_it_and_the_version_before_can_use_it(path, tmp_path):
    before = all_of(path)
    with closing(Journal.open(str(path.parent))) as journal:
        assert journal.migrated is not None
        was, now, name = journal.migrated

    assert (was, now) == (4, VERSION)
    assert re.fullmatch(r"journal\.db\.v4\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d", name)
    (backup,) = backups(path.parent)
    assert backup.name == name
    assert backup.stat().st_mode & 0o777 == 0o600
    assert rows_of(backup, "PRAGMA integrity_check") == [("ok",)]
    assert all_of(backup) == before
    (loss,) = rows_of(backup, "SELECT value FROM facts WHERE name = 'loss'")[0]
    assert "put back from a backup of 20" in loss
    assert sorted(each.name for each in path.parent.iterdir() if each.name.startswith("journal.db.")) == [name]


def test_only_the_newest_backup_is_kept(path):
    stranger = path.parent / "journal.db.v4.mine"
    for each in (path.parent / "journal.db.v3.2026-01-01T00-00-00", stranger):
        each.write_bytes(b"")
    (path.parent / "journal.db.backup").write_bytes(b"of a process that was killed")
    (path.parent / "journal.db.backup-journal").write_bytes(b"of a process that was killed")
    with closing(Journal.open(str(path.parent))) as journal:
        assert journal.migrated is not None
        newest = path.parent / journal.migrated.backup

    assert backups(path.parent) == sorted([newest, stranger])
    assert not list(path.parent.glob("journal.db.backup*"))


def test_a_journal_of_this_version_is_opened_without_a_backup(path):
    Journal.open(str(path.parent)).close()
    (first,) = backups(path.parent)
    with closing(Journal.open(str(path.parent))) as journal:
        assert journal.migrated is None

    assert backups(path.parent) == [first]


def test_who_waits_for_the_start_hears_that_it_goes_on(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as large:
        rows = ((number, 1, 0.0, "job.deferred", "received", "x" * 4000) for number in range(1000, 6000))
        large.execute("BEGIN")
        large.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)
        large.execute("COMMIT")
    heard = []

    Journal.open(str(path.parent), lambda: heard.append(1)).close()

    assert len(heard) > 4


def test_a_real_daemon_asks_for_time_brings_its_journal_up_to_date_and_says_where_the_backup_is(tmp_path, api):
    with (
        Daemon(tmp_path / "daemon", api.base_url) as daemon,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        daemon.environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        version_4.journal_of(daemon.state)
        daemon.start()
        assert "EXTEND_TIMEOUT_USEC=" in manager.recv(4096).decode()
        wait_for(lambda: "daemon.started" in daemon.events(), "the start")

        (line,) = [json.loads(line) for line in daemon.log.read_text().splitlines() if "journal.migrated" in line]
    (backup,) = backups(daemon.state)
    assert {key: line[key] for key in ("from", "to", "backup")} == {"from": 4, "to": VERSION, "backup": str(backup)}
    assert "alembic" not in daemon.log.read_text()


# -- a disk that is full, and a process that is killed ----------------------------------------------------------------


def opened_by_a_process(directory: Path, *strace: str, most_bytes: int = resource.RLIM_INFINITY) -> str:
    """What another process says of opening the journal; nothing where it was killed."""
    log, main = directory.with_name(f"{directory.name}.log"), partial(opened, most_bytes)
    process = Warm([str(directory)], os.environ, log, main=main, traced=bool(strace))
    if strace:
        let_end(attached(process, *strace, log=log))
    process.wait(BOUND_SECONDS)
    said = log.read_text().strip()
    assert "Traceback" not in said, said
    return said


def traced(directory: Path, calls: str, what: str) -> list[str]:
    """The arguments by which strace tampers with a call about the journal's files."""
    names = [f"journal.db{end}" for end in ("", "-wal", "-shm", ".backup", ".backup-journal", ".backup-wal")]
    paths = [word for name in ("", *names) for word in ("-P", str(directory / name).rstrip("/"))]
    return ["-o", os.devnull, *paths, "-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]


def assert_old_and_usable(path: Path, before: dict[str, list[tuple[Any, ...]]]) -> None:
    """It is the journal of version 4, with all that was in it, and nothing was set aside."""
    assert rows_of(path, "PRAGMA user_version") == [(4,)]
    assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]
    assert all_of(path) == before
    assert not list(path.parent.glob("*damaged*"))
    assert not list(path.parent.glob("journal.db.backup*"))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@needs_mounts
def test_without_room_for_a_backup_the_old_journal_stays_in_use_until_there_is(tmp_path):
    with small_disk(tmp_path / "state", "640k"):
        path = version_4.journal_of(tmp_path / "state")
        before, ballast = all_of(path), path.parent / "ballast"
        ballast.write_bytes(bytes(300_000))

        with pytest.raises(Blocked, match="no room to bring it up to date") as refused:
            Journal.open(str(path.parent))

        assert (refused.value.lane, refused.value.exit_status) == ("state", 69)
        assert re.match(r"free 0\.\d MB there; nothing was changed", refused.value.hint)
        assert_old_and_usable(path, before)
        assert backups(path.parent) == []
        ballast.unlink()
        Journal.open(str(path.parent)).close()
        assert all_of(path) == before


def test_a_backup_that_finds_no_room_leaves_the_old_journal_in_use_and_nothing_beside_it(path):
    before = all_of(path)

    assert opened_by_a_process(path.parent, most_bytes=50 * 1024).startswith("state ")

    assert_old_and_usable(path, before)
    assert backups(path.parent) == []
    Journal.open(str(path.parent)).close()
    assert all_of(path) == before


@needs_strace
@pytest.mark.parametrize("call", ["pwrite64", "fsync,fdatasync"])
def test_a_disk_that_is_full_at_any_moment_leaves_the_old_journal_in_use(tmp_path, call):
    blocked = 0
    for k in (1, 2, 4, 8, 16, 32, 64):
        path = version_4.journal_of(tmp_path / str(k))
        before = all_of(path)

        said = opened_by_a_process(path.parent, *traced(path.parent, call, f"error=ENOSPC:when={k}+"))

        assert said == "opened" or said.startswith("state "), said
        if said == "opened":
            break
        blocked += 1
        if rows_of(path, "PRAGMA user_version") == [(4,)]:
            assert_old_and_usable(path, before)
        assert all_of(path) == before
        Journal.open(str(path.parent)).close()
        assert all_of(path) == before
    assert blocked > 1


@needs_strace
@pytest.mark.parametrize("call", ["openat", "pwrite64", "fsync,fdatasync", "rename", "unlink"])
def test_a_process_that_is_killed_at_any_moment_leaves_the_old_journal_or_the_new_one(tmp_path, call, of_today):
    seen = Counter()
    for k in (1, 2, 4, 8, 16, 32, 64):
        path = version_4.journal_of(tmp_path / str(k))
        before, of_4 = all_of(path), schema_of(path)

        said = opened_by_a_process(path.parent, *traced(path.parent, call, f"signal=KILL:when={k}"))

        seen[said] += 1
        assert all_of(path) == before, "whichever version it is of"
        assert_one_of(path, of_4, of_today)
        assert not list(path.parent.glob("*damaged*"))
        with closing(Journal.open(str(path.parent))) as journal:
            assert journal.loss() == journal.damage() == ""
        assert all_of(path) == before
        assert_of_today(path, of_today)
        assert len(backups(path.parent)) == 1
        assert not list(path.parent.glob("journal.db.backup*"))
        if said == "opened":
            break
    assert seen[""] > 0, "none was killed"


class Died(BaseException):
    """The process ends here."""


def test_a_failure_at_any_statement_leaves_the_old_journal_or_after_the_one_commit_the_new_one(tmp_path, of_today):
    """As a crash would, but at each statement in turn, and without what it did being written at all."""
    number, versions = 0, []
    while True:
        number += 1
        path = version_4.journal_of(tmp_path / str(number))
        before, of_4 = all_of(path), schema_of(path)
        if not dies_at(number, path):
            break
        versions += rows_of(path, "PRAGMA user_version")
        assert all_of(path) == before
        assert_one_of(path, of_4, of_today)
    assert number > 10
    assert versions == sorted(versions), "it is the old one until the commit"
    assert {version for (version,) in versions} == {4, VERSION}
    assert rows_of(path, "PRAGMA user_version") == [(VERSION,)]


def dies_at(number: int, path: Path) -> bool:
    """Open the journal, and die at this statement of what changes it; True if there were as many."""
    left = number

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal left
        if re.match(r"\s*(BEGIN|CREATE|ALTER|UPDATE|DROP|INSERT|PRAGMA user_version =|DELETE)", statement):
            left -= 1
            if left == 0:
                raise Died

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        Journal.open(str(path.parent)).close()
    except Died:
        return True
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)
    return False
