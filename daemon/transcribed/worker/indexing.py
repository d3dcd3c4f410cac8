"""The index for searches follows what is delivered and removed, behind all other work.

Nobody waits for it: a failure is a line in the log, and the next look at what is kept goes on. All reading and writing
is done on the one thread for files of the state directory, a few transcripts at a time.
"""

import functools
from collections.abc import Callable, Sequence

from transcribed.journal import Transcripts
from transcribed.search import Index
from transcribed.worker.background import Background

AT_ONCE = 20  # transcripts: some tenths of a second, for which other files of the state directory wait
_DOING = "putting transcripts into the index for searches"


class Indexing:
    """The transcripts that are still to be put into the index, and the work of doing so."""

    def __init__(self, kept: Transcripts, background: Background) -> None:
        self._index = Index(kept.state, kept.texts)
        self._kept = kept
        self._background = background
        self._waiting: list[str] = []  # of the thread that writes the index
        self._complete: object = None  # the files as they were when nothing was missing

    def look(self) -> None:
        """Look, in the background, for kept transcripts that are not in the index as they are now."""
        self._do(self._look)

    def put(self, transcript_id: str) -> None:
        """Put a transcript that was delivered or corrected in, in the background."""
        self._do(functools.partial(self._index.put, [transcript_id]))

    def take_out(self, transcript_ids: Sequence[str]) -> None:
        """Take these out, before the removal that is asked for next on the same thread."""
        self._do(functools.partial(self._index.take_out, transcript_ids))

    def _do(self, work: Callable[[], object]) -> None:
        self._background.do(self._background.state, work, doing=_DOING)

    def _look(self) -> None:
        """Raises TranscribedError, OSError."""
        begun, looks = bool(self._waiting), self._looks()
        if looks == self._complete:
            return
        self._waiting = self._index.missing(self._kept.marks())
        self._complete = None if self._waiting else looks
        if self._waiting and not begun:
            self._do(self._next)

    def _looks(self) -> object:
        """The looks of the folder of kept transcripts and of the index, without a listing. Raises OSError."""
        return self._kept.changed_ns(), self._index.looks()

    def _next(self) -> None:
        """Put the next few in; the others come after what was asked for meanwhile. Raises TranscribedError, OSError."""
        if self._background.stop.is_set() or not self._waiting:
            return
        some, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        try:
            self._index.put(some)
        except BaseException:
            self._waiting = []  # the next look finds them again
            raise
        if self._waiting:
            self._do(self._next)
