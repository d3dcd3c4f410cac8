"""Version 5: settings and tail are columns of their job, and so are the hashes of its files and the speech model."""

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"

_MOVED = """
UPDATE jobs SET {column} = (SELECT {table}.{old} FROM {table} WHERE {table}.job = jobs.id)
WHERE id IN (SELECT job FROM {table})
"""


def upgrade() -> None:
    """Make the columns, and fill the first two from the tables that held them."""
    op.add_column("jobs", sa.Column("settings", sa.String))
    op.add_column("jobs", sa.Column("tail", sa.LargeBinary, nullable=False, server_default=sa.text("x''")))
    op.add_column("jobs", sa.Column("renderings", sa.JSON))
    op.add_column("jobs", sa.Column("model", sa.String))
    op.execute(_MOVED.format(column="settings", old="said", table="settings"))
    op.execute(_MOVED.format(column="tail", old="tail", table="tails"))
    op.drop_table("settings")
    op.drop_table("tails")
    op.create_index(  # some journals of version 4 lack it
        "erasures_wanted", "erasures", ["wanted_at"], sqlite_where=sa.text("erased_at IS NULL"), if_not_exists=True
    )
