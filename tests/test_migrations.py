"""A journal of an older version is brought up to date whole or not at all, and every job in it goes on.

The journal of version 4 is a real one: tests/data/version-4, made by `make_version_4` with the code of that version.
"""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import version_4
from transcribed.job import State


def rows_of(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file://{path}?mode=ro", uri=True)) as journal:
        return journal.execute(query).fetchall()


SAID_AND_TAILS = """
SELECT jobs.id, said, coalesce(tail, x'') FROM jobs
LEFT JOIN settings ON settings.job = jobs.id LEFT JOIN tails ON tails.job = jobs.id
"""


# -- every job goes on ------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path, api, clock):
    return version_4.world_of(tmp_path, api, clock)


def test_the_journal_of_version_4_has_jobs_in_every_state_and_rows_in_every_table(tmp_path):
    path = version_4.journal_of(tmp_path / "state")
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
    assert not any(job.open for job in jobs)
    assert all(count == 1 for count in world.api.paid().values())
    assert len(world.api.paid()) == len(paid) + 2  # of the one uploaded and the one received
    assert len(world.api.uploads) == uploads + 1
    assert {job.id: job.settings for job in jobs} == {number: said for number, (said, _) in before.items()}
    assert all(job.tail == before[job.id][1] for job in jobs if before[job.id][1])
    for file in ("out/Transcribed.en.srt", "out/Transcribed.en.json", "Uploaded.en.srt", "Received.en.json"):
        assert file in world.files("outbox")
    assert {"away/Delivered.mp3", "caf\udce9.mp3", "In doubt.mp3", "Submitted.mp3"} <= set(world.files("archive"))
    assert "no/Failed.mp3" in world.files("failed")
