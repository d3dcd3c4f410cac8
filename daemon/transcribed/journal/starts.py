"""Which journal this is, and its starts: so that a copy of a journal is known as a copy.

A journal has a random identity for the life of its state directory. Each start of a daemon has a number, one higher
than the last, and a random mark. Both are in the journal and, written after it, in a file beside it. So a journal that
is lost keeps its name, and one that was put back from a plain copy has fewer starts than the file: it may not know of
everything that was paid for. A copy of the same start has as many: a journal that alone was put back learns from the
file of payments; a whole state directory does not, and nothing tells of it (docs/growth.md).
"""

import json
import os
import secrets
from typing import Any, NamedTuple

import sqlalchemy as sa

from transcribed import files
from transcribed.errors import STATE, Blocked, from_os_error
from transcribed.journal.copies import LOSS
from transcribed.journal.statements import FACT
from transcribed.journal.tables import facts
from transcribed.journal.transactions import Transactions

FACT_NAME = "starts"
FILE_NAME = "journal.starts"
_MOST_MARKS = 1000  # a share that comes back after more starts than these is refused, and asks
_LARGEST_BYTES = 1 << 20
_PUT_BACK = "an older copy of the journal was put back"


class Starts(NamedTuple):
    """The identity of a journal, the number of its last start, and the marks of its starts, the last one last."""

    journal: str = ""
    number: int = 0
    marks: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """The mark of the last start."""
        return self.marks[-1] if self.marks else ""

    def to_text(self) -> str:
        """As it is kept; `from_text` reads it."""
        return json.dumps(self._asdict())

    @classmethod
    def from_text(cls, text: str | bytes) -> "Starts | None":
        """The starts that `to_text` wrote; None for anything else."""
        try:
            said: dict[str, Any] = json.loads(text)
            return cls(str(said["journal"]), int(said["number"]), tuple(map(str, said["marks"])))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None

    def next(self) -> "Starts":
        """These, with one more."""
        marks = (*self.marks, secrets.token_hex(8))[-_MOST_MARKS:]
        return Starts(self.journal or secrets.token_hex(16), self.number + 1, marks)


def merged(known: Starts | None, beside: Starts | None) -> tuple[Starts, str]:
    """The starts of a journal that knows these while the file beside it has those, and the loss that it means.

    It is no loss where the file is behind, or missing: it is written after the journal.
    """
    if beside is None:
        return known or Starts(), ""
    if known is None:
        return beside, _PUT_BACK
    if known.journal != beside.journal:
        return known, "another journal was put in the place of the one that was here"
    if known.number < beside.number:
        return beside, _PUT_BACK
    return known, ""


class Count:
    """The starts of one journal."""

    def __init__(self, transactions: Transactions, directory: str) -> None:
        self._transactions = transactions
        self._directory = directory

    def known(self) -> Starts:
        """The starts that the journal knows; none where this version never started it. Raises Blocked(state)."""
        with self._transactions.reading() as connection:
            return _known(connection) or Starts()

    def begin(self) -> None:
        """Count one more start. Raises Blocked(state)."""
        try:
            with self._transactions.writing() as connection:
                now = _begin(connection, self._directory)
            _keep(now, self._directory)
        except OSError as error:
            told = from_os_error(error, lane=STATE, doing=f"counting the starts in {self._directory}")
            raise Blocked(told.message, lane=STATE, hint=told.hint) from error


def _known(connection: sa.Connection) -> Starts | None:
    query = sa.select(facts.c.value).where(facts.c.name == FACT_NAME)
    return Starts.from_text(connection.execute(query).scalar() or "")


def _begin(connection: sa.Connection, directory: str) -> Starts:
    """Write one more start into the journal, within a transaction, with the loss that shows. Raises OSError."""
    before, loss = merged(_known(connection), _beside(directory))
    now = before.next()
    FACT.asked(connection, name=FACT_NAME, value=now.to_text())
    known = connection.execute(sa.select(facts.c.value).where(facts.c.name == LOSS)).scalar()
    if loss and not known:
        FACT.asked(connection, name=LOSS, value=loss)
    return now


def _keep(starts: Starts, directory: str) -> None:
    """Write the starts beside the journal, which knows them. Raises OSError."""
    files.replace(_path(directory), starts.to_text().encode() + b"\n", access=files.Access(file_mode=0o600))


def _beside(directory: str) -> Starts | None:
    try:
        return Starts.from_text(files.read_regular(_path(directory), _LARGEST_BYTES))
    except FileNotFoundError:
        return None


def _path(directory: str) -> bytes:
    return os.fsencode(os.path.join(directory, FILE_NAME))
