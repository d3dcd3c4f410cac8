"""The settled files of one inbox on their way to be looked into, and those that ended the daemon there.

What is looked into is remembered before, so that the next process knows at what the last one died. A file at which it
died DEATHS times in a row is looked into alone, as `worker.reading` has it. If it ends the daemon then too, it is set
aside: it stays where it is, nobody opens it again, and people are told. Another file in its place is like any.
Those that were in its company wait to be tried alone, in the next process too: so each bad one ends only one more.
"""

import contextlib
import heapq
import itertools
import json
import os
from collections import deque
from collections.abc import Iterable
from operator import itemgetter
from urllib.parse import quote

from transcribed import errors
from transcribed.inbox import Found
from transcribed.job import DEATHS, shown
from transcribed.journal import Journal
from transcribed.worker.intake.glances import Glances
from transcribed.worker.reading import Reading

FACT = "probing:"  #: the beginning of the names of the facts that hold this, one for each inbox
AT_ONCE = 50  # so that a large drop shows its first jobs soon, and no message is huge
MOST_KEPT = 1000  # that are remembered: first those that are set aside, then those that wait to be tried alone
_Key = tuple[bytes, int, int]  # path, size and time: what outlives a restart on any file system


class Inspection:
    """The files that wait for it, those that are looked into now, and how often the process died at each."""

    def __init__(self, inbox: str, journal: Journal, reading: Reading) -> None:
        self._inbox = inbox
        self._journal = journal
        self._reading = reading
        self._fact = FACT + quote(inbox)
        self._written = journal.facts(self._fact).get(self._fact, "")
        self._deaths = _died(self._written, reading.life)
        self._waiting: deque[Found] = deque()
        self._at_work: tuple[Found, ...] = ()
        self.survey = Glances("survey", inbox, journal, reading.life)
        self.names = Glances("names", inbox, journal, reading.life)

    def set_aside(self, found: Iterable[Found]) -> dict[bytes, str]:
        """Those of the files that are not to be opened again, by their paths, and why."""
        ended = ((each, self._deaths.get(_key(each), 0)) for each in found)
        return {each.path: _why(each.path, deaths) for each, deaths in ended if deaths > DEATHS}

    def add(self, found: Iterable[Found]) -> None:
        """These are to be looked into, after those that wait."""
        self._waiting.extend(found)

    def begin(self) -> tuple[Found, ...]:
        """The files to be looked into now: none while others are, or while one has to be alone. Raises Blocked(state).

        That they are is written when this returns.
        """
        if self._at_work or not self._waiting:
            return ()
        alone = self._is_suspect(self._waiting[0])
        if not self._reading.may_probe(self._inbox, alone=alone):
            return ()
        first = itertools.islice(self._waiting, 1 if alone else AT_ONCE)
        batch = tuple(itertools.takewhile(lambda each: alone or not self._is_suspect(each), first))
        self._write(batch)
        self._reading.probing(self._inbox, alone=alone)
        self._at_work = batch
        return batch

    def ended(self) -> None:
        """Those that were looked into have not ended the daemon."""
        batch, self._at_work = self._at_work, ()
        for _ in batch:
            self._waiting.popleft()
        self._reading.probed(self._inbox)
        if [each for each in batch if self._deaths.pop(_key(each), 0)]:
            with contextlib.suppress(errors.Blocked):  # whoever writes next meets it too
                self._write(())

    def give_up(self) -> list[bytes]:
        """Nothing more is to be looked into: the paths of those that waited."""
        left = [each.path for each in self._waiting]
        self._waiting.clear()
        return left

    def leave(self) -> None:
        """The daemon stops: what is looked into is not what ends it. Raises Blocked(state)."""
        self.survey.ended()
        self.names.ended()
        if self._written:
            self._write(())

    def _is_suspect(self, found: Found) -> bool:
        return self._deaths.get(_key(found), 0) >= DEATHS

    def _write(self, batch: tuple[Found, ...]) -> None:
        at_work = {_key(each) for each in batch}
        others = {each: deaths for each, deaths in self._deaths.items() if deaths >= DEATHS and each not in at_work}
        kept = heapq.nlargest(MOST_KEPT, others.items(), key=itemgetter(1))
        rows = [_row(key, deaths, is_read=False) for key, deaths in kept]
        rows += [_row(key, self._deaths.get(key, 0), is_read=True) for key in map(_key, batch)]
        text = json.dumps({"life": self._reading.life, "rows": rows}) if rows else ""
        if text != self._written:
            self._journal.remember({self._fact: text or None})
            self._written = text


def _why(path: bytes, deaths: int) -> str:
    return (
        f"{shown(path)}: the daemon ended {deaths} times in a row while it looked into it, at last it alone, so it is"
        " not opened again; take it away, or drop a copy of it that plays"
    )


def _key(found: Found) -> _Key:
    return found.path, found.fingerprint.size, found.fingerprint.mtime_ns


def _row(key: _Key, deaths: int, *, is_read: bool) -> list[object]:
    path, size, mtime_ns = key
    return [os.fsdecode(path), size, mtime_ns, deaths, is_read]


def _died(text: str, life: str) -> dict[_Key, int]:
    """The deaths in a row at each file: at those that an earlier process was at work at, one more."""
    told = json.loads(text or '{"life": "", "rows": []}')
    another = told["life"] != life
    rows = [row for row in told["rows"] if row[4] or row[3] >= DEATHS]
    return {
        (os.fsencode(path), size, mtime_ns): deaths + (is_read and another)
        for path, size, mtime_ns, deaths, is_read in rows
    }
