"""The sub-folders of an inbox that our moves have emptied: they are removed after an hour, where that is wanted.

A folder is one of them only once a recording was put away from it, so one that a person made and never filled stays. It
is removed only if nothing came or went there since, by its own time, and if it is empty: the kernel removes no other.
What an earlier process emptied is not known.
"""

import contextlib
import os
from collections import deque
from dataclasses import dataclass, replace

from transcribed import files

EMPTY_SECONDS = 3600.0  # who copies folder by folder must not find one gone under the copy
_MOST_FOLDERS = 10_000


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that a recording left: when that was seen (monotonic), and the folder's own time then."""

    since: float
    mtime_ns: int


class Emptied:
    """Such folders of one inbox. All but `left` belongs to the inbox's thread."""

    def __init__(self) -> None:
        self._coming: deque[bytes] = deque(maxlen=_MOST_FOLDERS)
        self._left: dict[bytes, _Folder] = {}

    def left(self, path: bytes) -> None:
        """The recording at `path` was put away."""
        self._coming.append(path)

    def tidy(self, inbox: files.Root, now: float) -> None:
        """Remove those that are due, the deepest first. What cannot be removed stays, and is forgotten."""
        while self._coming:
            self._note(inbox.descriptor, os.path.dirname(self._coming.popleft()), now)
        due = [folder for folder, left in self._left.items() if now - left.since >= EMPTY_SECONDS]
        for folder in sorted(due, key=lambda each: each.count(b"/"), reverse=True):
            with contextlib.suppress(OSError):
                self._remove(inbox.descriptor, folder, self._left.pop(folder), now)

    def _note(self, root: int, folder: bytes, now: float) -> None:
        """Note the folder that a recording left, and those above it, but not the inbox itself."""
        while folder:
            with contextlib.suppress(OSError):
                self._left[folder] = _Folder(now, _mtime_ns(root, folder))
            folder = os.path.dirname(folder)

    def _remove(self, root: int, folder: bytes, left: _Folder, now: float) -> None:
        """Remove the folder; one that has changed since has another hour. Raises OSError where it is not empty."""
        mtime_ns = _mtime_ns(root, folder)
        if mtime_ns != left.mtime_ns:
            self._left[folder] = _Folder(now, mtime_ns)
            return
        above, name = os.path.split(folder)
        known = self._left.get(above)
        is_as_noted = known is not None and _mtime_ns(root, above) == known.mtime_ns
        holder = files.descend(root, above.split(b"/") if above else [])
        try:
            files.remove_folder(name, within=holder)
        finally:
            os.close(holder)
        if known is not None and is_as_noted:  # its time is ours now
            self._left[above] = replace(known, mtime_ns=_mtime_ns(root, above))


def _mtime_ns(root: int, folder: bytes) -> int:
    descriptor = files.descend(root, folder.split(b"/"))
    try:
        return os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)
