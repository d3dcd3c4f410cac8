"""A folder that people may write to lies apart from the state directory: not in it, and not around it.

The configuration was checked for that when it was read; an open folder is asked again, because a link or a rename may
have led elsewhere since. It is asked by device and inode on the way up to the top, so that no path is believed.
"""

import contextlib
import os

_STEP = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


def place_of(folder: int) -> bytes:
    """The real path of an open folder, by /proc/self/fd; empty where /proc does not tell. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        return os.readlink(b"/proc/self/fd/%d" % folder)
    return b""


def is_entangled(folder: int, state: bytes) -> bool:
    """True if the open folder is the directory `state`, lies in it, or holds it. Raises OSError.

    False where there is no such directory. Where we may not go up, nothing of ours lies there.
    """
    try:
        directory = os.open(state, _STEP)
    except FileNotFoundError:
        return False
    try:
        return _lies_in(folder, os.fstat(directory)) or _lies_in(directory, os.fstat(folder))
    finally:
        os.close(directory)


def _lies_in(folder: int, outer: os.stat_result) -> bool:
    """True if the folder is `outer`, or lies in it at any depth."""
    inner, below = os.open(b".", _STEP, dir_fd=folder), None
    try:
        while not os.path.samestat(here := os.fstat(inner), outer):
            if below is not None and os.path.samestat(here, below):  # "/" is above itself
                return False
            above, below = os.open(b"..", _STEP, dir_fd=inner), here
            os.close(inner)
            inner = above
    except PermissionError:
        return False
    finally:
        os.close(inner)
    return True
