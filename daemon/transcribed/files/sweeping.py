"""The removal of temporaries that a crash left behind."""

import os
import re
import stat
from collections.abc import Callable

from transcribed.files.hidden import TEMPORARY
from transcribed.files.root import Root, opened

#: The names that we give to temporaries, and no others: what only begins so is a stranger's.
_STRAY = re.compile(re.escape(TEMPORARY) + rb"[0-9a-f]{16}(-renamed)?")
_DEEPEST = 64


def sweep(
    root: bytes | Root,
    now: float,
    older_than_seconds: float = 3600.0,
    deepest: int = _DEEPEST,
    listed: Callable[[], object] = lambda: None,
) -> int:
    """Removes the temporaries below `root` that a crash left there; returns how many. `now` in seconds since the epoch.

    `deepest`: how many folders down it goes; 0 is only `root`. `listed` is called once a folder is listed. Another
    daemon may be writing into the same folder, so what is younger stays. Should it be taken from under a writer all
    the same (clocks differ), its rename fails, and it writes again. What cannot be removed stays until the next
    sweep. Raises OSError where `root` is not there.
    """
    removed = 0
    with opened(root) as top:
        for path, folders, names, folder in os.fwalk(b".", dir_fd=top.descriptor):
            listed()
            if path.count(b"/") >= deepest:
                folders.clear()
            for name in names:
                if _STRAY.fullmatch(name):
                    removed += _removed(folder, name, now - older_than_seconds)
    return removed


def _removed(folder: int, name: bytes, before: float) -> bool:
    try:
        status = os.lstat(name, dir_fd=folder)
        # By ctime, for a recording that is being moved has its old mtime already.
        if not stat.S_ISREG(status.st_mode) or status.st_ctime > before:
            return False
        os.unlink(name, dir_fd=folder)
    except OSError:
        return False
    return True
