"""Version 4: what stands in the outputs' names after the number (`tails`, a column since version 5); deletions."""

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "tails",
        sa.Column("job", sa.Integer, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("tail", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "erasures",
        sa.Column("transcript_id", sa.String, primary_key=True),
        sa.Column("wanted_at", sa.Float, nullable=False),
        sa.Column("erased_at", sa.Float),
    )
