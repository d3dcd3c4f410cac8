"""Spoken words with their times.

Times are milliseconds from the recording's start.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

#: Scripts written without spaces between words: kana, ideographs, and the full-width signs that go with them.
CJK = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"

#: The duration of a word that has no times: 200 words a minute, the pace of fast speech.
WORD_MS = 300


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word; `speaker` is the name to show, or empty if it is not known.

    `spaced`: a space stands before it. `ends`: a sentence ends with it.
    """

    text: str
    start_ms: int
    end_ms: int
    speaker: str
    spaced: bool = True
    ends: bool = False

    @property
    def piece(self) -> str:
        """Its text with the space before it."""
        return f" {self.text}" if self.spaced else self.text


#: One speaker's words until another speaks: in order, at least one.
Turn: TypeAlias = list[Word]


def line(words: Iterable[Word]) -> str:
    """The words as a line of text."""
    return "".join([word.piece for word in words]).lstrip()


def spread(texts: list[str], start_ms: int, end_ms: int | None, speaker: str = "") -> list[Word]:
    """Words spread evenly from one time to another; at WORD_MS each if no end after the start is known."""
    if end_ms is None or end_ms < start_ms:
        end_ms = start_ms + WORD_MS * len(texts)
    if len(texts) == 1:  # as nearly each word is
        return [Word(texts[0], start_ms, end_ms, speaker)]
    edges = [start_ms + (end_ms - start_ms) * i // max(1, len(texts)) for i in range(len(texts) + 1)]
    return [Word(text, edges[i], edges[i + 1], speaker) for i, text in enumerate(texts)]
