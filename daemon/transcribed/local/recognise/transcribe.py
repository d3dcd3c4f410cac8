"""One recording, from its file to its words: the work of a recogniser's process.

Rules: the words come segment by segment, so memory does not grow with the recording, and each segment is a sign of
life. A segment is written as a sentence, with a capital letter and a full stop: there is no other punctuation.
"""

from collections.abc import Iterator

import pocketsphinx

from transcribed.local.recognise import decode, segments
from transcribed.local.recognise.engine import Engine, Word

#: One of the detector's modes 0..3. Mode 0 takes a hum for speech, and would find no pauses.
_STRICTNESS = 2


class Sound:
    """The sound of one recording, read once; `seconds` is how much has been read."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._bytes = 0

    @property
    def seconds(self) -> float:
        """Seconds of sound so far; at the end, the recording's length."""
        return self._bytes / decode.BYTES_PER_SECOND

    def __iter__(self) -> Iterator[bytes]:
        for piece in decode.samples(self._path):
            self._bytes += len(piece)
            yield piece


def sentences(sound: Sound, engine: Engine) -> Iterator[list[Word]]:
    """The words of each segment that has any, timed from the start of the recording.

    Raises Permanent, as `decode.samples` does.
    """
    detector = pocketsphinx.Vad(_STRICTNESS, decode.RATE, segments.FRAME_MS / 1000)
    for segment in segments.cut(sound, detector.is_speech):
        if words := engine.recognise(segment.samples):
            yield as_sentence(words, segment.start_ms)


def as_sentence(words: list[Word], start_ms: int) -> list[Word]:
    """The words of one segment that begins at `start_ms`, written as a sentence."""
    texts = [_with_i(word.text) for word in words]
    texts[0] = texts[0][:1].upper() + texts[0][1:]
    texts[-1] += "."
    return [
        Word(text, start_ms + word.start_ms, start_ms + word.end_ms, word.confidence)
        for text, word in zip(texts, words, strict=True)
    ]


def _with_i(text: str) -> str:
    """The word, with a capital if it is "i" or one such as "i'm": English writes these so everywhere."""
    return "I" + text[1:] if text == "i" or text.startswith("i'") else text
