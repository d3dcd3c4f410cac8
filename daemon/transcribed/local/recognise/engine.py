"""The recognisers by name: speech in, words out.

Rules: an engine takes one segment at a time and remembers nothing between two, so a recording's words do not depend on
earlier recordings. Words come as the engine gives them: no capitals, no punctuation, no fillers.
"""

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

import pocketsphinx

#: pocketsphinx marks a second pronunciation of a word: read, read(2).
_PRONUNCIATION = re.compile(r"\(\d+\)$")


class Word(NamedTuple):
    """One word and its time in milliseconds; confidence 0..1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class Engine(Protocol):
    """A recogniser that the local API can use."""

    def recognise(self, samples: bytes) -> list[Word]:
        """The words in 16 kHz mono 16-bit samples, timed from their start."""


class Pocketsphinx:
    """CMU's small recogniser with the US-English model of its package."""

    def __init__(self) -> None:
        # `batch` measures the room's loudness in the whole segment; `live`, the default, carries over the last one's.
        self._decoder = pocketsphinx.Decoder(samprate=16_000, cmn="batch", loglevel="FATAL")

    def recognise(self, samples: bytes) -> list[Word]:
        """The words in one segment. A word's confidence is its posterior in the decoder's lattice."""
        self._decoder.start_utt()
        self._decoder.process_raw(samples, full_utt=True)
        self._decoder.end_utt()
        return [_word(found) for found in self._decoder.seg() if not _is_filler(found.word)]


def _is_filler(word: str) -> bool:
    return word.startswith(("<", "[", "+"))  # <s>, <sil>, [NOISE], ++UM++


def _word(found: pocketsphinx.Segment) -> Word:
    """One word of ours. pocketsphinx counts frames of 10 ms, the last included; a posterior may be just above 1."""
    text = _PRONUNCIATION.sub("", found.word)
    confidence = round(min(1.0, max(0.0, found.prob)), 5)
    return Word(text, found.start_frame * 10, (found.end_frame + 1) * 10, confidence)


_MAKERS: dict[str, Callable[[], Engine]] = {"pocketsphinx": Pocketsphinx}


def make(name: str) -> Engine:
    """Load the engine of this name, one of transcribed.local.ENGINES."""
    return _MAKERS[name]()
