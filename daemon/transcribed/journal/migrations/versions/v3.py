"""Version 3: what files at the share said of a job's recording (`settings`, a column since version 5)."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "settings",
        sa.Column("job", sa.Integer, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("said", sa.String, nullable=False),
    )
