"""Reading the bytes of many files before any of them is a job: what outlives it if one of them ends the daemon.

A survey, and the look into what is passed over, read many files in one go on the inbox's thread, and nobody can say
which of them ended the process. Both can do without: after DEATHS ends in a row they read nothing for a day.
"""

import contextlib
import json
from urllib.parse import quote

import structlog

from transcribed import errors
from transcribed.job import DEATHS
from transcribed.journal import Journal

log = structlog.get_logger()

RESTS_SECONDS = 86_400.0
_DOING = {"survey": "surveying", "names": "looking into what is passed over in"}


class Glances:
    """One kind of them in one inbox. All of it belongs to the loop's thread."""

    def __init__(self, kind: str, inbox: str, journal: Journal, life: str) -> None:
        self.rests = False  #: True if nothing is to be read
        self._what = f"{_DOING[kind]} the inbox {inbox}"
        self._fact = f"glancing:{kind}:{quote(inbox)}"
        self._journal = journal
        self._life = life
        told = json.loads(journal.facts(self._fact).get(self._fact) or '{"life": "", "deaths": -1, "at": 0}')
        self._deaths, self._died_at = told["deaths"] + 1, told["at"]
        self._at_work = False

    def begin(self, now: float) -> bool:
        """True if the files may be read now, in seconds since the epoch; that they are is written then."""
        rests = self._deaths >= DEATHS and abs(now - self._died_at) < RESTS_SECONDS
        if rests and not self.rests:
            why = f"the daemon ended {self._deaths} times in a row while {self._what}"
            log.warning("inbox.problem", problem=f"{why}: for a day it reads no file for that")
        self.rests = rests
        if not rests and not self._at_work:
            self._at_work = True
            self._write(json.dumps({"life": self._life, "deaths": self._deaths, "at": now}))
        return not rests

    def ended(self) -> None:
        """They were read, or the daemon stops: it is not they that end it."""
        if self._at_work:
            self._at_work, self._deaths = False, 0
            self._write(None)

    def _write(self, text: str | None) -> None:
        with contextlib.suppress(errors.Blocked):  # whoever writes next meets it too
            self._journal.remember({self._fact: text})
