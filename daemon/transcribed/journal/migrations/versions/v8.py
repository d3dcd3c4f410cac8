"""Version 8: the hash of a recording's audio without its tags; null for what was read before."""

import sqlalchemy as sa
from alembic import op

revision = "8"
down_revision = "7"


def upgrade() -> None:
    """Make the columns and their indexes."""
    for table in ("jobs", "payments"):
        op.add_column(table, sa.Column("audio_hash", sa.String))
        op.create_index(f"{table}_by_audio", table, ["audio_hash"])
