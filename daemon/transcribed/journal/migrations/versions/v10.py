"""Version 10: payments by their time, for the sums of a month."""

from alembic import op

revision = "10"
down_revision = "9"


def upgrade() -> None:
    """Make the index."""
    op.create_index("payments_by_time", "payments", ["submitted_at"])
