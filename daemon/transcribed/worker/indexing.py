"""The index for searches follows what is delivered and removed, behind all other work.

Nobody waits for it: a failure is a line in the log, and the next look at what is kept goes on; damage that is met has a
look at once. All reading and writing
is done on the one thread for files of the state directory, a few transcripts at a time. What is delivered within a
second is put in together: each opening of the index costs as many fsyncs as a recording's own files.
"""

import functools
import math
from collections.abc import Callable, Sequence

from transcribed.journal import Transcripts
from transcribed.search import Damaged, Index
from transcribed.worker.background import Background
from transcribed.worker.plan import Clock

AT_ONCE = 20  # transcripts: some tenths of a second, for which other files of the state directory wait
GATHER_SECONDS = 1.0
MADE_AGAIN_SECONDS = 3600.0  # at the soonest; each look makes it again too
_DOING = "putting transcripts into the index for searches"


class Indexing:
    """The transcripts that are still to be put into the index, and the work of doing so."""

    def __init__(self, kept: Transcripts, background: Background, clock: Clock) -> None:
        self._index = Index(kept.state, kept.texts)
        self._kept = kept
        self._background = background
        self._clock = clock
        self._delivered: list[str] = []  # since the last were put in
        self._put_at = -math.inf
        self._waiting: list[str] = []  # of the thread that writes the index
        self._complete: object = None  # the files as they were when nothing was missing
        self._damaged_at = -math.inf  # when damage was met last, and the index made again

    def look(self) -> None:
        """Look, in the background, for kept transcripts that are not in the index as they are now."""
        self._do(self._look)

    def put(self, transcript_id: str) -> None:
        """Put a transcript that a person corrected in, in the background."""
        self._do(functools.partial(self._index.put, [transcript_id]))

    def delivered(self, transcript_id: str) -> None:
        """A transcript was delivered, and is put in soon."""
        self._delivered.append(transcript_id)

    def put_if_due(self) -> None:
        """Put what was delivered in, in the background, where it is time for it."""
        if self._clock.monotonic() >= self.next_at():
            self._put_at = self._clock.monotonic() + GATHER_SECONDS
            self.put_now()

    def put_now(self) -> None:
        """Put what was delivered in, in the background."""
        waiting, self._delivered = self._delivered, []
        for begin in range(0, len(waiting), AT_ONCE):
            self._do(functools.partial(self._index.put, waiting[begin : begin + AT_ONCE]))

    def next_at(self) -> float:
        """The time (monotonic) at which something is to be put in; infinite while nothing waits."""
        return self._put_at if self._delivered else math.inf

    def take_out(self, transcript_ids: Sequence[str]) -> None:
        """Take these out, before the removal that is asked for next on the same thread."""
        self._do(functools.partial(self._index.take_out, transcript_ids))

    def _do(self, work: Callable[[], object]) -> None:
        self._background.do(self._background.state, functools.partial(self._done, work), doing=_DOING)

    def _done(self, work: Callable[[], object]) -> None:
        """Do this on the state's thread. A damaged index is made again at once, but on a bad disk not without end."""
        try:
            work()
        except Damaged:
            if (now := self._clock.monotonic()) - self._damaged_at >= MADE_AGAIN_SECONDS:
                self._damaged_at = now
                self.look()
            raise

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
