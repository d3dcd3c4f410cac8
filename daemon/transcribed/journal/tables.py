"""The tables of the journal.

`jobs`: what is. `events`: what happened. `inboxes`: when each was first seen, and when its backlog was accepted.
`erasures`: transcripts that are to be deleted at AssemblyAI, or were. `facts`: what is true of the whole journal.
`payments`: what was paid, for ever. `names`: those that jobs had which are forgotten.
`days`: the hours of audio that came. Each change of a table is a new version, with a step in `migrations`.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from transcribed.job import Job, State
from transcribed.job.events import Event
from transcribed.journal.rows import event_row_of, row_of


class _Whole(sa.TypeDecorator[int]):
    """A whole number of any size, as text. SQLite's end at 2**63 - 1, which as a file's time is the year 2262."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: sa.Dialect) -> str | None:
        """As it is stored."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> int | None:
        """As it is used."""
        return None if value is None else int(value)


metadata = sa.MetaData()
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("inbox", sa.String, nullable=False),
    sa.Column("path", sa.LargeBinary, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mtime_ns", _Whole, nullable=False),
    sa.Column("ctime_ns", _Whole),
    sa.Column("inode", _Whole),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("received_at", sa.Float, nullable=False),
    sa.Column("changed_at", sa.Float, nullable=False),
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("deaths", sa.Integer, nullable=False),
    sa.Column("in_flight", sa.String),
    sa.Column("waited_seconds", sa.Float, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("hint", sa.String, nullable=False),
    sa.Column("duration_seconds", sa.Float),
    sa.Column("content_hash", sa.String),
    sa.Column("parameters", sa.String),
    sa.Column("upload_url", sa.String),
    sa.Column("uploaded_at", sa.Float),
    sa.Column("base_url", sa.String),
    sa.Column("key_fingerprint", sa.String),
    sa.Column("submit_sent_at", sa.Float),
    sa.Column("lookups", sa.Integer, nullable=False),
    sa.Column("rounds", sa.Integer, nullable=False),
    sa.Column("pay_again", sa.Boolean, nullable=False),
    sa.Column("transcript_id", sa.String),
    sa.Column("reused_from", sa.Integer),
    sa.Column("stem", sa.LargeBinary),
    sa.Column("number", sa.Integer),
    sa.Column("formats", sa.JSON, nullable=False),
    sa.Column("place", sa.LargeBinary),
    sa.Column("retired_at", sa.Float),
    sa.Column("settings", sa.String),
    sa.Column("tail", sa.LargeBinary, nullable=False, server_default=sa.text("x''")),
    sa.Column("renderings", sa.JSON(none_as_null=True)),
    sa.Column("model", sa.String),
    sa.Column("gone", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("audio_hash", sa.String),
)
_UNFINISHED = (  # as `Job.unfinished` says it
    "(state IN ('received', 'uploaded', 'submitted', 'transcribed')"
    " OR (state IN ('delivered', 'failed') AND retired_at IS NULL))"
)
_PAID = "transcript_id IS NOT NULL AND upload_url IS NOT NULL AND reused_from IS NULL"
PAID, UNFINISHED = sa.text(_PAID), sa.text(_UNFINISHED)
#: The jobs whose recording is no longer in the inbox: they have ended, and `Job.lies_in_inbox` is false.
_PUT_AWAY = "retired_at IS NOT NULL AND (place IS NOT NULL OR gone = 1 OR state = 'cancelled')"
#: The indexes of a few jobs among many: what each is ordered by, and the jobs that are in it.
_FEW: Mapping[str, tuple[sa.Column[Any], str]] = {
    "jobs_unfinished": (jobs.c.id, _UNFINISHED),
    "jobs_lying": (jobs.c.inbox, "place IS NULL AND gone = 0"),
    "jobs_paid": (jobs.c.submit_sent_at, _PAID),
    "jobs_put_away": (jobs.c.retired_at, _PUT_AWAY),
}
for _name, (_column, _which) in _FEW.items():
    sa.Index(_name, _column, sqlite_where=sa.text(_which))
sa.Index("jobs_by_path", jobs.c.inbox, jobs.c.path)
sa.Index("jobs_by_content", jobs.c.content_hash)
sa.Index("jobs_by_audio", jobs.c.audio_hash)
sa.Index("jobs_by_size", jobs.c.size)
sa.Index("jobs_by_transcript", jobs.c.transcript_id)
sa.Index("jobs_by_stem", jobs.c.stem)
sa.Index("jobs_by_state", jobs.c.state)
events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Integer, sa.ForeignKey("jobs.id"), nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("event", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("data", sa.String, nullable=False),
)
inboxes = sa.Table(
    "inboxes",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("first_seen_at", sa.Float, nullable=False),
    sa.Column("accepted_at", sa.Float),
)
erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("transcript_id", sa.String, primary_key=True),
    sa.Column("wanted_at", sa.Float, nullable=False),
    sa.Column("erased_at", sa.Float),
)
# Only of those that are still to be deleted: they are read at each start, and the others are many.
sa.Index("erasures_wanted", erasures.c.wanted_at, sqlite_where=erasures.c.erased_at.is_(None))
payments = sa.Table(
    "payments",
    metadata,
    sa.Column("transcript_id", sa.String, primary_key=True),
    sa.Column("job", sa.Integer, nullable=False),
    sa.Column("base_url", sa.String),
    sa.Column("key_fingerprint", sa.String),
    sa.Column("content_hash", sa.String),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("parameters", sa.String),
    sa.Column("upload_url", sa.String),
    sa.Column("inbox", sa.String, nullable=False),
    sa.Column("path", sa.LargeBinary, nullable=False),
    sa.Column("stem", sa.LargeBinary),
    sa.Column("tail", sa.LargeBinary),
    sa.Column("number", sa.Integer),
    sa.Column("billed_seconds", sa.Float),
    sa.Column("model", sa.String),
    sa.Column("submitted_at", sa.Float),
    sa.Column("transcribed_at", sa.Float),
    sa.Column("delivered_at", sa.Float),
    sa.Column("erased_at", sa.Float),
    sa.Column("given_up_at", sa.Float),
    sa.Column("audio_hash", sa.String),
)
sa.Index("payments_by_content", payments.c.content_hash)
sa.Index("payments_by_audio", payments.c.audio_hash)
sa.Index("payments_by_size", payments.c.size)
sa.Index("payments_by_job", payments.c.job)
sa.Index("payments_by_time", payments.c.submitted_at)
names = sa.Table(
    "names",
    metadata,
    sa.Column("stem", sa.LargeBinary, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
)
days = sa.Table(
    "days",
    metadata,
    sa.Column("inbox", sa.String, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),
    sa.Column("came_hours", sa.Float, nullable=False),
    sa.Column("accepted_hours", sa.Float, nullable=False),
)
questions = sa.Table(
    "questions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("job", sa.Integer, nullable=False),
    sa.Column("transcript_id", sa.String, nullable=False),
    sa.Column("request", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("asked_at", sa.Float, nullable=False),
    sa.Column("due_at", sa.Float),
    sa.Column("sent_at", sa.Float),
    sa.Column("answered_at", sa.Float),
    sa.Column("base_url", sa.String),
    sa.Column("sha256", sa.String),
    sa.Column("reason", sa.String),
)
sa.Index("questions_once", questions.c.transcript_id, questions.c.request, unique=True)
sa.Index("questions_due", questions.c.due_at)
# One row for each time that a question was sent and not refused. Without `answered_at` nobody knows if it was paid.
sent_questions = sa.Table(
    "sent_questions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("question", sa.Integer, nullable=False),
    sa.Column("transcript_id", sa.String, nullable=False),
    sa.Column("inbox", sa.String, nullable=False),
    sa.Column("request", sa.String, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("sent_at", sa.Float, nullable=False),
    sa.Column("answered_at", sa.Float),
)
sa.Index("sent_questions_by_question", sent_questions.c.question)
sa.Index("sent_questions_by_time", sent_questions.c.sent_at)
facts = sa.Table(
    "facts",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)

#: Tables that are gone, each with the last version that had it; then tables and columns with the first that has them.
_GONE = (
    (4, sa.table("settings", sa.column("job"), sa.column("said"))),
    (4, sa.table("tails", sa.column("job"), sa.column("tail"))),
)
_SINCE = {"facts": 2, "settings": 3, "tails": 4, "erasures": 4, "payments": 7, "names": 7, "days": 9}
_SINCE |= {"questions": 11, "sent_questions": 12}
_COLUMNS_SINCE = {"settings": 5, "tail": 5, "renderings": 5, "model": 5, "gone": 6, "audio_hash": 8}


def few(index: str, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The condition that a job is in this index of a few, and meets `conditions` on the column of the index.

    SQLite is told to take the index: it does not know how few they are.
    """
    return jobs.c.id.in_(numbers_in(index, *conditions))


def numbers_in(index: str, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The numbers of the jobs in this index of a few that meet `conditions` on its column, and on `id`."""
    _, which = _FEW[index]
    indexed: sa.Select[Any] = sa.select(sa.literal_column("id")).select_from(sa.text(f"jobs INDEXED BY {index}"))
    return indexed.where(sa.text(which), *conditions)


def tables_of(version: int) -> list[sa.TableClause]:
    """The tables of a journal of this version, `jobs` left out."""
    there: list[sa.TableClause] = [events, inboxes, facts, erasures, _payments_of(version), names, days]
    there += [questions, sent_questions]
    there += [table for last, table in _GONE if version <= last]
    return [table for table in there if _SINCE.get(table.name, 1) <= version]


def _payments_of(version: int) -> sa.TableClause:
    columns = (column for column in payments.c if _COLUMNS_SINCE.get(column.name, 1) <= version)
    return sa.table(payments.name, *(sa.column(column.name, column.type) for column in columns))


def query_of(version: int) -> sa.Select[Any]:
    """The jobs of a journal of this version; what it does not know yet is null."""
    since = ((column, _COLUMNS_SINCE.get(column.name, 1)) for column in jobs.c)
    return sa.select(*(c if first <= version else sa.null().label(c.name) for c, first in since))


def insert(connection: sa.Connection, job: Job, event: Event, state: State) -> int:
    """Write a new job and the event that made it, which left it in `state`; return the job's number."""
    values = row_of(job)
    del values["id"]
    (number,) = connection.execute(jobs.insert().values(values)).inserted_primary_key or (0,)
    connection.execute(events.insert().values(event_row_of(number, job.received_at, event, state)))
    return int(number)
