"""The folders above those of an inbox: whoever may rename in one of them can put a link in the place of what is below.

The daemon notices that and waits; better nobody can. Modes are believed on local disks and on NFS, whose server has the
same; what CIFS and FUSE show is made up by the mount.
"""

import os
import stat
from collections.abc import Collection, Iterator

from transcribed import config
from transcribed.cli.finding import Finding
from transcribed.folders import mount_of
from transcribed.job import shown

_ROLES = ("path", "outbox", "archive", "failed")


def of_parents(label: str, each: config.Inbox, user: int) -> Iterator[Finding]:
    """A remark for each folder above this inbox's, where others than root and the daemon's `user` may swap them."""
    found: dict[bytes, list[str]] = {}
    for role in _ROLES:
        folder = open_to_others(os.fsencode(getattr(each, role)), {0, user})
        if folder is not None:
            found.setdefault(folder, []).append(role)
    for folder, roles in found.items():
        what = f"{label}: others may rename in {shown(folder)}, and put a link in the place of {', '.join(roles)}"
        fix = f"chmod +t {shown(folder)}, and let root or the daemon's user own it and these folders"
        yield Finding("remark", what, fix)


def open_to_others(path: bytes, trusted: Collection[int]) -> bytes | None:
    """The nearest folder above `path` in which others than the `trusted` users may rename what leads there."""
    below = os.path.realpath(path)
    while below != b"/":
        above = os.path.dirname(below)
        try:
            is_open = _may_be_swapped(os.stat(above), os.lstat(below).st_uid, trusted) and _has_true_modes(above)
        except OSError:
            is_open = False  # it is not there yet, or is told elsewhere
        if is_open:
            return above
        below = above
    return None


def _may_be_swapped(above: os.stat_result, owner: int, trusted: Collection[int]) -> bool:
    """True if others may rename what belongs to `owner` in a folder with this status (sticky: inode(7))."""
    if above.st_uid not in trusted:
        return True
    is_writable = bool(above.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    return is_writable and (not above.st_mode & stat.S_ISVTX or owner not in trusted)


def _has_true_modes(folder: bytes) -> bool:
    mount = mount_of(folder)
    return mount.is_local or mount.kind.startswith(b"nfs")
