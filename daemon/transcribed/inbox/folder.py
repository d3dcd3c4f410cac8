"""A folder of recordings: its listing, and the opening of one file in it without trusting the file's name.

Every path is walked component by component from the root, with O_NOFOLLOW, by directory descriptors: whoever swaps a
folder for a symbolic link in between reaches nothing. A file is the same one if its fingerprint is; its name
proves nothing. An inbox whose mount has gone is Blocked, never empty. Nothing is written or moved here.
"""

import contextlib
import errno
import functools
import os
import stat
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Protocol

from transcribed.errors import Blocked, Gone, TranscribedError, Transient, Withdrawn, from_os_error
from transcribed.files import (
    NotRegular,
    Status,
    Writing,
    descend,
    open_regular,
    opened_root,
    status_of,
    status_of_open,
)
from transcribed.inbox.beside import FOLDERS_FILE, SUFFIX, Said, said_in
from transcribed.inbox.links import MOST_BYTES, address_in
from transcribed.inbox.names import Names
from transcribed.inbox.probe import Probe, probe
from transcribed.inbox.scan import Tree, folder_of
from transcribed.inbox.scan import fingerprint as fingerprint_of
from transcribed.inbox.settling import Found
from transcribed.inbox.writers import writing_below, writing_by_name, writing_of_open, written
from transcribed.job import Fingerprint, shown

CLOSED_SECONDS = 2.0  # CIFS closes a file a second after us (mount.cifs(8), closetimeo)
__all__ = ["Found", "Ground", "Listing", "Mount", "RecordingFolder"]


class Mount(Protocol):
    """The file system that the inbox lies on, as far as a look depends on it."""

    @property
    def kind(self) -> bytes:
        """Its name: ext4, nfs4 ..."""

    @property
    def is_local(self) -> bool:
        """True if it is on this machine: no network, no FUSE."""

    @property
    def tells_late(self) -> bool:
        """True if its server tells a file's new time only once nobody has the file open."""

    @property
    def has_steady_inodes(self) -> bool:
        """True if ctime and inode of a file stay as they are while nobody touches it."""


class Ground(Protocol):
    """The folder as it is remembered; asked each time that the root is opened."""

    @property
    def share(self) -> str:
        """The kind of share that it lies on; empty on a local disk."""

    def recognised(self, root: int, /) -> Mount:
        """The mount of the open folder. Raises Blocked where it is not the one that is remembered."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The result of one look: the recordings that are new or changed, by their relative path, and those that have gone.

    `markers` are all markers that lie there, and all unfinished files that belong to recordings. `problems` is one
    sentence for each entry that could not be judged. `passed_over` are files that are left alone for their names, and
    may be recordings. `leaving` are recordings that were put away, and lie there under hidden names until they were
    looked at for the last time. `consents` are names in the inbox itself. `orders`: all those of people at the share.
    """

    files: Mapping[bytes, Fingerprint]
    problems: tuple[str, ...]
    gone: frozenset[bytes]
    markers: frozenset[bytes]
    mount: Mount
    passed_over: tuple[bytes, ...] = ()
    leaving: frozenset[bytes] = frozenset()
    consents: frozenset[bytes] = frozenset()
    orders: Mapping[bytes, Fingerprint] = field(default_factory=dict)


class RecordingFolder:
    """A folder that holds recordings, an inbox or a `failed` folder: looked at whole, and opened file by file.

    `lane` is blocked when the folder as a whole cannot be reached. `ground` remembers which folder it was. `look`
    belongs to one thread.
    """

    def __init__(
        self,
        root: bytes,
        *,
        lane: str,
        names: Names | None = None,
        hardlinks: bool = True,
        ground: Ground,
    ) -> None:
        self.root = root
        self._lane = lane
        self._new_tree = functools.partial(Tree, names or Names(), hardlinks=hardlinks)
        self._ground = ground
        self._tree = self._new_tree()
        self._looked_at: tuple[int, int] | None = None
        self._tells_late = False  # as the root was last opened
        self._never = threading.Event()
        self._local_device: int | None = None  # as the root was last opened; None on a network's file system

    def forget(self) -> None:
        """Let the next look report everything, as the first one did."""
        self._tree, self._looked_at = self._new_tree(), None

    def listing(self) -> Listing:
        """Every regular file with one of the extensions, in all sub-folders, that no rule ignores.

        Raises Blocked where the root is not there, cannot be read, or its mount has gone.
        """
        return self._look(self._new_tree(), skip=False)

    def look(
        self,
        *,
        whole: bool = True,
        again: Collection[bytes] = (),
        watched: Collection[bytes] = (),
        expected: Collection[bytes] = (),
    ) -> Listing:
        """The changes since the last look; the first one finds everything.

        Unless it is to be `whole`, what was written over in place is seen only in the folders of the `watched` paths.
        Paths in `again` are reported even if unchanged; paths in `again` or `expected` that no longer exist are
        reported as gone. Raises as `listing` does.
        """
        for path in again:
            self._tree.forget(path)
        listed = {folder_of(path) for path in (*again, *watched)}
        return self._look(self._tree, skip=not whole, listed=listed, expected=(*expected, *again))

    def _look(
        self, tree: Tree, *, skip: bool, listed: Collection[bytes] = (), expected: Collection[bytes] = ()
    ) -> Listing:
        with self._opened_root() as (root, mount):
            status = os.fstat(root)
            before, self._looked_at = self._looked_at, (status.st_dev, status.st_ino)
            steady, skip = mount.has_steady_inodes, skip and mount.is_local and before == self._looked_at
            try:
                changes = tree.look(root, steady=steady, skip=skip, listed=listed)
                missing = {*changes.gone, *(path for path in expected if path not in tree.files)}
                gone = frozenset(path for path in missing if _is_gone(root, path))
            except OSError as error:
                raise self._blocked(error) from error
        others = (tuple(tree.passed_over), tree.leaving(), tree.consents(), tree.orders())
        return Listing(changes.files, tree.problems(), gone, tree.markers(), mount, *others)

    def reach(self) -> None:
        """Open the folder, and nothing in it. Raises Blocked where it cannot be reached."""
        with self._opened_root():
            pass

    def open(self, path: bytes, fingerprint: Fingerprint) -> BufferedReader:
        """The file at `path`, open for reading, if it still is the one with this `fingerprint`.

        Raises Withdrawn where it is not, Blocked where the inbox cannot be reached, Transient where this file cannot,
        or where a program has it open for writing.
        """
        with self.reaching(path) as (folder, name), self._judging(path), ExitStack() as on_failure:
            file = on_failure.enter_context(open_regular(name, within=folder))
            if not self.unchanged(file, fingerprint):
                raise _replaced(path)
            if self._local_device is None:
                _forget_content(file)
            if writing_of_open(file, self._local_device) is Writing.SOMEBODY:
                raise written(path)
            on_failure.pop_all()
            return file

    @contextmanager
    def reading(self, path: bytes, fingerprint: Fingerprint) -> Iterator[BufferedReader]:
        """The file at `path`, to be read to its end. Raises as `open` does, and Withdrawn if it changed meanwhile."""
        with self.open(path, fingerprint) as file, self._judging(path):
            yield file
            if not self.unchanged(file, fingerprint):
                raise Withdrawn("the recording changed while it was being read")

    def sounds(self, path: bytes) -> bool | None:
        """True if the file at `path` is a recording by what is in it; None where nobody knows, or it is empty yet."""
        *folders, name = path.split(b"/")
        try:
            with self._opened_root() as (root, _mount):
                folder = descend(root, folders)
            try:
                with open_regular(name, within=folder) as file:
                    size = os.fstat(file.fileno()).st_size
                    return _sounds(probe(file, size)) if size else None
            finally:
                os.close(folder)
        except (OSError, TranscribedError):
            return None

    def address(self, path: bytes, fingerprint: Fingerprint) -> str:
        """The address in the link at `path`. Raises as `open` does, or Permanent where it holds none of use."""
        with self.open(path, fingerprint) as file, self._judging(path):
            content = file.read(MOST_BYTES + 1)
            if not self.unchanged(file, fingerprint):
                raise _replaced(path)
        return address_in(content)

    def said(self, path: bytes) -> list[Said]:
        """The settings files for the recording at `path`: in the folders above it, then beside it.

        Raises Blocked where the inbox cannot be reached, Withdrawn or Transient where a folder cannot.
        """
        *folders, name = path.split(b"/")
        found: list[Said | None] = []
        with self._opened_root() as (root, _mount), self._judging(path):
            for depth in range(len(folders) + 1):
                folder = descend(root, folders[:depth])
                try:
                    above = b"".join(each + b"/" for each in folders[:depth])
                    found.append(said_in(folder, FOLDERS_FILE, above + FOLDERS_FILE))
                    if depth == len(folders):
                        found.append(said_in(folder, name + SUFFIX, path + SUFFIX, of_recording=True))
                finally:
                    os.close(folder)
        return [said for said in found if said is not None]

    def unchanged(self, file: BufferedReader, fingerprint: Fingerprint) -> bool:
        """True if the open `file` is as `fingerprint` says, in its server's words. It is asked again once read."""
        return _same(status_of_open(file.fileno()), fingerprint)

    def refuse_changed(self, path: bytes, fingerprint: Fingerprint) -> None:
        """Raises as `open` does: Withdrawn where a file is not as it was, by a server that tells so late."""
        if self._tells_late:
            self._never.wait(CLOSED_SECONDS)
            if self.found(path, fingerprint) != fingerprint:
                raise Withdrawn("the recording changed while it was being read")

    def found(self, path: bytes, like: Fingerprint) -> Fingerprint:
        """The fingerprint of what lies at `path` now, with the parts that `like` has. Raises as `open` does."""
        with self.reaching(path) as (folder, name), self._judging(path):
            status = status_of(name, within=folder)
        if not stat.S_ISREG(status.st_mode):
            raise _replaced(path)
        return fingerprint_of(status, steady=like.inode is not None)

    def writing(self, paths: Collection[bytes]) -> dict[bytes, Writing]:
        """The kernel's answer for each of these files: does a program have it open for writing? Raises as `reach`.

        Files that have gone are left out, and so are all on a network's file system, where nobody would know.
        """
        with self._opened_root() as (root, _mount):
            return {} if self._local_device is None else writing_below(root, paths, self._local_device)

    def refuse_written(self, folder: int, name: bytes) -> bool:
        """True if nobody has the file `name`, in an open folder of this one, open for writing; False: nobody knows.

        Raises Transient where a program has, and FileNotFoundError where it has gone.
        """
        answer = writing_by_name(folder, name, self._local_device)
        if answer is Writing.SOMEBODY:
            raise written(name)
        return answer is Writing.NOBODY

    def is_unwritten(self, folder: int, name: bytes) -> bool:
        """True if the kernel says that no program has the file `name`, in an open folder, open for writing."""
        with contextlib.suppress(FileNotFoundError):
            return writing_by_name(folder, name, self._local_device) is Writing.NOBODY
        return False

    @contextmanager
    def holding(self, path: bytes, fingerprint: Fingerprint) -> Iterator[tuple[int, bytes]]:
        """The descriptor of the folder that holds this very file, and the file's name in it: what moving it takes.

        Raises as `open` does.
        """
        with self.reaching(path) as (folder, name):
            with self._judging(path):
                if not _same(status_of(name, within=folder), fingerprint):
                    raise _replaced(path)
            yield folder, name

    @contextmanager
    def reaching(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        """The descriptor of the folder that `path` is in, and the name there. Raises as `open` does."""
        *folders, name = path.split(b"/")
        with self._opened_root() as (root, _mount):
            with self._judging(path):
                folder = descend(root, folders)
            try:
                yield folder, name
            finally:
                os.close(folder)

    @contextmanager
    def _opened_root(self) -> Iterator[tuple[int, Mount]]:
        """A descriptor of the root, and the mount that it lies on."""
        with ExitStack() as opened:
            try:
                root = opened.enter_context(opened_root(self.root))
            except OSError as error:
                raise self._blocked(error) from error
            mount = self._ground.recognised(root)
            self._local_device = os.fstat(root).st_dev if mount.is_local else None
            self._tells_late = mount.tells_late
            yield root, mount

    def _blocked(self, error: OSError) -> Blocked:
        doing = f"reading the inbox {shown(self.root)}"
        known = from_os_error(error, lane=self._lane, doing=doing, share=self._ground.share)
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
        """The meaning of an error below the root: it is about one file, unless it is about the disk or the share."""
        if isinstance(error, FileNotFoundError):
            return Gone(f"{shown(path)} is no longer in the inbox")
        if isinstance(error, NotADirectoryError | NotRegular) or error.errno == errno.ELOOP:
            return _replaced(path)
        doing = f"opening {shown(path)}"
        if isinstance(error, PermissionError):  # one file that we may not read must not stop all the others
            return Transient(f"{doing}: permission is denied", hint="give the daemon's user access to this file")
        return self._of_one_file(from_os_error(error, lane=self._lane, doing=doing, share=self._ground.share))

    def _of_one_file(self, problem: TranscribedError) -> TranscribedError:
        """An error that could be the disk's or the share's is the file's own, if the folder can still be reached."""
        if not isinstance(problem, Blocked):
            return problem
        try:
            self.reach()
        except Blocked as unreachable:
            return unreachable
        return Transient(problem.message, hint=problem.hint)


def _sounds(found: Probe) -> bool:
    """True if it shows a sign of a recording."""
    return found.audio and found.recognised


def _forget_content(file: BufferedReader) -> None:
    """Have the bytes of an open file read from its server again.

    CIFS asks for new attributes and keeps the pages of before (fs/cifs/inode.c, cifs_revalidate_cache: "don't bother
    with revalidation if we have an oplock"). Tried on 3.1.1: a file opened at once gave all its old bytes under its new
    time, and none of them after this.
    """
    with contextlib.suppress(OSError):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _same(status: Status, fingerprint: Fingerprint) -> bool:
    """True if this is a regular file with that fingerprint, as far as the fingerprint goes."""
    steady = fingerprint.inode is not None
    return stat.S_ISREG(status.st_mode) and fingerprint_of(status, steady=steady) == fingerprint


def _is_gone(root: int, path: bytes) -> bool:
    """True if surely nothing is there: a file that a network's listing leaves out once was not taken away."""
    *folders, name = path.split(b"/")
    try:
        folder = descend(root, folders)
    except OSError as error:
        return isinstance(error, FileNotFoundError | NotADirectoryError) or error.errno == errno.ELOOP
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    else:
        return False
    finally:
        os.close(folder)


def _replaced(path: bytes) -> Withdrawn:
    return Withdrawn(f"{shown(path)} is not the file that was found: another lies in its place, or it has changed")
