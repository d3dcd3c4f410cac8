"""The files that lie beside a recording and speak of it: its markers, and its settings file.

They go where it goes, and first: left behind, they would hold, release or set the next recording of that name.
"""

import contextlib
import os
import stat
from collections.abc import Iterator

from transcribed import files
from transcribed.inbox import HOLD, READY, SUFFIX

#: Their endings; a marker is known by people and by a look in any case (scan.py), and these are the ones they write.
_MARKERS = tuple(written for ending in (HOLD, READY) for written in (ending, ending.upper(), ending.title()))


def bring_along(directory: int, name: bytes, target: bytes, *, root: files.Root, access: files.Access) -> None:
    """Move what lies beside the recording `name` of an open folder to beside `target`; what cannot be moved stays."""
    for ending in _beside(directory, name):
        with contextlib.suppress(OSError, files.NameTaken):
            files.move(directory, name + ending, target + ending, root=root, access=access)


def remove(directory: int, name: bytes, *, access: files.Access) -> None:
    """Remove what lies beside the recording `name`, which is deleted; what cannot be removed stays."""
    for ending in _beside(directory, name):
        with contextlib.suppress(OSError):
            files.remove(directory, name + ending, access=access)


def _beside(directory: int, name: bytes) -> Iterator[bytes]:
    """The endings of those that are there: markers are empty files, and a settings file has a content."""
    for ending in (*_MARKERS, SUFFIX):
        with contextlib.suppress(OSError):
            status = os.stat(name + ending, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and (ending == SUFFIX or status.st_size == 0):
                yield ending
