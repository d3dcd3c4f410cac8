"""Opening what a stranger may have put there: no link is followed, no pipe waited for, and only a regular file is read.

A folder's root is the exception: the administrator named it, so it may be a symbolic link. All below it is opened by
the descriptor of the folder above. Errors of the system come out as OSError, and no descriptor is left open by one.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader
from typing import BinaryIO

_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER = _ROOT | os.O_NOFOLLOW
#: O_NONBLOCK: a plain open() of a FIFO waits for ever. O_NOCTTY: a terminal must not become ours.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

_CHUNK = 1 << 20
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class NotRegular(OSError):
    """A folder, a pipe, a socket or a device lies where a file is wanted."""

    def __init__(self, name: bytes) -> None:
        super().__init__(errno.EINVAL, "it is not a regular file", name)


@contextmanager
def opened_root(path: bytes) -> Iterator[int]:
    """A descriptor of the folder `path`, which may be a symbolic link. Opening it lets an automounter work."""
    folder = os.open(path, _ROOT)
    try:
        yield folder
    finally:
        os.close(folder)


def open_folder(name: bytes, *, within: int) -> int:
    """A descriptor of the folder `name` in the open folder `within`. Raises OSError where it is a link or no folder."""
    return os.open(name, _FOLDER, dir_fd=within)


def descend(root: int, folders: Sequence[bytes]) -> int:
    """A descriptor of its own for the folder below the open `root`. Raises OSError where a component is no folder."""
    folder = os.dup(root)
    for name in folders:
        above = folder
        try:
            folder = open_folder(name, within=above)
        finally:
            os.close(above)
    return folder


def open_regular(name: bytes, *, within: int | None = None) -> BufferedReader:
    """The regular file `name`, a path or a name in the open folder `within`. Raises NotRegular, or another OSError."""
    try:
        descriptor = os.open(name, _FILE, dir_fd=within)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device without its driver
            raise NotRegular(name) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegular(name)
    return os.fdopen(descriptor, "rb")


def read_regular(name: bytes, most_bytes: int, *, within: int | None = None) -> bytes:
    """The first `most_bytes` of a regular file. Raises as `open_regular` does."""
    with open_regular(name, within=within) as file:
        return file.read(most_bytes)


def same_bytes(one: BinaryIO, other: BinaryIO) -> bool:
    """True if both files hold the same bytes from here on. Raises OSError."""
    while chunk := one.read(_CHUNK):
        if chunk != other.read(len(chunk)):
            return False
    return not other.read(1)


def make_folders(path: bytes, mode: int = 0o777) -> None:
    """Make the folder `path`, and those above it, where they are missing. Its name is durable. Raises OSError."""
    if os.path.isdir(path):
        return
    os.makedirs(path, mode=mode, exist_ok=True)
    fsync_folder(os.path.dirname(path))


def make_private_file(name: bytes, *, within: int) -> None:
    """Make the empty file `name` in an open folder, for its owner only. Raises FileExistsError, or another OSError."""
    os.close(os.open(name, _NEW, 0o600, dir_fd=within))


def remove_folder(name: bytes, *, within: int) -> None:
    """Remove the folder `name` in an open folder, if it is empty. Raises OSError where it is not."""
    os.rmdir(name, dir_fd=within)


def forget(path: bytes, *, within: int | None = None) -> None:
    """Remove a file of ours, where it is still there. Raises OSError."""
    with suppress(FileNotFoundError):
        os.unlink(path, dir_fd=within)


def touch(file: bytes | int) -> None:
    """Give a file of ours, open or not, the time of now: a disk that is full takes that too.

    Some file systems refuse it, and nothing depends on it but what `transcribed health` says of the time.
    """
    with suppress(OSError):
        os.utime(file)


def fsync_folder(path: bytes) -> None:
    """Make the names in the folder `path` durable. Raises OSError."""
    with opened_root(path) as folder:
        os.fsync(folder)
