"""The consents that lie in an inbox: each is obeyed and removed, or people are told why not.

One that is obeyed is removed once what it changed is written. A crash in between leaves it, and it is obeyed again,
which does no more than once.
"""

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Collection, Mapping

import structlog

from transcribed import errors, files
from transcribed.files import consents
from transcribed.folders import Anchors
from transcribed.job import printable, shown
from transcribed.worker.background import Background
from transcribed.worker.messages import Consent
from transcribed.worker.plan import Executor, Route

log = structlog.get_logger()

MOST = 20  # in one look; more than a few are no answer to a question


def read_in(root: files.Root, names: Collection[bytes], route: Route) -> tuple[Consent, ...]:
    """The consents of these names in the open inbox, on its thread."""
    return tuple(_read(root, name, route) for name in itertools.islice(sorted(names), MOST))


def _read(root: files.Root, name: bytes, route: Route) -> Consent:
    if not route.accept_at_share:
        return Consent(name, {}, "the configuration says accept_at_share = false")
    why_not = consents.why_no_consent(name, root.descriptor)
    if (backlog := consents.backlog_of(name)) is not None:
        return Consent(name, dict(zip(("count", "hours"), backlog, strict=True)), why_not)
    if consents.folder_of(name) != os.fstat(root.descriptor).st_ino:
        return Consent(name, {}, "it names another folder")
    return Consent(name, {}, why_not)


class Consents:
    """The consents of one inbox. All of it belongs to the loop's thread."""

    def __init__(self, route: Route, anchors: Anchors, background: Background, executor: Executor) -> None:
        self._route = route
        self._anchors = anchors
        self._background = background
        self._executor = executor
        self.given: tuple[Consent, ...] = ()  #: those that lie there, as the last look read them
        self._refused: dict[bytes, str] = {}

    def obey(self, accept: Callable[[Mapping[str, object]], str]) -> bool:
        """Obey those that lie there; True if `accept` took one of them. Raises Blocked(state).

        `accept` gives the reason why an order is not about what waits; empty where it is carried out.
        """
        whys = {each.name: each.why_not or (accept(each.order) if each.order else "") for each in self.given}
        refused = {name: why for name, why in whys.items() if why}
        for name, why in refused.items():
            if self._refused.get(name) != why:
                log.warning("consent.refused", inbox=self._route.name, file=shown(name), reason=why)
        self._refused = refused
        obeyed = [each for each in self.given if each.name not in refused]
        if obeyed:
            log.info("consent.obeyed", inbox=self._route.name, files=[shown(each.name) for each in obeyed])
            remove = functools.partial(_remove, self._anchors, self._route.inbox, [each.name for each in obeyed])
            self._background.do(self._executor, remove, doing="removing a consent", lane=self._route.lane)
        return any(each.order for each in obeyed)

    def told(self) -> str:
        """The paragraph for people with only the share; empty where each was obeyed."""
        where = f'in the inbox "{printable(self._route.name)}" is not obeyed'
        return "".join(f"{shown(name)} {where}: {printable(why)}\n" for name, why in self._refused.items())


def _remove(anchors: Anchors, inbox: bytes, names: Collection[bytes]) -> None:
    """One that stays is obeyed again, and does no harm."""
    with contextlib.suppress(errors.Blocked), anchors.opened(inbox) as root:
        for name in names:
            with contextlib.suppress(OSError):
                root.forget(os.path.join(inbox, name))
