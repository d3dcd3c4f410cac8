"""SQLAlchemy's engine for the journal's file."""

import sqlite3
from collections.abc import Callable
from functools import partial

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from transcribed.journal import sqlite


def connected(directory: str, *, mode: str, still: bool = False) -> sa.Engine:
    """One connection for the whole process: SQLite's locks are per process, and one writer needs only one.

    `still`: nobody writes the journal now. Then it is read without a lock, and without a file beside it.
    """
    return engine_of(partial(sqlite.connect, directory, mode=mode, still=still))


def engine_of(connect: Callable[[], sqlite3.Connection]) -> sa.Engine:
    """The engine for the one connection that `connect` makes."""
    return sa.create_engine("sqlite://", creator=connect, poolclass=StaticPool)
