"""The owner of an inbox: the one journal that may take what lies in it, by its random identity.

It stands in a small hidden file beside the anchor. Host, state directory and times are in it too: they are shown to
people, and never compared, for a container has another host name after each update. Each start of a daemon writes its
own mark there. A mark that the journal does not remember is that of a copy of its state directory, at work elsewhere.
`right_of` is pure. An inbox that cannot be written has no such file, and no such check.
"""

import enum
import json
import os
import re
import shlex
import time
from typing import Any, NamedTuple

import structlog

from transcribed import errors, files
from transcribed.job import printable, shown

log = structlog.get_logger()

OWNER = b".transcribed.owner"
_TEXT = b"This hidden file belongs to transcribed: it says who transcribes what lies here. Leave it where it is.\n%s\n"
_READ = re.compile(rb"[^\n]*transcribed[^\n]*\n([^\n]+)\n")
_LARGEST_BYTES = 4096
_LONGEST_SHOWN = 100  # characters of what another process wrote
_READABLE = files.Access(file_mode=0o644)  # the other daemon may be another user


class Claim(NamedTuple):
    """A start of a daemon that wants an inbox. `start` and `mark` are its own, `marks` those of all starts before it.

    `anchors` are those of the inboxes that its journal remembers; `at` is in seconds since the epoch.
    """

    journal: str
    start: int
    mark: str
    marks: frozenset[str]
    anchors: frozenset[str]
    directory: str
    at: float


class Owner(NamedTuple):
    """The owner of an inbox as the hidden file has it; the times are in seconds since the epoch."""

    journal: str
    start: int
    mark: str
    host: str
    directory: str
    since: float
    started_at: float

    def to_text(self) -> bytes:
        """As it is written; `from_text` reads it."""
        return _TEXT % json.dumps(self._asdict()).encode()

    @classmethod
    def from_text(cls, text: bytes) -> "Owner | None":
        """The owner that `to_text` wrote; None for anything else."""
        try:
            if (found := _READ.fullmatch(text)) is None:
                return None
            said: dict[str, Any] = json.loads(found[1])
            words = (str(said[key])[:_LONGEST_SHOWN] for key in ("journal", "mark", "host", "directory"))
            journal, mark, host, directory = words
            return cls(journal, int(said["start"]), mark, host, directory, *_times(said))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None

    def told(self) -> str:
        """The owner for people: who it is, and since when."""
        return (
            f"the journal {printable(self.journal[:8])} on {printable(self.host)} ({printable(self.directory)}) "
            f"has it since {_date(self.since)}, and was last started {_date(self.started_at)}"
        )


def _times(said: dict[str, Any]) -> tuple[float, float]:
    return float(said["since"]), float(said["started_at"])


def _date(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    except (OSError, OverflowError, ValueError):
        return "a time that no calendar has"


class Right(enum.Enum):
    """The right of a journal to an inbox."""

    HELD = "the inbox says that it is this start's"
    FREE = "it is this journal's, or nobody's: this start is to be written there"
    RESTORED = "it is this journal's, but from an older time: somebody put the share back"
    OLDER = "another transcribed worked there, of a version that wrote no owner"
    FOREIGN = "it is another journal's"
    COPIED = "a copy of this journal has it"


def right_of(claim: Claim, seen: Owner | None, *, anchor: str, written: int) -> Right:
    """The right of `claim` to an inbox of this owner. `anchor` is the folder's, `written` the start last written there.

    What an older version left there, an anchor alone, belongs to the journal that remembers it.
    """
    if seen is None:
        return Right.OLDER if anchor and anchor not in claim.anchors and not written else Right.FREE
    if seen.journal != claim.journal:
        return Right.FOREIGN
    if seen.mark == claim.mark:
        return Right.HELD
    if seen.mark not in claim.marks:
        return Right.COPIED
    return Right.RESTORED if seen.start < written else Right.FREE


class Ownership:
    """The right of one start to one inbox; it is asked on the inbox's thread. `written` is as it is remembered."""

    def __init__(self, lane: str, claim: Claim, written: int) -> None:
        self.written = written  #: the number of the start that stands in the inbox, as far as is known; 0: none
        self.is_anothers = False  #: True if the last look found that another journal has the inbox
        self._lane = lane
        self._claim = claim
        self._is_given = False  # a person has said that this journal is to have it
        self._is_ours = False  # it was at an earlier look
        self._untakeable = False

    def give(self) -> None:
        """A person has said that this journal is to have the inbox, whoever had it."""
        self._is_given = True

    def try_again(self) -> None:
        """The inbox may be written to now."""
        self._untakeable = False

    def require(self, root: files.Root, anchor: str) -> None:
        """Make sure that this journal may take what lies in the open inbox, and say so there. Raises Blocked."""
        for _ in range(2):  # the second time, another daemon was quicker
            seen = read(root, self._lane)
            unknown = "" if self._is_ours else anchor  # one that was written in this life is not in the claim
            right = right_of(self._claim, seen, anchor=unknown, written=self.written)
            self.is_anothers = right in _REFUSED and not self._is_given
            if self.is_anothers:
                raise refusal(root.path, self._lane, right, seen)
            self._is_ours = True
            if right is Right.HELD or self._untakeable or self._is_written(root, seen, right):
                self._is_given = False
                return
        self._leave(root, "a file of another program lies there")

    def _is_written(self, root: files.Root, seen: Owner | None, right: Right) -> bool:
        """Write this start into the inbox; False where another file came first."""
        owner = self._owner(seen if right not in _REFUSED else None)
        path = os.path.join(root.path, OWNER)
        try:
            if seen is None:
                files.publish(path, owner.to_text(), root=root, access=_READABLE)
            else:
                files.replace(path, owner.to_text(), root=root, access=_READABLE)
        except files.NameTaken:
            return False
        except OSError as error:
            self._leave(root, error.strerror or str(error))
            return True
        if right is not Right.FREE:
            log.warning("inbox.owned", inbox=shown(root.path), reason=right.value, owner=seen and seen.told())
        self.written = owner.start
        return True

    def _leave(self, root: files.Root, why: str) -> None:
        """This inbox is not guarded: once is enough, for each refusal in a folder is an event there."""
        self._untakeable = True
        reason = "the owner cannot be written there, so another transcribed is not kept from it"
        log.warning("inbox.unguarded", inbox=shown(root.path), reason=f"{reason}: {why}")

    def _owner(self, before: Owner | None) -> Owner:
        claim = self._claim
        since = claim.at if before is None else before.since
        return Owner(claim.journal, claim.start, claim.mark, os.uname().nodename, claim.directory, since, claim.at)


_REFUSED = frozenset({Right.OLDER, Right.FOREIGN, Right.COPIED})


def read(root: files.Root, lane: str) -> Owner | None:
    """The owner that stands in an open inbox; None where none does. Raises Blocked where that cannot be known."""
    try:
        return Owner.from_text(files.read_regular(OWNER, _LARGEST_BYTES, within=root.descriptor))
    except (FileNotFoundError, files.NotRegular):
        return None
    except OSError as error:
        doing = f"reading the owner of the inbox {shown(root.path)}"
        known = errors.from_os_error(error, lane=lane, doing=doing)
        raise errors.Blocked(known.message, lane=lane, hint=known.hint) from error


def is_owned(inbox: int) -> bool:
    """True if anything lies in the place of the owner in the open folder, or nobody knows."""
    try:
        os.lstat(OWNER, dir_fd=inbox)
    except OSError as error:
        return not isinstance(error, FileNotFoundError)
    return True


def why_refused(root: files.Root, lane: str, claim: Claim, *, anchor: str, written: int) -> errors.Blocked | None:
    """The reason why this journal may not take what lies in an inbox; nothing is written. Raises Blocked."""
    seen = read(root, lane)
    right = right_of(claim, seen, anchor=anchor, written=written)
    return refusal(root.path, lane, right, seen) if right in _REFUSED else None


def refusal(path: bytes, lane: str, right: Right, seen: Owner | None) -> errors.Blocked:
    """The block of an inbox that this journal may not take. It ends by itself if the owner gives the inbox up."""
    name = shlex.quote(lane.partition(":")[2])
    who = "it does not say since when, for its version wrote only an anchor" if seen is None else seen.told()
    order = f"`transcribed accept --folders {name}` gives this one the inbox"
    hint = f"the person who runs transcribed stops the other one for good, then {order}; both at once would pay twice"
    if right is Right.COPIED:
        since = "if an older state directory was put back here, it does not know what was paid since"
        hint = f"the person who runs transcribed stops the other one; {since}: {order}"
    what = f"the inbox {shown(path)}: {right.value}: {who}"
    return errors.Blocked(what, lane=lane, hint=hint, exit_status=errors.Exit.AGAIN)
