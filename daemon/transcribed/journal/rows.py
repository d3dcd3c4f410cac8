"""A job and an event as their rows of the journal: the one place that knows how they are kept.

SQLAlchemy, by the types in `tables`, gives and takes the values that SQLite has no type for. `as_used` reads them
without it.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from operator import attrgetter
from typing import Any

from transcribed.job.events import Event
from transcribed.job.model import Fingerprint, Job, State, Step

#: The columns that SQLite has no type for, and how each value is read: whole numbers of any size and JSON are text.
_READ: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("mtime_ns", "ctime_ns", "inode"), int),
    **dict.fromkeys(("formats", "renderings"), json.loads),
    **dict.fromkeys(("pay_again", "gone"), bool),
}
_ELSEWHERE = ("fingerprint", "state", "in_flight", "formats", "renderings")
_FINGERPRINT = tuple(f.name for f in fields(Fingerprint))
_PLAIN = tuple(f.name for f in fields(Job) if f.name not in _ELSEWHERE)
_TEXTS = tuple(f.name for f in fields(Job) if f.type in (str, str | None))
_plain_of = attrgetter(*_PLAIN)


def row_of(job: Job) -> dict[str, Any]:
    """A job as its row of `jobs`."""
    row: dict[str, Any] = dict(zip(_PLAIN, _plain_of(job), strict=True))
    row |= {name: _storable(row[name]) for name in _TEXTS}
    row |= {name: getattr(job.fingerprint, name) for name in _FINGERPRINT}
    row["in_flight"] = None if job.in_flight is None else str(job.in_flight)
    row["renderings"] = None if job.renderings is None else dict(job.renderings)
    row["state"], row["formats"] = str(job.state), list(job.formats)
    return row


def _storable(text: str | None) -> str | None:
    """`text` as SQLite takes it: half a character, as at the end of a text that the API has cut, is escaped."""
    if text is None or text.isascii():
        return text
    return text.encode(errors="backslashreplace").decode()


class Unreadable(Exception):
    """A row is not one that this program wrote."""


@contextmanager
def readable() -> Iterator[None]:
    """Rows are read here, and made jobs. Raises Unreadable where one cannot be."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise Unreadable(f"a job in it cannot be read: {error}") from error


def as_used(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `jobs` as SQLite itself gives it, for `job_of`. Raises ValueError, TypeError."""
    read = {name: None if row[name] is None else _READ[name](row[name]) for name in _READ}
    return {**row, **read}


def job_of(row: dict[str, Any]) -> Job:
    """The job of a row of `jobs`."""
    fingerprint = Fingerprint(**{name: row[name] for name in _FINGERPRINT})
    facts = {name: row[name] for name in _PLAIN}
    facts["in_flight"] = None if row["in_flight"] is None else Step(row["in_flight"])
    facts["renderings"] = None if row["renderings"] is None else tuple(dict(row["renderings"]).items())
    return Job(fingerprint=fingerprint, state=State(row["state"]), formats=tuple(row["formats"]), **facts)


def event_row_of(job: int, at: float, event: Event, state: State) -> dict[str, Any]:
    """An event of a job as its row of `events`."""
    data = json.dumps(event.data(), default=_text)
    return {"job": job, "at": at, "event": event.name(), "state": str(state), "data": data}


def _text(value: object) -> str:
    """Bytes are paths: as text they keep every byte, and JSON keeps the text."""
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)
