"""The file of payments beside the journal, and how the two are made to agree when the journal is opened.

Lines are appended, durably, before the journal commits what they tell of; that commit remembers how far the file went.
So after a crash in between, the file is the longer one, and what it has more is taken into the journal. A file that is
missing, shorter or another one is first read, whole, and then written again from the journal.
"""

import itertools
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from transcribed import files
from transcribed.job import Job, Rules, after
from transcribed.job.events import Submitted
from transcribed.journal import payments as paid
from transcribed.journal.rows import job_of
from transcribed.journal.statements import FACT
from transcribed.journal.tables import facts, jobs, payments

log = structlog.get_logger()

NAME = "payments.jsonl"
_READ_TO = "payments"  # the fact that says how far the file went at the last commit
_HEADER = b'{"payments":'
_AT_ONCE = 500


class Adopted(NamedTuple):
    """A job in doubt whose submit was taken, as the file knows: before, after, and what happened."""

    before: Job
    now: Job
    event: Submitted


class Ledger:
    """The file of payments of a state directory. Its first line names it, so that another one is known as such."""

    def __init__(self, directory: str) -> None:
        """Opens it, or begins one. Raises OSError."""
        self._path = os.fsencode(os.path.join(directory, NAME))
        self._lines = files.Lines(self._path)
        try:
            self._name = self._read_name()
            if not self._name and self._lines.end == 0:
                self._name = secrets.token_hex(8)
                self._lines.append(_header(self._name))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._lines.close()

    def append(self, lines: bytes) -> None:
        """Append whole lines, durably. Raises OSError: then nothing was appended."""
        self._lines.append(lines)

    @property
    def at(self) -> str:
        """Which file it is, and how far it goes."""
        return f"{self._name}:{self._lines.end}"

    def read_on_from(self, place: str) -> int | None:
        """The offset of `place`, as `at` told it; None where that was another file, or this one was longer then."""
        name, _, offset = place.partition(":")
        known = name == self._name != "" and offset.isdecimal() and int(offset) <= self._lines.end
        return int(offset) if known else None

    def since(self, offset: int) -> Iterator[bytes]:
        """Each line from this place on. Raises OSError."""
        return (line for line, _ in self._lines.since(offset))

    def write_again(self, lines: Iterator[bytes]) -> None:
        """Write the whole file again, in place of the old one or not at all. Raises OSError."""
        name = secrets.token_hex(8)
        with files.replacing(self._path) as file:
            file.write(_header(name))
            for line in lines:
                file.write(line)
        self._lines.close()
        self._lines = files.Lines(self._path)
        self._name = name

    def _read_name(self) -> str:
        first = next(self.since(0), b"")
        try:
            said = json.loads(first)
        except (ValueError, RecursionError):
            return ""
        name = said.get("payments") if isinstance(said, dict) else None
        return name if isinstance(name, str) and ":" not in name else ""


def _header(name: str) -> bytes:
    return _HEADER + json.dumps(name).encode() + b"}\n"


def remember(connection: sa.Connection, ledger: Ledger) -> None:
    """Let the journal know how far the file goes."""
    FACT.asked(connection, name=_READ_TO, value=ledger.at)


def agree(connection: sa.Connection, ledger: Ledger, on_slow: Callable[[], None]) -> list[Adopted]:
    """Let journal and file know the same, within a transaction; return the jobs in doubt that the file knows of.

    Raises OSError.
    """
    place = connection.execute(sa.select(facts.c.value).where(facts.c.name == _READ_TO)).scalar() or ""
    if place == ledger.at:
        return []
    offset = ledger.read_on_from(place)
    had_some = connection.execute(sa.select(payments.c.transcript_id).limit(1)).first() is not None
    adopted: list[Adopted] = []
    lines = ledger.since(offset or 0)
    while some := list(itertools.islice(lines, _AT_ONCE)):
        adopted += _taken(connection, some)
        on_slow()
    if offset is None and had_some:
        ledger.write_again(_all_of(connection, on_slow))
    remember(connection, ledger)
    return adopted


def _all_of(connection: sa.Connection, on_slow: Callable[[], None]) -> Iterator[bytes]:
    for rows in connection.execute(paid.WHOLE).mappings().partitions(_AT_ONCE):
        yield from (paid.to_line(row["transcript_id"], dict(row)) for row in rows)
        on_slow()


def _taken(connection: sa.Connection, lines: Sequence[bytes]) -> list[Adopted]:
    """Take these lines into the journal, the last of each transcript."""
    said = {line.transcript_id: line for line in filter(None, map(_read, lines))}
    paid.drop(connection, [name for name, line in said.items() if line.payment is None])
    rows = [line.payment for line in said.values() if line.payment is not None]
    adopted = _numbered(connection, rows)
    if rows:
        paid.take(connection, rows)
    for name, row, wanted_at in said.values():
        if row is not None and wanted_at is not None and row["erased_at"] is None:
            paid.wish(connection, name, wanted_at)
    return adopted


def _read(line: bytes) -> paid.Line | None:
    """The payment of a line; None where it cannot be read, which costs only itself."""
    try:
        return paid.from_line(line)
    except ValueError:
        if not line.startswith(_HEADER):
            log.warning("payment.unread", line=line[:100].decode(errors="replace"))
        return None


def _numbered(connection: sa.Connection, rows: list[paid.Row]) -> list[Adopted]:
    """Give each payment the number that its job has in this journal, and a job in doubt its payment."""
    query = sa.select(jobs).where(jobs.c.id.in_([row["job"] for row in rows]))
    there = {row["id"]: job_of(dict(row)) for row in connection.execute(query).mappings()}
    names = [row["transcript_id"] for row in rows]
    numbers = sa.select(payments.c.transcript_id, payments.c.job).where(payments.c.transcript_id.in_(names))
    known: dict[str, int] = {row[0]: row[1] for row in connection.execute(numbers)}
    adopted = []
    for row in rows:
        job = there.get(row["job"])
        if job is not None and job.doubtful and job.upload_url == row["upload_url"]:
            event = Submitted(row["transcript_id"], adopted=True)
            adopted.append(Adopted(job, after(job, event, row["submitted_at"] or job.changed_at, Rules()), event))
        elif job is None or job.transcript_id != row["transcript_id"]:
            row["job"] = known.get(row["transcript_id"], paid.UNKNOWN)
    return adopted
