"""One recording, from its file to its words: the work of a recogniser's process.

Rules: the words come window by window, so memory does not grow with the recording, and each window is a sign of life.
No word ends after the sound does, and none begins before the one before it.
"""

from collections.abc import Iterator

from transcribed.local.recognise import decode, speech, windows
from transcribed.local.recognise.engine import Ear, Word


class Sound:
    """The sound of one recording, read once; `seconds` is how much has been read, `of_seconds` its length by its file.

    The latter is None before the first piece, and where the file does not say.
    """

    def __init__(self, path: bytes) -> None:
        self.of_seconds: float | None = None
        self._path = path
        self._bytes = 0

    @property
    def seconds(self) -> float:
        """Seconds of sound so far; at the end, the recording's length."""
        return self._bytes / decode.BYTES_PER_SECOND

    def __iter__(self) -> Iterator[bytes]:
        for piece in decode.samples(self._path, self._has_length):
            self._bytes += len(piece)
            yield piece

    def _has_length(self, seconds: float) -> None:
        self.of_seconds = seconds


def words(sound: Sound, ear: Ear) -> Iterator[list[Word]]:
    """The words of each window, timed from the start of the recording.

    Raises Permanent, as `decode.samples` and the ear do.
    """
    last_ms = 0
    for window in windows.cut(speech.likely(sound)):
        found = []
        for word in ear.words(window.samples):
            start_ms, end_ms = window.times(word.start_ms, word.end_ms)
            start_ms = max(start_ms, last_ms)
            last_ms = max(start_ms, end_ms)
            found.append(word._replace(start_ms=start_ms, end_ms=last_ms))
        yield found
