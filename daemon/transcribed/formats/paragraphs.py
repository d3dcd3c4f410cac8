"""A transcript as people read it: paragraphs, each of one speaker.

Rules: the transcript's `text` decides what was said. Words and utterances tell where paragraphs end and who speaks.
They are used only if they contain the whole text; otherwise only the text is shown, without times. There is always a
paragraph, so that the file of a recording without speech says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from transcribed.formats.languages import name_of
from transcribed.formats.sentences import with_ends
from transcribed.formats.style import Style
from transcribed.formats.transcript import duration_ms, guessed, hms, text_of, tokens
from transcribed.formats.words import Turn, Word, line

#: A silence after a sentence that makes a paragraph: long enough to be heard as one.
PAUSE_MS = 1500

#: A silence that makes a paragraph within a sentence too.
SILENCE_MS = 4000

#: Without a pause, a paragraph ends with the first sentence that brings it to so many words.
ENOUGH_WORDS = 60

#: A paragraph has at most so many words; it is then cut at the longest pause in its last `TAIL_WORDS`.
MOST_WORDS = 120
TAIL_WORDS = 60

NO_SPEECH = "(no speech was recognised)"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences. `speaker` is given only where another one begins, `words` only if their times are known."""

    speaker: str
    text: str
    words: tuple[Word, ...] = ()

    @property
    def start_ms(self) -> int | None:
        """The time at which it begins, if it is known."""
        return self.words[0].start_ms if self.words else None


def paragraphs(said: list[Turn]) -> list[Paragraph]:
    """The turns as paragraphs, at least one."""
    found: list[Paragraph] = []
    last = ""
    for turn in said:
        found += _of_turn(turn, turn[0].speaker if turn[0].speaker != last else "")
        last = turn[0].speaker
    return found or [Paragraph("", NO_SPEECH)]


def untimed_paragraphs(said: list[Turn]) -> list[Paragraph]:
    """The words as paragraphs without times, at least one."""
    return [Paragraph("", paragraph.text) for paragraph in paragraphs(said)]


def text_as_paragraphs(text: str, language: str) -> list[str]:
    """A text without times as paragraphs; none if it is empty."""
    said = with_ends(guessed({"text": text}), language)
    return [paragraph.text for paragraph in paragraphs(said)] if said else []


def speakers(found: list[Paragraph]) -> list[str]:
    """The speakers, each once, in the order of their first paragraphs."""
    return list(dict.fromkeys(paragraph.speaker for paragraph in found if paragraph.speaker))


def about(transcript: Mapping[str, Any], style: Style) -> list[str]:
    """The facts of the whole recording that are known, for people: its date, its duration, its language."""
    known_ms = duration_ms(transcript)
    duration = "" if known_ms is None else hms(known_ms)
    return [*filter(None, [" ".join(tokens(style.date)), duration, name_of(text_of(transcript, "language_code"))])]


def _of_turn(turn: Turn, speaker: str) -> Iterator[Paragraph]:
    for words in _paragraphs(turn):
        yield Paragraph(speaker, line(words), tuple(words))
        speaker = ""


def _paragraphs(turn: Turn) -> Iterator[list[Word]]:
    shortest_pause_ms = PAUSE_MS if _is_unpunctuated(turn) else SILENCE_MS
    begin = 0
    for index, (word, following) in enumerate(pairwise(turn), 1):
        pause_ms = following.start_ms - word.end_ms
        is_full = pause_ms > PAUSE_MS or index - begin >= ENOUGH_WORDS
        if pause_ms > shortest_pause_ms or (word.ends and is_full):
            yield turn[begin:index]
            begin = index
        elif index - begin >= MOST_WORDS:
            cut = _longest_pause(turn, index)
            yield turn[begin:cut]
            begin = cut
    yield turn[begin:]


def _is_unpunctuated(turn: Turn) -> bool:
    """True if its sentences cannot be told apart: there are too few ends for people's sentences."""
    return sum(word.ends for word in turn) * MOST_WORDS < len(turn)


def _longest_pause(turn: Turn, end: int) -> int:
    """The place of the longest pause before the words up to `end` are cut, the latest of equal ones."""
    return max(range(end - TAIL_WORDS + 1, end + 1), key=lambda at: (turn[at].start_ms - turn[at - 1].end_ms, at))
