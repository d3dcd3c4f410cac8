"""Version 9: the hours of audio that came into each inbox on each day, so that an inbox is known to be a busy one."""

import sqlalchemy as sa
from alembic import op

revision = "9"
down_revision = "8"

_FILL = """
INSERT INTO days (inbox, day, came_hours, accepted_hours)
SELECT inbox, CAST(received_at / 86400 AS INTEGER), SUM(COALESCE(duration_seconds, size / 16000.0)) / 3600, 0
FROM jobs GROUP BY 1, 2
"""


def upgrade() -> None:
    """Make the table, and fill it from the jobs; where a length is not known, by the size."""
    op.create_table(
        "days",
        sa.Column("inbox", sa.String, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("came_hours", sa.Float, nullable=False),
        sa.Column("accepted_hours", sa.Float, nullable=False),
    )
    op.execute(_FILL)
