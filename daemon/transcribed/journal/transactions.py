"""The transactions of the journal: what is written in one is there whole or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import sqlalchemy as sa

from transcribed.errors import Blocked
from transcribed.journal import sqlite
from transcribed.journal.rows import Unreadable


class Ending(Protocol):
    """The last thing that is done in each transaction, before it is committed."""

    def __call__(self, connection: sa.Connection) -> None:
        """A transaction is about to be committed. Raises Blocked(state): then it is not."""


class Ended(Protocol):
    """A listener that is called at the end of each transaction."""

    def __call__(self, *, written: bool) -> None:
        """A transaction has ended."""


class Transactions:
    """One at a time, on the one connection; `damaged` hears of damage that was met.

    `place` raises Blocked(state) where the journal no longer lies where it did: then nothing is written. `ending` and
    `ended` hear of the end of each, before its commit and after it.

    All of it belongs to one thread.
    """

    def __init__(
        self,
        engine: sa.Engine,
        place: Callable[[], None],
        ending: Ending,
        ended: Ended,
        damaged: Callable[[str], None],
    ) -> None:
        self.damage = ""  #: once it is found, nothing more is written
        self._engine = engine
        self._asking: sa.Connection | None = None  # for questions: to make one for each takes as long as most of them
        self._require_place = place
        self._ending = ending
        self._ended = ended
        self._damaged = damaged

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """All or nothing. Raises Blocked(state): nothing was written."""
        if self.damage:
            raise sqlite.damaged(self.damage)
        self._require_place()
        written = False
        try:
            with self.understood("written"), self._engine.begin() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                self._ending(connection)
            written = True
        finally:
            self._ended(written=written)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """The connection for a question. Raises Blocked(state) where the journal cannot be read."""
        with self.understood("read"):
            if self._asking is None:
                self._asking = self._engine.connect()
            yield self._asking

    def close(self) -> None:
        """Let go of the connection."""
        if self._asking is not None:
            self._asking.close()
            self._asking = None

    @contextmanager
    def understood(self, doing: str) -> Iterator[None]:
        """Turn SQLite's errors into Blocked(state)."""
        try:
            yield
        except Unreadable as error:
            raise self._found(str(error)) from error
        except sa.exc.DatabaseError as error:
            if sqlite.is_damage(error.orig):
                raise self._found(str(error.orig)) from error
            if not isinstance(error, sa.exc.OperationalError):
                raise
            raise sqlite.unanswered(doing, error.orig) from error

    def _found(self, damaged: str) -> Blocked:
        if not self.damage:
            self.damage = damaged
            self._damaged(damaged)
        return sqlite.damaged(self.damage)
