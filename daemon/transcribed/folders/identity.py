"""The identity of a folder: its anchor, a small hidden file of ours in it, the mount that it is on, and where it lies.

The anchor decides, for it goes with the folder from mount to mount and from disk to disk. Where there is none, the
mount does, and the inode where that lasts: a bare mount point, another disk, or a folder that was made since is not the
folder that was remembered. What lies on a mount below the one that was remembered is a share that came late, and is
accepted. A folder that is reached at another real path than before (somebody put a link in its place) must be the very
same one, by device and inode; so must one with the anchor of another, which somebody copied into it. `judged` is pure.

A folder is opened once, judged by what is open, and worked in by that descriptor. Nothing is written here.
"""

import errno
import json
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from transcribed.errors import Blocked, from_os_error
from transcribed.files import NotRegular, Root, consents, folded, is_entangled, opened_root, place_of, read_regular
from transcribed.folders.mounts import UNKNOWN, Mount, closed_at, mount_at, named_mount
from transcribed.folders.owner import is_owned
from transcribed.job import shown

ANCHOR = b".transcribed.anchor"
_TEXT = b"This hidden file belongs to transcribed, which knows this folder by it: leave it where it is.\n%s\n"
#: Any sentence that names us will do: its words may change, the form may not.
_READ = re.compile(rb"[^\n]*transcribed[^\n]*\n([0-9a-f]{32})\n")
_LARGEST_BYTES = 1024
#: The errors of opening an anchor that mean: there is none that we may read.
_NO_ANCHOR = frozenset({errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP})
#: The file systems whose id (statvfs(3)) is written on the disk, and the same at each mount.
_LASTING_ID = frozenset({b"ext2", b"ext3", b"ext4", b"btrfs"})


class Identity(NamedTuple):
    """The facts by which a folder is known.

    `anchor` is empty, and `file_system` 0, where it has none. `inode` is 0 where inodes do not last, and `place`, its
    real path, empty where nobody tells; so are both in what an older version remembered.
    """

    anchor: str
    mount: Mount
    file_system: int = 0
    inode: int = 0
    place: bytes = b""

    def to_text(self) -> str:
        """As it is kept; `from_text` reads it."""
        device, point, kind = map(os.fsdecode, self.mount)
        facts = {"anchor": self.anchor, "device": device, "point": point, "kind": kind, "file_system": self.file_system}
        return json.dumps(facts | {"inode": self.inode, "place": os.fsdecode(self.place)})

    @classmethod
    def from_text(cls, text: str) -> "Identity | None":
        """The identity that `to_text` wrote; None for anything else."""
        try:
            facts: dict[str, Any] = json.loads(text)
            mount = Mount(*(os.fsencode(facts[key]) for key in ("device", "point", "kind")))
            inode, place = int(facts.get("inode", 0)), os.fsencode(facts.get("place", ""))
            return cls(str(facts["anchor"]), mount, int(facts["file_system"]), inode, place)
        except (ValueError, TypeError, KeyError, RecursionError):
            return None


class Verdict(NamedTuple):
    """The identity to remember from now on; None if this is not the folder, and then the reason."""

    identity: Identity | None
    why_not: str = ""
    made_since: bool = False  #: somebody made a folder in the place of the one that was there


def anchor_text(anchor: str) -> bytes:
    """The content of an anchor file: a line for people, and the id of the folder."""
    return _TEXT % anchor.encode()


def judged(remembered: Identity | None, seen: Identity) -> Verdict:
    """Compare the folder that is `seen` with the one that is `remembered`. If none is, any folder will do."""
    if remembered is None:
        return Verdict(seen)
    is_that_very_one = _is_that_very_one(remembered, seen)
    if _lies_elsewhere(remembered, seen) and not is_that_very_one:
        return Verdict(None, f"a link leads to {shown(seen.place)} now, and it was {shown(remembered.place)} before")
    if _came_late(remembered.mount, seen.mount):
        return Verdict(seen)
    if remembered.anchor and seen.anchor:
        if is_that_very_one or remembered.anchor == seen.anchor:
            return Verdict(seen._replace(anchor=remembered.anchor))
        return Verdict(None, f"another folder lies there than before, by its hidden file {shown(ANCHOR)}")
    if _is_bare(remembered.mount, seen.mount):
        point = shown(remembered.mount.point)
        return Verdict(None, f"it lies on another file system than before: {point} is not mounted")
    if _is_other_disk(remembered, seen):
        return Verdict(None, f"another file system is mounted at {shown(seen.mount.point)} than before")
    if remembered.anchor and not seen.anchor and _is_other_inode(remembered, seen):
        why_not = f"a folder that was made since lies there, without its hidden file {shown(ANCHOR)}"
        return Verdict(None, why_not, made_since=True)
    return Verdict(seen._replace(anchor=remembered.anchor or seen.anchor))


def _is_that_very_one(was: Identity, now: Identity) -> bool:
    """True if device and inode are surely the same. A device number may be another one after the next start."""
    same_disk = was.mount.kind == now.mount.kind and was.file_system == now.file_system
    return was.inode != 0 and was.inode == now.inode and same_disk and not _is_other_disk(was, now)


def _is_other_inode(was: Identity, now: Identity) -> bool:
    return 0 not in (was.inode, now.inode) and was.inode != now.inode


def _lies_elsewhere(was: Identity, now: Identity) -> bool:
    """True if its real path is another one; a share may show one name now in these letters and now in those."""
    return b"" not in (was.place, now.place) and folded(was.place) != folded(now.place)


def _came_late(was: Mount, now: Mount) -> bool:
    return now.point != was.point and now.lies_below(was) and UNKNOWN not in (was.kind, now.kind)


def _is_bare(was: Mount, now: Mount) -> bool:
    return now.point != was.point and was.lies_below(now) and UNKNOWN not in (was.kind, now.kind)


def _is_other_disk(was: Identity, now: Identity) -> bool:
    """True if these are surely two file systems.

    Without an anchor ever, a new device number proves nothing: those of network file systems, FUSE and loop devices are
    given again at each mount. Where an anchor should be there and is not, it does.
    """
    other_device = was.mount.device != now.mount.device
    other_id = 0 not in (was.file_system, now.file_system) and was.file_system != now.file_system
    if UNKNOWN in (was.mount.kind, now.mount.kind):
        return bool(was.anchor) and other_device
    if was.mount.kind != now.mount.kind:
        return True
    if was.mount.kind in _LASTING_ID:
        return other_id
    return bool(was.anchor) and (other_device or other_id)


class Ground:
    """A folder, and what is remembered of it: each time that it is opened it is asked whether it still is that one.

    `what` names it for people; `apart` is the state directory, which it may neither be in nor hold. The steps of
    several threads may ask at once.
    """

    def __init__(
        self, path: bytes, *, lane: str, what: str, remembered: Identity | None = None, apart: bytes = b""
    ) -> None:
        self.path = path
        self.identity = remembered  #: as it is remembered now
        self.anchor_seen = ""  #: the anchor that was there at the last close look
        self.by_consent = False  #: one that people made again is taken if their consent lies in it
        self._lane = lane
        self.what = what
        self._apart = apart
        self._seen: tuple[int, int] | None = None  # the open folder that was recognised last

    def check(self) -> None:
        """Look closely, at its anchor and its mount, whether it is the folder that is remembered. Raises Blocked."""
        with self.opened(closely=True):
            pass

    @contextmanager
    def opened(self, *, closely: bool = False) -> Iterator[Root]:
        """The folder, open and recognised: all work in it is done from this. Raises Blocked.

        `closely`: look at its anchor and its mount, even if it is the same open folder as the last time.
        """
        with ExitStack() as stack:
            try:
                root = stack.enter_context(opened_root(self.path))
            except OSError as error:
                raise self.blocked(error) from error
            if closely:
                self._seen = None
            self.recognised(root)
            yield Root(self.path, root)

    def recognised(self, root: int) -> Mount:
        """The mount of the open folder. Raises Blocked where it is not the one that is remembered."""
        status = os.fstat(root)
        seen, known = (status.st_dev, status.st_ino), self.identity
        if known is None or seen != self._seen:
            known = self._looked_at_closely(root, status)
            self._seen = seen
        return known.mount

    @property
    def anchor(self) -> str:
        """The anchor by which the folder is known again; empty if it has none."""
        return "" if self.identity is None else self.identity.anchor

    @property
    def is_anchored(self) -> bool:
        """True if its own anchor was there at the last close look."""
        return self.identity is not None and self.anchor_seen == self.identity.anchor != ""

    def anchored(self, anchor: str) -> None:
        """Its anchor was written."""
        assert self.identity is not None
        self.identity, self.anchor_seen = self.identity._replace(anchor=anchor), anchor

    def forget(self) -> None:
        """Take whatever lies there next."""
        self.identity, self._seen = None, None

    def _looked_at_closely(self, root: int, status: os.stat_result) -> Identity:
        self._seen = None
        try:
            place = place_of(root)
            mount = mount_at(place, status.st_dev)
            inode = status.st_ino if mount.has_lasting_inodes else 0
            seen = Identity(anchor_in(root), mount, os.fstatvfs(root).f_fsid, inode, place)
            entangled = self._apart != b"" and is_entangled(root, self._apart)
        except OSError as error:
            raise self.blocked(error) from error
        if entangled:
            raise self._misled()
        verdict = judged(self.identity, seen)
        identity = verdict.identity or self._consented(root, seen, verdict)
        self.identity, self.anchor_seen = identity, seen.anchor
        return identity

    def _consented(self, root: int, seen: Identity, verdict: Verdict) -> Identity:
        """The identity of a folder that is taken though it is not the one that was there. Raises Blocked.

        Only one that was made again: an anchor or an owner is the word of a transcribed that people may not know of.
        """
        if not (verdict.made_since and self.by_consent) or is_owned(root):
            raise self._gone(verdict.why_not)
        try:
            whys = {name: consents.why_no_consent(name, root) for name in consents.of_folder(root, seen.inode)}
        except OSError as error:
            raise self.blocked(error) from error
        if whys and not all(whys.values()):
            return seen
        refused = "".join(f"; {shown(name)} is not obeyed: {why}" for name, why in sorted(whys.items())[:1])
        told = consents.told(consents.to_folder(seen.inode), self._lane.partition(":")[2])
        raise self._gone(verdict.why_not, f"; if people made it again, {told}{refused}")

    def blocked(self, error: OSError) -> Blocked:
        """The block that an error at the folder itself means."""
        here = f"the {self.what} {shown(self.path)}"
        if isinstance(error, FileNotFoundError):
            hint = "see that its share is mounted; a folder that was removed for good must be made again"
            return Blocked(f"{here} is not there", lane=self._lane, hint=hint)
        known = from_os_error(error, lane=self._lane, doing=f"opening {here}", share=self.share)
        if isinstance(known, Blocked):
            return known
        return Blocked(
            known.message, lane=self._lane, hint="see that the folder is there, and that its share is mounted"
        )

    @property
    def share(self) -> str:
        """The kind of share that it lies on, as far as is known without asking it; empty on a local disk."""
        known, named = self.identity, named_mount(self.path)
        return closed_at(named.point) or (named if known is None else known.mount).share

    def _misled(self) -> Blocked:
        return Blocked(
            f"the {self.what} {shown(self.path)} leads into or around the state directory {shown(self._apart)}",
            lane=self._lane,
            hint="see who put a link or another folder in its place, and put the right one there",
        )

    def _gone(self, why: str, or_else: str = "") -> Blocked:
        name = shlex.quote(self._lane.partition(":")[2])
        says_so = "if it has moved for good, the person who runs transcribed says so by"
        by_order = f"{says_so} `transcribed accept --folders {name}`"
        return Blocked(
            f"the {self.what} {shown(self.path)} is not the folder that it was: {why}",
            lane=self._lane,
            hint=f"mount it again; {by_order}{or_else}",
        )


def anchor_in(root: int) -> str:
    """The id in the anchor of the open folder; empty where there is no anchor of ours. Raises OSError."""
    try:
        found = _READ.fullmatch(read_regular(ANCHOR, _LARGEST_BYTES, within=root))
    except NotRegular:
        return ""
    except OSError as error:
        if error.errno in _NO_ANCHOR:
            return ""
        raise
    return found[1].decode() if found else ""
