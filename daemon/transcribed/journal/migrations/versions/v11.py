"""Version 11: questions about transcripts that are there already, each paid once."""

import sqlalchemy as sa
from alembic import op

revision = "11"
down_revision = "10"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "questions",
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
    op.create_index("questions_once", "questions", ["transcript_id", "request"], unique=True)
    op.create_index("questions_due", "questions", ["due_at"])
