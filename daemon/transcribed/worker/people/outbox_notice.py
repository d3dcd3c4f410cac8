"""The note in the outbox for people who have only the share: what their recordings wait for, while a lane is blocked.

It also says for some days that another model transcribes them, and names questions about transcripts that wait for a
person.

It is `_transcribed.txt`, one for each outbox, and goes away by itself. A file of that name that is not ours stays as it
is. Nothing waits for a note that cannot be written: the log and the status say the same.
"""

import contextlib
import functools
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol

from transcribed import errors, files
from transcribed.files.consents import NOTICE
from transcribed.folders import Anchors
from transcribed.job import printable
from transcribed.worker.access import access_of
from transcribed.worker.background import Background
from transcribed.worker.lanes import Lane, Lanes
from transcribed.worker.plan import Clock, Executor, Route

MARK = files.Mark("recordings wait", (b"transcribed waits.\n",))
AFTER_SECONDS = 60.0  # a shorter block does not matter to anybody, and a note that comes and goes is noise


class Inbox(Protocol):
    """An inbox, as far as its outbox's notice depends on it."""

    @property
    def route(self) -> Route:
        """Its folders and lanes."""

    @property
    def looked_at(self) -> float | None:
        """The time of the last look that succeeded; None where none did."""

    @property
    def executor(self) -> Executor:
        """Its thread."""

    @property
    def anchors(self) -> Anchors:
        """The memory of its folders."""

    def told(self) -> str:
        """The paragraph on its files that wait for long before they are taken; empty where there is none."""


def concerned(routes: Iterable[Route]) -> set[str]:
    """The lanes that recordings of these inboxes may wait for."""
    own = (lane for each in routes for lane in each.lanes)
    return {errors.API, errors.SUBMIT, errors.STATE, errors.PAUSE, errors.HOURS, errors.LIMIT, *own}


def reason_at_share(lane: str, reason: str, until: float | None) -> str:
    """The reason of a block for people at the share. What all inboxes together spent tells of those of others too."""
    if lane != errors.LIMIT or until is None:
        return reason
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(until))
    return f"the limit of all inboxes together is reached; it goes on at {at}"


class OutboxNotices:
    """The notices as they were last written. All of it belongs to the loop's thread; the inboxes' threads write.

    `also` gives a paragraph on an inbox that is worth a note though nothing waits. `asked` gives one on the questions
    of the inbox that wait for a person. Each is empty where it has nothing to tell.
    """

    def __init__(
        self, background: Background, clock: Clock, also: Callable[[Route], str], asked: Callable[[Route], str]
    ) -> None:
        self._background = background
        self._clock = clock
        self._also = also
        self._asked = asked
        self._written: dict[bytes, bytes | None] = {}

    def keep(self, lanes: Lanes, inboxes: Iterable[Inbox]) -> None:
        """Bring each outbox's notice up to date; the first time, remove what an earlier process left.

        Before a look has succeeded none is removed: where the inbox is another journal's, so is the notice. Then only
        what this process wrote is written over.
        """
        sharing: dict[bytes, list[Inbox]] = defaultdict(list)
        for inbox in inboxes:
            sharing[inbox.route.outbox].append(inbox)
        for folder, users in sharing.items():
            text = self._text(lanes, users)
            if text is None and any(user.looked_at is None for user in users):
                continue
            if folder not in self._written or self._written[folder] != text:
                before, self._written[folder] = self._written.get(folder), text
                is_guest = any(user.anchors.is_anothers for user in users)
                first = users[0]
                write = functools.partial(_write, first.route, first.anchors, text, before, is_guest=is_guest)
                self._background.do(first.executor, write, doing="writing the notice in the outbox")

    def _text(self, lanes: Lanes, users: list[Inbox]) -> bytes | None:
        names = concerned(user.route for user in users)
        long_ago = self._clock.wall() - AFTER_SECONDS
        waits = [_wait(lane) for lane in lanes.all() if lane.name in names and lane.since <= long_ago]
        told = [each for user in users for each in (user.told(), self._asked(user.route)) if each]
        also = [paragraph for user in users if (paragraph := self._also(user.route))]
        also += [_wait(lane) for lane in lanes.all() if lane.name == errors.CONFIGURATION and lane.since <= long_ago]
        if not (waits or told or also):
            return None
        return MARK.signed("\n".join([*_waiting(waits, told), *told, *also]).encode())


def _waiting(waits: list[str], told: list[str]) -> list[str]:
    if not waits:
        return ["transcribed has news." if told else "transcribed has news. Nothing waits.", ""]
    end = "Nothing is lost: the recordings wait where they are. This note goes away when the wait is over."
    return ["transcribed waits.", "", *waits, end, ""]


def _wait(lane: Lane) -> str:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(lane.since))
    fix = f"What to do: {printable(lane.hint)}\n" if lane.hint else ""
    reason = reason_at_share(lane.name, lane.reason, lane.until)
    return f"Since {since}: {printable(reason)}\n{fix}{_until(lane)}"


def _until(lane: Lane) -> str:
    """The time that the server named. Any other next try is soon, and a note that changes with each is noise."""
    if lane.again_at is None or not lane.asked:
        return ""
    return f"It goes on at about {time.strftime('%H:%M', time.localtime(lane.again_at))}.\n"


def _write(route: Route, anchors: Anchors, text: bytes | None, before: bytes | None, *, is_guest: bool) -> None:
    """On the inbox's thread: put the notice there, or remove it; not in a folder that is not the remembered one.

    A guest, whose inbox is another journal's, leaves each notice that it did not write itself, as it was `before`.
    """
    path = os.path.join(route.outbox, NOTICE)
    unwritten = (OSError, files.NameTaken, errors.TranscribedError)
    with contextlib.suppress(*unwritten), anchors.opened(route.outbox) as root:
        if is_guest and MARK.is_at(root, path) and MARK.signed(MARK.text_at(root, path)) != before:
            return
        MARK.take_back(root, path)
        if text is not None:
            files.publish(path, text, root=root, access=access_of(route))
