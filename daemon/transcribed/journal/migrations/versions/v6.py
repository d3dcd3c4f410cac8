"""Version 6: the recording of a job may be `gone`; and indexes of the few jobs among many that are asked for."""

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"

#: What the last event of its kind said, as JSON: deleted by us, or not found where it was.
_GONE = """
UPDATE jobs SET gone = 1 WHERE place IS NULL AND retired_at IS NOT NULL AND state IN ('delivered', 'failed') AND (
    SELECT data LIKE '%"why": "deleted after delivery, as configured"%' OR data LIKE '% is no longer in the inbox"%'
    FROM events WHERE events.job = jobs.id AND event = 'job.retired' ORDER BY events.id DESC LIMIT 1
)
"""
_UNFINISHED = """
(state IN ('received', 'uploaded', 'submitted', 'transcribed')
 OR (state IN ('delivered', 'failed') AND retired_at IS NULL))
"""
_PAID = "transcript_id IS NOT NULL AND upload_url IS NOT NULL AND reused_from IS NULL"
_INDEXES = (
    ("jobs_by_state", ["state"], None),
    ("jobs_unfinished", ["id"], _UNFINISHED.strip().replace("\n", "")),
    ("jobs_lying", ["inbox"], "place IS NULL AND gone = 0"),
    ("jobs_paid", ["submit_sent_at"], _PAID),
)


def upgrade() -> None:
    """Make the column, fill it from what happened, and make the indexes."""
    op.add_column("jobs", sa.Column("gone", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute(_GONE)
    for name, columns, where in _INDEXES:
        op.create_index(name, "jobs", columns, sqlite_where=None if where is None else sa.text(where))
