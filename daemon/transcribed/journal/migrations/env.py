"""Alembic runs this for each of its commands: they work on the connection that they are given, in its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
