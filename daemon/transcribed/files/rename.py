"""A rename that replaces nothing, on any file system.

Measured on Linux 6.1: renameat2 with RENAME_NOREPLACE works on ext4, XFS, btrfs, tmpfs, overlayfs, CIFS and exfat, and
gives EINVAL on NFS; hard links work there, and on exfat give EPERM. Where neither works, the name is claimed
first: so with EPERM for a file of somebody else's (fs.protected_hardlinks), and EXDEV on a union of file systems.

Never on FUSE: `rclone mount` (EINVAL, and EIO for a link) writes the empty claim to its server some seconds later, over
the file that was renamed to its name. There it is looked that the name is free, and then renamed. Whoever else puts a
file there between the two loses it; our own threads take turns. Those mounts allow nothing better.
"""

import ctypes
import errno
import os
import sys
import threading
from enum import Enum

_RENAME_NOREPLACE = 1  # linux/fs.h
_NO_SUCH_CALL = frozenset({errno.EINVAL, errno.ENOSYS})
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_NO_LINKS_ON_FUSE = _NO_LINKS | {errno.EIO, errno.EINVAL}
_FUSE = 0x65735546  # linux/magic.h
_STATFS_BYTES, _WORD = 256, ctypes.sizeof(ctypes.c_long)
_libc = ctypes.CDLL(None, use_errno=True)
_looking = threading.Lock()


class Way(Enum):
    """The way in which a file got its name."""

    SAFE = "nothing can have been replaced"
    LOOKED = "the name was looked at first"


def rename_no_replace(source_folder: int, source: bytes, folder: int, name: bytes) -> Way:
    """Renames `source` to `name`, each in its open folder. Raises FileExistsError where `name` is there, or OSError."""
    try:
        by_renameat2(source_folder, source, folder, name)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise
        return _without_renameat2(source_folder, source, folder, name)
    return Way.SAFE


def _without_renameat2(source_folder: int, source: bytes, folder: int, name: bytes) -> Way:
    is_fuse = _is_fuse(folder)
    try:
        by_link(source_folder, source, folder, name)
    except OSError as error:
        if error.errno not in (_NO_LINKS_ON_FUSE if is_fuse else _NO_LINKS):
            raise
        if is_fuse:
            by_look(source_folder, source, folder, name)
            return Way.LOOKED
        by_claim(source_folder, source, folder, name)
    return Way.SAFE


def by_renameat2(source_folder: int, source: bytes, folder: int, name: bytes) -> None:
    """In one step of the kernel. Raises OSError with EINVAL or ENOSYS where file system or C library cannot."""
    renameat2 = getattr(_libc, "renameat2", None)  # glibc has it since 2.28, musl only lately
    if renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if renameat2(source_folder, source, folder, name, _RENAME_NOREPLACE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


def by_link(source_folder: int, source: bytes, folder: int, name: bytes) -> None:
    """A second name, then without the first: a crash in between leaves both names of one file."""
    os.link(source, name, src_dir_fd=source_folder, dst_dir_fd=folder, follow_symlinks=False)
    os.unlink(source, dir_fd=source_folder)


def by_claim(source_folder: int, source: bytes, folder: int, name: bytes) -> None:
    """An empty file of our own at `name`, then a rename over it: the one way that shows an empty file for a moment."""
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder))
    try:
        os.rename(source, name, src_dir_fd=source_folder, dst_dir_fd=folder)
    except OSError:
        # A network file system may report an error for a rename that was done: then `name` is the file itself.
        os.lstat(source, dir_fd=source_folder)
        if os.lstat(name, dir_fd=folder).st_size == 0:
            os.unlink(name, dir_fd=folder)
        raise


def by_look(source_folder: int, source: bytes, folder: int, name: bytes) -> None:
    """A look that `name` is free, then a plain rename: another program's file may come in between."""
    with _looking:
        try:
            os.lstat(name, dir_fd=folder)
        except FileNotFoundError:
            os.rename(source, name, src_dir_fd=source_folder, dst_dir_fd=folder)
        else:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)


def _is_fuse(folder: int) -> bool:
    """True if the open folder's file system is one of user space, by the first word of statfs(2). Raises OSError."""
    found = ctypes.create_string_buffer(_STATFS_BYTES)
    if _libc.fstatfs(folder, found) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int.from_bytes(found.raw[:_WORD], sys.byteorder) == _FUSE
