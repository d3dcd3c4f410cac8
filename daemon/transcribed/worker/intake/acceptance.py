"""The right to pay for what lies in a folder: its journal has it, once that is accepted.

Acceptance is the folder's, whatever the name of its inbox is now.
"""

import contextlib

from transcribed.errors import Blocked
from transcribed.folders import FACTS as FOLDERS
from transcribed.folders import Claim, anchors_in, facts_of
from transcribed.journal import Journal
from transcribed.worker.plan import Route

FACTS = "accepted:"  #: the beginning of the facts about accepted folders; the value is the name of the inbox


def claim_of(journal: Journal, now: float) -> Claim:
    """The claim of this journal, as it was started last, to an inbox."""
    known = journal.starts.known()
    anchors = anchors_in(journal.facts(FOLDERS))
    return Claim(known.journal, known.number, known.mark, frozenset(known.marks), anchors, journal.directory, at=now)


def is_accepted(journal: Journal, route: Route) -> bool:
    """True if what lies in the folder of this inbox may be paid for without asking."""
    accepted = journal.facts(FACTS)
    if journal.is_accepted(route.name) and route.name not in accepted.values():
        accepted |= _by_name(journal, route)
    return FACTS + _text(route.inbox) in accepted


def accept(journal: Journal, route: Route, now: float) -> None:
    """Let what lies in the folder of this inbox be paid for, from now on. Raises Blocked(state)."""
    journal.saw_inbox(route.name, now, accepted=True)
    journal.remember({FACTS + _text(route.inbox): route.name})


def _by_name(journal: Journal, route: Route) -> dict[str, str]:
    """The folders that an older version, which remembered only the name, accepted: those that it worked in."""
    begin = f"{facts_of(route.name)}inbox:"
    folders = [name.removeprefix(begin) for name in journal.facts(begin)] or [_text(route.inbox)]
    accepted = {FACTS + folder: route.name for folder in folders}
    with contextlib.suppress(Blocked):  # they are found again by the next start
        journal.remember(dict(accepted))
    return accepted


def _text(folder: bytes) -> str:
    """The path as the facts about folders have it."""
    return folder.decode(errors="backslashreplace")
