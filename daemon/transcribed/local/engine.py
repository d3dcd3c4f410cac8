"""The recognisers by name: speech in, words out.

Rules: an engine hears one segment at a time and remembers nothing between two, so a recording's words do not depend on
what was heard before it. Words come as the engine has them: no capitals, no punctuation, no fillers.
It does not know files, formats or the transcript.
"""

import re
from collections.abc import Callable
from typing import NamedTuple, Protocol

import pocketsphinx

#: pocketsphinx marks another way to say a word: read, read(2).
_PRONUNCIATION = re.compile(r"\(\d+\)$")


class Word(NamedTuple):
    """One word and its time in milliseconds; confidence 0..1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class Engine(Protocol):
    """What stands behind the local API."""

    def hear(self, samples: bytes) -> list[Word]:
        """The words in 16 kHz mono 16-bit samples, timed from their start."""


class Pocketsphinx:
    """CMU's small recogniser with its US-English model, which its package carries."""

    def __init__(self) -> None:
        # `batch` takes the loudness of the room from the whole segment; `live`, the default, goes on from the last one.
        self._decoder = pocketsphinx.Decoder(samprate=16_000, cmn="batch", loglevel="FATAL")

    def hear(self, samples: bytes) -> list[Word]:
        """The words in one segment. The confidence is the posterior that the decoder gives to a word in its lattice."""
        self._decoder.start_utt()
        self._decoder.process_raw(samples, full_utt=True)
        self._decoder.end_utt()
        return [_word(found) for found in self._decoder.seg() if not _is_filler(found.word)]


def _is_filler(word: str) -> bool:
    return word.startswith(("<", "[", "+"))  # <s>, <sil>, [NOISE], ++UM++


def _word(found: pocketsphinx.Segment) -> Word:
    """Times are counted in frames of 10 ms, the last one included; rounding can lift a posterior a little above 1."""
    text = _PRONUNCIATION.sub("", found.word)
    confidence = round(min(1.0, max(0.0, found.prob)), 5)
    return Word(text, found.start_frame * 10, (found.end_frame + 1) * 10, confidence)


_MAKERS: dict[str, Callable[[], Engine]] = {"pocketsphinx": Pocketsphinx}


def make(name: str) -> Engine:
    """The engine of that name, its model loaded. `name` is one of transcribed.local.ENGINES."""
    return _MAKERS[name]()
