"""Jobs that ended long ago are forgotten, a few at a time: what they paid, and the numbers of their names, stay.

A job is forgotten once its recording was put away and nothing is left to do for it. The newest job stays, so that no
number is given twice; so do one that may have been paid for and was never found, one whose transcript is still to be
deleted at AssemblyAI, and one that paid for a transcript that is at work.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from transcribed.journal.tables import erasures, events, few, jobs, names

_PAYERS = sa.text("reused_from IS NOT NULL")


def forget(connection: sa.Connection, before: float, most: int) -> list[str]:
    """Forget at most so many jobs that were put away before then, oldest first; return the state of each."""
    rows = connection.execute(_old(before, most)).all()
    numbers = [row.id for row in rows]
    named = [
        {"stem": row.stem, "number": row.number} for row in rows if row.stem is not None and row.number is not None
    ]
    if named:
        connection.execute(names.insert().prefix_with("OR IGNORE"), named)
    connection.execute(events.delete().where(events.c.job.in_(numbers)))
    connection.execute(jobs.delete().where(jobs.c.id.in_(numbers)))
    _forget_deletions(connection, [row.transcript_id for row in rows if row.transcript_id is not None])
    return [row.state for row in rows]


def _old(before: float, most: int) -> sa.Select[Any]:
    newest = sa.select(sa.func.max(jobs.c.id)).scalar_subquery()
    payers = sa.select(jobs.c.reused_from).where(few("jobs_unfinished"), _PAYERS)
    pending = sa.exists().where(erasures.c.transcript_id == jobs.c.transcript_id, erasures.c.erased_at.is_(None))
    columns = (jobs.c.id, jobs.c.state, jobs.c.stem, jobs.c.number, jobs.c.transcript_id)
    put_away = few("jobs_put_away", sa.column("retired_at") < before)
    in_doubt = jobs.c.submit_sent_at.is_not(None) & jobs.c.transcript_id.is_(None)
    query = sa.select(*columns).where(put_away, jobs.c.changed_at < before, jobs.c.id < newest, ~in_doubt)
    return query.where(jobs.c.id.not_in(payers), ~pending).order_by(jobs.c.retired_at).limit(most)


def _forget_deletions(connection: sa.Connection, transcript_ids: Sequence[str]) -> None:
    """Forget that these transcripts were deleted at AssemblyAI: their payments know it."""
    known = sa.exists().where(jobs.c.transcript_id == erasures.c.transcript_id)
    connection.execute(erasures.delete().where(erasures.c.transcript_id.in_(transcript_ids), ~known))
