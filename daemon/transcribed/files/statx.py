"""A file's attributes as they are now, not as they are remembered.

A network file system answers fstat, stat and even a second open from a cache of its own: CIFS for as long as the file
is open, NFS for up to a minute. statx with AT_STATX_FORCE_SYNC asks the server. Measured on kernel NFS 3 and 4.2 and on
CIFS 3.1.1, while the file grew on the server: this alone told the truth on all of them. sshfs has a cache that the
kernel knows nothing of: there it takes a second open, and then the question. So the file is opened again, then asked.
"""

import contextlib
import ctypes
import errno
import os
import stat
import struct
from typing import NamedTuple

from transcribed.files.opening import opened_root

_FORCE_SYNC = 0x2000  # linux/stat.h
_EMPTY_PATH, _NOFOLLOW, _HERE = 0x1000, 0x100, -100  # linux/fcntl.h; AT_FDCWD
_BASIC = 0x7FF
_SIZE = 256
_HEAD = struct.Struct("=IIQIIIHHQQ")  # mask, block size, attributes, links, user, group, mode, -, inode, size
_TIMES = struct.Struct("=qIiqIi")  # of ctime and of mtime: seconds, nanoseconds, -
_TIMES_AT = 96
#: No such call (an old kernel, for which the C library answers EINVAL), or a sandbox that forbids it with EPERM.
_REFUSED = frozenset({errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP})
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_libc = ctypes.CDLL(None, use_errno=True)


class Status(NamedTuple):
    """The attributes of a file, by the names that os.stat_result has."""

    st_mode: int
    st_ino: int
    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int


def status_of(name: bytes, *, within: int) -> Status:
    """The attributes of `name` in the open folder, which is not followed if it is a link. Raises OSError."""
    if stat.S_ISREG(os.lstat(name, dir_fd=within).st_mode):
        with contextlib.suppress(OSError):  # one that may not be read can be asked for all the same
            return _of_opened(os.open(name, _OPEN | os.O_NOFOLLOW, dir_fd=within))
    return _forced(within, name, _NOFOLLOW) or _plain(os.lstat(name, dir_fd=within))


def status_of_open(file: int) -> Status:
    """The attributes of an open file. Raises OSError."""
    with contextlib.suppress(OSError):  # without /proc, or where the file has gone
        return _of_opened(os.open(b"/proc/self/fd/%d" % file, _OPEN))
    return _asked(file)


def status_as_listed(name: bytes, *, within: int = _HERE) -> Status:
    """As `status_of`, without opening it: for files that nobody opens, and that were not looked at for long."""
    return _forced(within, name, _NOFOLLOW) or _plain(os.lstat(name, dir_fd=None if within == _HERE else within))


def is_asked() -> bool:
    """True if this kernel can ask a file server; where it cannot, an answer may be an old one."""
    with opened_root(b"/") as folder:
        return _forced(folder, b"", _EMPTY_PATH) is not None


def _forced(folder: int, name: bytes, flags: int) -> Status | None:
    """None where the kernel, the C library or a sandbox has no such call."""
    statx = getattr(_libc, "statx", None)  # glibc has it since 2.28
    if statx is None:
        return None
    found = ctypes.create_string_buffer(_SIZE)
    if statx(folder, name, flags | _FORCE_SYNC, _BASIC, found) != 0:
        number = ctypes.get_errno()
        if number in _REFUSED:
            return None
        raise OSError(number, os.strerror(number), name)
    *_, mode, _, inode, size = _HEAD.unpack_from(found)
    ctime, ctime_ns, _, mtime, mtime_ns, _ = _TIMES.unpack_from(found, _TIMES_AT)
    return Status(mode, inode, size, mtime * 1_000_000_000 + mtime_ns, ctime * 1_000_000_000 + ctime_ns)


def _of_opened(again: int) -> Status:
    try:
        return _asked(again)
    finally:
        os.close(again)


def _asked(file: int) -> Status:
    return _forced(file, b"", _EMPTY_PATH) or _plain(os.fstat(file))


def _plain(status: os.stat_result) -> Status:
    return Status(status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
