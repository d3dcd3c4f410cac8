"""A journal of an older version is given the tables of this one, by Alembic, in a transaction that has begun.

Each module in `versions` is one step; its revision is the version that it leads to. SQLite's `user_version` says of
which version a journal is, so that any version of the program sees a newer journal before it looks into it. Alembic's
own table is a temporary one, filled from it.
"""

import os

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

HERE = os.path.dirname(os.path.abspath(__file__))


def upgrade(connection: sa.Connection, *, was: int, to: int) -> None:
    """Bring the tables from version `was` to version `to`. The caller has begun the transaction, and commits it."""
    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", HERE.replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    connection.exec_driver_sql("CREATE TEMP TABLE alembic_version (version_num VARCHAR NOT NULL)")
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (str(was),))
    command.upgrade(settings, str(to))
    connection.exec_driver_sql("DROP TABLE temp.alembic_version")
    connection.exec_driver_sql(f"PRAGMA user_version = {to}")
