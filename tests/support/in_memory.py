"""The files of the tests lie in memory, where it has room: on a disk a test waits some hundred times for its syncs.

TMPDIR says otherwise: `.ci/run` names the disk, so that every test holds there too.
"""

import os
import tempfile

MEMORY = "/dev/shm"
_NEEDED_BYTES = 2 << 30  # the whole suite leaves a quarter of that


def choose() -> None:
    """From now on, temporary files are made in memory, by this process and by those that it starts."""
    if "TMPDIR" not in os.environ and _is_fit():
        os.environ["TMPDIR"] = tempfile.tempdir = MEMORY


def elsewhere(than: str) -> str:
    """A folder for temporary files that lies on another file system than this one."""
    here = os.stat(than).st_dev
    return next(folder for folder in (MEMORY, "/tmp", "/var/tmp", os.getcwd()) if os.stat(folder).st_dev != here)


def _is_fit() -> bool:
    """True if it has room, and programs that lie there may run."""
    if not os.access(MEMORY, os.W_OK):
        return False
    there = os.statvfs(MEMORY)
    return there.f_bavail * there.f_frsize >= _NEEDED_BYTES and not there.f_flag & os.ST_NOEXEC
