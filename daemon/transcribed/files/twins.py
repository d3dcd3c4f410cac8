"""Names that differ only in case or in Unicode form: Windows and macOS show one of the two, or neither.

A folder may hold a hundred thousand names, so what is kept of a listing is a number for each, and a folder that has
changed is listed again only where that takes no more than a hundredth of the time. What we name ourselves is added at
once; so of names that differ only so, one that somebody else gives just now may be missed.
"""

import os
import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field

from transcribed.files.names import folded

_FOLDERS, _MOST_ADDED = 8, 1000
_SHARE = 100.0  # of the time that a listing took, from one to the next
_MASK = (1 << 64) - 1


@dataclass(slots=True)
class _Listed:
    """A folder as it was listed: a number for each of its names, in order, and those that were added since."""

    mtime_ns: int
    names: "array[int]"
    again_at: float
    added: set[int] = field(default_factory=set)

    def may_have(self, number: int) -> bool:
        at = bisect_left(self.names, number)
        return number in self.added or (at < len(self.names) and self.names[at] == number)


class Twins:
    """The twins of names in folders. It belongs to one thread."""

    def __init__(self) -> None:
        self._listed: OrderedDict[bytes, _Listed] = OrderedDict()

    def has_one(self, path: bytes) -> bool:
        """True if another name lies beside `path` that some file system takes for the same. Raises OSError."""
        folder, name = os.path.split(path)
        if not self._known(folder).may_have(_number(name)):
            return False
        alike = folded(name)
        return any(other != name and folded(other) == alike for other in _names(folder))

    def add(self, path: bytes) -> None:
        """This name is given, and soon lies there."""
        folder, name = os.path.split(path)
        if (listed := self._listed.get(folder)) is not None:
            listed.added.add(_number(name))
            if len(listed.added) > _MOST_ADDED:
                del self._listed[folder]

    def _known(self, folder: bytes) -> _Listed:
        now, mtime_ns = time.monotonic(), _mtime_ns(folder)
        known = self._listed.get(folder)
        if known is None or (known.mtime_ns != mtime_ns and now >= known.again_at):
            names = array("Q", sorted(map(_number, _names(folder))))
            took = time.monotonic() - now
            known = self._listed[folder] = _Listed(mtime_ns, names, now + _SHARE * took)
        self._listed.move_to_end(folder)
        if len(self._listed) > _FOLDERS:
            self._listed.popitem(last=False)
        return known


def _number(name: bytes) -> int:
    return hash(folded(name)) & _MASK


def _names(folder: bytes) -> list[bytes]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _mtime_ns(folder: bytes) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return 0
