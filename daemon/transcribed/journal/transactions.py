"""The transactions of the journal: what is written is there whole or not at all, alone or together with other facts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from transcribed.errors import STATE, Blocked
from transcribed.journal import damage
from transcribed.journal.engine import hint_for, is_damage
from transcribed.journal.tables import Unreadable


class Ending(Protocol):
    """The last thing that is done in each transaction, before it is committed."""

    def __call__(self, connection: sa.Connection) -> None:
        """A transaction is about to be committed. Raises Blocked(state): then it is not."""


class Ended(Protocol):
    """A listener that is called at the end of each transaction."""

    def __call__(self, *, written: bool) -> None:
        """A transaction has ended."""


@dataclass(slots=True)
class _Group:
    """The connection of facts that are written together, and the reason why none of them can be."""

    connection: sa.Connection
    failed: Blocked | None = None


class Transactions:
    """One at a time, on the one connection; `damaged` hears of damage that was met.

    `ending` and `ended` hear of the end of each, before its commit and after it.

    All of it belongs to one thread.
    """

    def __init__(self, engine: sa.Engine, ending: Ending, ended: Ended, damaged: Callable[[str], None]) -> None:
        self.damage = ""  #: once it is found, nothing more is written
        self.writes = 0  #: parts written, or not written; an answer that was given before is an old one
        self._engine = engine
        self._ending = ending
        self._ended = ended
        self._damaged = damaged
        self._group: _Group | None = None  # while facts are written together

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction, with one fsync, for all that is written within. What is asked meanwhile knows of it.

        Raises Blocked(state) if the disk does not take it: at the statement, at each one after it, and at the end if
        nobody did before. Then nothing of it was written. Within another one it is a part of that.
        """
        if self._group is not None:
            yield
            return
        with self._transaction() as connection:
            self._group = group = _Group(connection)
            try:
                yield
            finally:
                self._group = None
            if group.failed is not None:
                raise group.failed

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """All or nothing, alone or within what is written together. Raises Blocked(state): nothing was written."""
        group = self._group
        if group is None:
            with self._transaction() as connection:
                yield connection
            return
        if group.failed is not None:  # SQLite may have ended the transaction
            raise group.failed
        try:
            with self._understood("written"), _whole(group.connection):
                yield group.connection
        except Blocked as error:
            group.failed = error
            raise
        finally:
            self.writes += 1

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        if self.damage:
            raise damage.blocked(self.damage)
        written = False
        try:
            with self._understood("written"), self._engine.begin() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                self._ending(connection)
            written = True
        finally:
            self.writes += 1
            self._ended(written=written)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """The connection for a question: within what is written together, the one that knows of it.

        Raises Blocked(state) where the journal cannot be read.
        """
        with self._understood("read"):
            if self._group is not None:
                yield self._group.connection
            else:
                with self._engine.connect() as connection:
                    yield connection

    @contextmanager
    def _understood(self, doing: str) -> Iterator[None]:
        """Turn SQLite's errors into Blocked(state)."""
        try:
            yield
        except Unreadable as error:
            raise self._found(str(error)) from error
        except sa.exc.DatabaseError as error:
            if is_damage(error.orig):
                raise self._found(str(error.orig)) from error
            if not isinstance(error, sa.exc.OperationalError):
                raise
            what = f"the journal cannot be {doing}: {error.orig}"
            raise Blocked(what, lane=STATE, hint=hint_for(error.orig)) from error

    def _found(self, damaged: str) -> Blocked:
        if not self.damage:
            self.damage = damaged
            self._damaged(damaged)
        return damage.blocked(self.damage)


@contextmanager
def _whole(connection: sa.Connection) -> Iterator[None]:
    """A part of a transaction, all or nothing. Where SQLite ends the whole transaction, there is nothing to undo."""
    connection.exec_driver_sql("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if getattr(connection.connection.driver_connection, "in_transaction", False):
            connection.exec_driver_sql("ROLLBACK TO part")
        raise
    connection.exec_driver_sql("RELEASE part")
