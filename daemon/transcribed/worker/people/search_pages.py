"""The page for searches in an outbox that asks for one: `_search.html`, and its pieces in the folder `_search`.

Each piece is a file with what was said in one recording that was delivered there. What is in the folder is compared
with what should be: at the start, after a change, and after a failure. So nothing is remembered of it, and a kill needs
no repair. All of it belongs to the loop's thread; the inboxes' threads read transcripts and write.
"""

import contextlib
import functools
import math
import os
import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from transcribed import errors, files, formats, search_page
from transcribed.folders import Anchors
from transcribed.job import Job, State, shown
from transcribed.journal import Journal, Transcripts
from transcribed.worker.access import access_of
from transcribed.worker.background import Background
from transcribed.worker.outputs import outputs
from transcribed.worker.people.outbox_notice import Inbox
from transcribed.worker.plan import Clock, Route

NAME = b"_search.html"
MOST = 1000  # recordings of an outbox
QUICKEST_SECONDS = 10.0
_MARK, _PIECE = files.Mark("search", ()), files.Mark("piece", (search_page.BEGINNING,))
_AT_ONCE = 50  # pieces that are written in one piece of work: some seconds, for which the inbox waits
_PIECE_NAME = re.compile(rb"[0-9]+-[0-9a-f]{8}(-[0-9a-f]+){0,2}\.js")


@dataclass(slots=True)
class _Begun:
    """The last work for an outbox. The two flags are set by the inbox's thread."""

    at: float
    names: Sequence[str]
    is_running: bool = True
    is_complete: bool = False


class SearchPages:
    """The pages for searches of all outboxes."""

    def __init__(self, journal: Journal, kept: Transcripts, background: Background, clock: Clock) -> None:
        self._journal = journal
        self._kept = kept
        self._background = background
        self._clock = clock
        self._jobs: dict[str, dict[int, Job]] = {}  # the last that were delivered, of each inbox that has a page
        self._changed: set[str] = set()  # inboxes
        self._begun: dict[bytes, _Begun] = {}

    def heard(self, job: Job) -> None:
        """Something happened to this job, and is written."""
        of_inbox = self._jobs.get(job.inbox)
        if of_inbox is None:
            return
        was_there = of_inbox.pop(job.id, None) is not None
        if _is_searched(job):
            of_inbox[job.id] = job
            while len(of_inbox) > MOST + 1:
                del of_inbox[next(iter(of_inbox))]
        if was_there or _is_searched(job):
            self._changed.add(job.inbox)

    def take_out(self, transcript_ids: Collection[str]) -> None:
        """These transcripts are removed: their pieces go too, in this pass of the loop."""
        for of_inbox in self._jobs.values():
            for gone in [job for job in of_inbox.values() if job.transcript_id in transcript_ids]:
                del of_inbox[gone.id]
        self._look_soon()

    def corrected(self, transcript_id: str) -> None:
        """A person corrected words of this transcript: its pieces are made again."""
        for name, jobs in self._jobs.items():
            if any(job.transcript_id == transcript_id for job in jobs.values()):
                self._changed.add(name)

    def forgotten(self, before: float) -> None:
        """Jobs that ended before then were forgotten: read again which are left, where it may concern one of them."""
        old = {name for name, jobs in self._jobs.items() if any(job.changed_at <= before for job in jobs.values())}
        if old:
            self._jobs = {name: jobs for name, jobs in self._jobs.items() if name not in old}
            self._look_soon()

    def _look_soon(self) -> None:
        for begun in self._begun.values():
            begun.at = -math.inf
            self._changed.update(begun.names)  # work under way knows nothing of it

    def keep(self, users: Sequence[Inbox]) -> None:
        """Bring the page of one outbox, which these inboxes share, up to date. Raises Blocked(state)."""
        route, now = users[0].route, self._clock.monotonic()
        names = [user.route.name for user in users if user.route.search_page]
        before = self._begun.get(route.outbox)
        if before is not None and not self._is_due(before, names, now):
            return
        jobs = self._newest(names, route.outbox) if names else []
        self._changed.difference_update(names)
        begun = self._begun[route.outbox] = _Begun(now, names)
        write = functools.partial(_write, users[0], self._kept, begun, jobs)
        self._background.do(users[0].executor, write, doing="writing the page for searches in the outbox")

    def _is_due(self, before: _Begun, names: Sequence[str], now: float) -> bool:
        if before.is_running or now - before.at < QUICKEST_SECONDS:
            return False
        return not before.is_complete or before.names != names or not self._changed.isdisjoint(names)

    def _newest(self, names: Sequence[str], outbox: bytes) -> list[Job]:
        """The newest delivered jobs of these inboxes, one more than the page has."""
        for name in names:
            if name not in self._jobs:
                found = self._journal.search.delivered_last(name, MOST + 1)
                self._jobs[name] = {job.id: job for job in found if _is_searched(job)}
        ours = [job for name in names for job in self._jobs[name].values() if _links(job, outbox)]
        return sorted(ours, key=lambda job: (job.changed_at, job.id), reverse=True)[: MOST + 1]


def _is_searched(job: Job) -> bool:
    return job.state is State.DELIVERED and not job.skipped and job.transcript_id is not None


def _links(job: Job, outbox: bytes) -> list[tuple[str, str]]:
    """The words and the path below the outbox of each of its files there."""
    paths = [path.removeprefix(outbox + b"/") for path in outputs(job) if path.startswith(outbox + b"/")]
    return [(os.fsdecode(os.path.splitext(path)[1][1:]), os.fsdecode(path)) for path in paths]


def _write(inbox: Inbox, kept: Transcripts, begun: _Begun, jobs: Sequence[Job]) -> None:
    """On the inbox's thread: bring page and pieces up to date; a failure is tried again by the loop."""
    try:
        with contextlib.suppress(OSError, files.NameTaken, errors.TranscribedError):
            begun.is_complete = _brought(inbox.route, inbox.anchors, kept, begun, jobs)
    finally:
        begun.is_running = False


def _brought(route: Route, anchors: Anchors, kept: Transcripts, begun: _Begun, jobs: Sequence[Job]) -> bool:
    """True if all pieces are there now. What is to go goes first. Raises OSError, NameTaken, TranscribedError."""
    path, folder = os.path.join(route.outbox, NAME), os.path.join(route.outbox, search_page.FOLDER.encode())
    marked = ((job, kept.mark(job.transcript_id or "")) for job in jobs[:MOST])
    wanted = {_name(job, mark): job for job, mark in marked if mark is not None}
    with anchors.opened(route.outbox) as root:
        if not begun.names and not root.has(path):
            return True
        there = set(_pieces(root, folder))
        for name in there - wanted.keys():
            _PIECE.take_back(root, os.path.join(folder, name))
        missing = [name for name in wanted if name not in there]
        for name in missing[:_AT_ONCE]:
            _publish(root, route, os.path.join(folder, name), wanted[name], kept)
        shown_now = [name.decode() for name in wanted if name not in missing[_AT_ONCE:]]
        title = f"Search: {', '.join(begun.names)}"
        page = search_page.html(title, shown_now, is_cut=len(jobs) > MOST) if begun.names else None
        put(root, path, _MARK, page, access_of(route))
    return len(missing) <= _AT_ONCE


def _name(job: Job, mark: str) -> bytes:
    """The name of a job's piece: another one for another transcript, and after each correction of it (its mark)."""
    parts = [str(job.id), (job.transcript_id or "")[:8], *filter(None, [mark])]
    return f"{'-'.join(parts)}.js".encode()


def _pieces(root: files.Root, folder: bytes) -> Iterator[bytes]:
    """The names of the pieces in their folder; none where it is not there. Raises OSError."""
    if not root.has(folder):
        return
    with root.holding(os.path.join(folder, b"piece")) as (opened, _):
        yield from filter(_PIECE_NAME.fullmatch, map(os.fsencode, os.listdir(opened)))


def _publish(root: files.Root, route: Route, path: bytes, job: Job, kept: Transcripts) -> None:
    """Raises OSError, NameTaken, TranscribedError."""
    try:
        transcript = formats.parse(kept.said(job.transcript_id or "") or b"{}")
    except (ValueError, RecursionError):  # damaged since it was delivered
        transcript = {}
    day = time.strftime("%Y-%m-%d", time.localtime(job.received_at))
    script = search_page.piece(transcript, file=shown(job.path), day=day, links=_links(job, route.outbox))
    files.publish(path, script, root=root, access=access_of(route))


def put(root: files.Root, path: bytes, mark: files.Mark, page: bytes | None, access: files.Access) -> None:
    """Have this page of ours there, signed, or none; a stranger's file stays. Raises OSError, NameTaken."""
    if page is None:
        mark.take_back(root, path)
    elif mark.is_at(root, path):
        files.replace(path, mark.signed(page), root=root, access=access)
    else:
        files.publish(path, mark.signed(page), root=root, access=access)
