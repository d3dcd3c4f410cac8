"""Version 7: what was paid is a row of its own, which stays when its job is forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "7"
down_revision = "6"

_WORDS = ("base_url", "key_fingerprint", "content_hash")
_TIMES = ("submitted_at", "transcribed_at", "delivered_at", "erased_at", "given_up_at")
_FILL = """
INSERT OR IGNORE INTO payments (
    transcript_id, job, base_url, key_fingerprint, content_hash, size, parameters, upload_url, inbox, path,
    stem, tail, number, model, submitted_at, transcribed_at, delivered_at, erased_at
) SELECT
    transcript_id, id, base_url, key_fingerprint, content_hash, size, parameters, upload_url, inbox, path,
    stem, tail, number, model, submit_sent_at,
    CASE WHEN state IN ('transcribed', 'delivered') THEN changed_at END,
    CASE WHEN state = 'delivered' THEN changed_at END,
    (SELECT erased_at FROM erasures WHERE erasures.transcript_id = jobs.transcript_id)
FROM jobs WHERE transcript_id IS NOT NULL AND reused_from IS NULL ORDER BY id DESC
"""


def upgrade() -> None:
    """Make the tables, and fill the first from the jobs that paid."""
    op.create_table(
        "payments",
        sa.Column("transcript_id", sa.String, primary_key=True),
        sa.Column("job", sa.Integer, nullable=False),
        *(sa.Column(name, sa.String) for name in _WORDS),
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
        *(sa.Column(name, sa.Float) for name in _TIMES),
    )
    for name, column in (("content", "content_hash"), ("size", "size"), ("job", "job")):
        op.create_index(f"payments_by_{name}", "payments", [column])
    op.create_table(
        "names",
        sa.Column("stem", sa.LargeBinary, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
    )
    put_away = "retired_at IS NOT NULL AND (place IS NOT NULL OR gone = 1 OR state = 'cancelled')"
    op.create_index("jobs_put_away", "jobs", ["retired_at"], sqlite_where=sa.text(put_away))
    op.execute(_FILL)
