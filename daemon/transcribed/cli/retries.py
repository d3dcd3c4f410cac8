"""The retry that people are told of, a drag from the failed folder to the inbox, reckoned for the share's group.

By the modes of the real folders: whoever renames a file needs to write to its folder and to the one that it goes to. On
mounts that make modes up nothing can be said.
"""

import os
import stat
from collections.abc import Iterator

from transcribed.folders import mount_of

_MOST_FOLDERS = 1000
_REAL_MODES = frozenset({b"nfs", b"nfs4"})  # beside local disks


def closed_to_group(inbox: bytes, failed: bytes) -> list[bytes]:
    """The folders out of which a member of the inbox's group cannot move a file into the inbox. Raises OSError."""
    into, mount = os.stat(inbox), mount_of(failed)
    if not may_rename_in(into, into.st_gid) or not (mount.is_local or mount.kind in _REAL_MODES):
        return []  # people come as somebody else than by this group; or the modes say nothing
    return [folder for folder, status in _folders(failed) if not may_rename_in(status, into.st_gid)]


def may_rename_in(folder: os.stat_result, group: int) -> bool:
    """True if a member of `group`, who owns neither the folder nor the file, may move files in and out of it."""
    needed = stat.S_IWGRP | stat.S_IXGRP if folder.st_gid == group else stat.S_IWOTH | stat.S_IXOTH
    return folder.st_mode & needed == needed and not folder.st_mode & stat.S_ISVTX


def _folders(root: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    for count, (path, inner, _) in enumerate(os.walk(root)):
        if count >= _MOST_FOLDERS:
            return
        inner.sort()
        yield path, os.stat(path)
