"""The statements that are asked or written for each recording, built once: building costs more than SQLite's work."""

import itertools
from typing import Any

import sqlalchemy as sa

from transcribed.files import MANY_NUMBERS
from transcribed.job import State
from transcribed.journal.prepared import Prepared
from transcribed.journal.tables import erasures, events, facts, jobs, names, payments

_HASHES = ("content_hash", "audio_hash")
MOST_TWINS = 20  #: jobs of one content that are looked at for one reason

NEW_JOBS = Prepared(jobs.insert())
NEW_EVENTS = Prepared(events.insert(), columns=[column.name for column in events.c if not column.primary_key])
#: The number is not set again: SQLite would write each index of the job again.
UPDATE = Prepared(
    jobs.update().where((jobs.c.id == sa.bindparam("b_id")) & (jobs.c.state == sa.bindparam("b_was"))),
    columns=[column.name for column in jobs.c if not column.primary_key],
)
JOB = sa.select(jobs).where(jobs.c.id == sa.bindparam("number"))
STORY = Prepared(
    sa.select(events.c.at, events.c.event, events.c.state, events.c.data)
    .where(events.c.job == sa.bindparam("number"))
    .order_by(events.c.id)
)
OF_SIZE = Prepared(
    sa.select(
        sa.exists().where((jobs.c.size == sa.bindparam("size")) & (jobs.c.id != sa.bindparam("but")))
        | sa.exists().where((payments.c.size == sa.bindparam("size")) & (payments.c.job != sa.bindparam("but")))
    )
)
_NAMED = (jobs.c.stem == sa.bindparam("stem")) & (jobs.c.id != sa.bindparam("but")) & jobs.c.number.is_not(None)
_NUMBERS = (
    sa.select(jobs.c.number).where(_NAMED).order_by(jobs.c.id.desc()).limit(MANY_NUMBERS),
    sa.select(names.c.number)  # of jobs that are forgotten
    .where(names.c.stem == sa.bindparam("stem"))
    .order_by(names.c.number.desc())
    .limit(MANY_NUMBERS),
)
#: Of very many only the newest: a recorder may give all of its recordings one name.
NUMBERS = Prepared(sa.union(*(sa.select(each.subquery()) for each in _NUMBERS)))


def _has_twin() -> sa.Select[Any]:
    """Any other job of the content or of the audio; any payment for it: its job may be forgotten, its number be new."""
    other = jobs.c.id != sa.bindparam("but")
    here = (sa.exists().where((jobs.c[each] == sa.bindparam(each)) & other) for each in _HASHES)
    paid = (sa.exists().where(payments.c[each] == sa.bindparam(each)) for each in _HASHES)
    return sa.select(sa.or_(*here, *paid))


HAS_TWIN = Prepared(_has_twin())  #: one small question before TWINS: most recordings have none
FEW_FAILED = 1000  #: up to so many are all looked at: a recorder may make very many recordings of one size


def _failed_like(size: sa.ColumnElement[int], state: sa.ColumnElement[str]) -> sa.Select[Any]:
    alike = (size == sa.bindparam("size")) & (jobs.c.mtime_ns == sa.bindparam("mtime_ns"))
    return sa.select(jobs).where(alike & (jobs.c.inbox == sa.bindparam("inbox")) & (state == State.FAILED))


#: SQLite does not know which of the two are fewer; an expression in place of a column keeps it from that index.
FAILED_LIKE = _failed_like(jobs.c.size, jobs.c.state + "").order_by(jobs.c.id)
FAILED_LIKE_OF_FEW = _failed_like(jobs.c.size + 0, jobs.c.state).order_by(jobs.c.id)
ERASURE = Prepared(
    sa.union_all(
        sa.select(erasures.c.wanted_at, erasures.c.erased_at, sa.literal(1).label("rank")).where(
            erasures.c.transcript_id == sa.bindparam("transcript_id")
        ),
        sa.select(payments.c.erased_at, payments.c.erased_at, sa.literal(2)).where(  # where the order is forgotten
            (payments.c.transcript_id == sa.bindparam("transcript_id")) & payments.c.erased_at.is_not(None)
        ),
    ).order_by("rank")
)
TRANSCRIBED_AT = Prepared(
    sa.select(payments.c.transcribed_at).where(payments.c.transcript_id == sa.bindparam("transcript_id"))
)
FACT = Prepared(facts.insert().prefix_with("OR REPLACE"))
_AT_ADDRESS = (  # whatever the key: a project may have several, one after the other
    sa.select(erasures.c.wanted_at, erasures.c.transcript_id, payments.c.key_fingerprint)
    .join(payments, payments.c.transcript_id == erasures.c.transcript_id)
    .where(erasures.c.erased_at.is_(None))
    .where(payments.c.base_url == sa.bindparam("base_url"))
)
IS_TO_ERASE = _AT_ADDRESS.where(erasures.c.transcript_id == sa.bindparam("transcript_id"))
TO_ERASE = (
    _AT_ADDRESS.where(
        sa.tuple_(erasures.c.wanted_at, erasures.c.transcript_id)
        > sa.tuple_(sa.bindparam("wanted_at", type_=sa.Float), sa.bindparam("transcript_id", type_=sa.String))
    )
    .order_by(erasures.c.wanted_at, erasures.c.transcript_id)
    .limit(sa.bindparam("most"))
)


def _twins() -> sa.Select[Any]:
    """Those of the content, and those of the audio: each by its own index."""
    each = itertools.chain.from_iterable(_of(jobs.c[name] == sa.bindparam(name)) for name in _HASHES)
    numbers = sa.union_all(*(sa.select(one.subquery()) for one in each))
    return sa.select(jobs).where(jobs.c.id.in_(numbers)).order_by(jobs.c.id)


def _of(same: sa.ColumnElement[bool]) -> tuple[sa.Select[Any], ...]:
    """The jobs of which this is true that can matter: a few of each kind."""
    paid = same & jobs.c.transcript_id.is_not(None) & (jobs.c.parameters == sa.bindparam("parameters"))
    doubtful = same & jobs.c.transcript_id.is_(None) & jobs.c.submit_sent_at.is_not(None)
    here = same & (jobs.c.inbox == sa.bindparam("inbox")) & (jobs.c.path == sa.bindparam("path"))
    coming = same & (jobs.c.state == State.TRANSCRIBED)
    at_hand_first = (jobs.c.state == State.SUBMITTED, jobs.c.id)
    return (
        sa.select(jobs.c.id).where(paid).order_by(*at_hand_first).limit(2),
        sa.select(jobs.c.id).where(doubtful).order_by(jobs.c.id).limit(MOST_TWINS),
        sa.select(jobs.c.id).where(here).order_by(jobs.c.id.desc()).limit(MOST_TWINS),
        sa.select(jobs.c.id).where(coming).order_by(jobs.c.id).limit(MOST_TWINS),
    )


TWINS = _twins()
