"""One recording, from its file to its words: what a recogniser's process does.

Rules: the words come segment by segment, so memory does not grow with the recording, and each one is a sign of life.
A segment is written as a sentence: a capital, a full stop. That is all the punctuation there is.
It does not know processes, transcripts or HTTP.
"""

from collections.abc import Iterator

import pocketsphinx

from transcribed.local import decode, pauses
from transcribed.local.engine import Engine, Word

#: Of the detector's modes 0..3 the first takes a hum for speech, so that nothing would ever be a pause.
_STRICTNESS = 2


class Sound:
    """The sound of one recording on its way past; `seconds` is how much of it has passed."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._bytes = 0

    @property
    def seconds(self) -> float:
        """Seconds of sound so far: the recording's length, once it has ended."""
        return self._bytes / decode.BYTES_PER_SECOND

    def __iter__(self) -> Iterator[bytes]:
        for piece in decode.samples(self._path):
            self._bytes += len(piece)
            yield piece


def sentences(sound: Sound, engine: Engine) -> Iterator[list[Word]]:
    """The words of each segment in which there are any, timed from the start of the recording.

    Raises Permanent where decode does.
    """
    detector = pocketsphinx.Vad(_STRICTNESS, decode.RATE, pauses.FRAME_MS / 1000)
    for segment in pauses.segments(sound, detector.is_speech):
        if words := engine.hear(segment.samples):
            yield as_sentence(words, segment.start_ms)


def as_sentence(words: list[Word], start_ms: int) -> list[Word]:
    """The words of one segment that began at `start_ms`, written as a sentence."""
    texts = [_with_i(word.text) for word in words]
    texts[0] = texts[0][:1].upper() + texts[0][1:]
    texts[-1] += "."
    return [
        Word(text, start_ms + word.start_ms, start_ms + word.end_ms, word.confidence)
        for text, word in zip(texts, words, strict=True)
    ]


def _with_i(text: str) -> str:
    """English writes the word I, and what is joined to it, with a capital anywhere."""
    return "I" + text[1:] if text == "i" or text.startswith("i'") else text
