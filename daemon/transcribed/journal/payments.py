"""Payments: one small row for each transcript, for ever, and the same as a line of a file beside it.

A row is made when a submit is known to be taken, and completed once it is known what came of it. It stays when its job
is forgotten; then the job is made again from it, as far as it is known. A transcript that ended in an error is free: it
has no row. These functions work within a transaction; `ledger` keeps the file.
"""

import itertools
import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from transcribed.job import Fingerprint, Job, State
from transcribed.job.events import Delivered, Event, Failed, Lost, Requeued, Retired, Submitted, Transcribed
from transcribed.journal.changes import Happening
from transcribed.journal.prepared import Prepared
from transcribed.journal.tables import erasures, jobs, payments

UNKNOWN = 0  #: the number of a job that this journal never had, or has lost
MOST_OF_ONE_CONTENT = 20
_BYTES = frozenset({"path", "stem", "tail"})
_HASHES = frozenset({"content_hash", "audio_hash"})
_TEXTS = _HASHES | frozenset({"base_url", "key_fingerprint", "parameters", "upload_url", "inbox", "model"})
_WHOLE = frozenset({"job", "size", "number"})
_LARGEST = 2**63 - 1  # SQLite's own
_ID = re.compile("[0-9a-f-]{36}")

_ADDED = insert(payments)
_TAKE = Prepared(
    _ADDED.on_conflict_do_update(
        index_elements=["transcript_id"],
        set_={c.name: sa.func.coalesce(_ADDED.excluded[c.name], c) for c in payments.c if not c.primary_key},
    )
)

Row = dict[str, Any]


#: All that a line of the file says: also when it was wished that the transcript be deleted at AssemblyAI.
WHOLE = sa.select(payments, erasures.c.wanted_at).join(
    erasures, erasures.c.transcript_id == payments.c.transcript_id, isouter=True
)
_LINE = Prepared(WHOLE.where(payments.c.transcript_id == sa.bindparam("name")))
_WISH = erasures.insert().prefix_with("OR IGNORE")


class Line(NamedTuple):
    """One line of the file: a payment, or None where a transcript turned out to be free.

    `wanted_at`: when it was wished that the transcript be deleted at AssemblyAI.
    """

    transcript_id: str
    payment: Row | None
    wanted_at: float | None = None


# -- as a line --------------------------------------------------------------------------------------------------------


def to_line(transcript_id: str, row: Mapping[str, Any] | None) -> bytes:
    """A payment as its line of the file; what is not known is left out."""
    if row is None:
        return json.dumps({"transcript_id": transcript_id, "void": True}).encode() + b"\n"
    known = {name: os.fsdecode(v) if isinstance(v, bytes) else v for name, v in row.items() if v is not None}
    return json.dumps(known, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes) -> Line:
    """Read the payment in a line of the file. Raises ValueError if the line holds none."""
    try:
        said = json.loads(line)
    except RecursionError as error:
        raise ValueError("no line of ours") from error
    name = str(said.get("transcript_id") if isinstance(said, dict) else None)
    if not _ID.fullmatch(name):
        raise ValueError("no transcript_id")
    if said.get("void") is True:
        return Line(name, None)
    row = {column.name: _value(column, said.get(column.name)) for column in payments.c}
    wanted_at = said.get("wanted_at")
    return Line(name, row, None if wanted_at is None else _value(erasures.c.wanted_at, wanted_at))


def _value(column: sa.Column[Any], said: object) -> Any:
    """The value of a column, as SQLite takes it. Raises ValueError where it is of another kind."""
    if said is None and column.nullable:
        return None
    if column.name in _WHOLE:
        if type(said) is int and 0 <= said <= _LARGEST:
            return said
    elif column.name in _TEXTS or column.primary_key or column.name in _BYTES:
        if isinstance(said, str):
            return os.fsencode(said) if column.name in _BYTES else said.encode().decode()
    elif isinstance(said, int | float) and math.isfinite(said):
        return float(said)
    raise ValueError(f"{column.name} is not what it should be")


# -- as a job ---------------------------------------------------------------------------------------------------------


def job_of(row: Mapping[str, Any]) -> Job:
    """The job that made this payment, as far as it is known. It counts as delivered and put away."""
    at = row["delivered_at"] or row["submitted_at"] or 0.0
    return Job(
        id=row["job"],
        inbox=row["inbox"],
        path=row["path"],
        fingerprint=Fingerprint(row["size"], 0),
        state=State.DELIVERED,
        received_at=row["submitted_at"] or at,
        changed_at=at,
        due_at=at,
        duration_seconds=row["billed_seconds"],
        content_hash=row["content_hash"],
        audio_hash=row["audio_hash"],
        parameters=row["parameters"],
        upload_url=row["upload_url"],
        base_url=row["base_url"],
        key_fingerprint=row["key_fingerprint"],
        submit_sent_at=row["submitted_at"],
        transcript_id=row["transcript_id"],
        model=row["model"],
        stem=row["stem"],
        tail=row["tail"] or b"",
        number=row["number"],
        place=b"",
        retired_at=at,
    )


def row_of(job: Job) -> Row:
    """The payment of a job that paid, as it is known when its submit is taken."""
    assert job.transcript_id is not None
    of_job = {name: getattr(job, name) for name in (*_TEXTS, "path", "transcript_id")}
    row = {column.name: of_job.get(column.name) for column in payments.c}
    return {**row, "job": job.id, "size": job.fingerprint.size, "submitted_at": job.submit_sent_at}


# -- within a transaction ---------------------------------------------------------------------------------------------


def note(connection: sa.Connection, happened: Iterable[Happening]) -> list[str]:
    """Write what these say of payments, in order; return the transcript_ids of those that need a new line."""
    changed: list[str] = []
    for kind, some in itertools.groupby((x for x in happened if _tells(x)), key=lambda x: type(x.event)):
        changed += _note_each(connection, kind, list(some))
    return changed


def _tells(happening: Happening) -> bool:
    """True if it says something of a payment."""
    job, event, _ = happening
    match event:
        case Delivered():
            return job.reused_from is None
        case Retired():
            return job.state is State.FAILED and job.transcript_id is not None and job.reused_from is None
        case Lost(transcript_id=str()) | Failed(void=True, transcript_id=str()):
            return True
    return isinstance(event, Submitted | Transcribed) or (isinstance(event, Requeued) and event.pay_again)


def _note_each(connection: sa.Connection, kind: type[Event], happened: list[Happening]) -> list[str]:
    """Write things of one kind, as they are told in one go."""
    if kind is Submitted:
        take(connection, [row_of(job) for job, _, _ in happened])
    elif kind is Transcribed:
        _TRANSCRIBED.write(connection, [_heard(*each) for each in happened])
        return []
    elif kind is Delivered:
        _DELIVERED.write(connection, [{**_names_of(job), "delivered_at": at} for job, _, at in happened])
    elif kind is Retired:
        _NAMED.write(connection, [_names_of(job) for job, _, _ in happened])
    elif kind is Requeued:
        return [name for job, _, at in happened for name in _give_up(connection, job.id, at)]
    elif kind in (Lost, Failed):
        drop(connection, free := [getattr(event, "transcript_id", "") for _, event, _ in happened])
        return free
    else:
        raise TypeError(f"nobody knows what this says of a payment: {kind}")
    return [job.transcript_id or "" for job, _, _ in happened]


def _completing(*columns: str) -> Prepared:
    """Complete a payment, `paid_by` its transcript, in these columns."""
    which = payments.c.transcript_id == sa.bindparam("paid_by")
    return Prepared(payments.update().where(which).values({name: sa.bindparam(name) for name in columns}))


_NAMES = ("stem", "tail", "number")
_TRANSCRIBED = _completing("transcribed_at", "billed_seconds", "model")
_DELIVERED = _completing(*_NAMES, "delivered_at")
_NAMED = _completing(*_NAMES)
_ERASED = _completing("erased_at")


def _heard(job: Job, event: Event, at: float) -> Row:
    assert isinstance(event, Transcribed)
    heard = {"billed_seconds": event.billed_seconds, "model": event.model}
    return {"paid_by": job.transcript_id, "transcribed_at": at, **heard}


def _names_of(job: Job) -> Row:
    return {"paid_by": job.transcript_id, **{name: getattr(job, name) for name in _NAMES}}


def _give_up(connection: sa.Connection, job: int, at: float) -> list[str]:
    """A person has given up what this job paid: nobody is served with it any more."""
    mine = (payments.c.job == job) & payments.c.given_up_at.is_(None)
    names = list(connection.execute(sa.select(payments.c.transcript_id).where(mine)).scalars())
    connection.execute(payments.update().where(payments.c.transcript_id.in_(names)).values(given_up_at=at))
    return names


def wish(connection: sa.Connection, transcript_id: str, at: float) -> list[str]:
    """Have a transcript deleted at AssemblyAI from now on; return it, if it is known to be paid."""
    connection.execute(_WISH, {"transcript_id": transcript_id, "wanted_at": at})
    paid = sa.select(payments.c.transcript_id).where(payments.c.transcript_id == transcript_id)
    return list(connection.execute(paid).scalars())


def erased(connection: sa.Connection, transcript_id: str, at: float) -> list[str]:
    """A transcript is no longer at AssemblyAI; return it."""
    _ERASED.asked(connection, paid_by=transcript_id, erased_at=at)
    return [transcript_id]


def take(connection: sa.Connection, rows: list[Row]) -> None:
    """Write these payments. Of one that is there already, what is known of it stays known."""
    _TAKE.write(connection, rows)


def rebuilt(connection: sa.Connection, known: list[Job]) -> list[str]:
    """Write the payments of jobs that were rebuilt; return the transcript_ids that were not known before."""
    names = [job.transcript_id or "" for job in known]
    query = sa.select(payments.c.transcript_id).where(payments.c.transcript_id.in_(names))
    before = set(connection.execute(query).scalars())
    if known:
        take(connection, [{**row_of(job), "transcribed_at": job.submit_sent_at} for job in known])
    return [name for name in names if name not in before]


def drop(connection: sa.Connection, transcript_ids: list[str]) -> None:
    """Forget what turned out to be free."""
    connection.execute(payments.delete().where(payments.c.transcript_id.in_(transcript_ids)))


def lines_of(connection: sa.Connection, transcript_ids: Iterable[str]) -> bytes:
    """The lines of these transcripts, as they are paid now."""
    return b"".join(to_line(name, _known(connection, name)) for name in sorted(transcript_ids))


def _known(connection: sa.Connection, transcript_id: str) -> Row | None:
    row = _LINE.asked(connection, name=transcript_id).mappings().first()
    return None if row is None else dict(row)


def forgotten(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The payments of which the job that paid is forgotten. One that was served with it knows no parameters."""
    known = sa.exists().where(jobs.c.transcript_id == payments.c.transcript_id, jobs.c.reused_from.is_(None))
    return sa.select(payments).where(*conditions, ~known).order_by(payments.c.submitted_at)


#: Those that can serve another recording of this content.
OF_CONTENT = forgotten(
    (payments.c.content_hash == sa.bindparam("content_hash")) | (payments.c.audio_hash == sa.bindparam("audio_hash")),
    payments.c.given_up_at.is_(None),
).limit(MOST_OF_ONE_CONTENT)
