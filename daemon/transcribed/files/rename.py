"""A rename that replaces nothing, on any file system.

Measured on Linux 6.1: renameat2 with RENAME_NOREPLACE works on ext4, XFS, btrfs, tmpfs, overlayfs, CIFS and exfat, and
gives EINVAL on NFS; hard links work there, and on exfat give EPERM. Where neither works, the name is claimed
first: so with EPERM for a file of somebody else's (fs.protected_hardlinks), and EXDEV on a union of file systems.
"""

import ctypes
import errno
import os

_RENAME_NOREPLACE = 1  # linux/fs.h
_NO_SUCH_CALL = frozenset({errno.EINVAL, errno.ENOSYS})
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})
_libc = ctypes.CDLL(None, use_errno=True)


def rename_no_replace(source_folder: int, source: bytes, folder: int, name: bytes) -> None:
    """Renames `source` to `name`, each in its open folder. Raises FileExistsError where `name` is there, or OSError."""
    try:
        by_renameat2(source_folder, source, folder, name)
    except OSError as error:
        if error.errno not in _NO_SUCH_CALL:
            raise
        try:
            by_link(source_folder, source, folder, name)
        except OSError as link_error:
            if link_error.errno not in _NO_LINKS:
                raise
            by_claim(source_folder, source, folder, name)


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
