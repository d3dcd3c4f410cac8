"""The folders of one inbox as they are remembered: their identities, their anchors, and the making of missing ones.

A folder of which nothing is remembered is new: a missing outbox, archive or failed folder is made, once, and never
again; an inbox never, for it may be an absent mount. An anchor is written into each folder that takes one. A folder
that is not the one that is remembered blocks its inbox, and nothing is touched or made there.
"""

import contextlib
import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple
from urllib.parse import quote, unquote

import structlog

from transcribed import errors, files
from transcribed.folders.identity import ANCHOR, Ground, Identity, anchor_text
from transcribed.folders.owner import Claim, Ownership, why_refused
from transcribed.job import shown

log = structlog.get_logger()

_OWNER = "owner"
FACTS = "folder:"  #: the beginning of the names of all facts about folders


class Places(NamedTuple):
    """The four folders of one inbox, absolute."""

    inbox: bytes
    outbox: bytes
    archive: bytes
    failed: bytes


class Anchors:
    """The memory of an inbox's folders. All of it is asked on the inbox's thread, except for single grounds.

    `archives`: the archive is in use. `by_consent`: an inbox that was made again is taken if people say so in it.
    `apart` is the state directory. `remembered` is an earlier answer of `facts`, perhaps of an earlier process. `claim`
    is this start's, to the inbox.
    """

    def __init__(
        self,
        inbox: str,
        places: Places,
        access: files.Access,
        remembered: Mapping[str, str],
        claim: Claim,
        *,
        archives: bool,
        by_consent: bool = False,
        apart: bytes = b"",
    ) -> None:
        self._name = inbox
        self._access = access
        self._archives = archives
        self._grounds = _grounds(inbox, places, remembered, apart)
        self._grounds["inbox"].by_consent = by_consent
        written = _written(inbox, places.inbox, remembered)
        self._ownership = Ownership(errors.inbox_lane(inbox), claim, written)
        self._untakeable: set[bytes] = set()  # folders that take no anchor, or lost the one that they were given

    @property
    def is_anothers(self) -> bool:
        """True if another journal has the inbox, as the last look found it."""
        return self._ownership.is_anothers

    def facts(self) -> dict[str, str]:
        """All that is to be remembered, by name."""
        known = ((role, each.path, each.identity) for role, each in self._grounds.items())
        facts = {_fact(self._name, role, path): it.to_text() for role, path, it in known if it is not None}
        if self._ownership.written:
            facts[_fact(self._name, _OWNER, self._grounds["inbox"].path)] = str(self._ownership.written)
        return facts

    def of(self, role: str) -> Ground:
        """One of the folders: inbox, outbox, archive or failed."""
        return self._grounds[role]

    def opened(self, folder: bytes) -> AbstractContextManager[files.Root]:
        """The folder at this path, open: it is there, and is the remembered one. Raises Blocked.

        All work in it is done from this, and from no second opening of its path.
        """
        return self._at(folder).opened()

    def _at(self, folder: bytes) -> Ground:
        return next(each for each in self._grounds.values() if each.path == folder)

    @contextlib.contextmanager
    def opened_if_there(self, folder: bytes) -> Iterator[files.Root | None]:
        """As `opened`; None where it is not there. One that is not in use is only to be looked at. Raises Blocked."""
        known = self._at(folder)
        with contextlib.ExitStack() as stack:
            root = None
            try:
                root = stack.enter_context(known.opened() if known.identity is not None else files.opened(folder))
            except (errors.Blocked, FileNotFoundError, NotADirectoryError) as error:
                if isinstance(error, errors.Blocked) and not isinstance(error.__cause__, FileNotFoundError):
                    raise
            yield root

    def recognise(self, asking: Callable[[str, bytes], object] = lambda _what, _path: None) -> None:
        """Look at all folders closely: make what is new and missing, own the inbox, anchor what has no anchor.

        Raises Blocked.

        `asking` hears of each, and what it is, before it is looked at.
        """
        for each in self._in_use(asking):
            is_new = each.identity is None
            if is_new and each is not self._grounds["inbox"]:
                self._make(each)
            with each.opened(closely=True) as root:
                if each is self._grounds["inbox"]:
                    self._own(each, root, is_new=is_new)
                if not each.is_anchored and each.path not in self._untakeable:
                    self._anchor(each, root)

    def try_again(self) -> None:
        """As `recognise`; a folder that took no anchor may take one now. Raises Blocked."""
        self._untakeable.clear()
        self._ownership.try_again()
        self.recognise()

    def forget(self) -> None:
        """Take the folders as they are at the next look: a person has said that they moved."""
        for each in self._grounds.values():
            each.forget()
        self._ownership.give()

    def _own(self, inbox: Ground, root: files.Root, *, is_new: bool) -> None:
        """The open inbox is this journal's. Raises Blocked.

        The owner is written before the anchor: an anchor without an owner is an older version's. Nothing is remembered
        of an inbox that is refused, if it `is_new`.
        """
        assert inbox.identity is not None
        try:
            self._ownership.require(root, inbox.identity.anchor)
        except errors.Blocked:
            if is_new:
                inbox.forget()
            raise

    def _in_use(self, asking: Callable[[str, bytes], object]) -> Iterator[Ground]:
        """The folders that are looked after; `failed` may never be needed, and is missed only then."""
        for role in ("inbox", "outbox", *(["archive"] if self._archives else []), "failed"):
            each = self._grounds[role]
            asking(each.what, each.path)
            if role != "failed" or each.identity is None or os.path.isdir(each.path):
                yield each

    def _make(self, missing: Ground) -> None:
        """A folder that may be missing, where the one above it is there. Raises Blocked where it cannot be made."""
        if os.path.isdir(missing.path) or not os.path.isdir(os.path.dirname(missing.path)):
            return
        try:
            files.make_folder(missing.path, access=self._access)
        except OSError as error:
            raise missing.blocked(error) from error

    def _anchor(self, known: Ground, root: files.Root) -> None:
        """Write the anchor; a folder that does not take one is known only by its mount.

        One that was deleted is written again once: who deletes it again and again is not to be answered each time. One
        of another folder, which was copied into this one, is replaced each time.
        """
        assert known.identity is not None
        was, copied = known.identity.anchor, known.anchor_seen
        anchor, path = was or secrets.token_hex(16), os.path.join(known.path, ANCHOR)
        self._untakeable.add(known.path)  # else a refusal in the inbox would be an event there, and that a new look
        with contextlib.suppress(OSError, files.NameTaken):
            if copied:
                files.replace(path, anchor_text(anchor), root=root)
            else:
                files.publish(path, anchor_text(anchor), root=root)
            known.anchored(anchor)
            if was:
                why = "it had the anchor of another folder" if copied else "its anchor was gone, on the same disk"
                log.warning("folder.anchored", folder=shown(known.path), file=shown(ANCHOR), reason=why)
            if not was or copied:
                self._untakeable.discard(known.path)


def strange(
    inbox: str, places: Places, remembered: Mapping[str, str], is_asked: Callable[[bytes], bool]
) -> dict[bytes, errors.Blocked]:
    """Each of these folders, by its path, that is not there as it is remembered, and why. Nothing is written.

    Folders of which `is_asked` says no are not touched.
    """
    known = (each for each in _grounds(inbox, places, remembered).values() if each.identity is not None)
    return {each.path: why for each in known if is_asked(each.path) and (why := _why_strange(each)) is not None}


def refused(inbox: str, path: bytes, remembered: Mapping[str, str], claim: Claim) -> errors.Blocked | None:
    """The reason why the journal of `claim` may not take what lies in this inbox, if any. Raises Blocked."""
    lane = errors.inbox_lane(inbox)
    seen = Ground(path, lane=lane, what="inbox")
    with seen.opened(closely=True) as root:
        assert seen.identity is not None
        written = _written(inbox, path, remembered)
        return why_refused(root, lane, claim, anchor=seen.identity.anchor, written=written)


def anchors_in(remembered: Mapping[str, str]) -> frozenset[str]:
    """The anchors of all folders of which these facts speak."""
    known = (Identity.from_text(text) for name, text in remembered.items() if name.startswith(FACTS))
    return frozenset(each.anchor for each in known if each is not None and each.anchor)


def former_names(remembered: Mapping[str, str], path: bytes, names: Collection[str]) -> list[str]:
    """The names that the inbox at this path had before, none of `names` that inboxes have now.

    Of an inbox that had other folders too nobody knows in which of them its recordings are: it is not among them.
    """
    had: dict[str, set[str]] = defaultdict(set)
    for fact in remembered:
        name, role, folder = fact.removeprefix(FACTS).split(":", 2)
        if role == "inbox":
            had[unquote(name)].add(folder)
    return sorted(name for name, folders in had.items() if folders == {text_of(path)} and name not in names)


def known_as(inbox: str, former: Iterable[str], remembered: Mapping[str, str]) -> dict[str, str]:
    """The facts about the folders of this inbox, of its own name and of those that it had, all as of its own."""
    known: dict[str, str] = {}
    for begin in (*map(facts_of, former), facts_of(inbox)):
        own = (fact for fact in remembered if fact.startswith(begin))
        known |= {facts_of(inbox) + fact.removeprefix(begin): remembered[fact] for fact in own}
    return known


def _written(inbox: str, path: bytes, remembered: Mapping[str, str]) -> int:
    """The number of the start that was last written into this inbox; 0: none."""
    return int(remembered.get(_fact(inbox, _OWNER, path), 0))


def _why_strange(known: Ground) -> errors.Blocked | None:
    try:
        known.check()
    except errors.Blocked as error:
        return error
    return None


def _grounds(inbox: str, places: Places, remembered: Mapping[str, str], apart: bytes = b"") -> dict[str, Ground]:
    return {role: ground(inbox, role, path, remembered, apart) for role, path in places._asdict().items()}


def ground(inbox: str, role: str, path: bytes, remembered: Mapping[str, str], apart: bytes = b"") -> Ground:
    """The folder at `path`, which is the inbox, outbox, archive or failed folder of this inbox, as it is remembered.

    `apart` is the state directory.
    """
    what = "failed folder" if role == "failed" else role
    identity = Identity.from_text(remembered.get(_fact(inbox, role, path), ""))
    return Ground(path, lane=errors.inbox_lane(inbox), what=what, remembered=identity, apart=apart)


def _fact(inbox: str, role: str, path: bytes) -> str:
    """The name of a fact. The path is in it, because a folder that the configuration moves is a new one."""
    return f"{facts_of(inbox)}{role}:{text_of(path)}"


def text_of(path: bytes) -> str:
    """The path of a folder as the facts about folders have it."""
    return path.decode(errors="backslashreplace")


def facts_of(inbox: str) -> str:
    """The beginning of the names of all facts about one inbox's folders."""
    return f"{FACTS}{quote(inbox)}:"  # a name may hold a colon
