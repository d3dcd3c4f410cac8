"""The files in the tree of an inbox, and the changes since the last look, at little cost.

A folder of a local file system is not listed again while its own time is unchanged and was at least three seconds old
when it was listed: whatever is made, renamed or removed in a folder changes its time. What that does not show (a file
that grows, or is written over in place) is seen where its folder is asked for by name, and in a look that lists all.
Network and FUSE folders are always listed: skipping them by their time missed 36 of 206 files on sshfs
(field-lessons.md, section A). An entry or a folder that cannot be judged costs one problem, and nothing of what is
known below it.
"""

import itertools
import os
import stat
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from transcribed.files import Status, is_consent, leaves_for, open_folder
from transcribed.inbox.names import Names
from transcribed.inbox.taken import DEEPEST, file_refusal
from transcribed.job import Fingerprint, shown

_LISTED_ONLY = (
    "its folder lists this name, but no file of this name can be opened: perhaps this mount cannot write a letter. "
    "Rename it, or mount the share with the option iocharset=utf8"
)
_MOST_PROBLEMS = 100
_MOST_PASSED_OVER = 1000  # who has more of them learns as much from these
#: Within a tick of the file system's clock a folder may change again and keep its time; three seconds are a wide margin
#: on every local file system (FAT's times are even seconds).
_OLD_ENOUGH_NS = 3_000_000_000


@dataclass(slots=True)
class _Folder:
    """A folder as it was last listed. Names are kept as whole paths, which `Tree.files` holds anyway."""

    mtime_ns: int
    device: int
    listed_at_ns: int
    files: list[bytes] = field(default_factory=list)
    markers: list[bytes] = field(default_factory=list)
    leaving: list[bytes] = field(default_factory=list)
    consents: list[bytes] = field(default_factory=list)
    orders: dict[bytes, Fingerprint] = field(default_factory=dict)
    passed_over: list[bytes] = field(default_factory=list)
    folders: list[bytes] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    problems_untold: int = 0

    def say(self, problem: str) -> None:
        """Remembers a problem, or that there was one more: a flood of bad entries is no flood of sentences."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.problems_untold += 1

    def is_as_listed(self, status: os.stat_result) -> bool:
        """True if nothing can have been made, renamed or removed in it since."""
        unchanged = (status.st_mtime_ns, status.st_dev) == (self.mtime_ns, self.device)
        return unchanged and self.listed_at_ns - self.mtime_ns >= _OLD_ENOUGH_NS


@dataclass(slots=True)
class Changes:
    """The result of one look: the files that are new or changed, by their relative path, and those that have gone."""

    files: dict[bytes, Fingerprint] = field(default_factory=dict)
    gone: set[bytes] = field(default_factory=set)


class Tree:
    """The knowledge of an inbox, updated in place by each look. `hardlinks`: files with several names are taken."""

    def __init__(self, names: Names, *, hardlinks: bool = True) -> None:
        self.names = names
        self.hardlinks = hardlinks
        self.files: dict[bytes, Fingerprint] = {}
        self.folders: dict[bytes, _Folder] = {}
        self.missing: frozenset[bytes] = frozenset()  #: what the last look saw listed, and did not find there
        self.passed_over: dict[bytes, None] = {}  #: files that are left alone for their names: the first thousand

    def look(self, root: int, *, steady: bool, skip: bool, listed: Collection[bytes] = ()) -> Changes:
        """Looks at all below the open `root`.

        `steady`: ctime and inode count there. `skip`: folders that are as they were listed are not listed again, but
        for those in `listed` (relative, with a slash at the end). Raises OSError only for the root; then nothing has
        changed.
        """
        walk = _Walk(self, steady, skip, frozenset(listed), os.fstat(root).st_dev)
        walk.folder(root, b"", 0, os.fstat(root))
        for path in self.folders.keys() - walk.seen:
            gone = self.folders.pop(path)
            walk.drop(gone.files)
            self.pass_over(gone.passed_over, [])
        self.missing = frozenset(walk.missing)
        return walk.changes

    def forget(self, path: bytes) -> None:
        """The file at this path is to be told of again, if it is there, by a look that lists its folder."""
        self.files.pop(path, None)

    def pass_over(self, before: Collection[bytes], now: Collection[bytes]) -> None:
        """Of the files in a folder that are left alone for their names there were those, and there are these."""
        for path in set(before).difference(now):
            self.passed_over.pop(path, None)
        new = (path for path in now if path not in self.passed_over)
        self.passed_over.update(dict.fromkeys(itertools.islice(new, _MOST_PASSED_OVER - len(self.passed_over))))

    def markers(self) -> frozenset[bytes]:
        """The paths of all markers."""
        return frozenset(marker for folder in self.folders.values() for marker in folder.markers)

    def leaving(self) -> frozenset[bytes]:
        """The paths of all recordings that are leaving, under hidden names of ours."""
        return frozenset(path for folder in self.folders.values() for path in folder.leaving)

    def consents(self) -> frozenset[bytes]:
        """The names of the consents in the inbox itself: people are told to put them there, and nowhere else."""
        root = self.folders.get(b"")
        return frozenset(root.consents if root is not None else ())

    def orders(self) -> dict[bytes, Fingerprint]:
        """All orders of people at the share."""
        return {path: each for folder in self.folders.values() for path, each in folder.orders.items()}

    def problems(self) -> tuple[str, ...]:
        """One sentence for each entry that could not be judged, cut to a number that a status file can bear."""
        every = [problem for folder in self.folders.values() for problem in folder.problems]
        more = sum(folder.problems_untold for folder in self.folders.values()) + max(len(every) - _MOST_PROBLEMS, 0)
        return (*every[:_MOST_PROBLEMS], *([f"and {more} problems more"] if more > 0 else []))


def listed_only(path: bytes) -> str:
    """The sentence on what a folder lists, again and again, and nobody can open by its name."""
    return f"{shown(path)}: {_LISTED_ONLY}"


def folder_of(path: bytes) -> bytes:
    """The folder that a path lies in, as a look is asked for it: with a slash at the end, empty for the root."""
    return path[: path.rfind(b"/") + 1]


@dataclass(slots=True)
class _Walk:
    """One look at a tree."""

    tree: Tree
    steady: bool
    skip: bool
    listed: frozenset[bytes]
    device: int
    changes: Changes = field(default_factory=Changes)
    seen: set[bytes] = field(default_factory=set)
    missing: set[bytes] = field(default_factory=set)

    def folder(self, descriptor: int, path: bytes, depth: int, status: os.stat_result) -> None:
        """Looks at the open folder, whose path is empty or ends in a slash. Raises OSError for the folder itself."""
        known = self.tree.folders.get(path)
        if known is None or not self._may_skip(path, known, status):
            known = self._listing(descriptor, path, status, known)
        self.seen.add(path)
        for name in known.folders:
            try:
                self._sub_folder(descriptor, name, path + name + b"/", depth + 1)
            except FileNotFoundError:
                self._miss(known, path + name)
            except NotADirectoryError:
                pass  # another lies there now: as if we had looked a moment later
            except OSError as error:
                self._keep_below(path + name + b"/", f"{shown(path + name)}: {error.strerror or error}")

    def _may_skip(self, path: bytes, known: _Folder, status: os.stat_result) -> bool:
        """Another device below the root may be a network's, so it is always listed."""
        local = self.skip and status.st_dev == self.device
        return local and path not in self.listed and known.is_as_listed(status)

    def _sub_folder(self, above: int, name: bytes, path: bytes, depth: int) -> None:
        if depth > DEEPEST:
            self._keep_below(path, f"{shown(path[:-1])}: more than {DEEPEST} folders deep, and not looked into")
            return
        known = self.tree.folders.get(path)
        if known is not None and not known.folders:  # a leaf that is as it was need not even be opened
            status = os.stat(name, dir_fd=above, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) and self._may_skip(path, known, status):
                self.seen.add(path)
                return
        descriptor = open_folder(name, within=above)
        try:
            self.folder(descriptor, path, depth, os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def _listing(self, descriptor: int, path: bytes, status: os.stat_result, known: _Folder | None) -> _Folder:
        """Takes all that lies in a folder. Raises OSError where it cannot be listed whole; then it is as it was."""
        new = _Folder(status.st_mtime_ns, status.st_dev, time.time_ns())
        with os.scandir(descriptor) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                try:
                    self._entry(new, entry, name, path + name)
                except FileNotFoundError:
                    self._miss(new, path + name)
                except OSError as error:
                    new.say(f"{shown(path + name)}: {error.strerror or error}")
        if known is not None:
            self.drop(set(known.files).difference(new.files))
        if new.passed_over or (known is not None and known.passed_over):
            self.tree.pass_over([] if known is None else known.passed_over, new.passed_over)
        self.tree.folders[path] = new
        return new

    def _entry(self, new: _Folder, entry: os.DirEntry[str], name: bytes, path: bytes) -> None:
        names = self.tree.names
        if entry.is_dir(follow_symlinks=False):
            if names.ignored_folder(name, path) is None:
                new.folders.append(name)
        elif names.is_taken(name, path):
            self._file(new, entry.stat(follow_symlinks=False), path)
        elif names.is_marker(name) or names.is_unfinished(name):
            stem, ending = os.path.splitext(path)
            new.markers.append(stem + ending.lower())
        elif leaves_for(name) is not None:
            new.leaving.append(path)
        elif is_consent(name):
            new.consents.append(path)
        elif names.is_order(name, path):
            self._order(new, entry.stat(follow_symlinks=False), path)
        elif len(new.passed_over) < _MOST_PASSED_OVER and names.passed_over(name, path):
            new.passed_over.append(path)

    def _file(self, new: _Folder, status: os.stat_result, path: bytes) -> None:
        """Take a file, or say why not; of all that a look does for each file, this is the part that costs."""
        if refusal := file_refusal(status, hardlinks=self.tree.hardlinks):
            new.say(f"{shown(path)}: not taken: {refusal}")
            return
        found = self._fingerprint(status)
        new.files.append(path)
        if self.tree.files.get(path) != found:
            self.tree.files[path] = self.changes.files[path] = found

    def _order(self, new: _Folder, status: os.stat_result, path: bytes) -> None:
        if stat.S_ISREG(status.st_mode):
            new.orders[path] = self._fingerprint(status)
        else:
            new.say(f"{shown(path)}: not obeyed: {file_refusal(status, hardlinks=True, what='file')}")

    def _fingerprint(self, status: os.stat_result) -> Fingerprint:
        return fingerprint(status, steady=self.steady and status.st_dev == self.device)

    def _miss(self, above: _Folder, path: bytes) -> None:
        """Keep that it was listed and is not there: it left while we looked. The second time in a row it did not."""
        self.missing.add(path)
        above.listed_at_ns = 0  # so that it is listed again
        if path in self.tree.missing:
            above.say(listed_only(path))

    def drop(self, paths: Collection[bytes]) -> None:
        """These files are not there any more."""
        for path in paths:
            if self.tree.files.pop(path, None) is not None:
                self.changes.gone.add(path)

    def _keep_below(self, path: bytes, problem: str) -> None:
        """A folder that cannot be looked into now: what is known below it stays, and it is looked at again."""
        known = self.tree.folders.setdefault(path, _Folder(0, 0, 0))
        known.listed_at_ns, known.problems = 0, [problem]
        self.seen.update(self._below(path))

    def _below(self, path: bytes) -> Iterator[bytes]:
        return (other for other in self.tree.folders if other.startswith(path))


def fingerprint(status: os.stat_result | Status, *, steady: bool) -> Fingerprint:
    """The fingerprint of a file; `steady`: its ctime and inode count."""
    if not steady:
        return Fingerprint(status.st_size, status.st_mtime_ns)
    return Fingerprint(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
