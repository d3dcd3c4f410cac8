"""The consents that lie in an inbox: each is obeyed and removed, or people are told why not.

One that is obeyed is removed once what it changed is written. A crash in between leaves it, and it is obeyed again,
which does no more than once. It is remembered too: one that cannot be removed, or that a mirror puts there again,
answers no later question.
"""

import contextlib
import functools
import heapq
import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from urllib.parse import quote

import structlog

from transcribed import errors, files
from transcribed.files import consents
from transcribed.folders import Anchors
from transcribed.job import printable, shown
from transcribed.journal import Journal
from transcribed.worker.background import Background
from transcribed.worker.messages import Consent
from transcribed.worker.plan import Executor, Route

log = structlog.get_logger()

FACT = "obeyed:"  #: the beginning of the facts about the last consents that were obeyed, one for each inbox
MOST = 20  # in one look; more than a few are no answer to a question
OBEYED = "this file was the answer to an earlier question. To say yes again, delete it and put a new one there"


def read_in(root: files.Root, names: Collection[bytes], route: Route) -> tuple[Consent, ...]:
    """The consents of these names in the open inbox, on its thread: the newest, where very many lie there."""
    newest = heapq.nlargest(MOST, names, key=lambda name: (_written(root, name), name))
    return tuple(_read(root, name, route) for name in sorted(newest))


def _read(root: files.Root, name: bytes, route: Route) -> Consent:
    if not route.accept_at_share:
        return Consent(name, {}, "the configuration says accept_at_share = false")
    why_not = consents.why_no_consent(name, root.descriptor)
    if (backlog := consents.backlog_of(name)) is not None:
        return Consent(name, dict(zip(("count", "hours"), backlog, strict=True)), why_not, _written(root, name))
    if (question := consents.held_of(name)) is not None:
        return Consent(name, {"held": question}, why_not, _written(root, name))
    if consents.folder_of(name) != os.fstat(root.descriptor).st_ino:
        return Consent(name, {}, "it names another folder")
    return Consent(name, {}, why_not, _written(root, name))


def _written(root: files.Root, name: bytes) -> int:
    with contextlib.suppress(OSError):
        return os.lstat(name, dir_fd=root.descriptor).st_mtime_ns
    return 0


class Consents:
    """The consents of one inbox. All of it belongs to the loop's thread."""

    def __init__(
        self, route: Route, anchors: Anchors, journal: Journal, background: Background, executor: Executor
    ) -> None:
        self._route = route
        self._anchors = anchors
        self._journal = journal
        self._background = background
        self._executor = executor
        self.given: tuple[Consent, ...] = ()  #: those that lie there, as the last look read them
        self._refused: dict[bytes, str] = {}
        self._fact = FACT + quote(route.name)
        self._obeyed = _obeyed(journal.facts(self._fact).get(self._fact, "{}"))

    def obey(self, accept: Callable[[Mapping[str, object]], str], *, is_asked: bool) -> bool:
        """Obey those that lie there; True if `accept` took one of them. Raises Blocked(state).

        `accept` gives the reason why an order is not about what waits; empty where it is carried out. `is_asked`:
        something waits for that.
        """
        some, before = [each for each in self.given if "held" not in each.order], self._before()
        whys = {each.name: self._why_not(each, accept, is_old=is_asked and each.name in before) for each in some}
        self._obey(some, whys)
        return any(each.order and not whys[each.name] for each in some)

    def obey_held(self, asked: Collection[str], accept: Callable[[str], str]) -> None:
        """Obey those that end a hold; each is answered once, whenever it lies there. Raises Blocked(state).

        `asked`: the questions that wait. `accept` gives the reason why it is not about one of them; empty where it is
        carried out now, or was before.
        """
        some, before = [each for each in self.given if "held" in each.order], self._before()
        whys: dict[bytes, str] = {}
        for each in some:
            question, is_old = str(each.order["held"]), each.name in before
            is_unneeded = is_old and question not in asked
            whys[each.name] = each.why_not or ("" if is_unneeded else OBEYED if is_old else accept(question))
        self._obey(some, whys)
        self.given = tuple(each for each in self.given if whys.get(each.name, "it is another's"))

    def _before(self) -> set[bytes]:
        """The names of those that were obeyed already, and stay or were put there again."""
        return {each.name for each in self.given if self._obeyed.get(each.name) == each.written}

    def _obey(self, some: Sequence[Consent], whys: Mapping[bytes, str]) -> None:
        """Remember and remove those that were obeyed, and keep why the others are not. Raises Blocked(state)."""
        before, refused = self._before(), {name: why for name, why in whys.items() if why}
        for name, why in refused.items():
            if self._refused.get(name) != why:
                log.warning("consent.refused", inbox=self._route.name, file=shown(name), reason=why)
        others = {each.name for each in self.given}.difference(whys)
        self._refused = {name: why for name, why in self._refused.items() if name in others} | refused
        obeyed = [each for each in some if each.name not in refused]
        self._remember({each.name: each.written for each in obeyed})
        if new := [shown(each.name) for each in obeyed if each.name not in before]:
            log.info("consent.obeyed", inbox=self._route.name, files=new)
        if obeyed:
            remove = functools.partial(_remove, self._anchors, self._route.inbox, [each.name for each in obeyed])
            self._background.do(self._executor, remove, doing="removing a consent", lane=self._route.lane)

    def _why_not(self, each: Consent, accept: Callable[[Mapping[str, object]], str], *, is_old: bool) -> str:
        if each.why_not or not each.order:
            return each.why_not
        return OBEYED if is_old else accept(each.order)

    def _remember(self, obeyed: Mapping[bytes, int]) -> None:
        """These were obeyed, as they are. Raises Blocked(state)."""
        all_of_them = {**self._obeyed, **obeyed}
        if all_of_them != self._obeyed:
            kept = dict([*all_of_them.items()][-MOST:])
            text = json.dumps({os.fsdecode(name): written for name, written in kept.items()})
            self._journal.remember({self._fact: text})
            self._obeyed = kept

    def told(self) -> str:
        """The paragraph for people with only the share; empty where each was obeyed."""
        where = f'in the inbox "{printable(self._route.name)}" is not obeyed'
        return "".join(f"{shown(name)} {where}: {printable(why)}\n" for name, why in self._refused.items())


def _obeyed(text: str) -> dict[bytes, int]:
    return {os.fsencode(name): written for name, written in json.loads(text).items()}


def _remove(anchors: Anchors, inbox: bytes, names: Collection[bytes]) -> None:
    """One that stays is known by its time."""
    with contextlib.suppress(errors.Blocked), anchors.opened(inbox) as root:
        for name in names:
            with contextlib.suppress(OSError):
                root.forget(os.path.join(inbox, name))
