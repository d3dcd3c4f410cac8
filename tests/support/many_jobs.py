"""A journal with many jobs that have ended, as years of work leave it, made by SQL in a minute or two.

As a program: `python tests/support/many_jobs.py DIRECTORY JOBS`.
"""

import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from jobs import add_job, save_job
from transcribed.job import Fingerprint, Job, Rules, State, after
from transcribed.job.events import Delivered, Event, Named, Received, Retired, Submitted, Transcribed, Uploaded
from transcribed.journal import Journal

BEGAN = 1_700_000_000.0
SECONDS_APART = 160.0
_URL = "https://cdn.assemblyai.com/upload/"
_HASH = "lower(hex(randomblob(32)))"
_UUID = (
    "lower(hex(randomblob(4))) || '-' || lower(hex(randomblob(2))) || '-4' || substr(lower(hex(randomblob(2))), 2)"
    " || '-8' || substr(lower(hex(randomblob(2))), 2) || '-' || lower(hex(randomblob(6)))"
)
_LATER = f"{{0}} + (i - 1) * {SECONDS_APART}"
_TIMES = ("received_at", "changed_at", "due_at", "uploaded_at", "submit_sent_at", "retired_at")
#: What sets each job apart from the first; all else is the same.
_OWN: Mapping[str, str] = {
    "id": "i",
    "path": "CAST('meetings/Talk ' || i || '.mp3' AS BLOB)",
    "size": "200000 + i * 417 % 90000000",
    "mtime_ns": "CAST(1700000000000000000 + i * 160000000000 AS TEXT)",
    "inode": "CAST(1000000 + i AS TEXT)",
    "content_hash": _HASH,
    "upload_url": f"'{_URL}' || {_HASH}",
    "transcript_id": _UUID,
    "stem": "CAST('/srv/audio/outbox/meetings/Talk ' || i AS BLOB)",
    "place": "CAST('/srv/audio/archive/meetings/Talk ' || i || '.mp3' AS BLOB)",
    "renderings": f"json_object('txt', {_HASH})",
    **{name: _LATER.format(name) for name in _TIMES},
}
#: What a payment takes from its job under another name.
_PAID: Mapping[str, str] = {
    "job": "id",
    "billed_seconds": "duration_seconds",
    "submitted_at": "submit_sent_at",
    "transcribed_at": "changed_at",
    "delivered_at": "changed_at",
    "erased_at": "NULL",
    "given_up_at": "NULL",
}
_NUMBERS = "WITH RECURSIVE numbers(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM numbers WHERE i < {0})"


def fill(directory: Path, jobs: int, *, inbox: str = "talks") -> None:
    """Make a journal in `directory` in which so many jobs of this inbox have ended, each with its seven events."""
    with closing(Journal.open(str(directory))) as journal:
        _first(journal, inbox)
    with closing(sqlite3.connect(directory / "journal.db", isolation_level=None)) as filled:
        filled.execute("PRAGMA synchronous = OFF")
        indexes = filled.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        made = indexes.fetchall()
        filled.execute("BEGIN")
        for name, _ in made:
            filled.execute(f"DROP INDEX {name}")
        _repeat(filled, jobs)
        for _, sql in made:
            filled.execute(sql)
        filled.execute("COMMIT")
        filled.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _first(journal: Journal, inbox: str) -> None:
    """The first job, by the rules of the program itself."""
    received = Fingerprint(200_000, 1_700_000_000_000_000_000, None, 1_000_000)
    job = Job(0, inbox, b"meetings/Talk 1.mp3", received, State.RECEIVED, BEGAN, BEGAN, BEGAN, duration_seconds=1800.0)
    happened: list[Event] = [
        Uploaded(_URL + "0" * 64, "0" * 64, "https://api.assemblyai.com", "0123456789abcdef"),
        Submitted("00000000-0000-4000-8000-000000000000"),
        Transcribed((), "universal", "en"),
        Named(b"/srv/audio/outbox/meetings/Talk 1", 1, ("txt",), b"", (("txt", "0" * 64),)),
        Delivered(),
        Retired(b"/srv/audio/archive/meetings/Talk 1.mp3"),
    ]
    journal.saw_inbox(inbox, BEGAN, accepted=True)
    job = add_job(journal, job, Received(200_000))
    for seconds, event in enumerate(happened, 1):
        changed = replace(after(job, event, BEGAN + seconds, Rules()), parameters='{"speaker_labels":true}')
        if isinstance(event, Submitted):
            changed = replace(changed, submit_sent_at=BEGAN)
        save_job(journal, job, (changed, event), now=BEGAN + seconds)
        job = changed


def _repeat(filled: sqlite3.Connection, jobs: int) -> None:
    columns = [row[1] for row in filled.execute("PRAGMA table_info(jobs)")]
    values = ", ".join(_OWN.get(column, column) for column in columns)
    numbers = _NUMBERS.format(jobs)
    filled.execute(f"{numbers} INSERT INTO jobs SELECT {values} FROM numbers, jobs WHERE jobs.id = 1")
    filled.execute(
        f"{numbers} INSERT INTO events (job, at, event, state, data)"
        f" SELECT i, {_LATER.format('at')}, event, state, replace(data, 'Talk 1', 'Talk ' || i)"
        " FROM numbers, events WHERE events.job = 1 ORDER BY i, events.id"
    )
    columns = [row[1] for row in filled.execute("PRAGMA table_info(payments)")]
    values = ", ".join(_PAID.get(column, column) for column in columns)
    filled.execute(f"INSERT OR IGNORE INTO payments SELECT {values} FROM jobs")


if __name__ == "__main__":
    fill(Path(sys.argv[1]), int(sys.argv[2]))
