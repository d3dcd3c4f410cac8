"""The folder `_search` in an outbox: what was said in each recording, and an index of it in segments.

All of it is done on an inbox's thread. The folder itself says how far it is: a segment counts once its directory is
there, which is written last, and what no page needs is removed. So a kill needs no repair.
"""

import contextlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from transcribed import files, search_page
from transcribed.search_page import Row, Segment

PIECE = files.Mark("piece", (search_page.BEGINNING,))
_NAME = re.compile(rb"([0-9]+-[0-9a-f]{8}(-[0-9a-f]+){0,2}|[iw]-[0-9a-f]{32})\.js")
_AT_ONCE = 16  # pieces of the index that are made durable together: two megabytes
_LARGEST_BYTES = {"i": 1 << 20, "w": 1 << 25}  # of a file that is read back: anybody may have put it there

#: A recording's own file, and its words for the index; read when it is asked for.
Said = Callable[[], tuple[bytes, Iterable[str]]]


@dataclass(slots=True)
class Held:
    """The contents of the folder: the names of our files, without `.js`, and the segments that count."""

    names: set[str] = field(default_factory=set)
    segments: list[Segment] = field(default_factory=list)
    looks: tuple[int, int] | None = None  #: of the folder, once the work that left it so had ended

    @property
    def found(self) -> set[str]:
        """The recordings that are in the index."""
        return {name for segment in self.segments for name in segment.recordings}


class _DamagedError(Exception):
    """A segment cannot be read."""

    def __init__(self, segment: Segment) -> None:
        super().__init__(segment.name)
        self.segment = segment


class SearchFolder:
    """The folder of one outbox, which is open. `held` is as an earlier piece of work left it; None: not known."""

    def __init__(self, root: files.Root, access: files.Access, held: Held | None) -> None:
        self._root = root
        self._access = access
        self._path = os.path.join(root.path, search_page.FOLDER.encode())
        self.held = held if held is not None and held.looks == self._looks() else self._look()
        self._stale: list[Segment] = []

    def take_out(self, gone: Collection[str]) -> bool:
        """Remove these recordings, and write each segment again that has one. True if there are stale ones now.

        What else a damaged segment has is put in again later. Raises OSError.
        """
        self._forget(gone)
        self._stale = [each for each in self.held.segments if not set(each.recordings).isdisjoint(gone)]
        for segment in self._stale:
            self.held.segments.remove(segment)
            left = [name for name in segment.recordings if name not in gone]
            with contextlib.suppress(_DamagedError):
                self.held.segments += [self._merged([segment], left)] if left else []
        return bool(self._stale)

    def forget_stale(self) -> None:
        """Remove the segments that had what was taken out, be they written again or not. Raises OSError."""
        self._forget({name for segment in self._stale for name in segment.files} - self._needed())

    def put(self, said: Mapping[str, Said]) -> None:
        """Put these recordings in, and merge segments that are too many. Raises OSError, NameTaken."""
        found = self.held.found
        for name in said.keys() & found:  # only its own file is lost
            self._publish({name: said[name]()[0]})
        fresh = [name for name in said if name not in found]
        if fresh:
            rows = search_page.rows_of(self._published(name, said[name]) for name in fresh)
            self.held.segments.append(self._write(fresh, rows))
        while group := search_page.mergeable(self.held.segments):
            self._merge(group)

    def tidy(self) -> None:
        """Remove what no page needs any more, and remember the folder's looks. Raises OSError."""
        self._forget({name for name in self.held.names if name[0] in "iw"} - self._needed())
        self.held.looks = self._looks()

    def _published(self, name: str, said: Said) -> Iterable[str]:
        content, words = said()
        self._publish({name: content})
        return words

    def _merge(self, group: Sequence[Segment]) -> None:
        try:
            merged = self._merged(group, [name for segment in group for name in segment.recordings])
        except _DamagedError as error:  # what it has is put in again
            self.held.segments.remove(error.segment)
        else:
            self.held.segments = [*(each for each in self.held.segments if each not in group), merged]

    def _merged(self, group: Sequence[Segment], recordings: Sequence[str]) -> Segment:
        """One segment of these recordings, out of all these. Raises OSError, NameTaken, _DamagedError."""
        parts = [(self._rows(segment), segment.recordings) for segment in group]
        return self._write(recordings, search_page.merged_rows(parts, recordings))

    def _write(self, recordings: Sequence[str], rows: Iterable[Row]) -> Segment:
        parts, size, some = [], 0, {}
        for first, content in search_page.pieces(rows):
            name = search_page.named("w", content)
            parts.append((first, name))
            size += len(content)
            some[name] = content
            if len(some) == _AT_ONCE:
                self._publish(some)
                some = {}
        self._publish(some)
        segment, content = search_page.directory(recordings, parts, size)
        self._publish({segment.name: content})
        return segment

    def _publish(self, contents: Mapping[str, bytes]) -> None:
        """Have these files there, in place of damaged ones of ours. Raises OSError, NameTaken."""
        paths = {self._file(name): content for name, content in contents.items()}
        while paths:
            try:
                files.publish_each(paths, root=self._root, access=self._access)
                break
            except files.NameTaken as taken:
                PIECE.take_back(self._root, taken.path)
                if self._root.has(taken.path):
                    raise
        self.held.names.update(contents)

    def _rows(self, segment: Segment) -> Iterator[Row]:
        """The rows of a segment. Raises _DamagedError."""
        for _, name in segment.pieces:
            try:
                rows = search_page.read_rows(name, self._content(name))
            except (OSError, ValueError) as error:
                raise _DamagedError(segment) from error
            yield from rows

    def _look(self) -> Held:
        """The files and segments there; of two with the same recording the larger one counts. Raises OSError."""
        held = Held(set(self._names()))
        read: list[Segment] = []
        for name in held.names:
            if name.startswith("i"):
                with contextlib.suppress(OSError, ValueError):
                    read.append(search_page.read_directory(name, self._content(name)))
        found: set[str] = set()
        for segment in sorted(read, key=lambda each: (-len(each.recordings), each.name)):
            if held.names.issuperset(segment.files) and found.isdisjoint(segment.recordings):
                held.segments.append(segment)
                found.update(segment.recordings)
        return held

    def _names(self) -> list[str]:
        """The names of all files that may be ours; none where no folder is there. Raises OSError."""
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            self._root.holding(self._file("any")) as (opened, _),
        ):
            names = filter(_NAME.fullmatch, map(os.fsencode, os.listdir(opened)))
            return [name.removesuffix(b".js").decode() for name in names]
        return []

    def _looks(self) -> tuple[int, int] | None:
        """The inode and the time of the folder: other ones once somebody else changed what is in it."""
        status = self._root.status(self._path)
        return None if status is None else (status.st_ino, status.st_mtime_ns)

    def _needed(self) -> set[str]:
        return {name for segment in self.held.segments for name in segment.files}

    def _content(self, name: str) -> bytes:
        with self._root.open(self._file(name)) as file:
            return file.read(_LARGEST_BYTES[name[0]])

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.held.names:
                PIECE.take_back(self._root, self._file(name))
                self.held.names.discard(name)

    def _file(self, name: str) -> bytes:
        return os.path.join(self._path, name.encode() + b".js")
