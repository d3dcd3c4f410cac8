"""The page for searches in an outbox that asks for one: `_search.html`, and the folder `_search` with what it loads.

The recordings that were delivered there are compared with what is in the folder: at the start, after a change, and
after a failure. The loop's thread knows the recordings; the inboxes' threads read transcripts and write.
"""

import contextlib
import functools
import math
import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from transcribed import errors, files, formats, search_page
from transcribed.formats import finding
from transcribed.job import Job, State, shown
from transcribed.journal import Journal, Transcripts
from transcribed.worker.access import access_of
from transcribed.worker.background import Background
from transcribed.worker.outputs import outputs
from transcribed.worker.people.outbox_notice import Inbox
from transcribed.worker.people.search_folder import Held, SearchFolder
from transcribed.worker.plan import Clock, Route

log = structlog.get_logger()

NAME = b"_search.html"
MOST = 10_000  # recordings of an outbox
SURPLUS = 500  # older ones that may stay there, so that they go together: a large part is written again for each
QUICKEST_SECONDS = 10.0
_MARK = files.Mark("search", ())
_AT_ONCE = 50  # recordings that are put in by one piece of work: some seconds, for which the inbox waits
_READ_AT_ONCE = 500  # jobs that the journal is asked for in one pass of the loop
_DOING = "writing the page for searches in the outbox"


@dataclass(frozen=True, slots=True)
class _Talk:
    """A delivered recording, as far as the page needs it."""

    id: int
    transcript_id: str
    received_at: float
    changed_at: float
    path: bytes
    outputs: tuple[bytes, ...]

    def name(self, mark: str) -> str:
        """The name of its file: another one for another transcript, and after each correction of it (its mark)."""
        return "-".join([str(self.id), self.transcript_id[:8], *filter(None, [mark])])

    def links(self, outbox: bytes) -> list[tuple[str, str]]:
        """The words and the path below the outbox of each of its files there."""
        paths = [path.removeprefix(outbox + b"/") for path in self.outputs if path.startswith(outbox + b"/")]
        return [(os.fsdecode(os.path.splitext(path)[1][1:]), os.fsdecode(path)) for path in paths]


@dataclass(slots=True)
class _Begun:
    """The last work for an outbox. All but the first two are set by the inbox's thread."""

    at: float
    names: Sequence[str]
    held: Held | None = None
    taken: bytes | None = None  #: where a file of somebody else was met
    is_running: bool = True
    is_complete: bool = False


class SearchPages:
    """The pages for searches of all outboxes."""

    def __init__(self, journal: Journal, kept: Transcripts, background: Background, clock: Clock) -> None:
        self._journal = journal
        self._kept = kept
        self._background = background
        self._clock = clock
        self._talks: dict[str, dict[int, _Talk]] = {}  # by their jobs, of each inbox that has a page
        self._unread: dict[str, int | None] = {}  # of these inboxes the jobs before this one are still to be read
        self._changed: set[str] = set()  # inboxes
        self._begun: dict[bytes, _Begun] = {}

    def heard(self, job: Job) -> None:
        """Something happened to this job, and is written."""
        of_inbox = self._talks.get(job.inbox)
        if of_inbox is None:
            return
        was_there, talk = of_inbox.pop(job.id, None) is not None, _talk(job)
        if talk is not None:
            of_inbox[job.id] = talk
            if len(of_inbox) > MOST + SURPLUS + 1:
                del of_inbox[min(of_inbox)]
        if was_there or talk is not None:
            self._changed.add(job.inbox)

    def take_out(self, transcript_ids: Collection[str]) -> None:
        """These transcripts are removed: what was said in them goes too, in this pass of the loop."""
        gone = set(transcript_ids)
        for of_inbox in self._talks.values():
            self._drop(of_inbox, [talk.id for talk in of_inbox.values() if talk.transcript_id in gone])

    def corrected(self, transcript_id: str) -> None:
        """A person corrected words of this transcript: it is put in again, and what was put in goes."""
        for name, of_inbox in self._talks.items():
            if any(talk.transcript_id == transcript_id for talk in of_inbox.values()):
                self._changed.add(name)

    def forgotten(self, before: float) -> None:
        """Jobs that ended before then were forgotten: those that are no longer there go."""
        for of_inbox in self._talks.values():
            old = [talk.id for talk in of_inbox.values() if talk.changed_at <= before]
            self._drop(of_inbox, set(old) - self._journal.search.there(old))

    def _drop(self, of_inbox: dict[int, _Talk], gone: Collection[int]) -> None:
        for number in gone:
            del of_inbox[number]
        for begun in self._begun.values() if gone else ():
            begun.at = -math.inf
            self._changed.update(begun.names)  # work under way knows nothing of it

    def keep(self, users: Sequence[Inbox]) -> None:
        """Bring the page of one outbox, which these inboxes share, up to date. Raises Blocked(state)."""
        route, now = users[0].route, self._clock.monotonic()
        names = [user.route.name for user in users if user.route.search_page]
        before = self._begun.get(route.outbox)
        if before is not None and not self._is_due(before, names, now):
            return
        if not all(self._is_read(name) for name in names):
            self._background.do(users[0].executor, lambda: None, doing=_DOING)  # so that the loop comes here again
            return
        talks = [talk for name in names for talk in self._talks[name].values()]
        self._changed.difference_update(names)
        begun = self._begun[route.outbox] = _Begun(now, names)
        if before is not None:
            begun.held, begun.taken = before.held, before.taken
        write = functools.partial(_write, users[0], self._kept, begun, talks)
        self._background.do(users[0].executor, write, doing=_DOING)

    def _is_due(self, before: _Begun, names: Sequence[str], now: float) -> bool:
        if before.is_running or now - before.at < QUICKEST_SECONDS:
            return False
        return not before.is_complete or before.names != names or not self._changed.isdisjoint(names)

    def _is_read(self, name: str) -> bool:
        """True if the delivered jobs of an inbox are known; else some more of them are read. Raises Blocked(state)."""
        of_inbox = self._talks.setdefault(name, {})
        before = self._unread.setdefault(name, None)
        if before == 0:
            return True
        jobs = self._journal.search.delivered_last(name, _READ_AT_ONCE, before)
        for job in jobs:
            if (talk := _talk(job)) is not None:
                of_inbox[job.id] = talk
        is_all = len(jobs) < _READ_AT_ONCE or len(of_inbox) > MOST + SURPLUS
        self._unread[name] = 0 if is_all else min(job.id for job in jobs)
        return is_all


def _talk(job: Job) -> _Talk | None:
    """None of a job whose recording is not searched."""
    if job.state is not State.DELIVERED or job.skipped or job.transcript_id is None:
        return None
    return _Talk(job.id, job.transcript_id, job.received_at, job.changed_at, job.path, tuple(outputs(job)))


def _write(inbox: Inbox, kept: Transcripts, begun: _Begun, talks: Sequence[_Talk]) -> None:
    """On the inbox's thread: bring page and folder up to date; a failure is tried again by the loop."""
    known, begun.taken = begun.taken, None
    try:
        with contextlib.suppress(OSError, errors.TranscribedError):
            begun.is_complete = _brought(inbox, kept, begun, talks)
    except files.NameTaken as taken:
        begun.taken = taken.path
        if known != taken.path:
            why = "a file of somebody else is in the place of ours: move it away"
            log.warning("search.stopped", inbox=inbox.route.name, file=shown(taken.path), reason=why)
    finally:
        begun.is_running = False


def _brought(inbox: Inbox, kept: Transcripts, begun: _Begun, talks: Iterable[_Talk]) -> bool:
    """True if all is there now. What is to go goes first. Raises OSError, NameTaken, TranscribedError."""
    route, path = inbox.route, os.path.join(inbox.route.outbox, NAME)
    pieces = os.path.join(route.outbox, search_page.FOLDER.encode())
    with inbox.anchors.opened(route.outbox) as root:
        if not begun.names and not root.has(path) and not root.has(pieces):
            return True
        known, begun.held = begun.held, None  # what a failure leaves behind is looked at again
        folder = SearchFolder(root, access_of(route), known)
        here = [talk for talk in talks if talk.links(route.outbox)]
        chosen = _newest(here, folder.held.found)
        is_cut = len(chosen) < len(here)
        marked = ((talk, kept.mark(talk.transcript_id)) for talk in chosen)
        wanted = {talk.name(mark): talk for talk, mark in marked if mark is not None}

        def show() -> int:
            """Write the page as things are now. The number of recordings that are still to be put in."""
            segments, found = folder.held.segments, folder.held.found
            waiting = len(wanted.keys() - found)
            title, names = f"Search: {', '.join(begun.names)}", [each.name for each in segments]
            page = search_page.html(title, names, held=len(found), waiting=waiting, is_cut=is_cut)
            put(root, path, _MARK, page if begun.names else None, access_of(route))
            return waiting

        try:
            if folder.take_out((folder.held.found | _recordings(folder.held.names)) - wanted.keys()):
                show()
        finally:
            folder.forget_stale()
        missing = [name for name in wanted if name not in folder.held.found or name not in folder.held.names]
        folder.put({name: functools.partial(_said, wanted[name], route, kept) for name in missing[:_AT_ONCE]})
        show()
        folder.tidy()
        begun.held = folder.held
    return len(missing) <= _AT_ONCE


def _newest(talks: Iterable[_Talk], found: Collection[str]) -> Sequence[_Talk]:
    """The newest recordings first; a few older ones that are there stay."""
    ordered = sorted(talks, key=lambda talk: (talk.changed_at, talk.id), reverse=True)
    numbers = {int(name.split("-")[0]) for name in found}
    older = [talk for talk in ordered[MOST:] if talk.id in numbers]
    return ordered[:MOST] + (older if len(older) <= SURPLUS else [])


def _recordings(names: Iterable[str]) -> set[str]:
    return {name for name in names if name[0].isdigit()}


def _said(talk: _Talk, route: Route, kept: Transcripts) -> tuple[bytes, Iterable[str]]:
    """The words of a recording: its own file, and the words for the index. Raises TranscribedError."""
    transcript: Mapping[str, object] = {}
    answer = kept.said(talk.transcript_id) or b"{}"
    with contextlib.suppress(ValueError, RecursionError):  # damaged since it was delivered
        transcript = formats.parse(answer)
    day = time.strftime("%Y-%m-%d", time.localtime(talk.received_at))
    links = talk.links(route.outbox)
    content = search_page.piece(transcript, file=shown(talk.path), day=day, links=links)
    return content, finding.searched(transcript).split()


def put(root: files.Root, path: bytes, mark: files.Mark, page: bytes | None, access: files.Access) -> None:
    """Have this page of ours there, signed, or none; a stranger's file stays. Raises OSError, NameTaken."""
    if page is None:
        mark.take_back(root, path)
    elif mark.is_at(root, path):
        files.replace(path, mark.signed(page), root=root, access=access)
    else:
        files.publish(path, mark.signed(page), root=root, access=access)
