"""A transcript as rows: one speaker's words up to the end of a sentence, or to a pause.

Rules: rows are ordered by their start and have the true times of their first and last word, so they overlap where
people talk at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from transcribed.formats.words import WORD_MS, Turn, Word, line

#: A silence that ends a row within a sentence.
PAUSE_MS = 1500

#: Without the end of a sentence, a row ends after this many words: the length of a long sentence.
WORDS = 40


@dataclass(frozen=True, slots=True)
class Row:
    """Some words of one speaker, such as a sentence, and their time."""

    start_ms: int
    end_ms: int
    speaker: str
    text: str


def rows(said: list[Turn]) -> list[Row]:
    """The turns as rows, in the order of their start."""
    found = [
        Row(words[0].start_ms, _end_ms(words), words[0].speaker, line(words))
        for turn in said
        for words in _sentences(turn)
    ]
    return sorted(found, key=lambda row: row.start_ms)


def _end_ms(words: list[Word]) -> int:
    """The end of the last word. Words whose times are one moment last as long as a word does."""
    start_ms, end_ms = words[0].start_ms, words[-1].end_ms
    return end_ms if end_ms > start_ms else start_ms + WORD_MS


def _sentences(turn: Turn) -> Iterator[list[Word]]:
    sentence: list[Word] = []
    for word in turn:
        if sentence and _parted(sentence, word):
            yield sentence
            sentence = []
        sentence.append(word)
    yield sentence


def _parted(sentence: list[Word], word: Word) -> bool:
    last = sentence[-1]
    paused = word.start_ms - last.end_ms > PAUSE_MS
    return paused or len(sentence) >= WORDS or last.ends
