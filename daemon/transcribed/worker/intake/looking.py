"""Looks at the folders of one inbox, on the one thread of that inbox: a share that hangs stalls that inbox only."""

import contextlib
import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from transcribed import errors, files
from transcribed.folders import Anchors, is_local, mount_of
from transcribed.inbox import (
    Evidence,
    Found,
    Listing,
    Names,
    PassedOver,
    Probe,
    RecordingFolder,
    Said,
    hash_of_address,
    length,
    probe,
)
from transcribed.job import Fingerprint, is_link, shown
from transcribed.worker.background import tried
from transcribed.worker.intake import consents
from transcribed.worker.intake.emptied import Emptied
from transcribed.worker.intake.sweeps import HINT, Asked
from transcribed.worker.messages import Consent, Looked
from transcribed.worker.people import failure_notes
from transcribed.worker.plan import Clock, Host, Route

log = structlog.get_logger()
T = TypeVar("T")

NOT_SAFE = "this mount can neither rename without replacing nor link: names are looked at first"
BYTES_PER_SECOND = 16_000.0  # of an MP3 at 128 kbit/s: a length for files that no probe can read
SECONDS_OF_A_LINK = 3600.0  # nobody knows before it is fetched; chosen as the length of a long meeting


@dataclass(frozen=True, slots=True)
class LastLook:
    """The last look that succeeded, as people are told of it. `at` is in seconds since the epoch.

    `passed_over` are the recordings that are left alone for their names.
    """

    at: float
    events: bool  #: True if folder events come, so that looks of our own may be rare
    file_system: str
    problems: tuple[str, ...]
    passed_over: tuple[bytes, ...] = ()


def last_look(look: Looked, wall: float) -> LastLook:
    """A look that has just ended, as people are told of it."""
    listing = look.listing
    file_system = listing.mount.kind.decode(errors="replace")
    return LastLook(wall, look.events, file_system, listing.problems, look.passed_over)


def say_problems(problems: Sequence[str], before: LastLook | None, inbox: str) -> None:
    """Log the problems that the look before did not have."""
    for problem in set(problems).difference(before.problems if before else ()):
        log.warning("inbox.problem", inbox=inbox, problem=problem)


def say_unread(unread: Mapping[bytes, str], before: Mapping[bytes, str], inbox: str) -> None:
    """Log which files cannot be read, where that was not said before."""
    said = frozenset(before.values())
    for why in dict.fromkeys(unread.values()):  # a mistake in a folder's settings is that of all files below it
        if why not in said:
            log.warning("inbox.problem", inbox=inbox, problem=why)


def blocked(problem: errors.TranscribedError | None, lane: str) -> errors.Blocked:
    """The block of a lane whose folder cannot be looked at, whatever the cause."""
    assert problem is not None
    if isinstance(problem, errors.Blocked):
        return problem
    return errors.Blocked(problem.message, lane=lane, hint=problem.hint)


_EVIDENCE: dict[files.Writing, Evidence] = {files.Writing.SOMEBODY: "open", files.Writing.NOBODY: "closed"}


def _seconds_by_size(found: Found) -> float:
    return SECONDS_OF_A_LINK if is_link(found.path) else found.fingerprint.size / BYTES_PER_SECOND


class Looking:
    """The folders of one route, as they are looked at before anything becomes a job."""

    def __init__(self, route: Route, anchors: Anchors, access: files.Access, clock: Clock, host: Host) -> None:
        self.asked: Asked | None = None  #: the folder that the look that is at work waits for; the loop reads it
        self._route = route
        self._anchors = anchors
        self._access = access
        self._clock = clock
        self._host = host
        self._started_at = clock.wall()
        self._passed_over = PassedOver()
        self._emptied = Emptied()
        names = Names(route.extensions, route.ignore, route.links, route.bins)
        ground = anchors.of("inbox")
        self._inbox = RecordingFolder(
            route.inbox, lane=route.lane, names=names, hardlinks=route.hardlinks, ground=ground
        )

    @property
    def lane(self) -> str:
        """The lane that is blocked while these folders cannot be reached."""
        return self._route.lane

    def raise_if_hanging(self, now: float) -> None:
        """A look that waits for its turn does not hang: moving a large recording takes its time. Raises Blocked."""
        asked = self.asked
        if asked is not None and (why := asked.hangs(now)):
            raise errors.Blocked(why, lane=self.lane, hint=HINT)

    def left(self, path: bytes) -> None:
        """The recording at `path` was put away. Any thread may say so."""
        if self._route.remove_empty_folders:
            self._emptied.left(path)

    def reach(self) -> None:
        """Open the inbox, and nothing in it. Raises Blocked where it cannot be reached."""
        self._inbox.reach()

    def check(self) -> None:
        """List the inbox, and write where deliveries go. Raises Blocked, or OSError."""
        self._anchors.try_again()
        self._inbox.listing()
        for folder in self._beside():
            self._writing(folder, self._probe)

    def _probe(self, folder: bytes) -> None:
        with self._anchors.opened(folder) as root:
            files.probe_write(root)

    def _writing(self, folder: bytes, work: Callable[[bytes], T]) -> T | None:
        """The result of work that writes to a folder. Raises a TranscribedError that names it."""
        attempt, doing = functools.partial(work, folder), f"writing to {shown(folder)}"
        outcome = tried(attempt, doing=doing, lane=self.lane, folder=folder)
        if outcome.problem is not None:
            raise outcome.problem
        return outcome.result

    def _beside(self) -> list[bytes]:
        """The folders that deliveries go to; `failed` only where it is there, for it may never be needed."""
        used = [self._route.outbox, *([self._route.archive] if self._route.after == "archive" else [])]
        return [*used, *([self._route.failed] if os.path.isdir(self._route.failed) else [])]

    def look(
        self,
        *,
        first: bool,
        whole: bool,
        again: Collection[bytes],
        watched: Collection[bytes],
        expected: Collection[bytes],
        names: bool,
    ) -> Looked:
        """The changes in the inbox since the last look. Raises Blocked, or OSError.

        A `first` look relies on no look before it, and reports everything. The writers of the `watched` files are
        looked for. `names`: what is passed over may be looked into. The rest is as for RecordingFolder.
        """
        try:
            self._anchors.recognise(self._ask)
            self._ask("inbox", self._route.inbox)
            if first:
                self._sweep()
                self._try()
                self._inbox.forget()
            at = self._clock.monotonic()
            events = self._watch(first=first)  # before the listing, so that no change between the two is missed
            listing = self._inbox.look(whole=whole, again=again, watched=watched, expected=expected)
            if self._route.remove_empty_folders:
                with self._anchors.opened(self._route.inbox) as root:
                    self._emptied.tidy(root, at)
            evidence, recordings = self._evidence(watched), self._passed(listing.passed_over, at, names=names)
            ended_at, again_at, said = self._clock.monotonic(), self._passed_over.next_at(at), self._consents(listing)
            return Looked(listing, at, ended_at, events, self._anchors.facts(), evidence, recordings, again_at, said)
        finally:
            self.asked = None

    def _passed(self, paths: Collection[bytes], now: float, *, names: bool) -> tuple[bytes, ...]:
        """Those of the files that are left alone for their names that are recordings by what is in them."""
        due = self._passed_over.due(paths, now)
        for path in due if names else ():
            self._ask("inbox", self._route.inbox)  # each has its own time to be read
            self._passed_over.looked_into({path: self._inbox.sounds(path)}, now)
        return tuple(self._passed_over.recordings())

    def _consents(self, listing: Listing) -> tuple[Consent, ...]:
        if not listing.consents:
            return ()
        with self._anchors.opened(self._route.inbox) as root:
            return consents.read_in(root, listing.consents, self._route)

    def _ask(self, what: str, folder: bytes) -> None:
        self.asked = Asked(what, folder, self._clock.monotonic())

    def _sweep(self) -> None:
        """Remove what a crash left in the inbox, which holds nothing of ours but its anchor."""
        with contextlib.suppress(OSError), self._anchors.opened(self._route.inbox) as root:
            files.sweep(root, self._started_at, older_than_seconds=0.0, deepest=0)

    def _try(self) -> None:
        """Try all that a delivery does where a mount may lie; say what it cannot do. Raises a TranscribedError."""
        for folder in self._beside():
            if self._writing(folder, self._way_of) is files.Way.LOOKED:
                log.warning("folder.careful", folder=shown(folder), reason=NOT_SAFE)

    def _way_of(self, folder: bytes) -> files.Way | None:
        """The way in which names are given on a mount that may lie; None on any other. Raises Blocked, or OSError."""
        with self._anchors.opened(folder) as root:
            return files.probe_write(root) if mount_of(folder).may_lie else None

    def _watch(self, *, first: bool) -> bool:
        """Ask for folder events where they are of use; True if they come."""
        if not self._wants_events():
            return False
        if first and not files.may_ask_in(self._route.inbox):
            self._host.written(self._route.inbox)  # before the first file comes
        return bool(self._host.watch(self._route.inbox))

    def _evidence(self, paths: Collection[bytes]) -> dict[bytes, Evidence]:
        """Evidence on the writers of these files: of the kernel, or by folder events where it does not tell."""
        answers = self._inbox.writing(paths) if paths else {}
        known = {path: _EVIDENCE[answer] for path, answer in answers.items() if answer in _EVIDENCE}
        if files.Writing.UNKNOWN in answers.values() and self._wants_events():
            written = self._host.written(self._route.inbox)
            known = {path: _by_event(written[path]) for path in paths if path in written} | known
        return known

    def _wants_events(self) -> bool:
        """True if folder events are to be asked for: they tell only of changes that this kernel makes."""
        if self._route.watch != "auto":
            return self._route.watch == "events"
        try:
            return is_local(self._route.inbox)
        except OSError:
            return False

    def survey(self, found: Mapping[bytes, Fingerprint], *, unread: bool, reads: bool) -> float:
        """The hours of audio that these files hold, as far as a look at each can tell.

        It `reads` them, or goes by their sizes. `unread`: those that cannot be read count too, by their size.
        """
        each_one = itertools.starmap(Found, found.items())
        if not reads:
            return sum(map(_seconds_by_size, each_one)) / 3600
        return sum(self._seconds(each, unread=unread) for each in each_one) / 3600

    def _seconds(self, found: Found, *, unread: bool) -> float:
        if is_link(found.path):
            return SECONDS_OF_A_LINK
        try:
            with self._inbox.reading(found.path, found.fingerprint) as file:
                return length(file, found.fingerprint.size)
        except (errors.TranscribedError, OSError):
            return _seconds_by_size(found) if unread else 0.0

    def probe(self, found: Found) -> Probe:
        """The kind of file that it seems to be. Raises Withdrawn, Blocked, Transient, or OSError."""
        if is_link(found.path):
            return Probe(audio=True)  # somewhere else, where nobody has looked yet
        with self._inbox.reading(found.path, found.fingerprint) as file:
            return probe(file, found.fingerprint.size)

    def address(self, found: Found) -> str:
        """The address that a link leads to. Raises as `probe` does, and Permanent where it holds none of use."""
        return self._inbox.address(found.path, found.fingerprint)

    def content_hash(self, found: Found) -> str:
        """The hash of a recording's bytes, or of a link's address. Raises as `address` does."""
        if is_link(found.path):
            return hash_of_address(self.address(found))
        with self._inbox.reading(found.path, found.fingerprint) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def said(self, path: bytes) -> list[Said]:
        """The files at the share that speak of the recording at this path. Raises as `probe` does."""
        return self._inbox.said(path)

    def settings(self, said: Sequence[Said]) -> str | None:
        """The settings that these files amount to, as canonical JSON; None: none. Raises ConfigError."""
        return self._host.settings(self._route.name, said)

    def tell_beside(self, wrong: Mapping[bytes, Sequence[str]]) -> None:
        """Say beside each of these files in the inbox what is wrong with it, or take that back where nothing is."""
        with self._anchors.opened(self._route.inbox) as inbox:
            for path, problems in wrong.items():
                where = os.path.join(self._route.inbox, path)
                failure_notes.tell_beside(where, problems, root=inbox, access=self._access)


def _by_event(is_open: bool) -> Evidence:
    return "unclosed" if is_open else "left"
