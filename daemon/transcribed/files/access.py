"""The access to new files: mode and group where they are set, else those that the folder and the umask give.

A new folder inside another has that one's rights: who may rename, delete and drag in the outbox may do so below it.

A share may refuse to set a mode, a group or a time, or to sync a folder (CIFS, NFS, much of FUSE). Nothing can be done
about that, and the file is complete without it: the caller is told, and no write fails. An owner is never changed
there: `owner` is for what root leaves in the daemon's own state directory.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_REFUSALS = frozenset(
    {errno.EPERM, errno.EACCES, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY}
)


def _untold(_device: int, _what: str, _why: str) -> None:
    """To nobody."""


@dataclass(frozen=True, slots=True)
class Access:
    """The mode and the group of new files and folders; None: those that their folder and the umask give.

    `refused` is told each time that a file system refuses: its device, what was refused, and why.
    """

    file_mode: int | None = None
    dir_mode: int | None = None
    group: int | None = None
    owner: int | None = None
    refused: Callable[[int, str, str], None] = _untold

    @property
    def of_new_file(self) -> int:
        """The mode to create a file with: never wider than it will be."""
        return 0o666 if self.file_mode is None else self.file_mode

    @property
    def of_new_folder(self) -> int:
        """The mode to create a folder with; mkdir(2) knows no set-group-ID, which comes from the folder above."""
        return 0o777 if self.dir_mode is None else self.dir_mode & 0o777

    def to_file(self, file: int) -> None:
        """Give an open file its mode and group: before it has its name."""
        self._to_group(file)
        if self.owner is not None:
            os.fchown(file, self.owner, -1)
        if self.file_mode is not None:
            self._to_mode(file, self.file_mode)

    def to_folder(self, folder: int) -> None:
        """Give an open folder that was just made its mode and group; a set-group-ID that it inherited stays."""
        self._to_group(folder)
        if self.dir_mode is not None:
            self._to_mode(folder, self.dir_mode | os.fstat(folder).st_mode & stat.S_ISGID)

    def to_inner_folder(self, above: int, folder: int) -> None:
        """Give an open folder that was just made inside the open folder `above` what is set, else that one's rights.

        Where those cannot be given (the group is one that we are not in), it keeps what the umask gave: a courtesy.
        """
        outer, inner = os.fstat(above), os.fstat(folder)
        with contextlib.suppress(OSError):
            if self.group is None and outer.st_gid != inner.st_gid:
                os.fchown(folder, -1, outer.st_gid)
        with contextlib.suppress(OSError):
            if self.dir_mode is None and stat.S_IMODE(outer.st_mode) != stat.S_IMODE(inner.st_mode):
                os.fchmod(folder, stat.S_IMODE(outer.st_mode))
        self.to_folder(folder)

    def to_times(self, file: int, status: os.stat_result) -> None:
        """Give an open file the times of another one: a courtesy."""
        with self._tolerant(file, "setting the time of a file"):
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    def sync(self, descriptor: int) -> None:
        """Make durable what is open for reading only: a folder, or a file that is there already."""
        with self._tolerant(descriptor, "syncing a folder"):
            os.fsync(descriptor)

    def _to_group(self, descriptor: int) -> None:
        if self.group in (None, os.fstat(descriptor).st_gid):
            return
        with self._tolerant(descriptor, "setting the group"):
            os.fchown(descriptor, -1, self.group)

    def _to_mode(self, descriptor: int, mode: int) -> None:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) == mode:
            return  # so that where folder and umask give it already nothing is asked, and nothing refused
        with self._tolerant(descriptor, "setting the mode"):
            os.fchmod(descriptor, mode)
            if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:  # CIFS and exFAT take it, and keep their own
                raise OSError(errno.ENOTSUP, "it has no effect there")

    @contextmanager
    def _tolerant(self, descriptor: int, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise
            self.refused(os.fstat(descriptor).st_dev, what, error.strerror or str(error))
