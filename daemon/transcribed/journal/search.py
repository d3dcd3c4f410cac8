"""Jobs that a person means, among all of them."""

import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from transcribed.job import Fingerprint, Job, State
from transcribed.job.events import Event
from transcribed.journal.rows import job_of, readable
from transcribed.journal.statements import MOST_TWINS
from transcribed.journal.tables import events, few, jobs, numbers_in
from transcribed.journal.transactions import Transactions

_LAST = 100_000  # jobs among which the last of one inbox are looked for
_FEW = 50  # jobs of one name
_SOME = 500  # jobs that are read at once where all are


class Search:
    """The jobs of a journal by what people know of them."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def had(self, number: int) -> bool:
        """True if there was a job of this number, forgotten or not."""
        with self._transactions.reading() as connection:
            return number <= (connection.execute(sa.select(sa.func.max(jobs.c.id))).scalar() or 0)

    def about(self, recordings: Collection[tuple[str, bytes]], stems: Collection[bytes]) -> list[Job]:
        """The jobs of one of these recordings (inbox and path), or whose outputs have one of these stems."""
        recorded = sa.tuple_(jobs.c.inbox, jobs.c.path).in_(recordings)
        numbers = [sa.select(jobs.c.id).where(each) for each in (recorded, jobs.c.stem.in_(stems))]
        return self._jobs(jobs.c.id.in_(sa.union(*numbers)))

    def of_recording(self, inboxes: Collection[str], stem: bytes) -> list[Job]:
        """The newest jobs of recordings that lay in one of these inboxes at this path, with any ending."""
        ending = sa.func.substr(jobs.c.path, len(stem) + 2)
        is_one = (sa.func.instr(ending, b".") == 0) & (sa.func.instr(ending, b"/") == 0)
        begins = (jobs.c.path > stem + b".") & (jobs.c.path < stem + b"/")  # the byte after "."
        return self._newest(jobs.c.inbox.in_(inboxes), begins, is_one)

    def of_output(self, inboxes: Collection[str], stems: Collection[bytes], number: int) -> list[Job]:
        """The newest delivered jobs of these inboxes whose outputs have one of these stems, and this number."""
        is_named = jobs.c.stem.in_(stems) & (jobs.c.number == number)
        return self._newest(jobs.c.inbox.in_(inboxes), is_named, jobs.c.state == str(State.DELIVERED))

    def _newest(self, *conditions: sa.ColumnElement[bool]) -> list[Job]:
        some = self._jobs(jobs.c.id.in_(sa.select(jobs.c.id).where(*conditions).order_by(jobs.c.id.desc()).limit(_FEW)))
        return some[::-1]

    def with_names(self, may_be_meant: Callable[[bytes, bytes | None, bytes | None], bool]) -> Iterator[Job]:
        """The jobs of whose path, place and stem this is true. It looks at every job."""
        query, last = sa.select(jobs.c.id, jobs.c.path, jobs.c.place, jobs.c.stem).order_by(jobs.c.id), 0
        while True:
            with self._transactions.reading() as connection:
                rows = connection.execute(query.where(jobs.c.id > last).limit(_SOME)).all()
            if not rows:
                return
            last = rows[-1].id
            yield from self._jobs(jobs.c.id.in_([number for number, *names in rows if may_be_meant(*names)]))

    def paid_alike(self, inbox: str, files: Mapping[bytes, Fingerprint], parameters: str) -> set[bytes]:
        """The paths of those files that look like a recording that lay there, and was paid for with these parameters.

        As a mirror sends it again, with its size and its time: nothing is read for that.
        """
        paths, alike = iter(files), set()
        paid = (jobs.c.inbox == inbox) & jobs.c.transcript_id.is_not(None) & (jobs.c.parameters == parameters)
        query = sa.select(jobs.c.path, jobs.c.size, jobs.c.mtime_ns).where(paid)
        with self._transactions.reading() as connection:
            while some := list(itertools.islice(paths, _SOME)):
                rows = connection.execute(query.where(jobs.c.path.in_(some))).all()
                alike |= {path for path, *looks in rows if looks == [files[path].size, files[path].mtime_ns]}
        return alike

    def put_away_since(self, at: float, most: int, *, inbox: str | None = None) -> list[Job]:
        """The newest of the jobs (of one inbox) whose recording was put away, or kept, since then."""
        since = few("jobs_put_away", sa.column("retired_at") >= at) | (few("jobs_lying") & (jobs.c.retired_at >= at))
        its = since if inbox is None else since & (jobs.c.inbox == inbox)
        found = sa.select(jobs.c.id).where(its).order_by(jobs.c.retired_at.desc()).limit(most)
        return self._jobs(jobs.c.id.in_(found))

    def delivered_last(self, inbox: str, most: int, before: int | None = None) -> list[Job]:
        """The newest delivered jobs of an inbox before this one; those that many others came after are left out."""
        newest = sa.select(sa.func.max(jobs.c.id)).scalar_subquery()
        delivered = (jobs.c.state == str(State.DELIVERED)) & (jobs.c.inbox == inbox) & (jobs.c.id > newest - _LAST)
        earlier = delivered if before is None else delivered & (jobs.c.id < before)
        return self._jobs(jobs.c.id.in_(sa.select(jobs.c.id).where(earlier).order_by(jobs.c.id.desc()).limit(most)))

    def there(self, numbers: Sequence[int]) -> set[int]:
        """Those of these jobs that the journal has."""
        found: set[int] = set()
        with self._transactions.reading() as connection:
            for start in range(0, len(numbers), _SOME):
                some = jobs.c.id.in_(numbers[start : start + _SOME])
                found.update(connection.execute(sa.select(jobs.c.id).where(some)).scalars())
        return found

    def put_away_between(self, after: tuple[float, int], before: float, most: int) -> list[Job]:
        """The first jobs whose recording was put away then, in that order; `after` this time and number."""
        at, number = after
        retired_at = sa.column("retired_at", sa.Float)
        is_later = (retired_at > at) | (sa.column("id") > number)
        found = numbers_in("jobs_put_away", retired_at >= at, retired_at <= before, is_later)
        some = self._jobs(jobs.c.id.in_(found.order_by(sa.text("retired_at, id")).limit(most)))
        return sorted(some, key=lambda job: (job.retired_at or 0.0, job.id))

    def named_by_transcript(self, transcript_id: str) -> list[Job]:
        """The last jobs that have this transcript, and names in the folders. One of them paid for it."""
        named = (jobs.c.transcript_id == transcript_id) & jobs.c.number.is_not(None)
        found = sa.select(jobs.c.id).where(named).order_by(jobs.c.id.desc()).limit(MOST_TWINS)
        return self._jobs(jobs.c.id.in_(found))

    def last_told(self, number: int, kind: type[Event]) -> dict[str, Any]:
        """The data of the last event of this kind in a job's story; empty where there was none."""
        its = (events.c.job == number) & (events.c.event == kind.name())
        query = sa.select(events.c.data).where(its).order_by(events.c.id.desc()).limit(1)
        with self._transactions.reading() as connection:
            return dict(json.loads(connection.execute(query).scalar() or "{}"))

    def _jobs(self, condition: sa.ColumnElement[bool]) -> list[Job]:
        query = sa.select(jobs).where(condition).order_by(jobs.c.id)
        with self._transactions.reading() as connection, readable():
            return [job_of(dict(row)) for row in connection.execute(query).mappings()]
