"""The folder of one inbox: what lies in it, and how one file of it is opened or held without trusting its name.

Every path is walked component by component from the root, with O_NOFOLLOW, by directory descriptors: whoever swaps a
folder for a symbolic link in between reaches nothing. A file is the same one if its fingerprint is; the name alone
proves nothing. An inbox whose mount has gone is Blocked, never empty. This module writes nothing and moves nothing.
"""

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from transcribed.errors import Blocked, TranscribedError, Transient, Withdrawn, from_os_error
from transcribed.inbox.identity import Ground
from transcribed.inbox.names import ignored_file, ignored_folder
from transcribed.inbox.settling import Found
from transcribed.job import Fingerprint, shown

__all__ = ["Found", "Inbox", "Listing"]

_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC  # the root may be a symbolic link: the administrator named it
_FOLDER = _ROOT | os.O_NOFOLLOW
#: O_NONBLOCK: a plain open() of a FIFO waits for ever. O_NOCTTY: a terminal must not become ours.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
#: Each level holds a descriptor and a few stack frames; no shared folder that people made is as deep.
_DEEPEST = 64
_MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """The recordings in an inbox by their relative path, and one sentence for each entry that could not be judged."""

    files: Mapping[bytes, Fingerprint]
    problems: tuple[str, ...]


class Inbox:
    """One inbox folder: listed whole, and opened file by file.

    `lane` is blocked when the folder as a whole cannot be had; `extensions` are lower-case, with their dot. `ground`
    remembers which folder it was, longer than this process lives; without it that is the one of first sight.
    """

    def __init__(
        self,
        root: bytes,
        *,
        lane: str,
        extensions: frozenset[bytes] = frozenset({b".mp3"}),
        ground: Ground | None = None,
    ) -> None:
        self.root = root
        self._lane = lane
        self._extensions = extensions
        self._ground = ground or Ground(root, lane=lane, what="inbox")

    def listing(self) -> Listing:
        """Every regular file with one of the extensions, in all sub-folders, that no rule ignores.

        Raises Blocked where the root is not there, cannot be read, or its mount has gone.
        """
        with self._opened_root() as (root, steady):
            scan = _Scan(self._extensions, steady)
            try:
                scan.folder(root, b"", 0)
            except OSError as error:
                raise self._blocked(error) from error
        return Listing(scan.files, scan.bounded_problems())

    def open(self, path: bytes, fingerprint: Fingerprint) -> BinaryIO:
        """The file at `path`, open for reading, if it still is the one with this `fingerprint`.

        Raises Withdrawn where it is not, Blocked where the inbox cannot be had, Transient where this file cannot.
        """
        with self.holding(path, fingerprint) as (folder, name), self._judging(path), ExitStack() as on_failure:
            file = on_failure.enter_context(os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb"))
            if not self.unchanged(file, fingerprint):  # swapped since it was looked at, a moment ago
                raise _replaced(path)
            on_failure.pop_all()
            return file

    def unchanged(self, file: BinaryIO, fingerprint: Fingerprint) -> bool:
        """Whether the open `file` is as `fingerprint` says: asked again after it was read."""
        return _same(os.fstat(file.fileno()), fingerprint)

    @contextmanager
    def holding(self, path: bytes, fingerprint: Fingerprint) -> Iterator[tuple[int, bytes]]:
        """The descriptor of the folder that holds this very file, and the file's name in it: what moving it takes.

        Raises as `open` does.
        """
        *folders, name = path.split(b"/")
        with self._opened_root() as (root, _):
            with self._judging(path):
                folder = _descend(root, folders)
            try:
                with self._judging(path):
                    if not _same(os.stat(name, dir_fd=folder, follow_symlinks=False), fingerprint):
                        raise _replaced(path)
                yield folder, name
            finally:
                os.close(folder)

    @contextmanager
    def _opened_root(self) -> Iterator[tuple[int, bool]]:
        """A descriptor of the root, and whether ctime and inode count there."""
        try:
            root = os.open(self.root, _ROOT)
        except OSError as error:
            raise self._blocked(error) from error
        try:
            yield root, self._ground.recognised(root).has_steady_inodes
        finally:
            os.close(root)

    def _blocked(self, error: OSError) -> Blocked:
        known = from_os_error(error, lane=self._lane, doing=f"reading the inbox {shown(self.root)}")
        if isinstance(known, Blocked):
            return known
        hint = "see that the folder is there, and that its share is mounted"
        return Blocked(known.message, lane=self._lane, hint=hint)

    @contextmanager
    def _judging(self, path: bytes) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._judged(error, path) from error

    def _judged(self, error: OSError, path: bytes) -> TranscribedError:
        """What an error met below the root means: it speaks of one file, unless it speaks of the disk or the share."""
        if isinstance(error, FileNotFoundError):
            return Withdrawn(f"{shown(path)} is no longer in the inbox")
        if isinstance(error, NotADirectoryError) or error.errno == errno.ELOOP:
            return _replaced(path)
        doing = f"opening {shown(path)}"
        if isinstance(error, PermissionError):  # one file that we may not read must not stop all the others
            return Transient(f"{doing}: permission is denied", hint="give the daemon's user access to this file")
        return from_os_error(error, lane=self._lane, doing=doing)


@dataclass(slots=True)
class _Scan:
    """One walk through an inbox. An entry that cannot be judged costs one problem, a folder likewise."""

    extensions: frozenset[bytes]
    steady: bool
    files: dict[bytes, Fingerprint] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def folder(self, folder: int, prefix: bytes, depth: int) -> None:
        """Takes all that lies in the open `folder`, whose path is `prefix`. Raises OSError for the folder itself."""
        with os.scandir(folder) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                try:
                    self._entry(folder, entry, name, prefix + name, depth)
                except FileNotFoundError:
                    pass  # it left while we looked: as if we had looked a moment later
                except OSError as error:
                    self.problems.append(f"{shown(prefix + name)}: {error.strerror or error}")

    def _entry(self, folder: int, entry: os.DirEntry[str], name: bytes, path: bytes, depth: int) -> None:
        if entry.is_dir(follow_symlinks=False):
            if ignored_folder(name) is None:
                self._sub_folder(folder, name, path, depth + 1)
        elif os.path.splitext(name)[1].lower() in self.extensions and ignored_file(name) is None:
            self._file(entry.stat(follow_symlinks=False), path)

    def _sub_folder(self, folder: int, name: bytes, path: bytes, depth: int) -> None:
        if depth > _DEEPEST:
            self.problems.append(f"{shown(path)}: more than {_DEEPEST} folders deep, and not looked into")
            return
        inner = os.open(name, _FOLDER, dir_fd=folder)
        try:
            self.folder(inner, path + b"/", depth)
        finally:
            os.close(inner)

    def _file(self, status: os.stat_result, path: bytes) -> None:
        if stat.S_ISREG(status.st_mode):
            self.files[path] = _fingerprint(status, steady=self.steady)
        else:
            kind = "a symbolic link, which is" if stat.S_ISLNK(status.st_mode) else "no regular file, so it is"
            self.problems.append(f"{shown(path)}: {kind} not taken: put the recording itself here")

    def bounded_problems(self) -> tuple[str, ...]:
        """The problems, cut to a number that a status file can bear."""
        more = len(self.problems) - _MOST_PROBLEMS
        return (*self.problems[:_MOST_PROBLEMS], *([f"and {more} problems more"] if more > 0 else []))


def _fingerprint(status: os.stat_result, *, steady: bool) -> Fingerprint:
    if not steady:
        return Fingerprint(status.st_size, status.st_mtime_ns)
    return Fingerprint(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _same(status: os.stat_result, fingerprint: Fingerprint) -> bool:
    """Whether this is a regular file with that fingerprint, as far as the fingerprint goes."""
    steady = fingerprint.inode is not None
    return stat.S_ISREG(status.st_mode) and _fingerprint(status, steady=steady) == fingerprint


def _descend(root: int, folders: list[bytes]) -> int:
    """A descriptor of its own for the folder below `root`. Raises OSError where a component is no real folder."""
    folder = os.dup(root)
    for name in folders:
        above = folder
        try:
            folder = os.open(name, _FOLDER, dir_fd=above)
        finally:
            os.close(above)
    return folder


def _replaced(path: bytes) -> Withdrawn:
    return Withdrawn(f"{shown(path)} is not the file that was found: another lies in its place, or it has changed")
