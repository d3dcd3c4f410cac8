"""The journal read by the standard library alone says the same as by SQLAlchemy, which writes it."""

import os
import sqlite3
from contextlib import closing
from dataclasses import fields, replace

import pytest
import sqlalchemy as sa

from jobs import RECEIVED, a_job, add_job
from transcribed import errors
from transcribed.job import Fingerprint, Job, State, Step
from transcribed.journal import VERSION, Journal, reading, rows, tables

ID, OTHER = "0a1b2c3d-0000-4000-8000-000000000001", "0a1b2c3d-0000-4000-8000-000000000002"
FULL = a_job(
    b"\xff\xfe/a\nb.mp3",
    fingerprint=Fingerprint(2**40, 2**70, 2**71, 2**64 - 1),
    state=State.DELIVERED,
    attempts=2,
    deaths=1,
    in_flight=Step.RETIRE,
    waited_seconds=1.5,
    reason="a \udcff b",
    hint="é",
    duration_seconds=0.25,
    content_hash="c",
    audio_hash="a",
    parameters="{}",
    settings="[]",
    upload_url="https://x",
    uploaded_at=1.0,
    base_url="https://y",
    key_fingerprint="k",
    submit_sent_at=2.0,
    lookups=3,
    rounds=1,
    pay_again=True,
    transcript_id=ID,
    model="m",
    reused_from=7,
    stem=b"/out/\xff",
    tail=b".en",
    number=2,
    formats=("txt", "html"),
    renderings=(("txt", "1"), ("html", "2")),
    place=b"",
    gone=True,
    retired_at=3.0,
)


@pytest.fixture
def state(tmp_path):
    """A journal with one job that has every fact, and jobs of which nearly all is unknown."""
    directory = str(tmp_path / "state")
    plain = a_job(state=State.DELIVERED, transcript_id=OTHER)
    with closing(Journal.open(directory)) as journal:
        for job in (plain, FULL, replace(plain, path=b"again.mp3"), replace(plain, state=State.SUBMITTED)):
            add_job(journal, job, RECEIVED)
        add_job(journal, replace(plain, reused_from=1), RECEIVED)  # skipped: it has no files of its own
    return directory


def delivered(directory, *transcript_ids):
    with closing(reading.opened(directory)) as connection:
        return list(reading.delivered(connection, transcript_ids))


def test_each_fact_of_a_job_is_read_as_sqlalchemy_reads_it(state):
    with closing(Journal.read(state)) as journal:
        known = {job.id: job for job in journal.with_transcripts([ID, OTHER])}
    found = delivered(state, ID, OTHER)

    assert found == [known[2], known[1], known[3]]
    defaults = a_job()
    alike = [f.name for f in fields(Job) if f.name != "inbox" and getattr(FULL, f.name) == getattr(defaults, f.name)]
    assert alike == ["id", "received_at", "changed_at", "due_at"]  # else this would try a fact only where it is empty


def test_the_columns_that_sqlite_has_no_type_for_are_those_that_are_read_apart():
    plain = (sa.String, sa.Integer, sa.Float, sa.LargeBinary)
    assert set(rows._READ) == {c.name for c in tables.jobs.c if not isinstance(c.type, plain)}


def test_more_transcripts_than_one_query_asks_about_are_found_in_their_order(state):
    many = [f"0a1b2c3d-0000-4000-8000-{number:012}" for number in range(10, 500)]
    assert [job.transcript_id for job in delivered(state, *many[:300], OTHER, *many[300:], ID)] == [OTHER, OTHER, ID]


def no_file(path):
    os.remove(path)


def no_tables(path):
    os.truncate(path, 0)


def of_version(number):
    def changed(path):
        with closing(sqlite3.connect(path)) as journal:
            journal.execute(f"PRAGMA user_version = {number}")

    return changed


def no_database(path):
    with open(path, "wb") as file:
        file.write(b"not a database at all" * 1000)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (no_file, "there is no journal in"),
        (no_tables, "there is no journal in"),
        (of_version(VERSION + 1), "written by a newer transcribed"),
        (of_version(VERSION - 1), "start the daemon once, which brings it up to date"),
        (no_database, "is damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_by_both_with_the_same_words(state, harm, told):
    harm(os.path.join(state, "journal.db"))
    with pytest.raises(errors.ConfigError) as by_itself:
        reading.opened(state)
    with pytest.raises(errors.ConfigError) as by_sqlalchemy:
        Journal.read(state)
    assert by_itself.value.message == by_sqlalchemy.value.message
    assert told in by_itself.value.message


def test_who_has_no_journal_yet_is_told_to_start_the_daemon_or_to_name_its_configuration(tmp_path):
    with pytest.raises(errors.ConfigError) as refused:
        reading.opened(str(tmp_path))
    assert "start the daemon" in refused.value.hint
    assert "--config" in refused.value.hint


@pytest.mark.parametrize(
    "damage", ["state = 'lost'", "formats = '['", "mtime_ns = 'x'", "reason = CAST(x'ff' AS TEXT)"]
)
def test_a_row_that_nobody_wrote_so_is_damage_to_both(state, damage):
    with closing(sqlite3.connect(os.path.join(state, "journal.db"))) as journal, journal:
        journal.execute(f"UPDATE jobs SET {damage} WHERE id = 2")
    with pytest.raises(errors.Blocked, match="the journal is damaged") as by_itself:
        delivered(state, ID)
    with closing(Journal.read(state)) as read, pytest.raises(errors.Blocked) as by_sqlalchemy:
        read.with_transcripts([ID])
    assert by_itself.value.exit_status == by_sqlalchemy.value.exit_status == errors.Exit.AGAIN
    assert by_itself.value.hint == by_sqlalchemy.value.hint
